//! The group-commit writer: one thread that takes what has gathered, makes it durable with one sync, and answers.
//!
//! The only thread that writes. When a group fails, nothing of it is answered, and the store stays closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::engine::Engine;
use crate::group::{Due, Group, Pending};
use crate::marker::Marker;

/// What callers and the writer share.
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    /// The executor's lock: a transaction's body runs while it is held.
    pub(crate) pending: Mutex<Pending>,
    /// Wakes the writer.
    pub(crate) work: Condvar,
    /// Wakes callers who found no room.
    pub(crate) room: Notify,
    /// `pending.failed` for readers, who take no lock.
    pub(crate) failed: AtomicBool,
}

/// The writer's own state.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) marker: Marker,
    /// The number of the last durable group.
    pub(crate) group: u64,
}

impl Writer {
    /// Runs until the store is dropped and everything that was accepted is durable, or until a write fails.
    pub(crate) fn run(mut self) {
        // A panic must not leave callers waiting for a thread that is gone.
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            self.fail("the writer panicked");
        }
    }

    fn work(&mut self) {
        while let Some(mut group) = self.next_group() {
            let callers = std::mem::take(&mut group.callers);
            if let Err(reason) = self.make_durable(group) {
                self.fail(&reason);
                // Only now, when the store is closed, do the callers learn of it: their channels are dropped.
                return;
            }
            for caller in callers {
                // A caller who has gone away is answered by nobody; the write stands.
                let _ = caller.send(());
            }
        }
        if let Err(error) = self.marker.sync() {
            tracing::warn!(%error, "the store's marker could not be synced");
        }
    }

    /// Waits for a group; `None` once the store is closing and nothing is left.
    fn next_group(&self) -> Option<Group> {
        let mut pending = self.shared.pending.lock();
        loop {
            let due = pending.group.due();
            match due {
                Some(Due::Now) => break,
                Some(Due::At(moment)) if pending.closing || moment <= Instant::now() => break,
                Some(Due::At(moment)) => {
                    self.shared.work.wait_until(&mut pending, moment);
                }
                None if pending.closing => return None,
                None => self.shared.work.wait(&mut pending),
            }
        }
        let mut group = std::mem::take(&mut pending.group);
        if !group.writes.is_empty() {
            pending.in_flight = Some(Arc::new(std::mem::take(&mut group.writes)));
        }
        drop(pending);
        self.shared.room.notify_waiters();
        Some(group)
    }

    /// Commits what is in flight, then runs callbacks; callers are answered after both, so that whoever has an answer
    /// finds the change, and no cache still holds what was before it.
    fn make_durable(&mut self, group: Group) -> Result<(), String> {
        let in_flight = self.shared.pending.lock().in_flight.clone();
        if let Some(writes) = in_flight {
            self.group += 1;
            self.shared.engine.commit(&writes, self.group)?;
            self.marker
                .record(self.group)
                .map_err(|error| format!("the marker cannot be written: {error}"))?;
        }
        for callback in group.callbacks {
            // SECURITY: a cache that was not invalidated may still allow what was just forbidden.
            catch_unwind(AssertUnwindSafe(callback)).map_err(|_| "a commit callback panicked".to_owned())?;
        }
        self.shared.pending.lock().in_flight = None;
        Ok(())
    }

    fn fail(&self, reason: &str) {
        tracing::error!(reason, "the store has failed; it stays closed until the next start");
        let mut pending = self.shared.pending.lock();
        pending.failed = true;
        self.shared.failed.store(true, Ordering::SeqCst);
        // Dropping the callers' channels tells them.
        pending.group = Group::default();
        drop(pending);
        self.shared.room.notify_waiters();
    }
}
