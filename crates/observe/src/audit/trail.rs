//! The trail: begins records, and writes those of reads and refusals in blocks from a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use base::{AccountId, Timestamp};
use store::{Batch, LaterError, Store, StoreError};
use tokio::sync::broadcast;

use crate::audit::changes::BEHIND_MAX;
use crate::audit::json::Seconds;
use crate::audit::queue::{Ended, Queue};
use crate::audit::record::{Outcome, Record};
use crate::audit::ticket::AuditTicket;
use crate::audit::{AuditUnavailable, BLOCKS, block, block_key};

/// Where calls are recorded. Clones share it; the last one to go writes what is left.
#[derive(Clone)]
pub struct AuditTrail(Arc<Open>);

struct Open {
    store: Store,
    queue: Arc<Queue>,
    /// Counts calls; see [`AuditTrail::next_event_id`].
    calls: AtomicU64,
    /// Tells ids of this process from those of an earlier one.
    process: u32,
    changes: broadcast::Sender<Arc<Record>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuditTrail(…)")
    }
}

impl AuditTrail {
    /// A trail in this store, with its writing thread.
    pub fn new(store: Store) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let (thread_store, thread_queue) = (store.clone(), Arc::clone(&queue));
        let writer = thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || write_blocks(&thread_store, &thread_queue))?;
        let process = u32::from_be_bytes(crypto::random::bytes());
        let (changes, _) = broadcast::channel(BEHIND_MAX);
        let calls = AtomicU64::new(0);
        Ok(Self(Arc::new(Open { store, queue, calls, process, changes, writer: Some(writer) })))
    }

    /// Begins the record of a call.
    #[must_use]
    pub fn begin(&self, record: Record) -> AuditTicket {
        AuditTicket::new(self.clone(), record, Vec::new())
    }

    /// Begins the records of a call that touches resources of other accounts: one in each account's trail, durable
    /// together.
    #[must_use]
    pub fn begin_shared(&self, record: Record, others: Vec<Record>) -> AuditTicket {
        AuditTicket::new(self.clone(), record, others)
    }

    /// Records a call that ended before any work began. Waits while the queue is full.
    pub async fn record(&self, record: Record, outcome: Outcome) -> Result<(), AuditUnavailable> {
        let event_id = self.next_event_id(record.event_time);
        self.0.queue.push(Ended { record: Arc::new(record), event_id, outcome }).await
    }

    /// Returns once everything that ended before is durable.
    pub async fn flush(&self) -> Result<(), AuditUnavailable> {
        self.0.queue.flush().await?;
        self.0.store.flush().await.map_err(|_| AuditUnavailable)
    }

    /// A version 7 UUID: the call's time, then a count, then 32 bits that were drawn when the trail was opened. So ids
    /// sort as calls arrived, and pages of calls of one millisecond keep their order.
    pub(crate) fn next_event_id(&self, arrived: Timestamp) -> u128 {
        let millis = u128::from(arrived.millis().cast_unsigned()) & 0xffff_ffff_ffff;
        let count = u128::from(self.0.calls.fetch_add(1, Ordering::Relaxed));
        let (high, low) = (count >> 30 & 0xfff, count & 0x3fff_ffff);
        millis << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low << 32 | u128::from(self.0.process)
    }

    pub(crate) fn announcements(&self) -> &broadcast::Sender<Arc<Record>> {
        &self.0.changes
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take()
            && writer.thread().id() != thread::current().id()
            && writer.join().is_err()
        {
            tracing::error!("the audit writer panicked");
        }
    }
}

/// The writing thread's life.
fn write_blocks(store: &Store, queue: &Queue) {
    // A panic or a failure must not leave calls waiting for a thread that is gone.
    struct FailOnExit<'a>(&'a Queue);
    impl Drop for FailOnExit<'_> {
        fn drop(&mut self) {
            self.0.fail();
        }
    }
    let _guard = FailOnExit(queue);
    while let Some(ended) = queue.take() {
        let count = ended.len();
        if let Err(error) = write(store, ended) {
            tracing::error!(error = %base::Chain(&error), "audit records cannot be written");
            return;
        }
        queue.written(count);
    }
}

fn write(store: &Store, mut ended: Vec<Ended>) -> Result<(), StoreError> {
    ended.sort_by_key(|one| (one.record.account, one.record.event_time, one.event_id));
    let mut batch = Batch::new();
    let mut seconds = Seconds::default();
    let mut rest = ended.as_slice();
    while let Some(first) = rest.first() {
        let mut open = OpenBlock::new(first, &mut seconds);
        let taken = rest.iter().take_while(|one| open.take(one)).count();
        batch.put(
            BLOCKS,
            block_key(open.account, open.newest.0, open.newest.1),
            block::compress(&open.bytes),
        );
        rest = rest.get(taken..).unwrap_or_default();
    }
    write_when_room(store, batch)
}

fn write_when_room(store: &Store, mut batch: Batch) -> Result<(), StoreError> {
    loop {
        match store.write_later(batch) {
            Ok(()) => return Ok(()),
            Err(LaterError::Failed) => return Err(StoreError::Failed),
            Err(LaterError::Full(back)) => batch = back,
        }
        // Returns once what fills the queue is durable.
        store.transact_blocking(|_| Ok::<_, StoreError>(()))?;
    }
}

/// A block that is being filled with records of one account, oldest first.
struct OpenBlock<'a> {
    seconds: &'a mut Seconds,
    account: AccountId,
    oldest: Timestamp,
    newest: (Timestamp, u128),
    records: usize,
    bytes: Vec<u8>,
}

impl<'a> OpenBlock<'a> {
    fn new(first: &Ended, seconds: &'a mut Seconds) -> Self {
        let time = first.record.event_time;
        let newest = (time, first.event_id);
        Self { seconds, account: first.record.account, oldest: time, newest, records: 0, bytes: Vec::new() }
    }

    /// Takes a record, or refuses one that begins the next block.
    fn take(&mut self, ended: &Ended) -> bool {
        let time = ended.record.event_time;
        // SECURITY: a block has one account, because the account is in its key and whoever may read that reads all of it.
        let belongs = ended.record.account == self.account
            && time.millis_since(self.oldest) < block::SPAN_MILLIS_MAX
            && self.records < block::RECORDS_MAX
            && self.bytes.len() < block::BYTES_MAX;
        if belongs {
            block::append(&mut self.bytes, self.seconds, &ended.record, ended.event_id, &ended.outcome);
            self.newest = (time, ended.event_id);
            self.records += 1;
        }
        belongs
    }
}
