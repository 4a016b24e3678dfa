//! An answer that arrives in pieces: handed on as they come, or kept until it is whole.
//!
//! It counts what it takes and refuses what is over the limit; whether the answer is wanted now is decided elsewhere.

use bytes::{Bytes, BytesMut};
use tokio::time::{Duration, Instant, sleep_until};

use super::life::Completion;
use crate::limits::{RESPONSE_BYTES_MAX, STREAMED_BYTES_MAX, STREAMED_BYTES_PER_SECOND, STREAMED_FREE_BYTES};
use crate::runtime_api::ConnectionId;
use crate::streamed::{AnswerSink, Put};

/// The answer to the invocation in progress, as far as it has come.
pub(super) struct Arriving {
    connection: ConnectionId,
    /// Where it goes; without one it is kept.
    sink: Option<AnswerSink>,
    hands_on: bool,
    received: u64,
    pace: Pace,
    kept: BytesMut,
}

/// Why no more of an answer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopped {
    TooLarge,
    TimedOut,
}

impl Arriving {
    pub(super) fn new(
        connection: ConnectionId,
        sink: Option<AnswerSink>,
        content_type: Option<String>,
    ) -> Self {
        if let Some(sink) = &sink {
            sink.begin(content_type);
        }
        Self {
            connection,
            hands_on: sink.is_some(),
            sink,
            received: 0,
            pace: Pace::default(),
            kept: BytesMut::new(),
        }
    }

    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        self.connection == connection
    }

    /// Takes the next piece; waits where who gets it does, or where the answer is ahead of its pace.
    pub(super) async fn take(&mut self, piece: Bytes, deadline: Instant) -> Result<(), Stopped> {
        self.received = self.received.saturating_add(piece.len() as u64);
        if self.received > STREAMED_BYTES_MAX {
            return Err(Stopped::TooLarge);
        }
        if !self.hands_on {
            let room = RESPONSE_BYTES_MAX.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(piece.get(..room).unwrap_or(&piece));
            return Ok(());
        }
        self.keep_pace(piece.len() as u64, deadline).await?;
        let Some(sink) = &self.sink else { return Ok(()) };
        match sink.put(piece, deadline).await {
            Put::Taken => Ok(()),
            Put::Unwanted => {
                self.sink = None;
                Ok(())
            }
            Put::TimedOut => Err(Stopped::TimedOut),
        }
    }

    /// Waits until a piece may go on, where the free part of the answer is over.
    async fn keep_pace(&mut self, length: u64, deadline: Instant) -> Result<(), Stopped> {
        let beyond = self.received.saturating_sub(STREAMED_FREE_BYTES).min(length);
        let Some(due_at) = self.pace.next(beyond, Instant::now()) else { return Ok(()) };
        sleep_until(due_at.min(deadline)).await;
        if due_at > deadline { Err(Stopped::TimedOut) } else { Ok(()) }
    }

    /// What it came to, at its end.
    pub(super) fn whole(self) -> Completion {
        if !self.hands_on && self.received > RESPONSE_BYTES_MAX as u64 {
            return Completion::TooLarge(RESPONSE_BYTES_MAX as u64);
        }
        Completion::Response(self.kept.freeze())
    }
}

/// When the next piece is due that is not free.
#[derive(Default)]
struct Pace(Option<Instant>);

impl Pace {
    /// When a piece with so many bytes that are not free may go on; nothing where all of it is free.
    fn next(&mut self, bytes: u64, now: Instant) -> Option<Instant> {
        if bytes == 0 {
            return None;
        }
        let due_at = self.0.map_or(now, |due| due.max(now));
        let takes = Duration::from_micros(bytes.saturating_mul(1_000_000) / STREAMED_BYTES_PER_SECOND);
        self.0 = Some(due_at + takes);
        Some(due_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_free_keeps_its_pace() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        let mut due = |bytes: u64, millis: u64| {
            let now = now + Duration::from_millis(millis);
            pace.next(bytes, now).map(|at| at.duration_since(now).as_millis())
        };
        assert_eq!(due(0, 0), None);
        assert_eq!(due(1024 * 1024, 0), Some(0));
        assert_eq!(due(1024 * 1024, 0), Some(500));
        assert_eq!(due(1024, 600), Some(400));
        assert_eq!(due(1024, 60_000), Some(0), "what was not used is not saved up");
    }
}
