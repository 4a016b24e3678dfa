//! After an update: deletes what was replaced, and what the new template does not have any more.
//!
//! A deletion that fails does not fail the update, as on AWS: it is told in an event and left behind.

use std::collections::HashMap;

use template::Plan;

use super::delete::{self, Doomed, Item, What};
use super::nested;
use super::remnant::{self, Remnant};
use super::run::Run;
use crate::diff;
use crate::error::Error;
use crate::model::status;

/// Ends an update.
pub(super) async fn update(run: &mut Run) -> Result<(), Error> {
    let plan = run.plan(&run.stack.content)?;
    let before = run.operation().and_then(|operation| operation.before.clone());
    // SECURITY: a template that cannot be read says of nothing that it may go.
    let before = before.map(|content| run.plan(&content)).transpose()?;
    let dropped = delete::existing(run).into_iter().filter(|item| !plan.resources().contains_key(&item.id));
    let nested = nested::ids(run);
    let items = dropped.chain(replaced(run, before.as_ref())).chain(waiting(run, &plan)?).collect();
    // What goes was bound together by the template that it was made from.
    let depended = before.as_ref().map(depended).unwrap_or_default();
    let failed = delete::all(run, Doomed { items, depended, goes_on: true, ..Doomed::default() }).await?;
    let gone: Vec<String> = run
        .resources
        .keys()
        .filter(|id| !plan.resources().contains_key(*id) && !failed.contains(id))
        .cloned()
        .collect();
    for id in gone {
        run.drop_resource(&id).await?;
    }
    // What could not clean up in time, or is the stack's no more and was kept.
    nested::let_go(run, &nested).await?;
    run.settle_all().await?;
    let now = run.caller.pipeline.clock().now();
    run.set_stack(status::UPDATE_COMPLETE, None, |stack| {
        stack.operation = None;
        stack.updated_at = Some(now);
    })
    .await
}

/// What each resource of a template depends on.
fn depended(plan: &Plan) -> HashMap<String, Vec<String>> {
    let of = |id: &String| (id.clone(), plan.dependencies(id).map(str::to_owned).collect());
    plan.resources().keys().map(of).collect()
}

/// The stacks in this one that wait for its end.
fn waiting(run: &Run, plan: &Plan) -> Result<Vec<Item>, Error> {
    let here = nested::ids(run).into_iter().filter(|(id, _)| plan.resources().contains_key(id));
    let mut items = Vec::new();
    for (id, stack) in here {
        if nested::is_to_clean(run, &stack)? {
            items.push(Item { id, remnants: Vec::new(), what: What::Nested(stack) });
        }
    }
    Ok(items)
}

/// The old ones of what was replaced.
fn replaced(run: &Run, before: Option<&Plan>) -> Vec<Item> {
    let mut items = Vec::new();
    for record in run.resources.values() {
        let was = before.and_then(|plan| plan.resources().get(&record.logical_id));
        let was = was.and_then(|resource| resource.update_replace_policy.as_deref());
        let is_kept = diff::keeps_replaced(was, record.update_replace_policy.as_deref());
        items.extend(remnant::replaced(record).into_iter().map(|old| Item {
            id: record.logical_id.clone(),
            remnants: vec![Remnant::ours(old.clone())],
            what: What::Replaced { was: Box::new(old), is_kept },
        }));
    }
    items
}
