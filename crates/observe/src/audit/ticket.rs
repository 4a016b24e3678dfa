//! A call in progress, as the trail knows it.
//!
//! A ticket that is dropped without an end still leaves its record: a caller who hangs up does not escape the trail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
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
    /// What the work found to tell, for the caller's own record.
    details: Mutex<Details>,
}

#[derive(Default)]
struct Details {
    json: Option<Vec<u8>>,
    /// What was written with a change does not hold them yet.
    is_newer: bool,
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
        let (attached, details) = (Arc::default(), Mutex::default());
        Self(Arc::new(Ticket { entries, trail, attached, ended: AtomicBool::new(false), details }))
    }

    /// The `eventID` of the caller's record.
    #[must_use]
    pub fn event_id(&self) -> String {
        self.0.entries.first().map(|entry| crate::audit::json::uuid(entry.event_id)).unwrap_or_default()
    }

    /// What the caller's own record tells in `additionalEventData` from now on, in place of what it told. As JSON.
    // SECURITY: the records of other accounts do not have it.
    pub fn tell(&self, details: Vec<u8>) {
        *self.0.details() = Details { json: Some(details), is_newer: true };
    }

    /// Writes the record in the transaction of a change; the first change of a call carries it, later ones need not.
    // SECURITY: the change and its record become durable together or not at all.
    pub fn attach(&self, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let ticket = &self.0;
        if ticket.attached.load(Ordering::Acquire) {
            return Ok(());
        }
        for (entry, outcome) in ticket.ended_with(&Outcome::default()) {
            transaction.put(BLOCKS, entry.key(), entry.stored(&outcome))?;
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
            for ended in ticket.ended_with(&outcome).map(|(entry, outcome)| entry.ended_with(outcome)) {
                ticket.trail.queue().push(ended).await?;
            }
            return Ok(());
        }
        if outcome == Outcome::default() && !ticket.details().is_newer {
            // What stands in the store already says everything.
            return Ok(());
        }
        let mut batch = Batch::new();
        for (entry, outcome) in ticket.ended_with(&outcome) {
            batch.put(BLOCKS, entry.key(), entry.stored(&outcome));
        }
        ticket.trail.store().write_later_when_room(batch).await.map_err(|_| AuditUnavailable)
    }
}

impl Ticket {
    fn details(&self) -> MutexGuard<'_, Details> {
        self.details.lock()
    }

    /// Each record with how the call ended; the caller's own, the first, with what the work found to tell.
    fn ended_with(&self, outcome: &Outcome) -> impl Iterator<Item = (&Entry, Outcome)> {
        let mut details = self.details();
        details.is_newer = false;
        let mut own = details.json.clone();
        self.entries.iter().map(move |entry| (entry, Outcome { details: own.take(), ..outcome.clone() }))
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
            for (entry, outcome) in self.ended_with(&outcome) {
                self.trail.queue().push_now(entry.ended_with(outcome));
            }
        }
    }
}
