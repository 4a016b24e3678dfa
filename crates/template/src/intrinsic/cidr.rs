//! `Fn::Cidr`: address blocks cut out of a larger one.
//!
//! Counts at most 256 blocks, as AWS does; a block that does not hold as many is an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::text::text;
use super::{Metered, tree};
use crate::error::TemplateError;
use crate::scope::Scope;

const BLOCKS_MAX: u128 = 256;

/// `[block, count, bits]` to `count` blocks, each with `bits` bits of addresses.
pub(super) fn blocks(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Value, TemplateError> {
    let malformed = || {
        TemplateError::function(
            "every Fn::Cidr object requires three parameters, the IP address block, the count of blocks and the bits of \
             each block.",
        )
    };
    let Some([block, count, bits]) = argument.as_array().map(Vec::as_slice) else { return Err(malformed()) };
    // A list of blocks comes from an attribute such as a VPC's: the first counts.
    let block = match tree(block, scope, resources)? {
        Some(Value::Array(items)) => items.first().and_then(Value::as_str).map(str::to_owned),
        Some(Value::String(block)) => Some(block),
        _ => None,
    };
    let given = |value: &Value| text(value, scope, resources, "Fn::Cidr");
    let (count, bits) = (given(count)?, given(bits)?);
    let parts = [json!(block), json!(count), json!(bits)];
    if parts.iter().any(|part| resources.is_unknown(Some(part))) {
        return resources.unknown("Cidr", &json!(parts));
    }
    let number = |text: &str| text.parse::<u32>().map_err(|_| malformed());
    let (count, bits) = (number(&count)?, number(&bits)?);
    let block = Block::parse(&block.ok_or_else(malformed)?)?;
    block.cut(u128::from(count), bits).map(Value::from)
}

/// An address block: its first address, its prefix and whether it is IPv6.
struct Block {
    first: u128,
    prefix: u32,
    width: u32,
}

impl Block {
    fn parse(block: &str) -> Result<Self, TemplateError> {
        let invalid =
            || TemplateError::function(format_args!("Fn::Cidr got the invalid CIDR block {block}."));
        let (address, prefix) = block.split_once('/').ok_or_else(invalid)?;
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let (bits, width) = match address {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= width).ok_or_else(invalid)?;
        let host = width - prefix;
        let first = if host >= 128 { 0 } else { bits >> host << host };
        Ok(Self { first, prefix, width })
    }

    fn cut(&self, count: u128, bits: u32) -> Result<Vec<String>, TemplateError> {
        if count == 0 || count > BLOCKS_MAX {
            return Err(TemplateError::function(format_args!(
                "Fn::Cidr can only return between 1 and {BLOCKS_MAX} blocks."
            )));
        }
        let host = self.width - self.prefix;
        let fits = bits <= host && (host - bits >= 9 || count <= 1_u128 << (host - bits));
        if !fits || bits >= 128 {
            return Err(TemplateError::function(format_args!(
                "Fn::Cidr cannot cut {count} blocks of {bits} bits from a /{} block.",
                self.prefix
            )));
        }
        let block = |at: u128| {
            let address = self.first + (at << bits);
            let prefix = self.width - bits;
            match u32::try_from(address) {
                Ok(address) if self.width == 32 => format!("{}/{prefix}", Ipv4Addr::from(address)),
                _ => format!("{}/{prefix}", Ipv6Addr::from(address)),
            }
        };
        Ok((0..count).map(block).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_cut_as_documented() {
        let cut = |block: &str, count, bits| Block::parse(block).and_then(|block| block.cut(count, bits));
        assert_eq!(cut("10.0.0.0/16", 2, 8).unwrap(), ["10.0.0.0/24", "10.0.1.0/24"]);
        assert_eq!(cut("192.168.0.7/24", 6, 5).unwrap()[5], "192.168.0.160/27");
        assert_eq!(cut("2001:db8::/56", 2, 64).unwrap()[1], "2001:db8:0:1::/64");
        assert_eq!(cut("0.0.0.0/0", 1, 32).unwrap(), ["0.0.0.0/0"]);
        for (block, count, bits) in [
            ("10.0.0.0/24", 9, 5),
            ("10.0.0.0/24", 0, 5),
            ("10.0.0.0/8", 257, 8),
            ("10.0.0.0/24", 1, 25),
            ("10.0.0.0", 1, 1),
            ("10.0.0.0/33", 1, 1),
            ("::/0", 1, 128),
            ("x/1", 1, 1),
        ] {
            assert!(cut(block, count, bits).is_err(), "{block} {count} {bits}");
        }
    }
}
