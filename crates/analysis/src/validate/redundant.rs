//! What could be left out: entries of a list that another takes in, statements that stand twice.
//!
//! What is shown is true; what is not shown may be redundant all the same.

use super::{Location, Severity, Step, Walk};
use crate::json::{Json, Node};
use crate::resource::Reading;

/// Of longer lists this is not asked: every pair is looked at.
const ENTRIES_MAX: usize = 200;

/// Entries of `Action` or `Resource`, or of their negated forms, that another entry takes in.
pub(super) fn entries(walk: &mut Walk<'_>, name: &str, found: &Node) {
    let texts: Vec<(usize, &Node, String)> = found
        .one_or_many()
        .iter()
        .enumerate()
        .filter_map(|(at, item)| Some((at, item, item.text()?.to_ascii_lowercase())))
        .collect();
    if texts.len() > ENTRIES_MAX {
        return;
    }
    let is_action = name.ends_with("Action");
    // What is shown of the closest reading is true of the others.
    let reading = if is_action { Reading::Plain } else { Reading::of(true, false, true) };
    let is_covered = |(at, _, text): &&(usize, &Node, String)| {
        texts.iter().any(|(other_at, _, other)| {
            other_at != at
                && (other != text || other_at < at)
                && text.starts_with(other.split(['*', '?', '$']).next().unwrap_or_default())
                && reading.covers(other, reading, text)
        })
    };
    let covered: Vec<_> = texts.iter().filter(is_covered).collect();
    let Some((_, first, _)) = covered.first() else { return };
    let count = covered.len();
    let (code, details) = if is_action {
        let action = first.text().unwrap_or_default();
        (
            "REDUNDANT_ACTION",
            format!(
                "The {count} action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: {action}."
            ),
        )
    } else {
        (
            "REDUNDANT_RESOURCE",
            format!(
                "The {count} resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)"
            ),
        )
    };
    let locations = covered.iter().map(|(at, item, _)| {
        let mut path = walk.path.clone();
        path.push(Step::Index(*at));
        path.extend(item.text().map(|text| Step::Value(text.to_owned())));
        Location { path, span: item.span }
    });
    let locations = locations.collect();
    walk.add_at(Severity::Suggestion, code, details, locations);
}

/// Statements that say the same but for their names.
pub(super) fn statements(walk: &mut Walk<'_>, statements: &[Node]) {
    if statements.len() > ENTRIES_MAX {
        return;
    }
    let said: Vec<String> = statements.iter().map(said).collect();
    for (at, (node, own)) in statements.iter().zip(&said).enumerate() {
        if said.iter().take(at).any(|other| other == own) {
            walk.within(Step::Index(at), |walk| {
                walk.suggest(
                    "REDUNDANT_STATEMENT",
                    node.span,
                    "The statements are redundant because they provide identical permissions. Update the policy to remove the redundant statement.",
                );
            });
        }
    }
}

/// What a statement says: its members but `Sid` in one order, lists as sets, one value as a list of one.
fn said(node: &Node) -> String {
    let mut members: Vec<String> = node
        .members()
        .iter()
        .filter(|member| member.name != "Sid")
        .map(|member| format!("{:?}={}", member.name, value(&member.node)))
        .collect();
    members.sort();
    members.join(",")
}

fn value(node: &Node) -> String {
    match &node.value {
        Json::Object(_) => format!("{{{}}}", said_of(node)),
        _ => {
            let mut items: Vec<String> = node
                .one_or_many()
                .iter()
                .map(
                    |item| {
                        if item.members().is_empty() { format!("{:?}", item.value) } else { said_of(item) }
                    },
                )
                .collect();
            items.sort();
            items.dedup();
            format!("[{}]", items.join(","))
        }
    }
}

fn said_of(node: &Node) -> String {
    let mut members: Vec<String> =
        node.members().iter().map(|member| format!("{:?}={}", member.name, value(&member.node))).collect();
    members.sort();
    members.join(",")
}
