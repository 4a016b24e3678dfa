//! The embedded engine: one keyspace of sealed records, one atomic batch a group.
//!
//! The only module that knows fjall. Never clears a keyspace and never writes outside [`Engine::commit`]. A value leaves it only
//! after it opened for its own table and key, so rot is an error and never an answer.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use crypto::Sealer;
use fjall::compaction::Leveled;
use fjall::config::{CompressionPolicy, PartitioningPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};

use crate::KEY_BYTES_MAX;
use crate::compactor::Compactor;
use crate::error::StoreError;
use crate::table::{OWN, Table};

/// What a group writes: engine keys to new values, or to nothing where a record is deleted.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Bytes>>;

/// Journals and memtables are kept small so that a start after a crash has little to replay.
const JOURNAL_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
pub(crate) const MEMTABLE_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
const CACHE_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// They write full memtables into files. While one of them merges files, the other takes what else there is to merge from their
/// queue and puts it back, again and again: so they are given nothing to merge, and a thread of the store's own does it. One alone
/// would wait for itself for ever once a thousand commits have asked, through that queue, for a memtable to be written.
const WORKER_THREADS: usize = 2;
/// So many files in the first level are merged into the next.
const FIRST_FILES: u8 = 4;
/// With so many the engine's threads merge them: more than there are while the store's own thread keeps up, and few enough for a
/// release that leaves all of it to them.
const FIRST_FILES_OF_WORKERS: u8 = 16;

/// Under this key every group writes its number: what the marker's number is compared with at the next start.
pub(crate) const GROUP_KEY: &[u8] = b"group";

/// The open engine.
pub(crate) struct Engine {
    // Ends before the database does.
    compactor: Option<Compactor>,
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
            let records = database.keyspace("records", options)?;
            // In a store from before this was so, the engine's threads go on merging: both would be in each other's way.
            let is_ours =
                records.config.compaction_strategy.get_config() == options().compaction_strategy.get_config();
            let compactor =
                is_ours.then(|| Compactor::start(folder, &database, &records, strategy(FIRST_FILES)));
            Ok::<_, fjall::Error>((database, records, compactor.transpose()?))
        };
        // The engine asserts what it expects of its files, so a damaged one may panic instead of answering an error.
        let opened = catch_unwind(AssertUnwindSafe(open));
        let (database, records, compactor) = opened
            .map_err(|_| "its files contradict each other".to_owned())?
            .map_err(|error| error.to_string())?;
        let sync = if durable { PersistMode::SyncData } else { PersistMode::Buffer };
        Ok(Self { compactor, records, database, sealer, sync })
    }

    /// The number of the last group in the engine; `None` in an empty one.
    pub(crate) fn last_group(&self) -> Result<Option<u64>, StoreError> {
        let stored = self.get(OWN, GROUP_KEY)?;
        let number = |value: &[u8]| value.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
        stored.map(|value| number(&value).ok_or(StoreError::Damaged { table: OWN.name() })).transpose()
    }

    /// Memtables that are no files yet, and files of the first level.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.records.sealed_memtable_count(), self.records.l0_table_count())
    }

    /// What is to be kept of the disk for merging files, where so much of it is free.
    pub(crate) fn bytes_kept(&self, free_bytes: u64) -> u64 {
        self.compactor.as_ref().map_or(0, |compactor| compactor.bytes_kept(&self.records, free_bytes))
    }

    /// True where there is no record at all.
    pub(crate) fn is_empty(&self) -> Result<bool, StoreError> {
        self.database.snapshot().is_empty(&self.records).map_err(|error| read_failed(OWN, &error))
    }

    /// Writes a group and makes it durable: journal, one sync, and only then visible to readers.
    pub(crate) fn commit(&self, writes: &Writes, group: u64) -> Result<(), String> {
        if self.compactor.as_ref().is_some_and(Compactor::has_failed) {
            return Err("the engine's files cannot be put in order".to_owned());
        }
        let mut bytes = 0;
        let mut batch = self.database.batch().durability(Some(self.sync));
        for (key, value) in writes {
            bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
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
            .map_err(|error| error.to_string())?;
        if let Some(compactor) = &self.compactor {
            compactor.wrote(bytes as u64);
        }
        Ok(())
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

fn strategy(first_files: u8) -> Leveled {
    Leveled::default().with_l0_threshold(first_files)
}

/// What is written down when a store is made: an older one keeps its own.
fn options() -> KeyspaceCreateOptions {
    // Indexes and filters of the second level and below are read in pieces of 4 KiB. Whole, those of each of its files
    // are 1.4 MiB: with ten million records in it they do not fit into the cache, and each read of one that was put
    // out read and hashed all of that (147 us of processor time a record, 18 in pieces). The first level is never
    // more than four files, whose indexes stay.
    let pieces = || PartitioningPolicy::new([false, false, true]);
    KeyspaceCreateOptions::default()
        .index_block_partitioning_policy(pieces())
        .filter_block_partitioning_policy(pieces())
        .max_memtable_size(MEMTABLE_BYTES_MAX)
        .compaction_strategy(Arc::new(strategy(FIRST_FILES_OF_WORKERS)))
        // Sealed values do not compress.
        .data_block_compression_policy(CompressionPolicy::disabled())
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
            assert!(engine.compactor.is_none(), "the engine's threads merge by what it was made with");
            let record = (TABLE.engine_key(&[group]), Some(Bytes::from(vec![group])));
            engine.commit(&Writes::from([record]), group.into()).unwrap();
            for known in 1..=group {
                assert_eq!(engine.get(TABLE, &[known]).unwrap().unwrap(), vec![known]);
            }
            assert_eq!(engine.last_group().unwrap(), Some(group.into()));
        }
    }

    #[test]
    fn a_store_is_kept_in_order_by_its_own_thread_from_one_start_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = crypto::RootKey::ephemeral().derive("store");
        for _ in 0..2 {
            assert!(Engine::open(folder.path(), sealer.clone(), false).unwrap().compactor.is_some());
        }
    }
}
