//! Which of several errors in one expression is reported: DynamoDB has an order, and within it the first one counts.

use crate::invalid::Invalid;

/// The classes of errors, in the order in which DynamoDB reports them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Parentheses,
    UnknownFunction,
    MisusedFunction,
    Reserved,
    /// Whatever was wrong in the first faulty comparison or function: see [`Faults::close_leaf`].
    Leaf,
    Section,
    UndefinedName,
    UndefinedValue,
    Overlap,
    Conflict,
    Limit,
    /// The value of ADD or DELETE.
    ChangingValue,
    OperandCount,
    Distinct,
    Operand,
}

/// The errors found so far, at most one of a class.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(Class, String)>);

impl Faults {
    /// Remembers an error, unless one of its class is known already.
    pub(super) fn note(&mut self, class: Class, message: impl Into<String>) {
        if !self.0.iter().any(|(known, _)| *known == class) {
            self.0.push((class, message.into()));
        }
    }

    /// Ends a comparison or a function of a condition: conditions report the first one with an error in it.
    pub(super) fn close_leaf(&mut self) {
        let leaf = self.0.iter().filter(|(class, _)| *class > Class::Leaf).min_by_key(|(class, _)| *class);
        if let Some((_, message)) = leaf.cloned() {
            self.note(Class::Leaf, message);
        }
    }

    /// The error to report, if there is one.
    pub(super) fn into_result(self) -> Result<(), Invalid> {
        match self.0.into_iter().min_by_key(|(class, _)| *class) {
            Some((_, message)) => Err(Invalid::new(message)),
            None => Ok(()),
        }
    }
}
