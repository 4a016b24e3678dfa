//! Conditions and filters: parse, check, evaluate.

mod evaluate;
mod functions;
mod parse;

use super::path::Path;
use crate::attribute::AttributeValue;

/// What a comparison or a function works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The value at a path, if there is one.
    Path(Path),
    /// A given value.
    Value(AttributeValue),
    /// The size of another operand.
    Size(Box<Operand>),
}

/// The comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
}

impl Comparator {
    /// The operator as it is written.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
        }
    }

    const fn is_ordering(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}

/// A condition, checked and ready to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// All of them.
    And(Vec<Condition>),
    /// Any of them.
    Or(Vec<Condition>),
    /// The opposite.
    Not(Box<Condition>),
    /// `a < b`
    Compare(Comparator, Operand, Operand),
    /// `a BETWEEN b AND c`
    Between(Operand, Operand, Operand),
    /// `a IN (b, c)`
    In(Operand, Vec<Operand>),
    /// `attribute_exists(a)`
    Exists(Path),
    /// `attribute_not_exists(a)`
    NotExists(Path),
    /// `attribute_type(a, :type)`
    Type(Operand, String),
    /// `begins_with(a, b)`
    BeginsWith(Operand, Operand),
    /// `contains(a, b)`
    Contains(Operand, Operand),
}

impl Condition {
    /// Shows every path in the condition to `see`.
    pub fn visit_paths<'a>(&'a self, see: &mut impl FnMut(&'a Path)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.visit_paths(see)),
            Self::Not(one) => one.visit_paths(see),
            Self::Compare(_, one, two) | Self::BeginsWith(one, two) | Self::Contains(one, two) => {
                one.visit_paths(see);
                two.visit_paths(see);
            }
            Self::Between(one, two, three) => {
                [one, two, three].into_iter().for_each(|operand| operand.visit_paths(see));
            }
            Self::In(one, others) => {
                one.visit_paths(see);
                others.iter().for_each(|operand| operand.visit_paths(see));
            }
            Self::Exists(path) | Self::NotExists(path) => see(path),
            Self::Type(one, _) => one.visit_paths(see),
        }
    }
}

impl Operand {
    fn visit_paths<'a>(&'a self, see: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Path(path) => see(path),
            Self::Value(_) => {}
            Self::Size(operand) => operand.visit_paths(see),
        }
    }

    /// The type that this operand has whatever the item is; `None` for paths.
    fn fixed_type(&self) -> Option<&'static str> {
        match self {
            Self::Path(_) => None,
            Self::Value(value) => Some(value.type_name()),
            Self::Size(_) => Some("N"),
        }
    }
}

#[cfg(test)]
mod tests;
