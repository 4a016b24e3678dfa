//! Where a value stands, as AWS writes it: `keySchema.1.member.attributeName`.
//!
//! Built on the stack while walking; becomes text only where something failed.

use std::fmt;

/// One step.
pub(super) enum Part<'a> {
    /// A member of a structure.
    Member(&'static str),
    /// An element of a list, counted from one.
    Index(usize),
    /// The value under a key.
    Key(&'a str),
}

/// A step and the way to it.
pub(super) struct Path<'a> {
    parent: Option<&'a Self>,
    part: Option<Part<'a>>,
}

impl<'a> Path<'a> {
    pub(super) const fn root() -> Self {
        Self { parent: None, part: None }
    }

    pub(super) const fn then<'b>(&'b self, part: Part<'b>) -> Path<'b>
    where
        'a: 'b,
    {
        Path { parent: Some(self), part: Some(part) }
    }

    /// The last step alone.
    pub(super) fn last(&self) -> String {
        self.part.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => {
                let mut chars = name.chars();
                if let Some(first) = chars.next() {
                    write!(f, "{}", first.to_ascii_lowercase())?;
                }
                f.write_str(chars.as_str())
            }
            Self::Index(index) => write!(f, "{index}.member"),
            Self::Key(key) => write!(f, "{}.member", key.chars().take(255).collect::<String>()),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(part) = &self.part else { return Ok(()) };
        if let Some(parent) = self.parent.filter(|parent| parent.part.is_some()) {
            write!(f, "{parent}.")?;
        }
        write!(f, "{part}")
    }
}
