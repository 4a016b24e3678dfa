//! Numbers: their bounds, and when two values are the same although they are written differently.

use serde_json::{Number, Value};

use super::NumberRules;
use super::problems::Problems;

impl NumberRules {
    pub(super) fn check(&self, given: &Number, problems: &mut Problems) {
        let value = given.as_f64().unwrap_or(f64::NAN);
        let of = |bound: &Number| bound.as_f64().unwrap_or(f64::NAN);
        if let Some((minimum, exclusive)) = &self.minimum
            && !(value > of(minimum) || (!exclusive && value >= of(minimum)))
        {
            problems.say(|| {
                let which = if *exclusive { "not strictly greater than" } else { "lower than" };
                format!(
                    "numeric instance is {which} the required minimum (minimum: {minimum}, found: {given})"
                )
            });
        }
        if let Some((maximum, exclusive)) = &self.maximum
            && !(value < of(maximum) || (!exclusive && value <= of(maximum)))
        {
            problems.say(|| {
                let which = if *exclusive { "not strictly lower than" } else { "greater than" };
                format!(
                    "numeric instance is {which} the required maximum (maximum: {maximum}, found: {given})"
                )
            });
        }
        if let Some(divisor) = &self.multiple_of
            && !is_multiple(given, divisor)
        {
            problems.say(|| format!("remainder of division is not zero ({given} / {divisor})"));
        }
    }
}

fn is_multiple(given: &Number, divisor: &Number) -> bool {
    if let (Some(given), Some(divisor)) = (given.as_i64(), divisor.as_i64()) {
        return given.checked_rem(divisor) == Some(0);
    }
    let (Some(given), Some(divisor)) = (given.as_f64(), divisor.as_f64()) else { return false };
    let quotient = given / divisor;
    // Decimal fractions are not exact in binary: 0.3 is a multiple of 0.1.
    quotient.is_finite() && (quotient - quotient.round()).abs() <= f64::EPSILON * quotient.abs().max(1.0)
}

/// Equal as JSON: 1 and 1.0 are one number, and members have no order. Ends at the first difference.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || ((one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let known = |(name, value): (&String, &Value)| other.get(name).is_some_and(|it| same(value, it));
            one.len() == other.len() && one.iter().all(known)
        }
        _ => one == other,
    }
}

/// The same value, its members sorted and its whole numbers without fraction.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            Value::Object(sorted.into_iter().map(|(name, value)| (name.clone(), canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Number(given) => match given.as_f64() {
            Some(float) if given.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        other => other.clone(),
    }
}
