//! After an update: deletes what was replaced, and what the new template does not have any more.
//!
//! A deletion that fails does not fail the update, as on AWS: it is told in an event and left behind.

use super::delete::{self, Doomed, deletion};
use super::remnant::{self, Remnant};
use super::run::Run;
use crate::error::Error;
use crate::model::status;

/// Ends an update.
pub(super) async fn update(run: &mut Run) -> Result<(), Error> {
    let plan = run.plan(&run.stack.content)?;
    let dropped =
        delete::existing(run).into_iter().filter(|(id, _)| !plan.resources().contains_key(id)).collect();
    let failed = delete::all(run, Doomed { items: dropped, on_create: false, retain: Vec::new() }).await?;
    replaced(run).await?;
    let gone: Vec<String> = run
        .resources
        .keys()
        .filter(|id| !plan.resources().contains_key(*id) && !failed.contains(id))
        .cloned()
        .collect();
    for id in gone {
        run.drop_resource(&id).await?;
    }
    run.settle_all().await?;
    let now = run.caller.pipeline.clock().now();
    run.set_stack(status::UPDATE_COMPLETE, None, |stack| {
        stack.operation = None;
        stack.updated_at = Some(now);
    })
    .await
}

/// Deletes the old ones of what was replaced.
async fn replaced(run: &mut Run) -> Result<(), Error> {
    let records: Vec<_> =
        run.resources.values().filter(|r| !remnant::replaced(r).is_empty()).cloned().collect();
    // Later ones in the order of creation refer to earlier ones: the other way round nothing is in use.
    for mut record in records.into_iter().rev() {
        let kept = record.update_replace_policy.as_deref() == Some("Retain");
        for old in remnant::replaced(&record) {
            if kept {
                run.tell_of((&record, &old), status::DELETE_SKIPPED, None).await?;
                continue;
            }
            run.tell_of((&record, &old), status::DELETE_IN_PROGRESS, None).await?;
            let remnant = Remnant { physical: old.clone(), is_ours: true };
            let (status, why) = match deletion(run, &record.logical_id, vec![remnant]).await {
                Ok(()) => (status::DELETE_COMPLETE, None),
                Err(failure) => (status::DELETE_FAILED, Some(run.masked(failure.message))),
            };
            run.tell_of((&record, &old), status, why.as_deref()).await?;
        }
        record.change = None;
        record.before = None;
        record.leftovers.clear();
        run.put(record, false).await?;
    }
    Ok(())
}
