//! `Tags.member.1.Key=a` and its siblings as a tree.
//!
//! SECURITY: built from the caller's own names, so every path has a length, and a name twice is refused: what was
//! validated and what a handler sees must be the same.

use std::collections::BTreeMap;

use super::super::{DEPTH_MAX, form};
use crate::Fault;

/// One step of a path: its own value, and what stands below.
#[derive(Default)]
pub(super) struct Node<'a> {
    pub(super) value: Option<&'a str>,
    children: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    /// Adds a pair under its path.
    pub(super) fn insert(&mut self, path: &'a str, value: &'a str) -> Result<(), Fault> {
        // A list or map takes two steps a level.
        if memchr::memchr_iter(b'.', path.as_bytes()).count() > 2 * DEPTH_MAX {
            return Err(form::malformed("A parameter's name is nested too deeply"));
        }
        let mut node = self;
        for step in path.split('.') {
            node = node.children.entry(step).or_default();
        }
        if node.value.replace(value).is_some() {
            return Err(form::malformed(&format!("The parameter {} is given twice", shown(path))));
        }
        Ok(())
    }

    /// What stands under a path of names, which the model may join with dots.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        name.split('.').try_fold(self, |node, step| node.children.get(step))
    }

    /// Children under `1`, `2`, … in numeric order. Gaps are closed; anything but a number is refused.
    pub(super) fn numbered(&self) -> Result<impl Iterator<Item = &Self>, Fault> {
        let mut numbered = Vec::with_capacity(self.children.len());
        for (index, node) in &self.children {
            let digits = index.bytes().all(|byte| byte.is_ascii_digit());
            match index.parse::<u32>() {
                Ok(index) if digits && index > 0 => numbered.push((index, node)),
                _ => return Err(form::malformed(&format!("{} is not a valid index", shown(index)))),
            }
        }
        numbered.sort_by_key(|(index, _)| *index);
        let twice = numbered.windows(2).any(|pair| matches!(pair, [(left, _), (right, _)] if left == right));
        if twice {
            return Err(form::malformed("An index is given twice"));
        }
        Ok(numbered.into_iter().map(|(_, node)| node))
    }
}

fn shown(name: &str) -> String {
    name.chars().take(128).collect()
}
