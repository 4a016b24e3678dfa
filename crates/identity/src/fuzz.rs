//! Bodies of the fuzz targets, as ordinary functions that tests call too.
//!
//! Nothing in the platform calls these.

use std::sync::Arc;

use base::{SecretString, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue};

pub use crate::web_identity::fuzz_web_identity;

use crate::principal::Principal;
use crate::session::Tokens;
use crate::sigv4::{
    Credential, CredentialError, CredentialSource, Expected, Request, Verifier, claimed, version2,
};

struct OneKey;

impl CredentialSource for OneKey {
    fn credential(&self, id: &str, _: Option<&str>, _: Timestamp) -> Result<Credential, CredentialError> {
        if id != "AKIDEXAMPLE" {
            return Err(CredentialError::Unknown);
        }
        Ok(Credential {
            secret: Arc::new(SecretString::new("a secret that no input holds")),
            principal: Arc::new(Principal::Anonymous),
        })
    }
}

/// Whatever a request says, verification answers, and never that it is signed.
pub fn fuzz_sigv4(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let path = lines.next().unwrap_or("/");
    let query = lines.next().unwrap_or("");
    let mut headers = HeaderMap::new();
    for line in lines.by_ref().take(64) {
        let Some((name, value)) = line.split_once(':') else { break };
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.trim()), HeaderValue::try_from(value.trim()))
        {
            headers.append(name, value);
        }
    }
    let request = Request { method: "POST", path, query, headers: &headers, body: data };
    let now = Timestamp::parse_basic("20150830T123600Z").unwrap_or_default();
    for s3 in [false, true] {
        let expected = Expected { service: "service", regions: &["us-east-1"], s3 };
        assert!(
            Verifier::new().verify(&request, &expected, &OneKey, now).is_err(),
            "a request without a signature passed"
        );
    }
    let _ = claimed(&headers, query);
}

/// Whatever a URL says of a signature of version 2, it is not one.
pub fn fuzz_presigned_version2(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, query) = text.split_once('\n').unwrap_or(("/", &text));
    let mut headers = HeaderMap::new();
    for name in ["content-type", "x-amz-security-token"] {
        if let (true, Ok(value)) = (data.len().is_multiple_of(3), HeaderValue::from_bytes(data)) {
            headers.append(name, value);
        }
    }
    let request = Request { method: "GET", path, query, headers: &headers, body: b"" };
    assert!(
        version2::verify(&request, "us-east-1", &OneKey, Timestamp::from_secs(1_175_139_560)).is_err(),
        "a URL without a signature passed"
    );
}

/// Whatever the bytes, they are no session token.
pub fn fuzz_session_token(data: &[u8]) {
    let tokens = Tokens::new(crypto::RootKey::ephemeral().derive("fuzz"));
    let text = String::from_utf8_lossy(data);
    assert!(tokens.open("ASIAEXAMPLE", &text, Timestamp::default()).is_err(), "a stranger's token opened");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    const HEADER: &str = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
        SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";

    #[test]
    fn urls_of_version_2_that_nobody_signed_are_refused() {
        let signed =
            "/b/k\nAWSAccessKeyId=AKIDEXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let seeds = [
            "",
            "\n",
            signed,
            "/\nSignature&Signature",
            "/\nExpires=\u{660}&acl=%ff&AWSAccessKeyId=%",
            "&&=&",
        ];
        for seed in seeds {
            super::fuzz_presigned_version2(seed.as_bytes());
            super::fuzz_presigned_version2(format!("{seed}&versionId=%26").as_bytes());
        }
    }

    proptest! {
        #[test]
        fn no_url_of_version_2_passes(data in proptest::collection::vec(any::<u8>(), 0..200), rest in "[A-Za-z0-9%&=+-]{0,80}") {
            super::fuzz_presigned_version2(&data);
            let url = format!("/b\nAWSAccessKeyId=AKIDEXAMPLE&Expires=1175139620&Signature={rest}");
            super::fuzz_presigned_version2(url.as_bytes());
        }
    }

    #[test]
    fn the_seed_corpus_is_refused() {
        let signed = format!("/\n\nhost:a\nx-amz-date:20150830T123600Z\nauthorization:{HEADER}\n");
        let presigned = "/\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2F\
            service%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&\
            X-Amz-Signature=00\nhost:a\n";
        for seed in ["", "/", &signed, presigned, &signed.replace("host;", ";;"), "%\n%zz&=&%", "\0"] {
            super::fuzz_sigv4(seed.as_bytes());
            super::fuzz_session_token(seed.as_bytes());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn hostile_bytes_are_refused(data: Vec<u8>) {
            super::fuzz_sigv4(&data);
            super::fuzz_session_token(&data);
        }

        #[test]
        fn hostile_changes_of_a_good_header_are_refused(at in 0_usize..200, junk in "[ -~]{0,6}") {
            let mut header = HEADER.to_owned();
            let at = at.min(header.len());
            let end = (at + junk.len()).min(header.len());
            header.replace_range(at..end, &junk);
            let text = format!("/\n\nhost:a\nx-amz-date:20150830T123600Z\nauthorization:{header}\n");
            super::fuzz_sigv4(text.as_bytes());
        }
    }
}
