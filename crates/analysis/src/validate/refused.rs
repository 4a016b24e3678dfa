//! What storing the policy would refuse is an error, whatever the checks before have seen.
//!
//! The parser is the one that stores; here its reasons get the codes of the reference.

use policy::{Policy, PolicyError, PolicyKind};

use super::{Kind, Severity, Walk};
use crate::json::Span;

/// Findings that say of a document that is refused what there is to say of it, though they are no errors in the reference.
const EXPLAIN: [&str; 7] = [
    "EMPTY_ARRAY_ACTION",
    "EMPTY_ARRAY_RESOURCE",
    "EMPTY_ARRAY_PRINCIPAL",
    "EMPTY_OBJECT_PRINCIPAL",
    "NULL_WITH_QUALIFIER",
    "UNIQUE_SIDS_RECOMMENDED",
    "WILDCARD_IN_SERVICE_NAME",
];

pub(super) fn check(walk: &mut Walk<'_>, text: &str, span: Span) {
    let says = |code: &str| EXPLAIN.contains(&code);
    if walk.findings.iter().any(|found| found.severity == Severity::Error || says(found.code)) {
        return;
    }
    let kind = match walk.kind {
        Kind::Identity => PolicyKind::Identity,
        Kind::Resource => PolicyKind::Resource,
        Kind::Trust => PolicyKind::Trust,
        Kind::ServiceControl => PolicyKind::ServiceControl,
        Kind::ResourceControl => PolicyKind::ResourceControl,
    };
    if let Err(error) = Policy::parse(text, kind) {
        let details = error.detail().map_or_else(|| error.to_string(), |detail| format!("{error}: {detail}"));
        walk.error(code(&error), span, details);
    }
}

const fn code(error: &PolicyError) -> &'static str {
    match error {
        PolicyError::Syntax { .. } | PolicyError::LegacyParsing { .. } | PolicyError::TooLong { .. } => {
            "JSON_SYNTAX_ERROR"
        }
        PolicyError::MissingVendor | PolicyError::TwoColons => "INVALID_ACTION",
        PolicyError::InvalidVendor(_) => "INVALID_SERVICE_IN_ACTION",
        PolicyError::NotAnArn(_) => "INVALID_ARN_PREFIX",
        PolicyError::InvalidPartition { .. } => "INVALID_PARTITION",
        PolicyError::UnqualifiedVendor => "INVALID_SERVICE",
        PolicyError::IamRegion(_) | PolicyError::S3Region(_) => "ARN_REGION_NOT_ALLOWED",
        PolicyError::IamPath(_) => "INVALID_ARN_RESOURCE",
        PolicyError::MissingAction => "MISSING_ACTION",
        PolicyError::MissingResource => "MISSING_RESOURCE",
        PolicyError::DuplicateSid => "UNIQUE_SIDS_REQUIRED",
        PolicyError::InvalidSid => "UNSUPPORTED_SID",
        PolicyError::PrincipalNotAllowed => "UNSUPPORTED_PRINCIPAL",
        PolicyError::MissingField(_) => "MISSING_PRINCIPAL",
        PolicyError::ProhibitedField(_) => "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE",
        PolicyError::InvalidPrincipal { .. } => "INVALID_PRINCIPAL_FORMAT",
        PolicyError::NotAssumeRole => "UNSUPPORTED_ACTION_IN_POLICY",
    }
}
