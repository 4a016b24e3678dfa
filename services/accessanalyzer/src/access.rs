//! The leave that each operation needs: its action, on the analyzer or rule that the input names.
//!
//! Whether an analyzer exists is seen here for its tags alone, and told only by the handlers.
#![allow(clippy::unnecessary_wraps, reason = "the shape of every access function")]

use base::{AccountId, Region};
use identity::Reads as _;
use service::{Access, AccessRequest};

use crate::records::{self, AnalyzerRecord};
use crate::zone::PRINCIPAL;
use crate::{Analyzers, Error, api};

type Outcome = Result<Access, Error>;

/// Operations without a target.
macro_rules! general {
    ($($name:ident($input:ident) = $action:literal;)*) => {$(
        pub(crate) fn $name(_: &Analyzers, _: &AccessRequest<'_, api::$input>) -> Outcome {
            Ok(Access::to($action, "*"))
        }
    )*};
}

/// Operations on the analyzer that a member of the input names by its ARN.
macro_rules! by_arn {
    ($($name:ident($input:ident) = $action:literal on $member:ident;)*) => {$(
        pub(crate) fn $name(_: &Analyzers, request: &AccessRequest<'_, api::$input>) -> Outcome {
            on_arn(request, $action, &request.input.$member)
        }
    )*};
}

/// Operations on the analyzer of this name.
macro_rules! by_name {
    ($($name:ident($input:ident) = $action:literal;)*) => {$(
        pub(crate) fn $name(_: &Analyzers, request: &AccessRequest<'_, api::$input>) -> Outcome {
            on_name(request, $action, &request.input.analyzer_name)
        }
    )*};
}

/// Operations on an archive rule.
macro_rules! on_rule {
    ($($name:ident($input:ident) = $action:literal;)*) => {$(
        pub(crate) fn $name(_: &Analyzers, request: &AccessRequest<'_, api::$input>) -> Outcome {
            let analyzer = analyzer_arn(request.account, request.region, &request.input.analyzer_name);
            Ok(Access::to($action, format!("{analyzer}/archive-rule/{}", request.input.rule_name)))
        }
    )*};
}

general! {
    validate(ValidatePolicyRequest) = "access-analyzer:ValidatePolicy";
    no_new_access(CheckNoNewAccessRequest) = "access-analyzer:CheckNoNewAccess";
    not_granted(CheckAccessNotGrantedRequest) = "access-analyzer:CheckAccessNotGranted";
    no_public_access(CheckNoPublicAccessRequest) = "access-analyzer:CheckNoPublicAccess";
    list_analyzers(ListAnalyzersRequest) = "access-analyzer:ListAnalyzers";
    get_generation(GetGeneratedPolicyRequest) = "access-analyzer:GetGeneratedPolicy";
    list_generations(ListPolicyGenerationsRequest) = "access-analyzer:ListPolicyGenerations";
    cancel_generation(CancelPolicyGenerationRequest) = "access-analyzer:CancelPolicyGeneration";
}

by_name! {
    get_analyzer(GetAnalyzerRequest) = "access-analyzer:GetAnalyzer";
    update_analyzer(UpdateAnalyzerRequest) = "access-analyzer:UpdateAnalyzer";
    delete_analyzer(DeleteAnalyzerRequest) = "access-analyzer:DeleteAnalyzer";
    list_rules(ListArchiveRulesRequest) = "access-analyzer:ListArchiveRules";
}

on_rule! {
    create_rule(CreateArchiveRuleRequest) = "access-analyzer:CreateArchiveRule";
    get_rule(GetArchiveRuleRequest) = "access-analyzer:GetArchiveRule";
    update_rule(UpdateArchiveRuleRequest) = "access-analyzer:UpdateArchiveRule";
    delete_rule(DeleteArchiveRuleRequest) = "access-analyzer:DeleteArchiveRule";
}

by_arn! {
    apply_rule(ApplyArchiveRuleRequest) = "access-analyzer:ApplyArchiveRule" on analyzer_arn;
    list_tags(ListTagsForResourceRequest) = "access-analyzer:ListTagsForResource" on resource_arn;
    get_finding(GetFindingRequest) = "access-analyzer:GetFinding" on analyzer_arn;
    get_finding_v2(GetFindingV2Request) = "access-analyzer:GetFinding" on analyzer_arn;
    list_findings(ListFindingsRequest) = "access-analyzer:ListFindings" on analyzer_arn;
    list_findings_v2(ListFindingsV2Request) = "access-analyzer:ListFindings" on analyzer_arn;
    update_findings(UpdateFindingsRequest) = "access-analyzer:UpdateFindings" on analyzer_arn;
    statistics(GetFindingsStatisticsRequest) = "access-analyzer:GetFindingsStatistics" on analyzer_arn;
    get_resource(GetAnalyzedResourceRequest) = "access-analyzer:GetAnalyzedResource" on analyzer_arn;
    list_resources(ListAnalyzedResourcesRequest) = "access-analyzer:ListAnalyzedResources" on analyzer_arn;
    generate_recommendation(GenerateFindingRecommendationRequest) =
        "access-analyzer:GenerateFindingRecommendation" on analyzer_arn;
    get_recommendation(GetFindingRecommendationRequest) = "access-analyzer:GetFindingRecommendation" on analyzer_arn;
    create_preview(CreateAccessPreviewRequest) = "access-analyzer:CreateAccessPreview" on analyzer_arn;
    get_preview(GetAccessPreviewRequest) = "access-analyzer:GetAccessPreview" on analyzer_arn;
    list_previews(ListAccessPreviewsRequest) = "access-analyzer:ListAccessPreviews" on analyzer_arn;
    list_preview_findings(ListAccessPreviewFindingsRequest) =
        "access-analyzer:ListAccessPreviewFindings" on analyzer_arn;
    start_scan(StartResourceScanRequest) = "access-analyzer:StartResourceScan" on analyzer_arn;
}

/// The ARN of an analyzer, whether it exists or not.
pub(crate) fn analyzer_arn(account: AccountId, region: &Region, name: &str) -> String {
    format!("arn:aws:access-analyzer:{region}:{account}:analyzer/{name}")
}

fn tagged<I>(request: &AccessRequest<'_, I>, access: Access, account: AccountId, name: &str) -> Outcome {
    let found: Option<AnalyzerRecord> =
        request.records.record(records::ANALYZERS, &records::analyzer(account, name))?;
    let tags = found.map(|record| record.tags).unwrap_or_default();
    Ok(access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

fn on_name<I>(request: &AccessRequest<'_, I>, action: &'static str, name: &str) -> Outcome {
    let access = Access::to(action, analyzer_arn(request.account, request.region, name));
    tagged(request, access, request.account, name)
}

fn on_arn<I>(request: &AccessRequest<'_, I>, action: &'static str, arn: &str) -> Outcome {
    let mut access = Access::to(action, arn);
    let prefix = analyzer_arn(request.account, request.region, "");
    match arn.strip_prefix(&prefix) {
        Some(name) => tagged(request, access, request.account, name),
        None => {
            // Another account's: nothing of it is shared.
            let owner = arn.split(':').nth(4).and_then(|account| account.parse().ok());
            if let Some(owner) = owner {
                access = access.owned_by(owner);
            }
            Ok(access)
        }
    }
}

fn requested<'t>(access: Access, tags: impl Iterator<Item = (&'t str, &'t String)>) -> Access {
    access.request_tags(tags.map(|(key, value)| (key, value.as_str())))
}

pub(crate) fn create_analyzer(
    _: &Analyzers,
    request: &AccessRequest<'_, api::CreateAnalyzerRequest>,
) -> Outcome {
    let input = request.input;
    let arn = analyzer_arn(request.account, request.region, &input.analyzer_name);
    let access = Access::to("access-analyzer:CreateAnalyzer", arn.as_str());
    let tags =
        || input.tags.iter().flat_map(protocol::Entries::iter).map(|(key, value)| (key, value.as_str()));
    Ok(access.request_tags(tags()).and_tags("access-analyzer:TagResource", arn, tags()))
}

pub(crate) fn tag(_: &Analyzers, request: &AccessRequest<'_, api::TagResourceRequest>) -> Outcome {
    let access = on_arn(request, "access-analyzer:TagResource", &request.input.resource_arn)?;
    Ok(requested(access, request.input.tags.iter()))
}

pub(crate) fn untag(_: &Analyzers, request: &AccessRequest<'_, api::UntagResourceRequest>) -> Outcome {
    let access = on_arn(request, "access-analyzer:UntagResource", &request.input.resource_arn)?;
    Ok(access.when("aws:TagKeys", request.input.tag_keys.iter().map(String::as_str)))
}

/// The caller hands the access role on to this service.
pub(crate) fn start_generation(
    _: &Analyzers,
    request: &AccessRequest<'_, api::StartPolicyGenerationRequest>,
) -> Outcome {
    let access = Access::to("access-analyzer:StartPolicyGeneration", "*");
    let role = request.input.cloud_trail_details.as_ref().map(|details| details.access_role.as_str());
    Ok(match role {
        Some(role) => access.and(Access::to("iam:PassRole", role).when("iam:PassedToService", [PRINCIPAL])),
        None => access,
    })
}
