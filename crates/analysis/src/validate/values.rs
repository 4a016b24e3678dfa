//! Values of conditions: of the operator's type, in the key's form, and none that says nothing.
//!
//! A value with a policy variable is judged as a variable only: what it becomes is not known before the request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::conditions::Found;
use super::keys::Type;
use super::{Walk, addresses, regions, sensitive, variables};
use crate::json::{Json, Node, Span};

pub(super) fn check(walk: &mut Walk<'_>, found: &Found<'_>, kind: Option<Type>, node: &Node) {
    if matches!(&node.value, Json::Array(items) if items.is_empty()) {
        empty(walk, found, node.span);
    }
    let items = node.one_or_many();
    if matches!(found.operator.plain, "Bool" | "Null") && items.len() > 1 {
        walk.error(
            "INVALID_CONDITION_MULTIPLE_BOOLEAN",
            node.span,
            "The condition key does not support multiple Boolean values. Use a single Boolean value.",
        );
    }
    let mut types = items.iter().map(|item| std::mem::discriminant(&item.value));
    let first = types.next();
    if types.any(|other| Some(other) != first) {
        walk.error(
            "INVALID_CONDITION_DATA_TYPE",
            node.span,
            "The condition value data types do not match. Use condition values of the same JSON data type.",
        );
    }
    walk.each(node, |walk, item| {
        let text = match &item.value {
            Json::String(text) | Json::Number(text) => text.clone(),
            Json::Bool(value) => value.to_string(),
            _ => {
                walk.mismatch(item.span, "String");
                return;
            }
        };
        value(walk, item.span, found, kind, &text);
    });
    numbers(walk, found, node);
    stars(walk, found);
}

fn empty(walk: &mut Walk<'_>, found: &Found<'_>, span: Span) {
    let key = found.name;
    let (code, details) = match (found.operator.qualifier, found.operator.if_exists) {
        (Some("ForAllValues"), _) => (
            "EMPTY_ARRAY_CONDITION_FORALLVALUES",
            format!(
                "The ForAllValues prefix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead."
            ),
        ),
        (Some(_), _) => (
            "EMPTY_ARRAY_CONDITION_FORANYVALUE",
            format!(
                "The ForAnyValue prefix with an empty condition key {key} never matches the request context and it does not affect the policy. Specify conditions."
            ),
        ),
        (None, true) => (
            "EMPTY_ARRAY_CONDITION_IFEXISTS",
            format!(
                "The IfExists suffix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead."
            ),
        ),
        (None, false) => (
            "EMPTY_ARRAY_CONDITION",
            format!(
                "There are no values for the condition key {key} and it does not affect the policy. Specify conditions."
            ),
        ),
    };
    walk.suggest(code, span, details);
}

fn value(walk: &mut Walk<'_>, span: Span, found: &Found<'_>, kind: Option<Type>, text: &str) {
    let operator = found.operator.name;
    let family = found.operator.family();
    sensitive::check(walk, span, found, text);
    if text.contains("${") {
        if matches!(family, "String" | "Arn") {
            variables::check(walk, span, text);
        } else {
            walk.error(
                "INVALID_VARIABLE_FOR_OPERATOR",
                span,
                "Policy variables can only be used with String and ARN operators.",
            );
        }
        return;
    }
    match family {
        "Numeric" if text.parse::<f64>().is_err() => {
            let details = format!("Add a valid numeric value for the condition operator {operator}.");
            walk.warn("TYPE_MISMATCH_NUMBER", span, details);
        }
        "Bool" | "Null" if !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)) => {
            let details =
                format!("Add a valid Boolean value (true or false) for the condition operator {operator}.");
            walk.warn("TYPE_MISMATCH_BOOLEAN", span, details);
        }
        "Binary" if STANDARD.decode(text).is_err() => {
            let details =
                format!("Add a valid base64-encoded string value for the condition operator {operator}.");
            walk.warn("TYPE_MISMATCH_STRING", span, details);
        }
        "Date" if kind != Some(Type::Epoch) => date(walk, span, text),
        "IpAddress" => addresses::value(walk, span, operator, text),
        "String" if !found.operator.plain.ends_with("Like") => string(walk, span, found, text),
        _ => {}
    }
}

/// A string that is compared as a whole.
fn string(walk: &mut Walk<'_>, span: Span, found: &Found<'_>, text: &str) {
    if text.contains(['*', '?']) {
        walk.warn(
            "WILDCARD_WITHOUT_LIKE_OPERATOR",
            span,
            "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition operator to include Like.",
        );
        return;
    }
    match found.key.as_str() {
        "aws:sourcevpc" if !is_id(text, "vpc-") => walk.error(
            "INVALID_VPC_FORMAT",
            span,
            "The VPC identifier in the condition key value is not valid. Use the prefix 'vpc-' followed by 8 or 17 alphanumeric characters.",
        ),
        "aws:sourcevpce" if !is_id(text, "vpce-") => walk.error(
            "INVALID_VPCE_FORMAT",
            span,
            "The VPCE identifier in the condition key value is not valid.  Use the prefix 'vpce-' followed by 8 or 17 alphanumeric characters.",
        ),
        "aws:requestedregion" if !regions::is_known(text) => {
            let details =
                format!("The Region {text} is not valid. Update the condition value to a supported Region.");
            walk.error("INVALID_REGION", span, details);
        }
        "s3:x-amz-server-side-encryption-aws-kms-key-id"
            if !(text.starts_with("arn:") && text.contains(":kms:") && text.contains(":key/")) =>
        {
            let details = format!("The {} condition key value must be a valid KMS key ARN.", found.name);
            walk.error("INVALID_KMS_KEY_VALUE", span, details);
        }
        _ => {}
    }
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|id| matches!(id.len(), 8 | 17) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn date(walk: &mut Walk<'_>, span: Span, text: &str) {
    let (day, time) = text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time)));
    let fields: Vec<&str> = day.split('-').collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let has_form = fields.len() <= 3
        && fields.iter().all(|field| digits(field))
        && time.is_none_or(|time| time.starts_with(|first: char| first.is_ascii_digit()));
    if !has_form {
        walk.warn(
            "TYPE_MISMATCH_DATE",
            span,
            "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO 8601 date/time format.",
        );
        return;
    }
    let number = |at: usize| fields.get(at).map_or(Some(1), |field| field.parse::<u32>().ok());
    let is_day = fields.first().is_some_and(|year| year.len() == 4)
        && number(1).is_some_and(|month| (1..=12).contains(&month))
        && number(2).is_some_and(|day| (1..=31).contains(&day));
    // Seconds since 1970, and days that no calendar has.
    if !is_day {
        let details = format!(
            "The date {text} might not resolve as expected. We recommend that you use the YYYY-MM-DD format."
        );
        walk.warn("INVALID_DATE_VALUE", span, details);
    }
}

/// Several bounds on one side: one of them decides.
fn numbers(walk: &mut Walk<'_>, found: &Found<'_>, node: &Node) {
    let which = match found.operator.plain {
        "NumericLessThan" | "NumericLessThanEquals" => "greatest",
        "NumericGreaterThan" | "NumericGreaterThanEquals" => "least",
        _ => return,
    };
    if node.one_or_many().len() > 1 {
        let (operator, key) = (found.operator.name, found.name);
        let details = format!(
            "Multiple values in {operator} are redundant. Replace with the {which} single value for {key}."
        );
        walk.suggest("REDUNDANT_CONDITION_VALUE_NUM", node.span, details);
    }
}

/// A value that everything matches asks for the key's presence or for nothing.
fn stars(walk: &mut Walk<'_>, found: &Found<'_>) {
    if !matches!(found.operator.plain, "StringLike" | "StringNotLike") || !found.values.contains(&"*") {
        return;
    }
    let (key, operator) = (found.name, found.operator.name);
    let instead = |word: &str| {
        format!(
            "We recommend replacing the key {key} in the condition block of {operator} with {{{key}: {word}}} to ensure better enforcement of the condition."
        )
    };
    if found.operator.is_negated()
        && found.operator.qualifier == Some("ForAnyValue")
        && !found.operator.if_exists
    {
        // No value is other than everything, and none at all is not enough.
        let details = format!(
            "The key {key} in the condition block of {operator} does not match any values. Remove this key to simplify the condition."
        );
        walk.suggest("REDUNDANT_STATEMENT_DUE_TO_WILDCARD_IN_CONDITION", found.span, details);
    } else if found.operator.is_negated() {
        walk.suggest("EQUIVALENT_TO_NULL_TRUE", found.span, instead("true"));
    } else if found.operator.if_exists || found.operator.qualifier == Some("ForAllValues") {
        let details = format!(
            "The key {key} in the condition block of {operator} is redundant because it is always matched. Remove this key to simplify the condition."
        );
        walk.suggest("REDUNDANT_KEY_DUE_TO_WILDCARD_IN_CONDITION", found.span, details);
    } else {
        walk.suggest("EQUIVALENT_TO_NULL_FALSE", found.span, instead("false"));
    }
}
