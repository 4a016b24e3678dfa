//! The payload's place in a signature: the body's hash, or S3's statement of how the body is signed otherwise.
//!
//! Reads what is stated; whether a body that arrives later keeps it, `streamed` checks.

use http::HeaderMap;

use super::claim::Claimed;
use super::error::SignatureError;
use super::{Expected, Request};

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a request says of a body that is still on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    /// Nothing is known of it.
    Unsigned,
    /// Its SHA-256.
    Whole([u8; 32]),
    /// It comes in chunks, each with a signature if `signed`, and with headers behind it if `trailer`.
    Chunks { signed: bool, trailer: bool },
}

impl Stated {
    /// Reads `x-amz-content-sha256`, and answers its own text for the canonical request.
    pub(super) fn read(headers: &HeaderMap, presigned: bool) -> Result<(Self, &[u8]), SignatureError> {
        let mut stated = headers.get_all("x-amz-content-sha256").iter();
        let first = stated.next().map(|value| value.as_bytes().trim_ascii());
        if stated.next().is_some() {
            return Err(SignatureError::Ambiguous);
        }
        let chunks = |signed, trailer| Self::Chunks { signed, trailer };
        let text = match first {
            Some(text) => text,
            None if presigned => UNSIGNED.as_bytes(),
            None => return Err(SignatureError::PayloadHashMissing),
        };
        let stated = match text {
            b"UNSIGNED-PAYLOAD" => Self::Unsigned,
            b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" => chunks(false, true),
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => chunks(true, false),
            b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => chunks(true, true),
            _ => {
                let mut hash = [0; 32];
                let lower = !text.iter().any(u8::is_ascii_uppercase);
                hex::decode_to_slice(text, &mut hash)
                    .ok()
                    .filter(|()| lower)
                    .ok_or(SignatureError::PayloadHashUnknown)?;
                Self::Whole(hash)
            }
        };
        Ok((stated, text))
    }
}

/// Writes the last line of the canonical request.
pub(super) fn line(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    expected: &Expected<'_>,
    claimed: &Claimed<'_>,
) -> Result<(), SignatureError> {
    let mut stated = request.headers.get_all("x-amz-content-sha256").iter();
    let first = stated.next().map(|value| value.as_bytes().trim_ascii());
    if stated.next().is_some() {
        return Err(SignatureError::Ambiguous);
    }
    match first {
        Some(stated) => header(out, stated, request.body, expected),
        None if expected.s3 && claimed.expires_secs.is_some() => {
            out.extend_from_slice(UNSIGNED.as_bytes());
            Ok(())
        }
        None if expected.s3 => Err(SignatureError::PayloadHashMissing),
        None => {
            hash(out, request.body);
            Ok(())
        }
    }
}

// SECURITY: a stated hash must be the body's own. Otherwise a signature would cover one body and the handler see
// another.
fn header(
    out: &mut Vec<u8>,
    stated: &[u8],
    body: &[u8],
    expected: &Expected<'_>,
) -> Result<(), SignatureError> {
    if stated == UNSIGNED.as_bytes() {
        if !expected.s3 {
            return Err(SignatureError::PayloadUnsigned);
        }
        out.extend_from_slice(stated);
        return Ok(());
    }
    if stated.starts_with(b"STREAMING-") {
        return Err(SignatureError::PayloadStreaming);
    }
    let start = out.len();
    hash(out, body);
    if out.get(start..).is_some_and(|hash| crypto::constant_time_eq(hash, stated)) {
        Ok(())
    } else {
        Err(SignatureError::PayloadMismatch)
    }
}

/// Writes the hash of `bytes` in lower-case hexadecimal.
pub(super) fn hash(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut text = [0_u8; 64];
    // A buffer of exactly twice the length cannot be refused.
    if hex::encode_to_slice(crypto::sha256(bytes), &mut text).is_ok() {
        out.extend_from_slice(&text);
    }
}
