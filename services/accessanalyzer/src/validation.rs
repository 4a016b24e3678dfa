//! Policies held against the language and good practice, page by page.
//!
//! The findings are `analysis`'s; here they become the API's.

use std::sync::Arc;

use analysis::json::Place;
use analysis::validate::{Finding, Kind, Location, Severity, Step};
use service::Permit;

use crate::api::{self, PathElement, Position, Span, ValidatePolicyFinding, ValidatePolicyResponse};
use crate::{Analyzers, Error};

const PAGE_MAX: usize = 1_000;
const REFERENCE: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html";

fn kind(policy_type: &str, resource_type: Option<&str>) -> Kind {
    match (policy_type, resource_type) {
        ("IDENTITY_POLICY", _) => Kind::Identity,
        ("SERVICE_CONTROL_POLICY", _) => Kind::ServiceControl,
        ("RESOURCE_CONTROL_POLICY", _) => Kind::ResourceControl,
        (_, Some("AWS::IAM::AssumeRolePolicyDocument")) => Kind::Trust,
        _ => Kind::Resource,
    }
}

/// The kind of a finding, and how the reference's anchors call it.
const fn names(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("ERROR", "error"),
        Severity::SecurityWarning => ("SECURITY_WARNING", "security-warning"),
        Severity::Warning => ("WARNING", "general-warning"),
        Severity::Suggestion => ("SUGGESTION", "suggestion"),
    }
}

fn position(place: Place) -> Position {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Position { line: number(place.line), column: number(place.column), offset: number(place.offset) }
}

fn step(step: Step) -> PathElement {
    let mut element = PathElement::default();
    match step {
        Step::Key(key) => element.key = Some(key),
        Step::Index(index) => element.index = i64::try_from(index).ok(),
        Step::Value(value) => element.value = Some(value),
    }
    element
}

fn location(found: Location) -> api::Location {
    api::Location {
        path: found.path.into_iter().map(step).collect(),
        span: Span { start: position(found.span.start), end: position(found.span.end) },
    }
}

fn shape(finding: Finding) -> ValidatePolicyFinding {
    let (kind, anchor) = names(finding.severity);
    let slug = finding.code.to_ascii_lowercase().replace('_', "-");
    ValidatePolicyFinding {
        finding_details: finding.details,
        finding_type: kind.to_owned(),
        issue_code: finding.code.to_owned(),
        learn_more_link: format!("{REFERENCE}#access-analyzer-reference-policy-checks-{anchor}-{slug}"),
        locations: finding.locations.into_iter().map(location).collect(),
    }
}

pub(crate) async fn validate(
    _: Arc<Analyzers>,
    permit: Permit<api::ValidatePolicy>,
) -> Result<ValidatePolicyResponse, Error> {
    let input = permit.input;
    let kind = kind(&input.policy_type, input.validate_policy_resource_type.as_deref());
    let resource_type = input.validate_policy_resource_type.as_deref();
    let findings = analysis::validate::validate_kept_by(&input.policy_document, kind, resource_type);
    // A token is the place in the list, which is the same for the same document.
    let start = match &input.next_token {
        None => 0,
        Some(token) => {
            let bytes = hex::decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let place = bytes.and_then(|text| text.parse::<usize>().ok());
            place.ok_or_else(|| Error::validation("The next token is not valid."))?
        }
    };
    let asked = input.max_results.and_then(|count| usize::try_from(count).ok()).unwrap_or(PAGE_MAX);
    let size = asked.clamp(1, PAGE_MAX);
    let end = start.saturating_add(size);
    let next_token = (findings.len() > end).then(|| hex::encode(end.to_string()));
    let page = findings.into_iter().skip(start).take(size).map(shape);
    Ok(ValidatePolicyResponse { findings: page.collect(), next_token })
}
