//! What other resources of the same stack attach to one: it is in the template, only elsewhere, and so no drift.
//!
//! Attachments of other stacks are not known here, as on AWS.

use serde_json::{Map, Value};

use crate::records::{Physical, ResourceRecord};

/// A type of holder, and the property by which attaching types name holders.
const HOLDERS: [(&str, &str); 4] = [
    ("AWS::AccessAnalyzer::Analyzer", ""),
    ("AWS::IAM::Group", "Groups"),
    ("AWS::IAM::Role", "Roles"),
    ("AWS::IAM::User", "Users"),
];

/// Takes out of what a resource has whatever others of its stack gave it, and its own template part does not say.
pub(super) fn without(
    actual: &mut Map<String, Value>,
    expected: &Map<String, Value>,
    record: &ResourceRecord,
    others: &[ResourceRecord],
) {
    let Some((_, holders)) = HOLDERS.iter().find(|(kind, _)| *kind == record.kind) else { return };
    let Some(own) = record.physical.as_ref() else { return };
    let made = others.iter().filter_map(|other| Some((other.kind.as_str(), other.physical.as_ref()?)));
    for (kind, other) in made {
        let (property, attached): (&str, Value) = match kind {
            "AWS::IAM::ManagedPolicy" if names(other, holders, &own.id) => {
                ("ManagedPolicyArns", other.id.as_str().into())
            }
            "AWS::IAM::UserToGroupAddition" if names(other, holders, &own.id) => {
                ("Groups", other.properties.get("GroupName").cloned().unwrap_or_default())
            }
            "AWS::IAM::Policy" if names(other, holders, &own.id) => {
                ("Policies", other.properties.get("PolicyName").cloned().unwrap_or_default())
            }
            "AWS::IAM::GroupPolicy" | "AWS::IAM::RolePolicy" | "AWS::IAM::UserPolicy"
                if is_of(other, &own.id) =>
            {
                ("Policies", other.properties.get("PolicyName").cloned().unwrap_or_default())
            }
            "AWS::AccessAnalyzer::ArchiveRule" if is_rule_of(other, &own.id) => {
                ("ArchiveRules", other.properties.get("RuleName").cloned().unwrap_or_default())
            }
            _ => continue,
        };
        let is_it = |item: &Value| {
            let named = item.get("PolicyName").or_else(|| item.get("RuleName"));
            *item == attached || named == Some(&attached)
        };
        let says =
            expected.get(property).and_then(Value::as_array).is_some_and(|items| items.iter().any(is_it));
        if let Some(Value::Array(items)) = actual.get_mut(property).filter(|_| !says) {
            items.retain(|item| !is_it(item));
        }
    }
}

fn names(other: &Physical, holders: &str, id: &str) -> bool {
    let named = other.properties.get(holders).and_then(Value::as_array);
    named.is_some_and(|named| named.iter().any(|name| name == id))
}

fn is_of(other: &Physical, id: &str) -> bool {
    ["GroupName", "RoleName", "UserName"]
        .iter()
        .any(|name| other.properties.get(*name).is_some_and(|own| own == id))
}

fn is_rule_of(other: &Physical, analyzer: &str) -> bool {
    let named = other.properties.get("AnalyzerName").and_then(Value::as_str);
    named.is_some() && analyzer.rsplit_once('/').map(|(_, name)| name) == named
}
