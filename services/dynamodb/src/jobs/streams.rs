//! What time does to streams: shards are closed and followed by others, changes and shards older than a day go, and so do
//! streams that ended.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Internal, Jobs};
use store::{Key, Store};

use super::CHUNK;
use crate::State;
use crate::dynamodbstreams::is_over;
use crate::error::Error;
use crate::records::{CHANGES, STREAMS, StreamRecord};
use crate::streams::{self, between, horizon};
use crate::tables::Target;

/// How often streams are looked at.
const PAUSE: Duration = Duration::from_secs(60);
/// How long a shard takes changes.
const SHARD_LIFE_MILLIS: i64 = 4 * 3_600 * 1_000;

/// Looks after streams.
pub(crate) async fn tend(state: Arc<State>, mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(PAUSE).await {
        let store = jobs.pipeline().store().clone();
        tend_streams(&state, &store, jobs.pipeline().clock().now()).await.map_err(Internal::new)?;
    }
    Ok(())
}

/// Looks after every stream once.
pub(crate) async fn tend_streams(state: &Arc<State>, store: &Store, now: Timestamp) -> Result<(), Error> {
    for stream in state.streams.all().values() {
        trim(store, stream.id, now).await?;
        if is_over(stream, now) {
            forget(state, store, stream).await?;
            continue;
        }
        let least = horizon(now);
        let is_due = |stream: &StreamRecord| {
            let open = stream.shards.last().filter(|shard| shard.end.is_none());
            open.is_some_and(|shard| now.millis_since(shard.opened) >= SHARD_LIFE_MILLIS)
                || stream.shards.iter().any(|shard| shard.end.is_some_and(|end| end < least))
        };
        if is_due(stream) {
            renew(state, store, stream, now, least).await?;
        }
    }
    Ok(())
}

/// Deletes changes that are too old.
async fn trim(store: &Store, stream: u64, now: Timestamp) -> Result<(), Error> {
    let Some(last) = horizon(now).checked_sub(1) else { return Ok(()) };
    loop {
        let old = store.scan(CHANGES, &between(stream, 0, Some(last)).limit(CHUNK))?;
        if old.is_empty() {
            return Ok(());
        }
        let delete = |transaction: &mut store::Transaction<'_>| {
            old.iter().try_for_each(|(key, _)| transaction.delete(CHANGES, key))
        };
        store.transact(delete).await.map_err(|error: store::StoreError| Error::from(error))?;
    }
}

async fn forget(state: &Arc<State>, store: &Store, stream: &StreamRecord) -> Result<(), Error> {
    let arn = stream.arn();
    store
        .transact(|transaction| {
            transaction.delete(STREAMS, Key::new().u64(stream.id))?;
            let streams = Arc::clone(&state.streams);
            transaction.after_commit(move || streams.remove(&arn));
            Ok(())
        })
        .await
}

/// Follows an old shard with a new one, and forgets shards whose changes are gone.
async fn renew(
    state: &Arc<State>,
    store: &Store,
    stream: &StreamRecord,
    now: Timestamp,
    least: u64,
) -> Result<(), Error> {
    let target =
        Target { account: stream.account, region: stream.region.clone(), name: stream.table.clone() };
    let table = state.tables.find(&target).filter(|table| table.record.id == stream.table_id);
    store
        .transact(|transaction| {
            let Some(mut record) = streams::stored(transaction, stream.id)? else { return Ok(()) };
            let open = record.shards.last().filter(|shard| shard.end.is_none());
            let is_old = open.is_some_and(|shard| now.millis_since(shard.opened) >= SHARD_LIFE_MILLIS);
            if let Some(table) = table.filter(|_| is_old) {
                record.rotate(table.sequence.next(now), now);
            }
            record.shards.retain(|shard| shard.end.is_none_or(|end| end >= least));
            streams::save(transaction, &state.streams, record)
        })
        .await
}
