//! A call in progress, as the trail knows it.
//!
//! A ticket that is dropped without an end still leaves its record: a caller who hangs up does not escape the trail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::{Batch, StoreError, Transaction};

use crate::audit::queue::Ended;
use crate::audit::record::{Outcome, Record};
use crate::audit::trail::AuditTrail;
use crate::audit::{AuditUnavailable, BLOCKS, block, block_key};

/// Begun with [`AuditTrail::begin`]. Clones are the same ticket.
#[derive(Clone)]
pub struct AuditTicket(Arc<Ticket>);

struct Ticket {
    trail: AuditTrail,
    /// The caller's record first, then those of other accounts whose resources the call touches.
    entries: Vec<Entry>,
    /// The record stands in the store, durable, because a change of this call is.
    attached: Arc<AtomicBool>,
    ended: AtomicBool,
}

/// A record and its id.
struct Entry {
    record: Arc<Record>,
    event_id: u128,
}

impl std::fmt::Debug for AuditTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditTicket").field("event_id", &self.event_id()).finish_non_exhaustive()
    }
}

impl AuditTicket {
    pub(crate) fn new(trail: AuditTrail, record: Record, others: Vec<Record>) -> Self {
        let entry = |record: Record| {
            let event_id = trail.next_event_id(record.event_time);
            Entry { record: Arc::new(record), event_id }
        };
        let entries = std::iter::once(record).chain(others).map(entry).collect();
        Self(Arc::new(Ticket { entries, trail, attached: Arc::default(), ended: AtomicBool::new(false) }))
    }

    /// The `eventID` of the caller's record.
    #[must_use]
    pub fn event_id(&self) -> String {
        self.0.entries.first().map(|entry| crate::audit::json::uuid(entry.event_id)).unwrap_or_default()
    }

    /// Writes the record in the transaction of a change; the first change of a call carries it, later ones need not.
    // SECURITY: the change and its record become durable together or not at all.
    pub fn attach(&self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let ticket = &self.0;
        if ticket.attached.load(Ordering::Acquire) {
            return Ok(());
        }
        for entry in &ticket.entries {
            transaction.put(BLOCKS, entry.key(), entry.stored(&Outcome::default()))?;
        }
        let attached = Arc::clone(&ticket.attached);
        transaction.after_commit(move || attached.store(true, Ordering::Release));
        Ok(())
    }

    /// The call worked. `response_elements` is JSON without sensitive members.
    pub async fn succeed(&self, response_elements: Option<Vec<u8>>) -> Result<(), AuditUnavailable> {
        self.end(Outcome::success(response_elements)).await
    }

    /// The call was refused or failed.
    pub async fn fail(&self, code: &str, message: &str) -> Result<(), AuditUnavailable> {
        self.end(Outcome::failure(code, message)).await
    }

    /// The first end counts.
    async fn end(&self, outcome: Outcome) -> Result<(), AuditUnavailable> {
        let ticket = &self.0;
        if ticket.ended.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        for entry in &ticket.entries {
            ticket.trail.announce(&entry.record, &outcome);
        }
        if !ticket.attached.load(Ordering::Acquire) {
            for entry in &ticket.entries {
                ticket.trail.queue().push(entry.ended_with(outcome.clone())).await?;
            }
            return Ok(());
        }
        if outcome == Outcome::default() {
            // What stands in the store already says everything.
            return Ok(());
        }
        let mut batch = Batch::new();
        for entry in &ticket.entries {
            batch.put(BLOCKS, entry.key(), entry.stored(&outcome));
        }
        ticket.trail.store().write_later_when_room(batch).await.map_err(|_| AuditUnavailable)
    }
}

impl Entry {
    fn key(&self) -> store::Key {
        block_key(self.record.account, self.record.event_time, self.event_id)
    }

    fn stored(&self, outcome: &Outcome) -> Vec<u8> {
        block::single(&self.record, self.event_id, outcome)
    }

    fn ended_with(&self, outcome: Outcome) -> Ended {
        Ended { record: Arc::clone(&self.record), event_id: self.event_id, outcome }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !*self.ended.get_mut() && !self.attached.load(Ordering::Acquire) {
            let outcome = Outcome { interrupted: true, ..Outcome::default() };
            for entry in &self.entries {
                self.trail.queue().push_now(entry.ended_with(outcome.clone()));
            }
        }
    }
}
