//! A policy's text held against the policy language and good practice: errors, security warnings, warnings, suggestions,
//! each with AWS's issue code and the places it is about.
//!
//! It says nothing about whether a request is allowed. Services, actions and condition keys are judged only where AWS's
//! facts about the service are known here; of others nothing is claimed.

mod actions;
mod conditions;
mod statement;

use crate::json::{self, Json, Node, Span};

/// What the policy is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a user, group or role.
    Identity,
    /// To a resource.
    Resource,
    /// To a role, as its trust policy.
    Trust,
    /// To an organization's accounts, for their principals.
    ServiceControl,
    /// To an organization's accounts, for their resources.
    ResourceControl,
}

/// What kind of remark it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy does not work.
    Error,
    /// It grants too much.
    SecurityWarning,
    /// It may not do what it seems to.
    Warning,
    /// It could be written better.
    Suggestion,
}

/// A step of the way to a place in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into an object's member.
    Key(String),
    /// Into a list's item, from 0.
    Index(usize),
    /// The scalar itself.
    Value(String),
}

/// A place in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The way to it.
    pub path: Vec<Step>,
    /// Where it stands in the text.
    pub span: Span,
}

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of remark.
    pub severity: Severity,
    /// AWS's code, for example `INVALID_ACTION`.
    pub code: &'static str,
    /// For people.
    pub details: String,
    /// What it is about.
    pub locations: Vec<Location>,
}

/// Collects findings while walking down a document.
struct Walk {
    kind: Kind,
    path: Vec<Step>,
    findings: Vec<Finding>,
}

impl Walk {
    fn add(&mut self, severity: Severity, code: &'static str, span: Span, details: impl Into<String>) {
        let location = Location { path: self.path.clone(), span };
        self.findings.push(Finding { severity, code, details: details.into(), locations: vec![location] });
    }

    fn error(&mut self, code: &'static str, span: Span, details: impl Into<String>) {
        self.add(Severity::Error, code, span, details);
    }

    /// Runs `body` one step further down.
    fn within(&mut self, step: Step, body: impl FnOnce(&mut Self)) {
        self.path.push(step);
        body(self);
        self.path.pop();
    }

    /// Runs `body` for a scalar or for each item of a list, its value as the last step.
    fn each(&mut self, node: &Node, mut body: impl FnMut(&mut Self, &Node)) {
        let listed = matches!(node.value, Json::Array(_));
        for (at, item) in node.one_or_many().iter().enumerate() {
            let value = item.text().map(|text| Step::Value(text.to_owned()));
            let mut run = |walk: &mut Self| match value.clone() {
                Some(step) => walk.within(step, |walk| body(walk, item)),
                None => body(walk, item),
            };
            if listed {
                self.within(Step::Index(at), run);
            } else {
                run(self);
            }
        }
    }
}

/// The findings in a policy, errors first; within a kind in the order of the text.
#[must_use]
pub fn validate(text: &str, kind: Kind) -> Vec<Finding> {
    let mut walk = Walk { kind, path: Vec::new(), findings: Vec::new() };
    match json::parse(text) {
        Err(error) => {
            let span = Span { start: error.at, end: error.at };
            walk.error("JSON_SYNTAX_ERROR", span, format!("Fix the JSON syntax: {error}."));
        }
        Ok(node) => document(&mut walk, &node),
    }
    let mut findings = walk.findings;
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn document(walk: &mut Walk, node: &Node) {
    if !matches!(node.value, Json::Object(_)) {
        walk.error("JSON_SYNTAX_ERROR", node.span, "A policy is a JSON object.");
        return;
    }
    duplicates(walk, node);
    for member in node.members() {
        if !matches!(member.name.as_str(), "Version" | "Id" | "Statement") {
            let details = format!("The policy element {} is not valid.", member.name);
            walk.within(Step::Key(member.name.clone()), |walk| {
                walk.error("INVALID_POLICY_ELEMENT", member.name_span, details);
            });
        }
    }
    version(walk, node);
    let Some(statements) = node.get("Statement") else {
        walk.error("MISSING_STATEMENT", node.span, "Add a Statement element to the policy.");
        return;
    };
    if matches!(&statements.value, Json::Array(items) if items.is_empty()) {
        walk.error("MISSING_STATEMENT", statements.span, "The list of statements is empty.");
    }
    let listed = matches!(statements.value, Json::Array(_));
    walk.within(Step::Key("Statement".to_owned()), |walk| {
        for (at, item) in statements.one_or_many().iter().enumerate() {
            if listed {
                walk.within(Step::Index(at), |walk| statement::check(walk, item));
            } else {
                statement::check(walk, item);
            }
        }
        statement::sids(walk, statements.one_or_many());
    });
}

fn version(walk: &mut Walk, node: &Node) {
    match node.get("Version") {
        None => {
            let details =
                "Add the Version element with 2012-10-17: without it, policy variables are plain text.";
            walk.add(Severity::Warning, "MISSING_VERSION", node.span, details);
        }
        Some(found) if !matches!(found.text(), Some("2012-10-17" | "2008-10-17")) => {
            let span = found.span;
            walk.within(Step::Key("Version".to_owned()), |walk| {
                walk.error("INVALID_VERSION", span, "The version is 2012-10-17 or 2008-10-17.");
            });
        }
        Some(_) => {}
    }
}

/// Two names of one object that are the same, or differ in case only.
fn duplicates(walk: &mut Walk, node: &Node) {
    for (at, member) in node.members().iter().enumerate() {
        let before = node.members().iter().take(at);
        let twin = before.into_iter().find(|other| other.name.eq_ignore_ascii_case(&member.name));
        if let Some(twin) = twin {
            let code = if twin.name == member.name {
                "DUPLICATE_KEYS_WITH_SAME_CASE"
            } else {
                "DUPLICATE_KEYS_WITH_DIFFERENT_CASE"
            };
            let details = format!("The key {} stands twice in one object.", member.name);
            walk.within(Step::Key(member.name.clone()), |walk| walk.error(code, member.name_span, details));
        }
    }
}

#[cfg(test)]
mod tests;
