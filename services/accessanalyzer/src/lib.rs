//! IAM Access Analyzer: policies validated, compared, and held against what must not be granted; written from what was
//! called; and analyzers, which find whom resources let in from outside, and what nobody uses.
//!
//! Nouns: an *analyzer* watches a *zone of trust*; a *finding* is access from outside it, or access that is not used, under
//! an *archive rule* where its owner expects it; a *preview* says what a policy would let in. It decides about no call and
//! changes no policy. It reads other services through the pipeline, as its service-linked role, and learns of changes from
//! the audit trail.
//!
//! Differences from AWS: what cannot be decided fails a check and never passes it; custom checks compare conditions word
//! for word; actions, keys and ARNs are judged where AWS's facts about the service are part of this platform; the six characters
//! ahead of a wildcard or a variable are asked of GitHub's subjects alone, and a variable that is itself a sensitive key may
//! stand in one; findings of external
//! access follow a change in about a second, those of unused access are renewed daily; use is known as far back
//! as the trail is kept, for 90 days; an organization's analyzer wants trusted access enabled first; the access role of a
//! policy generation needs leave for `cloudtrail:LookupEvents`, because the one trail is in no bucket.

mod access;
pub mod api;
mod checks;
mod error;
mod filter;
#[doc(hidden)]
pub mod fuzz;
mod operations;
mod page;
mod records;
mod scan;
mod service_role;
mod state;
mod validation;
mod written;
mod zone;

use std::sync::Arc;

use identity::Directory;
use service::{Service, ServiceBuilder};

pub use error::Error;
use operations::{
    analyzers, archive_rules, findings, findings_v2, generation, previews, recommendations, resources,
    statistics, tagging,
};
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
        GenerateFindingRecommendation: access::generate_recommendation, recommendations::generate;
        GetFindingRecommendation: access::get_recommendation, recommendations::get;
        CreateAccessPreview: access::create_preview, previews::create;
        GetAccessPreview: access::get_preview, previews::get;
        ListAccessPreviews: access::list_previews, previews::list;
        ListAccessPreviewFindings: access::list_preview_findings, previews::list_findings;
        StartPolicyGeneration: access::start_generation, generation::start;
        GetGeneratedPolicy: access::get_generation, generation::get;
        ListPolicyGenerations: access::list_generations, generation::list;
        CancelPolicyGeneration: access::cancel_generation, generation::cancel;
    };
    builder
        .declined(
            "no other service makes analyzers of its own here",
            &["CreateServiceLinkedAnalyzer", "DeleteServiceLinkedAnalyzer"],
        )
        .job("access-analysis", scan::run)
        .job("policy-generation", scan::generation::run)
        .build()
}

#[cfg(test)]
mod tests;
