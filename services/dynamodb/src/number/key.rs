//! The order-preserving form of a number: byte strings that sort as the numbers do.
//!
//! ```text
//! positive   0x30  magnitude + 130         digit pairs, each + 1          0x00
//! zero       0x20
//! negative   0x10  255 - (magnitude + 130) digit pairs, each 255 - (+ 1)  0xFF
//! ```
//! The pairs hold the coefficient from its first digit on; the last pair is filled with a zero. No form is a prefix
//! of another.

use super::{MAGNITUDE_MAX, MAGNITUDE_MIN, Number};

const NEGATIVE: u8 = 0x10;
const ZERO: u8 = 0x20;
const POSITIVE: u8 = 0x30;

/// The bytes are not the form of any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not an encoded number")]
pub struct NotANumber;

impl Number {
    /// Appends the order-preserving form.
    pub fn encode_ordered(&self, out: &mut Vec<u8>) {
        if self.coefficient == 0 {
            out.push(ZERO);
            return;
        }
        let flip = if self.is_negative { 0xFF } else { 0x00 };
        out.push(if self.is_negative { NEGATIVE } else { POSITIVE });
        let biased = u8::try_from(self.magnitude() - MAGNITUDE_MIN).unwrap_or(u8::MAX);
        out.push(biased ^ flip);
        let mut rest = self.aligned();
        // The aligned coefficient has 38 digits: 19 pairs, of which the last ones may be empty.
        let mut scale = 10_u128.pow(36);
        while rest != 0 && scale != 0 {
            let pair = u8::try_from(rest / scale).unwrap_or(99);
            out.push((pair + 1) ^ flip);
            rest %= scale;
            scale /= 100;
        }
        out.push(flip);
    }

    /// The number in its order-preserving form.
    ///
    /// # Errors
    /// The bytes are not the form of any number.
    pub fn decode_ordered(bytes: &[u8]) -> Result<Self, NotANumber> {
        let (&class, rest) = bytes.split_first().ok_or(NotANumber)?;
        let flip = match class {
            ZERO if rest.is_empty() => return Ok(Self::ZERO),
            POSITIVE => 0x00,
            NEGATIVE => 0xFF,
            _ => return Err(NotANumber),
        };
        let (&biased, rest) = rest.split_first().ok_or(NotANumber)?;
        let (&end, pairs) = rest.split_last().ok_or(NotANumber)?;
        if end != flip || pairs.is_empty() || pairs.len() > 19 {
            return Err(NotANumber);
        }
        let mut coefficient: u128 = 0;
        for pair in pairs {
            let pair = (pair ^ flip).checked_sub(1).filter(|pair| *pair < 100).ok_or(NotANumber)?;
            coefficient = coefficient * 100 + u128::from(pair);
        }
        let digits =
            i32::try_from(coefficient.checked_ilog10().ok_or(NotANumber)?).map_err(|_| NotANumber)?;
        let magnitude = i32::from(biased ^ flip) + MAGNITUDE_MIN;
        debug_assert!(magnitude <= MAGNITUDE_MAX);
        let number = Self::normalized(flip != 0, coefficient, magnitude - digits).map_err(|_| NotANumber)?;
        let mut again = Vec::with_capacity(bytes.len());
        number.encode_ordered(&mut again);
        if again == bytes { Ok(number) } else { Err(NotANumber) }
    }
}
