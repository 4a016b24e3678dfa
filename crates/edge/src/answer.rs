//! A response's body: bytes that are here, or a stream that is written as it comes.
//!
//! A stream that fails breaks the connection off: half an object never looks like a whole one.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use protocol::{ByteStream, Chunks};

/// The stream behind a body failed; what of is in the log of whoever made it.
#[derive(Debug, thiserror::Error)]
#[error("a response could not be read to its end: {0}")]
pub(crate) struct BrokenOff(String);

/// What is written behind a response's head.
pub(crate) enum Answer {
    /// All of it.
    Whole(Option<Bytes>),
    /// Chunks, and how many bytes of them are still to come where that is known.
    Stream(Chunks, Option<u64>),
}

impl Answer {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    pub(crate) fn stream(stream: &ByteStream) -> Self {
        Self::Stream(stream.take(), stream.length())
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(chunks, left) => chunks.as_mut().poll_next(context).map(|next| match next? {
                Ok(chunk) => {
                    *left = left.map(|left| left.saturating_sub(chunk.len() as u64));
                    Some(Ok(Frame::data(chunk)))
                }
                Err(fault) => {
                    tracing::warn!(code = %fault.code, "a response ended early");
                    Some(Err(BrokenOff(fault.code.into_owned())))
                }
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Stream(_, Some(0)))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Stream(_, Some(left)) => SizeHint::with_exact(*left),
            Self::Stream(_, None) => SizeHint::default(),
        }
    }
}
