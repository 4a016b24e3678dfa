//! Several items of several tables at once, each on its own: no condition, and no order between them.

use std::collections::HashSet;
use std::sync::Arc;

use protocol::{Entries, Value};
use service::{Call, Permit};

use super::change::Metrics;
use super::write::{Refusal, Write};
use crate::State;
use crate::access::attributes;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Units, Usage, consumed, is_wanted, read_units};
use crate::error::{Cancellation, Error};
use crate::item;
use crate::key::{ItemKey, mismatch};
use crate::records::ITEMS;
use crate::request::{Expressions, HoldsExpressions};
use crate::streams::Occasion;
use crate::tables::Table;
use crate::throughput::Direction;

/// The most keys of one BatchGetItem.
const GETS_MAX: usize = 100;
/// The most writes of one BatchWriteItem.
const WRITES_MAX: usize = 25;
/// The most that the items of one answer count for; the keys of the rest are answered as unprocessed.
const ANSWER_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// The most that the writes of a batch may store together, index entries included; the rest is left unprocessed.
const STORED_BYTES_MAX: usize = 24 * 1_024 * 1_024;

const DUPLICATES: &str = "Provided list of item keys contains duplicates";

fn too_many(operation: &str) -> Error {
    Error::Validation(format!("Too many items requested for the {operation} call"))
}

pub(crate) async fn batch_get_item(
    state: Arc<State>,
    permit: Permit<api::BatchGetItem>,
) -> Result<api::BatchGetItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    if input.request_items.iter().map(|(_, wanted)| wanted.keys.len()).sum::<usize>() > GETS_MAX {
        return Err(too_many("BatchGetItem"));
    }
    let mut room = ANSWER_BYTES_MAX;
    let mut responses = Vec::new();
    let mut unprocessed = Vec::new();
    let mut capacity = Vec::new();
    let (mut all_spent, mut processed) = (None, false);
    // One snapshot: the items that an answer shows were there together.
    let snapshot = call.store().snapshot()?;
    for (name, mut wanted) in input.request_items {
        let gets = gets(&state, &call, &name, &wanted)?;
        let is_consistent = wanted.consistent_read.unwrap_or(false);
        let spent = gets.table.spent_for_reads(None, call.now());
        let is_spent = spent.is_some();
        let mut units = 0.0;
        let mut items = Vec::new();
        let mut rest = Vec::new();
        for (place, key) in gets.places.into_iter().zip(std::mem::take(&mut wanted.keys)) {
            if room == 0 || is_spent {
                rest.push(key);
                continue;
            }
            let stored = snapshot.get(ITEMS, place)?;
            let item = stored.map(|stored| item::decode(&stored)).transpose()?;
            let size = item.as_ref().map_or(0, Attributes::size_bytes);
            // Each item counts for itself, and so does each that is not there.
            units += read_units(size, is_consistent);
            let Some(item) = item else { continue };
            room = room.saturating_sub(size);
            items.push(answered(item, &gets.expressions));
        }
        let usage = Usage::of_table(units);
        gets.table.spend(Direction::Read, &usage, call.now());
        all_spent = all_spent.or(spent);
        processed |= !is_spent;
        let name_of_table = gets.table.told_as(&name);
        capacity.extend(consumed(input.return_consumed_capacity.as_deref(), name_of_table, &usage));
        responses.push((name.clone(), items));
        if !rest.is_empty() {
            unprocessed.push((name, api::KeysAndAttributes { keys: rest, ..wanted }));
        }
    }
    if let Some(spent) = all_spent.filter(|_| !processed) {
        return Err(spent.into());
    }
    Ok(api::BatchGetItemOutput {
        responses: Some(Entries(responses)),
        unprocessed_keys: Some(Entries(unprocessed)),
        consumed_capacity: (!capacity.is_empty()).then_some(capacity),
    })
}

fn answered(item: Attributes, expressions: &Expressions) -> Entries<Value> {
    match &expressions.projection {
        Some(projection) => projection.apply(&item).into(),
        None => item.into(),
    }
}

/// The reads of one table.
struct Gets {
    table: Arc<Table>,
    places: Vec<store::Key>,
    expressions: Expressions,
}

fn gets(state: &State, call: &Call, name: &str, wanted: &api::KeysAndAttributes) -> Result<Gets, Error> {
    let expressions = wanted.expressions()?;
    let table = state.table(call, name)?;
    expressions.check_key_paths(&table.record.schema)?;
    let mut seen = HashSet::new();
    let mut places = Vec::with_capacity(wanted.keys.len());
    for key in &wanted.keys {
        let key = table.record.schema.key_of(&attributes(key.clone())?)?;
        places.push(key.in_table(table.record.id));
        if !seen.insert(key) {
            return Err(Error::Validation(DUPLICATES.to_owned()));
        }
    }
    Ok(Gets { table, places, expressions })
}

pub(crate) async fn batch_write_item(
    state: Arc<State>,
    permit: Permit<api::BatchWriteItem>,
) -> Result<api::BatchWriteItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    if input.request_items.iter().map(|(_, writes)| writes.len()).sum::<usize>() > WRITES_MAX {
        return Err(too_many("BatchWriteItem"));
    }
    let mode = input.return_consumed_capacity;
    let metrics_mode = input.return_item_collection_metrics;
    let mut writes = Vec::new();
    let mut seen: HashSet<(u64, ItemKey)> = HashSet::new();
    for (name, requests) in input.request_items {
        for request in requests {
            // Only tables with more to do than to store can leave something undone.
            let can_wait = state.table(&call, &name).is_ok_and(|table| table.follows_changes());
            let undone = can_wait.then(|| (name.clone(), request.clone()));
            let write = one_write(&state, &call, &name, request)?;
            if !seen.insert((write.table.record.id, write.key.clone())) {
                return Err(Error::Validation(DUPLICATES.to_owned()));
            }
            let told = write.table.told_as(&name).to_owned();
            writes.push((told, write.reading_before(is_wanted(mode.as_deref())), undone));
        }
    }
    let occasion = Occasion::of_call(call.now());
    let (units, metrics, undone) = call
        .transact(|transaction| {
            let mut units = Units::default();
            let mut metrics = Metrics::default();
            let mut unprocessed: Vec<(String, api::WriteRequest)> = Vec::new();
            let mut stored: usize = 0;
            let (mut is_done, mut all_spent) = (false, None);
            for (told, write, undone) in writes {
                let table = write.table.record.name.clone();
                stored = stored.saturating_add(write.stored_bytes());
                if stored > STORED_BYTES_MAX
                    && let Some(undone) = undone
                {
                    unprocessed.push(undone);
                    continue;
                }
                let outcome = match (write.perform(transaction, occasion), undone) {
                    (Err(Refusal::Cancelled(Cancellation::Throttled(spent))), Some(undone)) => {
                        all_spent = all_spent.or(Some(spent));
                        unprocessed.push(undone);
                        continue;
                    }
                    (outcome, _) => outcome?,
                };
                is_done = true;
                units.add(&told, &outcome.usage);
                metrics.add(&table, metrics_mode.as_deref(), &outcome);
            }
            if let Some(spent) = all_spent.filter(|_| !is_done) {
                return Err(spent.into());
            }
            Ok::<_, Error>((units, metrics, unprocessed))
        })
        .await?;
    Ok(api::BatchWriteItemOutput {
        unprocessed_items: Some(by_table(undone)),
        consumed_capacity: units.consumed(mode.as_deref()),
        item_collection_metrics: metrics.answered(),
    })
}

/// Requests in the form of `UnprocessedItems`.
fn by_table(requests: Vec<(String, api::WriteRequest)>) -> Entries<Vec<api::WriteRequest>> {
    let mut tables: Vec<(String, Vec<api::WriteRequest>)> = Vec::new();
    for (name, request) in requests {
        match tables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, requests)) => requests.push(request),
            None => tables.push((name, vec![request])),
        }
    }
    Entries(tables)
}

fn one_write(state: &State, call: &Call, name: &str, request: api::WriteRequest) -> Result<Write, Error> {
    let none = Expressions::default();
    match (request.put_request, request.delete_request) {
        (Some(put), None) => {
            let item = attributes(put.item)?;
            let table = state.table(call, name)?;
            // DynamoDB says less of these items than of those of PutItem.
            table.record.schema.check_item(&item).map_err(|_| mismatch())?;
            Ok(Write::put(table, item, none)?)
        }
        (None, Some(delete)) => {
            let key = attributes(delete.key)?;
            Ok(Write::delete(state.table(call, name)?, &key, none)?)
        }
        // DynamoDB says this of write requests, too.
        _ => Err(Error::Validation(
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported \
             datatypes"
                .to_owned(),
        )),
    }
}
