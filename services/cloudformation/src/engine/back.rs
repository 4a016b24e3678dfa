//! Back: takes a failed creation away, and brings a failed update to where it began.

use super::delete::{self, Doomed, deletion};
use super::run::Run;
use crate::error::Error;
use crate::model::status;
use crate::providers;
use crate::records::{Change, OnFailure, Physical, ResourceRecord};

/// Deletes all that a failed creation made.
pub(super) async fn creation(run: &mut Run) -> Result<(), Error> {
    let items = delete::existing(run);
    let failed = delete::all(run, Doomed { items, on_create: true, retain: Vec::new() }).await?;
    if !failed.is_empty() {
        let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
        return run.set_stack(status::ROLLBACK_FAILED, Some(&reason), |stack| stack.operation = None).await;
    }
    let now = run.caller.pipeline.clock().now();
    if run.stack.on_failure == OnFailure::Delete {
        return run
            .set_stack(status::DELETE_COMPLETE, None, |stack| {
                stack.operation = None;
                stack.deleted_at = Some(now);
            })
            .await;
    }
    run.set_stack(status::ROLLBACK_COMPLETE, None, |stack| {
        stack.operation = None;
        stack.deleted_at = Some(now);
    })
    .await
}

/// Brings every resource that an update changed back to what it was.
pub(super) async fn update(run: &mut Run) -> Result<(), Error> {
    let changed: Vec<ResourceRecord> =
        run.resources.values().filter(|record| record.change == Some(Change::Updated)).cloned().collect();
    let mut failed = Vec::new();
    for record in in_order(changed) {
        if let (Some(now), Some(before)) = (record.physical.clone(), record.before.clone())
            && !restore(run, record.clone(), &now, before).await?
        {
            failed.push(record.logical_id);
        }
    }
    if !failed.is_empty() {
        let reason = format!("The following resource(s) failed to update: [{}]. ", failed.join(", "));
        return run
            .set_stack(status::UPDATE_ROLLBACK_FAILED, Some(&reason), |stack| stack.operation = None)
            .await;
    }
    if run.stack.status != status::UPDATE_ROLLBACK_CLEANUP {
        run.set_stack(status::UPDATE_ROLLBACK_CLEANUP, None, |_| {}).await?;
    }
    remove_new(run).await?;
    let now = run.caller.pipeline.clock().now();
    run.settle_all().await?;
    run.set_stack(status::UPDATE_ROLLBACK_COMPLETE, None, |stack| {
        stack.updated_at = Some(now);
        if let Some(before) = stack.operation.take().and_then(|operation| operation.before) {
            stack.content = before;
        }
    })
    .await
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
    let work = run.work(&before.id, &before.properties);
    match provider.update(&work, now).await {
        Ok(_) => {
            record.physical = Some(before);
            record.before = None;
            record.change = None;
            run.tell(&record, "UPDATE_COMPLETE", None).await?;
            Ok(true)
        }
        Err(failure) => {
            run.tell(&record, "UPDATE_FAILED", Some(failure.message)).await?;
            Ok(false)
        }
    }
}

/// Deletes what the update made, and lets the old ones of what it replaced be again.
async fn remove_new(run: &mut Run) -> Result<(), Error> {
    let made: Vec<ResourceRecord> = run
        .resources
        .values()
        .filter(|record| matches!(record.change, Some(Change::Created | Change::Replaced)))
        .cloned()
        .collect();
    for mut record in in_order(made).into_iter().rev() {
        if let Some(new) = record.physical.clone() {
            run.tell(&record, status::DELETE_IN_PROGRESS, None).await?;
            match deletion(run, &record.logical_id, &new).await {
                Ok(()) => run.tell(&record, status::DELETE_COMPLETE, None).await?,
                Err(failure) => run.tell(&record, status::DELETE_FAILED, Some(failure.message)).await?,
            }
        }
        if record.change == Some(Change::Created) {
            run.drop_resource(&record.logical_id).await?;
            continue;
        }
        record.physical = record.before.take();
        record.change = None;
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
