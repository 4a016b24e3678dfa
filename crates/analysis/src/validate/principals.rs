//! Principals: whom a statement names, in the form that names have.
//!
//! Whether a principal exists is not asked.

use super::statement::allows;
use super::{Kind, Step, Walk, trust};
use crate::json::{Json, Node, Span};

pub(super) fn check(walk: &mut Walk<'_>, node: &Node) {
    let name = if node.get("Principal").is_some() { "Principal" } else { "NotPrincipal" };
    let found = node.get(name);
    match (walk.kind, found) {
        (Kind::Resource | Kind::Trust, None) => {
            walk.error("MISSING_PRINCIPAL", node.span, "Add a Principal element to the policy statement.");
        }
        (Kind::ResourceControl, found) => super::control::principal(walk, node, name, found),
        (_, None) => {}
        (Kind::Identity, Some(found)) => walk.within(Step::Key(name.to_owned()), |walk| {
            walk.error(
                "UNSUPPORTED_PRINCIPAL",
                found.span,
                "The policy type IDENTITY_POLICY does not support the Principal element. Remove the Principal element.",
            );
        }),
        (Kind::ServiceControl, Some(found)) => walk.within(Step::Key(name.to_owned()), |walk| {
            walk.error(
                "SCP_SYNTAX_ERROR_PRINCIPAL",
                found.span,
                "SCPs do not support specifying principals. Remove the Principal or NotPrincipal element.",
            );
        }),
        (Kind::Resource | Kind::Trust, Some(found)) => {
            walk.within(Step::Key(name.to_owned()), |walk| element(walk, node, name, found));
        }
    }
}

fn element(walk: &mut Walk<'_>, node: &Node, name: &str, found: &Node) {
    if name == "NotPrincipal" && walk.kind == Kind::Trust {
        walk.error(
            "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL",
            found.span,
            "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.",
        );
    } else if name == "NotPrincipal" && allows(node) {
        walk.secure(
            "ALLOW_WITH_NOT_PRINCIPAL",
            found.span,
            "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.",
        );
    }
    match &found.value {
        Json::String(text) if text == "*" && walk.kind == Kind::Trust => trust::star(walk, found.span),
        Json::String(text) if text == "*" => {}
        Json::Object(members) if members.is_empty() => walk.suggest(
            "EMPTY_OBJECT_PRINCIPAL",
            found.span,
            "This statement includes no principals and does not affect the policy. Specify principals.",
        ),
        Json::Object(_) => {
            super::duplicates(walk, found);
            kinds(walk, node, found);
        }
        _ => walk.error(
            "INVALID_PRINCIPAL_FORMAT",
            found.span,
            "The Principal element contents are not valid. Specify a key-value pair in the Principal element.",
        ),
    }
}

fn kinds(walk: &mut Walk<'_>, node: &Node, found: &Node) {
    for member in found.members() {
        walk.within(Step::Key(member.name.clone()), |walk| {
            let kind = member.name.as_str();
            if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind) {
                let details = format!("The principal key {kind} is not valid.");
                walk.error("INVALID_PRINCIPAL_KEY", member.name_span, details);
                return;
            }
            if matches!(&member.node.value, Json::Array(items) if items.is_empty()) {
                walk.suggest(
                    "EMPTY_ARRAY_PRINCIPAL",
                    member.node.span,
                    "This statement includes no principals and does not affect the policy. Specify principals.",
                );
            }
            walk.each(&member.node, |walk, item| match item.text() {
                Some(text) => one(walk, node, kind, item.span, text),
                None => walk.mismatch(item.span, "String"),
            });
        });
    }
}

fn one(walk: &mut Walk<'_>, node: &Node, kind: &str, span: Span, text: &str) {
    super::variables::refuse(walk, span, text);
    if text.contains("${") || kind == "AWS" && text == "*" {
        return;
    }
    if text.contains(['*', '?']) {
        if walk.kind == Kind::Trust && kind == "AWS" {
            trust::star(walk, span);
            return;
        }
        let details = format!(
            "Wildcards (*, ?) are not supported with the principal key {kind}. Replace the wildcard with a valid principal value."
        );
        walk.error("UNSUPPORTED_WILDCARD_IN_PRINCIPAL", span, details);
        return;
    }
    match kind {
        "AWS" if text.starts_with("AROA") => {
            let details = format!(
                "The Principal element includes the IAM role ID {text}. We recommend that you use a role ARN instead."
            );
            walk.warn("INVALID_ROLE_REFERENCE", span, details);
        }
        "AWS" if text.starts_with("AIDA") => {
            let details = format!(
                "The Principal element includes the IAM user ID {text}. We recommend that you use a user ARN instead."
            );
            walk.warn("INVALID_USER_REFERENCE", span, details);
        }
        "Service" if !is_service(text) => walk.error(
            "INVALID_SERVICE_PRINCIPAL_FORMAT",
            span,
            "The service principal does not match the expected format. Use the format service-name.amazonaws.com.",
        ),
        "Federated" => trust::federated(walk, node, span, text),
        _ => {}
    }
}

fn is_service(text: &str) -> bool {
    let ends = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"];
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    ends.iter()
        .any(|end| text.strip_suffix(end).is_some_and(|name| !name.is_empty() && name.bytes().all(named)))
}
