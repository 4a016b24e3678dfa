//! Reads and writes the records of stacks.
//!
//! Decides nothing: what may happen to a stack is in [`crate::model`], what happens in [`crate::engine`].

use base::{AccountId, Region};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Key, Range, Read, Store, Table, Transaction};

use crate::error::Error;
use crate::exports;
use crate::records::{
    CHANGE_SETS, ChangeSetRecord, EVENTS, EventRecord, NAMES, PULSES, PulseRecord, RESOURCES, ResourceRecord,
    STACKS, StackRecord, VERSION,
};

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    Ok(serde_json::from_slice(bytes)?)
}

pub(crate) fn put<T: Serialize>(
    tx: &mut Transaction<'_>,
    table: Table,
    key: &Key,
    record: &T,
) -> Result<(), Error> {
    Ok(tx.put(table, key, serde_json::to_vec(record)?)?)
}

pub(crate) fn home(account: AccountId, region: &str) -> Key {
    Key::new().str(account.as_str()).str(region)
}

fn stack_key(account: AccountId, region: &str, id: &str) -> Key {
    home(account, region).str(id)
}

/// The stack of this name or id. A name finds only a stack that was not deleted.
pub(crate) fn find(
    reader: &(impl Read + ?Sized),
    account: AccountId,
    region: &Region,
    name_or_id: &str,
) -> Result<Option<StackRecord>, Error> {
    let id = if name_or_id.starts_with("arn:") {
        name_or_id.to_owned()
    } else {
        let key = home(account, region.as_str()).str(name_or_id);
        match reader.read(NAMES, &key)? {
            Some(id) => String::from_utf8_lossy(&id).into_owned(),
            None => return Ok(None),
        }
    };
    by_id(reader, account, region.as_str(), &id)
}

/// The stack of this id.
pub(crate) fn by_id(
    reader: &(impl Read + ?Sized),
    account: AccountId,
    region: &str,
    id: &str,
) -> Result<Option<StackRecord>, Error> {
    reader.read(STACKS, &stack_key(account, region, id))?.map(|bytes| decode(&bytes)).transpose()
}

/// All stacks of an account in a region, deleted ones too.
pub(crate) fn all(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &Region,
) -> Result<Vec<StackRecord>, Error> {
    let found = store.list(STACKS, &Range::prefix(home(account, region.as_str())))?;
    found.iter().map(|(_, bytes)| decode(bytes)).collect()
}

/// The stacks of an account in a region that were not deleted: no work is spent on those that were.
pub(crate) fn live(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &Region,
) -> Result<Vec<StackRecord>, Error> {
    let names = store.list(NAMES, &Range::prefix(home(account, region.as_str())))?;
    let mut found = Vec::with_capacity(names.len());
    for (_, id) in names {
        found.extend(by_id(store, account, region.as_str(), &String::from_utf8_lossy(&id))?);
    }
    Ok(found)
}

/// How many those are.
pub(crate) fn count(
    store: &(impl Read + ?Sized),
    account: AccountId,
    region: &Region,
) -> Result<usize, Error> {
    Ok(store.list(NAMES, &Range::prefix(home(account, region.as_str())))?.len())
}

/// Every stack that has an operation under way.
pub(crate) fn unfinished(store: &Store) -> Result<Vec<StackRecord>, Error> {
    let mut found = Vec::new();
    for (_, bytes) in store.scan(STACKS, &Range::all())? {
        let stack: StackRecord = decode(&bytes)?;
        if stack.operation.is_some() {
            found.push(stack);
        }
    }
    Ok(found)
}

/// Writes a stack, and makes its name point to it, or to nothing once it is deleted.
///
/// # Errors
/// It exports what another stack exports.
pub(crate) fn save(tx: &mut Transaction<'_>, stack: &StackRecord) -> Result<(), Error> {
    let stored = by_id(tx, stack.account, &stack.region, &stack.id)?;
    exports::index(tx, stored.as_ref(), stack)?;
    let name = home(stack.account, &stack.region).str(&stack.name);
    if stack.status == crate::model::status::DELETE_COMPLETE {
        let holder = tx.get(NAMES, &name)?;
        if holder.is_some_and(|id| id.as_ref() == stack.id.as_bytes()) {
            tx.delete(NAMES, &name)?;
        }
    } else {
        tx.put(NAMES, &name, stack.id.clone().into_bytes())?;
    }
    put(tx, STACKS, &stack_key(stack.account, &stack.region, &stack.id), stack)
}

/// What changes with every step of this stack's operations.
pub(crate) fn pulse(reader: &(impl Read + ?Sized), stack: &StackRecord) -> Result<PulseRecord, Error> {
    let found = reader.read(PULSES, &Key::new().str(&stack.id))?;
    let none = PulseRecord { version: VERSION, events: stack.events, cancelled: false };
    found.map_or(Ok(none), |bytes| decode(&bytes))
}

/// Notes that the operation under way is to stop, or that a new one is not.
pub(crate) fn set_cancelled(
    tx: &mut Transaction<'_>,
    stack: &StackRecord,
    cancelled: bool,
) -> Result<(), Error> {
    let pulse = PulseRecord { cancelled, ..pulse(tx, stack)? };
    put(tx, PULSES, &Key::new().str(&stack.id), &pulse)
}

/// Appends an event, and counts it.
pub(crate) fn add_event(
    tx: &mut Transaction<'_>,
    stack: &StackRecord,
    event: &EventRecord,
) -> Result<PulseRecord, Error> {
    let mut pulse = pulse(tx, stack)?;
    let key = Key::new().str(&stack.id).u64_desc(pulse.events);
    pulse.events += 1;
    put(tx, EVENTS, &key, event)?;
    put(tx, PULSES, &Key::new().str(&stack.id), &pulse)?;
    Ok(pulse)
}

/// Events, newest first, from behind the number `before`.
pub(crate) fn events(
    store: &(impl Read + ?Sized),
    stack: &StackRecord,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<EventRecord>, Error> {
    let prefix = Key::new().str(&stack.id);
    let mut range = Range::prefix(&prefix).limit(limit);
    if let Some(before) = before {
        range = range.after(prefix.u64_desc(before));
    }
    store.list(EVENTS, &range)?.iter().map(|(_, bytes)| decode(bytes)).collect()
}

/// The resources of a stack, by logical id.
pub(crate) fn resources(store: &(impl Read + ?Sized), stack_id: &str) -> Result<Vec<ResourceRecord>, Error> {
    let found = store.list(RESOURCES, &Range::prefix(Key::new().str(stack_id)))?;
    found.iter().map(|(_, bytes)| decode(bytes)).collect()
}

/// Writes a resource.
pub(crate) fn save_resource(
    tx: &mut Transaction<'_>,
    stack_id: &str,
    record: &ResourceRecord,
) -> Result<(), Error> {
    put(tx, RESOURCES, &Key::new().str(stack_id).str(&record.logical_id), record)
}

/// Drops a resource from a stack.
pub(crate) fn drop_resource(tx: &mut Transaction<'_>, stack_id: &str, logical_id: &str) -> Result<(), Error> {
    Ok(tx.delete(RESOURCES, Key::new().str(stack_id).str(logical_id))?)
}

/// The change set of this name or id.
pub(crate) fn change_set(
    reader: &(impl Read + ?Sized),
    stack_id: &str,
    name_or_id: &str,
) -> Result<Option<ChangeSetRecord>, Error> {
    // arn:aws:cloudformation:region:account:changeSet/name/uuid
    let name = match name_or_id.strip_prefix("arn:") {
        Some(rest) => rest.split('/').nth(1).unwrap_or_default(),
        None => name_or_id,
    };
    let bytes = reader.read(CHANGE_SETS, &Key::new().str(stack_id).str(name))?;
    let found: Option<ChangeSetRecord> = bytes.map(|bytes| decode(&bytes)).transpose()?;
    Ok(found.filter(|set| !name_or_id.starts_with("arn:") || set.id == name_or_id))
}

/// The change sets of a stack, by name.
pub(crate) fn change_sets(
    store: &(impl Read + ?Sized),
    stack_id: &str,
) -> Result<Vec<ChangeSetRecord>, Error> {
    let found = store.list(CHANGE_SETS, &Range::prefix(Key::new().str(stack_id)))?;
    found.iter().map(|(_, bytes)| decode(bytes)).collect()
}

/// Writes a change set.
pub(crate) fn save_change_set(
    tx: &mut Transaction<'_>,
    stack_id: &str,
    set: &ChangeSetRecord,
) -> Result<(), Error> {
    put(tx, CHANGE_SETS, &Key::new().str(stack_id).str(&set.name), set)
}

/// Deletes a change set.
pub(crate) fn drop_change_set(tx: &mut Transaction<'_>, stack_id: &str, name: &str) -> Result<(), Error> {
    Ok(tx.delete(CHANGE_SETS, Key::new().str(stack_id).str(name))?)
}

/// An event of a stack or of one of its resources.
pub(crate) fn event(
    stack: &StackRecord,
    subject: (&str, Option<&str>, &str),
    status: &str,
    reason: Option<&str>,
    at: base::Timestamp,
) -> EventRecord {
    let (logical_id, physical_id, kind) = subject;
    let id = match kind {
        "AWS::CloudFormation::Stack" => crypto::random::uuid(),
        // The second event of a creation may be of the same millisecond as the first.
        _ if reason == Some("Resource creation Initiated") => {
            format!("{logical_id}-{status}-{}", crypto::random::uuid())
        }
        _ => format!("{logical_id}-{status}-{}", at.iso8601_millis()),
    };
    EventRecord {
        version: VERSION,
        id,
        logical_id: logical_id.to_owned(),
        physical_id: physical_id.map(str::to_owned),
        kind: kind.to_owned(),
        at,
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        token: stack.operation.as_ref().and_then(|operation| operation.token.clone()),
        operation: stack.operation.as_ref().map(|operation| (stack.operations, operation.name().to_owned())),
    }
}
