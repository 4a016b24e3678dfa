//! Ways to more power than was given: sets of actions with which a principal can change what it, or what it can become,
//! may do.
//!
//! The sets are those that are published and well known. What a boundary would withhold is not looked at: a role with
//! a boundary is left out.

use std::collections::BTreeMap;

use template::Resource;

use super::reading::{Reading, policies, statements, texts};
use super::ways::WAYS;
use super::{Finding, rules};
use crate::glob;

/// So many ways are told of one finding.
const TOLD: usize = 3;

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    if resource.properties.get("PermissionsBoundary").is_some() || has_global_boundary(reading, resource) {
        return;
    }
    // Only what is granted widely leads anywhere: on every resource, or every one of a kind.
    let granted: Vec<String> = policies(resource)
        .documents
        .into_iter()
        .flat_map(statements)
        .filter(|statement| statement.get("Effect").and_then(serde_json::Value::as_str) == Some("Allow"))
        .filter(|statement| statement.get("Condition").is_none())
        .filter(|statement| texts(statement.get("Resource")).iter().any(|resource| is_wide(resource)))
        .flat_map(|statement| texts(statement.get("Action")))
        .collect();
    // Who may do everything needs no way to more: that is said already.
    if granted.iter().any(|action| action == "*" || action == "*:*") {
        return;
    }
    let holder = |wanted: &str| granted.iter().find(|has| glob::matches(&has.to_ascii_lowercase(), wanted));
    // One pattern may open many ways: they are one finding.
    let mut opened: BTreeMap<Vec<&String>, Vec<&str>> = BTreeMap::new();
    for (needed, what) in WAYS {
        let held: Option<Vec<&String>> = needed.iter().map(|action| holder(action)).collect();
        let Some(mut held) = held else { continue };
        held.dedup();
        let ways = opened.entry(held).or_default();
        if !ways.contains(&what) {
            ways.push(what);
        }
    }
    for (held, ways) in opened {
        let first = held.first().map(|action| action.as_str()).unwrap_or_default();
        let names: Vec<&str> = held.iter().map(|action| action.as_str()).collect();
        let told: Vec<&str> = ways.iter().copied().take(TOLD).collect();
        let more = match ways.len().saturating_sub(TOLD) {
            0 => String::new(),
            more => format!(", and {more} ways more"),
        };
        let message = format!("`{name}` can {}{more} ({})", told.join("; "), names.join(", "));
        findings.push(reading.finding(&rules::ESCALATION, name, first, message));
    }
}

/// The roles that SAM makes for functions have the boundary of the template's `Globals`.
fn has_global_boundary(reading: &Reading<'_>, resource: &Resource) -> bool {
    resource.kind == "AWS::Serverless::Function"
        && reading.global_value("/Function/PermissionsBoundary").is_some()
}

/// `*`, or an ARN whose name is a wildcard alone.
fn is_wide(resource: &str) -> bool {
    resource == "*"
        || resource.ends_with("/*") && resource.matches('/').count() == 1
        || resource.ends_with(":*")
}
