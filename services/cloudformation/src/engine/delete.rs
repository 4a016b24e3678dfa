//! Deletes resources: each once nothing that depends on it is left.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::PARALLEL_MAX;
use super::flight::Flight;
use super::nested;
use super::remnant::{self, Remnant};
use super::run::Run;
use crate::error::Error;
use crate::exports;
use crate::model::status;
use crate::operations::nested_sets;
use crate::providers::{self, Failure};
use crate::records::{Physical, ResourceRecord};

/// What of one resource is to go.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) remnants: Vec<Remnant>,
    pub(super) what: What,
}

/// Whether the resource itself goes.
#[derive(Clone)]
pub(super) enum What {
    /// It goes, unless its deletion policy keeps it.
    Resource,
    /// It stays, and something that it was before goes, unless that is kept.
    Replaced { was: Box<Physical>, is_kept: bool },
    /// It stays, and what is nested in it cleans up: the stack of this id.
    Nested(String),
}

/// What is deleted, and how.
#[derive(Default)]
pub(super) struct Doomed {
    /// What of each resource.
    pub(super) items: Vec<Item>,
    /// True while a stack that failed to be created is taken back.
    pub(super) on_create: bool,
    /// Kept whatever their policy says.
    pub(super) retain: Vec<String>,
    /// What the resources depended on, where that is not what is written with them.
    pub(super) depended: HashMap<String, Vec<String>>,
    /// True where one that cannot be deleted keeps none of the others: what is left behind is left as small as can be.
    pub(super) goes_on: bool,
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
    let nested = nested::ids(run);
    let items = existing(run);
    let failed = all(run, Doomed { items, retain, ..Doomed::default() }).await?;
    if failed.is_empty() {
        nested::let_go(run, &nested).await?;
        return complete(run).await;
    }
    let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
    run.set_stack(status::DELETE_FAILED, Some(&reason), |stack| stack.operation = None).await
}

/// Ends a stack of which nothing is left, and with it its change sets.
pub(super) async fn complete(run: &mut Run) -> Result<(), Error> {
    let now = run.caller.pipeline.clock().now();
    nested_sets::forget(&run.state.store, &run.stack, now).await?;
    run.set_stack(status::DELETE_COMPLETE, None, |stack| {
        stack.operation = None;
        stack.deleted_at = Some(now);
    })
    .await
}

/// Everything that exists, or may exist under a name that was planned for it.
pub(super) fn existing(run: &Run) -> Vec<Item> {
    let gone = |record: &&ResourceRecord| {
        record.status != status::DELETE_COMPLETE && record.status != status::DELETE_SKIPPED
    };
    let resources = run.resources.values().filter(gone);
    let items = resources.map(|record| Item {
        id: record.logical_id.clone(),
        remnants: remnant::all(record),
        what: What::Resource,
    });
    items.filter(|item| !item.remnants.is_empty()).collect()
}

/// Deletes items, dependents first, independent ones side by side. Answers the ids that failed.
pub(super) async fn all(run: &mut Run, mut doomed: Doomed) -> Result<Vec<String>, Error> {
    let mut left = std::mem::take(&mut doomed.items);
    let mut flight = Flight::new();
    let mut flying: HashMap<String, Going> = HashMap::new();
    let mut failed: Vec<String> = Vec::new();
    loop {
        let blocked = doomed.blocked(run, &left, &flying, &failed);
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|item| !blocked.contains(&item.id));
        left = later;
        for item in now {
            let name = item.name();
            if flying.len() >= PARALLEL_MAX || flying.contains_key(&name) {
                left.push(item);
                continue;
            }
            let Item { id, remnants, what } = item;
            if doomed.keeps(run, &id, &what) {
                tell(run, &id, &what, status::DELETE_SKIPPED, None).await?;
                continue;
            }
            tell(run, &id, &what, status::DELETE_IN_PROGRESS, None).await?;
            match &what {
                What::Nested(stack) => flight.spawn(name.clone(), nested::cleaned(run, stack.clone())),
                _ => flight.spawn(name.clone(), deletion(run, &id, remnants, doomed.on_create)),
            }
            flying.insert(name, (id, what));
        }
        match flight.next().await {
            Some((name, outcome)) => {
                let Some((id, what)) = flying.remove(&name) else { continue };
                match outcome.unwrap_or_else(|| Err(Failure::new("Internal Failure"))) {
                    Ok(()) => tell(run, &id, &what, status::DELETE_COMPLETE, None).await?,
                    Err(failure) => {
                        let why = run.masked(failure.message);
                        tell(run, &id, &what, status::DELETE_FAILED, Some(why)).await?;
                        failed.push(id);
                    }
                }
            }
            // What is left depends on something that could not be deleted.
            None if left.iter().all(|item| doomed.is_blocked_for_good(run, &item.id, &left, &failed)) => {
                return Ok(failed);
            }
            None => {}
        }
    }
}

/// What is being deleted: of which resource, and what of it.
type Going = (String, What);

impl Item {
    /// What tells it from all others.
    fn name(&self) -> String {
        match &self.what {
            What::Resource | What::Nested(_) => self.id.clone(),
            What::Replaced { was, .. } => format!("{}/{}", self.id, was.id),
        }
    }
}

impl Doomed {
    /// The ids on which something depends that is still there.
    fn blocked(
        &self,
        run: &Run,
        left: &[Item],
        flying: &HashMap<String, Going>,
        failed: &[String],
    ) -> HashSet<String> {
        let failed = failed.iter().filter(|_| !self.goes_on);
        let present = left.iter().map(|item| &item.id).chain(flying.values().map(|(id, _)| id)).chain(failed);
        let needed = |id: &String| match self.depended.get(id) {
            Some(ids) => ids.clone(),
            None => run.resources.get(id).map(|record| record.depends_on.clone()).unwrap_or_default(),
        };
        present.flat_map(needed).collect()
    }

    fn is_blocked_for_good(&self, run: &Run, id: &str, left: &[Item], failed: &[String]) -> bool {
        self.blocked(run, left, &HashMap::new(), failed).contains(id)
    }

    fn keeps(&self, run: &Run, id: &str, what: &What) -> bool {
        match what {
            What::Replaced { is_kept, .. } => return *is_kept,
            What::Nested(_) => return false,
            What::Resource => {}
        }
        let policy = run.resources.get(id).and_then(|record| record.deletion_policy.as_deref());
        let by_policy = match policy {
            Some("Retain") => !(self.on_create && run.stack.retain_except_on_create),
            Some("RetainExceptOnCreate") => !self.on_create,
            _ => false,
        };
        by_policy || self.retain.iter().any(|kept| kept == id)
    }
}

async fn tell(
    run: &mut Run,
    id: &str,
    what: &What,
    status: &str,
    reason: Option<String>,
) -> Result<(), Error> {
    let Some(record) = run.resources.get(id).cloned() else { return Ok(()) };
    let was = match what {
        What::Resource => return run.tell(&record, status, reason).await,
        // It tells by itself.
        What::Nested(_) => return Ok(()),
        What::Replaced { was, .. } => was,
    };
    run.tell_of((&record, was), status, reason.as_deref()).await?;
    if status == status::DELETE_IN_PROGRESS {
        return Ok(());
    }
    // Gone, kept or left behind: it is the stack's no more.
    run.put(remnant::without(record, was), false).await
}

/// The deletion of what there is of one resource, maybe on the way back from what made it.
pub(super) fn deletion(
    run: &Run,
    id: &str,
    remnants: Vec<Remnant>,
    goes_back: bool,
) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
    let kind = run.resources.get(id).map(|record| record.kind.clone()).unwrap_or_default();
    let mut work = run.work(id, "", &serde_json::Value::Null);
    work.place.goes_back = goes_back;
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
