//! What an analyzer of external access looked at, and requests to look again.

use std::sync::Arc;

use identity::Reads as _;
use service::View;
use service::{Call, Permit};

use crate::page::Paging;
use crate::records::{RESOURCES, ResourceRecord, Status, of_analyzer, part};
use crate::scan::Family;
use crate::state::{Analyzers, Open};
use crate::{Error, api};

/// How errors call a resource.
const RESOURCE: &str = "Resource";

fn analyzer(view: &View, call: &Call, arn: &str) -> Result<Open, Error> {
    Open::external(view, call, arn, "Resources are analyzed by analyzers of external access only.")
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetAnalyzedResource>,
) -> Result<api::GetAnalyzedResourceResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = analyzer(&view, &call, &input.analyzer_arn)?;
    let found: Option<ResourceRecord> =
        view.record(RESOURCES, &part(&open.record.id, &input.resource_arn))?;
    let found = found.filter(|resource| open.zone.has(&resource.owner));
    let found = found.ok_or_else(|| Error::not_found(RESOURCE, &input.resource_arn))?;
    let mut findings = open.findings(&view)?;
    findings.retain(|finding| finding.resource == found.arn);
    let is = |status: Status| findings.iter().any(|finding| finding.status == status);
    let standing =
        [Status::Active, Status::Archived, Status::Resolved].into_iter().find(|status| is(*status));
    let resource = api::AnalyzedResource {
        resource_arn: found.arn,
        resource_type: found.resource_type,
        created_at: found.created_at,
        analyzed_at: found.analyzed_at,
        updated_at: found.updated_at,
        is_public: found.public,
        shared_via: (!found.actions.is_empty()).then(|| vec!["POLICY".to_owned()]),
        actions: Some(found.actions).filter(|actions| !actions.is_empty()),
        status: standing.map(|status| status.name().to_owned()),
        resource_owner_account: found.owner,
        error: found.error,
    };
    Ok(api::GetAnalyzedResourceResponse { resource: Some(resource) })
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListAnalyzedResources>,
) -> Result<api::ListAnalyzedResourcesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = analyzer(&view, &call, &input.analyzer_arn)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let mut all: Vec<ResourceRecord> = view.records(RESOURCES, &of_analyzer(&open.record.id))?;
    all.retain(|resource| {
        open.zone.has(&resource.owner)
            && input.resource_type.as_ref().is_none_or(|wanted| *wanted == resource.resource_type)
    });
    let shown = all.into_iter().map(|resource| {
        let summary = api::AnalyzedResourceSummary {
            resource_arn: resource.arn.clone(),
            resource_owner_account: resource.owner,
            resource_type: resource.resource_type,
        };
        (resource.arn, summary)
    });
    let (analyzed_resources, next_token) = paging.of(shown.collect(), false);
    Ok(api::ListAnalyzedResourcesResponse { analyzed_resources, next_token })
}

pub(crate) async fn scan(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::StartResourceScan>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let open = analyzer(&call.view()?, &call, &input.analyzer_arn)?;
    let not_found = || Error::not_found(RESOURCE, &input.resource_arn);
    let family = Family::of(&input.resource_arn).ok_or_else(|| {
        Error::validation("The resource is not of a type that IAM Access Analyzer analyzes on this platform.")
    })?;
    let named = input.resource_arn.split(':').nth(4).filter(|account| !account.is_empty());
    let owner = match input.resource_owner_account.as_deref().or(named) {
        Some(owner) => owner.parse().map_err(|_| not_found())?,
        None => call.account(),
    };
    if !open.zone.accounts.contains(&owner) || named.is_some_and(|named| named != owner.as_str()) {
        return Err(not_found());
    }
    analyzers.work.look_at(owner, family);
    Ok(())
}
