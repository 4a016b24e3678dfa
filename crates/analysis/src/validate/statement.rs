//! One statement: its elements, what they exclude and what they need.
//!
//! Which elements a statement may have depends on what the policy is attached to.

use super::{
    Kind, Step, Walk, actions, arns, conditions, control, deputies, endpoints, pairs, principals, trust,
};
use crate::json::{Json, Node};

const ELEMENTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

pub(super) fn check(walk: &mut Walk<'_>, node: &Node) {
    if !matches!(node.value, Json::Object(_)) {
        walk.mismatch(node.span, "Object");
        return;
    }
    super::duplicates(walk, node);
    super::unknown(walk, node, &ELEMENTS);
    effect(walk, node);
    sid(walk, node);
    principals::check(walk, node);
    for (element, other) in
        [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")]
    {
        if node.get(element).is_some() && node.get(other).is_some() {
            let details = format!(
                "The policy elements {element} and {other} can not be used in the same statement. Remove one of these elements."
            );
            walk.error("UNSUPPORTED_ELEMENT_COMBINATION", node.span, details);
        }
    }
    actions::check(walk, node);
    resources(walk, node);
    if let Some(found) = node.get("Condition") {
        walk.within(Step::Key("Condition".to_owned()), |walk| conditions::check(walk, found));
    }
    trust::statement(walk, node);
    control::statement(walk, node);
    deputies::statement(walk, node);
    pairs::statement(walk, node);
    endpoints::statement(walk, node);
}

pub(super) fn allows(node: &Node) -> bool {
    node.get("Effect").and_then(Node::text) == Some("Allow")
}

fn effect(walk: &mut Walk<'_>, node: &Node) {
    match node.get("Effect") {
        None => walk.error(
            "MISSING_EFFECT",
            node.span,
            "Add an Effect element to the policy statement with a value of Allow or Deny.",
        ),
        Some(found) => walk.within(Step::Key("Effect".to_owned()), |walk| match found.text() {
            Some("Allow" | "Deny") => {}
            Some(text) => {
                let details = format!("The effect {text} is not valid. Use Allow or Deny.");
                walk.error("INVALID_EFFECT", found.span, details);
            }
            None => walk.mismatch(found.span, "String"),
        }),
    }
}

fn sid(walk: &mut Walk<'_>, node: &Node) {
    let Some(found) = node.get("Sid") else { return };
    walk.within(Step::Key("Sid".to_owned()), |walk| match found.text() {
        None => walk.mismatch(found.span, "String"),
        Some("") => walk.suggest(
            "EMPTY_SID_VALUE",
            found.span,
            "Add a value to the empty string in the Sid element.",
        ),
        // Services that keep resources' policies take more.
        Some(text) if walk.kind != Kind::Resource && !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            walk.error(
                "UNSUPPORTED_SID",
                found.span,
                "Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]",
            );
        }
        Some(_) => {}
    });
}

pub(super) fn sids(walk: &mut Walk<'_>, statements: &[Node]) {
    let sid = |node: &Node| node.get("Sid").and_then(Node::text).map(str::to_owned);
    for (at, node) in statements.iter().enumerate() {
        let Some(own) = sid(node).filter(|own| !own.is_empty()) else { continue };
        if statements.iter().take(at).any(|other| sid(other).as_ref() == Some(&own)) {
            let span = node.get("Sid").map_or(node.span, |found| found.span);
            walk.within(Step::Index(at), |walk| match walk.kind {
                Kind::Resource => walk.warn(
                    "UNIQUE_SIDS_RECOMMENDED",
                    span,
                    "We recommend that you use statement IDs that are unique to your policy. Update the Sid value.",
                ),
                _ => walk.error(
                    "UNIQUE_SIDS_REQUIRED",
                    span,
                    "Duplicate statement IDs are not supported for this policy type. Update the Sid value.",
                ),
            });
        }
    }
}

fn resources(walk: &mut Walk<'_>, node: &Node) {
    let name = if node.get("Resource").is_some() { "Resource" } else { "NotResource" };
    match (walk.kind, node.get(name)) {
        (Kind::Trust, _) => {}
        (_, None) => walk.error(
            "MISSING_RESOURCE",
            node.span,
            "Add a Resource or NotResource element to the policy statement.",
        ),
        (_, Some(found)) => {
            walk.within(Step::Key(name.to_owned()), |walk| arns::check(walk, name, found));
        }
    }
}
