//! One lane of a shard: gathers the records of its items into batches and hands them on in order, one batch at a time.
//!
//! What a lane holds is bounded: it takes no more than a batch's worth, and what was read beyond waits with the reader.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use compute::limits::REQUEST_BYTES_MAX;
use protocol::Fault;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Reader;
use super::ledger::Progress;
use super::stream::Item;
use super::window::STATE_BYTES_MAX;
use crate::checkpoints::OpenWindow;

/// What a payload has besides its records and its window's state.
const ENVELOPE_BYTES: usize = 1_024;

/// What one reading of the shard had for a lane.
pub(super) struct Portion {
    pub(super) items: Vec<Item>,
    /// Where the shard had nothing more: when it was asked.
    pub(super) caught_up_at: Option<Timestamp>,
}

pub(super) struct Lane {
    pub(super) reader: Reader,
    pub(super) shard: String,
    pub(super) number: usize,
    pub(super) progress: Arc<Progress>,
    pub(super) arrivals: mpsc::Receiver<Portion>,
    pub(super) gathered: VecDeque<Item>,
    /// When the first of what is gathered came.
    pub(super) since: Option<Instant>,
    pub(super) window: Option<OpenWindow>,
    pub(super) caught_up_at: Option<Timestamp>,
}

impl Lane {
    /// Until the shard has ended and all of this lane is over.
    pub(super) async fn run(mut self) -> Result<(), Fault> {
        loop {
            let goes_on = self.gather().await;
            match self.gathered.front().map(|first| first.created_secs) {
                Some(secs) => {
                    self.enter_window(secs).await?;
                    let batch = self.batch();
                    self.settle(batch).await?;
                }
                None if !goes_on => {
                    // A shard's end ends its window: what comes after begins anew.
                    return self.end_window().await;
                }
                None => {}
            }
            if self.window.as_ref().is_some_and(|window| window.ends_early) || self.window_is_over() {
                self.end_window().await?;
            }
        }
    }

    /// Takes what comes until there is something to do; false where nothing more comes.
    async fn gather(&mut self) -> bool {
        loop {
            while !self.is_full()
                && let Ok(portion) = self.arrivals.try_recv()
            {
                self.take(portion);
            }
            let Some(wait) = self.wait() else { return true };
            match tokio::time::timeout(wait, self.arrivals.recv()).await {
                Ok(Some(portion)) => self.take(portion),
                Ok(None) => return false,
                Err(_) => {}
            }
        }
    }

    fn take(&mut self, portion: Portion) {
        if !portion.items.is_empty() {
            self.since = self.since.or_else(|| Some(Instant::now()));
        }
        self.gathered.extend(portion.items);
        self.caught_up_at = portion.caught_up_at;
    }

    /// How long to wait for more before anything is to be done; nothing where something is to be done now.
    fn wait(&self) -> Option<Duration> {
        const LONG: Duration = Duration::from_secs(3_600);
        if self.is_full() || self.window_is_over() || self.next_is_of_another_window() {
            return None;
        }
        let Some(since) = self.since else { return Some(LONG) };
        let batching = Duration::from_secs(self.reader.mapping.record.window_secs.into());
        let left = batching.checked_sub(since.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    /// True where all of the open window was read and none of it waits.
    fn window_is_over(&self) -> bool {
        let is_over = |window: &OpenWindow| self.caught_up_at.is_some_and(|at| window.is_over(at));
        self.window.as_ref().is_some_and(is_over)
            && (self.gathered.is_empty() || self.next_is_of_another_window())
    }

    fn next_is_of_another_window(&self) -> bool {
        let next = self.gathered.back().map(|item| item.created_secs);
        let first = self.gathered.front().map(|item| item.created_secs);
        let tumbling = self.reader.mapping.record.tumbling_secs;
        let (Some(first), Some(next)) = (first, next) else { return false };
        match &self.window {
            Some(window) => window.is_before(next),
            None if tumbling > 0 => OpenWindow::at(&self.reader.mapping.record, first).is_before(next),
            None => false,
        }
    }

    fn size_max(&self) -> usize {
        usize::try_from(self.reader.mapping.record.batch_size).unwrap_or(usize::MAX)
    }

    /// What a batch's records may have, as JSON.
    fn bytes_max(&self) -> usize {
        let state = if self.reader.mapping.record.tumbling_secs > 0 { STATE_BYTES_MAX } else { 0 };
        REQUEST_BYTES_MAX.saturating_sub(ENVELOPE_BYTES).saturating_sub(state)
    }

    fn is_full(&self) -> bool {
        self.gathered.len() >= self.size_max()
            || self.gathered.iter().map(|item| item.bytes + 1).sum::<usize>() >= self.bytes_max()
    }

    /// The next records that fit one payload and one window; at least one.
    fn batch(&mut self) -> Vec<Item> {
        let (size_max, bytes_max) = (self.size_max(), self.bytes_max());
        let mut batch: Vec<Item> = Vec::new();
        let mut bytes = 0;
        while let Some(next) = self.gathered.pop_front() {
            let is_of_window = self.window.as_ref().is_none_or(|window| !window.is_before(next.created_secs));
            let fits = batch.len() < size_max && bytes + next.bytes < bytes_max;
            if !is_of_window || !(batch.is_empty() || fits) {
                self.gathered.push_front(next);
                break;
            }
            bytes += next.bytes + 1;
            batch.push(next);
        }
        if self.gathered.is_empty() {
            self.since = None;
        }
        batch
    }
}
