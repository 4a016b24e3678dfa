//! Temporary credentials of a role.
//!
//! That the role trusts the caller was decided before; here the session is made, and made no wider than asked.

use std::sync::Arc;

use ::identity::records::RoleRecord;
use ::identity::{AssumedRole, DirectoryError, Principal, RoleSession, Session, Subject};
use base::AccountId;
use policy::PolicyKind;
use service::{Call, Permit};

use super::{credentials, moment, second_factor};
use crate::api::{self, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser};
use crate::{Error, Sts, model};

pub(crate) async fn assume_role(
    sts: Arc<Sts>,
    permit: Permit<api::AssumeRole>,
) -> Result<AssumeRoleResponse, Error> {
    let Permit { input, call, .. } = permit;
    refuse_unsupported(&input)?;
    let factor = second_factor::given(input.serial_number.as_deref(), input.token_code.as_deref())?;
    if let Some(factor) = factor {
        factor.use_up(&sts, &call).await?;
    }
    let (account, role) = sts.directory.role_by_arn(&input.role_arn)?.ok_or_else(|| gone(&call, &input))?;
    let caller = caller_session(&call);
    let secs = model::role_session_secs(input.duration_seconds, role.session_secs_max, caller.is_some())?;
    let (role_session, packed) = role_session(&sts, account, &role, caller, input)?;
    let source_identity = role_session.source_identity.clone();
    let principal = AssumedRole::new(
        account,
        role.path.as_str(),
        role.name.as_str(),
        role.role_id.as_str(),
        role_session.session_name.as_str(),
    );
    let session = Session {
        account,
        subject: Subject::Role(Box::new(role_session)),
        issued_at: moment(&call),
        expires_at: moment(&call).plus_secs(secs),
        mfa: false,
    };
    let made = sts.directory.tokens().issue(&session).map_err(DirectoryError::from)?;
    Ok(AssumeRoleResponse {
        credentials: Some(credentials(&made)),
        assumed_role_user: Some(AssumedRoleUser {
            assumed_role_id: principal.user_id().to_owned(),
            arn: Principal::AssumedRole(principal).arn().to_owned(),
        }),
        packed_policy_size: packed,
        source_identity,
    })
}

fn refuse_unsupported(input: &AssumeRoleRequest) -> Result<(), Error> {
    if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
        return Err(Error::ValidationError("ProvidedContexts is not supported.".to_owned()));
    }
    Ok(())
}

/// The role went away between decision and work: the same words as if it had never been.
fn gone(call: &Call, input: &AssumeRoleRequest) -> Error {
    Error::denied(&format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
        call.principal().arn(),
        input.role_arn
    ))
}

fn caller_session(call: &Call) -> Option<&AssumedRole> {
    match &**call.principal() {
        Principal::AssumedRole(role) => Some(role),
        _ => None,
    }
}

fn role_session(
    sts: &Sts,
    account: AccountId,
    role: &RoleRecord,
    caller: Option<&AssumedRole>,
    input: AssumeRoleRequest,
) -> Result<(RoleSession, Option<i64>), Error> {
    let policy_arns: Vec<String> =
        input.policy_arns.into_iter().flatten().filter_map(|descriptor| descriptor.arn).collect();
    for arn in &policy_arns {
        // SECURITY: a session policy that cannot be read would narrow nothing; refuse it while someone is there to hear.
        if sts.directory.managed_policy(account, arn, PolicyKind::Session)?.is_none() {
            return Err(Error::ValidationError(format!("The specified policy {arn} does not exist.")));
        }
    }
    let (caller_tags, caller_transitive, caller_identity) = caller
        .map(|caller| (&*caller.session_tags, &*caller.transitive_tags, caller.source_identity.clone()))
        .unwrap_or_default();
    let asked = input.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect();
    let transitive = input.transitive_tag_keys.unwrap_or_default();
    let tags = model::session_tags(asked, transitive, caller_tags, caller_transitive)?;
    let packed = model::packed_size(input.policy.as_deref(), &policy_arns, &tags.tags)?;
    let source_identity = match (caller_identity, input.source_identity) {
        (Some(inherited), Some(asked)) if inherited != asked => {
            return Err(Error::denied("The SourceIdentity of a session cannot be changed by role chaining."));
        }
        (inherited, asked) => inherited.or(asked),
    };
    let session = RoleSession {
        role_name: role.name.clone(),
        role_id: role.role_id.clone(),
        session_name: input.role_session_name,
        policies: input.policy.into_iter().collect(),
        policy_arns,
        tags: tags.tags,
        transitive_tags: tags.transitive,
        source_identity,
        source_environment: None,
        source_function: None,
        chained: caller.is_some(),
    };
    Ok((session, packed))
}
