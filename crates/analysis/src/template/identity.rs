//! Statements of identities that allow too much: wildcards, everything but a list, any role.
//!
//! What several statements amount to together is not said here; see `escalation`.

use template::Resource;

use super::actions::{self, Binding};
use super::reading::Reading;
use super::statement::{Pattern, Statement, statements};
use super::ways::PASS_ROLE;
use super::{Finding, Rule, Severity, reach, rules, sources};
use crate::glob;

/// Managed policies that let their holder do everything, or make itself able to.
pub(super) const ADMINISTRATORS: [&str; 3] = ["AdministratorAccess", "PowerUserAccess", "IAMFullAccess"];
/// Managed policies that AWS documents for a purpose that no template can write more narrowly: those that SAM gives a function
/// by its own properties, and those of the tools that run beside it.
const GIVEN: [&str; 7] = [
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaBasicDurableExecutionRolePolicy",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXrayWriteOnlyAccess",
    "AmazonAPIGatewayPushToCloudWatchLogs",
    "AmazonECSTaskExecutionRolePolicy",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
];
/// So many actions of a managed policy are told.
const TOLD: usize = 3;
/// What functions write their logs with, as AWS's own policy for them grants it: lines can only be added.
const LOG_WRITING: [&str; 3] = ["logs:createloggroup", "logs:createlogstream", "logs:putlogevents"];

pub(super) fn check(reading: &Reading<'_>, name: &str, resource: &Resource, findings: &mut Vec<Finding>) {
    let own = sources::identity(reading, name, resource);
    for (managed, path) in own.managed {
        for (rule, what) in of_managed(reading, &managed, &path) {
            findings.push(reading.finding(
                rule,
                name,
                &path,
                format!("`{name}` has the managed policy {what}"),
            ));
        }
    }
    for statement in own.statements {
        for Wide { rule, line, what } in judged(&statement, usize::MAX) {
            let message = format!("`{name}` {what}");
            findings.push(Finding { rule, resource: name.to_owned(), line: Some(line), message });
        }
    }
}

/// What a managed policy grants too widely, each kind once. How AWS writes down its actions is no finding.
fn of_managed(reading: &Reading<'_>, managed: &str, path: &str) -> Vec<(&'static Rule, String)> {
    let short = managed.rsplit('/').next().unwrap_or_default();
    match short {
        short if ADMINISTRATORS.contains(&short) => return vec![(&rules::ADMINISTRATOR, short.to_owned())],
        short if short.ends_with("FullAccess") => return vec![(&rules::ACTION_WILDCARD, short.to_owned())],
        short if GIVEN.contains(&short) => return Vec::new(),
        _ => {}
    }
    let Some(document) = reading.managed(managed, path) else { return Vec::new() };
    let mut found: Vec<(&Rule, String)> = Vec::new();
    for wide in statements(short, &document).iter().flat_map(|statement| judged(statement, TOLD)) {
        if wide.rule.severity > Severity::Low && !found.iter().any(|(rule, _)| *rule == wide.rule) {
            found.push((wide.rule, format!("{short}, which {}", wide.what)));
        }
    }
    found
}

/// Something that a statement allows too widely.
struct Wide {
    rule: &'static Rule,
    line: usize,
    /// As a sentence goes on.
    what: String,
}

/// What a statement allows too widely; of many actions so many are named.
fn judged(statement: &Statement, told: usize) -> Vec<Wide> {
    let mut found = Vec::new();
    let mut add = |rule: &'static Rule, line: usize, what: String| found.push(Wide { rule, line, what });
    for (element, line) in &statement.inverted {
        add(&rules::NOT_ACTION, *line, format!("allows with {element}"));
    }
    for action in &statement.actions {
        let called = action.plain.split_once(':').map_or(action.plain.as_str(), |(_, called)| called);
        if is_everything(&action.plain) {
            add(&rules::ADMINISTRATOR, action.line, "allows every action".to_owned());
        } else if called == "*" {
            add(&rules::ACTION_WILDCARD, action.line, format!("allows {}", action.shown));
        } else if called.contains(['*', '?']) {
            add(&rules::ACTION_PREFIX, action.line, format!("allows {}", action.shown));
        }
        if passes_any_role(action, statement) {
            add(&rules::PASS_ROLE, action.line, format!("may pass any role ({})", action.shown));
        }
    }
    // `NotResource` is a finding of its own.
    if statement.is_bound || statement.inverted.iter().any(|(element, _)| *element == "NotResource") {
        return found;
    }
    for (rule, binding, what) in [
        (&rules::RESOURCE_WILDCARD, Binding::Possible, ""),
        (&rules::UNKNOWN_ACTION, Binding::Unknown, ", which AWS's reference does not have,"),
    ] {
        let reached: Vec<(&Pattern, &Pattern)> = statement
            .actions
            .iter()
            .filter(|action| !is_everything(&action.plain) && action.plain != PASS_ROLE)
            .filter(|action| actions::binding(&action.plain) == binding)
            .filter_map(|action| Some((action, reached(action, &statement.resources)?)))
            .collect();
        if let Some((_, place)) = reached.first() {
            let mut names: Vec<&str> = reached.iter().map(|(action, _)| action.shown.as_str()).collect();
            let more = names.len().saturating_sub(told);
            names.truncate(told);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let on = if place.shown == "*" { String::new() } else { format!(" ({})", place.shown) };
            let what = format!("allows {}{more}{what} on every resource{on}", names.join(", "));
            add(rule, place.line, what);
        }
    }
    found
}

/// True for a pattern that takes in every action of every service.
pub(super) fn is_everything(action: &str) -> bool {
    action == "*" || action == "*:*"
}

/// The pattern by which the action reaches every resource of a kind.
fn reached<'s>(action: &Pattern, resources: &'s [Pattern]) -> Option<&'s Pattern> {
    let writes_logs = LOG_WRITING.contains(&action.plain.as_str());
    resources.iter().find(|resource| match resource.plain.as_str() {
        "*" => true,
        pattern => !writes_logs && reach::reaches_every(&action.plain, pattern),
    })
}

fn passes_any_role(action: &Pattern, statement: &Statement) -> bool {
    let mut resources = statement.resources.iter();
    // Who may do everything is told so already.
    !is_everything(&action.plain)
        && glob::matches(&action.plain, PASS_ROLE)
        && resources.any(|resource| reach::reaches_every(PASS_ROLE, &resource.plain))
}
