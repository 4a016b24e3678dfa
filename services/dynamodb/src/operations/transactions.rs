//! Several items of several tables, all or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use base::Timestamp;
use protocol::{Entries, Value};
use service::{Call, Internal, Permit};
use store::{Key, Transaction};

use super::change::Metrics;
use super::write::{Refusal, Write};
use crate::State;
use crate::access::attributes;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Units, Usage, is_wanted, read_units};
use crate::error::{Cancellation, Error, transaction_cancelled};
use crate::invalid::Invalid;
use crate::item;
use crate::key::ItemKey;
use crate::records::{ITEMS, TOKENS};
use crate::request::{Expressions, HoldsExpressions};
use crate::streams::Occasion;
use crate::tables::Table;
use crate::throughput::Direction;

/// The most actions of one transaction.
const ACTIONS_MAX: usize = 100;
/// The most that all items of a transaction count for.
const BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// How long a client token is remembered.
pub(crate) const TOKEN_LIFE_MILLIS: i64 = 10 * 60 * 1_000;
/// Reads and writes in a transaction count twice.
pub(crate) const FACTOR: f64 = 2.0;

pub(crate) const REPEATED: &str = "Transaction request cannot include multiple operations on one item";

fn check_count(count: usize) -> Result<(), Invalid> {
    if count > ACTIONS_MAX {
        return Err(Invalid::new(format!(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: \
             Member must have length less than or equal to {ACTIONS_MAX}"
        )));
    }
    Ok(())
}

fn too_large() -> Error {
    Error::Validation("Transaction request exceeded the maximum allowed size of 4 MB".to_owned())
}

pub(crate) async fn transact_get_items(
    state: Arc<State>,
    permit: Permit<api::TransactGetItems>,
) -> Result<api::TransactGetItemsOutput, Error> {
    let Permit { input, call, .. } = permit;
    check_count(input.transact_items.len())?;
    let reads = reads(&state, &call, input.transact_items)?;
    let snapshot = call.store().snapshot()?;
    let mut units = Units::default();
    let mut responses = Vec::with_capacity(reads.len());
    let mut bytes: usize = 0;
    for Read { table, key, expressions } in reads {
        table.check_read(None, call.now())?;
        let stored = snapshot.get(ITEMS, key.in_table(table.record.id))?;
        let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
        let size = item.as_ref().map_or(0, Attributes::size_bytes);
        bytes = bytes.saturating_add(size);
        let usage = Usage::of_table(FACTOR * read_units(size, true));
        table.spend(Direction::Read, &usage, call.now());
        units.add(&table.record.name, &usage);
        let item = match &expressions.projection {
            Some(projection) => item.map(|item| projection.apply(&item)),
            None => item,
        };
        responses.push(api::ItemResponse { item: item.map(Entries::from) });
    }
    if bytes > BYTES_MAX {
        return Err(too_large());
    }
    Ok(api::TransactGetItemsOutput {
        responses: Some(responses),
        consumed_capacity: units.transacted(input.return_consumed_capacity.as_deref(), Direction::Read),
    })
}

/// One read of a transaction.
struct Read {
    table: Arc<Table>,
    key: ItemKey,
    expressions: Expressions,
}

fn reads(state: &State, call: &Call, items: Vec<api::TransactGetItem>) -> Result<Vec<Read>, Error> {
    let mut reads = Vec::with_capacity(items.len());
    let mut reasons = Vec::with_capacity(items.len());
    let mut seen = HashSet::new();
    for api::TransactGetItem { get } in items {
        let expressions = get.expressions()?;
        let table = state.table(call, &get.table_name)?;
        expressions.check_key_paths(&table.record.schema)?;
        let key = attributes(get.key)?;
        if let Err(invalid) = table.record.schema.check_key(&key) {
            reasons.push(Cancellation::Invalid(invalid));
            continue;
        }
        let key = table.record.schema.key_of(&key)?;
        if !seen.insert((table.record.id, key.clone())) {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
        reads.push(Read { table, key, expressions });
        reasons.push(Cancellation::None);
    }
    if reads.len() < reasons.len() { Err(transaction_cancelled(reasons)) } else { Ok(reads) }
}

pub(crate) async fn transact_write_items(
    state: Arc<State>,
    permit: Permit<api::TransactWriteItems>,
) -> Result<api::TransactWriteItemsOutput, Error> {
    let Permit { input, call, .. } = permit;
    check_count(input.transact_items.len())?;
    let token =
        input.client_request_token.as_deref().map(|token| Token::new(&call, token, &input.transact_items));
    let mode = input.return_consumed_capacity.as_deref();
    let mut writes = Vec::with_capacity(input.transact_items.len());
    let mut seen = HashSet::new();
    for action in input.transact_items {
        let prepared = prepared(&state, &call, action)?;
        if let Ok(write) = &prepared
            && !seen.insert((write.table.record.id, write.key.clone()))
        {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
        writes.push(prepared.map(|write| write.reading_before(is_wanted(mode))));
    }
    let metrics_mode = input.return_item_collection_metrics.as_deref();
    let occasion = Occasion::of_call(call.now());
    let (consumed_capacity, metrics) = call
        .transact(|transaction| {
            if let Some(token) = &token
                && token.is_repeated(transaction)?
            {
                let units = repeated(transaction, &writes)?;
                return Ok((units.transacted(mode, Direction::Read), Metrics::default()));
            }
            let (units, metrics) = perform_all(transaction, writes, metrics_mode, occasion)?;
            Ok::<_, Error>((units.transacted(mode, Direction::Write), metrics))
        })
        .await?;
    Ok(api::TransactWriteItemsOutput { consumed_capacity, item_collection_metrics: metrics.answered() })
}

/// What is said of an entry that is not one action.
pub(crate) fn not_one(action: &api::TransactWriteItem) -> Option<Error> {
    let api::TransactWriteItem { condition_check, put, delete, update } = action;
    let given = [condition_check.is_some(), put.is_some(), delete.is_some(), update.is_some()];
    let message = match given.into_iter().filter(|is_given| *is_given).count() {
        0 => "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        1 => return None,
        _ => "TransactItems can only contain one of Check, Put, Update or Delete",
    };
    Some(Error::Validation(message.to_owned()))
}

/// A write; or, where its key is not of the table's schema, what the reason of its cancellation says.
pub(crate) type Prepared = Result<Write, Invalid>;

/// The one action of an entry.
fn prepared(state: &State, call: &Call, action: api::TransactWriteItem) -> Result<Prepared, Error> {
    if let Some(error) = not_one(&action) {
        return Err(error);
    }
    let api::TransactWriteItem { condition_check, put, delete, update } = action;
    let fitting = |table: &str, key: Entries<Value>| -> Result<_, Error> {
        let (table, key) = (state.table(call, table)?, attributes(key)?);
        let fits = table.record.schema.check_key(&key);
        Ok(fits.map(|()| (table, key)))
    };
    let (write, on_failure) = if let Some(put) = put {
        let expressions = put.expressions()?;
        let (table, item) = (state.table(call, &put.table_name)?, attributes(put.item)?);
        if let Err(invalid) = table.record.schema.check_item(&item) {
            return Ok(Err(invalid));
        }
        for index in &table.record.indexes {
            index.schema.check_filled(&index.name, &item)?;
        }
        (Write::put(table, item, expressions)?, put.return_values_on_condition_check_failure)
    } else if let Some(update) = update {
        let expressions = update.expressions()?;
        match fitting(&update.table_name, update.key)? {
            Ok((table, key)) => {
                (Write::update(table, key, expressions)?, update.return_values_on_condition_check_failure)
            }
            Err(invalid) => return Ok(Err(invalid)),
        }
    } else if let Some(delete) = delete {
        let expressions = delete.expressions()?;
        match fitting(&delete.table_name, delete.key)? {
            Ok((table, key)) => {
                (Write::delete(table, &key, expressions)?, delete.return_values_on_condition_check_failure)
            }
            Err(invalid) => return Ok(Err(invalid)),
        }
    } else if let Some(check) = condition_check {
        let expressions = check.expressions()?;
        match fitting(&check.table_name, check.key)? {
            Ok((table, key)) => {
                (Write::check(table, &key, expressions)?, check.return_values_on_condition_check_failure)
            }
            Err(invalid) => return Ok(Err(invalid)),
        }
    } else {
        return Err(Error::Internal(Internal::new("an action of a transaction is none")));
    };
    Ok(Ok(write.answering_on_failure(on_failure.as_deref())))
}

/// What a request costs that was done before: its items are read, and nothing is written.
pub(crate) fn repeated(transaction: &mut Transaction<'_>, writes: &[Prepared]) -> Result<Units, Error> {
    let mut units = Units::default();
    for write in writes.iter().flatten() {
        let record = &write.table.record;
        let stored = transaction.get(ITEMS, write.key.in_table(record.id))?;
        let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
        let size = item.as_ref().map_or(0, Attributes::size_bytes);
        units.add(&record.name, &Usage::of_table(FACTOR * read_units(size, true)));
    }
    Ok(units)
}

/// Does all of the writes, or says of each why not.
pub(crate) fn perform_all(
    transaction: &mut Transaction<'_>,
    writes: Vec<Prepared>,
    metrics_mode: Option<&str>,
    occasion: Occasion,
) -> Result<(Units, Metrics), Error> {
    let mut metrics = Metrics::default();
    let mut reasons = Vec::with_capacity(writes.len());
    let mut units = Units::default();
    let mut is_cancelled = false;
    let mut undone = Vec::new();
    let mut bytes: usize = 0;
    for write in writes {
        let write = match write {
            Ok(write) => write,
            Err(invalid) => {
                is_cancelled = true;
                reasons.push(Cancellation::Invalid(invalid));
                continue;
            }
        };
        let (table, limited) = (write.table.record.name.clone(), Arc::clone(&write.table));
        let spends_at_once = write.spends_at_once();
        match write.counting(FACTOR).perform(transaction, occasion) {
            Ok(outcome) => {
                bytes = bytes.saturating_add(outcome.after.as_ref().map_or(0, Attributes::size_bytes));
                if bytes > BYTES_MAX {
                    return Err(too_large());
                }
                metrics.add(&table, metrics_mode, &outcome);
                units.add(&table, &outcome.usage);
                if limited.is_limited && !spends_at_once {
                    undone.push((limited, outcome.usage));
                }
                reasons.push(Cancellation::None);
            }
            Err(Refusal::Cancelled(reason)) => {
                is_cancelled = true;
                reasons.push(reason);
            }
            Err(Refusal::Error(error)) => return Err(error),
        }
    }
    if !is_cancelled {
        return Ok((units, metrics));
    }
    // What is not committed takes no units by itself, and costs as much.
    for (table, usage) in undone {
        table.spend(Direction::Write, &usage, occasion.now);
    }
    Err(transaction_cancelled(reasons))
}

/// A client token: the same one with the same request does nothing again.
pub(crate) struct Token {
    place: Key,
    digest: [u8; 32],
    now: Timestamp,
}

impl Token {
    pub(crate) fn new(call: &Call, token: &str, actions: &impl std::fmt::Debug) -> Self {
        // The digest is compared for ten minutes, on this version of the platform: the debug form is stable enough.
        let digest = crypto::sha256(format!("{actions:?}").as_bytes());
        Self { place: Key::new().str(call.account().as_str()).str(token), digest, now: call.now() }
    }

    /// True where this request was done before; remembers it where it was not.
    pub(crate) fn is_repeated(&self, transaction: &mut Transaction<'_>) -> Result<bool, Error> {
        if let Some(stored) = transaction.get(TOKENS, &self.place)? {
            let (came, digest) = token_parts(&stored)?;
            if self.now.millis_since(came) < TOKEN_LIFE_MILLIS {
                if digest == self.digest {
                    return Ok(true);
                }
                return Err(Error::IdempotentParameterMismatch(
                    "The client token was used with other parameters before".to_owned(),
                ));
            }
        }
        let mut value = self.now.millis().to_be_bytes().to_vec();
        value.extend_from_slice(&self.digest);
        transaction.put(TOKENS, &self.place, value)?;
        Ok(false)
    }
}

/// When a stored token came, and the digest of its request.
pub(crate) fn token_parts(stored: &[u8]) -> Result<(Timestamp, &[u8]), Error> {
    let (came, digest) = stored
        .split_first_chunk::<8>()
        .ok_or_else(|| Error::Internal(Internal::new("a stored client token is damaged")))?;
    Ok((Timestamp::from_millis(i64::from_be_bytes(*came)), digest))
}
