//! Exact addition and subtraction.
//!
//! A sum that needs more than 38 digits is refused, not rounded. DynamoDB calls that an overflow.

use super::{COEFFICIENT_LIMIT, Number, OVERFLOW};
use crate::invalid::Invalid;

impl Number {
    /// The exact sum.
    ///
    /// # Errors
    /// The sum is out of range or needs more than 38 digits.
    pub fn plus(&self, other: &Self) -> Result<Self, Invalid> {
        if self.coefficient == 0 {
            return Ok(*other);
        }
        if other.coefficient == 0 {
            return Ok(*self);
        }
        let (high, low) = if self.exponent >= other.exponent { (self, other) } else { (other, self) };
        // Both in units of the lower exponent. Where that does not fit 128 bits, the sum has over 38 digits too:
        // its last digit is the low operand's, and 2^128 is more than twice the largest coefficient.
        let shift = u32::from(high.exponent.abs_diff(low.exponent));
        let raised = 10_u128
            .checked_pow(shift)
            .and_then(|scale| high.coefficient.checked_mul(scale))
            .ok_or_else(|| Invalid::new(OVERFLOW))?;
        let (is_negative, coefficient) = if high.is_negative == low.is_negative {
            let sum = raised.checked_add(low.coefficient).ok_or_else(|| Invalid::new(OVERFLOW))?;
            (high.is_negative, sum)
        } else if raised >= low.coefficient {
            (high.is_negative, raised - low.coefficient)
        } else {
            (low.is_negative, low.coefficient - raised)
        };
        if coefficient >= COEFFICIENT_LIMIT && !coefficient.is_multiple_of(10) {
            return Err(Invalid::new(OVERFLOW));
        }
        Self::normalized(is_negative, coefficient, low.exponent.into())
    }

    /// The exact difference.
    ///
    /// # Errors
    /// The difference is out of range or needs more than 38 digits.
    pub fn minus(&self, other: &Self) -> Result<Self, Invalid> {
        self.plus(&other.negated())
    }

    const fn negated(self) -> Self {
        Self { is_negative: !self.is_negative && self.coefficient != 0, ..self }
    }
}
