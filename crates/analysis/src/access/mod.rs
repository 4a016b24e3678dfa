//! What policies grant, compared without a request: whether one grants more than another, grants something listed, or
//! grants something to everyone.
//!
//! The answers are one-sided on purpose. `Ok` means that it was shown; everything else, what could not be decided
//! included, is a list of the statements on account of which it was not.

mod external;
mod listed;
mod public;
mod statement;

use crate::json::{self, Node};
pub use external::{Exposure, Zone, exposures};
pub use listed::Listed;
pub(crate) use public::{NAMING, is_public, narrows};
pub use public::{may_be_public, no_public_access};
use statement::{Selection, Statement};

/// A statement on account of which something could not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The statement's place in its policy, from 0.
    pub index: usize,
    /// Its `Sid`.
    pub sid: Option<String>,
}

/// The text is not a policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAPolicy(String);

/// The longest document that is compared, in bytes: the most that any kind of policy may have.
pub const BYTES_MAX: usize = 20_480;

/// A policy's statements, as far as comparing needs them.
#[derive(Clone, Debug)]
pub struct Document(Vec<Statement>);

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// Where it is not JSON, or has no statements.
    pub fn parse(text: &str) -> Result<Self, NotAPolicy> {
        if text.len() > BYTES_MAX {
            return Err(NotAPolicy(format!("the policy has more than {BYTES_MAX} bytes")));
        }
        let node = json::parse(text).map_err(|error| NotAPolicy(error.to_string()))?;
        let statements = node.get("Statement").map(Node::one_or_many).unwrap_or_default();
        if statements.is_empty() {
            return Err(NotAPolicy("the policy has no statements".to_owned()));
        }
        let variables = node.get("Version").and_then(Node::text) == Some("2012-10-17");
        let read = statements.iter().map(|node| {
            Statement::read(node, variables).ok_or_else(|| NotAPolicy("a statement is not one".to_owned()))
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    fn reasons(&self, is_one: impl Fn(&Statement) -> bool) -> Vec<Reason> {
        let each = self.0.iter().enumerate().filter(|(_, statement)| is_one(statement));
        each.map(|(index, statement)| Reason { index, sid: statement.sid.clone() }).collect()
    }

    fn allows(&self) -> impl Iterator<Item = &Statement> {
        self.0.iter().filter(|statement| statement.allows)
    }

    fn denies(&self) -> impl Iterator<Item = &Statement> {
        self.0.iter().filter(|statement| !statement.allows)
    }
}

/// The allowing statements of `new` that are not shown to grant only what `existing` grants. None: no new access.
#[must_use]
pub fn new_access(new: &Document, existing: &Document) -> Vec<Reason> {
    // A denial that falls away may open what an allowance had held open all along.
    let kept = |denial: &&Statement| new.denies().any(|other| other.covers(denial));
    let lost: Vec<&Statement> = existing.denies().filter(|denial| !kept(denial)).collect();
    new.reasons(|statement| {
        let granted = || {
            let part = |part: &Statement| existing.allows().any(|other| other.covers(part));
            statement.parts().iter().all(part)
        };
        let opened = lost.iter().any(|denial| denial.touches(statement));
        statement.allows && !new.denies().any(|denial| denial.covers(statement)) && (opened || !granted())
    })
}

/// The statements that may grant something listed. None: nothing listed is granted.
#[must_use]
pub fn granted(policy: &Document, listed: &[Listed]) -> Vec<Reason> {
    let any = ["*".to_owned()];
    policy.reasons(|statement| {
        statement.allows
            && listed.iter().any(|listed| {
                let actions = if listed.actions.is_empty() { &any[..] } else { &listed.actions };
                let resources = if listed.resources.is_empty() { &any[..] } else { &listed.resources };
                let pairs = actions.iter().flat_map(|action| resources.iter().map(move |arn| (action, arn)));
                pairs.into_iter().any(|(action, arn)| {
                    let wanted = Statement::plain(Selection::action(action), Selection::of(arn));
                    statement.touches(&wanted) && !policy.denies().any(|denial| denial.covers(&wanted))
                })
            })
    })
}

#[cfg(test)]
mod tests;
