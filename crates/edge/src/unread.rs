//! Requests that cannot be read: the empty answer that the HTTP layer gives to them gets a code, words and a request id.
//!
//! It reads nothing, and touches no answer of anybody else: the HTTP layer's own is what is written first while no request
//! is being answered and all that was answered before has been written. Where that is in doubt, the empty answer stays.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use protocol::{Fault, Protocol, RouteFault};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::answer::{Answer, BrokenOff};

/// The code and the words for what is no HTTP.
pub(crate) const MALFORMED: (&str, &str) =
    ("MalformedHttpRequestException", "The request is not well-formed HTTP/1.1.");

/// Of one connection: true from a request's head until the last of its answer is handed over to be written.
// One task drives a connection: the orders of its own stores and loads are all that matters.
#[derive(Clone, Default)]
pub(crate) struct Busy(Arc<AtomicBool>);

impl Busy {
    /// From now on, until the guard is dropped.
    pub(crate) fn begin(&self) -> Begun {
        self.0.store(true, Ordering::Relaxed);
        Begun(Self(Arc::clone(&self.0)))
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request that is being answered.
pub(crate) struct Begun(Busy);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// An answer on its way: its request is being answered while this lives.
pub(crate) struct Underway {
    pub(crate) answer: Answer,
    pub(crate) _begun: Begun,
}

impl Body for Underway {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.answer).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

/// A connection whose empty refusals are written in full.
pub(crate) struct Spoken<S> {
    stream: S,
    busy: Busy,
    /// Everything that was answered is written: what comes next without a request is the HTTP layer's own.
    is_clear: bool,
    refusal: Option<Refusal>,
}

/// What is written in the place of an empty answer.
struct Refusal {
    bytes: Vec<u8>,
    written: usize,
    /// How long the empty one is.
    stands_for: usize,
}

impl<S> Spoken<S> {
    pub(crate) const fn new(stream: S, busy: Busy) -> Self {
        Self { stream, busy, is_clear: true, refusal: None }
    }

    /// Notes what is about to be written, and what is to be written instead.
    fn judge(&mut self, first: &[u8]) {
        if std::mem::take(&mut self.is_clear) && !self.busy.is_set() {
            self.refusal = told(first).map(|bytes| Refusal { bytes, written: 0, stands_for: first.len() });
        }
    }
}

impl<S: AsyncWrite + Unpin> Spoken<S> {
    /// Writes the rest of a refusal; the length of what it stands for once that is done.
    fn poll_refusal(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<usize>>> {
        let Some(refusal) = &mut self.refusal else { return Poll::Ready(None) };
        while let Some(rest) = refusal.bytes.get(refusal.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest)) {
                Ok(0) => return Poll::Ready(Some(Err(io::ErrorKind::WriteZero.into()))),
                Ok(written) => refusal.written += written,
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let stands_for = refusal.stands_for;
        self.refusal = None;
        Poll::Ready(Some(Ok(stands_for)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.judge(bytes);
        match ready!(self.poll_refusal(context)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The HTTP layer's own answer is a head in one piece.
        match slices {
            [only] => self.judge(only),
            _ => self.is_clear = false,
        }
        match ready!(self.poll_refusal(context)) {
            Some(written) => Poll::Ready(written),
            None => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // The HTTP layer flushes only what has no byte left with it.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) && !self.busy.is_set() {
            self.is_clear = true;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

/// The whole answer that an empty one stands for; `None` where it is no refusal of the HTTP layer's own.
///
/// Which API was meant is not known. The XML of the query APIs is what clients of every API read: those of S3 and of the
/// query APIs as it stands, and those that expect JSON take it for a message.
fn told(empty: &[u8]) -> Option<Vec<u8>> {
    let head = std::str::from_utf8(empty).ok()?.strip_suffix("\r\n\r\n")?;
    let (status_line, fields) = head.split_once("\r\n")?;
    let status: u16 = status_line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let (code, message) = match status {
        400 => MALFORMED,
        414 | 431 => {
            ("RequestHeaderSectionTooLarge", "Your request header section exceeds the maximum allowed size.")
        }
        _ => return None,
    };
    let mut fields = fields.split("\r\n");
    if !fields.clone().any(|field| field.eq_ignore_ascii_case("content-length: 0")) {
        return None;
    }
    let fault = Fault::sender(code, message).with_status(status);
    let refused = RouteFault { model: None, protocol: Protocol::Query, fault };
    let response = refused.encode(&crypto::random::uuid());
    let mut bytes = Vec::with_capacity(640);
    let mut line = |parts: [&[u8]; 3]| {
        parts.into_iter().for_each(|part| bytes.extend_from_slice(part));
        bytes.extend_from_slice(b"\r\n");
    };
    line([status_line.as_bytes(), b"", b""]);
    for (name, value) in response.headers.iter().filter(|(name, _)| *name != http::header::CONTENT_LENGTH) {
        line([name.as_str().as_bytes(), b": ", value.as_bytes()]);
    }
    line([b"x-amzn-errortype", b": ", code.as_bytes()]);
    line([b"connection", b": ", b"close"]);
    line([b"content-length", b": ", response.body.len().to_string().as_bytes()]);
    if let Some(date) = fields.find(|field| field.starts_with("date: ")) {
        line([date.as_bytes(), b"", b""]);
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&response.body);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use protocol::ByteStream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const HEAD_BYTES_MAX: usize = 64 * 1024;
    const GOOD: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    /// What the HTTP layer writes by itself, as somebody's answer.
    const FORGED: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    /// What a connection answers to these bytes, each sent once what came before is answered.
    async fn answered(sent: &[&[u8]], room: usize) -> String {
        let (client, server) = tokio::io::duplex(room);
        let busy = Busy::default();
        let stream = Spoken::new(server, busy.clone());
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let begun = busy.begin();
            async move {
                let answer = match request.uri().path() {
                    "/stream" => Answer::stream(&ByteStream::whole(Bytes::from(FORGED.repeat(50)))),
                    "/empty" => Answer::whole(""),
                    _ => Answer::whole(FORGED),
                };
                Ok::<_, Infallible>(hyper::Response::new(Underway { answer, _begun: begun }))
            }
        });
        let mut http = http1::Builder::new();
        http.max_headers(100).max_header_size(HEAD_BYTES_MAX).max_buf_size(HEAD_BYTES_MAX);
        let served = tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        let (mut reading, mut writing) = tokio::io::split(client);
        let sent: Vec<Vec<u8>> = sent.iter().map(|bytes| bytes.to_vec()).collect();
        let wrote = tokio::spawn(async move {
            for bytes in sent {
                // Whoever is refused early is not read to the end.
                let _ = writing.write_all(&bytes).await;
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let _ = writing.shutdown().await;
        });
        let mut told = Vec::new();
        reading.read_to_end(&mut told).await.unwrap();
        wrote.await.unwrap();
        let _ = served.await.unwrap();
        String::from_utf8(told).unwrap()
    }

    fn is_refusal(answer: &str, status: u16, code: &str) {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        for field in [
            "connection: close".to_owned(),
            "content-type: text/xml".to_owned(),
            "x-amzn-requestid: ".to_owned(),
            format!("x-amzn-errortype: {code}"),
            format!("content-length: {}\r\n", body.len()),
            "date: ".to_owned(),
        ] {
            assert!(head.contains(&field), "{field}: {answer}");
        }
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{answer}");
        assert!(
            body.starts_with("<ErrorResponse") && body.trim_end().ends_with("</ErrorResponse>"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_why() {
        let many = [b"GET / HTTP/1.1\r\n".as_slice(), &b"a: b\r\n".repeat(101), b"\r\n"].concat();
        let large = [b"GET / HTTP/1.1\r\na: ".as_slice(), &b"b".repeat(HEAD_BYTES_MAX), b"\r\n\r\n"].concat();
        for (sent, status, code) in [
            (b"GET\r\n\r\n".as_slice(), 400, "MalformedHttpRequestException"),
            (b"\x16\x03\x01\x02\x00\x01\r\n", 400, "MalformedHttpRequestException"),
            (b"GET / HTTP/1.1\r\na b: c\r\n\r\n", 400, "MalformedHttpRequestException"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "MalformedHttpRequestException"),
            (
                b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                400,
                "MalformedHttpRequestException",
            ),
            (&many, 431, "RequestHeaderSectionTooLarge"),
            (&large, 431, "RequestHeaderSectionTooLarge"),
        ] {
            for room in [64 * 1024, 7] {
                is_refusal(&answered(&[sent], room).await, status, code);
            }
        }
    }

    #[tokio::test]
    async fn the_limit_of_a_head_is_exact() {
        let head = |bytes: usize| {
            let frame = b"GET /empty HTTP/1.1\r\na: \r\n\r\n".len();
            format!("GET /empty HTTP/1.1\r\na: {}\r\n\r\n", "b".repeat(bytes - frame)).into_bytes()
        };
        assert!(answered(&[&head(HEAD_BYTES_MAX)], 1 << 20).await.starts_with("HTTP/1.1 200"));
        let refused = answered(&[&head(HEAD_BYTES_MAX + 1)], 1 << 20).await;
        is_refusal(&refused, 431, "RequestHeaderSectionTooLarge");
    }

    #[tokio::test]
    async fn a_kept_connection_is_told_why_too() {
        let empty: &[u8] = b"GET /empty HTTP/1.1\r\nHost: x\r\n\r\n";
        let answer = answered(&[empty, empty, b"GET\r\n\r\n"], 64 * 1024).await;
        let (at, _) = answer.match_indices("HTTP/1.1 ").nth(2).unwrap();
        is_refusal(answer.get(at..).unwrap(), 400, "MalformedHttpRequestException");
    }

    /// An answer that looks like the HTTP layer's own stays as it is, wherever its writes begin.
    #[tokio::test]
    async fn nobody_elses_answer_is_touched() {
        let streamed: &[u8] = b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n";
        for room in [64 * 1024, FORGED.len(), 100, 1] {
            let whole = answered(&[GOOD], room).await;
            assert!(whole.ends_with(FORGED) && !whole.contains("ErrorResponse"), "{whole}");
            let stream = answered(&[streamed], room).await;
            assert!(stream.contains(FORGED) && !stream.contains("ErrorResponse"), "{stream}");
            // One behind the other in one piece: the good one is answered whole, the other one somehow.
            let both = answered(&[&[GOOD, b"GET\r\n\r\n"].concat()], room).await;
            let (at, _) = both.match_indices(FORGED).next().unwrap();
            let rest = both.get(at + FORGED.len()..).unwrap();
            assert!(rest.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{both}");
        }
    }

    #[test]
    fn only_empty_refusals_are_told() {
        for (written, is_told) in [
            (FORGED, true),
            ("HTTP/1.0 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n", false),
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore", false),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", false),
            ("", false),
            ("HTTP/1.", false),
        ] {
            assert_eq!(told(written.as_bytes()).is_some(), is_told, "{written}");
        }
    }
}
