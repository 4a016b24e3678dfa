//! What of a request is still on its way when its answer is ready, and how its connection ends then.
//!
//! Whoever was refused before its body was read cannot know whether the body is still wanted: what comes next on the connection might be
//! either, so the answer says that there is no next (RFC 9110 §10.1.1, RFC 9112 §9.3). And since a socket that is closed with bytes unread
//! is reset, which takes the answer away from who has not read it yet, the rest is read and forgotten for a moment (RFC 9112 §9.6).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long the rest of a refused request is read.
const LINGER_TIME_MAX: Duration = Duration::from_secs(2);
/// How much of it is.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;
const PIECE_BYTES: usize = 16 * 1024;

/// A body that notes when it was read to its end.
pub(crate) struct Watched<B> {
    body: B,
    is_read: Arc<AtomicBool>,
}

/// What a request's answer has to know of the request's body.
pub(crate) struct Rest {
    is_read: Arc<AtomicBool>,
    /// A client waits to be told to go on with a body that has no bytes: nothing tells it, and clients that take the answer for an
    /// early refusal (botocore) read the connection's next answer wrongly.
    waits_for_nothing: bool,
}

/// The request with its body watched.
pub(crate) fn watched<B: Body>(request: http::Request<B>) -> (http::Request<Watched<B>>, Rest) {
    let is_empty = request.body().is_end_stream();
    let waits_for_nothing = is_empty && request.headers().contains_key(header::EXPECT);
    let is_read = Arc::new(AtomicBool::new(is_empty));
    let rest = Rest { is_read: Arc::clone(&is_read), waits_for_nothing };
    (request.map(|body| Watched { body, is_read }), rest)
}

impl Rest {
    /// Says in the answer that the connection ends, where it has to, and has it end gently.
    pub(crate) fn end<B>(self, answer: &mut http::Response<B>, ending: &Ending) {
        let is_read = self.is_read.load(Ordering::Relaxed);
        if !is_read {
            ending.0.store(true, Ordering::Relaxed);
        }
        if !is_read || self.waits_for_nothing {
            answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || (self.body.is_end_stream() && matches!(frame, Some(Ok(_)))) {
            self.is_read.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Of one connection: whether a request's rest may still arrive when it ends.
// One task drives a connection: the orders of its own stores and loads are all that matters.
#[derive(Clone, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

/// A connection that ends gently.
pub(crate) struct Lingering<S> {
    stream: S,
    ending: Ending,
    /// Set once all that was answered is written, and its end said.
    timer: Option<Pin<Box<Sleep>>>,
    bytes: usize,
}

impl<S> Lingering<S> {
    pub(crate) const fn new(stream: S, ending: Ending) -> Self {
        Self { stream, ending, timer: None, bytes: 0 }
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Reads on until nothing more comes, within the limits.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE_BYTES];
        while self.bytes < LINGER_BYTES_MAX {
            let over = self.timer.as_mut().is_none_or(|timer| timer.as_mut().poll(context).is_ready());
            let mut buffer = ReadBuf::new(&mut piece);
            if over || ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)).is_err() {
                break;
            }
            match buffer.filled().len() {
                0 => break,
                read => self.bytes += read,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.timer.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.ending.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            self.timer = Some(Box::pin(tokio::time::sleep(LINGER_TIME_MAX)));
        }
        self.poll_rest(context).map(Ok)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Empty, Full};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The `Connection` header of an answer to this request, of which so many frames were read, and whether its connection lingers.
    async fn ended<B>(request: http::Request<B>, frames: usize) -> (Option<String>, bool)
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let (mut request, rest) = watched(request);
        for _ in 0..frames {
            let _ = request.body_mut().frame().await;
        }
        let (mut answer, ending) = (http::Response::new(()), Ending::default());
        rest.end(&mut answer, &ending);
        let connection =
            answer.headers().get(header::CONNECTION).map(|value| value.to_str().unwrap().to_owned());
        (connection, ending.0.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn only_a_body_that_was_read_leaves_the_connection_open() {
        let close = || Some("close".to_owned());
        let body = || http::Request::new(Full::new(Bytes::from_static(b"body")));
        let empty = || http::Request::new(Empty::<Bytes>::new());
        assert_eq!(ended(body(), 1).await, (None, false));
        assert_eq!(ended(body(), 0).await, (close(), true));
        assert_eq!(ended(empty(), 0).await, (None, false));
        let mut expecting = empty();
        expecting.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
        assert_eq!(ended(expecting, 0).await, (close(), false));
    }

    #[tokio::test]
    async fn a_body_that_broke_off_was_not_read() {
        let broken = futures_util::stream::iter([
            Ok(Frame::data(Bytes::from_static(b"x"))),
            Err(io::Error::other("gone")),
        ]);
        let body = http_body_util::StreamBody::new(broken);
        assert_eq!(ended(http::Request::new(body), 2).await, (Some("close".to_owned()), true));
    }

    /// What a connection that was shut down still takes from a client that goes on sending.
    async fn taken(ending: bool) -> bool {
        let (mut client, server) = tokio::io::duplex(1_024);
        let mut server = Lingering::new(server, Ending(Arc::new(AtomicBool::new(ending))));
        let shut = tokio::spawn(async move { server.shutdown().await });
        let sent = client.write_all(&[7; 100_000]).await;
        drop(client.shutdown().await);
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest).await;
        shut.await.unwrap().unwrap();
        sent.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_is_read_before_a_refused_connection_is_closed() {
        assert!(taken(true).await);
        assert!(!taken(false).await);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_a_moment() {
        let (_client, server) = tokio::io::duplex(1_024);
        let mut server = Lingering::new(server, Ending(Arc::new(AtomicBool::new(true))));
        let begun = tokio::time::Instant::now();
        server.shutdown().await.unwrap();
        assert_eq!(begun.elapsed().as_secs(), LINGER_TIME_MAX.as_secs());
    }
}
