//! Conditions: operators that there are, keys that there are, values of the operator's type.
//!
//! Keys of services whose facts are not known here are not judged: any service may bring its own.

use super::keys::{self, Known, Type};
use super::{Step, Walk, addresses, values};
use crate::json::{Json, Member, Node, Span};

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

/// An operator taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator<'n> {
    /// As written.
    pub(super) name: &'n str,
    /// `ForAllValues` or `ForAnyValue`.
    pub(super) qualifier: Option<&'n str>,
    /// Without prefix and suffix.
    pub(super) plain: &'n str,
    pub(super) if_exists: bool,
}

impl<'n> Operator<'n> {
    fn read(name: &'n str) -> Self {
        let (qualifier, rest) = match name.split_once(':') {
            Some((qualifier @ ("ForAllValues" | "ForAnyValue"), rest)) => (Some(qualifier), rest),
            _ => (None, name),
        };
        let (plain, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        Self { name, qualifier, plain, if_exists }
    }

    pub(super) fn is_negated(self) -> bool {
        self.plain.contains("Not")
    }

    /// What it compares: `String`, `Numeric`, `Date`, `Bool`, `Binary`, `IpAddress`, `Arn` or `Null`.
    pub(super) fn family(self) -> &'static str {
        let families = ["String", "Numeric", "Date", "Bool", "Binary", "IpAddress", "Arn", "Null"];
        families.into_iter().find(|family| self.plain.contains(family)).unwrap_or("Null")
    }

    /// True where it can hold only because of a value that is listed and there.
    pub(super) fn asks_for_a_value(self) -> bool {
        !self.is_negated()
            && !self.if_exists
            && self.qualifier != Some("ForAllValues")
            && self.plain != "Null"
    }
}

/// One key of a condition with its operator.
#[derive(Clone, Debug)]
pub(super) struct Found<'n> {
    pub(super) operator: Operator<'n>,
    /// As written.
    pub(super) name: &'n str,
    /// In lower case.
    pub(super) key: String,
    pub(super) values: Vec<&'n str>,
    /// Where the key stands.
    pub(super) span: Span,
}

/// All keys of a statement's condition.
pub(super) fn each(statement: &Node) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for operator in statement.get("Condition").map(Node::members).unwrap_or_default() {
        for key in operator.node.members() {
            found.push(read(&operator.name, key));
        }
    }
    found
}

fn read<'n>(operator: &'n str, key: &'n Member) -> Found<'n> {
    Found {
        operator: Operator::read(operator),
        name: &key.name,
        key: key.name.to_ascii_lowercase(),
        values: key.node.texts(),
        span: key.name_span,
    }
}

pub(super) fn check(walk: &mut Walk<'_>, found: &Node) {
    if !matches!(found.value, Json::Object(_)) {
        walk.mismatch(found.span, "Object");
        return;
    }
    super::duplicates(walk, found);
    if found.members().is_empty() {
        walk.suggest(
            "EMPTY_OBJECT_CONDITION",
            found.span,
            "This condition block is empty and it does not affect the policy. Specify conditions.",
        );
    }
    for member in found.members() {
        walk.within(Step::Key(member.name.clone()), |walk| {
            let operator = Operator::read(&member.name);
            if !is_usable(walk, operator, member) {
                return;
            }
            super::duplicates(walk, &member.node);
            same_but_for_case(walk, &member.node);
            for condition in member.node.members() {
                walk.within(Step::Key(condition.name.clone()), |walk| {
                    let found = read(&member.name, condition);
                    let known = key(walk, &found);
                    addresses::sources(walk, &found);
                    values::check(walk, &found, known, &condition.node);
                });
            }
        });
    }
}

/// Names of keys that differ in case only are one key.
fn same_but_for_case(walk: &mut Walk<'_>, node: &Node) {
    for (at, member) in node.members().iter().enumerate() {
        let twin = node.members().iter().take(at).find(|other| other.name.eq_ignore_ascii_case(&member.name));
        if twin.is_some_and(|twin| twin.name != member.name) {
            let details = format!(
                "The condition key {} appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys.",
                member.name
            );
            walk.within(Step::Key(member.name.clone()), |walk| {
                walk.error("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", member.name_span, details);
            });
        }
    }
}

/// Says what is wrong with an operator; false where nothing below it can be judged.
fn is_usable(walk: &mut Walk<'_>, operator: Operator<'_>, member: &Member) -> bool {
    let span = member.name_span;
    if operator.plain == "Null" && operator.if_exists {
        walk.error(
            "NULL_WITH_IF_EXISTS",
            span,
            "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix.",
        );
        return false;
    }
    if operator.plain == "Null" && operator.qualifier.is_some() {
        walk.suggest(
            "NULL_WITH_QUALIFIER",
            span,
            "Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because they always return a true or false respectively.",
        );
    }
    if !OPERATORS.contains(&operator.plain) {
        let details =
            format!("The condition operator {} is not valid. Use a valid condition operator.", operator.name);
        walk.error("INVALID_CONDITION_OPERATOR", span, details);
        return false;
    }
    if !matches!(member.node.value, Json::Object(_)) {
        walk.mismatch(member.node.span, "Object");
        return false;
    }
    true
}

/// Judges the key, and gives its type where it is known.
fn key(walk: &mut Walk<'_>, found: &Found<'_>) -> Option<Type> {
    let Some((service, _)) = found.key.split_once(':') else {
        walk.error(
            "INVALID_CONDITION_KEY_FORMAT",
            found.span,
            "The condition key format is not valid. Use the format service:keyname.",
        );
        return None;
    };
    let name = found.name;
    if found.key == "aws:arn" {
        walk.error(
            "UNSUPPORTED_GLOBAL_CONDITION_KEY",
            found.span,
            "The condition key aws:ARN is not supported. Use aws:PrincipalArn or aws:SourceArn instead.",
        );
        walk.warn(
            "DEPRECATED_GLOBAL_CONDITION_KEY",
            found.span,
            "We recommend that you update aws:ARN to use the newer condition key aws:PrincipalArn.",
        );
        return None;
    }
    match keys::find(name) {
        Known::Elsewhere => None,
        Known::Missing if service == "aws" => {
            let details = format!("The condition key {name} does not exist. Use a valid condition key.");
            walk.error("INVALID_GLOBAL_CONDITION_KEY", found.span, details);
            None
        }
        Known::Missing => {
            let details = format!(
                "The condition key {name} does not exist in the service {service}. Use a valid condition key."
            );
            walk.error("INVALID_SERVICE_CONDITION_KEY", found.span, details);
            None
        }
        Known::WithoutTag(form) => {
            let details = format!(
                "The condition key {form} must include a tag key to control access based on tags. Use the format {form}tag-key and specify a key name for tag-key."
            );
            walk.error("MISSING_TAG_KEY_IN_CONDITION", found.span, details);
            None
        }
        Known::Key { kind, is_many } => {
            qualifier(walk, found, is_many);
            operator_of(walk, found, kind);
            Some(kind)
        }
    }
}

fn qualifier(walk: &mut Walk<'_>, found: &Found<'_>, is_many: bool) {
    let name = found.name;
    if is_many && found.operator.qualifier.is_none() && found.operator.plain != "Null" {
        let details = format!(
            "The request context key {name} has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy."
        );
        walk.error("MISSING_QUALIFIER", found.span, details);
    }
    if !is_many && found.operator.qualifier == Some("ForAllValues") && found.operator.plain != "Null" {
        let details = format!(
            "Using ForAllValues qualifier with the single-valued condition key {name} can be overly permissive. We recommend that you remove ForAllValues:."
        );
        walk.secure("FORALLVALUES_WITH_SINGLE_VALUED_KEY", found.span, details);
    }
    if matches!(found.key.as_str(), "aws:referer" | "aws:useragent") && found.operator.plain != "Null" {
        let details = format!(
            "The {name} condition key is not recommended for access control as it can be spoofed/manipulated by the caller."
        );
        walk.secure("UNTRUSTWORTHY_CONDITION_KEY", found.span, details);
    }
}

/// Whether the operator is one for the key's type. A string is compared as an ARN, and an ARN as a string, without harm but for
/// wildcards, which take in colons there.
fn operator_of(walk: &mut Walk<'_>, found: &Found<'_>, kind: Type) {
    let family = found.operator.family();
    let (allowed, fits) = match kind {
        Type::String => ("String", matches!(family, "String" | "Arn" | "Binary")),
        Type::Arn => ("Arn", matches!(family, "String" | "Arn")),
        Type::Bool => ("Bool", family == "Bool"),
        Type::Date => ("Date", family == "Date"),
        Type::Epoch => ("Date", matches!(family, "Date" | "Numeric")),
        Type::Numeric => ("Numeric", family == "Numeric"),
        Type::Ip => ("IpAddress", family == "IpAddress"),
    };
    let operator = found.operator.name;
    let name = found.name;
    let details = format!(
        "Use the operator type {allowed} instead of operator {operator} for the condition key {name}."
    );
    if !fits && family != "Null" {
        walk.warn("TYPE_MISMATCH", found.span, details);
    } else if kind == Type::Arn && matches!(found.operator.plain, "StringLike" | "StringNotLike") {
        let details = format!(
            "Use the operator type ArnLike instead of operator {operator} for the condition key {name}."
        );
        walk.secure("STRING_LIKE_OPERATOR_WITH_ARN_CONDITION_KEYS", found.span, details);
    }
}
