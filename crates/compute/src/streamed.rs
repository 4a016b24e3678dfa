//! An answer that is handed on while the function still writes it.
//!
//! Bounded: the function waits where nobody takes the pieces, on its own time. Where nobody wants them any more they
//! are thrown away, and the function goes on to its end.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::BoxFuture;
use crate::function::{InvokeError, InvokeOutcome};
use crate::limits::STREAMED_PIECES_MAX;

/// An answer on its way.
pub struct StreamedAnswer {
    /// What the function says that it is.
    pub content_type: Option<String>,
    /// The version that runs.
    pub executed_version: String,
    /// Its pieces in order; none is empty.
    pub pieces: mpsc::Receiver<Bytes>,
    /// What came of the invocation, once all pieces were taken. Its payload is empty, or describes the failure.
    pub end: BoxFuture<'static, Result<InvokeOutcome, InvokeError>>,
}

/// Where an environment puts an answer as it comes.
#[derive(Clone, Debug)]
pub struct AnswerSink {
    began: Arc<Mutex<Option<oneshot::Sender<Option<String>>>>>,
    pieces: mpsc::Sender<Bytes>,
}

/// The other side of an [`AnswerSink`].
pub(crate) struct AnswerSource {
    pub(crate) began: oneshot::Receiver<Option<String>>,
    pub(crate) pieces: mpsc::Receiver<Bytes>,
}

/// What became of a piece.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put {
    Taken,
    /// Nobody wants it any more.
    Unwanted,
    /// Nobody took it in time.
    TimedOut,
}

impl AnswerSink {
    pub(crate) fn new() -> (Self, AnswerSource) {
        let (begin, began) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(STREAMED_PIECES_MAX);
        (Self { began: Arc::new(Mutex::new(Some(begin))), pieces: sender }, AnswerSource { began, pieces })
    }

    /// Says that the answer begins.
    pub(crate) fn begin(&self, content_type: Option<String>) {
        if let Some(began) = self.began.lock().take() {
            let _ = began.send(content_type);
        }
    }

    /// Hands a piece on, and waits for room until the deadline.
    pub(crate) async fn put(&self, piece: Bytes, deadline: Instant) -> Put {
        match timeout_at(deadline, self.pieces.send(piece)).await {
            Ok(Ok(())) => Put::Taken,
            Ok(Err(_)) => Put::Unwanted,
            Err(_) => Put::TimedOut,
        }
    }
}

/// An answer that was whole, or none, before it could begin.
pub(crate) fn at_once(mut outcome: InvokeOutcome) -> StreamedAnswer {
    let (sender, pieces) = mpsc::channel(1);
    if !outcome.is_function_error {
        let payload = std::mem::take(&mut outcome.payload);
        if !payload.is_empty() {
            let _ = sender.try_send(payload);
        }
    }
    StreamedAnswer {
        content_type: Some("application/json".to_owned()),
        executed_version: outcome.executed_version.clone(),
        pieces,
        end: Box::pin(std::future::ready(Ok(outcome))),
    }
}
