//! Checks one request's signature: who signed it, for which service and region, and when.
//!
//! It changes nothing and trusts nothing of the request until the last line has compared the signatures.

use std::sync::Arc;

use base::{SecretBytes, Timestamp};
use http::HeaderMap;
use zeroize::Zeroizing;

use super::canonical;
use super::claim::{self, Claimed};
use super::error::SignatureError;
use super::keys::{KeyScope, SigningKeys};
use super::payload::Stated;
use super::streamed::{ChunkChain, Payload};
use super::{
    ALGORITHM, CredentialError, CredentialSource, Expected, Request, SIGNED_HEADERS_MAX, SKEW_MINUTES_MAX,
    payload,
};
use crate::principal::Principal;

/// Checks signatures, and remembers signing keys between requests. One for the whole process.
#[derive(Debug, Default)]
pub struct Verifier {
    keys: SigningKeys,
}

/// A proven request.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    /// Who signed.
    pub principal: Arc<Principal>,
    /// The region of the scope.
    pub region: &'a str,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// True where the signature was in the query.
    pub presigned: bool,
}

impl Verifier {
    /// A verifier that remembers no key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the signature of `request`.
    // SECURITY: the order is cheap checks first, then the key, then the hash of everything. A stranger without a
    // valid key id cannot make the server hash a body.
    pub fn verify<'a>(
        &self,
        request: &Request<'a>,
        expected: &Expected<'_>,
        credentials: &dyn CredentialSource,
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        let claimed = claim::read(request)?;
        let proof = self.prove(request, &claimed, expected, credentials, now, |out| {
            payload::line(out, request, expected, &claimed)
        })?;
        Ok(proof.verified(&claimed))
    }

    /// The same of a request that is acted on by its path as sent: what is signed is the path's normal form, so a path that is not
    /// its own is another one's signature.
    pub fn verify_as_sent<'a>(
        &self,
        request: &Request<'a>,
        expected: &Expected<'_>,
        credentials: &dyn CredentialSource,
        now: Timestamp,
    ) -> Result<Verified<'a>, SignatureError> {
        let verified = self.verify(request, expected, credentials, now)?;
        // SECURITY: only then: what a stranger is told depends on no path.
        if expected.s3 || canonical::is_normal(request.path) {
            return Ok(verified);
        }
        Err(SignatureError::Mismatch(
            "The path has empty or dotted segments, which a signature does not tell apart.".to_owned(),
        ))
    }

    /// Checks the signature of a request to S3 whose body is still on its way, and says how the body must be checked.
    pub fn verify_head<'a>(
        &self,
        request: &Request<'a>,
        expected: &Expected<'_>,
        credentials: &dyn CredentialSource,
        now: Timestamp,
    ) -> Result<(Verified<'a>, Payload), SignatureError> {
        let claimed = claim::read(request)?;
        let (stated, text) = Stated::read(request.headers, claimed.expires_secs.is_some())?;
        let proof = self.prove(request, &claimed, expected, credentials, now, |out| {
            out.extend_from_slice(text);
            Ok(())
        })?;
        let scope = &claimed.scope;
        let chain = |key| ChunkChain {
            key: SecretBytes::new(key),
            stamp: claimed.stamp.clone(),
            scope: format!("{}/{}/{}/aws4_request", scope.date, scope.region, scope.service),
            previous: claimed.signature.to_owned(),
        };
        let payload = match stated {
            Stated::Unsigned => Payload::unsigned(),
            Stated::Whole(hash) => Payload::whole(hash),
            Stated::Chunks { signed, trailer } => {
                Payload::chunks(signed.then(|| chain(proof.key.to_vec())), trailer)
            }
        };
        Ok((proof.verified(&claimed), payload))
    }

    /// What both have in common; `line` writes the last line of the canonical request.
    fn prove(
        &self,
        request: &Request<'_>,
        claimed: &Claimed<'_>,
        expected: &Expected<'_>,
        credentials: &dyn CredentialSource,
        now: Timestamp,
        line: impl FnOnce(&mut Vec<u8>) -> Result<(), SignatureError>,
    ) -> Result<Proof, SignatureError> {
        check_scope(claimed, expected)?;
        check_time(claimed, now)?;
        check_signed_headers(request.headers, claimed)?;

        let scope = &claimed.scope;
        let credential = credentials
            .credential(scope.access_key_id, claimed.session_token.as_deref(), now)
            .map_err(|error| match error {
            CredentialError::Unknown => SignatureError::UnknownKey,
            CredentialError::InvalidToken => SignatureError::InvalidToken,
            CredentialError::ExpiredToken => SignatureError::ExpiredToken,
            CredentialError::Unavailable => SignatureError::Unavailable,
        })?;

        let mut canonical = canonical_head(request, expected, claimed);
        line(&mut canonical)?;
        let text = text_to_sign(&claimed.stamp, scope.date, scope.region, scope.service, &canonical);
        let key_scope = KeyScope { date: scope.date, region: scope.region, service: scope.service };
        let (key, is_kept) = self.keys.get(scope.access_key_id, &credential.secret, key_scope);
        let mut calculated = [0_u8; 64];
        let written = hex::encode_to_slice(crypto::hmac_sha256(&key, &text), &mut calculated);
        if written.is_err() || !crypto::constant_time_eq(&calculated, claimed.signature.as_bytes()) {
            return Err(SignatureError::Wrong);
        }
        if !is_kept {
            self.keys.keep(scope.access_key_id, &credential.secret, key_scope, &key);
        }
        credentials.used(scope.access_key_id, scope.service, scope.region, now);
        Ok(Proof { principal: credential.principal, key: Zeroizing::new(key) })
    }
}

/// Whose key it was, and the signing key.
struct Proof {
    principal: Arc<Principal>,
    key: Zeroizing<[u8; 32]>,
}

impl Proof {
    fn verified<'a>(self, claimed: &Claimed<'a>) -> Verified<'a> {
        Verified {
            principal: self.principal,
            region: claimed.scope.region,
            signed_at: claimed.signed_at,
            presigned: claimed.expires_secs.is_some(),
        }
    }
}

fn check_scope(claimed: &Claimed<'_>, expected: &Expected<'_>) -> Result<(), SignatureError> {
    let scope = &claimed.scope;
    let shown = |text: &str| text.chars().take(64).collect::<String>();
    let mut faults = String::new();
    if !expected.regions.contains(&scope.region) {
        let region = shown(scope.region);
        faults.push_str(&format!("Credential should be scoped to a valid region, not '{region}'. "));
    }
    if scope.service != expected.service {
        faults.push_str(&format!("Credential should be scoped to correct service: '{}'. ", expected.service));
    }
    if scope.terminator != "aws4_request" {
        let terminator = shown(scope.terminator);
        faults.push_str(&format!(
            "Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. "
        ));
    }
    let day = claimed.stamp.get(..8).unwrap_or("");
    if scope.date != day {
        faults.push_str(&format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
             '{day}', from '{}'. ",
            shown(scope.date),
            claimed.stamp
        ));
    }
    if faults.is_empty() { Ok(()) } else { Err(SignatureError::Mismatch(faults)) }
}

fn check_time(claimed: &Claimed<'_>, now: Timestamp) -> Result<(), SignatureError> {
    let signed = claimed.signed_at;
    let stamp = &claimed.stamp;
    let (oldest, newest) = (now.plus_secs(-SKEW_MINUTES_MAX * 60), now.plus_secs(SKEW_MINUTES_MAX * 60));
    if signed > newest {
        let now_text = now.iso8601_basic();
        return Err(SignatureError::Skewed(format!(
            "Signature not yet current: {stamp} is still later than {} ({now_text} + {SKEW_MINUTES_MAX} min.)",
            newest.iso8601_basic()
        )));
    }
    match claimed.expires_secs {
        None if signed < oldest => Err(SignatureError::Skewed(format!(
            "Signature expired: {stamp} is now earlier than {} ({} - {SKEW_MINUTES_MAX} min.)",
            oldest.iso8601_basic(),
            now.iso8601_basic()
        ))),
        Some(secs) if now > signed.plus_secs(secs) => Err(SignatureError::PresignedExpired(format!(
            "Signature expired: {stamp} is now earlier than {} ({} - {secs} s.)",
            now.plus_secs(-secs).iso8601_basic(),
            now.iso8601_basic()
        ))),
        _ => Ok(()),
    }
}

/// The list is sorted, lower-case and without repeats; it names `host` and every `x-amz-` header of the request.
// SECURITY: what is not signed can be changed on the way. `x-amz-security-token` may stay unsigned, as AWS lets
// some clients add it afterwards: a token is bound to its key id, and a foreign one fails there.
fn check_signed_headers(headers: &HeaderMap, claimed: &Claimed<'_>) -> Result<(), SignatureError> {
    let list = &*claimed.signed_headers;
    let mut previous = "";
    let mut has_host = false;
    for (at, name) in list.split(';').enumerate() {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
        if at >= SIGNED_HEADERS_MAX || name <= previous || !name.bytes().all(is_plain) {
            return Err(SignatureError::Mismatch(
                "SignedHeaders must be a sorted list of distinct lower-case header names.".to_owned(),
            ));
        }
        has_host |= name == "host";
        previous = name;
    }
    if !has_host || !headers.contains_key(http::header::HOST) {
        return Err(SignatureError::Mismatch(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    if headers.get_all(http::header::HOST).iter().count() > 1 {
        return Err(SignatureError::Ambiguous);
    }
    for name in headers.keys().map(http::HeaderName::as_str) {
        // The documents ask for `content-type` too; AWS accepts it unsigned, and `curl --aws-sigv4` does not sign it.
        let required = name.starts_with("x-amz-") && name != "x-amz-security-token";
        if required && !is_listed(list, name) {
            let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
            return Err(SignatureError::NotSigned(message));
        }
    }
    Ok(())
}

fn is_listed(list: &str, name: &str) -> bool {
    list.split(';').any(|signed| signed == name)
}

/// The canonical request but for its last line, the payload's.
fn canonical_head(request: &Request<'_>, expected: &Expected<'_>, claimed: &Claimed<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    out.extend_from_slice(request.method.as_bytes());
    out.push(b'\n');
    canonical::uri(&mut out, request.path, expected.s3);
    out.push(b'\n');
    canonical::query(&mut out, request.query, claimed.expires_secs.is_some());
    out.push(b'\n');
    for name in claimed.signed_headers.split(';') {
        canonical::header(&mut out, request.headers, name);
    }
    out.push(b'\n');
    out.extend_from_slice(claimed.signed_headers.as_bytes());
    out.push(b'\n');
    out
}

/// Algorithm, time, scope and the canonical request's hash.
pub(super) fn text_to_sign(
    stamp: &str,
    date: &str,
    region: &str,
    service: &str,
    canonical: &[u8],
) -> Vec<u8> {
    let mut text = Vec::with_capacity(192);
    for part in [ALGORITHM, "\n", stamp, "\n", date, "/", region, "/", service, "/aws4_request\n"] {
        text.extend_from_slice(part.as_bytes());
    }
    payload::hash(&mut text, canonical);
    text
}
