//! Opening a folder, reading what is durable, and running transactions.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};

use base::Clock;
use bytes::Bytes;
use crypto::{RootKey, Sealer};
use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

use crate::engine::Engine;
use crate::error::{OpenError, StoreError};
use crate::group::{Batch, Due, LaterError, Pending};
use crate::journals::{self, Flaw};
use crate::lock::FolderLock;
use crate::manifests;
use crate::marker::{Content, Marker};
use crate::range::Range;
use crate::snapshot::Snapshot;
use crate::space::Space;
use crate::table::Table;
use crate::transaction::Transaction;
use crate::writer::{Shared, Writer};

/// Where a store is and what it is sealed with.
#[derive(Debug)]
pub struct StoreOptions {
    /// The folder; made where it is not there, and used by nothing else.
    pub path: PathBuf,
    /// Seals every value.
    pub sealer: Sealer,
    /// The time, for whoever keeps records by it.
    pub clock: Clock,
}

/// An open store. Clones share it; the last one to go makes everything that was accepted durable.
#[derive(Clone)]
pub struct Store(Arc<Open>);

struct Open {
    shared: Arc<Shared>,
    clock: Clock,
    space: Space,
    writer: Option<JoinHandle<()>>,
    // Dropped after the writer has ended, in this order.
    _lock: FolderLock,
    _ephemeral: Option<EphemeralFolder>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store(…)")
    }
}

impl Store {
    /// Opens a store, or makes one. Refuses a folder that another process uses, that was sealed under another key, or
    /// that lost anything it had acknowledged.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_in(options, true, None)
    }

    /// A store for tests: the real engine in a folder of its own that goes away with it, not synced.
    pub fn ephemeral() -> Result<Self, OpenError> {
        Self::ephemeral_at(Clock::system())
    }

    /// An ephemeral store with a clock that the test holds.
    pub fn ephemeral_at(clock: Clock) -> Result<Self, OpenError> {
        let folder = EphemeralFolder::make();
        let path = folder.0.clone();
        let sealer = RootKey::ephemeral().derive("store");
        Self::open_in(StoreOptions { path, sealer, clock }, false, Some(folder))
    }

    fn open_in(
        options: StoreOptions,
        durable: bool,
        ephemeral: Option<EphemeralFolder>,
    ) -> Result<Self, OpenError> {
        Self::open_on(options, durable, ephemeral, |path, engine| {
            let engine = Arc::clone(engine);
            Space::of(path, move |free_bytes| engine.bytes_kept(free_bytes))
        })
    }

    fn open_on(
        options: StoreOptions,
        durable: bool,
        ephemeral: Option<EphemeralFolder>,
        space: impl FnOnce(&Path, &Arc<Engine>) -> Space,
    ) -> Result<Self, OpenError> {
        let StoreOptions { path, sealer, clock } = options;
        let failed = |source| OpenError::Io { path: path.clone(), source };
        make_private(&path).map_err(failed)?;
        let lock = FolderLock::take(&path)?;
        let (engine, group) = open_checked(&path, sealer, durable)?;
        let marker = Marker::open(&path).map_err(failed)?;
        let engine = Arc::new(engine);
        let space = space(&path, &engine);
        let shared = Arc::new(Shared {
            engine,
            pending: Mutex::new(Pending::default()),
            work: Condvar::new(),
            room: Notify::new(),
            failed: AtomicBool::new(false),
        });
        let writer = Writer { shared: Arc::clone(&shared), marker, group };
        let thread = thread::Builder::new().name("store-writer".to_owned());
        let writer = thread.spawn(move || writer.run()).map_err(failed)?;
        let writer = Some(writer);
        Ok(Self(Arc::new(Open { shared, clock, space, writer, _lock: lock, _ephemeral: ephemeral })))
    }

    /// True where the disk has room for more: what is kept in files beside the store asks here before it takes the room that
    /// is reserved for deletions.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.0.space.takes(0, false)
    }

    /// The clock that the store was opened with.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The durable record under this key.
    pub fn get(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, StoreError> {
        self.check()?;
        self.0.shared.engine.get(table, key.as_ref())
    }

    /// The durable records of a range, gathered.
    pub fn scan(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.snapshot()?.scan(table, range)
    }

    /// The durable records whose keys start with these bytes, gathered.
    pub fn scan_prefix(
        &self,
        table: Table,
        prefix: impl AsRef<[u8]>,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.scan(table, &Range::prefix(prefix))
    }

    /// A frozen view of everything that is durable now.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.check()?;
        Ok(Snapshot::new(Arc::clone(&self.0.shared.engine)))
    }

    /// Runs a body alone, over what is durable and what earlier bodies wrote. Where it succeeds, its writes become visible
    /// and this returns after the one sync of their group; where it errs, nothing is written. Either way nothing is returned
    /// that rests on writes which are not durable.
    ///
    /// A caller who goes away once the body has run does not undo it.
    pub async fn transact<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        self.room().await?;
        let (outcome, durable) = self.execute(body)?;
        if let Some(durable) = durable {
            durable.await.map_err(|_| StoreError::Failed)?;
        }
        outcome
    }

    /// The same for a thread that runs no futures. It must not be called from one that does, nor from a callback.
    pub fn transact_blocking<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        block_on(self.transact(body))
    }

    /// Returns once everything that was accepted before is durable, unacknowledged writes included.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.transact(|_| Ok(())).await
    }

    /// Queues writes that nobody waits for; they ride on the next group, or go alone within 100 ms. Later transactions
    /// see them. A crash may lose them.
    pub fn write_later(&self, batch: Batch) -> Result<(), LaterError> {
        if batch.is_empty() {
            return Ok(());
        }
        let mut pending = self.0.shared.pending.lock();
        if pending.failed {
            return Err(LaterError::Failed);
        }
        let was_idle = pending.group.due().is_none();
        let added = pending.group.add_later(batch);
        let wakes = was_idle || matches!(pending.group.due(), Some(Due::Now));
        drop(pending);
        if wakes {
            self.0.shared.work.notify_one();
        }
        added.map_err(LaterError::Full)
    }

    /// The same, but waits while the queue is full.
    pub async fn write_later_when_room(&self, mut batch: Batch) -> Result<(), StoreError> {
        loop {
            let room = self.0.shared.room.notified();
            match self.write_later(batch) {
                Ok(()) => return Ok(()),
                Err(LaterError::Failed) => return Err(StoreError::Failed),
                Err(LaterError::Full(back)) => batch = back,
            }
            room.await;
        }
    }

    /// False once the store has failed: it answers nobody any more until the next start.
    pub fn is_well(&self) -> bool {
        self.check().is_ok()
    }

    /// SECURITY: a store that failed may hold, in memory, what never became durable; it answers nobody.
    fn check(&self) -> Result<(), StoreError> {
        if self.0.shared.failed.load(Ordering::SeqCst) { Err(StoreError::Failed) } else { Ok(()) }
    }

    async fn room(&self) -> Result<(), StoreError> {
        loop {
            // A waiter is told of every `notify_waiters` after it was made, so none is lost between check and wait.
            let room = self.0.shared.room.notified();
            {
                let pending = self.0.shared.pending.lock();
                if pending.failed {
                    return Err(StoreError::Failed);
                }
                if pending.group.has_room() {
                    return Ok(());
                }
            }
            room.await;
        }
    }

    /// Runs the body under the executor's lock and hands its writes to the group that gathers.
    fn execute<T, E, F>(&self, body: F) -> Result<Executed<T, E>, StoreError>
    where
        F: FnOnce(&mut Transaction<'_>) -> Result<T, E>,
    {
        let shared = &self.0.shared;
        let mut pending = shared.pending.lock();
        if pending.failed {
            return Err(StoreError::Failed);
        }
        let mut transaction = Transaction::new(&shared.engine, &pending);
        let outcome = body(&mut transaction);
        let (writes, bytes, callbacks) = transaction.into_parts();
        let commits = outcome.is_ok() && !(writes.is_empty() && callbacks.is_empty());
        if commits && !writes.is_empty() && !self.0.space.takes(bytes, writes.values().any(Option::is_none)) {
            return Err(StoreError::Full);
        }
        if commits {
            pending.group.add(writes, bytes, callbacks);
        }
        // Even an error may rest on what an earlier body wrote, so it waits for that too.
        if !commits && !pending.is_ahead() {
            return Ok((outcome, None));
        }
        let durable = pending.group.join();
        drop(pending);
        shared.work.notify_one();
        Ok((outcome, Some(durable)))
    }
}

/// A body's outcome, and the group to wait for.
type Executed<T, E> = (Result<T, E>, Option<oneshot::Receiver<()>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.pending.lock().closing = true;
        self.shared.work.notify_one();
        if let Some(writer) = self.writer.take()
            && writer.thread().id() != thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

/// Opens the engine and checks that it holds everything that was ever acknowledged.
fn open_checked(path: &Path, sealer: Sealer, durable: bool) -> Result<(Engine, u64), OpenError> {
    let folder = path.join("engine");
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let marker = Marker::read(path).map_err(failed)?;
    if marker == Some(Content::UnknownFormat) {
        return Err(OpenError::Format { path: path.to_owned() });
    }
    // A store without a marker is still being made: nothing was acknowledged, and its files may be half there.
    if let Some(Content::Group(acknowledged)) = marker {
        let sound = manifests::check(&folder).map_err(failed)?;
        sound.map_err(|reason| OpenError::Damaged { path: path.to_owned(), reason })?;
        check_journals(path, &folder, &sealer, acknowledged)?;
    }
    let engine = Engine::open(&folder, sealer, durable)
        .map_err(|reason| OpenError::Damaged { path: path.to_owned(), reason })?;
    let found = engine.last_group().map_err(|error| match error {
        StoreError::Damaged { .. } => OpenError::Key { path: path.to_owned() },
        other => OpenError::Damaged { path: path.to_owned(), reason: other.to_string() },
    })?;
    let group = match (marker, found) {
        (Some(Content::Group(expected)), found) if found.unwrap_or(0) < expected => {
            return Err(OpenError::Cut { path: path.to_owned(), expected, found: found.unwrap_or(0) });
        }
        (Some(Content::Group(_)), Some(found)) => found,
        // No marker: a new folder, or one whose making was interrupted before anything could be acknowledged.
        (None, found) if found.unwrap_or(1) == 1 => create(path, &engine, found)?,
        _ => return Err(OpenError::Marker { path: path.to_owned() }),
    };
    Ok((engine, group))
}

/// Refuses journals that lost something; see `journals`.
fn check_journals(path: &Path, engine: &Path, sealer: &Sealer, acknowledged: u64) -> Result<(), OpenError> {
    let checked = journals::check(engine, sealer, acknowledged);
    match checked.map_err(|source| OpenError::Io { path: path.to_owned(), source })? {
        Ok(()) => Ok(()),
        Err(Flaw::Closed(journal)) => Err(OpenError::Journal { path: path.to_owned(), journal }),
        Err(Flaw::Cut(found)) => {
            Err(OpenError::Cut { path: path.to_owned(), expected: acknowledged, found: found.unwrap_or(0) })
        }
    }
}

/// The first group of a new store, and its marker: after the engine, so that a marker always has a store.
fn create(path: &Path, engine: &Engine, found: Option<u64>) -> Result<u64, OpenError> {
    let damaged = |reason| OpenError::Damaged { path: path.to_owned(), reason };
    if found.is_none() {
        if !engine.is_empty().map_err(|error| damaged(error.to_string()))? {
            return Err(OpenError::Marker { path: path.to_owned() });
        }
        engine.commit(&crate::engine::Writes::new(), 1).map_err(damaged)?;
    }
    Marker::create(path, 1).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
    Ok(1)
}

/// Makes the folder, closed to everybody else.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A folder that goes away with its store.
struct EphemeralFolder(PathBuf);

impl EphemeralFolder {
    fn make() -> Self {
        Self(std::env::temp_dir().join(format!("fastness-store-{}", crypto::random::hex(8))))
    }
}

impl Drop for EphemeralFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "an ephemeral store's folder could not be removed");
        }
    }
}

/// Runs a future on this thread, which sleeps while it waits.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::Key;
    use crate::space::Disk;

    const TABLE: Table = Table::new(0x7f02, "tests");

    #[test]
    fn a_full_disk_refuses_writes_and_leaves_the_store_open() {
        const MIB: u64 = 1 << 20;
        let free = Arc::new(AtomicU64::new(1_000 * MIB));
        let told = Arc::clone(&free);
        let folder = EphemeralFolder::make();
        let path = folder.0.clone();
        let ask = move |_: &Path| {
            Ok(Disk { all_bytes: 100_000 * MIB, free_bytes: told.load(Ordering::Relaxed), kept_bytes: 0 })
        };
        let space = Space::asking(&path, Box::new(ask));
        let sealer = RootKey::ephemeral().derive("store");
        let options = StoreOptions { path, sealer, clock: Clock::system() };
        let store = Store::open_on(options, false, Some(folder), |_, _| space).unwrap();
        let put = |key: &str| {
            store.transact_blocking(|transaction| transaction.put(TABLE, Key::new().str(key), vec![1; 100]))
        };
        let replace = |bytes: usize| {
            store.transact_blocking(|transaction| {
                transaction.delete(TABLE, Key::new().str("a"))?;
                transaction.put(TABLE, Key::new().str("b"), vec![1; bytes])
            })
        };
        let left = |mib: u64| {
            free.store(mib * MIB, Ordering::Relaxed);
            thread::sleep(std::time::Duration::from_millis(30));
        };
        put("a").unwrap();
        left(200);
        assert!(matches!(put("c"), Err(StoreError::Full)) && !store.has_room());
        assert!(matches!(replace(100_000), Err(StoreError::Full)), "more than a deletion needs");
        replace(100).unwrap();
        left(100);
        assert!(matches!(replace(100), Err(StoreError::Full)));
        assert_eq!(store.get(TABLE, Key::new().str("b")).unwrap().unwrap().len(), 100, "readers are served");
        assert!(store.get(TABLE, Key::new().str("c")).unwrap().is_none());
        left(1_000);
        put("c").unwrap();
        assert!(store.has_room() && store.get(TABLE, Key::new().str("c")).unwrap().is_some());
    }
}
