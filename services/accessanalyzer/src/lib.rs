//! IAM Access Analyzer: policies validated, compared, and held against what must not be granted.
//!
//! Nothing is stored: every answer is about the documents in its request, and decides about no call.
//!
//! Differences from AWS: what cannot be decided fails a check and never passes it; custom checks compare conditions word
//! for word; services, actions and keys are judged where AWS's facts about the service are part of this platform.
//! Analyzers, their findings, previews and policy generation are declined.

mod access;
pub mod api;
mod checks;
mod error;
mod validation;

use std::sync::Arc;

use service::{Service, ServiceBuilder};

pub use error::Error;

/// The service's operation table.
#[must_use]
pub fn service() -> Service {
    ServiceBuilder::new("accessanalyzer", Arc::new(()))
        .operation::<api::ValidatePolicy, _, _, _, _>(access::validate, validation::validate)
        .operation::<api::CheckNoNewAccess, _, _, _, _>(access::no_new_access, checks::no_new_access)
        .operation::<api::CheckAccessNotGranted, _, _, _, _>(access::not_granted, checks::not_granted)
        .operation::<api::CheckNoPublicAccess, _, _, _, _>(access::no_public_access, checks::no_public_access)
        .declined(
            "analyzers are not part of this platform yet; the checks of policies are",
            &[
                "ApplyArchiveRule",
                "CreateAccessPreview",
                "CreateAnalyzer",
                "CreateArchiveRule",
                "CreateServiceLinkedAnalyzer",
                "DeleteAnalyzer",
                "DeleteArchiveRule",
                "DeleteServiceLinkedAnalyzer",
                "GenerateFindingRecommendation",
                "GetAccessPreview",
                "GetAnalyzedResource",
                "GetAnalyzer",
                "GetArchiveRule",
                "GetFinding",
                "GetFindingRecommendation",
                "GetFindingV2",
                "GetFindingsStatistics",
                "ListAccessPreviewFindings",
                "ListAccessPreviews",
                "ListAnalyzedResources",
                "ListAnalyzers",
                "ListArchiveRules",
                "ListFindings",
                "ListFindingsV2",
                "ListTagsForResource",
                "StartResourceScan",
                "TagResource",
                "UntagResource",
                "UpdateAnalyzer",
                "UpdateArchiveRule",
                "UpdateFindings",
            ],
        )
        .declined(
            "`fastness least-privilege` writes policies from the audit trail",
            &[
                "CancelPolicyGeneration",
                "GetGeneratedPolicy",
                "ListPolicyGenerations",
                "StartPolicyGeneration",
            ],
        )
        .build()
}

#[cfg(test)]
mod tests;
