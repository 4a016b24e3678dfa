//! Carries operations out: resources in the order of their dependencies, independent ones side by side, back on failure.
//!
//! Every step is written before it is taken, so that a restart goes on where the platform stopped. Takes no decision that
//! a caller could be told: those are made before an operation is written. Knows no resource type.

mod back;
mod clean;
mod delete;
mod fault;
mod finish;
mod flight;
mod forward;
mod nested;
mod remnant;
mod run;

use std::sync::Arc;

use base::{AccountId, Chain};
use service::{Internal, Jobs, Pipeline};

use crate::CloudFormation;
use crate::error::Error;
use crate::records::{OperationKind, Phase, StackRecord};
use crate::stacks;

pub(crate) use forward::generated_name;
use run::Run;
pub(crate) use run::{References, STACK, marks};

/// How many resources of one stack are worked on at a time.
const PARALLEL_MAX: usize = 16;

/// Which stack.
#[derive(Clone, Debug)]
struct Which {
    account: AccountId,
    region: String,
    id: String,
}

/// Starts the operation that is written in a stack. One that runs already goes on alone.
pub(crate) fn start(state: &Arc<CloudFormation>, pipeline: &Pipeline, stack: &StackRecord) {
    let which = Which { account: stack.account, region: stack.region.clone(), id: stack.id.clone() };
    if !state.begin(&which.id) {
        return;
    }
    let (state, pipeline) = (Arc::clone(state), pipeline.clone());
    tokio::spawn(async move {
        loop {
            if let Err(error) = attempt(&state, &pipeline, &which).await {
                tracing::error!(stack = which.id, error = %Chain(&error), "an operation on a stack stopped");
                match fault::end(&state, &pipeline, &which, &error).await {
                    // Each turn is a step towards the end: forward, back, nothing.
                    Ok(()) => continue,
                    // The store is gone. The operation stays written: the next start of the platform goes on with it.
                    Err(error) => {
                        tracing::error!(stack = which.id, error = %Chain(&error), "it cannot be ended");
                    }
                }
            }
            if state.end(&which.id) {
                break;
            }
        }
    });
}

/// Goes on with every operation that a stop of the platform interrupted.
pub(crate) async fn resume(state: Arc<CloudFormation>, mut jobs: Jobs) -> Result<(), Internal> {
    for stack in stacks::unfinished(&state.store).map_err(Internal::new)? {
        tracing::info!(stack = stack.id, status = stack.status, "going on with an interrupted operation");
        start(&state, jobs.pipeline(), &stack);
    }
    jobs.stopped().await;
    Ok(())
}

/// Carries an operation out in a task of its own, so that a panic in it is an error like others.
async fn attempt(state: &Arc<CloudFormation>, pipeline: &Pipeline, which: &Which) -> Result<(), Error> {
    let (state, pipeline, which) = (Arc::clone(state), pipeline.clone(), which.clone());
    match tokio::spawn(async move { Box::pin(carry_out(&state, &pipeline, &which)).await }).await {
        Ok(result) => result,
        Err(error) => Err(flight::panicked(error).await),
    }
}

async fn carry_out(state: &Arc<CloudFormation>, pipeline: &Pipeline, which: &Which) -> Result<(), Error> {
    // One that takes another's place is carried out behind what the other one had under way.
    while let Some(stack) = stacks::by_id(&state.store, which.account, &which.region, &which.id)? {
        let Some(mut run) = Run::new(state, pipeline, stack)? else { break };
        while let Some(operation) = run.operation() {
            match (operation.kind, operation.phase) {
                (OperationKind::Delete, _) => delete::stack(&mut run).await?,
                (_, Phase::Forward) => forward::go(&mut run).await?,
                (OperationKind::Update, Phase::Cleanup) => clean::update(&mut run).await?,
                (OperationKind::Create, _) => back::creation(&mut run).await?,
                (OperationKind::Update, Phase::Rollback) => back::update(&mut run).await?,
            }
        }
    }
    Ok(())
}
