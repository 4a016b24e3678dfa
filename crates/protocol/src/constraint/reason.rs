//! Why a value is refused, in the words of APIs that give each such refusal a `Reason`.
//!
//! Names and meanings are those of Organizations' `InvalidInputException`:
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html>. It judges no value.

use super::Constraint;
use crate::model::{Model, Shape};

/// One reason: its name, and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reason {
    name: &'static str,
    sentence: &'static str,
}

impl Reason {
    pub(super) const INPUT_REQUIRED: Self =
        Self { name: "INPUT_REQUIRED", sentence: "You must include a value for all required parameters." };
    pub(super) const INVALID_LIST_MEMBER: Self = Self {
        name: "INVALID_LIST_MEMBER",
        sentence: "You provided a list to a parameter that contains at least one invalid value.",
    };

    /// The reason of a broken constraint.
    pub(super) const fn of(constraint: Constraint) -> Self {
        let (name, sentence) = match constraint {
            Constraint::LengthMax(_) => {
                ("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed.")
            }
            Constraint::LengthMin(_) => {
                ("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed.")
            }
            Constraint::ValueMax(_) => (
                "MAX_VALUE_EXCEEDED",
                "You provided a numeric parameter that has a larger value than allowed.",
            ),
            Constraint::ValueMin(_) => (
                "MIN_VALUE_EXCEEDED",
                "You provided a numeric parameter that has a smaller value than allowed.",
            ),
            Constraint::Pattern(_) => {
                ("INVALID_PATTERN", "You provided a value that does not match the required pattern.")
            }
            Constraint::Enum(_) => ("INVALID_ENUM", "You specified an invalid value."),
        };
        Self { name, sentence }
    }

    /// The same, under the name that the model's shape has for it, if any.
    pub(super) fn of_shape(self, model: &Model, shape: Shape) -> Self {
        let own = model.validation_reasons.iter().flatten().find(|(name, _)| *name == shape.name());
        match own {
            Some((_, name)) if self.name != Self::INPUT_REQUIRED.name => Self { name, ..self },
            _ => self,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        self.name
    }

    pub(super) const fn sentence(self) -> &'static str {
        self.sentence
    }
}
