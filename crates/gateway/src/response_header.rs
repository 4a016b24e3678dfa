//! Which names an integration's response headers get.
//!
//! What frames a message or belongs to the connection is the gateway's own: an integration that could set it could make
//! a client read one answer as two.

use http::HeaderName;

/// Headers that end at the gateway.
const DROPPED: [&str; 10] = [
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Headers that are handed on under another name.
const REMAPPED: [&str; 8] = [
    "connection",
    "content-length",
    "content-md5",
    "date",
    "max-forwards",
    "server",
    "user-agent",
    "www-authenticate",
];

/// What becomes of a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// It goes to the caller under this name.
    As(HeaderName),
    /// It ends here.
    Dropped,
    /// It is no header's name.
    Invalid,
}

/// The name that a header of an integration gets.
pub(crate) fn name(given: &str) -> Named {
    let lower = given.to_ascii_lowercase();
    if DROPPED.contains(&lower.as_str()) {
        return Named::Dropped;
    }
    let name = if REMAPPED.contains(&lower.as_str()) { format!("x-amzn-remapped-{lower}") } else { lower };
    HeaderName::from_bytes(name.as_bytes()).map_or(Named::Invalid, Named::As)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_a_message_is_not_the_integrations_to_set() {
        for (given, expected) in [
            ("X-Own", "x-own"),
            ("Content-Length", "x-amzn-remapped-content-length"),
            ("WWW-Authenticate", "x-amzn-remapped-www-authenticate"),
            ("content-md5", "x-amzn-remapped-content-md5"),
            ("DATE", "x-amzn-remapped-date"),
        ] {
            assert_eq!(name(given), Named::As(HeaderName::from_static(expected)), "{given}");
        }
        for dropped in ["Transfer-Encoding", "Host", "Proxy-Authenticate"] {
            assert_eq!(name(dropped), Named::Dropped);
        }
        assert_eq!(name("a b"), Named::Invalid);
        assert_eq!(name(""), Named::Invalid);
    }
}
