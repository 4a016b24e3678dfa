//! Reads a whole body within its limits of size, time, and memory shared by all requests.
//!
//! A declared length over the limit is refused before a byte is read; an undeclared one as soon as it is exceeded.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Over the limit for this kind of request.
    #[error("the body is over {0} bytes")]
    TooLarge(usize),
    /// Not finished in time.
    #[error("the body took too long")]
    TimedOut,
    /// The memory for bodies is spent by other requests.
    #[error("too many large requests at once")]
    Busy,
    /// The peer broke off or sent a broken chunk.
    #[error("the body broke off")]
    Broken,
}

/// The share of the memory for bodies that a request holds until it is answered.
pub(crate) struct Held {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Memory for bodies, counted in blocks.
#[derive(Clone)]
pub(crate) struct BodyMemory(Arc<Semaphore>);

const BLOCK_BYTES: usize = 4 * 1024;
/// How long a request waits for memory that other requests hold.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

impl BodyMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes_max / BLOCK_BYTES).min(Semaphore::MAX_PERMITS))))
    }

    async fn hold(&self, bytes: usize) -> Result<Held, BodyError> {
        // Small bodies are bounded well enough by the number of connections.
        if bytes <= BLOCK_BYTES {
            return Ok(Held { _permit: None });
        }
        let blocks = u32::try_from(bytes.div_ceil(BLOCK_BYTES)).map_err(|_| BodyError::Busy)?;
        let permit = tokio::time::timeout(MEMORY_WAIT, Arc::clone(&self.0).acquire_many_owned(blocks)).await;
        match permit {
            Ok(Ok(permit)) => Ok(Held { _permit: Some(permit) }),
            Ok(Err(_)) | Err(_) => Err(BodyError::Busy),
        }
    }
}

/// The whole body, and the memory it holds.
pub(crate) async fn read(
    mut body: Incoming,
    bytes_max: usize,
    timeout: Duration,
    memory: &BodyMemory,
) -> Result<(Bytes, Held), BodyError> {
    if body.is_end_stream() {
        return Ok((Bytes::new(), memory.hold(0).await?));
    }
    let declared = body.size_hint().exact();
    if declared.is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(BodyError::TooLarge(bytes_max));
    }
    // A body of unknown length holds its limit from the start: what was not asked for cannot be granted halfway.
    let expected = declared.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(bytes_max);
    let held = memory.hold(expected).await?;
    let whole = tokio::time::timeout(timeout, collect(&mut body, bytes_max)).await;
    Ok((whole.map_err(|_| BodyError::TimedOut)??, held))
}

async fn collect(body: &mut Incoming, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        bytes = bytes.saturating_add(data.len());
        if bytes > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
        // One frame is the usual case, and is never copied.
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            earlier => {
                rest.extend_from_slice(&earlier.unwrap_or_default());
                rest.extend_from_slice(&data);
            }
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}
