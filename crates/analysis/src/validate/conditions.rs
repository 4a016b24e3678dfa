//! Conditions: operators that there are, keys in their form, values of the operator's type.
//!
//! Keys of services are not judged: any service may bring its own.

use super::{Severity, Step, Walk};
use crate::json::{Json, Node};

const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnNotEquals",
    "ArnLike",
    "ArnNotLike",
    "Null",
];

/// Global keys that have one value: under `ForAllValues` their absence is a yes.
const SINGLE_VALUED: [&str; 12] = [
    "aws:currenttime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
];

pub(super) fn check(walk: &mut Walk, found: &Node) {
    if !matches!(found.value, Json::Object(_)) {
        walk.error("DATA_TYPE_MISMATCH", found.span, "Condition is an object of operators.");
        return;
    }
    super::duplicates(walk, found);
    if found.members().is_empty() {
        walk.add(Severity::Suggestion, "EMPTY_OBJECT_CONDITION", found.span, "The condition is empty.");
    }
    for operator in found.members() {
        walk.within(Step::Key(operator.name.clone()), |walk| {
            if let Some(plain) = plain_operator(walk, operator) {
                for condition in operator.node.members() {
                    walk.within(Step::Key(condition.name.clone()), |walk| {
                        key(walk, condition, &operator.name);
                        values(walk, &condition.node, plain);
                    });
                }
            }
        });
    }
}

/// The operator without prefix and suffix; a finding where there is no such operator.
fn plain_operator<'o>(walk: &mut Walk, operator: &'o crate::json::Member) -> Option<&'o str> {
    let name = operator.name.as_str();
    let plain =
        name.strip_prefix("ForAnyValue:").or_else(|| name.strip_prefix("ForAllValues:")).unwrap_or(name);
    let plain = plain.strip_suffix("IfExists").unwrap_or(plain);
    if plain == "Null" && name.ends_with("IfExists") {
        walk.error(
            "NULL_WITH_IF_EXISTS",
            operator.name_span,
            "Null asks for absence already: drop IfExists.",
        );
        return None;
    }
    if !OPERATORS.contains(&plain) {
        let details = format!("{name} is not a condition operator.");
        walk.error("INVALID_CONDITION_OPERATOR", operator.name_span, details);
        return None;
    }
    if !matches!(operator.node.value, Json::Object(_)) {
        walk.error("DATA_TYPE_MISMATCH", operator.node.span, "An operator holds an object of keys.");
        return None;
    }
    Some(plain)
}

fn key(walk: &mut Walk, condition: &crate::json::Member, operator: &str) {
    let folded = condition.name.to_ascii_lowercase();
    if !condition.name.contains(':') {
        let details = format!("{} is not a condition key: write service:key.", condition.name);
        walk.error("INVALID_CONDITION_KEY_FORMAT", condition.name_span, details);
    }
    if operator.starts_with("ForAllValues:") && SINGLE_VALUED.contains(&folded.as_str()) {
        let details = "ForAllValues holds where the key is absent: use the operator without it.";
        walk.add(
            Severity::SecurityWarning,
            "FORALLVALUES_WITH_SINGLE_VALUED_KEY",
            condition.name_span,
            details,
        );
    }
}

fn values(walk: &mut Walk, node: &Node, operator: &str) {
    if matches!(&node.value, Json::Array(items) if items.is_empty()) {
        walk.add(Severity::Suggestion, "EMPTY_ARRAY_CONDITION", node.span, "The list of values is empty.");
    }
    if matches!(operator, "Bool" | "Null") && node.one_or_many().len() > 1 {
        walk.error("INVALID_CONDITION_MULTIPLE_BOOLEAN", node.span, "A truth has one value.");
    }
    walk.each(node, |walk, item| {
        let text = match &item.value {
            Json::String(text) | Json::Number(text) => text.clone(),
            Json::Bool(value) => value.to_string(),
            _ => {
                walk.error("DATA_TYPE_MISMATCH", item.span, "A value is a string, a number or a boolean.");
                return;
            }
        };
        value(walk, item, operator, &text);
    });
}

fn value(walk: &mut Walk, item: &Node, operator: &str, text: &str) {
    if text.contains("${") {
        return;
    }
    let bad = |what: &str| format!("{text} is not {what}.");
    if operator.starts_with("Numeric") && text.parse::<f64>().is_err() {
        walk.error("INVALID_CONDITION_DATA_TYPE", item.span, bad("a number"));
    } else if matches!(operator, "Bool" | "Null") && !matches!(text, "true" | "false") {
        walk.error("INVALID_CONDITION_DATA_TYPE", item.span, bad("true or false"));
    } else if operator.ends_with("IpAddress") && !is_network(text) {
        walk.error("INVALID_CONDITION_DATA_TYPE", item.span, bad("an address or a range of addresses"));
    } else if operator.starts_with("String") && !operator.ends_with("Like") && text.contains(['*', '?']) {
        let details = "A wildcard is a letter here: use StringLike.";
        walk.add(Severity::Warning, "WILDCARD_WITHOUT_LIKE_OPERATOR", item.span, details);
    }
}

fn is_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}
