//! PartiQL: the SQL in which items can be read and written.
//!
//! Text and parameters go in; a statement whose conditions and changes are DynamoDB's own comes out, so that nothing is
//! evaluated twice. Nothing here knows the store. Text, nesting and counts are bounded.

mod condition;
mod cursor;
mod lexer;
pub(crate) mod search;
mod statement;
mod value;

use crate::attribute::AttributeValue;
use crate::expression::{Condition, Path, Update};
use crate::invalid::Invalid;

/// The most bytes of a statement.
const TEXT_BYTES_MAX: usize = 8_192;
/// How deep conditions and values may be nested.
const NESTING_MAX: usize = 32;

/// What a statement does, and to which table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The table's name or ARN.
    pub table: String,
    /// The index, of a SELECT.
    pub index: Option<String>,
    /// What it does.
    pub verb: Verb,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads items.
    Select {
        /// The paths that are answered; all of them where there are none.
        paths: Vec<Path>,
        /// Which items.
        condition: Option<Condition>,
        /// The attributes by which they are ordered, true where largest first.
        order: Vec<(String, bool)>,
        /// True for `EXISTS(SELECT …)`, which answers nothing.
        is_check: bool,
    },
    /// Makes an item that must not be there.
    Insert(Vec<(String, AttributeValue)>),
    /// Changes an item that must be there.
    Update {
        /// The changes.
        update: Update,
        /// Which item, and under which condition.
        condition: Option<Condition>,
        /// What is answered.
        returning: Option<&'static str>,
    },
    /// Deletes an item.
    Delete {
        /// Which item, and under which condition.
        condition: Option<Condition>,
        /// What is answered.
        returning: Option<&'static str>,
    },
}

impl Statement {
    /// Parses one statement, whose `?` are the parameters in their order.
    ///
    /// # Errors
    /// The text is no statement, or does not use each parameter once.
    pub fn parse(text: &str, parameters: &[AttributeValue]) -> Result<Self, Invalid> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Invalid::new(format!(
                "Statement is longer than the maximum of {TEXT_BYTES_MAX} bytes"
            )));
        }
        let mut cursor = cursor::Cursor::new(text, parameters);
        let statement = statement::statement(&mut cursor)?;
        cursor.finish()?;
        Ok(statement)
    }

    /// True where it changes nothing.
    pub const fn is_read(&self) -> bool {
        matches!(self.verb, Verb::Select { .. })
    }

    /// The condition behind WHERE.
    pub const fn condition(&self) -> Option<&Condition> {
        match &self.verb {
            Verb::Select { condition, .. }
            | Verb::Update { condition, .. }
            | Verb::Delete { condition, .. } => condition.as_ref(),
            Verb::Insert(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
