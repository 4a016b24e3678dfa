//! Addresses that are not the public internet, by their IANA special-purpose registries, and clouds' own services.
//!
//! Nothing here lets anything through: a rule may name one of these ranges, or a part of it, and only then is it reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A range that only a rule of its own opens.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SpecialRange {
    pub(super) net: IpNet,
    /// What it is, as a refusal says it: `a loopback address`.
    pub(super) kind: &'static str,
}

/// The narrowest special range that holds the address; `None` for public ones.
pub(super) fn special(address: IpAddr) -> Option<&'static SpecialRange> {
    let holding = SPECIAL.iter().filter(|range| range.net.contains(&address));
    holding.max_by_key(|range| range.net.prefix_len())
}

/// What an address is instead of one of the public internet, for a refusal: `a loopback address`; `None` for public ones.
pub fn special_address(address: IpAddr) -> Option<&'static str> {
    special(canonical(address)).map(|range| range.kind)
}

/// True for the addresses at which clouds hand out a machine's credentials.
pub fn is_metadata_service(address: IpAddr) -> bool {
    special_address(address) == Some(METADATA)
}

/// An IPv4 address that is written as IPv6 is what it stands for.
pub(super) const fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

const fn v4(octets: [u8; 4], prefix: u8, kind: &'static str) -> SpecialRange {
    let [a, b, c, d] = octets;
    SpecialRange { net: IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)), kind }
}

const fn v6(bits: u128, prefix: u8, kind: &'static str) -> SpecialRange {
    SpecialRange { net: IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), prefix)), kind }
}

const METADATA: &str = "a cloud's metadata service";
const LOOPBACK: &str = "a loopback address";
const PRIVATE: &str = "a private address";
const LINK_LOCAL: &str = "a link-local address";
const MULTICAST: &str = "a multicast address";
const RESERVED: &str = "a reserved address";
const TRANSLATED: &str = "an address that stands for another";

const SPECIAL: &[SpecialRange] = &[
    v4([0, 0, 0, 0], 8, RESERVED),
    v4([10, 0, 0, 0], 8, PRIVATE),
    v4([100, 64, 0, 0], 10, PRIVATE),
    v4([100, 100, 100, 200], 32, METADATA),
    v4([127, 0, 0, 0], 8, LOOPBACK),
    v4([168, 63, 129, 16], 32, METADATA),
    v4([169, 254, 0, 0], 16, LINK_LOCAL),
    v4([169, 254, 169, 254], 32, METADATA),
    v4([169, 254, 170, 2], 32, METADATA),
    v4([169, 254, 170, 23], 32, METADATA),
    v4([172, 16, 0, 0], 12, PRIVATE),
    v4([192, 0, 0, 0], 24, RESERVED),
    v4([192, 0, 2, 0], 24, RESERVED),
    v4([192, 88, 99, 0], 24, RESERVED),
    v4([192, 168, 0, 0], 16, PRIVATE),
    v4([198, 18, 0, 0], 15, RESERVED),
    v4([198, 51, 100, 0], 24, RESERVED),
    v4([203, 0, 113, 0], 24, RESERVED),
    v4([224, 0, 0, 0], 4, MULTICAST),
    v4([240, 0, 0, 0], 4, RESERVED),
    // IPv4-compatible, with the unspecified address and loopback in it.
    v6(0, 96, TRANSLATED),
    v6(0, 128, RESERVED),
    v6(1, 128, LOOPBACK),
    v6(0x0064_ff9b << 96, 96, TRANSLATED),
    v6(0x0064_ff9b_0001 << 80, 48, TRANSLATED),
    v6(0x0100 << 112, 64, RESERVED),
    // Teredo and other protocols' own.
    v6(0x2001 << 112, 23, RESERVED),
    v6(0x2001_0db8 << 96, 32, RESERVED),
    v6(0x2002 << 112, 16, TRANSLATED),
    v6(0x3fff << 112, 20, RESERVED),
    v6(0x5f00 << 112, 16, RESERVED),
    v6(0xfc00 << 112, 7, PRIVATE),
    v6((0xfd00_0ec2 << 96) | 0x254, 128, METADATA),
    v6((0xfd20_00ce << 96) | 0x254, 128, METADATA),
    v6(0xfe80 << 112, 10, LINK_LOCAL),
    v6(0xfec0 << 112, 10, PRIVATE),
    v6(0xff00 << 112, 8, MULTICAST),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_public_internet_is_known() {
        for (address, kind) in [
            ("0.0.0.0", Some(RESERVED)),
            ("10.1.2.3", Some(PRIVATE)),
            ("100.64.0.1", Some(PRIVATE)),
            ("127.0.0.1", Some(LOOPBACK)),
            ("127.255.255.254", Some(LOOPBACK)),
            ("169.254.169.254", Some(METADATA)),
            ("169.254.1.1", Some(LINK_LOCAL)),
            ("172.15.255.255", None),
            ("172.31.0.1", Some(PRIVATE)),
            ("192.168.1.1", Some(PRIVATE)),
            ("224.0.0.1", Some(MULTICAST)),
            ("255.255.255.255", Some(RESERVED)),
            ("8.8.8.8", None),
            ("::", Some(RESERVED)),
            ("::1", Some(LOOPBACK)),
            ("::127.0.0.1", Some(TRANSLATED)),
            ("::ffff:127.0.0.1", Some(LOOPBACK)),
            ("::ffff:169.254.169.254", Some(METADATA)),
            ("64:ff9b::7f00:1", Some(TRANSLATED)),
            ("2002:7f00:1::", Some(TRANSLATED)),
            ("2001:0:1::1", Some(RESERVED)),
            ("fd00:ec2::254", Some(METADATA)),
            ("fd00::1", Some(PRIVATE)),
            ("fe80::1", Some(LINK_LOCAL)),
            ("ff02::1", Some(MULTICAST)),
            ("2606:4700::1111", None),
        ] {
            let parsed = canonical(address.parse().unwrap());
            assert_eq!(special(parsed).map(|range| range.kind), kind, "{address}");
        }
    }
}
