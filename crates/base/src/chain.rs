//! Prints an error with all of its causes, for operators.
//!
//! `Display` of an error never prints its own source; logs print the whole chain through this.

use std::error::Error;
use std::fmt;

/// Shows `error: cause: cause of the cause`.
pub struct Chain<'a>(pub &'a (dyn Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
