//! The leave that each operation needs.
//!
//! Decides nothing, but refuses callers of a kind that AWS never lets in, whatever their policies say.

use identity::outbound::ALGORITHMS;
use identity::{FederatedUser, Principal};
use service::{Access, AccessRequest, RoleTarget};

use crate::api::{
    AssumeRoleRequest, AssumeRoleWithWebIdentityRequest, AssumeRootRequest,
    DecodeAuthorizationMessageRequest, GetAccessKeyInfoRequest, GetCallerIdentityRequest,
    GetFederationTokenRequest, GetSessionTokenRequest, GetWebIdentityTokenRequest,
};
use crate::operations::root_session::Asked;
use crate::operations::{identity_token, second_factor};
use crate::{Error, Sts};

type Outcome = Result<Access, Error>;

/// Whoever can sign may learn who they are.
pub(crate) fn caller_identity(_: &Sts, _: &AccessRequest<'_, GetCallerIdentityRequest>) -> Outcome {
    Ok(Access::open("AWS lets every signed caller ask who they are; no policy can forbid it"))
}

pub(crate) fn session_token(_: &Sts, request: &AccessRequest<'_, GetSessionTokenRequest>) -> Outcome {
    match request.principal {
        Principal::Root(root) if root.session.is_none() => {}
        Principal::User(user) if user.session.is_none() => {}
        Principal::Root(_) | Principal::User(_) | Principal::AssumedRole(_) => {
            return Err(Error::denied("Cannot call GetSessionToken with session credentials"));
        }
        Principal::FederatedUser(_)
        | Principal::Service(_)
        | Principal::WebIdentity(_)
        | Principal::Anonymous => {
            return Err(Error::denied("Cannot call GetSessionToken without credentials of a user"));
        }
    }
    Ok(Access::open("a user's long-term key may always be turned into a session of the same rights"))
}

pub(crate) fn key_info(_: &Sts, request: &AccessRequest<'_, GetAccessKeyInfoRequest>) -> Outcome {
    refuse_key_sessions(request.principal)?;
    Ok(Access::to("sts:GetAccessKeyInfo", "*"))
}

pub(crate) fn decode(_: &Sts, request: &AccessRequest<'_, DecodeAuthorizationMessageRequest>) -> Outcome {
    refuse_key_sessions(request.principal)?;
    Ok(Access::to("sts:DecodeAuthorizationMessage", "*"))
}

/// Leave of a user, or of the root user, to lend its rights under a name.
pub(crate) fn federation_token(_: &Sts, request: &AccessRequest<'_, GetFederationTokenRequest>) -> Outcome {
    let is_key = match request.principal {
        Principal::Root(root) => root.session.is_none(),
        Principal::User(user) => user.session.is_none(),
        _ => true,
    };
    if !is_key || matches!(request.principal, Principal::AssumedRole(_) | Principal::FederatedUser(_)) {
        return Err(Error::denied("Cannot call GetFederationToken with session credentials"));
    }
    let input = request.input;
    let name = FederatedUser::new(request.account, input.name.as_str(), None);
    let arn = Principal::FederatedUser(name).arn().to_owned();
    let requested = || input.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let access = Access::to("sts:GetFederationToken", arn.as_str()).request_tags(requested());
    if requested().next().is_none() {
        return Ok(access);
    }
    Ok(access.and(Access::to("sts:TagSession", arn).request_tags(requested())))
}

/// Leave to be vouched for, to these audiences, for that long; and to add claims of one's own, where some are asked for.
pub(crate) fn identity_token(_: &Sts, request: &AccessRequest<'_, GetWebIdentityTokenRequest>) -> Outcome {
    refuse_key_sessions(request.principal)?;
    let input = request.input;
    let secs = input.duration_seconds.unwrap_or(identity_token::SECS_DEFAULT);
    if !ALGORITHMS.contains(&input.signing_algorithm.as_str()) {
        return Err(Error::ValidationError("SigningAlgorithm must be one of RS256 and ES384.".to_owned()));
    }
    let requested = || input.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let access = Access::to("sts:GetWebIdentityToken", "*")
        .when("sts:IdentityTokenAudience", input.audience.iter().map(String::as_str))
        .when("sts:SigningAlgorithm", [input.signing_algorithm.as_str()])
        .when("sts:DurationSeconds", [secs.to_string()])
        .request_tags(requested());
    if requested().next().is_none() {
        return Ok(access);
    }
    Ok(access.and(Access::to("sts:TagGetWebIdentityToken", "*").request_tags(requested())))
}

/// Leave to act in the place of a member's root user. The member's side is what its organization lets its administrators do,
/// outside of any policy.
pub(crate) fn assume_root(sts: &Sts, request: &AccessRequest<'_, AssumeRootRequest>) -> Outcome {
    let asked = Asked::of(request.input)?;
    if matches!(request.principal, Principal::Root(_)) {
        return Err(asked.refused(request.principal));
    }
    refuse_key_sessions(request.principal)?;
    let leave = sts.directory.root_access(request.account, asked.target, asked.task_policy)?;
    Ok(Access::to("sts:AssumeRoot", asked.arn())
        .owned_by(asked.target)
        .granted(leave.map(|organization| organization.id))
        .when("sts:TaskPolicyArn", [asked.task_policy]))
}

/// A session of a user, made without a second factor, may call `AssumeRole` and `GetCallerIdentity` and nothing else
/// of this API.
fn refuse_key_sessions(principal: &Principal) -> Result<(), Error> {
    let session = match principal {
        Principal::Root(root) => root.session.as_ref(),
        Principal::User(user) => user.session.as_ref(),
        // As in AWS, a federated user may ask who it is, and nothing else of this API.
        Principal::FederatedUser(_) => return Err(Error::invalid_token()),
        _ => None,
    };
    if session.is_some_and(|session| !session.mfa) { Err(Error::invalid_token()) } else { Ok(()) }
}

/// Leave to assume the role; to tag the session and to set its source identity, where that is asked or inherited. The role's
/// trust policy has its say in each.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining>
pub(crate) fn assume_role(sts: &Sts, request: &AccessRequest<'_, AssumeRoleRequest>) -> Outcome {
    let input = request.input;
    if matches!(request.principal, Principal::Root(_)) {
        return Err(Error::denied("Roles may not be assumed by root accounts."));
    }
    if matches!(request.principal, Principal::FederatedUser(_)) {
        return Err(Error::denied("Cannot call AssumeRole with the credentials of a federated user."));
    }
    let target = find(sts, request, &input.role_arn, &input.role_session_name)?;

    let factor = second_factor::given(input.serial_number.as_deref(), input.token_code.as_deref())?;
    if let Some(factor) = &factor {
        factor.check(sts, request.principal, request.now)?;
    }
    let leave = |action| {
        let access = check(action, request, &target);
        match (&factor, request.principal) {
            // A session's own key says how it began; the code speaks for a long-term key only.
            (Some(_), Principal::User(user)) if user.session.is_none() => {
                access.when("aws:MultiFactorAuthPresent", ["true"]).when("aws:MultiFactorAuthAge", ["0"])
            }
            _ => access,
        }
    };
    // SECURITY: what a session hands on to the next is set there like what is asked for: a role whose trust policy lets
    // nobody set tags has none that its callers, of other accounts too, brought along.
    let (inherits_tags, inherits_identity) = match request.principal {
        Principal::AssumedRole(session) => {
            (!session.transitive_tags.is_empty(), session.source_identity.is_some())
        }
        _ => (false, false),
    };
    let mut access = leave("sts:AssumeRole");
    if inherits_tags || input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        access = access.and(leave("sts:TagSession"));
    }
    if inherits_identity || input.source_identity.is_some() {
        access = access.and(leave("sts:SetSourceIdentity"));
    }
    Ok(access)
}

fn find<'a, I>(
    sts: &Sts,
    request: &AccessRequest<'_, I>,
    arn: &'a str,
    session_name: &'a str,
) -> Result<RoleTarget<'a>, Error> {
    let target = RoleTarget::find(request.records, &sts.directory, arn, session_name)?;
    target.ok_or_else(|| Error::ValidationError(format!("{arn} is invalid")))
}

/// Leave of whom a token proved, by the role's trust policy alone; the tags and the source identity are the token's.
pub(crate) fn web_identity(
    sts: &Sts,
    request: &AccessRequest<'_, AssumeRoleWithWebIdentityRequest>,
) -> Outcome {
    let input = request.input;
    let Principal::WebIdentity(web) = request.principal else {
        return Err(Error::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity"));
    };
    let target = find(sts, request, &input.role_arn, &input.role_session_name)?;
    let leave = |action| {
        let mut access = target.leave(action);
        if let Some(source) = &web.source_identity {
            access = access.when("sts:SourceIdentity", [source.as_str()]);
        }
        if !web.transitive_tags.is_empty() {
            access = access.when("sts:TransitiveTagKeys", web.transitive_tags.iter().map(String::as_str));
        }
        access.request_tags(web.session_tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    };
    let mut access = leave("sts:AssumeRoleWithWebIdentity");
    if !web.session_tags.is_empty() {
        access = access.and(leave("sts:TagSession"));
    }
    if web.source_identity.is_some() {
        access = access.and(leave("sts:SetSourceIdentity"));
    }
    Ok(access)
}

fn check(
    action: &'static str,
    request: &AccessRequest<'_, AssumeRoleRequest>,
    target: &RoleTarget<'_>,
) -> Access {
    let input = request.input;
    let mut access = target.leave(action);
    if let Some(id) = &input.external_id {
        access = access.when("sts:ExternalId", [id.as_str()]);
    }
    if let Some(source) = &input.source_identity {
        access = access.when("sts:SourceIdentity", [source.as_str()]);
    }
    if let Some(keys) = &input.transitive_tag_keys {
        access = access.when("sts:TransitiveTagKeys", keys.iter().map(String::as_str));
    }
    let requested = input.tags.iter().flatten();
    access.request_tags(requested.map(|tag| (tag.key.as_str(), tag.value.as_str())))
}
