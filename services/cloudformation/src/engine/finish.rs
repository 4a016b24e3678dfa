//! The end of the way towards what was asked, and what comes behind it.
//!
//! Makes and changes no resource: that is done by then, or goes back from here.

use template::Plan;

use super::run::Run;
use crate::error::Error;
use crate::exports;
use crate::model::status;
use crate::records::{OnFailure, OperationKind, OutputRecord, Phase};

/// What went wrong, by logical id.
#[derive(Default)]
pub(super) struct Failed {
    pub(super) created: Vec<String>,
    pub(super) updated: Vec<String>,
    /// True where the creation took longer than it may.
    pub(super) timed_out: bool,
}

/// True where a failure takes nothing back: then what does not depend on it is made as well, as on AWS.
pub(super) fn keeps_what_is(run: &Run) -> bool {
    let creates = run.operation().is_some_and(|operation| operation.kind == OperationKind::Create);
    run.stack.disable_rollback || (creates && run.stack.on_failure == OnFailure::Nothing)
}

impl Failed {
    pub(super) fn is_empty(&self) -> bool {
        self.created.is_empty() && self.updated.is_empty() && !self.timed_out
    }

    fn reason(&self) -> Option<String> {
        if self.timed_out {
            return Some("Stack creation time exceeded the specified timeout. ".to_owned());
        }
        let parts = [("create", &self.created), ("update", &self.updated)];
        let told: Vec<String> = parts
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .map(|(verb, ids)| format!("The following resource(s) failed to {verb}: [{}]. ", ids.join(", ")))
            .collect();
        (!told.is_empty()).then(|| told.concat())
    }
}

/// Ends the forward phase: all is as asked, or what was made stays as it is, or goes back.
pub(super) async fn finish(run: &mut Run, plan: &Plan, failed: &Failed) -> Result<(), Error> {
    let Some(operation) = run.stack.operation.clone() else { return Ok(()) };
    let creates = operation.kind == OperationKind::Create;
    let outputs = match failed.reason() {
        Some(reason) => Err(reason),
        None if run.is_cancelled() => Err("Resource update cancelled".to_owned()),
        None => plan.outputs(&run.references()).map_err(|error| error.message().to_owned()),
    };
    let reason = match outputs {
        Ok(outputs) => {
            let outputs: Vec<OutputRecord> = outputs.into_iter().map(OutputRecord::from).collect();
            match refused_exports(run, &outputs)? {
                None => return complete(run, creates, outputs).await,
                Some(reason) => reason,
            }
        }
        Err(reason) => reason,
    };
    if keeps_what_is(run) && !run.is_cancelled() {
        // What each resource was stays written: the stack may be brought back later.
        let failed = if creates { status::CREATE_FAILED } else { status::UPDATE_FAILED };
        return run
            .arrive(failed, Some(&reason), |stack| {
                stack.firm = stack.operation.take().and_then(|operation| operation.before);
            })
            .await;
    }
    let why = reason.trim_end().to_owned();
    // A stack that never stood firm has nothing to go back to.
    let (status, reason) = if creates || operation.before.is_none() {
        (status::ROLLBACK_IN_PROGRESS, format!("{} Rollback requested by user.", reason.trim_end()))
    } else {
        (status::UPDATE_ROLLBACK_IN_PROGRESS, reason)
    };
    let to_rollback = |stack: &mut crate::records::StackRecord| {
        if let Some(operation) = &mut stack.operation {
            operation.turn_back();
        }
        stack.turned_back = Some(why);
    };
    run.set_stack(status, Some(&reason), to_rollback).await
}

/// Why the exports may not become what they would be: others use what they are now.
fn refused_exports(run: &Run, outputs: &[OutputRecord]) -> Result<Option<String>, Error> {
    let named = outputs.iter().filter_map(|output| Some((output.export_name.clone()?, output.value.clone())));
    let used = exports::in_use(&run.state.store, &run.stack, &named.collect())?;
    Ok(used.map(|(name, users, is_changed)| exports::refusal(&name, &users, is_changed)))
}

async fn complete(run: &mut Run, creates: bool, outputs: Vec<OutputRecord>) -> Result<(), Error> {
    if creates {
        run.settle_all().await?;
        return run
            .set_stack(status::CREATE_COMPLETE, None, |stack| {
                stack.outputs = outputs;
                stack.operation = None;
            })
            .await;
    }
    run.arrive(status::UPDATE_CLEANUP, None, |stack| {
        let before = std::mem::replace(&mut stack.outputs, outputs);
        stack.firm = None;
        match &mut stack.operation {
            Some(operation) if operation.is_led && operation.before.is_some() => {
                // What each resource was stays written, and is there: the stack around may still go back.
                stack.firm = operation.before.take();
                stack.outputs_before.get_or_insert(before);
                stack.waiting = stack.operation.take();
            }
            Some(operation) => operation.phase = Phase::Cleanup,
            None => {}
        }
    })
    .await
}
