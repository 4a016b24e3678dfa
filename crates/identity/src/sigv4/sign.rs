//! Signs requests, as a client does: for the platform's own checks and for tests.
//!
//! It shares the canonical form with verification and nothing else; the published vectors hold both to the same truth.

use base::{SecretString, Timestamp};
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};

use super::keys::{KeyScope, derive};
use super::verify::text_to_sign;
use super::{ALGORITHM, canonical, payload};

/// Who signs, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The access key's id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a SecretString,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
    /// The region of the scope.
    pub region: &'a str,
    /// The service's signing name.
    pub service: &'a str,
    /// The rules of S3.
    pub s3: bool,
}

/// Headers that a proxy or a client library may change: never signed.
const UNSIGNED: [&str; 8] = [
    "authorization",
    "connection",
    "expect",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// Every byte but the unreserved ones is escaped in a query.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Signs a request: adds `x-amz-date`, `authorization` and what else is needed to `headers`, which must hold `host`.
pub fn sign(
    method: &str,
    path: &str,
    query: &str,
    headers: &mut HeaderMap,
    body: &[u8],
    signer: &Signer<'_>,
    now: Timestamp,
) -> Result<(), InvalidHeaderValue> {
    let stamp = now.iso8601_basic();
    headers.insert(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&stamp)?);
    if let Some(token) = signer.session_token {
        headers.insert(HeaderName::from_static("x-amz-security-token"), HeaderValue::from_str(token)?);
    }
    let mut hash = Vec::with_capacity(64);
    payload::hash(&mut hash, body);
    if signer.s3 {
        headers.insert(HeaderName::from_static("x-amz-content-sha256"), HeaderValue::from_bytes(&hash)?);
    }
    let mut names: Vec<&str> =
        headers.keys().map(HeaderName::as_str).filter(|name| !UNSIGNED.contains(name)).collect();
    names.sort_unstable();
    let list = names.join(";");
    let request = canonical_request(method, path, query, headers, &list, &hash, signer.s3);
    let scope = Scope::new(signer, &stamp);
    let signature = scope.signature(&request);
    let credential = scope.credential();
    let value = format!("{ALGORITHM} Credential={credential}, SignedHeaders={list}, Signature={signature}");
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&value)?);
    Ok(())
}

/// Presigns a request: the query, without `?`, with which it may be sent for `expires_secs`. Only `host` is signed
/// among the headers; the body is `body`, or stays unsigned for S3.
#[allow(clippy::too_many_arguments, reason = "the parts of a request, in their order on the wire")]
pub fn presign(
    method: &str,
    host: &str,
    path: &str,
    query: &str,
    body: &[u8],
    expires_secs: i64,
    signer: &Signer<'_>,
    now: Timestamp,
) -> Result<String, InvalidHeaderValue> {
    let stamp = now.iso8601_basic();
    let scope = Scope::new(signer, &stamp);
    let mut full = query.to_owned();
    let mut add = |name: &str, value: &str| {
        if !full.is_empty() {
            full.push('&');
        }
        full.push_str(name);
        full.push('=');
        full.extend(percent_encoding::utf8_percent_encode(value, UNRESERVED));
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &scope.credential());
    add("X-Amz-Date", &stamp);
    add("X-Amz-Expires", &expires_secs.to_string());
    add("X-Amz-SignedHeaders", "host");
    if let Some(token) = signer.session_token {
        add("X-Amz-Security-Token", token);
    }
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(host)?);
    let mut hash = Vec::with_capacity(64);
    if signer.s3 {
        hash.extend_from_slice(b"UNSIGNED-PAYLOAD");
    } else {
        payload::hash(&mut hash, body);
    }
    let request = canonical_request(method, path, &full, &headers, "host", &hash, signer.s3);
    Ok(format!("{full}&X-Amz-Signature={}", scope.signature(&request)))
}

fn canonical_request(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    signed: &str,
    payload_hash: &[u8],
    s3: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    out.extend_from_slice(method.as_bytes());
    out.push(b'\n');
    canonical::uri(&mut out, path, s3);
    out.push(b'\n');
    canonical::query(&mut out, query, false);
    out.push(b'\n');
    for name in signed.split(';') {
        canonical::header(&mut out, headers, name);
    }
    out.push(b'\n');
    out.extend_from_slice(signed.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload_hash);
    out
}

struct Scope<'a> {
    signer: &'a Signer<'a>,
    stamp: &'a str,
    date: &'a str,
}

impl<'a> Scope<'a> {
    fn new(signer: &'a Signer<'a>, stamp: &'a str) -> Self {
        Self { signer, stamp, date: stamp.get(..8).unwrap_or("") }
    }

    fn credential(&self) -> String {
        let Signer { access_key_id, region, service, .. } = self.signer;
        format!("{access_key_id}/{}/{region}/{service}/aws4_request", self.date)
    }

    fn signature(&self, canonical_request: &[u8]) -> String {
        let Signer { secret, region, service, .. } = *self.signer;
        let text = text_to_sign(self.stamp, self.date, region, service, canonical_request);
        let key = derive(secret, KeyScope { date: self.date, region, service });
        hex::encode(crypto::hmac_sha256(&key, &text))
    }
}
