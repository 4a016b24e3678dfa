//! Actions: in the form that they have, of services that there are, known where the service's facts are known here.
//!
//! Of other services' actions nothing is claimed: facts are as old as the release.

use super::{Kind, Walk, arns, variables};
use crate::glob;
use crate::json::{Json, Node, Span};
use crate::template::actions;

pub(super) const WILDCARD_IN_SERVICE: &str = "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other AWS services with similar names.";

pub(super) fn check(walk: &mut Walk<'_>, node: &Node) {
    let name = if node.get("Action").is_some() { "Action" } else { "NotAction" };
    let Some(found) = node.get(name) else {
        walk.error(
            "MISSING_ACTION",
            node.span,
            "Add an Action or NotAction element to the policy statement.",
        );
        return;
    };
    walk.within(super::Step::Key(name.to_owned()), |walk| {
        if matches!(&found.value, Json::Array(items) if items.is_empty()) {
            walk.suggest(
                "EMPTY_ARRAY_ACTION",
                found.span,
                "This statement includes no actions and does not affect the policy. Specify actions.",
            );
        }
        walk.each(found, |walk, item| match item.text() {
            Some(text) => action(walk, item.span, text),
            None => walk.mismatch(item.span, "String"),
        });
        super::redundant::entries(walk, name, found);
    });
    super::passing::check(walk, node, name, found);
}

fn action(walk: &mut Walk<'_>, span: Span, text: &str) {
    variables::refuse(walk, span, text);
    super::control::action(walk, span, text);
    if text == "*" || text.contains("${") {
        return;
    }
    let Some((service, called)) = text.split_once(':') else {
        walk.error("INVALID_ACTION", span, does_not_exist(text, None));
        return;
    };
    if service.contains(['*', '?']) {
        walk.suggest("WILDCARD_IN_SERVICE_NAME", span, WILDCARD_IN_SERVICE);
        return;
    }
    let folded = service.to_ascii_lowercase();
    if !arns::is_service(&folded) {
        let nearest = nearest(&folded, actions::services());
        let ending = nearest.map(|nearest| format!(" Did you mean {nearest}?")).unwrap_or_default();
        let details = format!("The service {service} specified in the action does not exist.{ending}");
        walk.error("INVALID_SERVICE_IN_ACTION", span, details);
        return;
    }
    kept_elsewhere(walk, span, &folded, text);
    let Some(facts) = protocol::authorization(&folded) else { return };
    let wanted = called.to_ascii_lowercase();
    let known = facts.actions().any(|(name, _)| glob::matches(&wanted, &name.to_ascii_lowercase()));
    // A pattern may mean what comes later.
    if !known && !called.contains(['*', '?']) {
        let nearest = nearest(called, facts.actions().map(|(name, _)| name));
        let meant = nearest.map(|nearest| format!("{service}:{nearest}"));
        walk.error("INVALID_ACTION", span, does_not_exist(text, meant));
    }
}

fn does_not_exist(action: &str, meant: Option<String>) -> String {
    let ending = meant.map(|meant| format!(" Did you mean {meant}?")).unwrap_or_default();
    format!("The action {action} does not exist.{ending}")
}

/// A resource's policy is about its service's actions, a role's about STS's.
fn kept_elsewhere(walk: &mut Walk<'_>, span: Span, service: &str, action: &str) {
    let (keeper, resource_type) = match (walk.kind, walk.resource_type) {
        (Kind::Trust, _) => (Some("sts"), "AWS::IAM::AssumeRolePolicyDocument"),
        (Kind::Resource, Some(resource_type)) => (arns::keeper(resource_type), resource_type),
        _ => return,
    };
    if keeper.is_some_and(|keeper| keeper != service) {
        let details = format!(
            "The action {action} is not supported for the resource-based policy attached to the resource type {resource_type}."
        );
        walk.error("UNSUPPORTED_ACTION_IN_POLICY", span, details);
    }
}

/// The name that a slip of the pen or two lead to, where there is one.
fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Longer names than any are nobody's slip.
    if given.len() > 128 {
        return None;
    }
    let near = names.map(|name| (distance(given, name), name)).filter(|(slips, _)| *slips <= 2);
    near.min().map(|(_, name)| name)
}

/// How many letters are to be put in, taken out or changed; case does not count.
fn distance(left: &str, right: &str) -> usize {
    if left.len().abs_diff(right.len()) > 2 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, one) in left.bytes().enumerate() {
        let mut diagonal = at;
        let mut before = at + 1;
        let mut next = vec![before];
        for (other, above) in right.bytes().zip(row.iter().skip(1)) {
            let changed = diagonal + usize::from(!one.eq_ignore_ascii_case(&other));
            before = changed.min(before + 1).min(above + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}
