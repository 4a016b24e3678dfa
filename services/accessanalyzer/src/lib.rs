//! IAM Access Analyzer: policies validated, compared, and held against what must not be granted; and analyzers, which find
//! whom an account's or organization's resources let in from outside.
//!
//! Nouns: an *analyzer* watches a *zone of trust*; a *finding* is access from outside it, under an *archive rule* where
//! its owner expects it. It decides about no call and changes no policy. It reads other services through the pipeline, as
//! its service-linked role, and learns of changes from the audit trail.
//!
//! Differences from AWS: what cannot be decided fails a check and never passes it; custom checks compare conditions word
//! for word; services, actions and keys are judged where AWS's facts about the service are part of this platform; findings
//! follow a change in about a second, not in minutes; an organization's analyzer wants trusted access enabled first.

mod access;
pub mod api;
mod checks;
mod error;
mod filter;
mod operations;
mod page;
mod records;
mod scan;
mod service_role;
mod state;
mod validation;
mod zone;

use std::sync::Arc;

use identity::Directory;
use service::{Service, ServiceBuilder};

pub use error::Error;
use operations::{analyzers, archive_rules, findings, findings_v2, resources, statistics, tagging};
use state::Analyzers;

macro_rules! operations {
    ($builder:expr; $($name:ident: $access:path, $handler:path;)*) => {
        $builder$(.operation::<api::$name, _, _, _, _>($access, $handler))*
    };
}

/// The service over this directory.
#[must_use]
pub fn service(directory: Directory) -> Service {
    let builder = ServiceBuilder::new("accessanalyzer", Arc::new(Analyzers::new(directory)));
    let builder = operations! { builder;
        ValidatePolicy: access::validate, validation::validate;
        CheckNoNewAccess: access::no_new_access, checks::no_new_access;
        CheckAccessNotGranted: access::not_granted, checks::not_granted;
        CheckNoPublicAccess: access::no_public_access, checks::no_public_access;
        CreateAnalyzer: access::create_analyzer, analyzers::create;
        GetAnalyzer: access::get_analyzer, analyzers::get;
        ListAnalyzers: access::list_analyzers, analyzers::list;
        UpdateAnalyzer: access::update_analyzer, analyzers::update;
        DeleteAnalyzer: access::delete_analyzer, analyzers::delete;
        CreateArchiveRule: access::create_rule, archive_rules::create;
        GetArchiveRule: access::get_rule, archive_rules::get;
        ListArchiveRules: access::list_rules, archive_rules::list;
        UpdateArchiveRule: access::update_rule, archive_rules::update;
        DeleteArchiveRule: access::delete_rule, archive_rules::delete;
        ApplyArchiveRule: access::apply_rule, archive_rules::apply;
        TagResource: access::tag, tagging::tag;
        UntagResource: access::untag, tagging::untag;
        ListTagsForResource: access::list_tags, tagging::list;
        GetFinding: access::get_finding, findings::get;
        ListFindings: access::list_findings, findings::list;
        UpdateFindings: access::update_findings, findings::update;
        GetFindingV2: access::get_finding_v2, findings_v2::get;
        ListFindingsV2: access::list_findings_v2, findings_v2::list;
        GetFindingsStatistics: access::statistics, statistics::get;
        GetAnalyzedResource: access::get_resource, resources::get;
        ListAnalyzedResources: access::list_resources, resources::list;
        StartResourceScan: access::start_scan, resources::scan;
    };
    declined(builder).job("access-analysis", scan::run).build()
}

fn declined(builder: ServiceBuilder<Analyzers>) -> ServiceBuilder<Analyzers> {
    builder
        .declined(
            "no other service makes analyzers of its own here",
            &["CreateServiceLinkedAnalyzer", "DeleteServiceLinkedAnalyzer"],
        )
        .declined(
            "policies are held against a zone of trust once they are in force; a preview of them is not offered yet",
            &["CreateAccessPreview", "GetAccessPreview", "ListAccessPreviewFindings", "ListAccessPreviews"],
        )
        .declined(
            "`fastness least-privilege` writes policies from the audit trail",
            &[
                "CancelPolicyGeneration",
                "GenerateFindingRecommendation",
                "GetFindingRecommendation",
                "GetGeneratedPolicy",
                "ListPolicyGenerations",
                "StartPolicyGeneration",
            ],
        )
}

#[cfg(test)]
mod tests;
