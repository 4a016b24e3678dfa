//! Deletes resources: each once nothing that depends on it is left.

use std::collections::{BTreeMap, HashSet};

use super::PARALLEL_MAX;
use super::flight::Flight;
use super::remnant::{self, Remnant};
use super::run::Run;
use crate::error::Error;
use crate::exports;
use crate::model::status;
use crate::operations::nested_sets;
use crate::providers::{self, Failure};
use crate::records::ResourceRecord;

/// A logical id, and what of it is to go.
pub(super) type Item = (String, Vec<Remnant>);

/// The ids of a deletion, and what happens to one whose policy keeps it.
pub(super) struct Doomed {
    /// The logical ids, with what of each is deleted.
    pub(super) items: Vec<Item>,
    /// True while a stack that failed to be created is taken back.
    pub(super) on_create: bool,
    /// Kept whatever their policy says.
    pub(super) retain: Vec<String>,
}

/// Deletes all of a stack.
pub(super) async fn stack(run: &mut Run) -> Result<(), Error> {
    let retain = run.stack.operation.as_ref().map(|operation| operation.retain.clone()).unwrap_or_default();
    if let Some((name, users, _)) = exports::in_use(&run.state.store, &run.stack, &BTreeMap::new())? {
        let reason = format!("Delete canceled. {}", exports::refusal(&name, &users, false));
        // Nothing was deleted: the stack is what it was, and can be updated as before.
        let before = run.operation().and_then(|operation| operation.from.clone());
        let to = before.unwrap_or_else(|| status::DELETE_FAILED.to_owned());
        return run.set_stack(&to, Some(&reason), |stack| stack.operation = None).await;
    }
    let items = existing(run);
    let failed = all(run, Doomed { items, on_create: false, retain }).await?;
    if failed.is_empty() {
        let now = run.caller.pipeline.clock().now();
        nested_sets::forget(&run.state.store, &run.stack, now).await?;
        return run
            .set_stack(status::DELETE_COMPLETE, None, |stack| {
                stack.operation = None;
                stack.deleted_at = Some(now);
            })
            .await;
    }
    let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
    run.set_stack(status::DELETE_FAILED, Some(&reason), |stack| stack.operation = None).await
}

/// Everything that exists, or may exist under a name that was planned for it.
pub(super) fn existing(run: &Run) -> Vec<Item> {
    let gone = |record: &&ResourceRecord| {
        record.status != status::DELETE_COMPLETE && record.status != status::DELETE_SKIPPED
    };
    let resources = run.resources.values().filter(gone);
    let items = resources.map(|record| (record.logical_id.clone(), remnant::all(record)));
    items.filter(|(_, remnants)| !remnants.is_empty()).collect()
}

/// Deletes items, dependents first, independent ones side by side. Answers the ids that failed.
pub(super) async fn all(run: &mut Run, doomed: Doomed) -> Result<Vec<String>, Error> {
    let mut left = doomed.items;
    let mut flight = Flight::new();
    let mut flying: HashSet<String> = HashSet::new();
    let mut failed: Vec<String> = Vec::new();
    loop {
        let blocked = blocked(run, &left, &flying, &failed);
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|(id, _)| !blocked.contains(id));
        left = later;
        for (at, (id, remnants)) in now.into_iter().enumerate() {
            if at + flying.len() >= PARALLEL_MAX {
                left.push((id, remnants));
                continue;
            }
            if keeps(run, &id, &doomed.retain, doomed.on_create) {
                tell(run, &id, status::DELETE_SKIPPED, None).await?;
                continue;
            }
            tell(run, &id, status::DELETE_IN_PROGRESS, None).await?;
            flying.insert(id.clone());
            let task = deletion(run, &id, remnants);
            flight.spawn(id, task);
        }
        match flight.next().await {
            Some((id, outcome)) => {
                flying.remove(&id);
                match outcome.unwrap_or_else(|| Err(Failure::new("Internal Failure"))) {
                    Ok(()) => tell(run, &id, status::DELETE_COMPLETE, None).await?,
                    Err(failure) => {
                        let why = run.masked(failure.message);
                        tell(run, &id, status::DELETE_FAILED, Some(why)).await?;
                        failed.push(id);
                    }
                }
            }
            // What is left depends on something that could not be deleted.
            None if left.iter().all(|(id, _)| blocked_by_failure(run, id, &left, &failed)) => {
                return Ok(failed);
            }
            None => {}
        }
    }
}

/// The ids on which something depends that is still there.
fn blocked(run: &Run, left: &[Item], flying: &HashSet<String>, failed: &[String]) -> HashSet<String> {
    let present = left.iter().map(|(id, _)| id).chain(flying).chain(failed);
    let records = present.filter_map(|id| run.resources.get(id));
    records.flat_map(|record| record.depends_on.iter().cloned()).collect()
}

fn blocked_by_failure(run: &Run, id: &str, left: &[Item], failed: &[String]) -> bool {
    blocked(run, left, &HashSet::new(), failed).contains(id)
}

fn keeps(run: &Run, id: &str, retain: &[String], on_create: bool) -> bool {
    let policy = run.resources.get(id).and_then(|record| record.deletion_policy.as_deref());
    let by_policy = match policy {
        Some("Retain") => true,
        Some("RetainExceptOnCreate") => !on_create,
        _ => false,
    };
    by_policy || retain.iter().any(|kept| kept == id)
}

async fn tell(run: &mut Run, id: &str, status: &str, reason: Option<String>) -> Result<(), Error> {
    let Some(record) = run.resources.get(id).cloned() else { return Ok(()) };
    run.tell(&record, status, reason).await
}

/// The deletion of what there is of one resource.
pub(super) fn deletion(
    run: &Run,
    id: &str,
    remnants: Vec<Remnant>,
) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
    let kind = run.resources.get(id).map(|record| record.kind.clone()).unwrap_or_default();
    let work = run.work(id, "", &serde_json::Value::Null);
    async move {
        let Some(provider) = providers::find(&kind) else {
            return Err(Failure::new(format!("Resource type {kind} is not supported")));
        };
        for remnant in remnants {
            remnant.remove(provider, &work).await?;
        }
        Ok(())
    }
}
