//! Change sets of nested stacks: made with the one of the stack around them, executed and deleted from there.
//!
//! SECURITY: each is made by a call of its own through the pipeline, as whoever asked: leave for a stack is none for what is
//! nested in it, and a nested template is read with the rights of whoever asks for the change set.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use serde_json::{Map, Value};
use service::Call;
use store::{Read, Store, Transaction};
use template::Plan;

use super::change_sets::NOTHING_CHANGES;
use super::outer;
use crate::CloudFormation;
use crate::caller::Caller;
use crate::diff::{self, with_stack_tags};
use crate::engine::{STACK, generated_name, marks};
use crate::error::Error;
use crate::foreseen::{Foreseen, settled};
use crate::model::status;
use crate::providers;
use crate::records::{AroundRecord, ChangeSetRecord, NestedSetRecord, Phase, ResourceRecord, StackRecord};
use crate::stacks;

/// Why the change set of a nested stack cannot be executed by itself.
pub(crate) const FROM_THE_ROOT: &str = "Only executable from the root change set.";

const PARENT: &str = "aws:cloudformation:parent-change-set-id";
const ROOT: &str = "aws:cloudformation:root-change-set-id";

/// The nested stacks of a plan, of which change sets are wanted.
pub(crate) struct Nests {
    pub(crate) plan: Plan,
    pub(crate) records: Vec<ResourceRecord>,
    /// What the account's stacks export.
    pub(crate) exports: BTreeMap<String, String>,
}

impl Nests {
    /// True where there is any.
    pub(crate) fn is_any(&self) -> bool {
        self.ids().next().is_some()
    }

    /// Their logical ids; what one refers to comes before it.
    fn ids(&self) -> impl Iterator<Item = &String> {
        let is_stack = |id: &&String| self.plan.resources().get(*id).is_some_and(|found| found.kind == STACK);
        self.plan.order().iter().filter(is_stack)
    }

    /// What the properties of one will be, as far as that is known from what is to change around it.
    fn properties(&self, id: &str, set: &ChangeSetRecord) -> Result<Map<String, Value>, Error> {
        let foreseen = Foreseen { records: &self.records, changes: &set.changes, exports: &self.exports };
        let properties = settled(self.plan.properties(id, &foreseen)?);
        let properties = with_stack_tags(STACK, properties, &set.content.tags);
        Ok(properties.as_object().cloned().unwrap_or_default())
    }

    /// The stack that is there, if one is.
    fn physical_id(&self, id: &str) -> Option<String> {
        let record = self.records.iter().find(|record| record.logical_id == id);
        let there = record.filter(|record| record.status != "CREATE_FAILED")?;
        Some(there.physical.as_ref()?.id.clone())
    }
}

/// The change sets around the one that this call makes, where a change set asks for it.
pub(crate) fn around(call: &Call) -> Option<AroundRecord> {
    let marks = call.marks();
    let mark = |name: &str| marks.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Some(AroundRecord { parent_id: mark(PARENT)?, root_id: mark(ROOT)? })
}

/// Makes the change sets of nested stacks, and notes each in the one around them. Answers how each came out.
///
/// What comes out empty is taken back before the next is asked for: its outputs are known, and those whom they feed may be the same, too.
pub(crate) async fn make(
    state: &CloudFormation,
    call: &Call,
    (stack, set): (&StackRecord, &mut ChangeSetRecord),
    nests: &Nests,
) -> Result<Vec<ChangeSetRecord>, Error> {
    let mut made = Vec::new();
    for logical_id in nests.ids().cloned() {
        let properties = nests.properties(&logical_id, set)?;
        let physical_id = nests.physical_id(&logical_id);
        let root_id = set.around.as_ref().map_or(&set.id, |around| &around.root_id);
        let mut own: Vec<(String, String)> = marks(stack, &logical_id).to_vec();
        own.push((PARENT.to_owned(), set.id.clone()));
        own.push((ROOT.to_owned(), root_id.clone()));
        let from = (call.source().ip, call.source().is_secure);
        let mut caller = Caller::new(call.pipeline(), call.principal(), from, stack);
        caller.source.marks = Some(Arc::from(own));
        let kind = if physical_id.is_some() { "UPDATE" } else { "CREATE" };
        let name = physical_id.unwrap_or_else(|| planned(&stack.name, &logical_id));
        let mut input = providers::stack_input(&properties, &set.content.capabilities);
        input.extend([
            ("StackName".to_owned(), name.into()),
            ("ChangeSetName".to_owned(), named(&set.name, &logical_id).into()),
            ("ChangeSetType".to_owned(), kind.into()),
            ("IncludeNestedStacks".to_owned(), true.into()),
        ]);
        let answer = caller.call("cloudformation", "CreateChangeSet", Value::Object(input)).await;
        let answer = answer
            .map_err(|fault| Error::Validation(format!("Embedded stack {logical_id}: {}", fault.message)))?;
        let told = |member: &str| answer.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (id, stack_id) = (told("Id"), told("StackId"));
        let inner = stacks::change_set(&state.store, &stack_id, &id)?;
        // A nested stack in which nothing changes is not told, unless it changes itself.
        if inner.as_ref().is_some_and(is_empty) {
            diff::withdraw(&mut set.changes, &logical_id);
        }
        made.extend(inner);
        set.nested.push(NestedSetRecord { logical_id, stack_id, id });
        // What was made is known to be there, whatever happens next.
        state.store.transact(|tx| stacks::save_change_set(tx, &stack.id, set)).await?;
    }
    Ok(made)
}

fn planned(stack: &str, logical_id: &str) -> String {
    providers::find(STACK).map_or_else(String::new, |provider| generated_name(provider, stack, logical_id))
}

/// `set-LogicalId-random`, within what a change set's name may have.
fn named(set: &str, logical_id: &str) -> String {
    const RANDOM_CHARS: usize = 12;
    const READABLE_CHARS: usize = 128 - RANDOM_CHARS - 1;
    let readable: String = format!("{set}-{logical_id}").chars().take(READABLE_CHARS).collect();
    format!("{readable}-{}", crypto::random::base32(RANDOM_CHARS))
}

/// What a change set says of one of the nested stacks.
fn of(
    store: &(impl Read + ?Sized),
    stack_id: &str,
    set_id: &str,
    logical_id: &str,
) -> Result<Option<NestedSetRecord>, Error> {
    let set = stacks::change_set(store, stack_id, set_id)?;
    let nested = set.and_then(|set| set.nested.into_iter().find(|nested| nested.logical_id == logical_id));
    Ok(nested)
}

/// The change set that tells what the nested stack which this call makes or changes is to be: that of the stack around it is
/// being executed.
pub(crate) fn of_call(state: &CloudFormation, call: &Call) -> Result<Option<ChangeSetRecord>, Error> {
    let Some((stack_id, logical_id)) = outer::caller(call) else { return Ok(None) };
    let stack = stacks::by_id(&state.store, call.account(), call.region().as_str(), &stack_id)?;
    let operation = stack.and_then(|stack| stack.operation).filter(|begun| begun.phase == Phase::Forward);
    let Some(set_id) = operation.and_then(|operation| operation.change_set_id) else { return Ok(None) };
    let Some(nested) = of(&state.store, &stack_id, &set_id, &logical_id)? else { return Ok(None) };
    stacks::change_set(&state.store, &nested.stack_id, &nested.id)
}

/// The name of the stack that waits for review of what is now carried out.
pub(crate) fn reviewed(
    store: &Store,
    stack: &StackRecord,
    logical_id: &str,
) -> Result<Option<String>, Error> {
    let operation = stack.operation.as_ref();
    let Some(set_id) = operation.and_then(|operation| operation.change_set_id.as_deref()) else {
        return Ok(None);
    };
    let Some(nested) = of(store, &stack.id, set_id, logical_id)? else { return Ok(None) };
    let found = stacks::by_id(store, stack.account, &stack.region, &nested.stack_id)?;
    Ok(found.filter(|found| found.status == status::REVIEW_IN_PROGRESS).map(|found| found.name))
}

/// True where a change set belongs to one around it, which is there.
pub(crate) fn is_held(
    store: &(impl Read + ?Sized),
    stack: &StackRecord,
    set: &ChangeSetRecord,
) -> Result<bool, Error> {
    let (Some(around), Some(parent)) = (&set.around, &stack.parent_id) else { return Ok(false) };
    Ok(stacks::change_set(store, parent, &around.parent_id)?.is_some())
}

/// Drops a change set, those of the stacks in its stack, and the stacks that only waited for their review.
pub(crate) fn drop_all(
    tx: &mut Transaction<'_>,
    stack: &StackRecord,
    set: &ChangeSetRecord,
    now: Timestamp,
) -> Result<(), Error> {
    // Stacks are nested at most so deep.
    for nested in &set.nested {
        let found = stacks::by_id(tx, stack.account, &stack.region, &nested.stack_id)?;
        let Some(found) = found.filter(|found| found.parent_id.as_ref() == Some(&stack.id)) else {
            continue;
        };
        if let Some(inner) = stacks::change_set(tx, &found.id, &nested.id)? {
            drop_all(tx, &found, &inner, now)?;
        }
        end_review(tx, found, now)?;
    }
    // One of the same name that was made since is another one.
    match stacks::change_set(tx, &stack.id, &set.id)? {
        Some(_) => stacks::drop_change_set(tx, &stack.id, &set.name),
        None => Ok(()),
    }
}

/// Ends a stack that only waited for its review.
fn end_review(tx: &mut Transaction<'_>, mut stack: StackRecord, now: Timestamp) -> Result<(), Error> {
    if stack.status != status::REVIEW_IN_PROGRESS {
        return Ok(());
    }
    let subject = (stack.name.clone(), stack.id.clone());
    let told = (subject.0.as_str(), Some(subject.1.as_str()), STACK);
    let event = stacks::event(&stack, told, status::DELETE_COMPLETE, None, now);
    stacks::add_event(tx, &stack, &event)?;
    status::DELETE_COMPLETE.clone_into(&mut stack.status);
    stack.reason = None;
    stack.deleted_at = Some(now);
    stacks::save(tx, &stack)
}

/// Leaves nothing of a change set that could not be made: nobody was told of it, nor of the stack that it is for where that
/// is nested.
pub(crate) fn give_up(
    tx: &mut Transaction<'_>,
    stack: &StackRecord,
    set: &ChangeSetRecord,
    now: Timestamp,
) -> Result<(), Error> {
    drop_all(tx, stack, set, now)?;
    let found = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
    match found.filter(|_| set.around.is_some()) {
        Some(found) => end_review(tx, found, now),
        None => Ok(()),
    }
}

/// Drops all change sets of a stack that is gone.
pub(crate) async fn forget(store: &Store, stack: &StackRecord, now: Timestamp) -> Result<(), Error> {
    for set in stacks::change_sets(store, &stack.id)? {
        store.transact(|tx| drop_all(tx, stack, &set, now)).await?;
    }
    Ok(())
}

/// True where nothing would change.
fn is_empty(set: &ChangeSetRecord) -> bool {
    set.reason.as_deref() == Some(NOTHING_CHANGES)
}

/// The first that could not be made; where nothing changes none is made.
pub(crate) fn failed(made: &[ChangeSetRecord]) -> Option<&ChangeSetRecord> {
    made.iter().find(|set| set.status == "FAILED" && !is_empty(set))
}

/// Why the change set around one that could not be made cannot be made either.
pub(crate) fn failure(set: &ChangeSetRecord) -> String {
    format!("Nested change set {} was not successfully created: Currently in {}.", set.id, set.status)
}
