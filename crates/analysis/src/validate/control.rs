//! Organizations' policies: what their language leaves out, and which conditions keep services out by mistake.
//!
//! Whether an organization offers a type of policies is not asked.

use super::statement::allows;
use super::{Kind, Step, Walk, conditions};
use crate::json::{Json, Node, Span};

/// Services whose resources resource control policies are about.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services>
const LIMITED: [&str; 11] = [
    "s3",
    "sts",
    "kms",
    "sqs",
    "secretsmanager",
    "cognito-idp",
    "logs",
    "dynamodb",
    "ecr",
    "aoss",
    "s3express",
];

/// One action of a policy of an organization.
pub(super) fn action(walk: &mut Walk<'_>, span: Span, text: &str) {
    match walk.kind {
        Kind::ServiceControl => {
            let (service, called) = text.split_once(':').unwrap_or(("", text));
            let ahead = called.strip_suffix('*').unwrap_or(called);
            if service.contains('*') || ahead.contains('*') {
                let details = format!(
                    "SCP actions can include wildcards (*) only at the end of a string. Update {text}."
                );
                walk.error("SCP_SYNTAX_ERROR_ACTION_WILDCARD", span, details);
            }
        }
        Kind::ResourceControl => {
            let service = text.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !LIMITED.contains(&service.as_str()) {
                walk.error(
                    "RCP_SYNTAX_ERROR_ACTION",
                    span,
                    "RCPs only support specifying select service prefixes in the Action element. Learn more here.",
                );
            }
        }
        _ => {}
    }
}

/// A resource control policy is about everybody.
pub(super) fn principal(walk: &mut Walk<'_>, node: &Node, name: &str, found: Option<&Node>) {
    let is_star = |found: &Node| match &found.value {
        Json::Object(members) => {
            members.len() == 1 && members.iter().all(|it| it.name == "AWS" && it.node.texts() == ["*"])
        }
        _ => found.text() == Some("*"),
    };
    if name == "Principal" && found.is_some_and(is_star) {
        return;
    }
    let span = found.map_or(node.span, |found| found.span);
    let add = |walk: &mut Walk<'_>| {
        walk.error(
            "RCP_SYNTAX_ERROR_PRINCIPAL",
            span,
            "The Principal element contents are not valid. RCPs only support specifying all principals (\"*\") in the Principal element. The NotPrincipal element is not supported for RCPs.",
        );
    };
    match found {
        Some(_) => walk.within(Step::Key(name.to_owned()), add),
        None => add(walk),
    }
}

/// What a statement of a resource control policy may not say, and what it forgets.
pub(super) fn statement(walk: &mut Walk<'_>, node: &Node) {
    if walk.kind != Kind::ResourceControl {
        return;
    }
    if let Some(found) = node.get("Effect").filter(|_| allows(node)) {
        let span = found.span;
        walk.within(Step::Key("Effect".to_owned()), |walk| {
            walk.error(
                "RCP_SYNTAX_ERROR_ALLOW",
                span,
                "RCPs only support specifying all principals (\"*\") in the Principal element, all resources (\"*\") in the Resource element, and no Condition element with an effect of Allow.",
            );
        });
    }
    if let Some(found) = node.get("NotAction") {
        let span = found.span;
        walk.within(Step::Key("NotAction".to_owned()), |walk| {
            walk.error(
                "RCP_SYNTAX_ERROR_NOTACTION",
                span,
                "RCPs do not support the NotAction element. Update to use the Action element.",
            );
        });
    }
    services(walk, node);
}

/// A denial by who calls meets services too, one by whom they come for meets everybody else.
fn services(walk: &mut Walk<'_>, node: &Node) {
    const IS_SERVICE: &str = "aws:principalisawsservice";
    if allows(node) {
        return;
    }
    let found = conditions::each(node);
    if found.iter().any(|it| it.key == IS_SERVICE) {
        null_check(walk, &found);
        return;
    }
    let is_principals = |key: &str| {
        key.starts_with("aws:principaltag/")
            || ["aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths"]
                .contains(&key)
    };
    for it in found.iter().filter(|it| it.operator.plain != "Null") {
        let key = it.name;
        if is_principals(&it.key) {
            let details = format!(
                "RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block \"BoolIfExists\": {{ \"aws:PrincipalIsAWSService\": \"false\"}} whenever a principal key {key} is used."
            );
            walk.warn("RCP_MISSING_RELATED_PRINCIPAL_CONDITION_KEY", it.span, details);
        } else if is_sources(&it.key) {
            let details = format!(
                "RCPs impact IAM roles, users, and AWS service principals. To prevent unintended impact to your principals, an additional statement should be added to the Condition block \"BoolIfExists\": {{ \"aws:PrincipalIsAWSService\": \"true\"}} whenever the key {key} is used."
            );
            walk.warn("RCP_MISSING_RELATED_SERVICE_PRINCIPAL_CONDITION_KEY", it.span, details);
        }
    }
    null_check(walk, &found);
}

fn is_sources(key: &str) -> bool {
    ["aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceaccount", "aws:sourcearn"].contains(&key)
}

/// A service need not say for whom it comes.
fn null_check(walk: &mut Walk<'_>, found: &[conditions::Found<'_>]) {
    let is_checked = found.iter().any(|it| {
        it.operator.plain == "Null" && matches!(it.key.as_str(), "aws:sourceaccount" | "aws:sourcearn")
    });
    for it in found.iter().filter(|it| it.operator.plain != "Null" && is_sources(&it.key)) {
        if !is_checked {
            let details = format!(
                "The specified service may have a service integration that does not require the use of the {} condition key. To prevent unintended impact to services acting on your behalf using a service principal, an additional statement should be added to the Condition block \"Null\": {{ \"aws:SourceAccount\": \"false\"}} or \"Null\": {{ \"aws:SourceArn\": \"false\"}} whenever the key {} is used.",
                it.name, it.name
            );
            walk.warn("RCP_MISSING_SERVICE_CONDITION_KEY_NULL_CHECK", it.span, details);
        }
    }
}
