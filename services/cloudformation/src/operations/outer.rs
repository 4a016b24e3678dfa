//! What a stack that is nested owes to the one around it: on that one's way back it is again what it was before.
//!
//! Changes nothing. The template at the nested stack's address is not asked for what it was: it may be another one by now.

use service::Call;

use crate::CloudFormation;
use crate::error::Error;
use crate::model;
use crate::records::{Content, FormerRecord, OperationKind, Phase, StackRecord};
use crate::stacks;

/// The attribute of a nested stack's resource that tells which of its operations it stands behind.
pub(crate) const OPERATION: &str = "OperationId";

/// What the stack around asks of one of its resources.
pub(crate) enum Turn {
    /// What the call says.
    Forward,
    /// What it was.
    Back(Box<Content>),
    /// Nothing: it is what it was.
    Nothing,
}

/// The id of the stack as whose resource a call is made, and the resource's: only the platform itself marks what it calls.
pub(crate) fn caller(call: &Call) -> Option<(String, String)> {
    let marks = call.marks();
    let mark = |name: &str| marks.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Some((mark("aws:cloudformation:stack-id")?, mark("aws:cloudformation:logical-id")?))
}

/// The stack around this one and where its resource stands, where the call is made by it.
fn around(
    state: &CloudFormation,
    call: &Call,
    stack: &StackRecord,
) -> Result<Option<(StackRecord, Option<String>)>, Error> {
    let Some((id, logical_id)) = caller(call).filter(|(id, _)| stack.parent_id.as_ref() == Some(id)) else {
        return Ok(None);
    };
    let Some(outer) = stacks::by_id(&state.store, stack.account, &stack.region, &id)? else {
        return Ok(None);
    };
    let records = stacks::resources(&state.store, &id)?;
    let record = records.into_iter().find(|record| record.logical_id == logical_id);
    let stands = record.and_then(|record| record.before.or(record.physical));
    let stands = stands.and_then(|stands| stands.attributes.get(OPERATION)?.as_str().map(str::to_owned));
    Ok(Some((outer, stands)))
}

/// What an update of a nested stack is to do.
pub(crate) fn turn(state: &CloudFormation, call: &Call, stack: &StackRecord) -> Result<Turn, Error> {
    let Some((outer, stands)) = around(state, call, stack)? else { return Ok(Turn::Forward) };
    let Some(operation) = outer.operation.as_ref().filter(|begun| begun.kind == OperationKind::Update) else {
        return Ok(Turn::Forward);
    };
    let back = |former: Option<&FormerRecord>| {
        former.map_or(Turn::Nothing, |former| Turn::Back(Box::new(former.content.clone())))
    };
    if operation.phase == Phase::Rollback {
        // A stack that was made before it was noted where it stands is asked for what the template says.
        let Some(stands) = stands else { return Ok(Turn::Forward) };
        return Ok(back(stack.former.as_ref().filter(|former| former.stands == stands)));
    }
    match undone_by(&outer) {
        Some(undone) => Ok(back(before(stack, undone))),
        None => Ok(Turn::Forward),
    }
}

/// What the stack around goes back to, where it is itself on its way back to what it was before some of its operations: those
/// are undone here too.
fn undone_by(outer: &StackRecord) -> Option<&FormerRecord> {
    let operation = outer.operation.as_ref()?;
    let goes_back = operation.phase != Phase::Rollback && operation.asked.as_deref() == Some(model::WAY_BACK);
    outer.former.as_ref().filter(|_| goes_back)
}

/// What a nested stack was before the operations of the one around it that are undone; it may have been told so before.
fn before<'a>(stack: &'a StackRecord, undone: &FormerRecord) -> Option<&'a FormerRecord> {
    let last = stack.former.as_ref()?;
    [last.undone.as_deref(), Some(last)].into_iter().flatten().find(|former| former.by > undone.operations)
}

/// What is to be kept of a nested stack before the one around changes it: the same for all tries of it.
pub(crate) fn kept(
    state: &CloudFormation,
    call: &Call,
    stack: &StackRecord,
) -> Result<Option<FormerRecord>, Error> {
    let Some((outer, Some(stands))) = around(state, call, stack)? else { return Ok(stack.former.clone()) };
    if stack.former.as_ref().is_some_and(|former| former.stands == stands) {
        return Ok(stack.former.clone());
    }
    let content = stack.firm.as_ref().unwrap_or(&stack.content).clone();
    // SECURITY: a way back is begun again where the platform was stopped on it. What it goes to must not become what the stack
    // was half-way, or the next try takes the way back itself back.
    let first = undone_by(&outer).and_then(|undone| before(stack, undone)).cloned();
    let undone = first.map(|former| Box::new(FormerRecord { undone: None, ..former }));
    Ok(Some(FormerRecord { stands, operations: stack.operations, by: outer.operations, content, undone }))
}
