//! The head of a request to the proxy, and the head that is sent on in its place.
//!
//! The peer is hostile code. What is ambiguous is refused, and what was meant for the proxy is not sent on.

use std::net::IpAddr;

use super::address::canonical;
use super::body::Body;
use super::rule::{is_name, parse_port};
use crate::limits::{EGRESS_HEAD_BYTES_MAX, EGRESS_HEADERS_MAX};

const HTTP_PORT: u16 = 80;
/// Headers between a client and its proxy.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "keep-alive",
    "te",
    "upgrade",
    "host",
    "http2-settings",
];

/// Why a head is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("the request cannot be understood")]
    Malformed,
    #[error("the request's head is too large")]
    TooLarge,
    #[error("this is a proxy: it takes CONNECT host:port and absolute http:// addresses")]
    NotForAProxy,
}

/// A host that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Lower-case, without a final dot.
    Name(String),
    /// Canonical.
    Address(IpAddr),
}

/// What the client wants.
#[derive(Debug)]
pub(super) enum Wish {
    /// A tunnel.
    Tunnel { host: Host, port: u16 },
    /// One plain HTTP request.
    Forward(Forward),
}

/// A plain HTTP request.
#[derive(Debug)]
pub(super) struct Forward {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) method: String,
    /// The head that is sent on: in origin form, for one request only.
    pub(super) head: Vec<u8>,
    pub(super) body: Body,
}

/// Reads a head; `None` where it is not whole yet. The number is its length.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Wish, usize)>, BadHead> {
    let mut headers = [httparse::EMPTY_HEADER; EGRESS_HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(input) {
        Ok(httparse::Status::Complete(length)) if length <= EGRESS_HEAD_BYTES_MAX => length,
        Ok(httparse::Status::Partial) if input.len() < EGRESS_HEAD_BYTES_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Err(_) => return Err(BadHead::Malformed),
    };
    let body = framing(request.headers)?;
    let target = request.path.unwrap_or_default();
    let wish = if request.method == Some("CONNECT") {
        let (host, port) = authority(target).ok_or(BadHead::Malformed)?;
        if body != Body::Length(0) {
            return Err(BadHead::Malformed);
        }
        Wish::Tunnel { host, port: port.ok_or(BadHead::Malformed)? }
    } else {
        Wish::Forward(forward(&request, target, body)?)
    };
    Ok(Some((wish, length)))
}

fn forward(request: &httparse::Request<'_, '_>, target: &str, body: Body) -> Result<Forward, BadHead> {
    let (scheme, rest) = target.split_once("://").ok_or(BadHead::NotForAProxy)?;
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(BadHead::NotForAProxy);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority_text, path) = rest.split_at_checked(end).ok_or(BadHead::Malformed)?;
    let (host, port) = authority(authority_text).ok_or(BadHead::Malformed)?;
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let method = request.method.unwrap_or_default().to_owned();
    let version = request.version.unwrap_or(0);
    let mut head =
        format!("{method} {slash}{path} HTTP/1.{version}\r\nHost: {authority_text}\r\n").into_bytes();
    let dropped = dropped(request.headers)?;
    for header in request.headers.iter() {
        if !dropped.iter().any(|name| name.eq_ignore_ascii_case(header.name)) {
            head.extend_from_slice(header.name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(header.value);
            head.extend_from_slice(b"\r\n");
        }
    }
    // One request a connection: what follows it was not asked for.
    head.extend_from_slice(b"Connection: close\r\n\r\n");
    Ok(Forward { host, port: port.unwrap_or(HTTP_PORT), method, head, body })
}

/// Names of the headers that are not sent on: the customary ones, and those that `Connection` lists.
// SECURITY: a list that takes away the framing would make two requests of one.
fn dropped<'a>(headers: &'a [httparse::Header<'a>]) -> Result<Vec<&'a str>, BadHead> {
    let mut names = HOP_BY_HOP.to_vec();
    for header in headers.iter().filter(|header| header.name.eq_ignore_ascii_case("connection")) {
        let value = std::str::from_utf8(header.value).map_err(|_| BadHead::Malformed)?;
        for name in value.split(',').map(str::trim) {
            if ["content-length", "transfer-encoding"].iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(BadHead::Malformed);
            }
            if names.len() < EGRESS_HEADERS_MAX {
                names.push(name);
            }
        }
    }
    Ok(names)
}

// SECURITY: a length and a transfer coding together, or two of either, are how requests are smuggled: refused.
fn framing(headers: &[httparse::Header<'_>]) -> Result<Body, BadHead> {
    let mut found = None;
    for header in headers {
        let value = header.value.trim_ascii();
        let body = if header.name.eq_ignore_ascii_case("content-length") {
            let is_number = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(value).ok().filter(|_| is_number);
            Body::Length(text.and_then(|text| text.parse().ok()).ok_or(BadHead::Malformed)?)
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(BadHead::Malformed);
            }
            Body::chunked()
        } else {
            continue;
        };
        if found.replace(body).is_some() {
            return Err(BadHead::Malformed);
        }
    }
    Ok(found.unwrap_or(Body::Length(0)))
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`, and nothing else: no user, no zone.
fn authority(text: &str) -> Option<(Host, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        let port = match port.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if port.is_empty() => None,
            None => return None,
        };
        return Some((Host::Address(canonical(IpAddr::V6(address))), port));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (text, None),
    };
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Some((Host::Address(IpAddr::V4(address)), port));
    }
    let lower = host.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    is_name(name).then(|| (Host::Name(name.to_owned()), port))
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wish(text: &str) -> Result<Wish, BadHead> {
        parse(text.as_bytes()).map(|parsed| parsed.unwrap().0)
    }

    #[test]
    fn a_tunnel_names_host_and_port() {
        for (target, host, port) in [
            ("example.com:443", "example.com", 443),
            ("EXAMPLE.com.:443", "example.com", 443),
            ("10.0.0.1:1", "10.0.0.1", 1),
            ("[::1]:8443", "::1", 8443),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1", 80),
        ] {
            let Ok(Wish::Tunnel { host: found, port: at }) =
                wish(&format!("CONNECT {target} HTTP/1.1\r\n\r\n"))
            else {
                panic!("{target}")
            };
            assert_eq!((found.to_string().as_str(), at), (host, port));
        }
    }

    #[test]
    fn what_looks_like_another_host_is_no_host() {
        for target in [
            "example.com",
            "a@b:443",
            "example.com:443@evil:1",
            "127.1:80",
            "2130706433:80",
            "0x7f000001:80",
            "0177.0.0.1:80",
            "[::1%lo]:80",
            "[127.0.0.1]:80",
            "::1:80",
            "a b:80",
            "a:80:80",
            ":80",
            "a:",
            "a:0",
            "a:99999",
            "http://a:80",
            "/x",
            "a/b:80",
            "a..b:1",
            "a_:b",
        ] {
            let answer = parse(format!("CONNECT {target} HTTP/1.1\r\n\r\n").as_bytes());
            assert!(answer.is_err(), "{target}: {answer:?}");
        }
        let with_body = parse(b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(with_body.err(), Some(BadHead::Malformed));
    }

    #[test]
    fn a_plain_request_is_sent_on_in_origin_form_for_one_request() {
        let sent = "GET http://Example.com:8080/a?b=c#d HTTP/1.1\r\nHost: evil\r\nProxy-Authorization: x\r\nConnection: x-hop, keep-alive\r\n\
                    X-Hop: 1\r\nAccept: */*\r\nTE: trailers\r\nUpgrade: websocket\r\n\r\n";
        let Ok(Wish::Forward(forward)) = wish(sent) else { panic!() };
        assert_eq!(
            String::from_utf8(forward.head).unwrap(),
            "GET /a?b=c HTTP/1.1\r\nHost: Example.com:8080\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        );
        assert_eq!((forward.host, forward.port), (Host::Name("example.com".into()), 8080));
        assert_eq!(forward.body, Body::Length(0));
        let Ok(Wish::Forward(query)) = wish("GET http://a?b HTTP/1.0\r\n\r\n") else { panic!() };
        assert!(query.head.starts_with(b"GET /?b HTTP/1.0\r\nHost: a\r\n"));
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 1",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Content-Length: +1",
            "Content-Length: ",
            "Content-Length: 1, 1",
            "Connection: content-length\r\nContent-Length: 1",
            "Connection: Transfer-Encoding",
            "A : b",
            "A: b\r\n c",
        ] {
            let answer = parse(format!("POST http://a/ HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes());
            assert_eq!(answer.err(), Some(BadHead::Malformed), "{headers}");
        }
    }

    #[test]
    fn other_requests_and_large_ones_are_refused() {
        for (text, bad) in [
            ("GET / HTTP/1.1\r\n\r\n", BadHead::NotForAProxy),
            ("GET https://a/ HTTP/1.1\r\n\r\n", BadHead::NotForAProxy),
            ("GET ftp://a/ HTTP/1.1\r\n\r\n", BadHead::NotForAProxy),
            ("OPTIONS * HTTP/1.1\r\n\r\n", BadHead::NotForAProxy),
            ("GET http:///x HTTP/1.1\r\n\r\n", BadHead::Malformed),
            ("\0\r\n\r\n", BadHead::Malformed),
        ] {
            assert_eq!(parse(text.as_bytes()).err(), Some(bad), "{text}");
        }
        let endless = format!("GET http://a/ HTTP/1.1\r\nA: {}", "x".repeat(EGRESS_HEAD_BYTES_MAX));
        assert_eq!(parse(endless.as_bytes()).err(), Some(BadHead::TooLarge));
        let many = format!("GET http://a/ HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(EGRESS_HEADERS_MAX + 1));
        assert_eq!(parse(many.as_bytes()).err(), Some(BadHead::TooLarge));
        assert!(parse(b"GET http://a/ HT").unwrap().is_none());
    }

    #[test]
    fn seeds_of_the_fuzzer_are_read_or_refused() {
        let seeds: [&[u8]; 6] = [
            b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\nabc",
            b"POST http://[::1]:80/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"POST http://a/x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcd",
            b"*.example.com:443",
            b"[fd00::/8]:*",
            b"",
        ];
        for seed in seeds {
            for end in 0..=seed.len() {
                super::super::fuzz_egress(&seed[..end]);
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>, connect: bool) {
            super::super::fuzz_egress(&data);
            let method = if connect { "CONNECT " } else { "GET http://" };
            super::super::fuzz_egress(&[method.as_bytes(), &data, b" HTTP/1.1\r\n\r\n"].concat());
        }
    }
}
