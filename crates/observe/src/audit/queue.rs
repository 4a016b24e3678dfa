//! The bounded queue between calls and the thread that writes blocks.
//!
//! Nothing in it is ever dropped: who finds it full waits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::Notify;

use crate::audit::AuditUnavailable;
use crate::audit::block::RECORDS_MAX;
use crate::audit::record::{Outcome, Record};

const QUEUED_RECORDS_MAX: usize = 8_192;
const QUEUED_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// How long a record waits for company.
const DELAY: Duration = Duration::from_millis(100);

/// A call that has ended.
pub(crate) struct Ended {
    pub(crate) record: Arc<Record>,
    pub(crate) event_id: u128,
    pub(crate) outcome: Outcome,
}

/// What has ended and is not in a block yet.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    /// Wakes who waits for room or for a flush.
    progress: Notify,
}

#[derive(Default)]
struct State {
    ended: Vec<Ended>,
    bytes: usize,
    /// When the oldest record stops waiting.
    due: Option<Instant>,
    /// How many records were ever queued, and how many of them were handed to the store.
    queued: u64,
    written: u64,
    /// Somebody waits for everything up to here.
    flush_to: u64,
    failed: bool,
    closing: bool,
}

impl State {
    fn is_full(&self) -> bool {
        self.ended.len() >= QUEUED_RECORDS_MAX || self.bytes >= QUEUED_BYTES_MAX
    }

    fn push(&mut self, ended: Ended) {
        self.bytes += ended.record.bytes() + ended.outcome.details.as_ref().map_or(0, Vec::len);
        self.ended.push(ended);
        self.queued += 1;
        self.due.get_or_insert_with(|| Instant::now() + DELAY);
    }
}

impl Queue {
    /// Queues a record; waits while there is no room.
    pub(crate) async fn push(&self, ended: Ended) -> Result<(), AuditUnavailable> {
        loop {
            let progress = self.progress.notified();
            {
                let mut state = self.state.lock();
                if state.failed {
                    return Err(AuditUnavailable);
                }
                if !state.is_full() {
                    state.push(ended);
                    let wakes = matches!(state.ended.len(), 1 | RECORDS_MAX);
                    drop(state);
                    if wakes {
                        self.work.notify_one();
                    }
                    return Ok(());
                }
            }
            progress.await;
        }
    }

    /// Queues a record from where nobody can wait. There are never more of these at once than calls in progress.
    pub(crate) fn push_now(&self, ended: Ended) {
        self.state.lock().push(ended);
        self.work.notify_one();
    }

    /// Waits until everything that was queued before was handed to the store.
    pub(crate) async fn flush(&self) -> Result<(), AuditUnavailable> {
        let target = {
            let mut state = self.state.lock();
            state.flush_to = state.queued;
            state.queued
        };
        self.work.notify_one();
        loop {
            let progress = self.progress.notified();
            {
                let state = self.state.lock();
                if state.failed {
                    return Err(AuditUnavailable);
                }
                if state.written >= target {
                    return Ok(());
                }
            }
            progress.await;
        }
    }

    /// For the writing thread: what is due, or `None` once the trail is closing and nothing is left.
    pub(crate) fn take(&self) -> Option<Vec<Ended>> {
        let mut state = self.state.lock();
        loop {
            let hurry = state.ended.len() >= RECORDS_MAX || state.flush_to > state.written || state.closing;
            match state.due {
                Some(due) if hurry || due <= Instant::now() => break,
                Some(due) => {
                    self.work.wait_until(&mut state, due);
                }
                None if state.closing => return None,
                None => self.work.wait(&mut state),
            }
        }
        state.due = None;
        state.bytes = 0;
        Some(std::mem::take(&mut state.ended))
    }

    /// For the writing thread: so many records were handed to the store.
    pub(crate) fn written(&self, records: usize) {
        self.state.lock().written += records as u64;
        self.progress.notify_waiters();
    }

    /// For the writing thread: the store has failed, and with it the trail.
    pub(crate) fn fail(&self) {
        self.state.lock().failed = true;
        self.progress.notify_waiters();
    }

    /// No more calls.
    pub(crate) fn close(&self) {
        self.state.lock().closing = true;
        self.work.notify_one();
    }
}
