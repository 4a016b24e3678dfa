//! Reads one stream's events in order, forwards or backwards, chunk by chunk.
//!
//! Chunks of different batches may overlap in time; an event is yielded once no unread chunk can hold one that comes before it.

use std::collections::BTreeMap;

use bytes::Bytes;
use service::Internal;
use store::{Key, Scan, Snapshot};

use crate::chunk::{self, Event, Place, SPAN_MILLIS};
use crate::error::Error;
use crate::records::CHUNKS;

/// Which events are wanted: from a place (inclusive) to a place (exclusive).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) from: Place,
    pub(crate) to: Place,
}

/// One stream's events within a window.
pub(crate) struct Reader {
    chunks: Scan,
    unread: Option<Unread>,
    ready: BTreeMap<Place, Event>,
    window: Window,
    reverse: bool,
}

struct Unread {
    first_time: i64,
    batch: u64,
    stored: Bytes,
}

impl Reader {
    /// Oldest first.
    pub(crate) fn forward(snapshot: &Snapshot, stream_id: &str, window: Window) -> Self {
        Self::new(snapshot, stream_id, window, false)
    }

    /// Newest first.
    pub(crate) fn backward(snapshot: &Snapshot, stream_id: &str, window: Window) -> Self {
        Self::new(snapshot, stream_id, window, true)
    }

    fn new(snapshot: &Snapshot, stream_id: &str, window: Window, reverse: bool) -> Self {
        let mut range = chunk::begun_before(stream_id, window.to.time().saturating_add(1));
        let earliest = window.from.time().saturating_sub(SPAN_MILLIS);
        range.start = Key::new().str(stream_id).i64(earliest).into_vec();
        if reverse {
            range = range.reversed();
        }
        Self { chunks: snapshot.iter(CHUNKS, &range), unread: None, ready: BTreeMap::new(), window, reverse }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let unread = self.peek()?;
            if self.settled(unread) {
                let next = if self.reverse { self.ready.pop_last() } else { self.ready.pop_first() };
                return Ok(next.map(|(_, event)| event));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// True where the first event that is ready comes before all that an unread chunk can hold.
    fn settled(&self, unread: Option<i64>) -> bool {
        let next = if self.reverse { self.ready.last_key_value() } else { self.ready.first_key_value() };
        match (next, unread) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some((place, _)), Some(first)) if self.reverse => {
                place.time() >= first.saturating_add(SPAN_MILLIS)
            }
            (Some((place, _)), Some(first)) => place.time() < first,
        }
    }

    /// When the next unread chunk begins.
    fn peek(&mut self) -> Result<Option<i64>, Error> {
        if self.unread.is_none()
            && let Some((key, stored)) = self.chunks.next().transpose()?
        {
            let (first_time, batch) =
                chunk::read_key(&key).ok_or_else(|| Internal::new(chunk::MalformedChunk))?;
            self.unread = Some(Unread { first_time, batch, stored });
        }
        Ok(self.unread.as_ref().map(|unread| unread.first_time))
    }

    fn read(&mut self) -> Result<bool, Error> {
        let Some(unread) = self.unread.take() else { return Ok(false) };
        let events = chunk::decode(&unread.stored, unread.batch).map_err(Internal::new)?;
        let Window { from, to } = self.window;
        let wanted = events.into_iter().filter(|event| from <= event.place && event.place < to);
        self.ready.extend(wanted.map(|event| (event.place, event)));
        Ok(true)
    }
}
