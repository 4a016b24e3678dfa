//! Updates: parse, check, apply.

mod apply;
mod parse;

use super::path::Path;
use crate::attribute::AttributeValue;

/// What SET computes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOperand {
    /// The value at a path.
    Path(Path),
    /// A given value.
    Value(AttributeValue),
    /// `if_not_exists(path, operand)`
    IfNotExists(Path, Box<UpdateOperand>),
    /// `list_append(operand, operand)`
    ListAppend(Box<UpdateOperand>, Box<UpdateOperand>),
}

/// What SET assigns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetValue {
    /// An operand as it is.
    Operand(UpdateOperand),
    /// `a + b`
    Plus(UpdateOperand, UpdateOperand),
    /// `a - b`
    Minus(UpdateOperand, UpdateOperand),
}

/// An update, checked and ready to apply. No two of its paths overlap.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Update {
    sets: Vec<(Path, SetValue)>,
    removes: Vec<Path>,
    adds: Vec<(Path, AttributeValue)>,
    deletes: Vec<(Path, AttributeValue)>,
}

impl Update {
    /// Adds a SET. The paths of an update must not overlap.
    pub(crate) fn push_set(&mut self, path: Path, value: SetValue) {
        self.sets.push((path, value));
    }

    /// Adds a REMOVE.
    pub(crate) fn push_remove(&mut self, path: Path) {
        self.removes.push(path);
    }

    /// Adds an ADD of a number or a set.
    pub(crate) fn push_add(&mut self, path: Path, value: AttributeValue) {
        self.adds.push((path, value));
    }

    /// Adds a DELETE of a set.
    pub(crate) fn push_delete(&mut self, path: Path, value: AttributeValue) {
        self.deletes.push((path, value));
    }

    /// The paths that the update changes.
    pub fn targets(&self) -> impl Iterator<Item = &Path> {
        let sets = self.sets.iter().map(|(path, _)| path);
        let adds = self.adds.iter().map(|(path, _)| path);
        let deletes = self.deletes.iter().map(|(path, _)| path);
        sets.chain(&self.removes).chain(adds).chain(deletes)
    }

    /// Shows every path in the update, changed or read, to `see`.
    pub fn visit_paths<'a>(&'a self, see: &mut impl FnMut(&'a Path)) {
        self.targets().for_each(&mut *see);
        for (_, value) in &self.sets {
            match value {
                SetValue::Operand(operand) => operand.visit_paths(see),
                SetValue::Plus(one, two) | SetValue::Minus(one, two) => {
                    one.visit_paths(see);
                    two.visit_paths(see);
                }
            }
        }
    }
}

impl UpdateOperand {
    fn visit_paths<'a>(&'a self, see: &mut impl FnMut(&'a Path)) {
        match self {
            Self::Path(path) => see(path),
            Self::Value(_) => {}
            Self::IfNotExists(path, operand) => {
                see(path);
                operand.visit_paths(see);
            }
            Self::ListAppend(one, two) => {
                one.visit_paths(see);
                two.visit_paths(see);
            }
        }
    }
}

#[cfg(test)]
mod tests;
