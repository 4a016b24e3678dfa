//! Which event is due next: the in-memory order of what the store holds.
//!
//! Names and times only; an event's content is read when it is delivered.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use base::{AccountId, Timestamp};

use super::QueuedEvent;

/// An event's place in the order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) due_at: Timestamp,
    pub(super) account: AccountId,
    pub(super) request_id: String,
}

impl Entry {
    pub(super) fn of(event: &QueuedEvent) -> Self {
        Self { due_at: event.due_at, account: event.account, request_id: event.request_id.clone() }
    }
}

#[derive(Default)]
pub(super) struct Schedule {
    heap: BinaryHeap<Reverse<Entry>>,
    waiting: HashMap<AccountId, usize>,
}

impl Schedule {
    /// Adds a new event.
    pub(super) fn add(&mut self, entry: Entry) {
        *self.waiting.entry(entry.account).or_default() += 1;
        self.heap.push(Reverse(entry));
    }

    /// Puts an event back that was taken.
    pub(super) fn put_back(&mut self, entry: Entry) {
        self.heap.push(Reverse(entry));
    }

    /// Takes an event that is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Entry> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// When the next event is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(entry)| entry.due_at)
    }

    /// Forgets an event that was taken and is over.
    pub(super) fn finish(&mut self, account: AccountId) {
        if let Some(count) = self.waiting.get_mut(&account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.waiting.remove(&account);
            }
        }
    }

    /// Events of an account that wait or are in progress.
    pub(super) fn waiting(&self, account: AccountId) -> usize {
        self.waiting.get(&account).copied().unwrap_or(0)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.values().sum()
    }
}
