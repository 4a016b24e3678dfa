//! The role with which a stack is made: its session, by the same `sts:AssumeRole` that everyone uses.
//!
//! Decides nothing: that the caller may pass the role is asked by access, that the role trusts this service by STS.

use std::sync::Arc;

use identity::{CredentialSource, Principal};
use protocol::{Structure, Value};
use service::{Call, Source};

use crate::caller::SERVICE;
use crate::error::Error;
use crate::records::{OperationRecord, StackRecord};

/// Makes an operation act with the stack's role, where it has one; one that is given now stays the stack's.
///
/// # Errors
/// The role cannot be assumed.
pub(crate) async fn act(
    call: &Call,
    stack: &mut StackRecord,
    given: Option<String>,
    begun: &mut OperationRecord,
) -> Result<(), Error> {
    if given.is_some() {
        stack.role_arn = given;
    }
    if let Some(session) = session(call, stack).await? {
        begun.principal = session;
    }
    Ok(())
}

/// A session of the stack's role, where it has one.
///
/// # Errors
/// The role cannot be assumed.
pub(crate) async fn session(call: &Call, stack: &StackRecord) -> Result<Option<Principal>, Error> {
    let Some(role) = &stack.role_arn else { return Ok(None) };
    let session = assume(call, &stack.id, role).await;
    let refused = || Error::Validation(format!("Role {role} is invalid or cannot be assumed"));
    session.map(Some).ok_or_else(refused)
}

// SECURITY: the role is of the stack's own account: a role that trusts this service does not mean everybody's stacks.
async fn assume(call: &Call, stack_id: &str, role_arn: &str) -> Option<Principal> {
    if identity::RoleName::parse(role_arn)?.account != call.account() {
        return None;
    }
    let input = Structure::new().with("RoleArn", role_arn).with("RoleSessionName", "AWSCloudFormation");
    let service = Arc::new(Principal::service(SERVICE, stack_id, call.account()));
    let pipeline = call.pipeline();
    let source = Source::platform(SERVICE);
    let answer =
        Box::pin(pipeline.invoke(service, source, "sts", "AssumeRole", Value::Structure(input))).await;
    let answer = answer.inspect_err(|fault| {
        tracing::warn!(code = %fault.code, message = fault.message, "a stack's role was not assumed");
    });
    let Ok(Value::Structure(answer)) = answer else { return None };
    let Some(Value::Structure(credentials)) = answer.get("Credentials") else { return None };
    let (key, token) = (credentials.str("AccessKeyId")?, credentials.str("SessionToken")?);
    let credential = pipeline.directory().credential(key, Some(token), call.now()).ok()?;
    Some((*credential.principal).clone())
}
