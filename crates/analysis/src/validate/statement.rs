//! One statement: its elements, what they exclude and what they need.
//!
//! Which elements a statement may have depends on what the policy is attached to.

use super::{Kind, Severity, Step, Walk, actions, conditions};
use crate::json::{Json, Node};
use crate::resource::Reading;

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

pub(super) fn check(walk: &mut Walk, node: &Node) {
    if !matches!(node.value, Json::Object(_)) {
        walk.error("DATA_TYPE_MISMATCH", node.span, "A statement is a JSON object.");
        return;
    }
    super::duplicates(walk, node);
    for member in node.members() {
        if !ELEMENTS.contains(&member.name.as_str()) {
            let details = format!("The policy element {} is not valid.", member.name);
            walk.within(Step::Key(member.name.clone()), |walk| {
                walk.error("INVALID_POLICY_ELEMENT", member.name_span, details);
            });
        }
    }
    effect(walk, node);
    sid(walk, node);
    principal(walk, node);
    for (element, other) in
        [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")]
    {
        if node.get(element).is_some() && node.get(other).is_some() {
            let details = format!("Use {element} or {other}, not both.");
            walk.error("UNSUPPORTED_ELEMENT_COMBINATION", node.span, details);
        }
    }
    actions::check(walk, node);
    resources(walk, node);
    if let Some(found) = node.get("Condition") {
        walk.within(Step::Key("Condition".to_owned()), |walk| conditions::check(walk, found));
    }
}

pub(super) fn allows(node: &Node) -> bool {
    node.get("Effect").and_then(Node::text) == Some("Allow")
}

fn effect(walk: &mut Walk, node: &Node) {
    match node.get("Effect") {
        None => walk.error("MISSING_EFFECT", node.span, "Add an Effect element with Allow or Deny."),
        Some(found) if !matches!(found.text(), Some("Allow" | "Deny")) => {
            let span = found.span;
            walk.within(Step::Key("Effect".to_owned()), |walk| {
                walk.error("INVALID_EFFECT", span, "The effect is Allow or Deny, in this spelling.");
            });
        }
        Some(_) => {}
    }
}

fn sid(walk: &mut Walk, node: &Node) {
    let Some(found) = node.get("Sid") else { return };
    let text = found.text().unwrap_or_default().to_owned();
    walk.within(Step::Key("Sid".to_owned()), |walk| {
        if text.is_empty() {
            walk.add(
                Severity::Suggestion,
                "EMPTY_SID_VALUE",
                found.span,
                "Give the statement a Sid, or none.",
            );
        } else if walk.kind == Kind::Identity && !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            walk.error("INVALID_SID", found.span, "A Sid here has letters and digits only.");
        }
    });
}

pub(super) fn sids(walk: &mut Walk, statements: &[Node]) {
    let sid = |node: &Node| node.get("Sid").and_then(Node::text).map(str::to_owned);
    for (at, node) in statements.iter().enumerate() {
        let Some(own) = sid(node).filter(|own| !own.is_empty()) else { continue };
        if statements.iter().take(at).any(|other| sid(other).as_ref() == Some(&own)) {
            let details = format!("The Sid {own} stands twice in the policy.");
            let span = node.get("Sid").map_or(node.span, |found| found.span);
            walk.within(Step::Index(at), |walk| match walk.kind {
                Kind::Identity | Kind::Trust => walk.error("UNIQUE_SIDS_REQUIRED", span, details),
                _ => walk.add(Severity::Warning, "UNIQUE_SIDS_RECOMMENDED", span, details),
            });
        }
    }
}

fn principal(walk: &mut Walk, node: &Node) {
    let named = node.get("Principal").or_else(|| node.get("NotPrincipal"));
    let needed = matches!(walk.kind, Kind::Resource | Kind::Trust | Kind::ResourceControl);
    match named {
        None if needed => walk.error("MISSING_PRINCIPAL", node.span, "Add a Principal element."),
        Some(found) if !needed => {
            let details = "A policy of this kind names no principal: it is attached to one.";
            let span = found.span;
            walk.within(Step::Key("Principal".to_owned()), |walk| {
                walk.error("UNSUPPORTED_PRINCIPAL", span, details);
            });
        }
        Some(found) => kinds(walk, found),
        None => {}
    }
    if let Some(found) = node.get("NotPrincipal").filter(|_| allows(node)) {
        let details = "Allow with NotPrincipal lets in everyone who is not listed, strangers included.";
        let span = found.span;
        walk.within(Step::Key("NotPrincipal".to_owned()), |walk| {
            walk.add(Severity::SecurityWarning, "ALLOW_WITH_NOT_PRINCIPAL", span, details);
        });
    }
}

fn kinds(walk: &mut Walk, found: &Node) {
    walk.within(Step::Key("Principal".to_owned()), |walk| {
        if found.text().is_some_and(|text| text != "*") {
            walk.error("INVALID_PRINCIPAL_FORMAT", found.span, "A principal is * or an object of kinds.");
        }
        for member in found.members() {
            walk.within(Step::Key(member.name.clone()), |walk| {
                if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&member.name.as_str()) {
                    let details = format!("{} is not a kind of principal.", member.name);
                    walk.error("INVALID_PRINCIPAL_KEY", member.name_span, details);
                }
                if member.node.texts().is_empty() {
                    walk.add(
                        Severity::Suggestion,
                        "EMPTY_ARRAY_PRINCIPAL",
                        member.node.span,
                        "Nobody is named.",
                    );
                }
            });
        }
    });
}

fn resources(walk: &mut Walk, node: &Node) {
    let found = node.get("Resource").or_else(|| node.get("NotResource"));
    match (walk.kind, found) {
        (Kind::Trust, Some(found)) => {
            let span = found.span;
            walk.error(
                "UNSUPPORTED_RESOURCE",
                span,
                "A trust policy is about its role and names no resource.",
            );
        }
        (Kind::Trust, None) => {}
        (_, None) => walk.error("MISSING_RESOURCE", node.span, "Add a Resource or NotResource element."),
        (_, Some(found)) => {
            let name = if node.get("Resource").is_some() { "Resource" } else { "NotResource" };
            walk.within(Step::Key(name.to_owned()), |walk| {
                if matches!(&found.value, Json::Array(items) if items.is_empty()) {
                    walk.add(Severity::Suggestion, "EMPTY_ARRAY_RESOURCE", found.span, "The list is empty.");
                }
                walk.each(found, |walk, item| match item.text() {
                    Some(text) => arn(walk, item, text),
                    None => walk.error("DATA_TYPE_MISMATCH", item.span, "A resource is a string."),
                });
            });
            redundant(walk, name, found);
        }
    }
}

fn arn(walk: &mut Walk, item: &Node, text: &str) {
    if text == "*" || text.starts_with("${") {
        return;
    }
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default();
    if part(0) != "arn" {
        walk.error("INVALID_ARN_PREFIX", item.span, "An ARN begins with arn:.");
    } else if parts.len() < 6 {
        walk.error(
            "MISSING_ARN_FIELD",
            item.span,
            "An ARN has six fields: arn:partition:service:region:account:resource.",
        );
    } else if !matches!(part(1), "aws" | "aws-cn" | "aws-us-gov" | "*") && !part(1).contains("${") {
        walk.error("INVALID_PARTITION", item.span, format!("{} is not a partition.", part(1)));
    } else if part(2).bytes().any(|byte| byte.is_ascii_uppercase()) && !part(2).contains("${") {
        walk.error("INVALID_ARN_SERVICE_CASE", item.span, "The service of an ARN is in lower case.");
    } else if part(2) == "s3" && !part(5).contains(':') && !part(3).is_empty() && part(3) != "*" {
        walk.error("ARN_REGION_NOT_ALLOWED", item.span, "ARNs of buckets have no region.");
    } else if part(2) == "iam" && !part(3).is_empty() && part(3) != "*" {
        walk.error("ARN_REGION_NOT_ALLOWED", item.span, "ARNs of IAM have no region.");
    } else if part(5).is_empty() {
        walk.error("INVALID_ARN_RESOURCE", item.span, "The resource of an ARN is missing.");
    } else if !is_account(part(4)) {
        walk.error("INVALID_ARN_ACCOUNT", item.span, format!("{} is not an account id.", part(4)));
    }
}

fn is_account(text: &str) -> bool {
    let plain = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.is_empty() || plain || text == "aws" || text.contains(['*', '?', '$'])
}

/// Entries of a list that another entry takes in.
pub(super) fn redundant(walk: &mut Walk, name: &str, found: &Node) {
    let texts: Vec<(usize, &Node, String)> = found
        .one_or_many()
        .iter()
        .enumerate()
        .filter_map(|(at, item)| Some((at, item, item.text()?.to_ascii_lowercase())))
        .collect();
    let code = if name.ends_with("Action") { "REDUNDANT_ACTION" } else { "REDUNDANT_RESOURCE" };
    // Of long lists this is not asked: every pair is looked at.
    if texts.len() > 200 {
        return;
    }
    // What is shown of the closest reading is true of the others.
    let reading = match code {
        "REDUNDANT_ACTION" => Reading::Plain,
        _ => Reading::of(true, false, true),
    };
    for (at, item, text) in &texts {
        let wider = texts.iter().any(|(other_at, _, other)| {
            other_at != at && reading.covers(other, reading, text) && (other != text || other_at < at)
        });
        if wider {
            let details = format!("{} is part of another entry.", item.text().unwrap_or_default());
            walk.within(Step::Key(name.to_owned()), |walk| {
                walk.within(Step::Index(*at), |walk| {
                    walk.add(Severity::Suggestion, code, item.span, details);
                });
            });
        }
    }
}
