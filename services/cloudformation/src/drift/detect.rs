//! Checks whole stacks in the background. A check that a stop of the platform interrupted begins again: it changes nothing.
//!
//! A stack is checked by one at a time, and a few stacks at a time.

use std::sync::Arc;

use base::Chain;
use serde_json::json;
use service::{Internal, Jobs, Pipeline};
use tokio::task::JoinSet;

use super::check::Checker;
use super::stored::{self, detection, save_detection, save_drift};
use crate::CloudFormation;
use crate::error::Error;
use crate::records::{AskerRecord, DetectionRecord, DriftRecord, StackDrift, StackRecord};
use crate::stacks;

/// How many resources of one stack are looked at side by side.
const PARALLEL_MAX: usize = 8;

/// Writes down that a stack is being checked. Another check of it must have ended.
pub(crate) fn begin(tx: &mut store::Transaction<'_>, record: &DetectionRecord) -> Result<StackRecord, Error> {
    let missing = || crate::error::no_stack(&record.stack_id);
    let mut stack =
        stacks::by_id(tx, record.account, &record.region, &record.stack_id)?.ok_or_else(missing)?;
    let drift = stack.drift.get_or_insert_with(StackDrift::default);
    if drift.is_running {
        return Err(Error::Validation(format!(
            "Drift detection is already in progress for stack [{}]",
            record.stack_id
        )));
    }
    drift.is_running = true;
    for old in stored::remember(drift, &record.id) {
        stored::drop_detection(tx, record.account, &record.region, &old)?;
    }
    save_detection(tx, record)?;
    stacks::save(tx, &stack)?;
    Ok(stack)
}

/// Carries a check out that is written.
pub(crate) fn start(state: &Arc<CloudFormation>, pipeline: &Pipeline, record: DetectionRecord) {
    let (state, pipeline) = (Arc::clone(state), pipeline.clone());
    tokio::spawn(async move {
        // The semaphore is never closed.
        let _turn = state.checks.acquire().await;
        let outcome = match checked(&state, &pipeline, &record).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::error!(stack = record.stack_id, error = %Chain(&error), "a drift detection stopped");
                Outcome { reason: Some("Internal Failure".to_owned()), ..Outcome::default() }
            }
        };
        // Where the store is gone, the check stays written: the next start of the platform goes on with it.
        if let Err(error) = end(&state, &pipeline, record, outcome).await {
            tracing::error!(error = %Chain(&error), "a drift detection cannot be ended");
        }
    });
}

/// Goes on with every check that a stop of the platform interrupted.
pub(crate) async fn resume(state: Arc<CloudFormation>, mut jobs: Jobs) -> Result<(), Internal> {
    for record in stored::unfinished(&state.store).map_err(Internal::new)? {
        tracing::info!(stack = record.stack_id, "going on with an interrupted drift detection");
        start(&state, jobs.pipeline(), record);
    }
    jobs.stopped().await;
    Ok(())
}

/// What a check found.
#[derive(Default)]
struct Outcome {
    found: Option<&'static str>,
    drifted: u32,
    /// Why it failed, where it did.
    reason: Option<String>,
}

impl Outcome {
    /// From what was found of each resource.
    fn of(found: &[DriftRecord]) -> Self {
        let count = |status: &str| found.iter().filter(|drift| drift.status == status).count();
        let drifted = count("MODIFIED") + count("DELETED");
        let unknown: Vec<&DriftRecord> = found.iter().filter(|drift| drift.status == "UNKNOWN").collect();
        let status = match (drifted, unknown.len()) {
            (0, 0) => "IN_SYNC",
            (0, _) => "UNKNOWN",
            _ => "DRIFTED",
        };
        let reason = (!unknown.is_empty()).then(|| {
            let ids: Vec<&str> = unknown.iter().map(|drift| drift.logical_id.as_str()).collect();
            let failures = unknown
                .iter()
                .map(|drift| json!({ "Resource": drift.logical_id, "FailureReason": drift.reason }));
            let summary = format!("Failed to detect drift on resources [{}]", ids.join(", "));
            json!({ "Summary": summary, "Failures": failures.collect::<Vec<_>>() }).to_string()
        });
        Self { found: Some(status), drifted: u32::try_from(drifted).unwrap_or(u32::MAX), reason }
    }
}

async fn checked(
    state: &Arc<CloudFormation>,
    pipeline: &Pipeline,
    record: &DetectionRecord,
) -> Result<Outcome, Error> {
    let Some(asker) = &record.asker else { return Ok(Outcome::default()) };
    let stack = stacks::by_id(&state.store, record.account, &record.region, &record.stack_id)?;
    let stack = stack.ok_or_else(|| crate::error::no_stack(&record.stack_id))?;
    let found = all(state, pipeline, asker, stack, record).await?;
    state
        .store
        .transact(|tx| found.iter().try_for_each(|drift| save_drift(tx, &record.stack_id, drift)))
        .await?;
    Ok(Outcome::of(&found))
}

async fn all(
    state: &Arc<CloudFormation>,
    pipeline: &Pipeline,
    asker: &AskerRecord,
    stack: StackRecord,
    record: &DetectionRecord,
) -> Result<Vec<DriftRecord>, Error> {
    let resources = stacks::resources(&state.store, &stack.id)?;
    let checker = Arc::new(Checker::new(state, pipeline, asker, (stack, resources)));
    let wanted = |id: &String| record.only.as_ref().is_none_or(|only| only.contains(id));
    let ids = checker.checkable().map(|resource| resource.logical_id.clone()).filter(wanted);
    let mut ids = ids.collect::<Vec<_>>().into_iter();
    let (mut tasks, mut found) = (JoinSet::new(), Vec::new());
    loop {
        while tasks.len() < PARALLEL_MAX {
            let Some(id) = ids.next() else { break };
            let checker = Arc::clone(&checker);
            tasks.spawn(async move { checker.check(&id).await });
        }
        match tasks.join_next().await {
            None => break,
            Some(Ok(drift)) => found.extend(drift),
            Some(Err(error)) => return Err(Error::Internal(Internal::new(error))),
        }
    }
    found.sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
    Ok(found)
}

async fn end(
    state: &CloudFormation,
    pipeline: &Pipeline,
    record: DetectionRecord,
    outcome: Outcome,
) -> Result<(), Error> {
    let now = pipeline.clock().now();
    state
        .store
        .transact(|tx| {
            let stack = stacks::by_id(tx, record.account, &record.region, &record.stack_id)?;
            let is_same = stack.as_ref().is_some_and(|stack| stack.operations == record.operations);
            let mut ended = detection(tx, record.account, &record.region, &record.id)?.unwrap_or(record);
            let changed = || "The stack was changed while its drift was being detected".to_owned();
            ended.reason = outcome.reason.or_else(|| (!is_same).then(changed));
            ended.status =
                if ended.reason.is_some() { "DETECTION_FAILED" } else { "DETECTION_COMPLETE" }.to_owned();
            ended.found = outcome.found.filter(|_| is_same).map(str::to_owned);
            ended.drifted = ended.found.is_some().then_some(outcome.drifted);
            ended.asker = None;
            if let Some(mut stack) = stack {
                let drift = stack.drift.get_or_insert_with(StackDrift::default);
                drift.is_running = false;
                if let Some(found) = &ended.found {
                    drift.found = Some((found.clone(), now));
                    drift.operations = stack.operations;
                }
                stacks::save(tx, &stack)?;
            }
            save_detection(tx, &ended)
        })
        .await
}
