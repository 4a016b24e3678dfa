//! Input or output of a sample operation: whatever members it has.

use protocol::{FromValue, IntoValue, ShapeMismatch, Value};

/// The members as they are.
#[derive(Clone, Debug)]
pub struct Members(pub Value);

impl FromValue for Members {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        Ok(Self(value))
    }
}

impl IntoValue for Members {
    fn into_value(self) -> Value {
        self.0
    }
}
