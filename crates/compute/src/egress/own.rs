//! The platform's own addresses, as it tells them: those of API Gateway's stages and of function URLs.
//!
//! Only their names are known here. Whether there is such a stage is for the platform to say, as it says it to everybody.

use super::head::Host;

/// What the second label of such a name is.
const KINDS: [&str; 2] = ["execute-api", "lambda-url"];

/// True for `<api-id>.execute-api.localhost` and `<url-id>.lambda-url.<region>.localhost`, and the same with and without the region.
// SECURITY: no such name means another machine's listener, or another one of this machine's (RFC 6761, 6.3).
pub(super) fn is_own(host: &Host) -> bool {
    let Host::Name(name) = host else { return false };
    let Some(front) = name.strip_suffix(".localhost") else { return false };
    let mut labels = front.split('.');
    let (id, kind, region) = (labels.next(), labels.next(), labels.next());
    id.is_some_and(|id| !id.is_empty())
        && kind.is_some_and(|kind| KINDS.contains(&kind))
        && region.is_none_or(|region| !region.is_empty())
        && labels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_the_platform_tells_are_its_own() {
        for (name, expected) in [
            ("a1.execute-api.localhost", true),
            ("a1.execute-api.us-east-1.localhost", true),
            ("u1.lambda-url.us-east-1.localhost", true),
            ("localhost", false),
            ("execute-api.localhost", false),
            (".execute-api.localhost", false),
            ("a1.s3.localhost", false),
            ("a1.execute-api.x.y.localhost", false),
            ("a1.execute-api.localhost.example.com", false),
            ("a1.execute-api.us-east-1.amazonaws.com", false),
            ("u1.lambda-url.us-east-1.on.aws", false),
            ("a1.execute-api.notlocalhost", false),
        ] {
            assert_eq!(is_own(&Host::Name(name.to_owned())), expected, "{name}");
        }
        assert!(!is_own(&Host::Address("127.0.0.1".parse().unwrap())));
    }
}
