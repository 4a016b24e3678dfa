//! A policy's text held against the policy language and good practice: errors, security warnings, warnings, suggestions,
//! each with AWS's issue code and the places it is about.
//!
//! It says nothing about whether a request is allowed. Services, actions and condition keys are judged only where AWS's
//! facts about the service are known here; of others nothing is claimed.

mod actions;
mod addresses;
mod arns;
mod conditions;
mod control;
mod deputies;
mod endpoints;
mod keys;
mod pairs;
mod passing;
mod principals;
mod redundant;
mod refused;
mod regions;
mod sensitive;
mod sizes;
mod statement;
mod trust;
mod values;
mod variables;

use crate::json::{self, Json, Node, Place, Span};

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
struct Walk<'t> {
    kind: Kind,
    /// What the policy is kept by, in CloudFormation's name, where the caller said it.
    resource_type: Option<&'t str>,
    /// False in documents of versions that know no policy variables.
    has_variables: bool,
    path: Vec<Step>,
    findings: Vec<Finding>,
}

impl Walk<'_> {
    fn add(&mut self, severity: Severity, code: &'static str, span: Span, details: impl Into<String>) {
        let location = Location { path: self.path.clone(), span };
        self.add_at(severity, code, details.into(), vec![location]);
    }

    fn add_at(&mut self, severity: Severity, code: &'static str, details: String, locations: Vec<Location>) {
        self.findings.push(Finding { severity, code, details, locations });
    }

    fn error(&mut self, code: &'static str, span: Span, details: impl Into<String>) {
        self.add(Severity::Error, code, span, details);
    }

    fn secure(&mut self, code: &'static str, span: Span, details: impl Into<String>) {
        self.add(Severity::SecurityWarning, code, span, details);
    }

    fn warn(&mut self, code: &'static str, span: Span, details: impl Into<String>) {
        self.add(Severity::Warning, code, span, details);
    }

    fn suggest(&mut self, code: &'static str, span: Span, details: impl Into<String>) {
        self.add(Severity::Suggestion, code, span, details);
    }

    /// Something of another JSON type than the element's.
    fn mismatch(&mut self, span: Span, wanted: &str) {
        let details = format!("The text does not match the expected JSON data type {wanted}.");
        self.error("DATA_TYPE_MISMATCH", span, details);
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
    validate_kept_by(text, kind, None)
}

/// The same, and whether a policy of a resource fits the type that keeps it, in CloudFormation's name: `AWS::S3::Bucket`.
#[must_use]
pub fn validate_kept_by(text: &str, kind: Kind, resource_type: Option<&str>) -> Vec<Finding> {
    let mut walk = Walk { kind, resource_type, has_variables: false, path: Vec::new(), findings: Vec::new() };
    match json::parse(text) {
        Err(error) => {
            let Place { line, column, offset } = error.at;
            let details = format!("Fix the JSON syntax error at index {offset} line {line} column {column}.");
            walk.error("JSON_SYNTAX_ERROR", Span { start: error.at, end: error.at }, details);
        }
        Ok(node) => {
            document(&mut walk, &node);
            sizes::check(&mut walk, text, &node);
            refused::check(&mut walk, text, node.span);
        }
    }
    let mut findings = walk.findings;
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn document(walk: &mut Walk<'_>, node: &Node) {
    if !matches!(node.value, Json::Object(_)) {
        walk.mismatch(node.span, "Object");
        return;
    }
    duplicates(walk, node);
    unknown(walk, node, &["Version", "Id", "Statement"]);
    version(walk, node);
    let Some(statements) = node.get("Statement") else {
        walk.error("MISSING_STATEMENT", node.span, "Add a statement to the policy");
        return;
    };
    if matches!(&statements.value, Json::Array(items) if items.is_empty()) {
        walk.error("MISSING_STATEMENT", statements.span, "Add a statement to the policy");
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
        trust::document(walk, statements.one_or_many());
        redundant::statements(walk, statements.one_or_many());
    });
}

fn version(walk: &mut Walk<'_>, node: &Node) {
    let Some(found) = node.get("Version") else {
        walk.warn(
            "MISSING_VERSION",
            node.span,
            "We recommend that you specify the Version element to help you with debugging permission issues.",
        );
        return;
    };
    walk.has_variables = found.text() != Some("2008-10-17");
    walk.within(Step::Key("Version".to_owned()), |walk| match found.text() {
        Some("2012-10-17" | "2008-10-17") => {}
        Some(text) => {
            let details = format!(
                "The version {text} is not valid. Use one of the following versions: 2012-10-17, 2008-10-17"
            );
            walk.error("INVALID_VERSION", found.span, details);
        }
        None => walk.mismatch(found.span, "String"),
    });
}

/// Members that an object may not have.
fn unknown(walk: &mut Walk<'_>, node: &Node, names: &[&str]) {
    for member in node.members().iter().filter(|member| !names.contains(&member.name.as_str())) {
        let details = format!("The policy element {} is not valid.", member.name);
        walk.within(Step::Key(member.name.clone()), |walk| {
            walk.error("INVALID_POLICY_ELEMENT", member.name_span, details);
        });
    }
}

/// Two members of one object with one name.
fn duplicates(walk: &mut Walk<'_>, node: &Node) {
    for (at, member) in node.members().iter().enumerate() {
        if node.members().iter().take(at).any(|other| other.name == member.name) {
            walk.within(Step::Key(member.name.clone()), |walk| {
                walk.error("JSON_SYNTAX_ERROR", member.name_span, "Fix the JSON syntax error.");
            });
        }
    }
}

#[cfg(test)]
mod tests;
