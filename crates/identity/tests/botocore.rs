//! Requests that botocore signed, in the forms that clients of AWS really send.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::sync::Arc;

use base::{SecretString, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};
use identity::sigv4::{Expected, Request, Verifier, claimed};
use identity::{Credential, CredentialError, CredentialSource, Principal, SignatureError};
use serde_json::Value;

struct OneKey {
    id: String,
    secret: Arc<SecretString>,
    token: Option<String>,
}

impl CredentialSource for OneKey {
    fn credential(&self, id: &str, token: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        assert_eq!(token, self.token.as_deref(), "the token as it was before it was escaped");
        let principal = Arc::new(Principal::root("123456789012".parse().unwrap()));
        let known = id == self.id;
        known.then(|| Credential { secret: self.secret.clone(), principal }).ok_or(CredentialError::Unknown)
    }
}

#[test]
fn what_botocore_signs_is_accepted_and_nothing_else() {
    let suite: Value = serde_json::from_str(include_str!("data/botocore-signed.json")).unwrap();
    let now = Timestamp::parse_basic(suite["time"].as_str().unwrap()).unwrap();
    let verifier = Verifier::new();
    for case in suite["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in case["headers"].as_object().unwrap() {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            headers.insert(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        let source = OneKey {
            id: suite["access_key_id"].as_str().unwrap().to_owned(),
            secret: Arc::new(SecretString::new(suite["secret"].as_str().unwrap())),
            token: case["token"].as_str().map(str::to_owned),
        };
        let expected = Expected { service: text("service"), regions: &["us-east-1"], s3: case["s3"] == true };
        let request = Request {
            method: text("method"),
            path: text("path"),
            query: text("query"),
            headers: &headers,
            body: text("body").as_bytes(),
        };
        let name = text("name");
        let verified = verifier.verify(&request, &expected, &source, now);
        assert!(verified.is_ok(), "{name}: {verified:?}");
        assert_eq!(claimed(&headers, request.query).unwrap().service, expected.service, "{name}");
        for changed in [
            Request { path: "/other", ..request },
            Request { method: "PATCH", ..request },
            Request { query: &format!("{}&zz=1", request.query), ..request },
        ] {
            let refused = verifier.verify(&changed, &expected, &source, now);
            assert_eq!(refused.err(), Some(SignatureError::Wrong), "{name}: {changed:?}");
        }
        let late = verifier.verify(&request, &expected, &source, now.plus_secs(7 * 86_400));
        assert!(late.is_err(), "{name}: a week later");
    }
}
