//! Back: takes a failed creation away, and brings a failed update to where it began.

use template::Plan;

use super::delete::{self, Doomed, deletion};
use super::forward::of_template;
use super::nested;
use super::remnant;
use super::run::{Run, STACK};
use crate::error::Error;
use crate::model::status;
use crate::providers;
use crate::records::{Change, OnFailure, OutputRecord, Physical, ResourceRecord};

/// Deletes all that a failed creation made.
pub(super) async fn creation(run: &mut Run) -> Result<(), Error> {
    let items = delete::existing(run);
    let failed = delete::all(run, Doomed { items, on_create: true, ..Doomed::default() }).await?;
    if !failed.is_empty() {
        let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
        return run.set_stack(status::ROLLBACK_FAILED, Some(&reason), |stack| stack.operation = None).await;
    }
    if run.stack.on_failure == OnFailure::Delete {
        return delete::complete(run).await;
    }
    let now = run.caller.pipeline.clock().now();
    run.set_stack(status::ROLLBACK_COMPLETE, None, |stack| {
        stack.operation = None;
        stack.deleted_at = Some(now);
    })
    .await
}

/// Brings every resource that an update changed back to what it was.
pub(super) async fn update(run: &mut Run) -> Result<(), Error> {
    // SECURITY: first, so that whatever becomes of the way back, nothing is deleted that the template keeps. One that cannot
    // be read says of nothing that it may go.
    let plan = plan_before(run)?;
    as_before(run, plan.as_ref(), Besides::Policies).await?;
    let skip = run.stack.operation.as_ref().map(|operation| operation.retain.clone()).unwrap_or_default();
    let mut changed: Vec<ResourceRecord> = run.resources.values().cloned().collect();
    changed.iter_mut().for_each(|record| remnant::take_up(run, record));
    changed.retain(|record| record.change == Some(Change::Updated));
    let waiting = nested::ids(run);
    let mut failed = restore_all(run, in_order(changed), &skip).await?;
    // Stacks in this one that share a value go back one behind the other, and which is first only they know.
    while failed.iter().any(|record| record.kind == STACK) {
        let (stacks, others): (Vec<_>, Vec<_>) = failed.into_iter().partition(|record| record.kind == STACK);
        let tried = stacks.len();
        let stacks = restore_all(run, stacks, &skip).await?;
        let is_stuck = stacks.len() == tried;
        failed = others.into_iter().chain(stacks).collect();
        if is_stuck {
            break;
        }
    }
    if !failed.is_empty() {
        let reason = format!("The following resource(s) failed to update: [{}]. ", names(&failed));
        return run
            .set_stack(status::UPDATE_ROLLBACK_FAILED, Some(&reason), |stack| {
                stack.firm = stack.operation.take().and_then(|operation| operation.before);
            })
            .await;
    }
    if run.stack.status != status::UPDATE_ROLLBACK_CLEANUP {
        run.set_stack(status::UPDATE_ROLLBACK_CLEANUP, None, |_| {}).await?;
    }
    remove_new(run).await?;
    as_before(run, plan.as_ref(), Besides::Dependencies).await?;
    let now = run.caller.pipeline.clock().now();
    run.settle_all().await?;
    // What was skipped stays what it is.
    nested::let_go(run, &waiting).await?;
    let outputs = outputs_before(run, plan.as_ref());
    run.set_stack(status::UPDATE_ROLLBACK_COMPLETE, None, |stack| {
        stack.updated_at = Some(now);
        stack.firm = None;
        stack.outputs_before = None;
        stack.outputs = outputs.unwrap_or_else(|| std::mem::take(&mut stack.outputs));
        if let Some(before) = stack.operation.take().and_then(|operation| operation.before) {
            stack.content = before;
        }
    })
    .await
}

/// Brings these back, each behind the one before it. Answers those that could not be.
async fn restore_all(
    run: &mut Run,
    changed: Vec<ResourceRecord>,
    skip: &[String],
) -> Result<Vec<ResourceRecord>, Error> {
    let mut failed = Vec::new();
    for mut record in changed {
        if skip.contains(&record.logical_id) {
            record.before = None;
            record.change = None;
            run.tell(&record, status::UPDATE_COMPLETE, None).await?;
            continue;
        }
        if let (Some(now), Some(before)) = (record.physical.clone(), record.before.clone())
            && !restore(run, record.clone(), &now, before).await?
        {
            failed.push(record);
        }
    }
    Ok(failed)
}

fn names(records: &[ResourceRecord]) -> String {
    records.iter().map(|record| record.logical_id.as_str()).collect::<Vec<_>>().join(", ")
}

/// What the stack around reads here again. What resources answer may be new, as they were made what they were.
fn outputs_before(run: &Run, plan: Option<&Plan>) -> Option<Vec<OutputRecord>> {
    let kept = run.stack.outputs_before.clone()?;
    let found = plan.and_then(|plan| plan.outputs(&run.references()).ok());
    Some(found.map_or(kept, |found| found.into_iter().map(OutputRecord::from).collect()))
}

/// What of a resource a template says besides its properties.
#[derive(Clone, Copy)]
enum Besides {
    /// Whether it is kept.
    Policies,
    /// What it depends on.
    Dependencies,
}

/// What the template that holds again asks for.
fn plan_before(run: &Run) -> Result<Option<Plan>, Error> {
    let before = run.operation().and_then(|operation| operation.before.as_ref());
    before.map(|before| run.plan(before)).transpose()
}

/// Lets the template that holds again say of every resource what it said of it.
async fn as_before(run: &mut Run, plan: Option<&Plan>, what: Besides) -> Result<(), Error> {
    let Some(plan) = plan else { return Ok(()) };
    let records: Vec<ResourceRecord> = run.resources.values().cloned().collect();
    for mut record in records {
        let id = record.logical_id.clone();
        let Some(resource) = plan.resources().get(&id) else { continue };
        let was = of_template(Some(record.clone()), plan, &id, resource);
        if was == record {
            continue;
        }
        match what {
            Besides::Policies => {
                record.deletion_policy = was.deletion_policy;
                record.update_replace_policy = was.update_replace_policy;
            }
            Besides::Dependencies => record.depends_on = was.depends_on,
        }
        run.queue(record, false);
    }
    run.flush().await
}

/// Changes one resource back. False where its service refuses.
async fn restore(
    run: &mut Run,
    mut record: ResourceRecord,
    now: &Physical,
    before: Physical,
) -> Result<bool, Error> {
    let Some(provider) = providers::find(&record.kind) else { return Ok(false) };
    run.tell(&record, "UPDATE_IN_PROGRESS", None).await?;
    let mut work = run.work(&record.logical_id, &before.id, &before.properties);
    work.place.goes_back = true;
    work.place.skipped = run.operation().map(|operation| operation.retain.clone()).unwrap_or_default();
    match provider.update(&work, now).await {
        Ok(back) => {
            // What it answers to references may be new: a stream that was made anew has another ARN.
            let is_told = !back.attributes.is_empty() && back.no_echo == before.no_echo;
            let attributes = if is_told { back.attributes } else { before.attributes };
            record.physical = Some(Physical { attributes, ..before });
            record.before = None;
            record.change = None;
            run.tell(&record, "UPDATE_COMPLETE", None).await?;
            Ok(true)
        }
        Err(failure) => {
            let reason = run.masked(failure.message);
            run.tell(&record, "UPDATE_FAILED", Some(reason)).await?;
            Ok(false)
        }
    }
}

/// Deletes what the update made, and lets the old ones of what it replaced be again.
async fn remove_new(run: &mut Run) -> Result<(), Error> {
    let made: Vec<ResourceRecord> =
        run.resources.values().filter(|record| !remnant::made(record).is_empty()).cloned().collect();
    for mut record in in_order(made).into_iter().rev() {
        let created = record.before.is_none() && record.change != Some(Change::Updated);
        let is_kept =
            record.deletion_policy.as_deref() == Some("Retain") && !run.stack.retain_except_on_create;
        if created && is_kept {
            run.tell(&record, status::DELETE_SKIPPED, None).await?;
        } else {
            run.tell(&record, status::DELETE_IN_PROGRESS, None).await?;
            match deletion(run, &record.logical_id, remnant::made(&record), true).await {
                Ok(()) => run.tell(&record, status::DELETE_COMPLETE, None).await?,
                Err(failure) => {
                    let why = run.masked(failure.message);
                    run.tell(&record, status::DELETE_FAILED, Some(why)).await?;
                }
            }
        }
        if record.change == Some(Change::Replaced) {
            record.physical = record.before.take();
        } else if record.change == Some(Change::Created) {
            record.physical = None;
        }
        record.change = None;
        record.pending = None;
        record.leftovers.clear();
        if record.physical.is_none() {
            run.drop_resource(&record.logical_id).await?;
            continue;
        }
        record.status = status::UPDATE_COMPLETE.to_owned();
        run.put(record, false).await?;
    }
    // What failed before anything was made of it never belonged to the stack.
    let empty: Vec<String> =
        run.resources.values().filter(|r| r.physical.is_none()).map(|r| r.logical_id.clone()).collect();
    for id in empty {
        run.drop_resource(&id).await?;
    }
    Ok(())
}

/// Each behind what it depends on; ids outside the list do not count.
fn in_order(mut records: Vec<ResourceRecord>) -> Vec<ResourceRecord> {
    let mut ordered = Vec::with_capacity(records.len());
    while !records.is_empty() {
        let waits = |record: &ResourceRecord| {
            record.depends_on.iter().any(|id| records.iter().any(|other| other.logical_id == *id))
        };
        let at = records.iter().position(|record| !waits(record)).unwrap_or(0);
        ordered.push(records.remove(at));
    }
    ordered
}
