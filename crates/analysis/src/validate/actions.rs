//! Actions: in the form that they have, known where the service is known, and not the few that give everything away.
//!
//! An action of a service whose facts are not known here is taken as it is.

use super::statement::{allows, redundant};
use super::{Kind, Severity, Step, Walk};
use crate::glob;
use crate::json::{Json, Node};

pub(super) fn check(walk: &mut Walk, node: &Node) {
    let name = if node.get("Action").is_some() { "Action" } else { "NotAction" };
    let Some(found) = node.get(name) else {
        walk.error("MISSING_ACTION", node.span, "Add an Action or NotAction element.");
        return;
    };
    walk.within(Step::Key(name.to_owned()), |walk| {
        if matches!(&found.value, Json::Array(items) if items.is_empty()) {
            walk.add(Severity::Suggestion, "EMPTY_ARRAY_ACTION", found.span, "The list is empty.");
        }
        walk.each(found, |walk, item| match item.text() {
            Some(text) => action(walk, item, text),
            None => walk.error("DATA_TYPE_MISMATCH", item.span, "An action is a string."),
        });
    });
    redundant(walk, name, found);
    if allows(node) && name == "Action" {
        walk.within(Step::Key(name.to_owned()), |walk| pass_role(walk, node, found));
    }
}

fn action(walk: &mut Walk, item: &Node, text: &str) {
    if text == "*" {
        return;
    }
    let Some((service, called)) = text.split_once(':') else {
        walk.error("INVALID_ACTION", item.span, format!("{text} has no service: write service:Action."));
        return;
    };
    if walk.kind == Kind::Trust && !service.eq_ignore_ascii_case("sts") {
        let details = "A trust policy allows actions of sts only.";
        walk.error("MISMATCHED_ACTION_FOR_TRUST_POLICY", item.span, details);
        return;
    }
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'*' | b'?');
    if service.is_empty() || !service.bytes().all(well_formed) {
        walk.error("INVALID_SERVICE_IN_ACTION", item.span, format!("{service} is not a service."));
        return;
    }
    let Some(facts) = protocol::authorization(&service.to_ascii_lowercase()) else { return };
    let folded = called.to_ascii_lowercase();
    let known = facts.actions().any(|(name, _)| glob::matches(&folded, &name.to_ascii_lowercase()));
    // Facts are as old as the release: a pattern may mean what comes later.
    if !known && !called.contains(['*', '?']) {
        walk.error("INVALID_ACTION", item.span, format!("The action {text} does not exist."));
    }
}

/// Passing any role to any service is the way from a little to everything.
fn pass_role(walk: &mut Walk, node: &Node, found: &Node) {
    let reach = node.get("Resource").map(Node::texts).unwrap_or_default();
    let every = reach.iter().any(|resource| *resource == "*" || resource.ends_with(":role/*"));
    let inverted = node.get("NotResource").is_some();
    for item in found.one_or_many() {
        let Some(text) = item.text() else { continue };
        let folded = text.to_ascii_lowercase();
        for (wanted, star, with_action, without) in [
            (
                "iam:passrole",
                "PASS_ROLE_WITH_STAR_IN_RESOURCE",
                "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
                "PASS_ROLE_WITH_NOT_RESOURCE",
            ),
            (
                "iam:createservicelinkedrole",
                "CREATE_SLR_WITH_STAR_IN_RESOURCE",
                "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
                "CREATE_SLR_WITH_NOT_RESOURCE",
            ),
        ] {
            if !glob::matches(&folded, wanted) || node.get("Condition").is_some() {
                continue;
            }
            let code = match (every, inverted, folded.contains('*')) {
                (true, _, true) => with_action,
                (true, _, false) => star,
                (false, true, _) => without,
                (false, false, _) => continue,
            };
            let details = format!("{text} reaches every role. Name the roles it is meant for.");
            walk.add(Severity::SecurityWarning, code, item.span, details);
        }
    }
}
