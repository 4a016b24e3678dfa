//! Statements that hand any role to any service, or create any service's role: the way from a little to everything.
//!
//! A condition of any kind is taken as a limit.

use super::statement::allows;
use super::{Kind, Severity, Step, Walk};
use crate::glob;
use crate::json::{Node, Span};

/// One action with the codes and the words for its wide forms.
struct Wide {
    action: &'static str,
    name: &'static str,
    code: &'static str,
    severity: Severity,
    risk: &'static str,
    way_out: &'static str,
}

const WIDE: [Wide; 2] = [
    Wide {
        action: "iam:passrole",
        name: "iam:PassRole",
        code: "PASS_ROLE",
        severity: Severity::SecurityWarning,
        risk: "can be overly permissive",
        way_out: "We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement.",
    },
    Wide {
        action: "iam:createservicelinkedrole",
        name: "iam:CreateServiceLinkedRole",
        code: "CREATE_SLR",
        severity: Severity::Warning,
        risk: "can allow creation of unintended service-linked roles",
        way_out: "We recommend that you specify resource ARNs instead.",
    },
];

pub(super) fn check(walk: &mut Walk<'_>, node: &Node, name: &str, found: &Node) {
    if walk.kind != Kind::Identity || !allows(node) || node.get("Condition").is_some() {
        return;
    }
    let reach = node.get("Resource").map(Node::texts).unwrap_or_default();
    let every = reach.iter().any(|resource| *resource == "*" || resource.ends_with(":role/*"));
    let inverted = node.get("NotResource").is_some();
    if !every && !inverted {
        return;
    }
    for wide in &WIDE {
        let is_it = |item: &&Node| {
            item.text().is_some_and(|text| glob::matches(&text.to_ascii_lowercase(), wide.action))
        };
        let met = found.one_or_many().iter().find(is_it);
        walk.within(Step::Key(name.to_owned()), |walk| match (name, met) {
            ("NotAction", None) => add(walk, wide, found.span, "NOT_ACTION", every),
            ("Action", Some(item)) if item.text().is_some_and(|text| text.contains('*')) => {
                add(walk, wide, item.span, "STAR_IN_ACTION", every);
            }
            ("Action", Some(item)) => add(walk, wide, item.span, "", every),
            _ => {}
        });
    }
}

fn add(walk: &mut Walk<'_>, wide: &Wide, span: Span, form: &str, every: bool) {
    let suffix = match (form, every) {
        ("", true) => "WITH_STAR_IN_RESOURCE",
        ("", false) => "WITH_NOT_RESOURCE",
        ("STAR_IN_ACTION", true) => "WITH_STAR_IN_ACTION_AND_RESOURCE",
        ("STAR_IN_ACTION", false) => "WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        (_, true) => "WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        (_, false) => "WITH_NOT_ACTION_AND_NOT_RESOURCE",
    };
    let Some(code) = CODES
        .into_iter()
        .find(|code| code.strip_prefix(wide.code).and_then(|rest| rest.strip_prefix('_')) == Some(suffix))
    else {
        return;
    };
    let using = match (form, every) {
        ("", true) => format!("Using the {} action with wildcards (*) in the resource", wide.name),
        ("", false) => format!("Using the {} action with NotResource", wide.name),
        ("STAR_IN_ACTION", true) => "Using wildcards (*) in the action and the resource".to_owned(),
        ("STAR_IN_ACTION", false) => "Using an action with a wildcard (*) and NotResource".to_owned(),
        (_, true) => "Using a resource with wildcards (*) and NotAction".to_owned(),
        (_, false) => "Using NotAction with NotResource".to_owned(),
    };
    let on = if form.is_empty() || !every { "multiple resources" } else { "all resources" };
    let way_out = if every { wide.way_out } else { "We recommend that you specify resource ARNs instead." };
    let can = if every { "allows" } else { "can allow" };
    let details =
        format!("{using} {} because it {can} {} permissions on {on}. {way_out}", wide.risk, wide.name);
    walk.add(wide.severity, code, span, details);
}

const CODES: [&str; 12] = [
    "PASS_ROLE_WITH_STAR_IN_RESOURCE",
    "PASS_ROLE_WITH_NOT_RESOURCE",
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
    "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
    "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
    "CREATE_SLR_WITH_STAR_IN_RESOURCE",
    "CREATE_SLR_WITH_NOT_RESOURCE",
    "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE",
    "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
    "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
    "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE",
];
