//! Templates before they are deployed: what they would grant too widely, and what they would give away.
//!
//! Reads the template as it is written, SAM's shorthand included, so that every finding has its line. It deploys nothing,
//! resolves no parameter, and what an intrinsic hides it does not guess: a finding is about what stands there.

mod escalation;
mod functions;
mod loops;
pub(crate) mod reading;
mod rules;
mod statements;
mod ways;

use serde_json::Value;
use template::{Document, Template, TemplateError};

pub use rules::{RULES, Rule, Severity};

use reading::Reading;

/// Something that should be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule it breaks.
    pub rule: &'static Rule,
    /// The logical id of the resource; empty for what concerns the whole template.
    pub resource: String,
    /// Where it stands, from 1.
    pub line: Option<usize>,
    /// What was found there.
    pub message: String,
}

/// The findings in a template, by line; what its owners accepted, with a reason, left out.
///
/// A resource accepts a finding in its `Metadata`: `FastnessIgnore: {rule-id: reason}`.
///
/// # Errors
/// Where the text is not a template.
pub fn check(text: &str) -> Result<Vec<Finding>, TemplateError> {
    let mut document = Document::parse(text)?;
    let paths = loops::hoist(&mut document.root);
    let template = Template::from_document(&document)?;
    let reading = Reading::new(text, &document, &template, paths);
    let mut findings = Vec::new();
    for (name, resource) in &template.resources {
        let mut own = Vec::new();
        statements::check(&reading, name, resource, &mut own);
        functions::check(&reading, name, resource, &mut own);
        escalation::check(&reading, name, resource, &mut own);
        own.retain(|finding| !is_accepted(resource.metadata.as_ref(), finding.rule.id));
        findings.extend(own);
    }
    functions::check_shared_roles(&reading, &mut findings);
    functions::check_globals(&reading, &document, &mut findings);
    findings.sort_by(|left, right| (left.line, left.rule.id).cmp(&(right.line, right.rule.id)));
    findings.dedup();
    Ok(findings)
}

/// A reason is asked for: an empty one accepts nothing.
fn is_accepted(metadata: Option<&Value>, rule: &str) -> bool {
    let reason = metadata.and_then(|metadata| metadata.get("FastnessIgnore")?.get(rule)?.as_str());
    reason.is_some_and(|reason| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests;
