//! Which records of a shard are over, and so how far the shard was read.
//!
//! Several lanes finish records out of the shard's order: what may be forgotten is what no unfinished record stands
//! before. Bounded: whoever reads waits while too many records are open.

use std::cmp::Ordering;
use std::collections::VecDeque;

use compute::limits::REQUEST_BYTES_MAX;
use parking_lot::Mutex;
use protocol::Fault;
use tokio::sync::Notify;

use super::Reader;
use crate::checkpoints::{self, Checkpoint, OpenWindow, WindowChange};
use crate::records::Record as _;

/// Records that are open at once, those that no filter admits included.
const OPEN_MAX: usize = 20_000;
/// The most that is kept of a window's state: with everything else of a payload, it is within the payload.
const _: () =
    assert!(super::window::STATE_BYTES_MAX < REQUEST_BYTES_MAX, "a state leaves no room for records");

struct Entry {
    sequence: String,
    lane: usize,
    is_over: bool,
}

/// The open records of one shard.
struct Ledger {
    entries: VecDeque<Entry>,
    checkpoint: Checkpoint,
    /// True where the checkpoint says more than what is stored.
    has_moved: bool,
}

impl Ledger {
    /// Everything of a lane up to this record is over.
    fn over(&mut self, lane: usize, sequence: &str) {
        for entry in &mut self.entries {
            if entry.lane == lane && order(&entry.sequence, sequence) != Ordering::Greater {
                entry.is_over = true;
            }
        }
        if let Some(position) = self.checkpoint.lanes.get_mut(lane) {
            *position = Some(sequence.to_owned());
        }
        self.advance();
    }

    fn advance(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.is_over)
            && let Some(first) = self.entries.pop_front()
        {
            self.checkpoint.sequence = Some(first.sequence);
            self.has_moved = true;
        }
    }
}

/// How far the lanes of one shard are, in memory and in the store.
pub(super) struct Progress {
    reader: Reader,
    shard: String,
    ledger: Mutex<Ledger>,
    /// Woken where records are over.
    moved: Notify,
}

impl Progress {
    /// Goes on from what is stored.
    pub(super) fn new(reader: Reader, shard: &str, mut checkpoint: Checkpoint) -> Self {
        let lanes = reader.lanes();
        if checkpoint.lanes.len() != lanes {
            // One lane's position is the shard's; with another number of lanes, records went other ways.
            checkpoint.lanes = if lanes > 1 { vec![None; lanes] } else { Vec::new() };
        }
        let ledger = Ledger { entries: VecDeque::new(), checkpoint, has_moved: false };
        Self { reader, shard: shard.to_owned(), ledger: Mutex::new(ledger), moved: Notify::new() }
    }

    /// Takes down a record that was read; false where the function need not see it (again).
    pub(super) fn take(&self, sequence: &str, lane: usize, is_admitted: bool) -> bool {
        let mut ledger = self.ledger.lock();
        let position = ledger.checkpoint.lanes.get(lane).and_then(Option::as_deref);
        let was_over = position.is_some_and(|position| order(sequence, position) != Ordering::Greater);
        let is_over = was_over || !is_admitted;
        ledger.entries.push_back(Entry { sequence: sequence.to_owned(), lane, is_over });
        ledger.advance();
        !is_over
    }

    /// Waits while too many records are open.
    pub(super) async fn room(&self) {
        while self.ledger.lock().entries.len() >= OPEN_MAX {
            self.moved.notified().await;
        }
    }

    /// Everything of a lane up to this record is over, and its window stands as it does.
    pub(super) async fn over(&self, lane: usize, sequence: &str, window: Change<'_>) -> Result<(), Fault> {
        self.ledger.lock().over(lane, sequence);
        self.moved.notify_one();
        self.keep(lane, window).await
    }

    /// Writes how far the shard was read, where that is more than what is stored.
    pub(super) async fn keep_moved(&self) -> Result<(), Fault> {
        let has_moved = self.ledger.lock().has_moved;
        if has_moved { self.keep(0, Change::Stays).await } else { Ok(()) }
    }

    /// The shard has ended, and all of it is over.
    pub(super) async fn finish(&self) -> Result<(), Fault> {
        self.ledger.lock().checkpoint.is_finished = true;
        self.keep(0, Change::Stays).await
    }

    /// Writes how far the shard was read, and a lane's window.
    pub(super) async fn keep(&self, lane: usize, window: Change<'_>) -> Result<(), Fault> {
        let store = self.reader.pipeline.store();
        let window = match window {
            Change::Stays => WindowChange::Stays,
            Change::Is(open) => WindowChange::Is(open.encode().map_err(|_| Fault::internal())?),
            Change::Over => WindowChange::Over,
        };
        let checkpoint = || {
            let mut ledger = self.ledger.lock();
            ledger.has_moved = false;
            ledger.checkpoint.clone()
        };
        let record = &self.reader.mapping.record;
        let kept = checkpoints::keep(store, record, &self.shard, lane, window, checkpoint).await;
        kept.map_err(|error| {
            tracing::error!(error = %base::Chain(&error), "how far a stream was read could not be kept");
            Fault::internal()
        })
    }
}

/// What becomes of a lane's window.
#[derive(Clone, Copy)]
pub(super) enum Change<'w> {
    Stays,
    Is(&'w OpenWindow),
    Over,
}

/// The order of sequence numbers, which are decimal numbers of any length.
fn order(one: &str, other: &str) -> Ordering {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(entries: &[(&str, usize)]) -> Ledger {
        let entry = |(sequence, lane): &(&str, usize)| Entry {
            sequence: (*sequence).to_owned(),
            lane: *lane,
            is_over: false,
        };
        let checkpoint = Checkpoint { lanes: vec![None, None], ..Checkpoint::default() };
        Ledger { entries: entries.iter().map(entry).collect(), checkpoint, has_moved: false }
    }

    #[test]
    fn what_is_over_is_what_no_open_record_stands_before() {
        let mut ledger = ledger(&[("8", 0), ("9", 1), ("10", 0), ("11", 1), ("12", 0)]);
        ledger.over(1, "11");
        assert_eq!((ledger.checkpoint.sequence.as_deref(), ledger.has_moved), (None, false));
        assert_eq!(ledger.checkpoint.lanes, [None, Some("11".to_owned())]);
        ledger.over(0, "8");
        assert_eq!((ledger.checkpoint.sequence.as_deref(), ledger.has_moved), (Some("9"), true));
        ledger.over(0, "12");
        assert_eq!(ledger.checkpoint.sequence.as_deref(), Some("12"));
        assert!(ledger.entries.is_empty());
    }

    #[test]
    fn sequence_numbers_are_numbers() {
        for (one, other, expected) in
            [("9", "10", Ordering::Less), ("010", "9", Ordering::Greater), ("10", "10", Ordering::Equal)]
        {
            assert_eq!(order(one, other), expected, "{one} {other}");
        }
    }
}
