//! The embedded engine: one keyspace of sealed records, one atomic batch a group.
//!
//! The only module that knows fjall. Never clears a keyspace and never writes outside [`Engine::commit`]. A value leaves it only
//! after it opened for its own table and key, so rot is an error and never an answer.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use crypto::Sealer;
use fjall::config::{CompressionPolicy, PartitioningPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};

use crate::KEY_BYTES_MAX;
use crate::error::StoreError;
use crate::table::{OWN, Table};

/// What a group writes: engine keys to new values, or to nothing where a record is deleted.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Bytes>>;

/// Journals and memtables are kept small so that a start after a crash has little to replay.
const JOURNAL_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
const MEMTABLE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
const CACHE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// The first thread only flushes, and puts back into the queue what there is to compact, again and again, while the second is at a
/// compaction: half of the engine's processor time. A third one would take that half away, and with it work from the queue that a
/// level in use forbids: what is left in disorder then makes reads a third dearer, and ranges three times.
const WORKER_THREADS: usize = 2;

/// Under this key every group writes its number: what the marker's number is compared with at the next start.
pub(crate) const GROUP_KEY: &[u8] = b"group";

/// The open engine.
pub(crate) struct Engine {
    records: Keyspace,
    database: Database,
    sealer: Sealer,
    sync: PersistMode,
}

/// A consistent, frozen view.
pub(crate) struct View(fjall::Snapshot);

/// Sealed records of one range. Ends after an error.
pub(crate) type SealedIter = Box<dyn Iterator<Item = fjall::Guard> + Send>;

impl Engine {
    /// Opens or makes the engine's folder. The error is for operators.
    pub(crate) fn open(folder: &Path, sealer: Sealer, durable: bool) -> Result<Self, String> {
        let open = || {
            let database = Database::builder(folder)
                .max_journaling_size(JOURNAL_BYTES_MAX)
                .cache_size(CACHE_BYTES_MAX)
                .worker_threads(WORKER_THREADS)
                .journal_compression(CompressionType::None)
                .open()?;
            let options = || {
                // Indexes and filters of the second level and below are read in pieces of 4 KiB. Whole, those of each of its files
                // are 1.4 MiB: with ten million records in it they do not fit into the cache, and each read of one that was put
                // out read and hashed all of that (147 us of processor time a record, 18 in pieces). The first level is never
                // more than four files, whose indexes stay. Written down when the store is made: an older one keeps its own.
                let pieces = || PartitioningPolicy::new([false, false, true]);
                // Sealed values do not compress.
                KeyspaceCreateOptions::default()
                    .index_block_partitioning_policy(pieces())
                    .filter_block_partitioning_policy(pieces())
                    .max_memtable_size(MEMTABLE_BYTES_MAX)
                    .data_block_compression_policy(CompressionPolicy::disabled())
            };
            let records = database.keyspace("records", options)?;
            Ok::<_, fjall::Error>((database, records))
        };
        // The engine asserts what it expects of its files, so a damaged one may panic instead of answering an error.
        let opened = catch_unwind(AssertUnwindSafe(open));
        let (database, records) = opened
            .map_err(|_| "its files contradict each other".to_owned())?
            .map_err(|error| error.to_string())?;
        let sync = if durable { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(Self { records, database, sealer, sync })
    }

    /// The number of the last group in the engine; `None` in an empty one.
    pub(crate) fn last_group(&self) -> Result<Option<u64>, StoreError> {
        let stored = self.get(OWN, GROUP_KEY)?;
        let number = |value: &[u8]| value.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
        stored.map(|value| number(&value).ok_or(StoreError::Damaged { table: OWN.name() })).transpose()
    }

    /// True where there is no record at all.
    pub(crate) fn is_empty(&self) -> Result<bool, StoreError> {
        self.database.snapshot().is_empty(&self.records).map_err(|error| read_failed(OWN, &error))
    }

    /// Writes a group and makes it durable: journal, one sync, and only then visible to readers.
    pub(crate) fn commit(&self, writes: &Writes, group: u64) -> Result<(), String> {
        let mut batch = self.database.batch().durability(Some(self.sync));
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(&self.records, key.as_slice(), self.sealer.seal(key, value)),
                None => batch.remove(&self.records, key.as_slice()),
            }
        }
        let group_key = OWN.engine_key(GROUP_KEY);
        let sealed = self.sealer.seal(&group_key, &group.to_be_bytes());
        batch.insert(&self.records, group_key, sealed);
        catch_unwind(AssertUnwindSafe(|| batch.commit()))
            .map_err(|_| "the engine stopped in the middle of a write".to_owned())?
            .map_err(|error| error.to_string())
    }

    /// The newest durable value.
    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(None); // no record has such a key, and the engine takes none
        }
        let key = table.engine_key(key);
        let read = catch_unwind(AssertUnwindSafe(|| self.records.get(&key)));
        self.opened(table, &key, read)
    }

    /// The durable value as the view saw it.
    pub(crate) fn get_at(&self, view: &View, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Ok(None);
        }
        let key = table.engine_key(key);
        let read = catch_unwind(AssertUnwindSafe(|| view.0.get(&self.records, &key)));
        self.opened(table, &key, read)
    }

    fn opened(
        &self,
        table: Table,
        key: &[u8],
        read: std::thread::Result<fjall::Result<Option<fjall::Slice>>>,
    ) -> Result<Option<Bytes>, StoreError> {
        let sealed = read
            .map_err(|_| StoreError::Damaged { table: table.name() })?
            .map_err(|error| read_failed(table, &error))?;
        sealed.map(|sealed| self.unseal(table, key, &sealed)).transpose()
    }

    /// What is durable now.
    pub(crate) fn view(&self) -> View {
        View(self.database.snapshot())
    }

    /// The view's records between the bounds.
    pub(crate) fn range(&self, view: &View, bounds: (Vec<u8>, Bound<Vec<u8>>), reverse: bool) -> SealedIter {
        let range = view.0.range(&self.records, (Bound::Included(bounds.0), bounds.1));
        if reverse { Box::new(range.rev()) } else { Box::new(range) }
    }

    /// The next record of a range: its engine key and its opened value.
    pub(crate) fn next_of(
        &self,
        table: Table,
        records: &mut SealedIter,
    ) -> Option<Result<(Vec<u8>, Bytes), StoreError>> {
        let next = catch_unwind(AssertUnwindSafe(|| records.next().map(fjall::Guard::into_inner)));
        match next {
            Err(_) => Some(Err(StoreError::Damaged { table: table.name() })),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some(Err(read_failed(table, &error))),
            Ok(Some(Ok((key, sealed)))) => {
                Some(self.unseal(table, &key, &sealed).map(|value| (key.to_vec(), value)))
            }
        }
    }

    fn unseal(&self, table: Table, key: &[u8], sealed: &[u8]) -> Result<Bytes, StoreError> {
        let opened = self.sealer.open(key, sealed);
        opened.map(Bytes::from).map_err(|_| StoreError::Damaged { table: table.name() })
    }
}

fn read_failed(table: Table, error: &fjall::Error) -> StoreError {
    StoreError::Read { table: table.name(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_from_before_its_indexes_were_in_pieces_opens() {
        const TABLE: Table = Table::new(0x7f03, "tests");
        let folder = tempfile::tempdir().unwrap();
        let sealer = crypto::RootKey::ephemeral().derive("store");
        {
            let database = Database::builder(folder.path()).open().unwrap();
            database.keyspace("records", KeyspaceCreateOptions::default).unwrap();
        }
        for group in 1..3 {
            let engine = Engine::open(folder.path(), sealer.clone(), false).unwrap();
            let record = (TABLE.engine_key(&[group]), Some(Bytes::from(vec![group])));
            engine.commit(&Writes::from([record]), group.into()).unwrap();
            for known in 1..=group {
                assert_eq!(engine.get(TABLE, &[known]).unwrap().unwrap(), vec![known]);
            }
            assert_eq!(engine.last_group().unwrap(), Some(group.into()));
        }
    }
}
