//! Statements as sets: what one takes in of another, and whether two have anything in common.
//!
//! Covering is never claimed without being shown, and having nothing in common neither: conditions count only where they
//! are word for word the same.

use std::collections::BTreeSet;

use crate::glob;
use crate::json::{Json, Node};
use crate::resource::Reading;

/// A statement comes apart into so many at most.
const PARTS_MAX: usize = 4_096;

/// Patterns, or everything but the patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) patterns: Vec<String>,
    pub(super) negated: bool,
    reading: Reading,
}

#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) allows: bool,
    pub(super) actions: Selection,
    pub(super) resources: Selection,
    /// `AWS:arn:…`, `Service:…`; everyone where the policy names none.
    pub(super) principals: Selection,
    /// Each condition as text: operator, key, sorted values.
    pub(super) conditions: BTreeSet<String>,
}

impl Selection {
    pub(super) fn of(pattern: &str) -> Self {
        Self { patterns: vec![pattern.to_owned()], negated: false, reading: Reading::Plain }
    }

    /// One of this one's patterns, read like it.
    fn part(&self, pattern: &str) -> Self {
        Self { patterns: vec![pattern.to_owned()], negated: self.negated, reading: self.reading }
    }

    pub(super) fn action(pattern: &str) -> Self {
        Self::of(&pattern.to_ascii_lowercase())
    }

    /// True where everything in `other` is in this.
    fn covers(&self, other: &Self) -> bool {
        let within = |pattern: &String| self.takes_in(other, pattern);
        let apart = |pattern: &String| !self.meets(other, pattern);
        match (self.negated, other.negated) {
            (false, false) => other.patterns.iter().all(within),
            (true, false) => other.patterns.iter().all(apart),
            // Only a lone star takes in the endless rest of a list.
            (false, true) => self.patterns.iter().any(|pattern| pattern == "*"),
            (true, true) => self.patterns.iter().all(|mine| other.takes_in(self, mine)),
        }
    }

    /// True where one of this one's patterns takes in all of a pattern of the other's.
    fn takes_in(&self, other: &Self, pattern: &str) -> bool {
        self.patterns.iter().any(|wide| self.reading.covers(wide, other.reading, pattern))
    }

    /// False only where none of this one's patterns has anything in common with a pattern of the other's.
    fn meets(&self, other: &Self, pattern: &str) -> bool {
        self.patterns.iter().any(|mine| self.reading.overlaps(mine, other.reading, pattern))
    }

    /// False only where nothing is in both.
    fn overlaps(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (false, false) => other.patterns.iter().any(|pattern| self.meets(other, pattern)),
            (true, false) => self.leaves(other),
            (false, true) => other.leaves(self),
            (true, true) => true,
        }
    }

    /// True where something of the other's patterns is none of this one's.
    fn leaves(&self, other: &Self) -> bool {
        other.patterns.iter().any(|pattern| !self.takes_in(other, pattern))
    }
}

impl Statement {
    /// A statement without conditions, for everyone.
    pub(super) fn plain(actions: Selection, resources: Selection) -> Self {
        let (sid, principals, conditions) = (None, Selection::of("*"), BTreeSet::new());
        Self { sid, allows: true, actions, resources, principals, conditions }
    }

    /// Reads one statement of a document; `variables` where the document's version has them.
    pub(super) fn read(node: &Node, variables: bool) -> Option<Self> {
        let allows = match node.get("Effect").and_then(Node::text)? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        };
        let mut actions = selection(node, "Action", "NotAction")?;
        for action in &mut actions.patterns {
            action.make_ascii_lowercase();
        }
        Some(Self {
            sid: node.get("Sid").and_then(Node::text).map(str::to_owned),
            allows,
            actions,
            // A trust policy is about its role: the same everywhere.
            resources: selection(node, "Resource", "NotResource").map_or_else(
                || Selection::of("*"),
                |read| Selection { reading: Reading::of(allows, read.negated, variables), ..read },
            ),
            principals: principals(node),
            conditions: conditions(node),
        })
    }

    /// True where this applies to every request that `other` applies to.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.actions.covers(&other.actions)
            && self.resources.covers(&other.resources)
            && self.principals.covers(&other.principals)
            && self.conditions.is_subset(&other.conditions)
    }

    /// False only where no request fits both. Conditions never keep two apart here.
    pub(super) fn touches(&self, other: &Self) -> bool {
        self.actions.overlaps(&other.actions)
            && self.resources.overlaps(&other.resources)
            && self.principals.overlaps(&other.principals)
    }

    /// The statement split by action, resource and principal, so that several others may cover it together. Actions of
    /// services that are known here are written out.
    pub(super) fn parts(&self) -> Vec<Self> {
        let split = |selection: &Selection| match selection.negated {
            true => vec![selection.clone()],
            false => selection.patterns.iter().map(|pattern| selection.part(pattern)).collect(),
        };
        let actions: Vec<Selection> = split(&self.actions).iter().flat_map(written_out).collect();
        let (resources, principals) = (split(&self.resources), split(&self.principals));
        let mut parts = Vec::new();
        // Too many to look at one by one: as a whole it is shown less often, and never wrongly.
        if actions.len().saturating_mul(resources.len()).saturating_mul(principals.len()) > PARTS_MAX {
            return vec![self.clone()];
        }
        for actions in &actions {
            for resources in &resources {
                for principals in &principals {
                    parts.push(Self {
                        actions: actions.clone(),
                        resources: resources.clone(),
                        principals: principals.clone(),
                        ..self.clone()
                    });
                }
            }
        }
        parts
    }
}

/// `dynamodb:*Item` as the actions that there are; what is not known stays the pattern that it is.
fn written_out(selection: &Selection) -> Vec<Selection> {
    let [pattern] = selection.patterns.as_slice() else { return vec![selection.clone()] };
    let known = pattern.split_once(':').filter(|(service, called)| {
        !selection.negated && !service.contains(['*', '?']) && called.contains(['*', '?']) && *called != "*"
    });
    let Some((service, called)) = known else { return vec![selection.clone()] };
    let Some(facts) = protocol::authorization(service) else { return vec![selection.clone()] };
    let names = facts.actions().map(|(name, _)| name.to_ascii_lowercase());
    names
        .filter(|name| glob::matches(called, name))
        .map(|name| Selection::of(&format!("{service}:{name}")))
        .collect()
}

fn selection(node: &Node, positive: &str, negative: &str) -> Option<Selection> {
    let (found, negated) = match (node.get(positive), node.get(negative)) {
        (Some(found), None) => (found, false),
        (None, Some(found)) => (found, true),
        _ => return None,
    };
    let patterns = found.texts().into_iter().map(str::to_owned).collect();
    Some(Selection { patterns, negated, reading: Reading::Plain })
}

fn principals(node: &Node) -> Selection {
    let (found, negated) = match (node.get("Principal"), node.get("NotPrincipal")) {
        (Some(found), _) => (found, false),
        (None, Some(found)) => (found, true),
        (None, None) => return Selection::of("*"),
    };
    let mut patterns = Vec::new();
    if found.text() == Some("*") {
        patterns.push("*".to_owned());
    }
    for member in found.members() {
        for name in member.node.texts() {
            let all = member.name == "AWS" && name == "*";
            let root = name.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
            patterns.push(match (all, root) {
                (true, _) => "*".to_owned(),
                (false, Some(account)) => format!("AWS:{account}"),
                (false, None) => format!("{}:{name}", member.name),
            });
        }
    }
    Selection { patterns, negated, reading: Reading::Plain }
}

fn conditions(node: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operator in node.get("Condition").map(Node::members).unwrap_or_default() {
        for key in operator.node.members() {
            let mut values: Vec<String> = key.node.one_or_many().iter().map(value).collect();
            values.sort();
            let key = key.name.to_ascii_lowercase();
            found.insert(format!("{} {key} {values:?}", operator.name));
        }
    }
    found
}

fn value(node: &Node) -> String {
    match &node.value {
        Json::String(text) | Json::Number(text) => text.clone(),
        Json::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}
