//! What waits to be made durable: the writes of many callers, gathered for one sync.
//!
//! Everything here is bounded; who finds no room waits, or is told so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::engine::Writes;
use crate::table::Table;

/// A pending group that holds this much takes no further transaction until the writer has taken it.
pub(crate) const PENDING_BYTES_MAX: usize = 48 * 1_024 * 1_024;
/// The same for the number of callers.
pub(crate) const PENDING_CALLERS_MAX: usize = 8_192;
/// How much of a pending group may be unacknowledged writes.
pub(crate) const LATER_BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// How long unacknowledged writes wait for a group to ride on.
pub(crate) const LATER_DELAY: Duration = Duration::from_millis(100);

/// Runs on the writer's thread once the group is durable.
pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// Writes without a caller who waits: see [`crate::Store::write_later`].
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) writes: Vec<(Vec<u8>, Option<Bytes>)>,
    pub(crate) bytes: usize,
}

/// An unacknowledged write was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LaterError {
    /// The queue is full; the batch comes back.
    #[error("the store's queue of unacknowledged writes is full")]
    Full(Batch),
    /// The store has failed.
    #[error("the store has failed and is closed until the next start")]
    Failed,
}

impl Batch {
    /// Nothing to write yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a record.
    pub fn put(&mut self, table: Table, key: impl AsRef<[u8]>, value: impl Into<Bytes>) {
        let (key, value) = (table.engine_key(key.as_ref()), value.into());
        self.bytes += key.len() + value.len();
        self.writes.push((key, Some(value)));
    }

    /// Deletes a record.
    pub fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) {
        let key = table.engine_key(key.as_ref());
        self.bytes += key.len();
        self.writes.push((key, None));
    }

    /// True where there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// The group that gathers while another one is being synced.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) writes: Writes,
    pub(crate) callers: Vec<oneshot::Sender<()>>,
    pub(crate) callbacks: Vec<Callback>,
    bytes: usize,
    later_bytes: usize,
    /// When the unacknowledged writes stop waiting for company.
    later_due: Option<Instant>,
}

impl Group {
    /// True where a transaction finds room.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < PENDING_BYTES_MAX && self.callers.len() < PENDING_CALLERS_MAX
    }

    /// Adds a transaction's writes.
    pub(crate) fn add(&mut self, writes: Writes, bytes: usize, callbacks: Vec<Callback>) {
        self.writes.extend(writes);
        self.callbacks.extend(callbacks);
        self.bytes += bytes;
    }

    /// Adds a caller who waits for this group.
    pub(crate) fn join(&mut self) -> oneshot::Receiver<()> {
        let (caller, durable) = oneshot::channel();
        self.callers.push(caller);
        durable
    }

    /// Adds unacknowledged writes, or gives them back.
    pub(crate) fn add_later(&mut self, batch: Batch) -> Result<(), Batch> {
        if self.later_bytes + batch.bytes > LATER_BYTES_MAX && self.later_bytes > 0 {
            return Err(batch);
        }
        self.later_bytes += batch.bytes;
        self.bytes += batch.bytes;
        self.writes.extend(batch.writes);
        self.later_due.get_or_insert_with(|| Instant::now() + LATER_DELAY);
        Ok(())
    }

    /// When the writer must take this group; `None` where there is nothing to take.
    pub(crate) fn due(&self) -> Option<Due> {
        // Half a queue does not wait: the other half is for what arrives while it is being synced.
        if !self.callers.is_empty() || self.later_bytes > LATER_BYTES_MAX / 2 {
            return Some(Due::Now);
        }
        self.later_due.map(Due::At)
    }
}

/// When a group is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Now,
    At(Instant),
}

/// What transactions run over, behind the one lock of the executor.
#[derive(Default)]
pub(crate) struct Pending {
    /// Gathers.
    pub(crate) group: Group,
    /// Is being synced.
    pub(crate) in_flight: Option<Arc<Writes>>,
    /// A write could not be made durable.
    pub(crate) failed: bool,
    /// The store is being dropped.
    pub(crate) closing: bool,
}

impl Pending {
    /// True where something that bodies can see is not durable yet.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.group.writes.is_empty() || self.in_flight.is_some()
    }

    /// What is not durable yet, newest first.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &Writes> {
        std::iter::once(&self.group.writes).chain(self.in_flight.as_deref())
    }
}
