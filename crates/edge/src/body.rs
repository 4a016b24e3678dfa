//! Reads a body within its limits of size, time, and memory shared by all requests: whole, or as a stream.
//!
//! A declared length over the limit is refused before a byte is read; an undeclared one as soon as it is exceeded.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use protocol::{ByteStream, Fault};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

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
#[derive(Default)]
pub(crate) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

/// Memory for bodies, counted in blocks.
#[derive(Clone)]
pub(crate) struct BodyMemory(Arc<Semaphore>);

const BLOCK_BYTES: usize = 64 * 1024;
/// Bodies up to this size are bounded well enough by the number of connections.
const FREE_BYTES: usize = 4 * 1024;
/// How long a request waits for memory that other requests hold.
const MEMORY_WAIT: Duration = Duration::from_secs(5);

impl BodyMemory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes_max / BLOCK_BYTES).min(Semaphore::MAX_PERMITS))))
    }

    /// Lets `held` cover `bytes`. What a peer announces holds nothing: only bytes that arrived do.
    async fn cover(&self, held: &mut Held, bytes: usize) -> Result<(), BodyError> {
        if bytes <= FREE_BYTES || bytes <= held.bytes {
            return Ok(());
        }
        let missing = (bytes - held.bytes).div_ceil(BLOCK_BYTES);
        let blocks = u32::try_from(missing).map_err(|_| BodyError::Busy)?;
        let more = tokio::time::timeout(MEMORY_WAIT, Arc::clone(&self.0).acquire_many_owned(blocks)).await;
        let Ok(Ok(more)) = more else { return Err(BodyError::Busy) };
        held.bytes += missing * BLOCK_BYTES;
        match &mut held.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// A body as it arrives, one frame in memory at a time.
///
/// Refuses one that pauses for `idle`, or takes longer than `timeout` and a second for every 64 KiB it announced.
pub(crate) fn stream<B>(body: B, bytes_max: u64, timeout: Duration, idle: Duration) -> ByteStream
where
    B: Body<Data = Bytes> + Unpin + Send + 'static,
{
    let length = body.size_hint().exact();
    if length == Some(0) || body.is_end_stream() {
        return ByteStream::whole(Bytes::new());
    }
    let deadline = timeout + Duration::from_secs(length.unwrap_or(0) / SLOWEST_BYTES_A_SECOND);
    // The clock runs from the first read: a caller who waits to be asked for the body is not slow.
    let state = Some((body, None, 0_u64));
    let chunks = futures_util::stream::unfold(state, move |state| async move {
        let (mut body, timer, bytes) = state?;
        let mut timer: Pin<Box<Sleep>> = timer.unwrap_or_else(|| Box::pin(tokio::time::sleep(deadline)));
        let frame = tokio::select! {
            frame = tokio::time::timeout(idle, body.frame()) => frame.map_err(|_| slow()),
            () = &mut timer => Err(slow()),
        };
        let data = match frame {
            Ok(None) => return None,
            Ok(Some(Ok(frame))) => Ok(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(_))) => Err(broken()),
            Err(slow) => Err(slow),
        };
        match data {
            Ok(data) if data.len() as u64 > bytes_max.saturating_sub(bytes) => Some((Err(too_large()), None)),
            Ok(data) => {
                let bytes = bytes + data.len() as u64;
                Some((Ok(data), Some((body, Some(timer), bytes))))
            }
            Err(fault) => Some((Err(fault), None)),
        }
    });
    if length.is_some_and(|length| length > bytes_max) {
        return ByteStream::new(length, Box::pin(futures_util::stream::iter([Err(too_large())])));
    }
    ByteStream::new(length, Box::pin(chunks))
}

/// Slower is as good as broken: one connection costs more than it brings.
const SLOWEST_BYTES_A_SECOND: u64 = 64 * 1024;

fn slow() -> Fault {
    Fault::sender(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. Idle \
         connections will be closed.",
    )
}

fn broken() -> Fault {
    Fault::sender("IncompleteBody", "The request body terminated unexpectedly")
}

fn too_large() -> Fault {
    Fault::sender("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
}

/// The whole body, and the memory it holds.
pub(crate) async fn read<B>(
    mut body: B,
    bytes_max: usize,
    timeout: Duration,
    memory: &BodyMemory,
) -> Result<(Bytes, Held), BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut held = Held::default();
    if body.is_end_stream() {
        return Ok((Bytes::new(), held));
    }
    if body.size_hint().exact().is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(BodyError::TooLarge(bytes_max));
    }
    let whole = tokio::time::timeout(timeout, collect(&mut body, bytes_max, memory, &mut held)).await;
    Ok((whole.map_err(|_| BodyError::TimedOut)??, held))
}

async fn collect<B>(
    body: &mut B,
    bytes_max: usize,
    memory: &BodyMemory,
    held: &mut Held,
) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        bytes = bytes.saturating_add(data.len());
        if bytes > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
        memory.cover(held, bytes).await?;
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

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    const SOON: Duration = Duration::from_secs(1);

    fn chunks(sizes: &[usize]) -> impl Body<Data = Bytes> + Unpin {
        let frames: Vec<_> = sizes
            .iter()
            .map(|size| Ok::<_, std::io::Error>(Frame::data(Bytes::from(vec![7; *size]))))
            .collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_joined_and_holds_what_it_takes() {
        let memory = BodyMemory::new(4 * BLOCK_BYTES);
        let (bytes, held) = read(chunks(&[1, 100_000, 2]), 1 << 20, SOON, &memory).await.unwrap();
        assert_eq!((bytes.len(), memory.0.available_permits()), (100_003, 2));
        drop(held);
        assert_eq!(memory.0.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_body_over_its_limit_is_refused_and_holds_nothing() {
        let memory = BodyMemory::new(4 * BLOCK_BYTES);
        let refused = read(chunks(&[500, 600]), 1_000, SOON, &memory).await.err();
        assert_eq!((refused, memory.0.available_permits()), (Some(BodyError::TooLarge(1_000)), 4));
    }

    #[tokio::test]
    async fn a_body_that_stalls_times_out() {
        let memory = BodyMemory::new(4 * BLOCK_BYTES);
        let first =
            futures_util::stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))]);
        let stalled = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        let refused = read(StreamBody::new(stalled), 10, Duration::from_millis(20), &memory).await.err();
        assert_eq!(refused, Some(BodyError::TimedOut));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_has_limits_of_size_and_pauses() {
        let whole = stream(chunks(&[1, 100_000, 2]), 1 << 20, SOON, SOON);
        assert_eq!(whole.collect(1 << 20).await.map(|bytes| bytes.len()), Ok(100_003));
        let large = stream(chunks(&[500, 600]), 1_000, SOON, SOON);
        assert_eq!(large.collect(1 << 20).await.unwrap_err().code, "EntityTooLarge");
        let first =
            futures_util::stream::iter([Ok::<_, std::io::Error>(Frame::data(Bytes::from_static(b"x")))]);
        let stalled = Box::pin(futures_util::StreamExt::chain(first, futures_util::stream::pending()));
        let stalled = stream(StreamBody::new(stalled), 10, 100 * SOON, SOON);
        assert_eq!(stalled.collect(10).await.unwrap_err().code, "RequestTimeout");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_that_others_hold_is_waited_for_and_then_refused() {
        let memory = BodyMemory::new(2 * BLOCK_BYTES);
        let (_, held) = read(chunks(&[2 * BLOCK_BYTES]), 1 << 20, SOON, &memory).await.unwrap();
        let waiting = read(chunks(&[10_000]), 1 << 20, 10 * MEMORY_WAIT, &memory).await.err();
        assert_eq!(waiting, Some(BodyError::Busy));
        drop(held);
        assert!(read(chunks(&[10_000]), 1 << 20, SOON, &memory).await.is_ok());
    }
}
