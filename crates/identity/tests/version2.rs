//! Presigned URLs of signature version 2: the published example, what clients make, and what must be refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::Arc;

use base::{SecretString, Timestamp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{Request, version2};
use identity::{Credential, CredentialError, CredentialSource, Principal, SignatureError};

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// A minute before the published example ends.
const NOW: i64 = 1_175_139_560;
const END: i64 = 1_175_139_620;

struct OneKey;

impl CredentialSource for OneKey {
    fn credential(&self, id: &str, token: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        match (id, token) {
            (KEY, None | Some("a token")) => Ok(Credential {
                secret: Arc::new(SecretString::new(SECRET)),
                principal: Arc::new(Principal::root("123456789012".parse().unwrap())),
            }),
            (KEY, Some(_)) => Err(CredentialError::InvalidToken),
            _ => Err(CredentialError::Unknown),
        }
    }
}

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let mut all = HeaderMap::new();
    lines.iter().map(line).for_each(|(name, value)| {
        all.append(name, value);
    });
    all
}

fn check(path: &str, query: &str, headers: &HeaderMap) -> Result<(), SignatureError> {
    let request = Request { method: "GET", path, query, headers, body: b"" };
    let now = Timestamp::from_secs(NOW);
    version2::verify(&request, "us-east-1", &OneKey, now).map(drop)
}

/// A query that is signed for this text.
fn signed(text: &str, rest: &str) -> String {
    let signature = STANDARD.encode(crypto::hmac_sha1(SECRET.as_bytes(), text.as_bytes()));
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("AWSAccessKeyId={KEY}&Signature={signature}&Expires={END}{rest}")
}

#[test]
fn the_published_example_is_taken() {
    let query = format!("AWSAccessKeyId={KEY}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires={END}");
    assert!(version2::is_claimed(&query));
    assert_eq!(check("/johnsmith/photos/puppy.jpg", &query, &headers(&[])), Ok(()));
    assert_eq!(check("/johnsmith/photos/kitten.jpg", &query, &headers(&[])), Err(SignatureError::Wrong));
}

#[test]
fn parameters_headers_and_tokens_are_part_of_what_is_signed() {
    let none = headers(&[]);
    let text = format!("GET\n\n\n{END}\n/b/k?response-content-type=x/y z&versionId=v");
    let query = signed(&text, "&versionId=v&response-content-type=x%2Fy%20z");
    assert_eq!(check("/b/k", &query, &none), Ok(()));
    for (from, to) in [("versionId=v", "versionId=w"), ("&versionId=v", ""), ("x%2Fy", "x%2Fz")] {
        assert_eq!(check("/b/k", &query.replace(from, to), &none), Err(SignatureError::Wrong), "{to}");
    }
    let text = format!("GET\nbWQ1\ntext/plain\n{END}\nx-amz-acl:private\nx-amz-meta-a:b\n/b/k");
    let sent = [
        ("content-md5", "bWQ1"),
        ("content-type", "text/plain"),
        ("x-amz-acl", "private"),
        ("x-amz-meta-a", "b"),
    ];
    let restated = "&x-amz-acl=private&content-type=text%2Fplain";
    assert_eq!(check("/b/k", &signed(&text, restated), &headers(&sent)), Ok(()));
    for left_out in 0..sent.len() {
        let mut less = sent.to_vec();
        less.remove(left_out);
        assert_eq!(
            check("/b/k", &signed(&text, ""), &headers(&less)),
            Err(SignatureError::Wrong),
            "{left_out}"
        );
    }
    let changed = signed(&text, "&x-amz-acl=public-read");
    assert_eq!(check("/b/k", &changed, &headers(&sent)), Err(SignatureError::Wrong), "says two things");
    let text = format!("GET\n\n\n{END}\nx-amz-security-token:a token\n/b/k");
    assert_eq!(check("/b/k", &signed(&text, "&x-amz-security-token=a%20token"), &none), Ok(()));
    assert_eq!(check("/b/k", &signed(&text, ""), &none), Err(SignatureError::Wrong));
    let two_lines = format!("GET\n\n\n{END}\nx-amz-security-token:a token\nx-amz-z:1\n/b/k");
    let smuggled = signed(&two_lines, "&x-amz-security-token=a%20token%0Ax-amz-z:1");
    assert_eq!(check("/b/k", &smuggled, &none), Err(SignatureError::InvalidToken));
    let other = signed(&text, "&x-amz-security-token=b");
    assert_eq!(check("/b/k", &other, &none), Err(SignatureError::InvalidToken));
}

#[test]
fn what_is_open_ambiguous_or_over_is_refused() {
    let good = signed(&format!("GET\n\n\n{END}\n/b/k"), "");
    let expires = |to: &str| good.replace(&format!("Expires={END}"), to);
    for (query, refused) in [
        (format!("{good}&prefix=a"), "unsupported"),
        (format!("{good}&attributes"), "unsupported"),
        (format!("{good}&%76ersionId=v"), "unsupported"),
        (format!("{good}&versionId=v%26acl"), "unsupported"),
        (format!("{good}&versionId=%ff"), "unsupported"),
        (format!("{good}&acl"), "wrong"),
        (format!("{good}&acl&acl"), "ambiguous"),
        (format!("{good}&Expires={END}"), "ambiguous"),
        (format!("{good}&X-Amz-Signature=0"), "ambiguous"),
        (good.replace(KEY, "AKIAOTHER"), "key"),
        (good.replace("&Signature=", "&Signature=A"), "wrong"),
        (expires("a=b"), "unsupported"),
        (expires("x-amz-a=b"), "wrong"),
        (expires(""), "form"),
        (expires("Expires="), "form"),
        (expires("Expires=-1"), "form"),
        (expires("Expires=1e9"), "form"),
        (expires("Expires=9999999999999999999"), "form"),
        (expires(&format!("Expires={}", NOW + 700_000)), "form"),
        (expires(&format!("Expires={}", NOW - 1)), "over"),
        (expires(&format!("Expires={}", END + 1)), "wrong"),
        ("Signature=x".to_owned(), "form"),
        ("AWSAccessKeyId=x".to_owned(), "form"),
    ] {
        assert!(version2::is_claimed(&query), "{query}");
        let kind = match check("/b/k", &query, &headers(&[])) {
            Err(SignatureError::Unsupported) => "unsupported",
            Err(SignatureError::Wrong) => "wrong",
            Err(SignatureError::Ambiguous) => "ambiguous",
            Err(SignatureError::UnknownKey) => "key",
            Err(SignatureError::QueryForm(_)) => "form",
            Err(SignatureError::PresignedExpired(_)) => "over",
            other => panic!("{query}: {other:?}"),
        };
        assert_eq!(kind, refused, "{query}");
    }
    for lines in [&[("authorization", "AWS4-HMAC-SHA256 x")][..], &[("x-amz-security-token", "a")]] {
        assert_eq!(check("/b/k", &good, &headers(lines)), Err(SignatureError::Ambiguous), "{lines:?}");
    }
    let text = format!("GET\n\n\n{END}\nx-amz-copy-source:/b/a,b\n/b/k");
    let (once, parted) = (
        &[("x-amz-copy-source", "/b/a,b")][..],
        &[("x-amz-copy-source", "/b/a"), ("x-amz-copy-source", "b")],
    );
    assert_eq!(check("/b/k", &signed(&text, ""), &headers(once)), Ok(()));
    assert_eq!(check("/b/k", &signed(&text, ""), &headers(parted)), Err(SignatureError::Ambiguous));
    let long = good.replace(KEY, &"A".repeat(70_000));
    assert_eq!(check("/b/k", &long, &headers(&[])), Err(SignatureError::UnknownKey));
    for stated in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let chunks = headers(&[("x-amz-content-sha256", stated)]);
        assert_eq!(check("/b/k", &good, &chunks), Err(SignatureError::PayloadStreaming), "{stated}");
    }
}
