//! The expression language: conditions, filters, key conditions, updates and projections.
//!
//! Text and placeholders go in; trees that are checked and ready to evaluate come out. Nothing here knows a table,
//! a key schema or the store. Text, nesting and operator counts are bounded, so that evaluation is too.

pub mod condition;
mod faults;
pub mod key_condition;
mod lexer;
mod parser;
pub mod path;
pub mod placeholders;
pub mod projection;
mod reserved;
pub mod update;

pub use condition::Condition;
pub use key_condition::KeyCondition;
pub use path::Path;
pub use placeholders::Placeholders;
pub use projection::Projection;
pub use update::Update;

/// The most bytes that the text of an expression may have.
const TEXT_BYTES_MAX: usize = 4_096;
/// The most operators and functions that an expression may have.
const OPERATORS_MAX: usize = 300;
/// The most operands that IN may have on its right side.
pub(crate) const IN_OPERANDS_MAX: usize = 100;
/// How deep parentheses, NOT and functions may be nested. AWS documents no number; the stack wants one.
const NESTING_MAX: usize = 40;

/// Which parameter an expression came in; its name stands in every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ConditionExpression`.
    Condition,
    /// `FilterExpression`.
    Filter,
    /// `KeyConditionExpression`.
    KeyCondition,
    /// `ProjectionExpression`.
    Projection,
    /// `UpdateExpression`.
    Update,
}

impl Kind {
    /// The parameter's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::KeyCondition => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        }
    }
}
