//! What a condition is worth: whether it limits what a grant is good for, or on whose behalf a service comes.
//!
//! Shares its judgement with `access`, which says who is let in by a resource's policy. An operator that holds where its key
//! is missing, or for everything but what is named, limits nothing; neither does a value that everything matches.

use super::reach;
use super::statement::plain;
use crate::access::{NAMING, narrows};
use crate::json::{Json, Node};

/// Keys that say how or when a principal calls, or what it says of itself: they limit no grant.
const LOOSE: [&str; 17] = [
    "aws:securetransport",
    "aws:multifactorauthpresent",
    "aws:requestedregion",
    "aws:currenttime",
    "aws:epochtime",
    "aws:useragent",
    "aws:referer",
    "aws:username",
    "aws:userid",
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principaltype",
    "aws:sourceidentity",
    "sts:externalid",
    "sts:rolesessionname",
    PASSED_TO,
];
/// Claims of tokens, as they end the keys for them.
const CLAIMS: [&str; 2] = [":aud", ":sub"];
const PASSED_TO: &str = "iam:passedtoservice";
/// Keys that say for whom a service comes.
const DEPUTY: [&str; 6] = [
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:principalorgid",
    "kms:calleraccount",
];
/// What a key is used for: the logs of this account, the topic of that name.
const ENCRYPTED: &str = "kms:encryptioncontext:";

/// Each condition of a statement: operator without its set prefix, key in lower case, values.
fn each(statement: &Node) -> Vec<(&str, String, &Node)> {
    let mut found = Vec::new();
    for operator in statement.get("Condition").map(Node::members).unwrap_or_default() {
        let name = operator.name.as_str();
        let name =
            name.strip_prefix("ForAnyValue:").or_else(|| name.strip_prefix("ForAllValues:")).unwrap_or(name);
        for key in operator.node.members() {
            found.push((name, key.name.to_ascii_lowercase(), &key.node));
        }
    }
    found
}

/// True where a condition limits what an identity's grant is good for.
pub(super) fn bind(statement: &Node) -> bool {
    each(statement).into_iter().any(|(operator, key, values)| {
        if LOOSE.contains(&key.as_str()) {
            return false;
        }
        if operator == "Bool" {
            return values.one_or_many().iter().all(is_true);
        }
        let texts = values.texts();
        NAMING.contains(&operator) && !texts.is_empty() && texts.iter().all(|text| names_something(text))
    })
}

fn is_true(node: &Node) -> bool {
    matches!(node.value, Json::Bool(true))
        || node.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// A policy variable names something here: what the caller is or has.
fn names_something(text: &str) -> bool {
    let plain = plain(text);
    !plain.is_empty() && !reach::is_every(&plain) && !plain.ends_with("/0")
}

/// The services to which a statement's roles may be passed, where a condition limits that.
pub(super) fn passed_to(statement: &Node) -> Option<Vec<String>> {
    let found = each(statement).into_iter().find(|(operator, key, _)| {
        // The key is never missing where a role is passed.
        key == PASSED_TO && NAMING.contains(&operator.strip_suffix("IfExists").unwrap_or(operator))
    });
    let (_, _, values) = found?;
    Some(values.texts().into_iter().map(|text| plain(&text.to_ascii_lowercase())).collect())
}

/// The provider of tokens whose claims the conditions ask for: what stands before `:aud` or `:sub`.
pub(super) fn provider(statement: &Node) -> Option<String> {
    let mut keys = each(statement).into_iter().map(|(_, key, _)| key);
    keys.find_map(|key| CLAIMS.iter().find_map(|claim| key.strip_suffix(claim).map(str::to_owned)))
}

/// True where a condition says for whom a service comes.
pub(super) fn name_the_origin(statement: &Node) -> bool {
    narrows(statement, |key| DEPUTY.contains(&key) || key.starts_with(ENCRYPTED))
}
