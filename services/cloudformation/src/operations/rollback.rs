//! Turns an update back, goes on with a way back that stopped, and brings back what was left half-way.
//!
//! Decides whether that is possible; what is done is the engine's.

use std::sync::Arc;

use service::{Call, Permit};
use store::Transaction;

use super::stacks::{Begun, begin, busy};
use super::update::take_up;
use super::{find, operation, token};
use crate::CloudFormation;
use crate::api;
use crate::engine::STACK;
use crate::error::{Error, no_stack};
use crate::model::{self, status};
use crate::records::{Change, OperationKind, OperationRecord, Phase, ResourceRecord, StackRecord};
use crate::role;
use crate::stacks;

type State = Arc<CloudFormation>;

fn live(call: &Call, name: &str) -> Result<StackRecord, Error> {
    let stack = find(&call.view()?, call, name)?.filter(|stack| stack.status != status::DELETE_COMPLETE);
    stack.ok_or_else(|| no_stack(name))
}

pub(crate) async fn cancel_update(state: State, permit: Permit<api::CancelUpdateStack>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let stack = live(&call, &input.stack_name)?;
    let refused =
        || Error::Validation("CancelUpdateStack cannot be called from current stack status".to_owned());
    let told = call
        .transact(|tx| {
            let stored = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
            let stored = stored.ok_or_else(|| no_stack(&input.stack_name))?;
            if !can_be_cancelled(&stored) {
                return Err(refused());
            }
            let mut told = Vec::new();
            set_cancelled(tx, &stored, &mut told)?;
            Ok(told)
        })
        .await?;
    for id in told {
        state.tell_cancelled(&id);
    }
    Ok(())
}

fn can_be_cancelled(stack: &StackRecord) -> bool {
    stack.status == status::UPDATE_IN_PROGRESS && stack.operation.is_some()
}

/// Writes that the update is to stop, and so what it updates in nested stacks: `told` are their ids.
// Whoever may cancel it may cancel all of it, as on AWS; whoever began it need not.
fn set_cancelled(tx: &mut Transaction<'_>, stack: &StackRecord, told: &mut Vec<String>) -> Result<(), Error> {
    stacks::set_cancelled(tx, stack, true)?;
    told.push(stack.id.clone());
    for record in stacks::resources(&*tx, &stack.id)?.iter().filter(|record| record.kind == STACK) {
        let Some(physical) = &record.physical else { continue };
        let nested = stacks::by_id(tx, stack.account, &stack.region, &physical.id)?;
        if let Some(nested) = nested.filter(|nested| can_be_cancelled(nested) && !told.contains(&nested.id)) {
            set_cancelled(tx, &nested, told)?;
        }
    }
    Ok(())
}

pub(crate) async fn continue_update(
    state: State,
    permit: Permit<api::ContinueUpdateRollback>,
) -> Result<api::ContinueUpdateRollbackOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let mut stack = live(&call, &input.stack_name)?;
    let request = token::digest(&[&"ContinueUpdateRollback", &(&input.resources_to_skip, &input.role_arn)]);
    if token::repeated(&stack, input.client_request_token.as_ref(), &request)?.is_some() {
        return Ok(api::ContinueUpdateRollbackOutput {});
    }
    if stack.status != status::UPDATE_ROLLBACK_FAILED {
        return Err(busy(&stack, "continued rolling back"));
    }
    let skip = input.resources_to_skip.unwrap_or_default();
    check_skipped(&state, &stack, &skip)?;
    let mut begun = OperationRecord {
        retain: skip,
        asked: Some("CONTINUE_ROLLBACK".to_owned()),
        ..back(&stack, operation(&call, OperationKind::Update, input.client_request_token))
    };
    role::act(&call, &mut stack, input.role_arn, &mut begun).await?;
    let ready = stack.clone();
    let edit = |next: &mut StackRecord| take_up(next, ready);
    let begun = Begun { operation: begun, request };
    let to = status::UPDATE_ROLLBACK_IN_PROGRESS;
    Box::pin(begin(&state, &call, stack, begun, to, edit)).await?;
    Ok(api::ContinueUpdateRollbackOutput {})
}

/// Only what did not go back may be skipped.
fn check_skipped(state: &CloudFormation, stack: &StackRecord, skip: &[String]) -> Result<(), Error> {
    let records = stacks::resources(&state.store, &stack.id)?;
    for id in skip {
        if is_nested(state, stack, id, &records)? {
            continue;
        }
        let record = records.iter().find(|record| record.logical_id == *id);
        if !record.is_some_and(|record| record.change == Some(Change::Updated)) {
            return Err(Error::Validation(format!(
                "The following resources to skip cannot be skipped: [{id}]. Only resources in the UPDATE_FAILED state that \
                 failed to roll back can be skipped."
            )));
        }
    }
    Ok(())
}

/// True for something in a nested stack that did not go back: `NestedStackName.LogicalId`, told by that stack's own call.
fn is_nested(
    state: &CloudFormation,
    stack: &StackRecord,
    id: &str,
    records: &[ResourceRecord],
) -> Result<bool, Error> {
    let Some((name, inner)) = id.split_once('.') else { return Ok(false) };
    for record in records.iter().filter(|record| record.kind == STACK) {
        let Some(physical) = &record.physical else { continue };
        let found = stacks::by_id(&state.store, stack.account, &stack.region, &physical.id)?;
        let Some(nested) = found.filter(|found| found.status == status::UPDATE_ROLLBACK_FAILED) else {
            continue;
        };
        if nested.name == name {
            let own = [inner.to_owned()];
            check_skipped(state, &nested, &own)?;
            return Ok(true);
        }
        let records = stacks::resources(&state.store, &nested.id)?;
        if is_nested(state, &nested, id, &records)? {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(crate) async fn roll_back(
    state: State,
    permit: Permit<api::RollbackStack>,
) -> Result<api::RollbackStackOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let mut stack = live(&call, &input.stack_name)?;
    let request = token::digest(&[&"RollbackStack", &input.role_arn, &input.retain_except_on_create]);
    if let Some(number) = token::repeated(&stack, input.client_request_token.as_ref(), &request)? {
        let operation_id = Some(model::operation_id(&stack.id, number));
        return Ok(api::RollbackStackOutput { stack_id: Some(stack.id), operation_id });
    }
    if !model::can_go_back(&stack.status) {
        return Err(busy(&stack, "rolled back"));
    }
    let (kind, to) = if !stack.stood_firm() {
        (OperationKind::Create, status::ROLLBACK_IN_PROGRESS)
    } else {
        (OperationKind::Update, status::UPDATE_ROLLBACK_IN_PROGRESS)
    };
    let mut begun = back(&stack, operation(&call, kind, input.client_request_token));
    begun.asked = Some("ROLLBACK".to_owned());
    role::act(&call, &mut stack, input.role_arn, &mut begun).await?;
    let ready = stack.clone();
    let begun = Begun { operation: begun, request };
    let edit = |next: &mut StackRecord| {
        next.retain_except_on_create = input.retain_except_on_create.unwrap_or(false);
        take_up(next, ready);
    };
    let stack = Box::pin(begin(&state, &call, stack, begun, to, edit)).await?;
    let operation_id = Some(model::operation_id(&stack.id, stack.operations));
    Ok(api::RollbackStackOutput { stack_id: Some(stack.id), operation_id })
}

/// Brings a nested stack that waits back, as a part of the way back of the stack around it.
pub(crate) async fn with_outer(
    state: State,
    call: Call,
    mut stack: StackRecord,
    (request, role_arn): (String, Option<String>),
) -> Result<api::UpdateStackOutput, Error> {
    let begun = operation(&call, OperationKind::Update, None);
    let asked = Some(model::WAY_BACK.to_owned());
    let mut begun = OperationRecord { asked, is_led: true, ..back(&stack, begun) };
    role::act(&call, &mut stack, role_arn, &mut begun).await?;
    let ready = stack.clone();
    let begun = Begun { operation: begun, request };
    let to = status::UPDATE_ROLLBACK_IN_PROGRESS;
    let stack = Box::pin(begin(&state, &call, stack, begun, to, |next| take_up(next, ready))).await?;
    let operation_id = Some(model::operation_id(&stack.id, stack.operations));
    Ok(api::UpdateStackOutput { stack_id: Some(stack.id), operation_id })
}

/// An operation that brings a stack back to what it was when it last stood firm.
fn back(stack: &StackRecord, begun: OperationRecord) -> OperationRecord {
    OperationRecord { phase: Phase::Rollback, before: stack.firm.clone(), ..begun }
}
