//! The one thing that can be wrong with a request: a message in DynamoDB's own words.
//!
//! It knows no error code: the service answers every one of these as a `ValidationException`.

use std::fmt;

/// Why a request is not valid, as the caller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    /// From the caller's message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The prefix that DynamoDB puts before most of its messages about values.
    pub(crate) fn parameter(message: impl fmt::Display) -> Self {
        Self(format!("One or more parameter values were invalid: {message}"))
    }

    /// The same message behind `prefix`.
    #[must_use]
    pub fn within(self, prefix: impl fmt::Display) -> Self {
        Self(format!("{prefix}{}", self.0))
    }

    /// The caller's message.
    pub fn message(&self) -> &str {
        &self.0
    }

    /// The caller's message, taken out.
    pub fn into_message(self) -> String {
        self.0
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}
