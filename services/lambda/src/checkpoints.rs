//! How far each mapping has read each shard, and the windows that are open there.
//!
//! What is written here is written after the records are over: a record may be seen twice, and is never passed over.

use base::AccountId;
use serde::{Deserialize, Serialize};
use store::{Key, Range, Store, StoreError, Table, Transaction};

use crate::catalog::CatalogError;
use crate::kept::{self, Row};
use crate::mappings::MappingRecord;
use crate::records::Record;

/// How far a mapping has read each shard, by account, id and shard.
const CHECKPOINTS: Table = Table::new(0x0307, "lambda-event-source-checkpoints");
/// Open tumbling windows, by account, id, shard and lane.
const WINDOWS: Table = Table::new(0x0309, "lambda-event-source-windows");

/// How far a shard was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The last record before the first that is not over.
    pub(crate) sequence: Option<String>,
    /// True where the shard has ended and all of it is over.
    pub(crate) is_finished: bool,
    /// Where several batches run at once: the last record of each lane that is over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lanes: Vec<Option<String>>,
}

/// A tumbling window that has begun and is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenWindow {
    /// Seconds since 1970, a multiple of its length.
    pub(crate) start_secs: i64,
    pub(crate) length_secs: u32,
    /// The lanes that there were: with others, records go other ways.
    pub(crate) lanes: u32,
    /// What the function made of the window so far.
    pub(crate) state: serde_json::Value,
    /// True where its state became too large: it ends with the next run.
    pub(crate) ends_early: bool,
}

impl Record for Checkpoint {
    const NAME: &'static str = "event source checkpoint";
}

impl Record for OpenWindow {
    const NAME: &'static str = "event source window";
}

/// What is to become of a lane's window with the checkpoint.
pub(crate) enum WindowChange {
    Stays,
    /// The window's record.
    Is(Vec<u8>),
    Over,
}

/// How far a mapping has read a shard.
pub(crate) fn read(store: &Store, record: &MappingRecord, shard: &str) -> Result<Checkpoint, CatalogError> {
    let stored = store.get(CHECKPOINTS, shard_key(record, shard))?;
    Ok(stored.map(|bytes| Checkpoint::decode(&bytes)).transpose()?.unwrap_or_default())
}

/// The window of a lane, if one is open that fits the mapping as it is now.
pub(crate) fn window(
    store: &Store,
    record: &MappingRecord,
    shard: &str,
    lane: usize,
) -> Result<Option<OpenWindow>, CatalogError> {
    let stored = store.get(WINDOWS, lane_key(record, shard, lane))?;
    let window = stored.map(|bytes| OpenWindow::decode(&bytes)).transpose()?;
    Ok(window.filter(|open| open.length_secs == record.tumbling_secs && open.lanes == record.lanes))
}

/// Writes how far a mapping has read a shard, unless the mapping is gone. `checkpoint` is asked when its turn has come,
/// so that what is newer is never overwritten by what is older.
pub(crate) async fn keep(
    store: &Store,
    record: &MappingRecord,
    shard: &str,
    lane: usize,
    window: WindowChange,
    checkpoint: impl FnOnce() -> Checkpoint + Send,
) -> Result<(), CatalogError> {
    store
        .transact(|transaction| {
            if transaction.get(MappingRecord::TABLE, kept::key(record.account, &record.uuid))?.is_none() {
                return Ok(());
            }
            match window {
                WindowChange::Stays => {}
                WindowChange::Is(bytes) => transaction.put(WINDOWS, lane_key(record, shard, lane), bytes)?,
                WindowChange::Over => transaction.delete(WINDOWS, lane_key(record, shard, lane))?,
            }
            transaction.put(CHECKPOINTS, shard_key(record, shard), checkpoint().encode()?)?;
            Ok(())
        })
        .await
}

/// Deletes all that is kept of a mapping's reading.
pub(crate) fn delete(
    transaction: &mut Transaction<'_>,
    account: AccountId,
    uuid: &str,
) -> Result<(), StoreError> {
    for table in [CHECKPOINTS, WINDOWS] {
        for (row, _) in transaction.scan(table, &Range::prefix(kept::key(account, uuid)))? {
            transaction.delete(table, row)?;
        }
    }
    Ok(())
}

fn shard_key(record: &MappingRecord, shard: &str) -> Key {
    kept::key(record.account, &record.uuid).str(shard)
}

fn lane_key(record: &MappingRecord, shard: &str, lane: usize) -> Key {
    shard_key(record, shard).u64(u64::try_from(lane).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let checkpoint = Checkpoint { sequence: Some("1".into()), ..Checkpoint::default() };
        assert_eq!(checkpoint.encode().unwrap(), b"\x01{\"sequence\":\"1\",\"is_finished\":false}");
        let several = Checkpoint { lanes: vec![None, Some("3".into())], ..checkpoint };
        let text = "{\"sequence\":\"1\",\"is_finished\":false,\"lanes\":[null,\"3\"]}";
        assert_eq!(&several.encode().unwrap()[1..], text.as_bytes());
        let window = OpenWindow {
            start_secs: 10,
            length_secs: 5,
            lanes: 1,
            state: serde_json::json!({"n": 1}),
            ends_early: false,
        };
        let text = r#"{"start_secs":10,"length_secs":5,"lanes":1,"state":{"n":1},"ends_early":false}"#;
        assert_eq!(&window.encode().unwrap()[1..], text.as_bytes());
        assert_eq!(OpenWindow::decode(&window.encode().unwrap()).unwrap(), window);
    }
}
