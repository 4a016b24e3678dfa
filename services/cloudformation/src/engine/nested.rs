//! Stacks in a stack whose update came to its end: each keeps what it replaced until the stack around it has come to its own.
//!
//! Begins nothing but the clean-up that a nested stack waits with.

use std::sync::Arc;
use std::time::Duration;

use base::Chain;
use service::Pipeline;

use super::run::{Run, STACK};
use super::start;
use crate::CloudFormation;
use crate::error::Error;
use crate::providers::Failure;
use crate::records::{OperationRecord, Phase, StackRecord};
use crate::stacks;

/// How often and how long apart a stack that cleans up is looked at: an hour.
const LOOKS_MAX: usize = 72_000;
const LOOK_APART: Duration = Duration::from_millis(50);

/// The stacks in this one: logical id and stack id.
pub(super) fn ids(run: &Run) -> Vec<(String, String)> {
    let stacks = run.resources.values().filter(|record| record.kind == STACK);
    stacks
        .filter_map(|record| Some((record.logical_id.clone(), record.physical.as_ref()?.id.clone())))
        .collect()
}

/// The stack of this id, where it is one in this one.
fn found(run: &Run, id: &str) -> Result<Option<StackRecord>, Error> {
    let found = stacks::by_id(&run.state.store, run.stack.account, &run.stack.region, id)?;
    Ok(found.filter(|found| found.parent_id.as_ref() == Some(&run.stack.id)))
}

/// True where it waits, or cleans up since it was let go: the platform may have stopped in between.
pub(super) fn is_to_clean(run: &Run, id: &str) -> Result<bool, Error> {
    let cleans = |operation: &OperationRecord| operation.is_led && operation.phase == Phase::Cleanup;
    Ok(found(run, id)?.is_some_and(|found| found.waits() || found.operation.as_ref().is_some_and(cleans)))
}

/// Lets those of these stacks that still wait clean up. Does not wait for them.
pub(super) async fn let_go(run: &Run, nested: &[(String, String)]) -> Result<(), Error> {
    for (_, id) in nested {
        if let Some(stack) = found(run, id)?.filter(StackRecord::waits) {
            release(&run.state, &run.caller.pipeline, (&stack, &run.stack)).await?;
        }
    }
    Ok(())
}

/// Lets a nested stack clean up, where it still waits, and ends once it has.
pub(super) fn cleaned(run: &Run, id: String) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
    let (state, pipeline, outer) = (Arc::clone(&run.state), run.caller.pipeline.clone(), run.stack.clone());
    async move {
        let look = || stacks::by_id(&state.store, outer.account, &outer.region, &id);
        for _ in 0..LOOKS_MAX {
            match look().map_err(|error| unknown(&error))? {
                Some(stack) if stack.waits() => {
                    release(&state, &pipeline, (&stack, &outer)).await.map_err(|error| unknown(&error))?;
                }
                Some(stack) if stack.operation.is_some() => {}
                _ => return Ok(()),
            }
            tokio::time::sleep(LOOK_APART).await;
        }
        Err(Failure::new(format!("Embedded stack {id} did not come to rest in time.")))
    }
}

/// What the store says is no caller's to see.
fn unknown(error: &Error) -> Failure {
    tracing::error!(error = %Chain(error), "a nested stack is not let go");
    Failure::new("Internal Failure")
}

/// Begins the clean-up of a stack that waits.
async fn release(
    state: &Arc<CloudFormation>,
    pipeline: &Pipeline,
    (seen, outer): (&StackRecord, &StackRecord),
) -> Result<(), Error> {
    let released = state
        .store
        .transact(|tx| {
            let Some(mut stack) = stacks::by_id(tx, seen.account, &seen.region, &seen.id)? else {
                return Ok(None);
            };
            let Some(waiting) = stack.waiting.take() else { return Ok(None) };
            let before = stack.firm.take();
            let mut operation = OperationRecord { phase: Phase::Cleanup, before, ..waiting };
            // Whoever ends the stack around, which may be long after the wait began and by somebody else.
            if let Some(now) = outer.operation.as_ref().filter(|_| stack.role_arn.is_none()) {
                operation.principal = now.principal.clone();
                (operation.source_ip, operation.is_secure) = (now.source_ip, now.is_secure);
            }
            stack.operation = Some(operation);
            stack.outputs_before = None;
            stacks::save(tx, &stack)?;
            Ok::<_, Error>(Some(stack))
        })
        .await?;
    if let Some(stack) = released {
        start(state, pipeline, &stack);
    }
    Ok(())
}
