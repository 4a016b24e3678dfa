//! The typed values that conditions compare: numbers, moments, booleans, bytes, addresses.
//!
//! Reading a value either succeeds exactly or fails; nothing is guessed.

use std::cmp::Ordering;
use std::net::IpAddr;

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An integer or a finite decimal number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    Decimal(f64),
}

impl Number {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(integer) = text.parse() {
            return Some(Self::Integer(integer));
        }
        // `inf` and `nan` are numbers to Rust, not to a policy.
        let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'+' | b'-' | b'e' | b'E');
        let decimal: f64 = text.bytes().all(digits).then(|| text.parse().ok())??;
        decimal.is_finite().then_some(Self::Decimal(decimal))
    }

    pub(crate) fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(&other)),
            (one, other) => one.as_decimal().partial_cmp(&other.as_decimal()),
        }
    }

    const fn as_decimal(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Decimal(decimal) => decimal,
        }
    }
}

/// A moment: the W3C's profile of ISO 8601, or seconds since the epoch.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(moment) = Timestamp::parse_iso8601(text) {
        return Some(moment);
    }
    if let Some(Number::Integer(secs)) = Number::parse(text) {
        return Some(Timestamp::from_secs(secs));
    }
    let completed = match text.len() {
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        // Minutes without seconds: `2026-11-22T03:17Z` and `…+01:00`.
        17.. => {
            let (head, zone) = text.split_at_checked(16)?;
            format!("{head}:00{zone}")
        }
        _ => return None,
    };
    Timestamp::parse_iso8601(&completed)
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A range of addresses, or a single one.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse() {
        Ok(IpNet::V6(mapped)) => Some(as_ipv4(mapped).map_or(IpNet::V6(mapped), IpNet::V4)),
        Ok(network) => Some(network),
        Err(_) => address(text).map(IpNet::from),
    }
}

/// The range of IPv4 addresses that a range within `::ffff:0:0/96` is: addresses are compared as what they are, too.
fn as_ipv4(mapped: Ipv6Net) -> Option<Ipv4Net> {
    let length = mapped.prefix_len().checked_sub(96)?;
    Ipv4Net::new(mapped.addr().to_ipv4_mapped()?, length).ok()
}

/// An address; an IPv4 address written as IPv6 is the IPv4 address it is.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        let less = |one, other| {
            Number::parse(one).unwrap().compare(Number::parse(other).unwrap()) == Some(Ordering::Less)
        };
        assert!(less("9", "10"));
        assert!(less("-1", "0.5"));
        assert!(less("9007199254740992", "9007199254740993"));
        for bad in ["", "nan", "inf", "1,5", "0x10", "1e999", "ten"] {
            assert_eq!(Number::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn moments_have_several_spellings() {
        let day = Some(Timestamp::from_secs(1_795_305_600));
        for text in [
            "2026-11-22T00:00:00Z",
            "2026-11-22",
            "1795305600",
            "2026-11-22T01:00+01:00",
            "2026-11-22T00:00Z",
        ] {
            assert_eq!(moment(text), day, "{text}");
        }
        assert_eq!(moment("2026-11"), moment("2026-11-01"));
        for bad in ["", "yesterday", "2026-13-01", "22.11.2026", "2026-11-22T00:00:00"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_and_networks() {
        let holds = |network_text, address_text| {
            network(network_text).unwrap().contains(&address(address_text).unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.1.2"));
        assert!(holds("10.0.0.7/8", "10.1.1.1"));
        assert!(holds("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(holds("2001:db8::/32", "2001:db8:1::1"));
        for (mapped, inside, outside) in [
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.0.0.1"),
            ("::ffff:10.1.1.1/128", "::ffff:10.1.1.1", "10.1.1.2"),
        ] {
            assert!(holds(mapped, inside) && !holds(mapped, outside), "{mapped}");
        }
        assert!(holds("::ffff:0:0/96", "192.0.2.1") && holds("2001:db8::/32", "2001:db8::1"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(!holds("10.0.0.0/8", "2001:db8::1"));
        for bad in ["10.0.0/8", "10.0.0.0/33", "localhost", "010.0.0.1", ""] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }
}
