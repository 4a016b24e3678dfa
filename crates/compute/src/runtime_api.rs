//! The Runtime API: what a function's runtime asks and answers over HTTP on its own loopback.
//!
//! Bytes and connections only: it does not know which invocation is in progress, nor whether an answer is wanted. It
//! holds no lock and starts no task, because whoever drives an environment drives its connections too.

mod answer;
mod connection;
mod message;
mod request;
mod server;

pub(crate) use answer::{Assignment, Refused};
pub(crate) use request::{ExtensionCall, RuntimeRequest};
pub(crate) use server::{ConnectionId, RuntimeApi};

/// Entry points for fuzzing.
pub(crate) mod fuzz {
    use bytes::BytesMut;

    /// Feeds bytes to the HTTP parser in two pieces and routes whatever comes out.
    pub fn fuzz_runtime_api(data: &[u8]) {
        let mut parser = super::message::Parser::default();
        let (first, second) = data.split_at_checked(data.len() / 2).unwrap_or((data, &[]));
        let mut input = BytesMut::new();
        for piece in [first, second] {
            input.extend_from_slice(piece);
            while let Ok(Some(parsed)) = parser.advance(&mut input) {
                let _ = super::request::RuntimeRequest::of(parsed);
            }
        }
    }
}
