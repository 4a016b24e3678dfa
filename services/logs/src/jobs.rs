//! Retention: deletes what nobody can see any more, in small steps.
//!
//! Serving never waits for it: expired events and deleted groups are out of sight at once.

use std::time::Duration;

use base::Timestamp;
use service::{Internal, Jobs};
use store::{Key, KeyReader, Range};

use crate::Logs;
use crate::chunk::{self, MalformedChunk, SPAN_MILLIS};
use crate::error::Error;
use crate::model::{EVENT_OVERHEAD_BYTES, kept_from};
use crate::records::{self, CHUNKS, DOOMED, GROUPS, GroupRecord, SIZES, STREAMS, StreamRecord};

const PAUSE: Duration = Duration::from_secs(60);
/// Chunks or streams that one transaction deletes.
const STEP: usize = 256;

const KIND_GROUP: u8 = 0;
const KIND_STREAM: u8 = 1;

/// Says that a group's streams and events are to be deleted.
pub(crate) fn doomed_group(group_id: &str) -> Key {
    Key::new().u8(KIND_GROUP).str(group_id)
}

/// Says that a stream's events are to be deleted.
pub(crate) fn doomed_stream(group_id: &str, stream_id: &str) -> Key {
    Key::new().u8(KIND_STREAM).str(group_id).str(stream_id)
}

/// Runs until the platform stops. A failure is left for the next turn.
pub(crate) async fn run(logs: std::sync::Arc<Logs>, mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(PAUSE).await {
        if let Err(error) = sweep(&logs, jobs.pipeline().clock().now()).await {
            tracing::warn!(error = %base::Chain(&error), "old log events stay for now");
        }
    }
    Ok(())
}

/// Deletes everything that is doomed or expired now.
pub(crate) async fn sweep(logs: &Logs, now: Timestamp) -> Result<(), Error> {
    for (key, _) in logs.store.scan(DOOMED, &Range::all())? {
        let mut reader = KeyReader::new(&key);
        match reader.u8().map_err(Internal::new)? {
            KIND_GROUP => delete_group(logs, &reader.str().map_err(Internal::new)?).await?,
            _ => {
                let group_id = reader.str().map_err(Internal::new)?;
                let stream_id = reader.str().map_err(Internal::new)?;
                delete_chunks(logs, &group_id, &chunk::all_of(&stream_id)).await?;
            }
        }
        logs.store.transact(|transaction| transaction.delete(DOOMED, &key)).await?;
    }
    for (_, stored) in logs.store.scan(GROUPS, &Range::all())? {
        let group: GroupRecord = records::decode(&stored)?;
        if group.retention_days.is_some() {
            expire(logs, &group, now).await?;
        }
    }
    Ok(())
}

async fn delete_group(logs: &Logs, group_id: &str) -> Result<(), Error> {
    let range = Range::prefix(records::stream_prefix(group_id)).limit(STEP);
    loop {
        let streams = logs.store.scan(STREAMS, &range)?;
        for (_, stored) in &streams {
            let stream: StreamRecord = records::decode(stored)?;
            delete_chunks(logs, group_id, &chunk::all_of(&stream.id)).await?;
        }
        let done = streams.len() < STEP;
        logs.store
            .transact(|transaction| {
                for (key, _) in &streams {
                    transaction.delete(STREAMS, key)?;
                }
                if done { transaction.delete(SIZES, Key::new().str(group_id)) } else { Ok(()) }
            })
            .await?;
        if done {
            return Ok(());
        }
    }
}

/// Deletes chunks that can hold nothing that the retention keeps.
async fn expire(logs: &Logs, group: &GroupRecord, now: Timestamp) -> Result<(), Error> {
    let before = kept_from(now, group.retention_days).saturating_sub(SPAN_MILLIS);
    for (_, stored) in logs.store.scan(STREAMS, &Range::prefix(records::stream_prefix(&group.id)))? {
        let stream: StreamRecord = records::decode(&stored)?;
        if stream.first.is_some_and(|first| first < before) {
            delete_chunks(logs, &group.id, &chunk::begun_before(&stream.id, before)).await?;
        }
    }
    Ok(())
}

async fn delete_chunks(logs: &Logs, group_id: &str, range: &Range) -> Result<(), Error> {
    let range = range.clone().limit(STEP);
    loop {
        let chunks = logs.store.scan(CHUNKS, &range)?;
        let mut freed = 0;
        for (key, stored) in &chunks {
            let (_, batch) = chunk::read_key(key).ok_or_else(|| Internal::new(MalformedChunk))?;
            let events = chunk::decode(stored, batch).map_err(Internal::new)?;
            freed += events.iter().map(|event| event.text.len() + EVENT_OVERHEAD_BYTES).sum::<usize>();
        }
        logs.store
            .transact(|transaction| {
                for (key, _) in &chunks {
                    transaction.delete(CHUNKS, key)?;
                }
                records::resize(transaction, group_id, -i64::try_from(freed).unwrap_or(i64::MAX))
            })
            .await?;
        if chunks.len() < STEP {
            return Ok(());
        }
    }
}
