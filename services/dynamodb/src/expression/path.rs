//! Document paths: `a.b[3].c`, with every placeholder replaced by the name it stands for.

use std::fmt;

use crate::attribute::{AttributeValue, Attributes};

/// How many steps a path may have.
pub(super) const STEPS_MAX: usize = 32;

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into a map, by name.
    Name(String),
    /// Into a list, by position.
    Index(u32),
}

/// Where in an item a value is: the name of an attribute, and steps into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    head: String,
    steps: Vec<Step>,
}

/// How two paths stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Neither contains the other.
    Apart,
    /// They are equal, or one contains the other.
    Overlap,
    /// They want the same value to be a list and a map.
    Conflict,
}

impl Path {
    /// A path of an attribute's name alone.
    pub fn of_attribute(head: impl Into<String>) -> Self {
        Self { head: head.into(), steps: Vec::new() }
    }

    /// The same path with one more step.
    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The attribute's name.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The steps into the attribute.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// True where the path goes into an attribute.
    pub fn is_nested(&self) -> bool {
        !self.steps.is_empty()
    }

    /// The name under which PartiQL answers the value: the last one.
    pub fn name(&self) -> String {
        match self.steps.last() {
            None => self.head.clone(),
            Some(Step::Name(name)) => name.clone(),
            Some(Step::Index(_)) => self.to_string(),
        }
    }

    /// The value at this path.
    pub fn get<'a>(&self, item: &'a Attributes) -> Option<&'a AttributeValue> {
        let mut value = item.get(&self.head)?;
        for step in &self.steps {
            value = match (step, value) {
                (Step::Name(name), AttributeValue::M(map)) => map.get(name)?,
                (Step::Index(index), AttributeValue::L(list)) => list.get(usize::try_from(*index).ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// True where neither path contains the other, nor wants another kind of value there.
    pub(crate) fn is_apart_from(&self, other: &Self) -> bool {
        self.relation(other) == Relation::Apart
    }

    pub(super) fn relation(&self, other: &Self) -> Relation {
        if self.head != other.head {
            return Relation::Apart;
        }
        for pair in self.steps.iter().zip(&other.steps) {
            match pair {
                (Step::Name(one), Step::Name(two)) if one == two => {}
                (Step::Index(one), Step::Index(two)) if one == two => {}
                (Step::Name(_), Step::Name(_)) | (Step::Index(_), Step::Index(_)) => return Relation::Apart,
                _ => return Relation::Conflict,
            }
        }
        Relation::Overlap
    }
}

/// `[a, b, [3]]`: the form in which messages show paths.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.head)?;
        for step in &self.steps {
            match step {
                Step::Name(name) => write!(f, ", {name}")?,
                Step::Index(index) => write!(f, ", [{index}]")?,
            }
        }
        f.write_str("]")
    }
}
