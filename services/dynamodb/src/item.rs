//! The stored form of an item: compact, versioned, read back with every length checked.
//!
//! ```text
//! version 1, then attributes: count, then for each name length, name, value; names strictly ascending
//! value: tag, then
//!   S B      length, bytes                 N   flags, exponent (zigzag), coefficient
//!   M        attributes                    L   count, values
//!   SS BS NS count, elements as above      BOOL NULL nothing
//! ```
//! Counts, lengths, exponents and coefficients are LEB128. Knows no table: keys are stored with the other attributes.

use bytes::Bytes;

use crate::attribute::{AttributeValue, Attributes, NESTING_MAX};
use crate::number::Number;

/// The most that an item may count for: 400 KB.
pub const ITEM_BYTES_MAX: usize = 400 * 1_024;

const VERSION: u8 = 1;

mod tag {
    pub(super) const S: u8 = 1;
    pub(super) const N: u8 = 2;
    pub(super) const B: u8 = 3;
    pub(super) const TRUE: u8 = 4;
    pub(super) const FALSE: u8 = 5;
    pub(super) const NULL: u8 = 6;
    pub(super) const M: u8 = 7;
    pub(super) const L: u8 = 8;
    pub(super) const SS: u8 = 9;
    pub(super) const NS: u8 = 10;
    pub(super) const BS: u8 = 11;
}

/// A stored item is not in any form that this code ever wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored item is damaged")]
pub struct DamagedItem;

/// The bytes of an item.
pub fn encode(item: &Attributes) -> Vec<u8> {
    let mut out = Vec::with_capacity(item.size_bytes().saturating_add(4 * item.len()).saturating_add(8));
    out.push(VERSION);
    encode_attributes(&mut out, item);
    out
}

fn encode_attributes(out: &mut Vec<u8>, attributes: &Attributes) {
    encode_length(out, attributes.len());
    for (name, value) in attributes.iter() {
        encode_bytes(out, name.as_bytes());
        encode_value(out, value);
    }
}

fn encode_value(out: &mut Vec<u8>, value: &AttributeValue) {
    match value {
        AttributeValue::S(text) => {
            out.push(tag::S);
            encode_bytes(out, text.as_bytes());
        }
        AttributeValue::N(number) => {
            out.push(tag::N);
            encode_number(out, number);
        }
        AttributeValue::B(bytes) => {
            out.push(tag::B);
            encode_bytes(out, bytes);
        }
        AttributeValue::Bool(true) => out.push(tag::TRUE),
        AttributeValue::Bool(false) => out.push(tag::FALSE),
        AttributeValue::Null => out.push(tag::NULL),
        AttributeValue::M(map) => {
            out.push(tag::M);
            encode_attributes(out, map);
        }
        AttributeValue::L(list) => encode_list(out, tag::L, list, encode_value),
        AttributeValue::Ss(set) => {
            encode_list(out, tag::SS, set, |out, text| encode_bytes(out, text.as_bytes()))
        }
        AttributeValue::Ns(set) => encode_list(out, tag::NS, set, encode_number),
        AttributeValue::Bs(set) => encode_list(out, tag::BS, set, |out, bytes| encode_bytes(out, bytes)),
    }
}

fn encode_list<T>(out: &mut Vec<u8>, tag: u8, elements: &[T], encode: fn(&mut Vec<u8>, &T)) {
    out.push(tag);
    encode_length(out, elements.len());
    elements.iter().for_each(|element| encode(out, element));
}

fn encode_number(out: &mut Vec<u8>, number: &Number) {
    let (is_negative, coefficient, exponent) = number.parts();
    out.push(u8::from(is_negative));
    let zigzag = (i32::from(exponent) << 1) ^ (i32::from(exponent) >> 31);
    encode_leb128(out, u128::from(zigzag.cast_unsigned()));
    encode_leb128(out, coefficient);
}

fn encode_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    encode_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn encode_length(out: &mut Vec<u8>, length: usize) {
    encode_leb128(out, u128::try_from(length).unwrap_or(u128::MAX));
}

fn encode_leb128(out: &mut Vec<u8>, mut number: u128) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// The item in these bytes.
///
/// # Errors
/// The bytes are not a stored item.
pub fn decode(bytes: &[u8]) -> Result<Attributes, DamagedItem> {
    let mut reader = Reader(bytes);
    if reader.byte()? != VERSION {
        return Err(DamagedItem);
    }
    let item = reader.attributes(0)?;
    if reader.0.is_empty() { Ok(item) } else { Err(DamagedItem) }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, DamagedItem> {
        let (byte, rest) = self.0.split_first().ok_or(DamagedItem)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn leb128(&mut self) -> Result<u128, DamagedItem> {
        let mut number: u128 = 0;
        for shift in (0..128_u32).step_by(7) {
            let byte = self.byte()?;
            let part = u128::from(byte & 0x7f);
            let shifted = part.checked_shl(shift).filter(|shifted| shifted >> shift == part);
            number |= shifted.ok_or(DamagedItem)?;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(DamagedItem)
    }

    /// A count or a length: never more than there are bytes left, as each element takes at least one.
    fn length(&mut self) -> Result<usize, DamagedItem> {
        let length = usize::try_from(self.leb128()?).map_err(|_| DamagedItem)?;
        if length > self.0.len() { Err(DamagedItem) } else { Ok(length) }
    }

    fn bytes(&mut self) -> Result<&'a [u8], DamagedItem> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(DamagedItem)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn text(&mut self) -> Result<String, DamagedItem> {
        std::str::from_utf8(self.bytes()?).map(str::to_owned).map_err(|_| DamagedItem)
    }

    fn number(&mut self) -> Result<Number, DamagedItem> {
        let is_negative = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(DamagedItem),
        };
        let zigzag = u32::try_from(self.leb128()?).map_err(|_| DamagedItem)?;
        let exponent = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
        let exponent = i16::try_from(exponent).map_err(|_| DamagedItem)?;
        Number::from_parts(is_negative, self.leb128()?, exponent).ok_or(DamagedItem)
    }

    fn attributes(&mut self, depth: usize) -> Result<Attributes, DamagedItem> {
        let count = self.length()?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push((self.text()?, self.value(depth)?));
        }
        Attributes::from_sorted(entries).ok_or(DamagedItem)
    }

    fn value(&mut self, depth: usize) -> Result<AttributeValue, DamagedItem> {
        if depth > NESTING_MAX {
            return Err(DamagedItem);
        }
        Ok(match self.byte()? {
            tag::S => AttributeValue::S(self.text()?),
            tag::N => AttributeValue::N(self.number()?),
            tag::B => AttributeValue::B(Bytes::copy_from_slice(self.bytes()?)),
            tag::TRUE => AttributeValue::Bool(true),
            tag::FALSE => AttributeValue::Bool(false),
            tag::NULL => AttributeValue::Null,
            tag::M => AttributeValue::M(self.attributes(depth + 1)?),
            tag::L => AttributeValue::L(self.list(|reader| reader.value(depth + 1))?),
            tag::SS => AttributeValue::Ss(self.set(Self::text)?),
            tag::NS => AttributeValue::Ns(self.set(Self::number)?),
            tag::BS => AttributeValue::Bs(self.set(|reader| reader.bytes().map(Bytes::copy_from_slice))?),
            _ => return Err(DamagedItem),
        })
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, DamagedItem>) -> Result<Vec<T>, DamagedItem> {
        let count = self.length()?;
        (0..count).map(|_| read(self)).collect()
    }

    fn set<T: Ord>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, DamagedItem>,
    ) -> Result<Vec<T>, DamagedItem> {
        let elements = self.list(read)?;
        let is_set = !elements.is_empty() && elements.iter().zip(elements.iter().skip(1)).all(|(a, b)| a < b);
        if is_set { Ok(elements) } else { Err(DamagedItem) }
    }
}

#[cfg(test)]
mod tests;
