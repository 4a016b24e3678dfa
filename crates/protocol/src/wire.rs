//! An HTTP exchange as the codecs see it: bytes exactly as they arrived.

use bytes::Bytes;

use crate::ByteStream;

/// A request whose head is complete. Path and query are raw: nothing was decoded or normalised.
#[derive(Clone, Copy, Debug)]
pub struct WireRequest<'a> {
    /// The method, upper case.
    pub method: &'a str,
    /// The path as sent, from the first `/`, without the query.
    pub path: &'a str,
    /// The query as sent, without the `?`; empty where there is none.
    pub query: &'a str,
    /// The headers in order of arrival.
    pub headers: &'a http::HeaderMap,
    /// The whole body; empty where it is a stream, which is passed beside the request.
    pub body: &'a Bytes,
}

/// An answer ready to be written.
#[derive(Clone, Debug)]
pub struct WireResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers; the edge adds length, date and request id where a codec did not.
    pub headers: http::HeaderMap,
    /// The body, where it is in memory.
    pub body: Bytes,
    /// The body, where it is not: then `body` is empty.
    pub stream: Option<ByteStream>,
}

impl WireResponse {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: http::HeaderMap::new(), body: Bytes::new(), stream: None }
    }
}
