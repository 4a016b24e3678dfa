//! The published SigV4 test suite, for verification and for signing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::sync::Arc;

use base::{SecretString, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{Expected, Request, Signer, Verifier, sign};
use identity::{Credential, CredentialError, CredentialSource, Principal, SignatureError};
use serde_json::Value;

struct OneKey(String, Arc<SecretString>);

impl CredentialSource for OneKey {
    fn credential(&self, id: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        let principal = Arc::new(Principal::root("123456789012".parse().unwrap()));
        if id == self.0 {
            Ok(Credential { secret: self.1.clone(), principal })
        } else {
            Err(CredentialError::Unknown)
        }
    }
}

struct Case {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: String,
    authorization: String,
}

/// Splits a raw request. The request line may hold spaces and any UTF-8; a header may be folded over lines.
fn case(value: &Value) -> Case {
    let raw = value["request"].as_str().unwrap();
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let (method, rest) = first.split_once(' ').unwrap();
    let target = rest.rsplit_once(' ').unwrap().0;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with(' ') {
            pairs.last_mut().unwrap().1.push_str(line);
        } else {
            let (name, value) = line.split_once(':').unwrap();
            pairs.push((name.to_lowercase(), value.to_owned()));
        }
    }
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    Case {
        name: value["name"].as_str().unwrap().to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.to_owned(),
        authorization: value["authorization"].as_str().unwrap().to_owned(),
    }
}

fn suite() -> (Vec<Case>, OneKey, Timestamp) {
    let suite: Value = serde_json::from_str(include_str!("data/sigv4-vectors.json")).unwrap();
    let cases: Vec<Case> = suite["cases"].as_array().unwrap().iter().map(case).collect();
    assert!(cases.len() >= 34, "the suite is complete");
    let key = OneKey(
        suite["access_key_id"].as_str().unwrap().to_owned(),
        Arc::new(SecretString::new(suite["secret"].as_str().unwrap())),
    );
    (cases, key, Timestamp::parse_basic(suite["time"].as_str().unwrap()).unwrap())
}

const EXPECTED: Expected<'static> = Expected { service: "service", regions: &["us-east-1"], s3: false };

fn verify(case: &Case, key: &OneKey, now: Timestamp) -> Result<(), SignatureError> {
    let mut headers = case.headers.clone();
    headers.insert("authorization", HeaderValue::from_str(&case.authorization).unwrap());
    let request = Request {
        method: &case.method,
        path: &case.path,
        query: &case.query,
        headers: &headers,
        body: case.body.as_bytes(),
    };
    Verifier::new().verify(&request, &EXPECTED, key, now).map(|_| ())
}

#[test]
fn every_published_signature_is_accepted() {
    let (cases, key, now) = suite();
    for case in &cases {
        assert_eq!(verify(case, &key, now), Ok(()), "{}", case.name);
    }
}

#[test]
fn no_published_signature_survives_a_change_of_its_request() {
    let (cases, key, now) = suite();
    for mut case in cases {
        case.body.push('x');
        assert!(verify(&case, &key, now).is_err(), "{}: body", case.name);
        case.body.pop();
        case.path.push_str("/x");
        assert_eq!(verify(&case, &key, now), Err(SignatureError::Wrong), "{}: path", case.name);
        case.path.truncate(case.path.len() - 2);
        case.query.push_str("&zz=1");
        assert_eq!(verify(&case, &key, now), Err(SignatureError::Wrong), "{}: query", case.name);
        case.query.truncate(case.query.len() - 5);
        case.method.push('X');
        assert_eq!(verify(&case, &key, now), Err(SignatureError::Wrong), "{}: method", case.name);
        case.method.pop();
        case.headers.insert("host", HeaderValue::from_static("other.example"));
        assert_eq!(verify(&case, &key, now), Err(SignatureError::Wrong), "{}: host", case.name);
    }
}

#[test]
fn signing_gives_the_published_signatures() {
    let (cases, key, now) = suite();
    for case in cases {
        // Added after signing in this one; the signer always signs a token.
        if case.name.ends_with("post-sts-header-after") {
            continue;
        }
        let token = case.headers.get("x-amz-security-token").map(|t| t.to_str().unwrap().trim().to_owned());
        let signer = Signer {
            access_key_id: &key.0,
            secret: &key.1,
            session_token: token.as_deref(),
            region: "us-east-1",
            service: "service",
            s3: false,
        };
        let mut headers = case.headers.clone();
        sign(&case.method, &case.path, &case.query, &mut headers, case.body.as_bytes(), &signer, now)
            .unwrap();
        assert_eq!(headers["authorization"].to_str().unwrap(), case.authorization, "{}", case.name);
    }
}
