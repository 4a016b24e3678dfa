//! Signature version 2 of S3's presigned URLs, which unmodified clients still make in the older regions.
//!
//! Reads the query form alone: a signed header of this version is refused, and so is a URL with a parameter that its signature
//! leaves open. Decides who signed, never what they may do.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html#RESTAuthenticationQueryStringAuth>

use std::sync::Arc;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::payload::Stated;
use super::streamed::Payload;
use super::{CredentialError, CredentialSource, PRESIGNED_SECS_MAX, Request, SignatureError};
use crate::principal::Principal;

const TOKEN: &str = "x-amz-security-token";
/// The longest id of an access key, in bytes.
const KEY_ID_BYTES_MAX: usize = 128;

/// The parameters that are part of what is signed, as clients know them.
const COVERED: [&str; 35] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// True where a query states any part of such a signature, right or wrong.
pub fn is_claimed(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name));
    names.into_iter().any(|name| matches!(name, "AWSAccessKeyId" | "Signature"))
}

/// Who signed the URL, and how the body must be checked. The path is the one that is acted on: with the bucket in it, where
/// the host names one. `region` is ours: this signature has none.
///
/// # Errors
/// Where no part of the URL may be changed and one was, where its time is over, and where its key is no key.
pub fn verify(
    request: &Request<'_>,
    region: &str,
    credentials: &dyn CredentialSource,
    now: Timestamp,
) -> Result<(Arc<Principal>, Payload), SignatureError> {
    // SECURITY: two statements of identity are no identity.
    if super::is_signed(request.headers, request.query) {
        return Err(SignatureError::Ambiguous);
    }
    let claimed = Claimed::read(request)?;
    check_time(claimed.expires, now)?;
    let payload = payload(request.headers)?;
    let text = text_to_sign(request, &claimed)?;
    let credential =
        credentials.credential(&claimed.access_key_id, claimed.token.as_deref(), now).map_err(|error| {
            match error {
                CredentialError::Unknown => SignatureError::UnknownKey,
                CredentialError::InvalidToken => SignatureError::InvalidToken,
                CredentialError::ExpiredToken => SignatureError::ExpiredToken,
                CredentialError::Unavailable => SignatureError::Unavailable,
            }
        })?;
    let calculated = STANDARD.encode(crypto::hmac_sha1(credential.secret.expose().as_bytes(), &text));
    if !crypto::constant_time_eq(calculated.as_bytes(), claimed.signature.as_bytes()) {
        return Err(SignatureError::Wrong);
    }
    credentials.used(&claimed.access_key_id, "s3", region, now);
    Ok((credential.principal, payload))
}

/// What a URL says of its signature, unproven.
struct Claimed<'a> {
    access_key_id: String,
    signature: String,
    expires: &'a str,
    token: Option<String>,
    /// The covered parameters in order of their names, decoded.
    covered: Vec<(&'a str, Option<String>)>,
}

impl<'a> Claimed<'a> {
    fn read(request: &Request<'a>) -> Result<Self, SignatureError> {
        let (mut key, mut signature, mut expires, mut token) = (None, None, None, None);
        let mut covered = Vec::new();
        for pair in request.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) =
                pair.split_once('=').map_or((pair, None), |(name, value)| (name, Some(value)));
            let slot = match name {
                "AWSAccessKeyId" => &mut key,
                "Signature" => &mut signature,
                "Expires" => &mut expires,
                TOKEN => &mut token,
                name if COVERED.binary_search(&name).is_ok() => {
                    covered.push((name, value.map(signed_value).transpose()?));
                    continue;
                }
                name => {
                    restated(request.headers, name, value.unwrap_or_default())?;
                    continue;
                }
            };
            if slot.replace(value.unwrap_or_default()).is_some() {
                return Err(SignatureError::Ambiguous);
            }
        }
        covered.sort_by_key(|(name, _)| *name);
        if covered.windows(2).any(|pair| matches!(pair, [(one, _), (next, _)] if one == next)) {
            return Err(SignatureError::Ambiguous);
        }
        let (Some(key), Some(signature), Some(expires)) = (key, signature, expires) else {
            let message =
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
            return Err(SignatureError::QueryForm(message.to_owned()));
        };
        let token = token.map(decoded).transpose()?.filter(|token| !token.is_empty());
        // SECURITY: it becomes a line of the signed text, and must not become two.
        if token.as_ref().is_some_and(|token| token.contains(char::is_control)) {
            return Err(SignatureError::InvalidToken);
        }
        let access_key_id = decoded(key)?;
        if access_key_id.len() > KEY_ID_BYTES_MAX {
            return Err(SignatureError::UnknownKey);
        }
        Ok(Self { access_key_id, signature: decoded(signature)?, expires, token, covered })
    }
}

fn decoded(text: &str) -> Result<String, SignatureError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(std::borrow::Cow::into_owned).map_err(|_| SignatureError::Unsupported)
}

/// A covered parameter's value, as it is acted on: a plus sign is a space.
// SECURITY: values stand in the signed text without escapes. One with an ampersand would be signed like two parameters.
fn signed_value(text: &str) -> Result<String, SignatureError> {
    let value = decoded(&text.replace('+', " "))?;
    if value.contains('&') { Err(SignatureError::Unsupported) } else { Ok(value) }
}

/// A parameter outside the signed text has to repeat a header inside it, as clients write them into their URLs.
// SECURITY: whatever else were taken, anybody who holds the URL could change: the prefix of a listing, or the operation.
fn restated(headers: &HeaderMap, name: &str, value: &str) -> Result<(), SignatureError> {
    if !name.starts_with("x-amz-") && !matches!(name, "content-md5" | "content-type") {
        return Err(SignatureError::Unsupported);
    }
    let value = decoded(value)?;
    let said = headers.get(name).map(|header| header.as_bytes().trim_ascii());
    if said == Some(value.trim().as_bytes()) { Ok(()) } else { Err(SignatureError::Wrong) }
}

fn check_time(expires: &str, now: Timestamp) -> Result<(), SignatureError> {
    let digits = (1..=12).contains(&expires.len()) && expires.bytes().all(|byte| byte.is_ascii_digit());
    let secs: Option<i64> = if digits { expires.parse().ok() } else { None };
    let Some(secs) = secs else {
        let shown: String = expires.chars().take(32).collect();
        return Err(SignatureError::QueryForm(format!(
            "Invalid date (should be seconds since epoch): {shown}"
        )));
    };
    if now.secs() > secs {
        return Err(SignatureError::PresignedExpired("Request has expired".to_owned()));
    }
    // SECURITY: this version tells no time of signing; none lives longer than one of version 4.
    if secs - now.secs() > PRESIGNED_SECS_MAX + super::SKEW_MINUTES_MAX * 60 {
        return Err(SignatureError::QueryForm("Expires must be less than a week from now".to_owned()));
    }
    Ok(())
}

fn payload(headers: &HeaderMap) -> Result<Payload, SignatureError> {
    match Stated::read(headers, true)?.0 {
        Stated::Unsigned => Ok(Payload::unsigned()),
        Stated::Whole(hash) => Ok(Payload::whole(hash)),
        // Chunks are version 4's: they follow on its signature, or are counted by headers that it signs.
        Stated::Chunks { .. } => Err(SignatureError::PayloadStreaming),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], SignatureError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map_or(b"".as_slice(), |value| value.as_bytes().trim_ascii());
    if values.next().is_some() { Err(SignatureError::Ambiguous) } else { Ok(first) }
}

/// Method, digest, type, end, the `x-amz-` headers and the resource.
fn text_to_sign(request: &Request<'_>, claimed: &Claimed<'_>) -> Result<Vec<u8>, SignatureError> {
    let mut text = Vec::with_capacity(256);
    let md5 = single(request.headers, "content-md5")?;
    let kind = single(request.headers, "content-type")?;
    for line in [request.method.as_bytes(), md5, kind, claimed.expires.as_bytes()] {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    for (name, value) in amz_headers(request.headers, claimed.token.as_deref())? {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    text.extend_from_slice(request.path.as_bytes());
    for (at, (name, value)) in claimed.covered.iter().enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend_from_slice(name.as_bytes());
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
    }
    Ok(text)
}

fn amz_headers<'a>(
    headers: &'a HeaderMap,
    token: Option<&str>,
) -> Result<Vec<(&'a str, Vec<u8>)>, SignatureError> {
    let names = headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    // SECURITY: two headers are signed like one with a comma, and are acted on as two: whoever holds a URL could part one.
    let lines = names.map(|name| single(headers, name).map(|value| (name, value.to_vec())));
    let mut lines = lines.collect::<Result<Vec<(&str, Vec<u8>)>, _>>()?;
    // SECURITY: the token that is looked up is the one that is signed, and there is one.
    if lines.iter().any(|(name, _)| *name == TOKEN) {
        return Err(SignatureError::Ambiguous);
    }
    lines.extend(token.map(|token| (TOKEN, token.as_bytes().to_vec())));
    lines.sort_unstable();
    Ok(lines)
}
