//! Several items of several tables, all or nothing.

use std::collections::HashSet;
use std::sync::Arc;

use base::Timestamp;
use protocol::Entries;
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
use crate::records::{ITEMS, TOKENS};
use crate::request::HoldsExpressions;
use crate::streams::Occasion;
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
    let snapshot = call.store().snapshot()?;
    let mut units = Units::default();
    let mut responses = Vec::new();
    let mut seen = HashSet::new();
    let mut bytes: usize = 0;
    for api::TransactGetItem { get } in input.transact_items {
        let expressions = get.expressions()?;
        let table = state.table(&call, &get.table_name)?;
        expressions.check_key_paths(&table.record.schema)?;
        let key = table.record.schema.key_of(&attributes(get.key)?)?;
        table.check_read(None, call.now())?;
        let stored = snapshot.get(ITEMS, key.in_table(table.record.id))?;
        if !seen.insert((table.record.id, key)) {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
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
        consumed_capacity: units.consumed(input.return_consumed_capacity.as_deref()),
    })
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
        let write = write(&state, &call, action)?;
        if !seen.insert((write.table.record.id, write.key.clone())) {
            return Err(Error::Validation(REPEATED.to_owned()));
        }
        writes.push(write.reading_before(is_wanted(mode)));
    }
    let metrics_mode = input.return_item_collection_metrics.as_deref();
    let occasion = Occasion::of_call(call.now());
    let (units, metrics) = call
        .transact(|transaction| {
            if let Some(token) = &token
                && token.is_repeated(transaction)?
            {
                return Ok((Units::default(), Metrics::default()));
            }
            perform_all(transaction, writes, metrics_mode, occasion)
        })
        .await?;
    Ok(api::TransactWriteItemsOutput {
        consumed_capacity: units.consumed(mode),
        item_collection_metrics: metrics.answered(),
    })
}

/// The one action of an entry.
fn write(state: &State, call: &Call, action: api::TransactWriteItem) -> Result<Write, Error> {
    let api::TransactWriteItem { condition_check, put, delete, update } = action;
    Ok(match (condition_check, put, delete, update) {
        (Some(check), None, None, None) => {
            let expressions = check.expressions()?;
            let key = attributes(check.key)?;
            Write::check(state.table(call, &check.table_name)?, &key, expressions)?
                .answering_on_failure(check.return_values_on_condition_check_failure.as_deref())
        }
        (None, Some(put), None, None) => {
            let expressions = put.expressions()?;
            let item = attributes(put.item)?;
            Write::put(state.table(call, &put.table_name)?, item, expressions)?
                .answering_on_failure(put.return_values_on_condition_check_failure.as_deref())
        }
        (None, None, Some(delete), None) => {
            let expressions = delete.expressions()?;
            let key = attributes(delete.key)?;
            Write::delete(state.table(call, &delete.table_name)?, &key, expressions)?
                .answering_on_failure(delete.return_values_on_condition_check_failure.as_deref())
        }
        (None, None, None, Some(update)) => {
            let expressions = update.expressions()?;
            let key = attributes(update.key)?;
            Write::update(state.table(call, &update.table_name)?, key, expressions)?
                .answering_on_failure(update.return_values_on_condition_check_failure.as_deref())
        }
        _ => {
            return Err(Error::Validation(
                "TransactItems can only contain one of Check, Put, Update or Delete".to_owned(),
            ));
        }
    })
}

/// Does all of the writes, or says of each why not.
pub(crate) fn perform_all(
    transaction: &mut Transaction<'_>,
    writes: Vec<Write>,
    metrics_mode: Option<&str>,
    occasion: Occasion,
) -> Result<(Units, Metrics), Error> {
    let mut metrics = Metrics::default();
    let mut reasons = Vec::with_capacity(writes.len());
    let mut units = Units::default();
    let mut is_cancelled = false;
    let mut bytes: usize = 0;
    for write in writes {
        let table = write.table.record.name.clone();
        match write.counting(FACTOR).perform(transaction, occasion) {
            Ok(outcome) => {
                bytes = bytes.saturating_add(outcome.after.as_ref().map_or(0, Attributes::size_bytes));
                if bytes > BYTES_MAX {
                    return Err(too_large());
                }
                metrics.add(&table, metrics_mode, &outcome);
                units.add(&table, &outcome.usage);
                reasons.push(Cancellation::None);
            }
            Err(Refusal::Cancelled(reason)) => {
                is_cancelled = true;
                reasons.push(reason);
            }
            Err(Refusal::Error(error)) => return Err(error),
        }
    }
    if is_cancelled { Err(transaction_cancelled(reasons)) } else { Ok((units, metrics)) }
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
