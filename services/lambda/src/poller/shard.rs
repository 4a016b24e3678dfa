//! One shard, from where it was left to its end: gathers records into batches and hands them on in order.

use std::time::Duration;

use compute::limits::REQUEST_BYTES_MAX;
use protocol::Fault;
use tokio::time::Instant;

use super::Reader;
use super::stream::{Item, Stream};
use crate::mappings::{self, Checkpoint};

/// How soon a shard is read again that had something.
const POLL_MIN: Duration = Duration::from_millis(250);
/// How soon at the latest.
const POLL_MAX: Duration = Duration::from_secs(2);
/// How long a shard rests that cannot be read.
const FAILURE_PAUSE: Duration = Duration::from_secs(5);
/// What a payload has besides its records.
const ENVELOPE_BYTES: usize = 64;
/// Records that wait for their batch, those that no filter admits included.
const GATHERED_MAX: usize = 20_000;

/// Reads a shard to its end.
pub(super) async fn read_shard(reader: Reader, shard: String) {
    let mut reading = Reading { reader: &reader, shard: &shard, pause: POLL_MIN };
    while let Err(fault) = reading.run().await {
        reader.problem(&fault.message);
        tokio::time::sleep(FAILURE_PAUSE).await;
    }
}

/// Whether a record is one that the function is to see.
struct Gathered {
    item: Item,
    is_admitted: bool,
}

pub(super) struct Reading<'r> {
    reader: &'r Reader,
    shard: &'r str,
    pause: Duration,
}

impl Reading<'_> {
    /// Until the shard has ended, or cannot be read.
    async fn run(&mut self) -> Result<(), Fault> {
        let record = &self.reader.mapping.record;
        let checkpoint = mappings::checkpoint(self.reader.pipeline.store(), record, self.shard);
        let mut behind = checkpoint.map_err(|_| Fault::internal())?.sequence;
        let mut iterator = Some(self.begin(behind.as_deref()).await?);
        let mut gathered: Vec<Gathered> = Vec::new();
        let mut since: Option<Instant> = None;
        while let Some(at) = iterator.take() {
            let stream = Stream { reader: self.reader };
            let (items, next) = match stream.records(&at).await {
                Err(fault) if fault.code == "ExpiredIteratorException" => {
                    iterator = Some(self.begin(behind.as_deref()).await?);
                    continue;
                }
                answer => answer?,
            };
            let is_empty = items.is_empty();
            if let Some(last) = items.last() {
                behind = Some(last.sequence.clone());
                since = since.or_else(|| Some(Instant::now()));
            }
            gathered.extend(items.into_iter().map(|item| self.gather(item)));
            if self.is_due(&gathered, since) || next.is_none() {
                self.hand_on(&mut gathered).await?;
                since = None;
            }
            iterator = next;
            self.rest(is_empty).await;
        }
        self.keep(Checkpoint { sequence: behind, is_finished: true }).await
    }

    async fn begin(&self, behind: Option<&str>) -> Result<String, Fault> {
        let stream = Stream { reader: self.reader };
        match stream.iterator(self.shard, behind).await {
            // What was to come next is no longer kept: what is kept comes next.
            Err(fault) if fault.code == "TrimmedDataAccessException" => {
                stream.iterator(self.shard, None).await
            }
            answer => answer,
        }
    }

    fn gather(&self, item: Item) -> Gathered {
        let mapping = &self.reader.mapping;
        // What was there before the mapping is read too, and passed over: so that nothing is missed between two starts.
        let is_early = mapping.record.starting_position == "LATEST"
            && item.created_secs < mapping.record.created_at.secs();
        let is_admitted = !is_early && mapping.admits(&item.event);
        Gathered { item, is_admitted }
    }

    fn is_due(&self, gathered: &[Gathered], since: Option<Instant>) -> bool {
        let record = &self.reader.mapping.record;
        let window = Duration::from_secs(record.window_secs.into());
        let admitted = gathered.iter().filter(|one| one.is_admitted);
        let (count, bytes) =
            admitted.fold((0, ENVELOPE_BYTES), |(count, bytes), one| (count + 1, bytes + one.item.bytes));
        since.is_some_and(|since| since.elapsed() >= window)
            || count >= usize::try_from(record.batch_size).unwrap_or(usize::MAX)
            || bytes >= REQUEST_BYTES_MAX
            || gathered.len() >= GATHERED_MAX
    }

    /// Hands everything on in batches, in order.
    async fn hand_on(&self, gathered: &mut Vec<Gathered>) -> Result<(), Fault> {
        let record = &self.reader.mapping.record;
        let size_max = usize::try_from(record.batch_size).unwrap_or(usize::MAX);
        let mut rest = std::mem::take(gathered).into_iter().peekable();
        while rest.peek().is_some() {
            let mut batch: Vec<Item> = Vec::new();
            let mut bytes = ENVELOPE_BYTES;
            let mut last = None;
            while let Some(next) = rest.next_if(|next| {
                !next.is_admitted
                    || batch.is_empty()
                    || (batch.len() < size_max && bytes + next.item.bytes < REQUEST_BYTES_MAX)
            }) {
                last = Some(next.item.sequence.clone());
                if next.is_admitted {
                    bytes += next.item.bytes + 1;
                    batch.push(next.item);
                }
            }
            self.reader.settle(self, batch).await?;
            self.keep(Checkpoint { sequence: last, is_finished: false }).await?;
        }
        Ok(())
    }

    async fn keep(&self, checkpoint: Checkpoint) -> Result<(), Fault> {
        let store = self.reader.pipeline.store();
        let kept =
            mappings::keep_checkpoint(store, &self.reader.mapping.record, self.shard, &checkpoint).await;
        kept.map_err(|error| {
            tracing::error!(error = %base::Chain(&error), "how far a stream was read could not be kept");
            Fault::internal()
        })
    }

    /// Records up to this one are over.
    pub(super) async fn over(&self, sequence: &str) -> Result<(), Fault> {
        self.keep(Checkpoint { sequence: Some(sequence.to_owned()), is_finished: false }).await
    }

    /// Waits a moment; longer, the longer there is nothing.
    async fn rest(&mut self, is_empty: bool) {
        self.pause = if is_empty { (self.pause * 2).min(POLL_MAX) } else { POLL_MIN };
        tokio::time::sleep(self.pause).await;
    }
}
