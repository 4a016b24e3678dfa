//! What happens later: what deleted tables and indexes hold goes, new indexes are filled, backups and restored tables are
//! filled, expired items go, old client tokens go, what is too old of the past goes, items are counted.
//!
//! Each job works in small transactions, so that callers in between wait for milliseconds. None of them calls a
//! service, and none leaves an audit record: they only carry out what recorded calls have asked for.

mod backfill;
mod copies;
mod histories;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Internal, Jobs};
use store::{Key, KeyReader, Range, Store};

use crate::State;
use crate::attribute::{AttributeValue, Attributes};
use crate::error::Error;
use crate::item;
use crate::key::table_range;
use crate::number::Number;
use crate::operations::change::store_change;
use crate::operations::transactions::{TOKEN_LIFE_MILLIS, token_parts};
use crate::records::{COLLECTIONS, DOOMED, HISTORY, ITEMS, TOKENS};
use crate::streams::Occasion;
use crate::tables::{Counts, Table};
pub(crate) use backfill::backfill;
#[cfg(test)]
pub(crate) use copies::copy_all;
pub(crate) use copies::{copy, settle_history};
pub(crate) use histories::trim_histories;
pub(crate) use streams::tend;
#[cfg(test)]
pub(crate) use streams::tend_streams;

/// How many items one transaction deletes at most.
const CHUNK: usize = 500;
/// How many bytes of items one transaction deletes or copies at most, and then one item.
const CHUNK_BYTES: usize = 8 * 1_024 * 1_024;
/// How often expired items and old tokens are looked for.
const EXPIRY_PAUSE: Duration = Duration::from_secs(60);
/// How often changed tables are counted.
const COUNT_PAUSE: Duration = Duration::from_secs(300);
/// Items that expired longer ago than five years are kept: a date that old is taken for a mistake.
const EXPIRY_AGE_SECS_MAX: i64 = 5 * 365 * 24 * 3_600;

/// Deletes the items of deleted tables: at the start, and whenever a table was deleted.
pub(crate) async fn sweep(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let store = jobs.pipeline().store().clone();
        sweep_doomed(&store).await?;
        tokio::select! {
            () = state.sweep.notified() => {}
            () = jobs.stopped() => return Ok(()),
        }
    }
}

/// Deletes the items of every table that is gone.
pub(crate) async fn sweep_doomed(store: &Store) -> Result<(), Internal> {
    for (key, _) in store.scan(DOOMED, &Range::all()).map_err(Internal::new)? {
        let id = KeyReader::new(&key).u64().map_err(Internal::new)?;
        while sweep_chunk(store, id).await.map_err(Internal::new)? {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Deletes some items of a table that is gone; false once there are none left.
async fn sweep_chunk(store: &Store, id: u64) -> Result<bool, Error> {
    store
        .transact(|transaction| {
            let mut left = CHUNK;
            for table in [ITEMS, COLLECTIONS, HISTORY] {
                for (key, _) in transaction.scan(table, &table_range(id).limit(left))? {
                    transaction.delete(table, key)?;
                    left = left.saturating_sub(1);
                }
            }
            if left > 0 {
                transaction.delete(DOOMED, Key::new().u64(id))?;
            }
            Ok::<_, Error>(left == 0)
        })
        .await
}

/// Deletes what has expired.
pub(crate) async fn expire(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(EXPIRY_PAUSE).await {
        let store = jobs.pipeline().store().clone();
        let now = jobs.pipeline().clock().now();
        expire_items(&state, &store, now).await.map_err(Internal::new)?;
        forget_tokens(&store, now).await.map_err(Internal::new)?;
        trim_histories(&state, &store, now).await.map_err(Internal::new)?;
        histories::forget_backups(&state, &store, now).await.map_err(Internal::new)?;
    }
    Ok(())
}

/// Deletes the expired items of all tables that have a time to live.
pub(crate) async fn expire_items(state: &State, store: &Store, now: Timestamp) -> Result<(), Error> {
    for table in state.tables.all() {
        if let Some(attribute) = &table.record.time_to_live {
            expire_table(store, &table, attribute, now).await?;
        }
    }
    Ok(())
}

async fn expire_table(
    store: &Store,
    table: &Arc<Table>,
    attribute: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let mut range = table_range(table.record.id);
    loop {
        let page: Vec<_> =
            store.snapshot()?.iter(ITEMS, &range.clone().limit(CHUNK)).collect::<Result<_, _>>()?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last);
        let mut expired = Vec::new();
        let mut size: usize = 0;
        for (key, bytes) in &page {
            if is_expired(&item::decode(bytes)?, attribute, now) {
                expired.push(key);
                size = size.saturating_add(bytes.len());
            }
            // A stream stores what is deleted, and a transaction holds only so much.
            if size > CHUNK_BYTES {
                delete_expired(store, table, attribute, &std::mem::take(&mut expired), now).await?;
                size = 0;
            }
        }
        if !expired.is_empty() {
            delete_expired(store, table, attribute, &expired, now).await?;
        }
        tokio::task::yield_now().await;
    }
}

/// Deletes those of the items that are still expired.
async fn delete_expired(
    store: &Store,
    table: &Arc<Table>,
    attribute: &str,
    keys: &[&Vec<u8>],
    now: Timestamp,
) -> Result<(), Error> {
    let occasion = Occasion { now, is_expiry: true };
    store
        .transact(|transaction| {
            let table = table.current(transaction)?;
            for key in keys {
                let stored = transaction.get(ITEMS, key)?;
                let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
                if let Some(item) = item.filter(|item| is_expired(item, attribute, now)) {
                    let key = table.record.schema.key_of_item(&item)?;
                    store_change(transaction, &table, &key, Some(&item), None, occasion)?;
                }
            }
            Ok(())
        })
        .await
        .or_else(|error| if matches!(error, Error::ResourceNotFound(_)) { Ok(()) } else { Err(error) })
}

/// True where the attribute is a number of seconds that have passed, though not too long ago.
fn is_expired(item: &Attributes, attribute: &str, now: Timestamp) -> bool {
    let Some(AttributeValue::N(expiry)) = item.get(attribute) else { return false };
    let seconds = |secs: i64| u64::try_from(secs).map_or(Number::ZERO, Number::from);
    let oldest = seconds(now.secs().saturating_sub(EXPIRY_AGE_SECS_MAX));
    *expiry <= seconds(now.secs()) && *expiry >= oldest
}

/// Forgets client tokens that are too old to matter.
pub(crate) async fn forget_tokens(store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut range = Range::all();
    loop {
        let page = store.scan(TOKENS, &range.clone().limit(CHUNK))?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last);
        let mut old = Vec::new();
        for (key, stored) in &page {
            if now.millis_since(token_parts(stored)?.0) >= TOKEN_LIFE_MILLIS {
                old.push(key);
            }
        }
        if !old.is_empty() {
            store
                .transact(|transaction| old.iter().try_for_each(|key| transaction.delete(TOKENS, key)))
                .await
                .map_err(|error: store::StoreError| Error::from(error))?;
        }
    }
}

/// Counts the items of tables that changed.
pub(crate) async fn count(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(COUNT_PAUSE).await {
        let store = jobs.pipeline().store().clone();
        for table in state.tables.all() {
            if table.counts.take_stale() {
                count_table(&store, &table).await.map_err(Internal::new)?;
            }
        }
    }
    Ok(())
}

/// Counts the items of a table, and the entries of its indexes.
pub(crate) async fn count_table(store: &Store, table: &Table) -> Result<(), Error> {
    count_range(store, table.record.id, &table.counts).await?;
    for (id, counts) in &table.index_counts {
        count_range(store, *id, counts).await?;
    }
    Ok(())
}

async fn count_range(store: &Store, id: u64, counts: &Counts) -> Result<(), Error> {
    let (mut items, mut bytes) = (0_i64, 0_i64);
    let mut range = table_range(id);
    loop {
        let page = store.scan(ITEMS, &range.clone().limit(CHUNK))?;
        let Some((last, _)) = page.last() else { break };
        range = range.after(last);
        for (_, stored) in &page {
            items = items.saturating_add(1);
            let size = item::decode(stored)?.size_bytes();
            bytes = bytes.saturating_add(i64::try_from(size).unwrap_or(i64::MAX));
        }
        tokio::task::yield_now().await;
    }
    counts.set(items, bytes);
    Ok(())
}
