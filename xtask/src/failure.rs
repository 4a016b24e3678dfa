//! What a subcommand ends with where it does not succeed: one message for the person at the terminal.
//!
//! Not an error model: nothing in here is matched on, it is only printed.

use std::fmt;

/// A message for the person who ran the command.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What every subcommand returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says where an error happened.
pub(crate) trait At<T> {
    /// Turns the error into a failure that starts with `place`.
    fn at(self, place: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: fmt::Display> At<T> for Result<T, E> {
    fn at(self, place: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure(format!("{place}: {error}")))
    }
}
