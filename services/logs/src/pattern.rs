//! Filter patterns: terms, conditions on JSON messages, and conditions on the fields of space-delimited ones.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
//! A pattern that is not understood is refused: it never matches by accident, nor does it hide what it should have found.
//! Knows nothing of groups and streams.

mod comparison;
mod condition;
mod cursor;
mod fields;
mod json;
mod regex;
mod selector;
mod terms;

use serde_json::Value;

use crate::error::Error;
use condition::Condition;
use cursor::Cursor;

/// Regular expressions of one pattern: the service's quota.
const REGEXES_MAX: usize = 2;
/// Selectors of one pattern that name all elements: the service's quota.
const WILDCARDS_MAX: usize = 3;
/// How many states of automatons, or terms, cost as much as one look at a message.
const STATES_A_LOOK: usize = 16;

/// A parsed pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    shape: Shape,
    weight: usize,
}

#[derive(Debug)]
enum Shape {
    /// The empty pattern.
    Everything,
    /// Words, phrases and regular expressions.
    Terms(terms::Terms),
    /// A condition on a JSON message.
    Json(Condition<json::Test>),
    /// Conditions on a message's fields.
    Fields(fields::Fields),
}

impl Pattern {
    /// Parses a pattern; the model has checked its length.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let mut cursor = Cursor::new(text);
        let shape = match text.chars().next() {
            None => Shape::Everything,
            Some('{') => Shape::Json(json::parse(&mut cursor)?),
            Some('[') => Shape::Fields(fields::parse(&mut cursor)?),
            Some(_) if is_blank_phrase(text) => Shape::Everything,
            Some(_) => Shape::Terms(terms::parse(&mut cursor)?),
        };
        Ok(Self { shape, weight: 1 + cursor.cost() / STATES_A_LOOK })
    }

    /// True where the message is one that the pattern looks for.
    pub(crate) fn matches(&self, message: &str) -> bool {
        match &self.shape {
            Shape::Everything => true,
            Shape::Terms(terms) => terms.matches(message),
            Shape::Json(condition) => serde_json::from_str(message)
                .is_ok_and(|message: Value| condition.holds(&|test: &json::Test| test.holds(&message))),
            Shape::Fields(fields) => fields.matches(message),
        }
    }

    /// What a look at one byte of a message costs; that of a plain pattern is 1.
    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }
}

/// Quotation marks with nothing between them match everything, the service says.
fn is_blank_phrase(text: &str) -> bool {
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::invalid(format!("Invalid filter pattern: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costly_patterns_weigh_more() {
        let weight = |pattern: &str| Pattern::parse(pattern).unwrap().weight();
        assert_eq!(weight(""), 1);
        assert_eq!(weight("ERROR"), 1);
        assert_eq!(weight("{ $.a = 1 }"), 1);
        assert!(weight("%[ab]*a[ab]{200}%") > 10);
        assert!(weight(&"a ".repeat(64)) > 4);
    }
}
