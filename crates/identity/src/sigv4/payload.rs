//! The payload's place in a signature: the body's hash, or S3's statement that it is unsigned.
//!
//! Chunk signatures are not read here; they are refused.

use super::claim::Claimed;
use super::error::SignatureError;
use super::{Expected, Request};

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

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
