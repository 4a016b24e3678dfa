//! DynamoDB's number: a decimal of up to 38 significant digits between 1E-130 and 9.99…E+125, and zero.
//!
//! Nothing is ever rounded: what does not fit is refused, in arithmetic as in parsing. There is no NaN, no infinity
//! and no negative zero.

mod arithmetic;
mod key;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::invalid::Invalid;

pub use key::NotANumber;

/// The most significant digits that a number may have.
const DIGITS_MAX: u32 = 38;
/// The largest power of ten of a number's first digit.
const MAGNITUDE_MAX: i32 = 125;
/// The smallest power of ten of a number's first digit.
const MAGNITUDE_MIN: i32 = -130;
/// The first coefficient that has too many digits.
const COEFFICIENT_LIMIT: u128 = 10_u128.pow(DIGITS_MAX);

const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";
const TOO_PRECISE: &str = "Attempting to store more than 38 significant digits in a Number";

/// A decimal number, always in lowest terms: the coefficient never ends in a zero, and zero has exponent 0.
///
/// Equal numbers are equal field by field, so equality and hashing are derived.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Number {
    is_negative: bool,
    coefficient: u128,
    exponent: i16,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self { is_negative: false, coefficient: 0, exponent: 0 };

    /// Brings a number to lowest terms and checks that it fits.
    fn normalized(is_negative: bool, coefficient: u128, exponent: i32) -> Result<Self, Invalid> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        let (mut coefficient, mut exponent) = (coefficient, exponent);
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            exponent += 1;
        }
        if coefficient >= COEFFICIENT_LIMIT {
            return Err(Invalid::new(TOO_PRECISE));
        }
        let magnitude = exponent.saturating_add(i32::try_from(coefficient.ilog10()).unwrap_or(i32::MAX));
        if magnitude > MAGNITUDE_MAX {
            return Err(Invalid::new(OVERFLOW));
        }
        if magnitude < MAGNITUDE_MIN {
            return Err(Invalid::new(UNDERFLOW));
        }
        let exponent = i16::try_from(exponent).map_err(|_| Invalid::new(OVERFLOW))?;
        Ok(Self { is_negative, coefficient, exponent })
    }

    /// A number from its parts as stored: `None` where they are not in lowest terms or out of range.
    pub(crate) fn from_parts(is_negative: bool, coefficient: u128, exponent: i16) -> Option<Self> {
        let number = Self::normalized(is_negative, coefficient, exponent.into()).ok()?;
        (number == Self { is_negative, coefficient, exponent }).then_some(number)
    }

    /// Sign, coefficient and exponent, for storage.
    pub(crate) const fn parts(&self) -> (bool, u128, i16) {
        (self.is_negative, self.coefficient, self.exponent)
    }

    /// The power of ten of the first digit; zero for zero.
    fn magnitude(&self) -> i32 {
        i32::from(self.exponent) + i32::try_from(self.digits()).unwrap_or(0) - 1
    }

    /// How many significant digits there are; one for zero.
    fn digits(&self) -> u32 {
        self.coefficient.checked_ilog10().unwrap_or(0) + 1
    }

    /// The coefficient with as many digits as any number may have: comparable between equal magnitudes.
    fn aligned(&self) -> u128 {
        self.coefficient.saturating_mul(10_u128.saturating_pow(DIGITS_MAX.saturating_sub(self.digits())))
    }

    /// How many bytes the number counts for in an item.
    pub(crate) fn size_bytes(&self) -> usize {
        if self.coefficient == 0 {
            return 1;
        }
        let digits = self.digits();
        let pair_straddles = digits.is_multiple_of(2) && self.magnitude() % 2 == 0;
        let pairs = usize::try_from(digits.div_ceil(2)).unwrap_or(0);
        1 + pairs + usize::from(pair_straddles) + usize::from(self.is_negative)
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        // Twenty digits always fit.
        Self::normalized(false, value.into(), 0).unwrap_or(Self::ZERO)
    }
}

impl FromStr for Number {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("The parameter cannot be converted to a numeric value"));
        }
        let not_numeric =
            || Invalid::new(format!("The parameter cannot be converted to a numeric value: {text}"));
        let literal = Literal::parse(text).ok_or_else(not_numeric)?;
        literal.number()
    }
}

/// A number as written: sign, digits around a point, exponent.
struct Literal<'a> {
    is_negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

/// Exponents beyond this are out of range whatever the digits are: a request is far shorter than that.
const EXPONENT_SATURATION: i64 = 1_000_000_000_000;

impl<'a> Literal<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (is_negative, unsigned) = split_sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_digit = !(whole.is_empty() && fraction.is_empty());
        (has_digit && all_digits(whole) && all_digits(fraction)).then_some(Self {
            is_negative,
            whole,
            fraction,
            exponent,
        })
    }

    fn number(&self) -> Result<Number, Invalid> {
        let mut coefficient: u128 = 0;
        // Zeros seen since the last non-zero digit: they count only once another digit follows.
        let mut pending_zeros: u32 = 0;
        let mut is_too_precise = false;
        for byte in self.whole.bytes().chain(self.fraction.bytes()) {
            let digit = u128::from(byte.wrapping_sub(b'0'));
            if digit == 0 {
                pending_zeros = pending_zeros.saturating_add(u32::from(coefficient != 0));
                continue;
            }
            let grown = 10_u128
                .checked_pow(pending_zeros.saturating_add(1))
                .and_then(|scale| coefficient.checked_mul(scale))
                .and_then(|scaled| scaled.checked_add(digit))
                .filter(|grown| *grown < COEFFICIENT_LIMIT);
            pending_zeros = 0;
            match grown {
                Some(grown) => coefficient = grown,
                None => {
                    is_too_precise = true;
                    break;
                }
            }
        }
        if is_too_precise {
            return Err(self.beyond_precision());
        }
        let fraction_digits = i64::try_from(self.fraction.len()).unwrap_or(i64::MAX);
        let exponent = self.exponent.saturating_sub(fraction_digits).saturating_add(pending_zeros.into());
        let clamped = i32::try_from(exponent.clamp(-1_000_000_000, 1_000_000_000)).unwrap_or(i32::MAX);
        Number::normalized(self.is_negative, coefficient, clamped)
    }

    /// DynamoDB reports a magnitude out of range before too many digits.
    fn beyond_precision(&self) -> Invalid {
        let significant = self.whole.trim_start_matches('0');
        let magnitude = if significant.is_empty() {
            let zeros = self.fraction.bytes().take_while(|byte| *byte == b'0').count();
            self.exponent.saturating_sub(i64::try_from(zeros).unwrap_or(i64::MAX)).saturating_sub(1)
        } else {
            self.exponent
                .saturating_add(i64::try_from(significant.len()).unwrap_or(i64::MAX))
                .saturating_sub(1)
        };
        if magnitude > MAGNITUDE_MAX.into() {
            Invalid::new(OVERFLOW)
        } else if magnitude < MAGNITUDE_MIN.into() {
            Invalid::new(UNDERFLOW)
        } else {
            Invalid::new(TOO_PRECISE)
        }
    }
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(unsigned) => (true, unsigned),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = split_sign(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Only digits are left, so a failure can only mean that there are too many of them.
    let size = digits.parse::<i64>().unwrap_or(EXPONENT_SATURATION).min(EXPONENT_SATURATION);
    Some(if is_negative { -size } else { size })
}

/// The plain form that DynamoDB answers: no exponent, no superfluous zeros.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.coefficient.to_string();
        let sign = if self.is_negative { "-" } else { "" };
        let exponent = i32::from(self.exponent);
        if exponent >= 0 {
            let zeros = usize::try_from(exponent).unwrap_or(0);
            return write!(f, "{sign}{digits}{:0<zeros$}", "");
        }
        let places = usize::try_from(-exponent).unwrap_or(0);
        match digits.len().checked_sub(places) {
            None | Some(0) => write!(f, "{sign}0.{digits:0>places$}"),
            Some(point) => {
                let (whole, fraction) = digits.split_at(point);
                write!(f, "{sign}{whole}.{fraction}")
            }
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.coefficient, number.is_negative) {
            (0, _) => 0,
            (_, false) => 1,
            (_, true) => -1,
        };
        let size = |one: &Self, two: &Self| {
            one.magnitude().cmp(&two.magnitude()).then_with(|| one.aligned().cmp(&two.aligned()))
        };
        sign(self)
            .cmp(&sign(other))
            .then_with(|| if self.is_negative { size(other, self) } else { size(self, other) })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
