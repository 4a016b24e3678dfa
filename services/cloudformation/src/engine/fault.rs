//! Ends what cannot go on: an operation that meets an error of the platform's own turns back, or stops, and says why.
//!
//! A stack is never left in progress with nobody at work on it. Refusals of a service are no such errors: those belong to
//! the resource that was refused.

use std::sync::Arc;

use service::Pipeline;

use super::Which;
use super::nested;
use super::run::Run;
use crate::CloudFormation;
use crate::error::Error;
use crate::model::status;
use crate::records::{OnFailure, OperationKind, Phase, StackRecord};
use crate::stacks;

/// Where an operation goes that met an error: a state, and whether that is the way back or the end.
struct Turn {
    status: &'static str,
    back: bool,
}

/// Writes down that the operation of a stack met an error. What is left of it is the way back, or nothing.
pub(super) async fn end(
    state: &Arc<CloudFormation>,
    pipeline: &Pipeline,
    which: &Which,
    error: &Error,
) -> Result<(), Error> {
    let Some(stack) = stacks::by_id(&state.store, which.account, &which.region, &which.id)? else {
        return Ok(());
    };
    let Some(mut run) = Run::new(state, pipeline, stack)? else { return Ok(()) };
    let Some(turn) = turn(&run.stack, run.is_cancelled()) else { return Ok(()) };
    let reason = reason(error);
    if turn.back {
        let to_rollback = |stack: &mut StackRecord| {
            if let Some(operation) = &mut stack.operation {
                operation.turn_back();
            }
            stack.turned_back = Some(reason.clone());
        };
        return run.set_stack(turn.status, Some(&reason), to_rollback).await;
    }
    if turn.status == status::UPDATE_COMPLETE {
        run.settle_all().await?;
        let nested = nested::ids(&run);
        nested::let_go(&run, &nested).await?;
    }
    let at_rest = |stack: &mut StackRecord| {
        let before = stack.operation.take().and_then(|operation| operation.before);
        stack.firm = before.or(stack.firm.take());
    };
    if turn.status == status::UPDATE_FAILED {
        return run.arrive(turn.status, Some(&reason), at_rest).await;
    }
    run.set_stack(turn.status, Some(&reason), at_rest).await
}

/// An update that was cancelled goes back whatever was asked of one that fails.
fn turn(stack: &StackRecord, is_cancelled: bool) -> Option<Turn> {
    let operation = stack.operation.as_ref()?;
    let (status, back) = match (operation.kind, operation.phase) {
        (OperationKind::Delete, _) => (status::DELETE_FAILED, false),
        (OperationKind::Create, Phase::Forward) => {
            let keeps = stack.disable_rollback || stack.on_failure == OnFailure::Nothing;
            if keeps { (status::CREATE_FAILED, false) } else { (status::ROLLBACK_IN_PROGRESS, true) }
        }
        (OperationKind::Create, _) => (status::ROLLBACK_FAILED, false),
        (OperationKind::Update, Phase::Forward) if stack.disable_rollback && !is_cancelled => {
            (status::UPDATE_FAILED, false)
        }
        (OperationKind::Update, Phase::Forward) if operation.before.is_none() => {
            (status::ROLLBACK_IN_PROGRESS, true)
        }
        (OperationKind::Update, Phase::Forward) => (status::UPDATE_ROLLBACK_IN_PROGRESS, true),
        // Everything is as asked by then: what could not be cleaned away does not undo the update.
        (OperationKind::Update, Phase::Cleanup) => (status::UPDATE_COMPLETE, false),
        (OperationKind::Update, Phase::Rollback) => (status::UPDATE_ROLLBACK_FAILED, false),
    };
    Some(Turn { status, back })
}

/// The caller learns what is theirs to know; the rest is in the log.
fn reason(error: &Error) -> String {
    match error {
        Error::Internal(_) => "Internal Failure".to_owned(),
        told => told.to_string(),
    }
}
