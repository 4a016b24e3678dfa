//! Templates before they are deployed: what they would grant too widely, and what they would give away.
//!
//! Reads the template as it is written, SAM's shorthand included, so that every finding has its line. It deploys nothing:
//! parameters stand for their defaults, conditions for both of their outcomes, and what an intrinsic hides is not guessed.
//! Reading order: `worlds`, `reading` and `resolve` (values with their lines), `sources` and `statement` (what policies
//! hold), then what judges.

mod acl;
pub(crate) mod actions;
mod conditions;
mod escalation;
mod functions;
mod identity;
mod loops;
mod managed;
mod principals;
mod reach;
mod reading;
mod resolve;
mod resource_policy;
mod rules;
mod secrets;
mod sources;
mod statement;
mod ways;
mod words;
mod worlds;

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

/// The document of a policy that AWS keeps, by its name; `None` for what is none.
pub type Managed<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The findings in a template, by line; what its owners accepted, with a reason, left out.
///
/// A resource accepts a finding in its `Metadata`: `FastnessIgnore: {rule-id: reason}`.
///
/// # Errors
/// Where the text is not a template.
pub fn check(text: &str, managed: Managed<'_>) -> Result<Vec<Finding>, TemplateError> {
    let mut document = Document::parse(text)?;
    let around = loops::hoist(&mut document.root);
    let template = Template::from_document(&document)?;
    let kept = managed::Kept::new(managed);
    let mut findings = Vec::new();
    for world in worlds::worlds(&document.root) {
        look(&Reading::new(&document, &template, (&around, &kept), world), &mut findings);
    }
    findings.retain(|finding| {
        let resource = template.resources.get(&finding.resource);
        !is_accepted(resource.and_then(|resource| resource.metadata.as_ref()), finding.rule.id)
    });
    findings.sort_by(|left, right| key(left).cmp(&key(right)));
    findings.dedup();
    Ok(findings)
}

/// What is found in one world; what is there in several is told once.
fn look(reading: &Reading<'_>, findings: &mut Vec<Finding>) {
    for (name, resource) in reading.resources() {
        identity::check(reading, name, resource, findings);
        resource_policy::check(reading, name, resource, findings);
        acl::check(reading, name, resource, findings);
        functions::check(reading, name, resource, findings);
        secrets::check(reading, name, resource, findings);
    }
    escalation::check(reading, findings);
    functions::check_shared_roles(reading, findings);
    functions::check_globals(reading, findings);
    secrets::check_globals(reading, findings);
}

fn key(finding: &Finding) -> (Option<usize>, &str, &str, &str) {
    (finding.line, finding.rule.id, &finding.resource, &finding.message)
}

/// A reason is asked for: an empty one accepts nothing.
fn is_accepted(metadata: Option<&Value>, rule: &str) -> bool {
    let reason = metadata.and_then(|metadata| metadata.get("FastnessIgnore")?.get(rule)?.as_str());
    reason.is_some_and(|reason| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests;
