//! A request's body while it arrives: frames taken off, hash and chunk signatures checked, length held.
//!
//! Answers bytes before they are proven, and an error at the end where they were not what was signed: a handler makes
//! nothing visible before it has seen the end.

use std::collections::VecDeque;

use bytes::Bytes;
use crypto::checksum::Algorithm;
use futures_util::StreamExt;
use http::HeaderMap;
use identity::sigv4::{Family, Payload, PayloadDecoder};
use protocol::{ByteStream, Chunks, Fault, OperationModel, Trailers, Value, WireRequest};
use tokio::sync::Semaphore;

use crate::authenticate::refusal;
use crate::digests;

/// The length of what frames hold.
const DECODED_LENGTH: &str = "x-amz-decoded-content-length";

/// The most trailers that a head may name.
const ANNOUNCED_MAX: usize = 16;

struct Arriving {
    chunks: Chunks,
    /// Gone once the end was checked.
    decoder: Option<PayloadDecoder>,
    decoded: VecDeque<Bytes>,
    expected: Option<u64>,
    seen: u64,
    trailers: Trailers,
    announced: Vec<String>,
}

/// What `body` says, checked as `payload` demands.
///
/// # Errors
/// Where the body has frames and the head does not say how much is in them.
pub(crate) fn arriving(
    body: &ByteStream,
    payload: Payload,
    headers: &HeaderMap,
) -> Result<ByteStream, Fault> {
    let length = if payload.is_framed() { Some(decoded_length(headers)?) } else { body.length() };
    let announced = if payload.is_framed() { announced(headers)? } else { Vec::new() };
    let trailers = Trailers::default();
    let state = Arriving {
        chunks: body.take(),
        decoder: Some(payload.decoder()),
        decoded: VecDeque::new(),
        expected: length,
        seen: 0,
        trailers: Trailers::clone(&trailers),
        announced: announced.clone(),
    };
    let chunks = futures_util::stream::unfold(Some(state), |state| async {
        let mut state = state?;
        match state.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(state))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    });
    Ok(ByteStream::announcing(length, Box::pin(chunks), trailers, announced))
}

/// The names of the trailers that the head promises.
fn announced(headers: &HeaderMap) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for header in headers.get_all("x-amz-trailer") {
        let text = header.to_str().map_err(|_| malformed_trailer())?;
        names.extend(text.split(',').map(|name| name.trim().to_ascii_lowercase()));
    }
    names.retain(|name| !name.is_empty());
    let is_known = |name: &str| Algorithm::ALL.into_iter().any(|known| known.header() == name);
    if names.iter().any(|name| !is_known(name)) {
        let message = "The value specified in the x-amz-trailer header is not supported";
        return Err(Fault::sender("InvalidRequest", message));
    }
    // SECURITY: no more than the decoder would take.
    if names.len() > ANNOUNCED_MAX { Err(malformed_trailer()) } else { Ok(names) }
}

fn malformed_trailer() -> Fault {
    let message = "The request contained trailing data that was not well-formed or did not conform to our published schema.";
    Fault::sender("MalformedTrailerError", message)
}

fn decoded_length(headers: &HeaderMap) -> Result<u64, Fault> {
    let text = headers.get(DECODED_LENGTH).and_then(|value| value.to_str().ok());
    let digits = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| {
        Fault::sender("MissingContentLength", "You must provide the Content-Length HTTP header.")
            .with_status(411)
    })
}

impl Arriving {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        loop {
            if let Some(chunk) = self.decoded.pop_front() {
                self.seen += chunk.len() as u64;
                if self.expected.is_some_and(|expected| self.seen > expected) {
                    return Err(incomplete());
                }
                if !chunk.is_empty() {
                    return Ok(Some(chunk));
                }
                continue;
            }
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            match self.chunks.next().await {
                Some(chunk) => {
                    let mut decoded = Vec::new();
                    decoder.push(chunk?, &mut decoded).map_err(|error| refusal(&error, Family::S3))?;
                    self.decoded.extend(decoded);
                }
                None => self.end()?,
            }
        }
    }

    // SECURITY: the end is an error unless everything that was signed has arrived.
    fn end(&mut self) -> Result<(), Fault> {
        let Some(decoder) = self.decoder.take() else { return Ok(()) };
        let trailers = decoder.finish().map_err(|error| refusal(&error, Family::S3))?;
        if self.expected.is_some_and(|expected| self.seen != expected) {
            return Err(incomplete());
        }
        // SECURITY: a checksum that was promised and left out on the way is not the same as none.
        if self.announced.iter().any(|name| !trailers.iter().any(|(came, _)| came == name)) {
            return Err(malformed_trailer());
        }
        let _ = self.trailers.set(trailers);
        Ok(())
    }
}

/// Places in which the documents of streaming APIs are read: requests that no handler takes as a stream.
pub(crate) struct Documents(Semaphore);

/// The largest document: 10,000 parts with their checksums.
const DOCUMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Documents up to this size are bounded well enough by the number of connections.
const SMALL_BYTES_MAX: usize = 64 * 1024;
/// How many larger ones are read at once.
const DOCUMENTS_MAX: usize = 32;

impl Documents {
    pub(crate) fn new() -> Self {
        Self(Semaphore::new(DOCUMENTS_MAX))
    }

    /// The parameters of a request whose body, where it is not here yet, is `body`.
    pub(crate) async fn input(
        &self,
        operation: OperationModel,
        request: &WireRequest<'_>,
        body: Option<ByteStream>,
        is_anonymous: bool,
    ) -> Result<Value, Fault> {
        let Some(body) = body else { return protocol::decode_input(operation, request) };
        if operation.takes_stream() {
            return protocol::decode_streamed_input(operation, request, body);
        }
        let is_small = body.length().is_some_and(|length| length <= SMALL_BYTES_MAX as u64);
        // SECURITY: nobody in particular holds none of the places in which large documents are read.
        let (_place, bytes_max) = if is_anonymous || is_small {
            (None, SMALL_BYTES_MAX)
        } else {
            let place = self.0.acquire().await.map_err(|_| Fault::internal())?;
            (Some(place), DOCUMENT_BYTES_MAX)
        };
        let document = body.collect(bytes_max).await?;
        digests::check(operation.needs_digest(), request.headers, |name| body.trailer(name), &document)?;
        protocol::decode_input(operation, &WireRequest { body: &document, ..*request })
    }
}

fn incomplete() -> Fault {
    Fault::sender(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsigned_chunks(length: &str) -> (Payload, HeaderMap) {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER".parse().unwrap());
        headers.insert(DECODED_LENGTH, length.parse().unwrap());
        (Payload::of_unsigned(&headers).unwrap(), headers)
    }

    #[tokio::test]
    async fn frames_come_off_and_trailers_are_told_at_the_end() {
        let body =
            ByteStream::whole(Bytes::from_static(b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"));
        let (payload, headers) = unsigned_chunks("3");
        let body = arriving(&body, payload, &headers).unwrap();
        assert_eq!(body.length(), Some(3));
        assert_eq!(body.collect(10).await.unwrap(), Bytes::from_static(b"abc"));
        assert_eq!(body.trailer("x-amz-checksum-crc32"), Some("AAAA"));
    }

    #[tokio::test]
    async fn only_known_checksums_come_as_trailers() {
        for (announced, is_taken) in [
            ("x-amz-checksum-crc32", true),
            ("X-Amz-Checksum-SHA256", true),
            ("x-amz-checksum-foo", false),
            ("x-amz-checksum-", false),
            ("x-amz-meta-a", false),
        ] {
            let (payload, mut headers) = unsigned_chunks("3");
            headers.insert("x-amz-trailer", announced.parse().unwrap());
            let body = ByteStream::whole(Bytes::new());
            let refusal = arriving(&body, payload, &headers).err();
            assert_eq!(refusal.is_none(), is_taken, "{announced}: {refusal:?}");
        }
    }

    #[tokio::test]
    async fn a_length_that_is_not_kept_is_an_error_at_the_end() {
        for length in ["2", "4", "0"] {
            let body = ByteStream::whole(Bytes::from_static(b"3\r\nabc\r\n0\r\n\r\n"));
            let (payload, headers) = unsigned_chunks(length);
            let body = arriving(&body, payload, &headers).unwrap();
            assert_eq!(body.collect(10).await.unwrap_err().code, "IncompleteBody", "{length}");
        }
        let (payload, _) = unsigned_chunks("3");
        let body = ByteStream::whole(Bytes::new());
        assert_eq!(arriving(&body, payload, &HeaderMap::new()).unwrap_err().status, 411);
    }
}
