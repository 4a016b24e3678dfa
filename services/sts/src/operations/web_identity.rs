//! Temporary credentials of a role, for whom an identity provider's token speaks of.
//!
//! The call is not signed: the token proves who calls, or nobody does. What the token's holder may do is the role's trust
//! policy's to say, afterwards, in the pipeline.

use std::sync::Arc;

use ::identity::records::{OidcProviderRecord, keys};
use ::identity::web_identity::{ClaimError, Claims, IssuerError, Token};
use ::identity::{FederatedBy, Principal, Reads as _, RoleName, WebIdentity};
use base::{AccountId, Timestamp};
use service::Permit;

use super::credentials;
use super::role_session::{self, Asked};
use crate::api::{
    AssumeRoleWithWebIdentity, AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse,
};
use crate::{Error, Sts, model};

/// The claims that stay with the session as condition keys; `aud` is told apart.
const SESSION_KEYS: [&str; 2] = ["sub", "amr"];
/// Claims that trust policies may ask for besides, at the door and not afterwards.
const DOOR_KEYS: [&str; 1] = ["email"];
/// The same of issuers that have more of them.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>
const ISSUERS_OWN_KEYS: [(&str, &[&str]); 1] = [(
    "token.actions.githubusercontent.com",
    &[
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "workflow",
    ],
)];
/// The most values of one claim.
const VALUES_MAX: usize = 50;

fn invalid(message: &str) -> Error {
    Error::InvalidIdentityToken(message.to_owned())
}

/// Whom the token proves.
// SECURITY: nothing of the account is looked at before the token is found genuine: a stranger learns from this call neither
// which accounts there are nor which providers they registered.
pub(crate) async fn prove(
    sts: Arc<Sts>,
    input: AssumeRoleWithWebIdentityRequest,
    now: Timestamp,
) -> Result<Principal, Error> {
    let Some(RoleName { account, .. }) = RoleName::parse(&input.role_arn) else {
        return Err(Error::ValidationError(format!("{} is invalid", input.role_arn)));
    };
    if input.provider_id.is_some() {
        return Err(Error::ValidationError(
            "ProviderId goes with OAuth 2.0 access tokens, which are not offered here; an OpenID Connect ID token \
             needs none."
                .to_owned(),
        ));
    }
    let text = input.web_identity_token.expose();
    let token = Token::parse(text).map_err(|_| {
        invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    })?;
    sts.issuers.vouch(&token, now).await.map_err(unvouched)?;
    let claims = token.claims();
    in_its_time(claims, now)?;
    let provider = registered(&sts, account, claims)?;
    let audience = claims.audience().filter(|audience| provider.client_ids.iter().any(|id| id == audience));
    let audience = audience.ok_or_else(|| invalid("Incorrect token audience"))?;
    Ok(Principal::WebIdentity(named(account, &provider, claims, audience)?))
}

fn unvouched(error: IssuerError) -> Error {
    match error {
        IssuerError::NoKey => invalid(
            "Couldn't retrieve verification key from your identity provider, please reference \
             AssumeRoleWithWebIdentity documentation for requirements",
        ),
        IssuerError::Forged => {
            invalid("The ID Token provided could not be validated: its signature is invalid")
        }
        IssuerError::Unreachable => Error::IdpCommunication(
            "The identity provider could not be reached to verify the incoming identity token.".to_owned(),
        ),
    }
}

fn in_its_time(claims: &Claims, now: Timestamp) -> Result<(), Error> {
    claims.check(now).map_err(|error| match error {
        ClaimError::Expired { at_secs } => Error::ExpiredToken(format!(
            "Token expired: current date/time {} must be before the expiration date/time {at_secs}",
            now.secs()
        )),
        ClaimError::Early => invalid("The ID Token provided is not valid yet"),
    })
}

fn registered(sts: &Sts, account: AccountId, claims: &Claims) -> Result<OidcProviderRecord, Error> {
    let issuer = claims.issuer();
    let url = issuer.strip_prefix("https://").unwrap_or(issuer);
    let record: Option<OidcProviderRecord> =
        sts.directory.store().record(keys::OIDC_PROVIDERS, &keys::provider(account, url))?;
    record.ok_or_else(|| invalid(&format!("No OpenIDConnect provider found in your account for {issuer}")))
}

fn named(
    account: AccountId,
    provider: &OidcProviderRecord,
    claims: &Claims,
    audience: &str,
) -> Result<WebIdentity, Error> {
    let url = provider.url.as_str();
    let session = claims
        .session()
        .ok_or_else(|| invalid("The session tags or the source identity of the ID Token are malformed"))?;
    model::check_token_claims(&session)?;
    let mut web = WebIdentity::new(
        account,
        OidcProviderRecord::arn(account, url),
        claims.subject().to_owned(),
        audience.to_owned(),
    );
    let own = ISSUERS_OWN_KEYS.iter().filter(|(issuer, _)| *issuer == url).flat_map(|(_, keys)| *keys);
    for key in SESSION_KEYS.iter().chain(&DOOR_KEYS).chain(own) {
        let values = claims.values(key);
        if values.len() > VALUES_MAX {
            return Err(invalid(&format!("The claim {key} of the ID Token has too many values")));
        }
        if !values.is_empty() {
            web.claims.push((format!("{url}:{key}"), values));
        }
    }
    web.claims.push((format!("{url}:aud"), vec![audience.to_owned()]));
    // Where the token names whom it was made out to, that is the audience, and whom it is for is told apart.
    if !claims.values("azp").is_empty() {
        web.claims.push((format!("{url}:oaud"), claims.values("aud")));
    }
    web.session_tags = session.tags;
    web.transitive_tags = session.transitive;
    web.source_identity = session.source_identity;
    Ok(web)
}

/// The keys that stay with the session.
fn kept(web: &WebIdentity) -> FederatedBy {
    let stays =
        |key: &str| SESSION_KEYS.iter().chain(&["aud"]).any(|name| key.ends_with(&format!(":{name}")));
    let claims = web.claims.iter().filter(|(key, _)| stays(key)).cloned().collect();
    FederatedBy { provider: web.provider.clone(), claims }
}

pub(crate) async fn assume_role(
    sts: Arc<Sts>,
    permit: Permit<AssumeRoleWithWebIdentity>,
) -> Result<AssumeRoleWithWebIdentityResponse, Error> {
    let Permit { input, call, .. } = permit;
    let refused = || Error::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let Principal::WebIdentity(web) = &**call.principal() else { return Err(refused()) };
    // Gone between decision and work: the same words as if it had never been.
    let (account, role) =
        ::identity::Directory::role_in(&call.view()?, &input.role_arn)?.ok_or_else(refused)?;
    let secs = model::role_session_secs(input.duration_seconds, role.session_secs_max, false)?;
    let asked = Asked {
        session_name: input.role_session_name,
        policy: input.policy,
        policy_arns: input.policy_arns,
        tags: web.session_tags.clone(),
        transitive_tags: web.transitive_tags.clone(),
        source_identity: web.source_identity.clone(),
        federated_by: Some(kept(web)),
        // Doors let nobody in without a signature.
        began_in: None,
    };
    let (session, packed) = role_session::of(&sts, account, &role, None, asked)?;
    let source_identity = session.source_identity.clone();
    let (made, user) = role_session::begin(&sts, &call, account, &role, session, secs)?;
    Ok(AssumeRoleWithWebIdentityResponse {
        credentials: Some(credentials(&made)),
        subject_from_web_identity_token: Some(web.subject.clone()),
        assumed_role_user: Some(user),
        packed_policy_size: packed,
        provider: Some(web.provider.clone()),
        audience: Some(web.audience.clone()),
        source_identity,
    })
}
