//! Towards what was asked: creates, changes and replaces resources, each once all that it depends on is settled.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use template::{Plan, Resource, TemplateError};

use super::PARALLEL_MAX;
use super::finish::{Failed, finish, keeps_what_is};
use super::flight::Flight;
use super::remnant::{self, Remnant};
use super::run::{Run, STACK};
use crate::diff;
use crate::dynamic;
use crate::error::Error;
use crate::providers::{self, CREATION_CANCELLED, Failure, Provider, UPDATE_CANCELLED};
use crate::records::{Change, Filled, Physical, ResourceRecord, VERSION};
use crate::stack_policy::Action;

/// The state of a resource that could not be made, or not wholly.
const CREATE_FAILED: &str = "CREATE_FAILED";

/// Why another resource is made in the place of one.
const REPLACES: &str =
    "Requested update requires the creation of a new physical resource; hence creating one.";

/// What is to be done with one resource.
enum Step {
    Nothing,
    Work(Box<Task>),
    Impossible(String),
}

/// A step that calls a service.
struct Task {
    provider: &'static dyn Provider,
    work: providers::Work,
    /// The resource to change in place; without it one is made.
    old: Option<Physical>,
    /// What an earlier try may have made.
    interrupted: Option<Remnant>,
    /// What an earlier try made and could not finish.
    wreck: Option<Physical>,
    /// True where an earlier try began this very change in place, and nobody knows how far it came.
    is_begun: bool,
}

/// Carries the forward phase out, and chooses the next one.
pub(super) async fn go(run: &mut Run) -> Result<(), Error> {
    let plan = run.plan(&run.stack.content)?;
    let mut flight = Flight::new();
    let mut seen: HashSet<String> = HashSet::new();
    let mut failed = Failed::default();
    protect_dropped(run, &plan, &mut failed);
    let goes_on = failed.is_empty() && keeps_what_is(run);
    run.cancel.send_replace(false);
    loop {
        let mut tasks = Vec::new();
        let stops = failed.timed_out || (!failed.is_empty() && !goes_on);
        if stops || run.is_cancelled() {
            // Who waits for an answer from outside need not wait any longer.
            run.cancel.send_replace(true);
        } else {
            tasks = next_tasks(run, &plan, &mut seen, (flight.len(), goes_on), &mut failed).await;
        }
        // One write for all that ended and all that begins: what is about to be done is written before it is done.
        run.flush().await?;
        if run.is_cancelled() {
            withdraw(run, tasks, &mut failed).await?;
        } else {
            for (id, task) in tasks {
                flight.spawn(id, task.carry_out());
            }
        }
        let news = Arc::clone(&run.news);
        let landed = tokio::select! {
            landed = flight.next() => landed,
            () = news.notified() => {
                run.look()?;
                continue;
            }
            () = passed(run.time_left().filter(|_| !failed.timed_out)) => {
                failed.timed_out = true;
                continue;
            }
        };
        let Some(first) = landed else { break };
        land(run, first, &mut failed);
        while let Some(next) = flight.ended().await {
            land(run, next, &mut failed);
        }
    }
    run.cancel.send_replace(false);
    if run.is_taken_over() {
        run.give_way();
        return Ok(());
    }
    finish(run, &plan, &failed).await
}

/// Ends once so much time has passed; never where there is no limit.
async fn passed(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

/// Takes back what was about to begin as somebody asked that the operation stop. What an earlier try may have made stays
/// written: the deletion, or the way back, looks for it. What an earlier try began to change goes back with all else.
async fn withdraw(run: &mut Run, tasks: Vec<(String, Box<Task>)>, failed: &mut Failed) -> Result<(), Error> {
    for (id, task) in tasks.into_iter().filter(|(_, task)| task.interrupted.is_none()) {
        let failure = Failure::new(if task.old.is_some() { UPDATE_CANCELLED } else { CREATION_CANCELLED });
        fail(run, &id, if task.is_begun { failure } else { failure.untouched() }, failed);
    }
    run.flush().await
}

/// All that can begin now, each with its logical id; written with the next flush.
async fn next_tasks(
    run: &mut Run,
    plan: &Plan,
    seen: &mut HashSet<String>,
    (flying, goes_on): (usize, bool),
    failed: &mut Failed,
) -> Vec<(String, Box<Task>)> {
    let mut tasks = Vec::new();
    for id in plan.order() {
        let ready = plan.dependencies(id).all(|dependency| is_settled(run, dependency));
        if seen.contains(id) || !ready || flying + tasks.len() >= PARALLEL_MAX {
            continue;
        }
        seen.insert(id.clone());
        match begin(run, plan, id).await {
            Step::Nothing => {}
            Step::Work(task) => tasks.push((id.clone(), task)),
            Step::Impossible(reason) => {
                refuse(run, id, Failure::new(reason), failed);
                if !goes_on {
                    break;
                }
            }
        }
    }
    tasks
}

/// Notes how work on a resource ended.
fn land(run: &mut Run, (id, outcome): (String, Option<Result<Physical, Failure>>), failed: &mut Failed) {
    match outcome {
        Some(Ok(physical)) => succeed(run, &id, physical),
        Some(Err(failure)) => fail(run, &id, failure, failed),
        None => {
            // It is not known what there is: whatever surely is ours is there to be deleted.
            let mut failure = Failure::new("Internal Failure");
            let left = run.resources.get(&id).filter(|record| record.physical.is_none());
            failure.partial = left.and_then(remnant::surely_ours).map(Box::new);
            fail(run, &id, failure, failed);
        }
    }
}

/// Refuses an update that would delete what the stack's policy protects.
fn protect_dropped(run: &mut Run, plan: &Plan, failed: &mut Failed) {
    let dropped: Vec<(String, String)> = run
        .resources
        .values()
        .filter(|record| record.physical.is_some() && !plan.resources().contains_key(&record.logical_id))
        .map(|record| (record.logical_id.clone(), record.kind.clone()))
        .collect();
    for (id, kind) in dropped {
        if let Some(denied) = run.protected(Action::Delete, &id, &kind) {
            fail(run, &id, Failure::new(denied), failed);
        }
    }
}

fn is_settled(run: &Run, id: &str) -> bool {
    run.resources.get(id).is_some_and(|record| record.settled == run.number())
}

impl Task {
    async fn carry_out(self: Box<Self>) -> Result<Physical, Failure> {
        let Some(old) = &self.old else {
            if let Some(wreck) = &self.wreck {
                let work = providers::Work { planned: String::new(), ..self.work.clone() };
                self.provider.delete(&work, wreck).await.map_err(|failure| failure.after(wreck))?;
            }
            if let Some(remnant) = self.interrupted {
                if let Some(made) = self.provider.take_over(&self.work).await? {
                    return Ok(made);
                }
                let left = remnant.clone();
                // What could not be taken away stays written: the way back takes it away.
                let kept = |failure: Failure| match left.is_ours {
                    true => failure.after(&left.physical),
                    false => failure,
                };
                remnant.remove(self.provider, &self.work).await.map_err(kept)?;
            }
            return self.provider.create(&self.work).await;
        };
        self.provider.update(&self.work, old).await
    }
}

/// Decides on one resource, and writes down what is about to be done.
async fn begin(run: &mut Run, plan: &Plan, id: &str) -> Step {
    if is_settled(run, id) {
        return Step::Nothing;
    }
    let Some(resource) = plan.resources().get(id) else { return Step::Nothing };
    let mut record = of_template(run.resources.get(id).cloned(), plan, id, resource);
    let Some(provider) = providers::find(&resource.kind) else {
        run.queue(record, false);
        return Step::Impossible(format!("Resource type {} is not supported", resource.kind));
    };
    let Resolved { properties, policy, filled } = match resolved(run, plan, &record).await {
        Ok(resolved) => resolved,
        Err(why) => {
            run.queue(record, false);
            return Step::Impossible(why);
        }
    };
    let mut is_begun = remnant::half(&record).is_some();
    if remnant::half(&record).is_some_and(|begun| begun.properties != properties) {
        // It is not the same change any more: this one starts from what the other may have come to.
        remnant::take_up(run, &mut record);
        is_begun = false;
    }
    // What could not be finished is made again, and not changed into what was asked.
    let wreck = record.physical.take_if(|_| record.status == CREATE_FAILED);
    let in_place = match &mut record.physical {
        None => None,
        Some(old) => {
            let changed = providers::changed(&old.properties, &properties);
            // What is in a nested stack may have changed though nothing of it here did.
            let looks = resource.kind == STACK && run.protected(Action::Modify, id, STACK).is_none();
            if changed.is_empty() && !looks && !is_begun {
                old.filled = filled;
                record.settled = run.number();
                run.queue(record, false);
                return Step::Nothing;
            }
            (!providers::replaces(provider, &changed)).then(|| old.clone())
        }
    };
    let creates = record.physical.is_none();
    let interrupted = if in_place.is_none() { remnant::interrupted(&record) } else { None };
    let own_name = providers::own_name(provider, &properties);
    let reviewed = run.reviewed(&record);
    let planned = match (&in_place, &record.pending, &own_name) {
        (Some(old), _, _) => old.id.clone(),
        (None, _, Some(name)) => name.clone(),
        (None, Some(pending), None) => pending.id.clone(),
        (None, None, None) => reviewed.unwrap_or_else(|| generated_name(provider, &run.stack.name, id)),
    };
    let action = if in_place.is_some() { Action::Modify } else { Action::Replace };
    if let Some(denied) = run.protected(action, id, &resource.kind).filter(|_| !creates) {
        run.queue(record, false);
        return Step::Impossible(denied);
    }
    let taken = record.physical.as_ref().is_some_and(|old| old.id == planned);
    if in_place.is_none() && own_name.is_some() && taken {
        run.queue(record, false);
        return Step::Impossible(format!(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {planned} and \
             update the stack again."
        ));
    }
    record.pending = Some(remnant::planned(&planned, &properties, filled));
    record.reason = (!creates && in_place.is_none()).then(|| REPLACES.to_owned());
    record.status = if creates { "CREATE_IN_PROGRESS" } else { "UPDATE_IN_PROGRESS" }.to_owned();
    // Written until there is another one: it is to go whatever happens meanwhile.
    record.leftovers.extend(wreck.clone());
    run.queue(record, true);
    let mut work = run.work(id, &planned, &properties);
    work.place.creation_policy = policy;
    Step::Work(Box::new(Task { provider, work, old: in_place, interrupted, wreck, is_begun }))
}

/// What is known of a resource, with what the template says besides its properties.
pub(super) fn of_template(
    existing: Option<ResourceRecord>,
    plan: &Plan,
    id: &str,
    resource: &Resource,
) -> ResourceRecord {
    let mut record = existing.unwrap_or_else(|| new_record(id, &resource.kind));
    record.depends_on = plan.dependencies(id).map(str::to_owned).collect();
    record.deletion_policy.clone_from(&resource.deletion_policy);
    record.update_replace_policy.clone_from(&resource.update_replace_policy);
    record
}

/// What a resource is to be.
struct Resolved {
    properties: Value,
    policy: Option<Value>,
    /// What its dynamic references gave.
    filled: Filled,
}

/// What a resource is to be.
async fn resolved(run: &Run, plan: &Plan, record: &ResourceRecord) -> Result<Resolved, String> {
    let told = |error: TemplateError| error.message().to_owned();
    let (id, kind) = (record.logical_id.as_str(), record.kind.as_str());
    let properties = plan.properties(id, &run.references()).map_err(told)?;
    let policy = plan.policy(id, "CreationPolicy", &run.references()).map_err(told)?;
    let whole = record.physical.as_ref().filter(|_| record.status != CREATE_FAILED);
    let known = whole.map(|old| old.filled.clone()).unwrap_or_default();
    let (properties, filled) = dynamic::resolved(&run.caller, properties, &known).await?;
    let properties = diff::with_stack_tags(kind, properties, &run.stack.content.tags);
    providers::check_resolved(id, kind, &properties)?;
    Ok(Resolved { properties, policy, filled })
}

fn new_record(id: &str, kind: &str) -> ResourceRecord {
    ResourceRecord {
        version: VERSION,
        logical_id: id.to_owned(),
        kind: kind.to_owned(),
        status: String::new(),
        reason: None,
        updated_at: base::Timestamp::default(),
        depends_on: Vec::new(),
        deletion_policy: None,
        update_replace_policy: None,
        physical: None,
        pending: None,
        before: None,
        change: None,
        settled: 0,
        leftovers: Vec::new(),
    }
}

/// `stack-LogicalId-RANDOM`, cut so that the random part stays.
pub(crate) fn generated_name(provider: &dyn Provider, stack: &str, id: &str) -> String {
    const RANDOM_CHARS: usize = 12;
    let longest = provider.name().map_or(100, |(_, longest)| longest);
    let readable: String =
        format!("{stack}-{id}").chars().take(longest.saturating_sub(RANDOM_CHARS + 1)).collect();
    format!("{readable}-{}", crypto::random::base32(RANDOM_CHARS))
}

fn succeed(run: &mut Run, id: &str, mut physical: Physical) {
    let Some(mut record) = run.resources.get(id).cloned() else { return };
    physical.filled = record.pending.as_ref().map(|pending| pending.filled.clone()).unwrap_or_default();
    let creates = record.physical.is_none();
    let same = record.physical.as_ref().is_some_and(|old| old.id == physical.id);
    let old = record.physical.take();
    let change = match (creates, same) {
        (true, _) => Change::Created,
        (false, true) => Change::Updated,
        (false, false) => Change::Replaced,
    };
    keep_old(&mut record, old, change);
    record.leftovers.retain(|left| left.id != physical.id);
    record.physical = Some(physical);
    if creates || !same {
        initiated(run, &record, creates);
    }
    record.pending = None;
    record.settled = run.number();
    record.reason = None;
    record.status = if creates { "CREATE_COMPLETE" } else { "UPDATE_COMPLETE" }.to_owned();
    run.queue(record, true);
}

/// Tells the id of what is being made, as AWS does once there is one.
fn initiated(run: &mut Run, record: &ResourceRecord, creates: bool) {
    let status = if creates { "CREATE_IN_PROGRESS" } else { "UPDATE_IN_PROGRESS" }.to_owned();
    let was_foreseen = creates || record.reason.as_deref() == Some(REPLACES);
    // Only its answer tells that a provider made another one.
    let reason = if was_foreseen {
        "Resource creation Initiated"
    } else {
        "Requested update required the provider to create a new physical resource"
    };
    run.queue(ResourceRecord { status, reason: Some(reason.to_owned()), ..record.clone() }, true);
}

/// Remembers what a resource was, for the way back; over several updates that stopped half-way, what it was at first.
fn keep_old(record: &mut ResourceRecord, old: Option<Physical>, change: Change) {
    match (record.change, change) {
        // What was made since is made still, whatever it is changed to.
        (Some(Change::Created | Change::Replaced), Change::Updated) => {}
        (Some(Change::Created | Change::Replaced), Change::Replaced) => record.leftovers.extend(old),
        _ => {
            record.before = record.before.take().or(old);
            record.change = Some(change);
        }
    }
}

/// Notes how work on a resource failed.
fn fail(run: &mut Run, id: &str, failure: Failure, failed: &mut Failed) {
    let Some(mut record) = run.resources.get(id).cloned() else { return };
    if !failure.is_untouched && failure.partial.is_none() {
        // An update in place that failed may have done a part of its work: going back starts from that.
        remnant::take_up(run, &mut record);
    }
    record.pending = None;
    note(run, record, failure, failed);
}

/// Notes why work on a resource cannot even begin. What an earlier try may have made stays written: it is to be looked for.
fn refuse(run: &mut Run, id: &str, failure: Failure, failed: &mut Failed) {
    match run.resources.get(id).filter(|record| remnant::interrupted(record).is_some()).cloned() {
        Some(record) => note(run, record, failure, failed),
        None => fail(run, id, failure, failed),
    }
}

fn note(run: &mut Run, mut record: ResourceRecord, failure: Failure, failed: &mut Failed) {
    let creates = record.physical.is_none();
    if let Some(partial) = failure.partial {
        let is_another = record.physical.as_ref().is_none_or(|old| old.id != partial.id);
        let old = record.physical.take();
        keep_old(&mut record, old, if creates { Change::Created } else { Change::Replaced });
        record.leftovers.retain(|left| left.id != partial.id);
        record.physical = Some(*partial);
        if is_another {
            initiated(run, &record, creates);
        }
    }
    record.reason = Some(run.masked(failure.message));
    record.status = if creates { "CREATE_FAILED" } else { "UPDATE_FAILED" }.to_owned();
    let list = if creates { &mut failed.created } else { &mut failed.updated };
    list.push(record.logical_id.clone());
    run.queue(record, true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_keep_their_random_part() {
        let table = providers::find("AWS::Lambda::Function").unwrap();
        let name = generated_name(table, &"s".repeat(100), "Logical");
        assert_eq!(name.len(), 64);
        assert_ne!(name, generated_name(table, &"s".repeat(100), "Logical"));
        assert!(generated_name(table, "orders", "Get").starts_with("orders-Get-"));
    }
}
