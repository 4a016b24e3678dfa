//! Temporary credentials of a role.
//!
//! That the role trusts the caller was decided before.

use std::sync::Arc;

use ::identity::{AssumedRole, Principal};
use service::{Call, Permit};

use super::role_session::{self, Asked};
use super::{credentials, second_factor};
use crate::api::{self, AssumeRoleRequest, AssumeRoleResponse};
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
    let (account, role) =
        ::identity::Directory::role_in(&call.view()?, &input.role_arn)?.ok_or_else(|| gone(&call, &input))?;
    let caller = caller_session(&call);
    let secs = model::role_session_secs(input.duration_seconds, role.session_secs_max, caller.is_some())?;
    let asked = Asked {
        session_name: input.role_session_name,
        policy: input.policy,
        policy_arns: input.policy_arns,
        tags: input.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect(),
        transitive_tags: input.transitive_tag_keys.unwrap_or_default(),
        source_identity: input.source_identity,
        federated_by: None,
        // SECURITY: the door let in this call because the caller's session is its environment's, or began with it. The same
        // credentials used from elsewhere make sessions that no door accepts.
        began_in: call.source().door.as_ref().map(|door| door.environment_id.clone()),
    };
    let (role_session, packed) = role_session::of(&sts, account, &role, caller, asked)?;
    let source_identity = role_session.source_identity.clone();
    let (made, user) = role_session::begin(&sts, &call, account, &role, role_session, secs)?;
    Ok(AssumeRoleResponse {
        credentials: Some(credentials(&made)),
        assumed_role_user: Some(user),
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
