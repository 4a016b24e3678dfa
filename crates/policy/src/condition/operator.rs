//! The names of condition operators: `ForAnyValue:`, the operator itself, `IfExists`.
//!
//! Names are compared exactly, as IAM does.

use std::cmp::Ordering;

use crate::error::PolicyError;

/// How the several values of a request's key are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// The key has one value.
    Single,
    /// One of them must fit.
    ForAnyValue,
    /// All of them must fit; none at all does.
    ForAllValues,
}

/// What two values are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    StringEquals { fold: bool },
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

/// The order in which the request's value must stand to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A parsed operator name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) set: Set,
    pub(crate) comparison: Comparison,
    /// `…Not…`: the comparison must fail for every value of the policy.
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
}

impl Operator {
    /// Reads an operator's name.
    pub(crate) fn parse(name: &str) -> Result<Self, PolicyError> {
        let unknown = || PolicyError::syntax(format!("`{name}` is not a condition operator"));
        let (set, rest) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Set::ForAnyValue, rest),
            Some(("ForAllValues", rest)) => (Set::ForAllValues, rest),
            Some(_) => return Err(unknown()),
            None => (Set::Single, name),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let (comparison, negated) = comparison(rest).ok_or_else(unknown)?;
        if comparison == Comparison::Null && (if_exists || set != Set::Single) {
            return Err(unknown());
        }
        Ok(Self { set, comparison, negated, if_exists })
    }
}

impl Operator {
    /// True where nothing but a value that the policy lists makes it hold: not where the key's absence or another value does.
    pub(crate) fn asks_for_a_value(self) -> bool {
        let listed = self.set != Set::ForAllValues && !self.negated && !self.if_exists;
        listed
            && matches!(
                self.comparison,
                Comparison::StringEquals { .. } | Comparison::StringLike | Comparison::Arn
            )
    }
}

/// An operator without prefix and suffix, and whether it is the negated one.
fn comparison(name: &str) -> Option<(Comparison, bool)> {
    let comparison = match name {
        "StringEquals" | "StringNotEquals" => Comparison::StringEquals { fold: false },
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => Comparison::StringEquals { fold: true },
        "StringLike" | "StringNotLike" => Comparison::StringLike,
        "NumericEquals" | "NumericNotEquals" => Comparison::Numeric(Order::Equal),
        "NumericLessThan" => Comparison::Numeric(Order::Less),
        "NumericLessThanEquals" => Comparison::Numeric(Order::LessOrEqual),
        "NumericGreaterThan" => Comparison::Numeric(Order::Greater),
        "NumericGreaterThanEquals" => Comparison::Numeric(Order::GreaterOrEqual),
        "DateEquals" | "DateNotEquals" => Comparison::Date(Order::Equal),
        "DateLessThan" => Comparison::Date(Order::Less),
        "DateLessThanEquals" => Comparison::Date(Order::LessOrEqual),
        "DateGreaterThan" => Comparison::Date(Order::Greater),
        "DateGreaterThanEquals" => Comparison::Date(Order::GreaterOrEqual),
        "Bool" => Comparison::Bool,
        "BinaryEquals" => Comparison::Binary,
        "IpAddress" | "NotIpAddress" => Comparison::IpAddress,
        "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => Comparison::Arn,
        "Null" => Comparison::Null,
        _ => return None,
    };
    Some((comparison, name.contains("Not")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart() {
        let operator = |set, comparison, negated, if_exists| Operator { set, comparison, negated, if_exists };
        let string = Comparison::StringEquals { fold: false };
        for (name, expected) in [
            ("StringEquals", operator(Set::Single, string, false, false)),
            ("ForAnyValue:StringNotLike", operator(Set::ForAnyValue, Comparison::StringLike, true, false)),
            ("ForAllValues:StringEqualsIfExists", operator(Set::ForAllValues, string, false, true)),
            ("NotIpAddressIfExists", operator(Set::Single, Comparison::IpAddress, true, true)),
            ("Null", operator(Set::Single, Comparison::Null, false, false)),
        ] {
            assert_eq!(Operator::parse(name).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in
            ["", "stringequals", "StringEqual", "ForSome:Bool", "NullIfExists", "ForAnyValue:Null", "BoolNot"]
        {
            assert!(Operator::parse(name).is_err(), "{name}");
        }
    }
}
