//! Reads and writes what is known of drift.

use std::collections::BTreeMap;

use base::AccountId;
use store::{Key, Range, Read, Store, Transaction};

use crate::error::Error;
use crate::records::{DETECTIONS, DRIFTS, DetectionRecord, DriftRecord, StackDrift, StackRecord};
use crate::stacks::{decode, home, put};

fn detection_key(account: AccountId, region: &str, id: &str) -> Key {
    home(account, region).str(id)
}

/// The check of this id.
pub(crate) fn detection(
    reader: &(impl Read + ?Sized),
    account: AccountId,
    region: &str,
    id: &str,
) -> Result<Option<DetectionRecord>, Error> {
    let found = reader.read(DETECTIONS, &detection_key(account, region, id))?;
    found.map(|bytes| decode(&bytes)).transpose()
}

/// Writes a check.
pub(crate) fn save_detection(tx: &mut Transaction<'_>, record: &DetectionRecord) -> Result<(), Error> {
    put(tx, DETECTIONS, &detection_key(record.account, &record.region, &record.id), record)
}

/// Forgets a check.
pub(super) fn drop_detection(
    tx: &mut Transaction<'_>,
    account: AccountId,
    region: &str,
    id: &str,
) -> Result<(), Error> {
    Ok(tx.delete(DETECTIONS, detection_key(account, region, id))?)
}

/// Every check that goes on.
pub(super) fn unfinished(store: &Store) -> Result<Vec<DetectionRecord>, Error> {
    let mut found = Vec::new();
    for (_, bytes) in store.scan(DETECTIONS, &Range::all())? {
        let record: DetectionRecord = decode(&bytes)?;
        if record.asker.is_some() {
            found.push(record);
        }
    }
    Ok(found)
}

/// What is known of each resource of a stack, as long as nothing changed it since.
pub(crate) fn drifts(
    store: &(impl Read + ?Sized),
    stack: &StackRecord,
) -> Result<BTreeMap<String, DriftRecord>, Error> {
    let mut known = BTreeMap::new();
    for (_, bytes) in store.list(DRIFTS, &Range::prefix(Key::new().str(&stack.id)))? {
        let record: DriftRecord = decode(&bytes)?;
        if record.operations == stack.operations {
            known.insert(record.logical_id.clone(), record);
        }
    }
    Ok(known)
}

/// Writes what is known of a resource.
pub(crate) fn save_drift(
    tx: &mut Transaction<'_>,
    stack_id: &str,
    record: &DriftRecord,
) -> Result<(), Error> {
    put(tx, DRIFTS, &Key::new().str(stack_id).str(&record.logical_id), record)
}

/// What is known of a stack, as long as nothing changed it since.
pub(crate) fn of_stack(stack: &StackRecord) -> Option<(&str, base::Timestamp)> {
    let known = stack.drift.as_ref().filter(|drift| drift.operations == stack.operations)?;
    known.found.as_ref().map(|(status, at)| (status.as_str(), *at))
}

/// How many checks of one stack are remembered.
const REMEMBERED_MAX: usize = 10;

/// Adds a check to those that a stack remembers. Answers those that it forgets.
pub(super) fn remember(drift: &mut StackDrift, id: &str) -> Vec<String> {
    drift.detections.push(id.to_owned());
    let over = drift.detections.len().saturating_sub(REMEMBERED_MAX);
    drift.detections.drain(..over).collect()
}
