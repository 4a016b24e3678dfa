//! A signed web token that says who calls, for others to check.
//!
//! It says what was proven of the caller and what its own account wrote down, and gives no right here. The account must
//! have been switched on as an issuer; no token outlives the session that asks for it.

use std::sync::Arc;

use ::identity::outbound::{self, TokenSigningError};
use ::identity::records::{OutboundRecord, TokenKeyRecord, keys};
use ::identity::{Principal, context};
use base::{AccountId, Timestamp};
use serde_json::{Map, Value, json};
use service::{Call, Permit};
use tokio::task::spawn_blocking;

use super::moment;
use crate::api::{GetWebIdentityToken, GetWebIdentityTokenRequest, GetWebIdentityTokenResponse, Tag};
use crate::{Error, Sts, model};

/// How long a token is good where nobody says.
pub(crate) const SECS_DEFAULT: i64 = 300;
/// The largest claims, in bytes of JSON: what fits, encoded, into the longest token that is taken here.
const CLAIMS_BYTES_MAX: usize = 12 * 1_024;
/// The claim that holds what is AWS's.
const NAMESPACE: &str = "https://sts.amazonaws.com/";

fn disabled() -> Error {
    Error::OutboundWebIdentityFederationDisabled(
        "Outbound web identity federation is not enabled for this account.".to_owned(),
    )
}

fn load(from: &impl ::identity::Reads, account: AccountId) -> Result<OutboundRecord, Error> {
    let record: Option<OutboundRecord> = from.record(keys::OUTBOUND, &keys::account(account))?;
    record.filter(|record| record.enabled).ok_or_else(disabled)
}

pub(crate) async fn web_identity_token(
    sts: Arc<Sts>,
    permit: Permit<GetWebIdentityToken>,
) -> Result<GetWebIdentityTokenResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = load(sts.directory.store(), call.account())?;
    let issued_at = moment(&call);
    let expires_at = issued_at.plus_secs(input.duration_seconds.unwrap_or(SECS_DEFAULT));
    if session_end(call.principal()).is_some_and(|end| expires_at > end) {
        return Err(Error::SessionDurationEscalation(
            "The requested token duration would extend the session beyond its original expiration time."
                .to_owned(),
        ));
    }
    let tags = request_tags(&input)?;
    let claims = claims(&sts, &call, &record, &input.audience, &tags, (issued_at, expires_at))?;
    let size = claims.to_string().len();
    if size > CLAIMS_BYTES_MAX {
        return Err(Error::JwtPayloadSizeExceeded(format!(
            "The requested token payload of {size} bytes exceeds the maximum of {CLAIMS_BYTES_MAX}."
        )));
    }
    let key = match record.key(&input.signing_algorithm, call.now()) {
        Some(key) => key.clone(),
        None => renewed(&sts, &call, &input.signing_algorithm).await?,
    };
    // Off the threads that calls wait for: signing with RSA takes a while.
    let token = spawn_blocking(move || key.sign(&claims)).await.map_err(Call::internal::<Error>)?;
    Ok(GetWebIdentityTokenResponse {
        web_identity_token: Some(token.map_err(Call::internal::<Error>)?.into()),
        expiration: Some(expires_at),
    })
}

/// When the caller's session ends, where it is one.
fn session_end(principal: &Principal) -> Option<Timestamp> {
    match principal {
        Principal::Root(root) => root.session.as_ref().map(|session| session.expires_at),
        Principal::User(user) => user.session.as_ref().map(|session| session.expires_at),
        Principal::AssumedRole(role) => Some(role.expires_at),
        Principal::FederatedUser(user) => Some(user.expires_at),
        Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => None,
    }
}

/// A new key in the place of one that signed for long enough.
async fn renewed(sts: &Sts, call: &Call, algorithm: &str) -> Result<TokenKeyRecord, Error> {
    let (name, now) = (algorithm.to_owned(), call.now());
    let made = spawn_blocking(move || outbound::new_key(&name, now)).await;
    let made = made.map_err(Call::internal::<Error>)?.map_err(Call::internal::<Error>)?;
    call.transact(|transaction| {
        let mut edit = sts.directory.edit(transaction, call.account());
        let mut record = load(&edit, call.account())?;
        // Somebody else may have been faster: one new key is enough.
        if record.key(algorithm, now).is_none() {
            record.renew(made, now);
            edit.put(keys::OUTBOUND, &keys::account(call.account()), &record)?;
        }
        let key = record.key(algorithm, now).cloned();
        key.ok_or_else(|| Call::internal(TokenSigningError::NoKey))
    })
    .await
}

fn request_tags(input: &GetWebIdentityTokenRequest) -> Result<Vec<(String, String)>, Error> {
    let pair = |tag: &Tag| (tag.key.clone(), tag.value.clone());
    let asked = input.tags.iter().flatten().map(pair).collect();
    Ok(model::session_tags(asked, Vec::new(), &[], &[])?.tags)
}

fn object<'t>(pairs: impl IntoIterator<Item = (&'t str, &'t str)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), json!(value))).collect())
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html>
fn claims(
    sts: &Sts,
    call: &Call,
    record: &OutboundRecord,
    audience: &[String],
    tags: &[(String, String)],
    (issued_at, expires_at): (Timestamp, Timestamp),
) -> Result<Value, Error> {
    let principal = &**call.principal();
    // As in AWS, a session of a role is its role's.
    let subject = match principal {
        Principal::AssumedRole(role) => role.role_arn(),
        other => other.arn(),
    };
    let mut own = Map::new();
    let mut tell = |name: &str, value: Value| drop(own.insert(name.to_owned(), value));
    tell("aws_account", json!(call.account().as_str()));
    tell("source_region", json!(call.region().as_str()));
    tell("principal_id", json!(subject));
    let governance = sts.directory.governance(call.account())?;
    if let (Some(id), Some(path)) = (governance.organization(), governance.path()) {
        tell("org_id", json!(id));
        tell("ou_path", json!([path]));
    }
    let principal_tags = context::tags_of(principal);
    if !principal_tags.is_empty() {
        tell("principal_tags", object(principal_tags));
    }
    if let Some(end) = session_end(principal) {
        tell("original_session_exp", json!(end.iso8601_secs()));
    }
    if let Principal::AssumedRole(role) = principal {
        let provider = role.federated_by.as_ref().map(|by| &by.provider);
        for (name, value) in [
            ("source_identity", role.source_identity.as_ref()),
            ("federated_provider", provider),
            ("lambda_source_function_arn", role.source_function.as_ref()),
        ] {
            if let Some(value) = value {
                tell(name, json!(value));
            }
        }
    }
    if !tags.is_empty() {
        tell("request_tags", object(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
    }
    let audience = match audience {
        [only] => json!(only),
        several => json!(several),
    };
    Ok(json!({
        "iss": sts.directory.issuer(record),
        "aud": audience,
        "sub": subject,
        "iat": issued_at.secs(),
        "exp": expires_at.secs(),
        "jti": crypto::random::uuid(),
        NAMESPACE: own,
    }))
}
