//! Asynchronous invocations: durable before they are acknowledged, delivered at least once, tried again, given up.
//!
//! It does not know what an event means nor how its function is found: a target is handed in, and answers how it went.

mod record;
mod schedule;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;
use store::{Key, Range, Store, StoreError, Table, Transaction};
use tokio::sync::Notify;

pub use record::QueuedEvent;
pub use worker::{EventAnswer, EventEnding, EventReport, EventTarget, EventVerdict, Settlement};

use self::schedule::{Entry, Schedule};
use crate::limits::EVENT_QUEUE_MAX;

/// State of each waiting event.
const EVENTS: Table = Table::new(0x0901, "compute-events");
/// Payload of each waiting event.
const PAYLOADS: Table = Table::new(0x0902, "compute-event-payloads");

/// An event was not queued.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The account has too many waiting.
    #[error("too many asynchronous invocations wait in this account")]
    Full,
    /// The store failed.
    #[error("the event queue's store failed")]
    Store(#[from] StoreError),
}

/// How long to wait between tries.
#[derive(Debug, Clone, Copy)]
pub struct RetryTimes {
    /// After the first function error; doubled after the second.
    pub after_function_error: Duration,
    /// After the first refusal; doubled each time.
    pub after_refusal: Duration,
    /// Never longer than this after a refusal.
    pub after_refusal_max: Duration,
}

impl Default for RetryTimes {
    fn default() -> Self {
        Self {
            after_function_error: Duration::from_secs(60),
            after_refusal: Duration::from_secs(1),
            after_refusal_max: Duration::from_secs(300),
        }
    }
}

/// All asynchronous invocations of this platform. Cheap to clone.
#[derive(Clone)]
pub struct EventQueue(Arc<Queue>);

struct Queue {
    store: Store,
    clock: Clock,
    times: RetryTimes,
    schedule: Mutex<Schedule>,
    changed: Notify,
}

impl EventQueue {
    /// The queue in this store, with everything that an earlier process left in it.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn load(store: Store, clock: Clock, times: RetryTimes) -> Result<Self, StoreError> {
        let mut schedule = Schedule::default();
        for item in store.snapshot()?.iter(EVENTS, &Range::all()) {
            let (key, value) = item?;
            match QueuedEvent::decode(&value) {
                Ok(event) => schedule.add(Entry::of(&event)),
                Err(error) => tracing::error!(%error, key = ?key, "a queued event cannot be read; it stays"),
            }
        }
        let queue = Queue { store, clock, times, schedule: Mutex::new(schedule), changed: Notify::new() };
        Ok(Self(Arc::new(queue)))
    }

    /// Queues an event within a transaction; it is delivered once that is durable.
    ///
    /// # Errors
    /// Where the account has too many waiting, or the store fails.
    pub fn put(
        &self,
        transaction: &mut Transaction<'_>,
        event: &QueuedEvent,
        payload: Bytes,
    ) -> Result<(), EventError> {
        if self.0.schedule.lock().waiting(event.account) >= EVENT_QUEUE_MAX {
            return Err(EventError::Full);
        }
        let key = key_of(event);
        transaction.put(EVENTS, &key, event.encode())?;
        transaction.put(PAYLOADS, &key, payload)?;
        let queue = Arc::clone(&self.0);
        let entry = Entry::of(event);
        transaction.after_commit(move || queue.add(entry));
        Ok(())
    }

    /// How many wait or are in progress.
    pub fn len(&self) -> usize {
        self.0.schedule.lock().len()
    }

    /// True where none waits or is in progress.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Delivers events until `stopped` is ready.
    pub async fn run(&self, target: Arc<dyn EventTarget>, stopped: impl Future<Output = ()> + Send) {
        worker::run(&self.0, target, stopped).await;
    }
}

impl Queue {
    fn add(&self, entry: Entry) {
        self.schedule.lock().add(entry);
        self.changed.notify_one();
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn key_of(event: &QueuedEvent) -> Key {
    Key::new().str(event.account.as_str()).str(&event.request_id)
}
