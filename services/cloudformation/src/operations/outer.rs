//! What the stack around a nested one asks of it.
//!
//! Changes nothing.

use service::Call;

use crate::CloudFormation;
use crate::error::Error;
use crate::records::{OperationKind, Phase, StackRecord};
use crate::stacks;

/// The id of the stack as whose resource a call is made, and the resource's: only the platform itself marks what it calls.
pub(crate) fn caller(call: &Call) -> Option<(String, String)> {
    let marks = call.marks();
    let mark = |name: &str| marks.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Some((mark("aws:cloudformation:stack-id")?, mark("aws:cloudformation:logical-id")?))
}

/// True where the stack around this one makes the call.
pub(crate) fn calls(call: &Call, stack: &StackRecord) -> bool {
    caller(call).is_some_and(|(id, _)| stack.parent_id == Some(id))
}

/// On which way the stack around this one is, where it makes the call as a part of an update of its own.
pub(crate) fn way(state: &CloudFormation, call: &Call, stack: &StackRecord) -> Result<Option<Phase>, Error> {
    let Some(id) = stack.parent_id.as_ref().filter(|_| calls(call, stack)) else { return Ok(None) };
    let outer = stacks::by_id(&state.store, stack.account, &stack.region, id)?;
    let operation = outer.and_then(|outer| outer.operation);
    Ok(operation.filter(|begun| begun.kind == OperationKind::Update).map(|begun| begun.phase))
}
