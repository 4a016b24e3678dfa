//! Prints what one signature check costs, with the signing key in memory and with it derived anew.
//!
//! `cargo run --release -p identity --example verify_cost`; it takes about two seconds.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::sync::Arc;
use std::time::Instant;

use base::{SecretString, Timestamp};
use http::{HeaderMap, HeaderValue};
use identity::sigv4::{Expected, Request, Signer, Verifier, sign};
use identity::{Credential, CredentialError, CredentialSource, Principal};

struct OneKey(Credential);

impl CredentialSource for OneKey {
    fn credential(&self, _: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        Ok(self.0.clone())
    }
}

fn main() {
    let now = Timestamp::parse_basic("20261122T030000Z").unwrap();
    let secret = SecretString::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let body = vec![b'x'; 200];
    let signer = Signer {
        access_key_id: "AKIAQNZGKIQY56JQ7WML",
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "dynamodb",
        s3: false,
    };
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("127.0.0.1:4566"));
    headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert("x-amz-target", HeaderValue::from_static("DynamoDB_20120810.GetItem"));
    headers.insert("user-agent", HeaderValue::from_static("Boto3/1.43 md/Botocore#1.43"));
    sign("POST", "/", "", &mut headers, &body, &signer, now).unwrap();
    let principal = Arc::new(Principal::root("123456789012".parse().unwrap()));
    let source = OneKey(Credential { secret: Arc::new(secret.clone()), principal });
    let expected = Expected { service: "dynamodb", regions: &["us-east-1"], s3: false };
    let request = Request { method: "POST", path: "/", query: "", headers: &headers, body: &body };

    let rounds = 50_000_u32;
    let warm = Verifier::new();
    let begun = Instant::now();
    for _ in 0..rounds {
        warm.verify(&request, &expected, &source, now).unwrap();
    }
    println!("cached signing key: {:?} a check", begun.elapsed() / rounds);
    let begun = Instant::now();
    for _ in 0..rounds / 10 {
        Verifier::new().verify(&request, &expected, &source, now).unwrap();
    }
    println!("derived signing key, new verifier: {:?} a check", begun.elapsed() / (rounds / 10));
}
