//! Filter patterns: terms, and conditions on JSON messages.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
//! Space-delimited patterns (`[a, b]`) and regular expressions (`%…%`) are refused by name: a pattern that is not understood never
//! matches by accident, nor does it hide what it should have found.

mod json;
mod terms;

use crate::error::Error;

/// A parsed pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// The empty pattern.
    Everything,
    /// Words and phrases.
    Terms(terms::Terms),
    /// A condition on a JSON message.
    Json(json::Condition),
}

impl Pattern {
    /// Parses a pattern; the model has checked its length.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match text.chars().next() {
            None => Ok(Self::Everything),
            Some('{') => json::parse(text).map(Self::Json),
            Some('[') => Err(unsupported("space-delimited patterns ([…])")),
            Some(_) => terms::parse(text).map(Self::Terms),
        }
    }

    /// True where the message is one that the pattern looks for.
    pub(crate) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Terms(terms) => terms.matches(message),
            Self::Json(condition) => {
                serde_json::from_str(message).is_ok_and(|message| condition.matches(&message))
            }
        }
    }
}

fn unsupported(what: &str) -> Error {
    Error::invalid(format!("Invalid filter pattern: {what} are not supported yet."))
}

fn invalid(reason: impl std::fmt::Display) -> Error {
    Error::invalid(format!("Invalid filter pattern: {reason}."))
}
