//! Every event source mapping in memory, written from the store once a change is durable, and how far each has read.
//!
//! What comes of a mapping's reading is told here too, for its owner; that is not kept over a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{AccountId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use service::Call;
use store::{Key, Range, Store, StoreError, Table};
use tokio::sync::Notify;

use crate::catalog::CatalogError;
use crate::error::Error;
use crate::model::pattern::Pattern;
use crate::records::Record;

/// Mappings, by account and id.
const MAPPINGS: Table = Table::new(0x0306, "lambda-event-source-mappings");
/// How far a mapping has read each shard, by account, id and shard.
const CHECKPOINTS: Table = Table::new(0x0307, "lambda-event-source-checkpoints");

/// A mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MappingRecord {
    pub(crate) uuid: String,
    pub(crate) account: AccountId,
    /// The function's ARN, with a qualifier where one was given.
    pub(crate) function_arn: String,
    pub(crate) source_arn: String,
    pub(crate) is_enabled: bool,
    pub(crate) batch_size: u32,
    pub(crate) window_secs: u32,
    /// `TRIM_HORIZON` or `LATEST`.
    pub(crate) starting_position: String,
    /// Patterns as they were given; a record that matches one is seen.
    pub(crate) filters: Vec<String>,
    pub(crate) bisects: bool,
    /// `None` is without end.
    pub(crate) retries_max: Option<u32>,
    /// `None` is as long as the source keeps it.
    pub(crate) age_max_secs: Option<u32>,
    /// True where the function says which records of a batch failed.
    pub(crate) reports_failures: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
}

/// How far a shard was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The last record that is over.
    pub(crate) sequence: Option<String>,
    /// True where the shard has ended and all of it is over.
    pub(crate) is_finished: bool,
}

impl Record for MappingRecord {
    const NAME: &'static str = "event source mapping";
}

impl Record for Checkpoint {
    const NAME: &'static str = "event source checkpoint";
}

/// A mapping with its patterns read.
pub(crate) struct Mapping {
    pub(crate) record: MappingRecord,
    pub(crate) patterns: Vec<Pattern>,
}

impl Mapping {
    fn of(record: MappingRecord) -> Arc<Self> {
        // They were read before they were stored; one that cannot be any more lets nothing through.
        let patterns = record.filters.iter().filter_map(|text| Pattern::parse(text).ok()).collect();
        Arc::new(Self { record, patterns })
    }

    /// True where the function is to see this record.
    pub(crate) fn admits(&self, event: &serde_json::Value) -> bool {
        self.record.filters.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(event))
    }
}

/// All mappings of this platform.
#[derive(Default)]
pub(crate) struct Mappings {
    by_id: RwLock<BTreeMap<(AccountId, String), Arc<Mapping>>>,
    results: RwLock<HashMap<String, String>>,
    /// Woken by every change.
    pub(crate) changed: Notify,
}

impl Mappings {
    /// Reads every mapping.
    pub(crate) fn load(store: &Store) -> Result<Self, CatalogError> {
        let mappings = Self::default();
        for item in store.snapshot()?.iter(MAPPINGS, &Range::all()) {
            let (_, value) = item?;
            mappings.put(MappingRecord::decode(&value)?);
        }
        Ok(mappings)
    }

    /// The mapping of this id.
    pub(crate) fn get(&self, account: AccountId, uuid: &str) -> Option<Arc<Mapping>> {
        self.by_id.read().get(&(account, uuid.to_owned())).cloned()
    }

    /// The mappings of an account, in the order of their ids.
    pub(crate) fn of(&self, account: AccountId) -> Vec<Arc<Mapping>> {
        let mappings = self.by_id.read();
        mappings.values().filter(|mapping| mapping.record.account == account).cloned().collect()
    }

    /// Every mapping that is to read now.
    pub(crate) fn enabled(&self) -> Vec<Arc<Mapping>> {
        self.by_id.read().values().filter(|mapping| mapping.record.is_enabled).cloned().collect()
    }

    /// What came of a mapping's last reading.
    pub(crate) fn result(&self, uuid: &str) -> String {
        self.results.read().get(uuid).cloned().unwrap_or_else(|| "No records processed".to_owned())
    }

    /// Tells what came of a mapping's last reading.
    pub(crate) fn tell(&self, uuid: &str, result: &str) {
        let is_known = self.results.read().get(uuid).is_some_and(|known| known == result);
        if !is_known {
            self.results.write().insert(uuid.to_owned(), result.to_owned());
        }
    }

    /// Writes a mapping that was made or changed.
    pub(crate) async fn write(self: &Arc<Self>, call: &Call, record: MappingRecord) -> Result<(), Error> {
        call.transact(|transaction| {
            let encoded = record.encode().map_err(Error::internal)?;
            transaction.put(MAPPINGS, key(record.account, &record.uuid), encoded)?;
            let mappings = Arc::clone(self);
            transaction.after_commit(move || mappings.put(record));
            Ok(())
        })
        .await
    }

    /// Deletes a mapping, and how far it has read.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        call: &Call,
        account: AccountId,
        uuid: &str,
    ) -> Result<(), Error> {
        call.transact(|transaction| {
            transaction.delete(MAPPINGS, key(account, uuid))?;
            for (shard, _) in transaction.scan(CHECKPOINTS, &Range::prefix(key(account, uuid)))? {
                transaction.delete(CHECKPOINTS, shard)?;
            }
            let (mappings, uuid) = (Arc::clone(self), uuid.to_owned());
            transaction.after_commit(move || mappings.remove(account, &uuid));
            Ok(())
        })
        .await
    }

    fn put(&self, record: MappingRecord) {
        let key = (record.account, record.uuid.clone());
        self.by_id.write().insert(key, Mapping::of(record));
        self.changed.notify_one();
    }

    fn remove(&self, account: AccountId, uuid: &str) {
        self.by_id.write().remove(&(account, uuid.to_owned()));
        self.results.write().remove(uuid);
        self.changed.notify_one();
    }
}

/// How far a mapping has read a shard.
pub(crate) fn checkpoint(
    store: &Store,
    record: &MappingRecord,
    shard: &str,
) -> Result<Checkpoint, CatalogError> {
    let stored = store.get(CHECKPOINTS, key(record.account, &record.uuid).str(shard))?;
    Ok(stored.map(|bytes| Checkpoint::decode(&bytes)).transpose()?.unwrap_or_default())
}

/// Writes how far a mapping has read a shard, unless the mapping is gone.
pub(crate) async fn keep_checkpoint(
    store: &Store,
    record: &MappingRecord,
    shard: &str,
    checkpoint: &Checkpoint,
) -> Result<(), CatalogError> {
    let encoded = checkpoint.encode()?;
    let mapping = key(record.account, &record.uuid);
    let written: Result<(), StoreError> = store
        .transact(|transaction| {
            if transaction.get(MAPPINGS, &mapping)?.is_none() {
                return Ok(());
            }
            transaction.put(CHECKPOINTS, key(record.account, &record.uuid).str(shard), encoded)
        })
        .await;
    Ok(written?)
}

fn key(account: AccountId, uuid: &str) -> Key {
    Key::new().str(account.as_str()).str(uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = MappingRecord {
            uuid: "u".into(),
            account: "000000000001".parse().unwrap(),
            function_arn: "f".into(),
            source_arn: "s".into(),
            is_enabled: true,
            batch_size: 100,
            window_secs: 0,
            starting_position: "LATEST".into(),
            filters: vec![r#"{"a":["b"]}"#.into()],
            bisects: false,
            retries_max: Some(2),
            age_max_secs: None,
            reports_failures: true,
            created_at: Timestamp::from_millis(1),
            modified_at: Timestamp::from_millis(2),
        };
        let golden = concat!(
            "\u{1}",
            r#"{"uuid":"u","account":"000000000001","function_arn":"f","source_arn":"s","is_enabled":true,"#,
            r#""batch_size":100,"window_secs":0,"starting_position":"LATEST","filters":["{\"a\":[\"b\"]}"],"#,
            r#""bisects":false,"retries_max":2,"age_max_secs":null,"reports_failures":true,"created_at":1,"#,
            r#""modified_at":2}"#
        );
        assert_eq!(String::from_utf8(record.encode().unwrap()).unwrap(), golden);
        assert_eq!(MappingRecord::decode(golden.as_bytes()).unwrap(), record);
        let checkpoint = Checkpoint { sequence: Some("1".into()), is_finished: false };
        assert_eq!(checkpoint.encode().unwrap(), b"\x01{\"sequence\":\"1\",\"is_finished\":false}");
    }
}
