//! `Tags.member.1.Key=a` and its siblings as a tree: sorted pairs, and slices of them.
//!
//! SECURITY: built from the caller's own names. No memory is spent a step, every path has a length, and a name twice is
//! refused: what was validated and what a handler sees must be the same.

use super::super::form::{self, Pair};
use super::super::{DEPTH_MAX, query::ENVELOPE};
use crate::Fault;

/// The members' pairs, sorted by name.
pub(super) struct Nodes<'a>(Vec<(&'a str, &'a str)>);

/// One step of a path: its own value, and the pairs that stand below.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) value: Option<&'a str>,
    below: &'a [(&'a str, &'a str)],
    /// How much of each name below leads here.
    prefix: usize,
}

impl<'a> Nodes<'a> {
    /// Sorts the pairs of a form; parameters of the envelope are left out.
    pub(super) fn new(pairs: &'a [Pair<'a>]) -> Result<Self, Fault> {
        let members = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let mut members: Vec<(&str, &str)> = members.filter(|(name, _)| !ENVELOPE.contains(name)).collect();
        // A list or map takes two steps a level.
        if members.iter().any(|(name, _)| memchr::memchr_iter(b'.', name.as_bytes()).count() > 2 * DEPTH_MAX)
        {
            return Err(form::malformed("A parameter's name is nested too deeply"));
        }
        members.sort_unstable();
        for pair in members.windows(2) {
            if let [(left, _), (right, _)] = pair
                && left == right
            {
                return Err(form::malformed(&format!("The parameter {} is given twice", shown(left))));
            }
        }
        Ok(Self(members))
    }

    /// What has no name.
    pub(super) fn root(&'a self) -> Node<'a> {
        Node { value: None, below: &self.0, prefix: 0 }
    }
}

impl<'a> Node<'a> {
    fn rest(&self, name: &'a str) -> &'a str {
        name.get(self.prefix..).unwrap_or_default()
    }

    /// What stands under a name; the name may itself have dots.
    pub(super) fn child(&self, name: &str) -> Option<Self> {
        let from = |start: &str| {
            let at = self.below.partition_point(|(path, _)| self.rest(path) < start);
            self.below.get(at..).unwrap_or_default()
        };
        let value = from(name).first().filter(|(path, _)| self.rest(path) == name).map(|(_, value)| *value);
        let start = format!("{name}.");
        let below = from(&start);
        let end = below.partition_point(|(path, _)| self.rest(path).starts_with(&start));
        let below = below.get(..end).unwrap_or_default();
        let found = value.is_some() || !below.is_empty();
        found.then_some(Self { value, below, prefix: self.prefix + start.len() })
    }

    /// Children under `1`, `2`, … in numeric order. Gaps are closed; anything but a number is refused.
    pub(super) fn numbered(&self) -> Result<Vec<Self>, Fault> {
        let mut indices: Vec<(u32, &str)> = Vec::new();
        for (path, _) in self.below {
            let index = self.rest(path).split('.').next().unwrap_or_default();
            if indices.last().is_some_and(|(_, last)| *last == index) {
                continue;
            }
            let digits = index.bytes().all(|byte| byte.is_ascii_digit());
            match index.parse() {
                Ok(number) if digits && number > 0 => indices.push((number, index)),
                _ => return Err(form::malformed(&format!("{} is not a valid index", shown(index)))),
            }
        }
        indices.sort_unstable();
        let twice = indices.windows(2).any(|pair| matches!(pair, [(left, _), (right, _)] if left == right));
        if twice {
            return Err(form::malformed("An index is given twice"));
        }
        Ok(indices.into_iter().filter_map(|(_, index)| self.child(index)).collect())
    }
}

fn shown(name: &str) -> String {
    name.chars().take(128).collect()
}
