//! S3's two forms of address: `http://s3.localhost/bucket/key`, and `http://bucket.s3.localhost/key`.
//!
//! Turns the second into the first, for routing and decoding; the signature is of the path as it was sent. It does not know
//! which buckets exist.

use std::borrow::Cow;

use http::HeaderMap;

use crate::WireRequest;

/// The one API that is addressed like this.
pub(super) const S3: &str = "s3";

/// Whose hosts are API endpoints: our own and AWS's.
/// Buckets' names end here, those of before 2018 included.
const BUCKET_BYTES_MAX: usize = 255;

const SUFFIXES: [&str; 2] = ["localhost", "amazonaws.com"];

/// The path with the bucket in it: a bucket that the host names is put in front. `scope_service` is the credential
/// scope's, where there is one.
pub fn addressed_path<'a>(scope_service: Option<&str>, headers: &HeaderMap, path: &'a str) -> Cow<'a, str> {
    if scope_service.is_some_and(|service| service != S3) {
        return Cow::Borrowed(path);
    }
    match host(headers) {
        Some(Host { bucket: Some(bucket) }) => Cow::Owned(format!("/{bucket}{path}")),
        _ => Cow::Borrowed(path),
    }
}

/// True where the host is one of S3's.
pub(super) fn names_s3(headers: &HeaderMap) -> bool {
    host(headers).is_some()
}

/// True where a request that names no API can mean a bucket by its path. What starts otherwise than a bucket's name is
/// none: an underscore is the platform's own. Neither is a form: that is the query protocol's.
pub(super) fn could_be_s3(request: &WireRequest<'_>) -> bool {
    let form = request
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let first = request.path.strip_prefix('/').and_then(|path| path.bytes().next());
    let named = first.is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit());
    named && !form
}

#[derive(Debug, PartialEq, Eq)]
struct Host<'a> {
    bucket: Option<&'a str>,
}

fn host(headers: &HeaderMap) -> Option<Host<'_>> {
    let host = headers.get(http::header::HOST)?.to_str().ok()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'))?;
    // `bucket.s3` or `bucket.s3.region`; a bucket's own name may have dots.
    let front = match name.rsplit_once('.') {
        Some((front, "s3")) => return of_bucket(front),
        None if name == "s3" => return Some(Host { bucket: None }),
        Some((front, region)) if is_region(region) => front,
        _ => return None,
    };
    match front.strip_suffix("s3")? {
        "" => Some(Host { bucket: None }),
        bucket => of_bucket(bucket.strip_suffix('.')?),
    }
}

/// A name that no bucket can have names none: refusals and their records say it whole.
fn of_bucket(name: &str) -> Option<Host<'_>> {
    (name.len() <= BUCKET_BYTES_MAX).then_some(Host { bucket: Some(name) })
}

/// `us-east-1`, `us-gov-west-1`
fn is_region(label: &str) -> bool {
    let number = label.rsplit_once('-').map(|(_, number)| number);
    label.matches('-').count() >= 2
        && number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_buckets() {
        let cases: &[(&str, Option<Option<&str>>)] = &[
            ("s3.localhost:4566", Some(None)),
            ("b.s3.localhost:4566", Some(Some("b"))),
            ("my.b.s3.localhost", Some(Some("my.b"))),
            ("b.s3.us-east-1.localhost:1", Some(Some("b"))),
            ("s3.eu-west-1.amazonaws.com", Some(None)),
            ("b.s3.amazonaws.com", Some(Some("b"))),
            ("s3.s3.localhost", Some(Some("s3"))),
            ("abc.execute-api.localhost:4566", None),
            ("u.lambda-url.us-east-1.localhost", None),
            ("xs3.localhost", None),
            ("xs3.us-east-1.localhost", None),
            ("dynamodb.us-east-1.amazonaws.com", None),
            ("localhost:4566", None),
            ("127.0.0.1:4566", None),
            ("b.s3.example.com", None),
        ];
        for (name, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::HOST, name.parse().unwrap());
            assert_eq!(host(&headers).map(|host| host.bucket), *expected, "{name}");
        }
    }

    #[test]
    fn a_bucket_in_the_host_moves_into_the_path() {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::HOST, "b.s3.localhost".parse().unwrap());
        for (scope, expected) in [(Some("s3"), "/b/k%20x"), (None, "/b/k%20x"), (Some("lambda"), "/k%20x")] {
            assert_eq!(addressed_path(scope, &headers, "/k%20x"), expected);
        }
    }
}
