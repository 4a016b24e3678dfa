//! A body that is never whole in memory: chunks that are taken once, a length where it is known, and trailers.
//!
//! It moves no bytes by itself and knows no socket and no file: whoever makes one says where the chunks come from.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use crate::Fault;
use crate::value::{FromValue, IntoValue, ShapeMismatch, Value};

/// Pieces of a body in order. The first error is the last item.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send>>;

/// What came behind a body, by lower-case name: set by its maker before the last chunk is answered.
pub type Trailers = Arc<OnceLock<Vec<(String, String)>>>;

/// A handle on a body. Clones share it: the chunks go to the first who takes them.
#[derive(Clone)]
pub struct ByteStream(Arc<Shared>);

struct Shared {
    chunks: Mutex<Option<Chunks>>,
    length: Option<u64>,
    trailers: Trailers,
    announced: Vec<String>,
}

impl ByteStream {
    /// A body of these chunks; `length` is the number of all their bytes, where that is known before.
    pub fn new(length: Option<u64>, chunks: Chunks) -> Self {
        Self::with_trailers(length, chunks, Trailers::default())
    }

    /// A body whose maker sets `trailers` once it has read them.
    pub fn with_trailers(length: Option<u64>, chunks: Chunks, trailers: Trailers) -> Self {
        Self::announcing(length, chunks, trailers, Vec::new())
    }

    /// The same where the head names the trailers that will come, in lower case.
    pub fn announcing(
        length: Option<u64>,
        chunks: Chunks,
        trailers: Trailers,
        announced: Vec<String>,
    ) -> Self {
        Self(Arc::new(Shared { chunks: Mutex::new(Some(chunks)), length, trailers, announced }))
    }

    /// A body that is in memory already.
    pub fn whole(bytes: Bytes) -> Self {
        let length = bytes.len() as u64;
        let chunk = (!bytes.is_empty()).then_some(Ok(bytes));
        Self::new(Some(length), Box::pin(futures_util::stream::iter(chunk)))
    }

    /// The number of all bytes, where it is known.
    pub fn length(&self) -> Option<u64> {
        self.0.length
    }

    /// True where the head says that a trailer of this lower-case name will come.
    pub fn announces(&self, name: &str) -> bool {
        self.0.announced.iter().any(|announced| announced == name)
    }

    /// The trailer of this lower-case name, once all chunks were read.
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let trailers = self.0.trailers.get()?;
        trailers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The chunks. Whoever comes second gets an error: a body is read once.
    pub fn take(&self) -> Chunks {
        let taken = self.0.chunks.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.unwrap_or_else(|| Box::pin(futures_util::stream::iter([Err(Fault::internal())])))
    }

    /// All bytes at once.
    ///
    /// # Errors
    /// `EntityTooLarge` beyond `bytes_max`, and whatever the stream fails with.
    pub async fn collect(&self, bytes_max: usize) -> Result<Bytes, Fault> {
        let too_large =
            || Fault::sender("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
        if self.length().is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large());
        }
        let mut chunks = self.take();
        let mut all = BytesMut::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if chunk.len() > bytes_max.saturating_sub(all.len()) {
                return Err(too_large());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ByteStream({:?} bytes)", self.0.length)
    }
}

/// Two handles are equal where they are handles on one body.
impl PartialEq for ByteStream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Callers inside the platform may give bytes for a stream.
impl FromValue for ByteStream {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        match value {
            Value::Stream(stream) => Ok(stream),
            Value::Blob(bytes) => Ok(Self::whole(bytes)),
            _ => Err(ShapeMismatch::new("stream")),
        }
    }
}

impl IntoValue for ByteStream {
    fn into_value(self) -> Value {
        Value::Stream(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(parts: &'static [&'static str]) -> Chunks {
        Box::pin(futures_util::stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes())))))
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        let waker = std::task::Waker::noop();
        match future.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn a_body_is_collected_once_and_within_its_bound() {
        let body = ByteStream::new(None, chunks(&["ab", "c"]));
        assert_eq!(run(body.collect(3)), Ok(Bytes::from_static(b"abc")));
        assert!(run(body.collect(3)).is_err(), "a second reader gets nothing");
        assert_eq!(
            run(ByteStream::new(None, chunks(&["ab", "c"])).collect(2)).unwrap_err().code,
            "EntityTooLarge"
        );
        let announced = ByteStream::whole(Bytes::from_static(b"abc"));
        assert_eq!(run(announced.collect(2)).unwrap_err().code, "EntityTooLarge");
    }

    #[test]
    fn bytes_stand_for_a_stream() {
        let stream = ByteStream::from_value(Value::Blob(Bytes::from_static(b"x"))).unwrap();
        assert_eq!((stream.length(), run(stream.collect(9))), (Some(1), Ok(Bytes::from_static(b"x"))));
        assert!(ByteStream::from_value(Value::Bool(true)).is_err());
    }
}
