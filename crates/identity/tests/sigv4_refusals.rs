//! Requests that must be refused: forged, expired, truncated, duplicated, of another scope; and their presigned kin.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test"
)]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines, reason = "tables of cases")]

use std::sync::Arc;

use base::{SecretString, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{Expected, Request, Signer, Verifier, claimed, presign, sign};
use identity::{Credential, CredentialError, CredentialSource, Family, Principal, SignatureError};

const KEY: &str = "AKIAQNZGKIQY56JQ7WML";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

struct OneKey;

impl CredentialSource for OneKey {
    fn credential(&self, id: &str, token: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        match (id, token) {
            (KEY, None) => Ok(Credential {
                secret: Arc::new(SecretString::new(SECRET)),
                principal: Arc::new(Principal::root("123456789012".parse().unwrap())),
            }),
            (KEY, Some("expired")) => Err(CredentialError::ExpiredToken),
            (KEY, Some(_)) => Err(CredentialError::InvalidToken),
            ("DOWN", _) => Err(CredentialError::Unavailable),
            _ => Err(CredentialError::Unknown),
        }
    }
}

fn now() -> Timestamp {
    Timestamp::parse_basic("20261122T030000Z").unwrap()
}

#[derive(Clone)]
struct Sent {
    method: &'static str,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    /// A well-signed STS call.
    fn good() -> Self {
        Self::signed("POST", "/", "", b"Action=GetCallerIdentity&Version=2011-06-15", KEY, now())
    }

    /// As `curl --aws-sigv4` sends it: the content type is no part of the signature.
    fn good_without_content_type() -> Self {
        let good = Self::good();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("sts.amazonaws.com"));
        let secret = SecretString::new(SECRET);
        sign("POST", "/", "", &mut headers, &good.body, &signer(KEY, &secret, false), now()).unwrap();
        Self { headers, ..good }
    }

    fn signed(method: &'static str, path: &str, query: &str, body: &[u8], key: &str, at: Timestamp) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("sts.amazonaws.com"));
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert("user-agent", HeaderValue::from_static("test"));
        headers.insert("x-amz-meta", HeaderValue::from_static("m"));
        let secret = SecretString::new(SECRET);
        sign(method, path, query, &mut headers, body, &signer(key, &secret, false), at).unwrap();
        Self { method, path: path.into(), query: query.into(), headers, body: body.to_vec() }
    }

    fn presigned(expires_secs: i64, at: Timestamp) -> Self {
        let secret = SecretString::new(SECRET);
        let query = presign(
            "GET",
            "sts.amazonaws.com",
            "/",
            "Action=GetCallerIdentity",
            b"",
            expires_secs,
            &signer(KEY, &secret, false),
            at,
        )
        .unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("sts.amazonaws.com"));
        Self { method: "GET", path: "/".into(), query, headers, body: Vec::new() }
    }

    fn set(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    fn add(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Edits the `Authorization` header's text.
    fn authorization(self, from: &str, to: &str) -> Self {
        let text = self.headers["authorization"].to_str().unwrap().to_owned();
        assert!(text.contains(from), "`{from}` is in `{text}`");
        self.set("authorization", &text.replace(from, to))
    }

    fn query(mut self, from: &str, to: &str) -> Self {
        assert!(self.query.contains(from), "`{from}` is in `{}`", self.query);
        self.query = self.query.replace(from, to);
        self
    }

    fn verify_at(&self, s3: bool, service: &str, at: Timestamp) -> Result<(), SignatureError> {
        let request = Request {
            method: self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            body: &self.body,
        };
        let expected = Expected { service, regions: &["us-east-1"], s3 };
        Verifier::new().verify_as_sent(&request, &expected, &OneKey, at).map(|_| ())
    }

    fn verify(&self) -> Result<(), SignatureError> {
        self.verify_at(false, "sts", now())
    }
}

fn signer<'a>(key: &'a str, secret: &'a SecretString, s3: bool) -> Signer<'a> {
    Signer { access_key_id: key, secret, session_token: None, region: "us-east-1", service: "sts", s3 }
}

fn kind(result: Result<(), SignatureError>) -> &'static str {
    match result {
        Ok(()) => "accepted",
        Err(SignatureError::Missing) => "missing",
        Err(SignatureError::Incomplete(_)) => "incomplete",
        Err(SignatureError::Ambiguous) => "ambiguous",
        Err(SignatureError::Mismatch(_)) => "mismatch",
        Err(SignatureError::NotSigned(_)) => "not signed",
        Err(SignatureError::Wrong) => "wrong",
        Err(SignatureError::Skewed(_)) => "skewed",
        Err(SignatureError::PresignedExpired(_)) => "presigned expired",
        Err(SignatureError::BadExpires(_)) => "bad expires",
        Err(SignatureError::UnknownKey) => "unknown key",
        Err(SignatureError::InvalidToken) => "invalid token",
        Err(SignatureError::ExpiredToken) => "expired token",
        Err(SignatureError::PayloadMismatch) => "payload mismatch",
        Err(SignatureError::PayloadHashMissing) => "payload hash missing",
        Err(SignatureError::PayloadUnsigned) => "payload unsigned",
        Err(SignatureError::PayloadStreaming) => "payload streaming",
        Err(SignatureError::PayloadHashUnknown) => "payload hash unknown",
        Err(SignatureError::QueryForm(_)) => "query form",
        Err(SignatureError::Unsupported) => "unsupported",
        Err(SignatureError::ChunkWrong) => "chunk wrong",
        Err(SignatureError::ChunkMalformed) => "chunk malformed",
        Err(SignatureError::Unavailable) => "unavailable",
    }
}

const TWICE: &str = "AWS4-HMAC-SHA256 Credential=A/20261122/us-east-1/sts/aws4_request, Credential=B, \
     SignedHeaders=host, Signature=0";

#[test]
fn every_defect_of_a_signed_header_is_refused_by_name() {
    let good = Sent::good;
    let signature = "Signature=";
    let table: Vec<(&str, Sent, &str)> = vec![
        ("untouched", good(), "accepted"),
        ("unsigned", good().without("authorization"), "missing"),
        ("two headers", good().add("authorization", "AWS4-HMAC-SHA256 x"), "ambiguous"),
        ("bearer", good().set("authorization", "Bearer abc"), "incomplete"),
        ("basic", good().set("authorization", "Basic YTpi"), "incomplete"),
        ("empty", good().set("authorization", ""), "incomplete"),
        ("algorithm alone", good().set("authorization", "AWS4-HMAC-SHA256"), "incomplete"),
        ("SigV4A", good().authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), "incomplete"),
        ("lower-case algorithm", good().authorization("AWS4-HMAC", "aws4-hmac"), "incomplete"),
        ("no signature", good().authorization(signature, "Sig="), "incomplete"),
        ("a part twice", good().set("authorization", TWICE), "ambiguous"),
        ("no equals sign", good().authorization("SignedHeaders=", "SignedHeaders "), "incomplete"),
        ("credential cut", good().authorization("/sts/aws4_request", ""), "incomplete"),
        ("credential long", good().authorization(KEY, &format!("x/{KEY}")), "incomplete"),
        ("other service", good().authorization("/sts/", "/iam/"), "mismatch"),
        ("other region", good().authorization("us-east-1", "eu-west-1"), "mismatch"),
        ("other terminator", good().authorization("aws4_request", "aws5_request"), "mismatch"),
        ("other day", good().authorization("20261122/", "20261121/"), "mismatch"),
        ("unknown key", good().authorization(KEY, "AKIAQNZGKIQY56JQ7WMM"), "unknown key"),
        ("directory down", good().authorization(KEY, "DOWN"), "unavailable"),
        ("signature changed", good().authorization(signature, "Signature=0"), "wrong"),
        (
            "signature empty",
            {
                let text = good().headers["authorization"].to_str().unwrap().to_owned();
                let cut = &text[..text.find(signature).unwrap() + signature.len()];
                good().set("authorization", cut)
            },
            "wrong",
        ),
        (
            "upper-case signature",
            {
                let text = good().headers["authorization"].to_str().unwrap().to_owned();
                let (head, tail) = text.split_once(signature).unwrap();
                good().set("authorization", &format!("{head}{signature}{}", tail.to_uppercase()))
            },
            "wrong",
        ),
        ("host unsigned", good().authorization(";host;", ";"), "mismatch"),
        ("headers unsorted", good().authorization("content-type;host", "host;content-type"), "mismatch"),
        ("headers repeated", good().authorization("host;", "host;host;"), "mismatch"),
        ("headers in capitals", good().authorization("host;", "Host;"), "mismatch"),
        ("headers empty", good().authorization("content-type;host;x-amz-date;x-amz-meta", ""), "mismatch"),
        ("amz header added", good().add("x-amz-target", "X.Y"), "not signed"),
        ("amz header unsigned", good().authorization(";x-amz-meta", ""), "not signed"),
        ("content type no longer signed", good().authorization("content-type;", ""), "wrong"),
        (
            "content type unsigned",
            Sent::good_without_content_type().add("content-type", "text/plain"),
            "accepted",
        ),
        ("content type changed", good().set("content-type", "text/plain"), "wrong"),
        ("amz header repeated", good().add("x-amz-meta", "n"), "wrong"),
        ("plain header added", good().add("x-other", "1"), "accepted"),
        ("agent changed", good().set("user-agent", "proxy"), "accepted"),
        ("host changed", good().set("host", "iam.amazonaws.com"), "wrong"),
        ("host twice", good().add("host", "iam.amazonaws.com"), "ambiguous"),
        ("no host", good().without("host"), "mismatch"),
        ("date twice", good().add("x-amz-date", "20261122T030000Z"), "incomplete"),
        ("no date", good().without("x-amz-date"), "incomplete"),
        ("strange date", good().set("x-amz-date", "2026-11-22T03:00:00Z"), "incomplete"),
        ("moved date", good().set("x-amz-date", "20261122T030001Z"), "wrong"),
        ("invalid token", good().add("x-amz-security-token", "t"), "invalid token"),
        ("expired token", good().add("x-amz-security-token", "expired"), "expired token"),
        ("wrong hash", good().add("x-amz-content-sha256", &"0".repeat(64)), "not signed"),
        ("query added", Sent { query: "Action=DeleteUser".into(), ..good() }, "wrong"),
        ("path added", Sent { path: "/x".into(), ..good() }, "wrong"),
        ("path with dots", Sent { path: "/x/..".into(), ..good() }, "mismatch"),
        ("path with a dot", Sent { path: "/.".into(), ..good() }, "mismatch"),
        ("path with nothing between", Sent { path: "//".into(), ..good() }, "mismatch"),
        ("body changed", Sent { body: b"Action=DeleteUser".to_vec(), ..good() }, "wrong"),
        ("method changed", Sent { method: "GET", ..good() }, "wrong"),
        (
            "both in header and query",
            Sent { query: "X-Amz-Algorithm=AWS4-HMAC-SHA256".into(), ..good() },
            "ambiguous",
        ),
    ];
    for (name, sent, expected) in table {
        let result = sent.verify();
        assert_eq!(kind(result.clone()), expected, "{name}: {result:?}");
    }
}

#[test]
fn every_defect_of_a_presigned_url_is_refused_by_name() {
    let good = || Sent::presigned(60, now());
    let table: Vec<(&str, Sent, &str)> = vec![
        ("untouched", good(), "accepted"),
        ("parameter added", good().query("Action=", "Extra=1&Action="), "wrong"),
        ("action changed", good().query("GetCallerIdentity", "AssumeRole"), "wrong"),
        ("life changed", good().query("X-Amz-Expires=60", "X-Amz-Expires=61"), "wrong"),
        ("life zero", good().query("X-Amz-Expires=60", "X-Amz-Expires=0"), "bad expires"),
        ("life a week and more", good().query("X-Amz-Expires=60", "X-Amz-Expires=604801"), "bad expires"),
        ("life no number", good().query("X-Amz-Expires=60", "X-Amz-Expires=-6"), "bad expires"),
        (
            "life beyond numbers",
            good().query("X-Amz-Expires=60", "X-Amz-Expires=99999999999999999999"),
            "bad expires",
        ),
        ("no date", good().query("X-Amz-Date=", "X-Date="), "incomplete"),
        ("no signature", good().query("X-Amz-Signature=", "X-Signature="), "incomplete"),
        ("no algorithm", good().query("X-Amz-Algorithm=", "X-Algorithm="), "incomplete"),
        ("other algorithm", good().query("HMAC-SHA256", "HMAC-SHA1"), "incomplete"),
        (
            "signature twice",
            good().query("X-Amz-Signature=", "X-Amz-Signature=0&X-Amz-Signature="),
            "ambiguous",
        ),
        ("key twice", good().query("X-Amz-Credential=", "X-Amz-Credential=a&X-Amz-Credential="), "ambiguous"),
        ("other service", good().query("sts", "iam"), "mismatch"),
        ("unknown key", good().query(KEY, "AKIAQNZGKIQY56JQ7WMM"), "unknown key"),
        ("host unsigned", good().query("SignedHeaders=host", "SignedHeaders=date"), "mismatch"),
        ("amz header added", good().add("x-amz-acl", "public"), "not signed"),
        ("content type added", good().add("content-type", "text/plain"), "accepted"),
        ("body added", Sent { body: b"x".to_vec(), ..good() }, "wrong"),
        ("header signature too", good().add("authorization", "AWS4-HMAC-SHA256 x=y"), "ambiguous"),
    ];
    for (name, sent, expected) in table {
        let result = sent.verify();
        assert_eq!(kind(result.clone()), expected, "{name}: {result:?}");
    }
}

#[test]
fn signatures_are_good_for_a_quarter_of_an_hour_either_way() {
    let table = [
        (-15 * 60 - 1, "skewed"),
        (-15 * 60, "accepted"),
        (0, "accepted"),
        (15 * 60, "accepted"),
        (15 * 60 + 1, "skewed"),
    ];
    for (late_secs, expected) in table {
        let at = now().plus_secs(late_secs);
        let result = Sent::good().verify_at(false, "sts", at);
        assert_eq!(kind(result), expected, "{late_secs} s later");
    }
    let expired = Sent::good().verify_at(false, "sts", now().plus_secs(1_800)).unwrap_err();
    assert_eq!(
        expired.refusal(Family::Query).message,
        "Signature expired: 20261122T030000Z is now earlier than 20261122T031500Z (20261122T033000Z - 15 min.)"
    );
    let early = Sent::good().verify_at(false, "sts", now().plus_secs(-1_800)).unwrap_err();
    assert_eq!(
        early.refusal(Family::Query).message,
        "Signature not yet current: 20261122T030000Z is still later than 20261122T024500Z (20261122T023000Z + 15 min.)"
    );
}

#[test]
fn a_presigned_url_lives_as_long_as_it_says() {
    for (late_secs, expected) in
        [(0, "accepted"), (3_600, "accepted"), (3_601, "presigned expired"), (-901, "skewed")]
    {
        let result = Sent::presigned(3_600, now()).verify_at(false, "sts", now().plus_secs(late_secs));
        assert_eq!(kind(result), expected, "{late_secs} s later");
    }
}

#[test]
fn s3_states_its_payload_and_others_hash_it() {
    let secret = SecretString::new(SECRET);
    let s3 = |body: &[u8], stated: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("s3.amazonaws.com"));
        let signer = Signer { service: "s3", ..signer(KEY, &secret, true) };
        sign("PUT", "/b/a%20b//c", "", &mut headers, body, &signer, now()).unwrap();
        let mut sent = Sent {
            method: "PUT",
            path: "/b/a%20b//c".into(),
            query: String::new(),
            headers,
            body: body.to_vec(),
        };
        if let Some(stated) = stated {
            sent = sent.set("x-amz-content-sha256", stated);
        }
        sent
    };
    assert_eq!(kind(s3(b"data", None).verify_at(true, "s3", now())), "accepted");
    let streaming = s3(b"data", Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"));
    assert_eq!(kind(streaming.verify_at(true, "s3", now())), "payload streaming");
    assert_eq!(kind(s3(b"data", Some(&"0".repeat(64))).verify_at(true, "s3", now())), "payload mismatch");
    // Changed to unsigned on the way: the statement itself is signed.
    assert_eq!(kind(s3(b"data", Some("UNSIGNED-PAYLOAD")).verify_at(true, "s3", now())), "wrong");
    let bare = s3(b"data", None).without("x-amz-content-sha256").authorization("x-amz-content-sha256;", "");
    assert_eq!(kind(bare.verify_at(true, "s3", now())), "payload hash missing");
    // Elsewhere an unsigned payload is no payload.
    let unsigned = Sent::good()
        .set("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .authorization("host;", "host;x-amz-content-sha256;");
    assert_eq!(kind(unsigned.verify()), "payload unsigned");
}

#[test]
fn routing_reads_the_scope_of_either_form() {
    let good = Sent::good();
    let claim = claimed(&good.headers, "").unwrap();
    assert_eq!(
        (claim.access_key_id, claim.service, claim.region, claim.presigned),
        (KEY, "sts", "us-east-1", false)
    );
    let presigned = Sent::presigned(60, now());
    let bare = HeaderMap::new();
    let claim = claimed(&bare, &presigned.query).unwrap();
    assert_eq!((claim.access_key_id, claim.service, claim.presigned), (KEY, "sts", true));
    assert_eq!(claimed(&HeaderMap::new(), "X-Amz-Credential=a/b/c"), None);
    assert_eq!(claimed(&HeaderMap::new(), "X-Amz-Credential=a%2Fb%2Fc%2Fd%2Fe%2Ff"), None);
    assert_eq!(claimed(&HeaderMap::new(), ""), None);
}

#[test]
fn messages_name_the_missing_part_and_never_show_the_header() {
    let sent = Sent::good().set("authorization", "Bearer very-secret-token");
    let refusal = sent.verify().unwrap_err().refusal(Family::Query);
    assert_eq!(refusal.code, "IncompleteSignature");
    assert!(!refusal.message.contains("very-secret"), "{}", refusal.message);
    let sent = Sent::good().set("authorization", "AWS4-HMAC-SHA256 Credential=x");
    let message = sent.verify().unwrap_err().refusal(Family::Json).message;
    assert!(message.starts_with(
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
    ), "{message}");
}
