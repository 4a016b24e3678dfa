//! The thread that keeps the engine's files in order.
//!
//! The engine's own threads hand this work to each other through a queue: while one is at it, the other takes what is queued,
//! puts it back, and takes it again. That was more than half of their processor time. Here one thread does the work and sleeps
//! when there is none. Decides neither what is merged, which is the engine's strategy, nor when a memtable becomes a file. Reaches
//! for parts of the engine that it shows without promising them: an update that takes them away does not compile.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fjall::compaction::Leveled;
use fjall::{AbstractTree, Database, Keyspace, LsmError};

use crate::engine::MEMTABLE_BYTES_MAX;
use crate::space;

/// After so much was written the thread looks whether there is work: well before a memtable is full.
const WRITTEN_BYTES: u64 = 4 * 1_024 * 1_024;
/// How often it looks while something was written lately: a file comes a while after the writes that filled it.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
/// It sleeps until the next writes once it found no work for so long.
const AWAKE: Duration = Duration::from_secs(2);

/// How often it looks whether there is room for what is to be merged.
const ROOM_EVERY: Duration = Duration::from_secs(1);
/// What a merge writes at most, however large a store is: a file of the lower level with all that it overlaps in the next.
const MERGE_BYTES_MAX: u64 = 1_024 * 1_024 * 1_024;

/// What came of a look.
enum Look {
    Merged,
    Nothing,
    NoRoom,
}

/// What a merge of these records' files writes before it removes what it has merged, at most.
fn merge_bytes_max(records: &Keyspace) -> u64 {
    records.disk_space().min(MERGE_BYTES_MAX)
}

/// A running thread. Dropping it ends it, after the merge that it is at.
pub(crate) struct Compactor {
    shared: Arc<Shared>,
    written_bytes: AtomicU64,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    failed: AtomicBool,
    /// What was free of the disk when the merge began that is under way; nothing where none is.
    began_with: AtomicU64,
}

struct Work {
    shared: Arc<Shared>,
    folder: PathBuf,
    database: Database,
    records: Keyspace,
    strategy: Arc<Leveled>,
}

impl Compactor {
    /// Starts the thread, which first does what was left to do.
    pub(crate) fn start(
        folder: &Path,
        database: &Database,
        records: &Keyspace,
        strategy: Leveled,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = Work {
            shared: Arc::clone(&shared),
            folder: folder.to_owned(),
            database: database.clone(),
            records: records.clone(),
            strategy: Arc::new(strategy),
        };
        let thread = thread::Builder::new().name("store-compactor".to_owned());
        let thread = Some(thread.spawn(move || work.run())?);
        Ok(Self { shared, written_bytes: AtomicU64::new(0), thread })
    }

    /// Tells of bytes that were written.
    pub(crate) fn wrote(&self, bytes: u64) {
        if self.written_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < WRITTEN_BYTES {
            return;
        }
        self.written_bytes.store(0, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// What is to be kept of the disk for a merge, where so much of it is free: of one that is under way, what it has yet to write.
    pub(crate) fn bytes_kept(&self, records: &Keyspace, free_bytes: u64) -> u64 {
        let written = self.shared.began_with.load(Ordering::Acquire).saturating_sub(free_bytes);
        // What is in memory yet takes its room twice: as a file, and merged.
        let unwritten = (records.sealed_memtable_count() as u64 + 1) * MEMTABLE_BYTES_MAX * 2;
        (merge_bytes_max(records) + unwritten).saturating_sub(written)
    }

    /// True once files could not be merged: nothing more is written then, or they would pile up without a bound.
    pub(crate) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }
}

impl Drop for Compactor {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("the store's compactor panicked");
        }
    }
}

impl Work {
    fn run(self) {
        // The engine asserts what it expects of its files, so a damaged one may panic.
        let ended = catch_unwind(AssertUnwindSafe(|| self.work_until_stopped()));
        let reason = match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "its files contradict each other".to_owned(),
        };
        tracing::error!(reason, "the store's files cannot be put in order");
        self.shared.failed.store(true, Ordering::Release);
    }

    fn work_until_stopped(&self) -> Result<(), LsmError> {
        let mut worked = Instant::now();
        while !self.shared.stopping.load(Ordering::Acquire) {
            match self.merge()? {
                Look::Merged => worked = Instant::now(),
                Look::NoRoom => thread::park_timeout(ROOM_EVERY),
                Look::Nothing if worked.elapsed() < AWAKE => thread::sleep(LOOKS_EVERY),
                Look::Nothing => {
                    thread::park();
                    worked = Instant::now();
                }
            }
        }
        Ok(())
    }

    /// One merge, if the strategy wants one and the disk has room for it.
    // A merge that finds no room leaves all as it was, but for what it had written, which the next start removes. What is kept
    // of the disk for merges is asked for with each write, so that only others on the same disk can take it.
    fn merge(&self) -> Result<Look, LsmError> {
        let free_bytes = space::system(&self.folder).map_or(u64::MAX, |disk| disk.free_bytes);
        if free_bytes < merge_bytes_max(&self.records) {
            return Ok(Look::NoRoom);
        }
        let tree = &self.records.tree;
        let before = tree.current_version().id();
        let strategy = Arc::clone(&self.strategy);
        // Whatever an open view may still see is kept.
        let horizon = self.database.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
        self.shared.began_with.store(free_bytes, Ordering::Release);
        let merged = tree.compact(strategy, horizon);
        self.shared.began_with.store(0, Ordering::Release);
        match merged {
            Err(LsmError::Io(error)) if is_full(&error) => {
                tracing::error!("the disk has no room for the store's files to be put in order");
                Ok(Look::NoRoom)
            }
            done => {
                done.map(|_| if tree.current_version().id() == before { Look::Nothing } else { Look::Merged })
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bytes::Bytes;

    use crate::engine::{Engine, Writes};
    use crate::table::Table;

    use super::*;

    const TABLE: Table = Table::new(0x7f04, "tests");
    /// Three of them fill a memtable.
    const VALUE_BYTES: usize = 7 * 1_024 * 1_024;
    const WITHIN: Duration = Duration::from_secs(30);

    fn open(folder: &Path, sealer: &crypto::Sealer) -> Engine {
        Engine::open(folder, sealer.clone(), false).unwrap()
    }

    fn write(engine: &Engine, group: u64) -> Result<(), String> {
        let value = Bytes::from(vec![group as u8; VALUE_BYTES]);
        engine.commit(&Writes::from([(TABLE.engine_key(&(group % 5).to_be_bytes()), Some(value))]), group)
    }

    fn wait(what: &str, mut done: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !done() {
            assert!(begin.elapsed() < WITHIN, "{what} within {WITHIN:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn files_are_merged_though_nobody_writes_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = crypto::RootKey::ephemeral().derive("store");
        let engine = open(folder.path(), &sealer);
        (1..=24).for_each(|group| write(&engine, group).unwrap());
        wait(
            "every full memtable is a file, and few are left in the first level",
            || matches!(engine.waiting(), (0, files) if files < 4),
        );
        for key in 0..5_u64 {
            let newest = (20..=24).find(|group| group % 5 == key).unwrap();
            assert_eq!(engine.get(TABLE, &key.to_be_bytes()).unwrap().unwrap()[0], newest as u8);
        }
    }

    #[test]
    fn nothing_is_written_once_files_cannot_be_merged() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = crypto::RootKey::ephemeral().derive("store");
        let engine = open(folder.path(), &sealer);
        let mut group = 0;
        while engine.waiting().1 < 2 {
            group += 1;
            write(&engine, group).unwrap();
            wait("a full memtable is a file", || engine.waiting().0 == 0);
        }
        for table in fs::read_dir(folder.path().join("keyspaces/1/tables")).unwrap() {
            let path = table.unwrap().path();
            let mut content = fs::read(&path).unwrap();
            content[VALUE_BYTES / 2] ^= 1;
            fs::write(&path, content).unwrap();
        }
        let begin = Instant::now();
        let refused = loop {
            assert!(begin.elapsed() < WITHIN, "writes go on");
            group += 1;
            if let Err(reason) = write(&engine, group) {
                break reason;
            }
        };
        assert_eq!(refused, "the engine's files cannot be put in order");
        // Long before the engine would hold writes back for good.
        assert!(engine.waiting().1 < 30, "{:?}", engine.waiting());
    }
}
