//! Members that the model calls sensitive, as plain Rust: they travel, and are never printed.
//!
//! Does not encrypt and does not wipe memory; secrets that outlive a call belong in `base::SecretString`.

use std::fmt;

use crate::value::{FromValue, IntoValue, ShapeMismatch, Value};

/// A value that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Hides the value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. The caller must not log it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, owned. The caller must not log it.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(…)")
    }
}

impl<T: FromValue> FromValue for Sensitive<T> {
    fn from_value(value: Value) -> Result<Self, ShapeMismatch> {
        T::from_value(value).map(Self)
    }

    fn from_absent() -> Result<Self, ShapeMismatch> {
        T::from_absent().map(Self)
    }
}

impl<T: IntoValue> IntoValue for Sensitive<T> {
    fn into_value(self) -> Value {
        self.0.into_value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Sensitive::new("hunter2")), "Sensitive(…)");
    }
}
