//! Ranges of addresses in conditions: in the form of CIDR, public where the key knows public ones only.
//!
//! A value with a wildcard is no range.

use std::net::IpAddr;

use super::Walk;
use super::conditions::Found;
use crate::json::Span;

/// Reads an address or a range: the address, and how many of its bits count.
pub(super) fn read(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

/// The range with the bits that do not count cleared, where any is set.
fn improved(address: IpAddr, bits: u32) -> Option<String> {
    let plain = match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::from((u32::from(four) & mask).to_be_bytes())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::from((u128::from(six) & mask).to_be_bytes())
        }
    };
    (plain != address).then(|| format!("{plain}/{bits}"))
}

/// True where nobody outside can have an address of the range.
fn is_private(address: IpAddr, bits: u32) -> bool {
    match address {
        IpAddr::V4(four) => match four.octets() {
            [10 | 127, ..] => bits >= 8,
            [172, second, ..] if (16..32).contains(&second) => bits >= 12,
            [192, 168, ..] => bits >= 16,
            _ => false,
        },
        IpAddr::V6(six) => six.octets().first().is_some_and(|first| first & 0xfe == 0xfc) && bits >= 7,
    }
}

/// Judges one value of an operator on addresses.
pub(super) fn value(walk: &mut Walk<'_>, span: Span, operator: &str, text: &str) {
    match read(text) {
        None => {
            let details = format!(
                "The condition operator {operator} is used with an invalid IP range value. Specify the IP range in standard CIDR format."
            );
            walk.error("TYPE_MISMATCH_IP_RANGE", span, details);
        }
        Some((address, bits)) => {
            if let Some(better) = improved(address, bits) {
                let details = format!(
                    "The non-zero bits in the IP address after the masked bits are ignored. Replace address with {better}."
                );
                walk.suggest("IMPROVE_IP_RANGE", span, details);
            }
        }
    }
}

/// Judges all values of `aws:SourceIp` together.
pub(super) fn sources(walk: &mut Walk<'_>, found: &Found<'_>) {
    if found.key != "aws:sourceip" || found.operator.family() != "IpAddress" {
        return;
    }
    let ranges: Vec<_> = found.values.iter().filter_map(|text| read(text)).collect();
    let private = ranges.iter().filter(|(address, bits)| is_private(*address, *bits)).count();
    if private == 0 {
        return;
    }
    let negated = found.operator.is_negated();
    if private < ranges.len() {
        let (code, effect) = if negated {
            ("PRIVATE_NOT_IP_ADDRESS_SUBSET", "have no effect")
        } else {
            ("PRIVATE_IP_ADDRESS_SUBSET", "will not have the desired effect")
        };
        let details = format!(
            "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses {effect}. aws:SourceIp works only for public IP address ranges. To define permissions for private IP ranges, use aws:VpcSourceIp."
        );
        walk.suggest(code, found.span, details);
    } else if negated {
        walk.error(
            "PRIVATE_NOT_IP_ADDRESS",
            found.span,
            "The values for condition key aws:SourceIp include only private IP addresses and has no effect. aws:SourceIp works only for public IP address ranges. Update the value to include only public IP addresses.",
        );
    } else {
        walk.error(
            "PRIVATE_IP_ADDRESS",
            found.span,
            "aws:SourceIp works only for public IP address ranges. The values for condition key aws:SourceIp include only private IP addresses and will not have the desired effect. Update the value to include only public IP addresses.",
        );
    }
}
