//! What comes back, and what whoever sent it is told: S3's words, which senders of such answers know.
//!
//! Reads no member of an answer.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::CALLBACK_BYTES_MAX;

/// What stands for an answer that was no JSON object: a JSON text, which no answer is.
pub const NOT_JSON: &str = "NOT_JSON";
/// What stands for an answer that was too long.
pub const TOO_LONG: &str = "TOO_LONG";

/// How often a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shape {
    /// Once: the first answer stands.
    Once,
    /// As often as anyone likes, up to a hundred different ones.
    Many,
}

/// An answer as text: a JSON object within the limits.
pub(super) fn text(body: &[u8]) -> Option<String> {
    if body.len() > CALLBACK_BYTES_MAX {
        return None;
    }
    let parsed: serde_json::Value = serde_json::from_slice(body).ok()?;
    parsed.is_object().then(|| parsed.to_string())
}

/// Reads any bytes as an answer.
pub(crate) fn fuzz_answer(data: &[u8]) {
    if let Some(text) = text(data) {
        assert!(super::answer::text(text.as_bytes()).is_none_or(|again| again == text), "an answer changes");
    }
    if let Ok(target) = std::str::from_utf8(data) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if let Some(place) = super::Place::of(path, query) {
            assert!(place.id.len() <= 64 && place.secret.len() <= 128, "an address without bounds");
        }
    }
}

pub(super) fn taken() -> Response<Bytes> {
    Response::new(Bytes::new())
}

pub(super) fn forbidden() -> Response<Bytes> {
    plain(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied")
}

pub(super) fn plain(status: StatusCode, code: &str, message: &str) -> Response<Bytes> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}
