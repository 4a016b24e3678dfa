//! The operator's rules: which hosts and ports functions may reach.
//!
//! `example.com`, `example.com:8443`, `*.example.com:443`, `*:443`, `10.0.0.0/8:5432`, `[fd00::/8]:443`, `192.0.2.7:*`. Without
//! a port, 443 is meant. A rule for names opens public addresses only; a rule for addresses opens exactly those, and one that
//! is wider than a special range (`0.0.0.0/0`) does not open that range. Nothing is resolved here.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use super::address::{canonical, special};

const DEFAULT_PORT: u16 = 443;
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRule {
    text: String,
    hosts: Hosts,
    /// `None` for every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    AnyName,
    Name(String),
    /// With the leading dot.
    Below(String),
    Network(IpNet),
}

/// The text is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an egress rule: expected HOST[:PORT], *.DOMAIN[:PORT], *:PORT, ADDRESS[/BITS][:PORT] or [IPV6[/BITS]][:PORT]"
)]
pub struct InvalidRule(String);

impl FromStr for EgressRule {
    type Err = InvalidRule;

    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let text = text.trim();
        let parsed = split(text).and_then(|(host, port)| Some((hosts(host)?, self::port(port)?)));
        let (hosts, port) = parsed.ok_or_else(|| InvalidRule(text.chars().take(100).collect()))?;
        Ok(Self { text: text.to_owned(), hosts, port })
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl EgressRule {
    /// Whether this rule is for the name, lower-case, at the port.
    pub(super) fn admits_name(&self, name: &str, port: u16) -> bool {
        self.admits_port(port)
            && match &self.hosts {
                Hosts::AnyName => true,
                Hosts::Name(own) => own == name,
                Hosts::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
                Hosts::Network(_) => false,
            }
    }

    /// Whether this rule is for the address, in its canonical form, at the port.
    // SECURITY: a special address is opened only by a rule inside its own range: `0.0.0.0/0` means the internet, and
    // neither the loopback nor the metadata service.
    pub(super) fn admits_address(&self, address: IpAddr, port: u16) -> bool {
        let Hosts::Network(net) = &self.hosts else { return false };
        self.admits_port(port)
            && net.contains(&address)
            && special(address).is_none_or(|range| range.net.contains(net))
    }

    fn admits_port(&self, port: u16) -> bool {
        self.port.is_none_or(|own| own == port)
    }
}

/// Host and port; the port is empty where there is none.
fn split(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        return match port.strip_prefix(':') {
            Some(port) if !port.is_empty() => Some((host, port)),
            Some(_) => None,
            None => port.is_empty().then_some((host, "")),
        };
    }
    match text.split_once(':') {
        None => Some((text, "")),
        // More than one colon: IPv6 without a port.
        Some((_, rest)) if rest.contains(':') => Some((text, "")),
        Some((_, "")) => None,
        Some((host, port)) => Some((host, port)),
    }
}

fn port(text: &str) -> Option<Option<u16>> {
    match text {
        "" => Some(Some(DEFAULT_PORT)),
        "*" => Some(None),
        digits => parse_port(digits).map(Some),
    }
}

fn hosts(text: &str) -> Option<Hosts> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Hosts::Network(IpNet::from(canonical(address))));
    }
    if let Ok(net) = text.parse::<IpNet>() {
        // A network that is written as IPv4 inside IPv6 would match nothing: addresses are canonical by then.
        let is_mapped = matches!(net, IpNet::V6(net) if net.addr().to_ipv4_mapped().is_some());
        return (!is_mapped).then(|| Hosts::Network(net.trunc()));
    }
    if text == "*" {
        return Some(Hosts::AnyName);
    }
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix('*') {
        Some(suffix) => is_name(suffix.strip_prefix('.')?).then(|| Hosts::Below(suffix.to_owned())),
        None => is_name(&lower).then_some(Hosts::Name(lower)),
    }
}

/// A port of one to five digits, not zero.
pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

/// A lower-case host name without a final dot.
// SECURITY: a last label of digits only (`127.1`, `2130706433`, `0x7f000001`) is how addresses are written that look like
// names: resolvers would take it for one.
pub(super) fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let inside =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    text.len() <= NAME_BYTES_MAX && text.split('.').all(label) && !is_number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_admit_what_they_say() {
        type Case = (&'static str, &'static [(&'static str, u16)], &'static [(&'static str, u16)]);
        let cases: &[Case] = &[
            (
                "example.com",
                &[("example.com", 443)],
                &[("example.com", 80), ("www.example.com", 443), ("xexample.com", 443)],
            ),
            ("Example.COM:8443", &[("example.com", 8443)], &[("example.com", 443)]),
            (
                "*.example.com:443",
                &[("a.example.com", 443), ("a.b.example.com", 443)],
                &[("example.com", 443), (".example.com", 443), ("aexample.com", 443)],
            ),
            ("*:443", &[("example.com", 443)], &[("example.com", 80), ("8.8.8.8", 443)]),
            ("db:*", &[("db", 1), ("db", 65535)], &[("db2", 1)]),
            ("10.0.0.0/8:5432", &[("10.1.2.3", 5432)], &[("11.0.0.1", 5432), ("10.1.2.3", 443)]),
            ("127.0.0.1:8080", &[("127.0.0.1", 8080)], &[("127.0.0.2", 8080), ("::1", 8080)]),
            (
                "0.0.0.0/0:*",
                &[("8.8.8.8", 53)],
                &[("127.0.0.1", 53), ("169.254.169.254", 80), ("10.0.0.1", 1)],
            ),
            ("169.254.0.0/16:80", &[("169.254.7.7", 80)], &[("169.254.169.254", 80)]),
            ("169.254.169.254/32:80", &[("169.254.169.254", 80)], &[]),
            ("[fd00::/8]:443", &[("fd00::1", 443)], &[("fe80::1", 443), ("fd00:ec2::254", 443)]),
            ("[::1]:80", &[("::1", 80)], &[("127.0.0.1", 80)]),
            ("fd00::/8", &[("fd00::1", 443)], &[]),
            ("::ffff:10.0.0.1", &[("10.0.0.1", 443)], &[]),
            ("[::/0]:443", &[("2606:4700::1111", 443)], &[("::1", 443), ("fd00::1", 443)]),
        ];
        for (text, admitted, refused) in cases {
            let rule: EgressRule = text.parse().unwrap();
            let admits = |host: &str, port| match host.parse() {
                Ok(address) => rule.admits_address(address, port),
                Err(_) => rule.admits_name(host, port),
            };
            for (host, port) in *admitted {
                assert!(admits(host, *port), "{text} {host}:{port}");
            }
            for (host, port) in *refused {
                assert!(!admits(host, *port), "{text} {host}:{port}");
            }
        }
    }

    #[test]
    fn what_is_not_a_rule_is_refused() {
        for text in [
            "",
            " ",
            "a b",
            "example.com:",
            "example.com:0",
            "example.com:65536",
            "example.com:+1",
            "example.com:http",
            "*.",
            "http://example.com",
            "user@example.com",
            "*example.com",
            "a.*.com",
            "10.0.0.0/33",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "-a.com",
            "a-.com",
            "a..com",
            ".com",
            "example.com.",
            "[::1",
            "[::1]x",
            "[::1]:",
            "::ffff:10.0.0.0/104",
            "ex\u{e4}mple.com",
            "fe80::1%eth0",
        ] {
            assert!(text.parse::<EgressRule>().is_err(), "{text}");
        }
        assert!(format!("{}.com", "a".repeat(64)).parse::<EgressRule>().is_err());
        assert!("a.".repeat(127).parse::<EgressRule>().is_err());
    }
}
