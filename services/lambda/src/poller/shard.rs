//! One shard, from where it was left to its end: hands each record on to the lane of its item.
//!
//! Reads no faster than the lanes finish: what they have no room for is not read.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use protocol::Fault;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use super::Reader;
use super::lane::{Lane, Portion};
use super::ledger::Progress;
use super::stream::{Item, Stream};
use crate::checkpoints;

/// How soon a shard is read again that had something.
const POLL_MIN: Duration = Duration::from_millis(250);
/// How soon at the latest.
const POLL_MAX: Duration = Duration::from_secs(2);
/// How long a shard rests that cannot be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);
/// Readings that wait for one lane.
const PORTIONS_MAX: usize = 2;

/// Reads a shard to its end.
pub(super) async fn read_shard(reader: Reader, shard: String) {
    while let Err(fault) = read_once(&reader, &shard).await {
        reader.problem(&fault.message);
        tokio::time::sleep(FAILURE_PAUSE).await;
    }
}

/// Until the shard has ended, or cannot be read.
async fn read_once(reader: &Reader, shard: &str) -> Result<(), Fault> {
    let checkpoint = checkpoints::read(reader.pipeline.store(), &reader.mapping.record, shard);
    let checkpoint = checkpoint.map_err(|_| Fault::internal())?;
    let behind = checkpoint.sequence.clone();
    let progress = Arc::new(Progress::new(reader.clone(), shard, checkpoint));
    let mut reading = Reading::begin(reader, shard, progress)?;
    reading.run(behind).await
}

struct Reading<'r> {
    reader: &'r Reader,
    shard: &'r str,
    progress: Arc<Progress>,
    lanes: Vec<mpsc::Sender<Portion>>,
    running: JoinSet<Result<(), Fault>>,
    pause: Duration,
}

impl<'r> Reading<'r> {
    fn begin(reader: &'r Reader, shard: &'r str, progress: Arc<Progress>) -> Result<Self, Fault> {
        let mut running = JoinSet::new();
        let mut lanes = Vec::new();
        for number in 0..reader.lanes() {
            let (sender, arrivals) = mpsc::channel(PORTIONS_MAX);
            let store = reader.pipeline.store();
            let window = checkpoints::window(store, &reader.mapping.record, shard, number);
            let lane = Lane {
                reader: reader.clone(),
                shard: shard.to_owned(),
                number,
                progress: Arc::clone(&progress),
                arrivals,
                gathered: std::collections::VecDeque::new(),
                since: None,
                window: window.map_err(|_| Fault::internal())?,
                caught_up_at: None,
            };
            running.spawn(lane.run());
            lanes.push(sender);
        }
        Ok(Self { reader, shard, progress, lanes, running, pause: POLL_MIN })
    }

    async fn run(&mut self, mut behind: Option<String>) -> Result<(), Fault> {
        let mut iterator = Some(self.iterator(behind.as_deref()).await?);
        while let Some(at) = iterator.take() {
            let read_at = self.reader.pipeline.clock().now();
            let stream = Stream { reader: self.reader };
            let (items, next) = match stream.records(&at).await {
                Err(fault) if fault.code == "ExpiredIteratorException" => {
                    iterator = Some(self.iterator(behind.as_deref()).await?);
                    continue;
                }
                answer => answer?,
            };
            let is_empty = items.is_empty();
            if let Some(last) = items.last() {
                behind = Some(last.sequence.clone());
            }
            self.hand_on(items, is_empty.then_some(read_at)).await?;
            self.progress.keep_moved().await?;
            iterator = next;
            self.rest(is_empty).await?;
        }
        self.lanes.clear();
        while let Some(ended) = self.running.join_next().await {
            lane_ended(ended)?;
        }
        self.progress.finish().await
    }

    async fn iterator(&self, behind: Option<&str>) -> Result<String, Fault> {
        let stream = Stream { reader: self.reader };
        match stream.iterator(self.shard, behind).await {
            // What was to come next is no longer kept: what is kept comes next.
            Err(fault) if fault.code == "TrimmedDataAccessException" => {
                stream.iterator(self.shard, None).await
            }
            answer => answer,
        }
    }

    /// Hands what was read on to the lanes; waits where they have no room.
    async fn hand_on(&mut self, items: Vec<Item>, caught_up_at: Option<Timestamp>) -> Result<(), Fault> {
        let mut portions: Vec<Vec<Item>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for item in items {
            let lane = self.reader.lane_of(&item);
            let is_open = self.progress.take(&item.sequence, lane, self.admits(&item));
            if let (true, Some(portion)) = (is_open, portions.get_mut(lane)) {
                portion.push(item);
            }
        }
        let tumbles = self.reader.mapping.record.tumbling_secs > 0;
        let caught_up_at = caught_up_at.filter(|_| tumbles);
        let hand_over = async {
            for (lane, items) in self.lanes.iter().zip(portions) {
                if !items.is_empty() || caught_up_at.is_some() {
                    // A lane that takes nothing has failed, and says so below.
                    let _ = lane.send(Portion { items, caught_up_at }).await;
                }
            }
            self.progress.room().await;
        };
        tokio::select! {
            () = hand_over => Ok(()),
            Some(ended) = self.running.join_next() => lane_ended(ended).and(Err(Fault::internal())),
        }
    }

    fn admits(&self, item: &Item) -> bool {
        let mapping = &self.reader.mapping;
        // What was there before the mapping is read too, and passed over: so that nothing is missed between two starts.
        let is_early = mapping.record.starting_position == "LATEST"
            && item.created_secs < mapping.record.created_at.secs();
        !is_early && mapping.admits(&item.event)
    }

    /// Waits a moment; longer, the longer there is nothing.
    async fn rest(&mut self, is_empty: bool) -> Result<(), Fault> {
        self.pause = if is_empty { (self.pause * 2).min(POLL_MAX) } else { POLL_MIN };
        tokio::select! {
            () = tokio::time::sleep(self.pause) => Ok(()),
            Some(ended) = self.running.join_next() => lane_ended(ended).and(Err(Fault::internal())),
        }
    }
}

/// A lane ends with its shard; before, only where something is wrong.
fn lane_ended(ended: Result<Result<(), Fault>, JoinError>) -> Result<(), Fault> {
    ended.map_err(|_| Fault::internal())?
}
