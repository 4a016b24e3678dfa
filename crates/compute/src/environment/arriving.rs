//! An answer that arrives in pieces: handed on as they come, or kept until it is whole.
//!
//! It counts what it takes and refuses what is over the limit; whether the answer is wanted now is decided elsewhere.

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::life::Completion;
use crate::limits::{RESPONSE_BYTES_MAX, STREAMED_BYTES_MAX};
use crate::runtime_api::ConnectionId;
use crate::streamed::{AnswerSink, Put};

/// The answer to the invocation in progress, as far as it has come.
pub(super) struct Arriving {
    connection: ConnectionId,
    /// Where it goes; without one it is kept.
    sink: Option<AnswerSink>,
    hands_on: bool,
    received: u64,
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
        Self { connection, hands_on: sink.is_some(), sink, received: 0, kept: BytesMut::new() }
    }

    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        self.connection == connection
    }

    /// Takes the next piece; waits where who gets it does.
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

    /// What it came to, at its end.
    pub(super) fn whole(self) -> Completion {
        if !self.hands_on && self.received > RESPONSE_BYTES_MAX as u64 {
            return Completion::TooLarge(RESPONSE_BYTES_MAX as u64);
        }
        Completion::Response(self.kept.freeze())
    }
}
