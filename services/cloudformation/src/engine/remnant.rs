//! What may be left of a resource besides what the stack knows that it has.
//!
//! Deletes nothing that could be somebody else's: either the name was generated for this resource, or a call for it left a
//! receipt, or the thing carries the stack's marks, or it stands inside of something that does.

use serde_json::{Map, Value};

use super::run::Run;
use crate::providers::{self, Again, Failure, Provider, Work};
use crate::records::{Change, Filled, Physical, ResourceRecord};

/// What is about to be made under this id.
pub(super) fn planned(id: &str, properties: &Value, filled: Filled) -> Physical {
    let (id, properties) = (id.to_owned(), properties.clone());
    Physical { id, properties, attributes: Map::new(), no_echo: false, filled }
}

/// Something that exists, or may exist.
#[derive(Clone)]
pub(super) struct Remnant {
    pub(super) physical: Physical,
    /// False where it has to be looked for first.
    pub(super) is_ours: bool,
}

impl Remnant {
    /// What is known to exist, and to be the stack's.
    pub(super) fn ours(physical: Physical) -> Self {
        Self { physical, is_ours: true }
    }

    /// Deletes it, if it is there and the stack's. `work` names the stack.
    pub(super) async fn remove(self, provider: &'static dyn Provider, work: &Work) -> Result<(), Failure> {
        let properties = self.physical.properties.as_object().cloned().unwrap_or_default();
        let work = Work { planned: self.physical.id.clone(), properties, ..work.clone() };
        let named = Work { planned: String::new(), ..work.clone() };
        if self.is_ours {
            return provider.delete(&named, &self.physical).await;
        }
        // What else was called to make it, such as a role's own policies, goes with it.
        if let Again::Receipt(..) = providers::again(provider.kind()) {
            for made in work.receipts()?.into_iter().filter_map(|id| provider.of_receipt(&self.physical, id))
            {
                provider.delete(&named, &made).await?;
            }
        }
        match provider.find(&work).await? {
            Some(found) => provider.delete(&named, &found).await,
            None => Ok(()),
        }
    }
}

/// What an interrupted try left under its planned name, where that can only be ours.
pub(super) fn surely_ours(record: &ResourceRecord) -> Option<Physical> {
    let pending = record.pending.clone()?;
    let provider = providers::find(&record.kind)?;
    // SECURITY: a name of the template's own may be taken by something of somebody else.
    let ours = provider.owns_planned() && providers::own_name(provider, &pending.properties).is_none();
    ours.then_some(pending)
}

/// What an interrupted try to make the resource may have left. A change in place leaves nothing.
pub(super) fn interrupted(record: &ResourceRecord) -> Option<Remnant> {
    let pending = record.pending.clone()?;
    if record.physical.as_ref().is_some_and(|physical| physical.id == pending.id) {
        return None;
    }
    Some(match surely_ours(record) {
        Some(physical) => Remnant::ours(physical),
        None => Remnant { physical: pending, is_ours: false },
    })
}

/// What a change in place was to come to that stopped somewhere.
pub(super) fn half(record: &ResourceRecord) -> Option<&Physical> {
    let old = record.physical.as_ref()?;
    record.pending.as_ref().filter(|pending| pending.id == old.id)
}

/// A change in place that stopped may have done a part of its work: what comes next starts from what it may have come to, and
/// remembers what there was before it.
pub(super) fn take_up(run: &Run, record: &mut ResourceRecord) {
    let Some(pending) = half(record).cloned() else { return };
    let Some(old) = record.physical.clone() else { return };
    record.pending = None;
    if record.change.is_none() {
        record.change = Some(Change::Updated);
        record.before = Some(old.clone());
    }
    let work = run.work(&record.logical_id, &pending.id, &pending.properties);
    record.physical =
        providers::find(&record.kind).map(|provider| provider.half_changed(&work, &old)).or(Some(old));
}

/// What was made since the stack last stood firm: to go on the way back.
pub(super) fn made(record: &ResourceRecord) -> Vec<Remnant> {
    let new = matches!(record.change, Some(Change::Created | Change::Replaced));
    let present = record.physical.clone().filter(|_| new);
    let all = present.into_iter().chain(record.leftovers.clone()).map(Remnant::ours);
    all.chain(interrupted(record)).collect()
}

/// What was replaced: to go once everything is as asked.
pub(super) fn replaced(record: &ResourceRecord) -> Vec<Physical> {
    let before = record.before.clone().filter(|_| record.change == Some(Change::Replaced));
    before.into_iter().chain(record.leftovers.clone()).collect()
}

/// The resource without something that it was before.
pub(super) fn without(mut record: ResourceRecord, was: &Physical) -> ResourceRecord {
    record.leftovers.retain(|left| left.id != was.id);
    if record.change == Some(Change::Replaced)
        && record.before.as_ref().is_some_and(|before| before.id == was.id)
    {
        record.before = None;
        record.change = None;
    }
    record
}

/// All there is or may be of a resource.
pub(super) fn all(record: &ResourceRecord) -> Vec<Remnant> {
    let present = record.physical.clone().into_iter().chain(replaced(record)).map(Remnant::ours);
    present.chain(interrupted(record)).chain(put(record)).collect()
}

/// What a change in place that stopped put elsewhere, where receipts tell: with the resource alone it would not go.
fn put(record: &ResourceRecord) -> Option<Remnant> {
    let leaves_receipts = matches!(providers::again(&record.kind), Again::Receipt(..));
    let physical = half(record).filter(|_| leaves_receipts)?.clone();
    Some(Remnant { physical, is_ours: false })
}
