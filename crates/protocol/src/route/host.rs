//! The service in a `Host` header: `dynamodb.us-east-1.amazonaws.com`, `sts.localhost:4566`.
//!
//! A name only: whether there is such a service is for the caller to see.

use http::HeaderMap;

/// The first label, where the host has the form of an API's endpoint.
pub(super) fn service(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(http::header::HOST)?.to_str().ok()?;
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let (label, rest) = name.split_once('.')?;
    (rest.ends_with("amazonaws.com") || rest.ends_with("localhost")).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_name_their_service() {
        for (host, expected) in [
            ("dynamodb.us-east-1.amazonaws.com", Some("dynamodb")),
            ("sts.amazonaws.com", Some("sts")),
            ("iam.localhost:4566", Some("iam")),
            ("127.0.0.1:4566", None),
            ("localhost:4566", None),
            ("example.com", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::HOST, host.parse().unwrap());
            assert_eq!(service(&headers), expected, "{host}");
        }
    }
}
