//! Access previews: what a policy would let in, before it is in force.
//!
//! A preview looks at one resource, there already or not, and changes nothing but its own record, which is kept for a
//! day. Types of resources that this platform has no policies of are refused.

use std::sync::Arc;

use base::{AccountId, Timestamp};
use identity::Reads;
use identity::records::Record as _;
use protocol::Entries;
use service::{Call, Permit, View};

use super::analyzers::moment;
use super::findings::principal;
use crate::filter::{self, Purpose};
use crate::page::Paging;
use crate::records::jobs::{PREVIEWS, PreviewFinding, PreviewRecord};
use crate::records::{AnalyzerRecord, Details, FindingRecord, Status, of_analyzer, part};
use crate::scan::{self, Family, Policy, Seen};
use crate::state::{Analyzers, Open};
use crate::{Error, api};

/// How errors call a preview.
const PREVIEW: &str = "AccessPreview";
/// Previews of one analyzer that are kept, and for how long.
const PREVIEWS_MAX: usize = 1_000;
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1_000;

const OUTSIDE: &str = "The resource is not in the analyzer's zone of trust.";

/// What is asked about.
struct Wanted {
    resource: String,
    resource_type: &'static str,
    policy: Option<String>,
    block: Option<(bool, bool)>,
}

fn external_analyzer(from: &(impl Reads + ?Sized), call: &Call, arn: &str) -> Result<Open, Error> {
    Open::external(from, call, arn, "Access previews are made by analyzers of external access only.")
}

fn wanted(configurations: Entries<api::Configuration>) -> Result<Wanted, Error> {
    let mut all = configurations.into_iter();
    let (Some((resource, given)), None) = (all.next(), all.next()) else {
        return Err(Error::validation("An access preview has the configuration of exactly one resource."));
    };
    let refused = |what: &str| Error::not_supported(format!("{what} are not part of this platform."));
    let (resource_type, policy, block) = if let Some(role) = given.iam_role {
        ("AWS::IAM::Role", role.trust_policy, None)
    } else if let Some(bucket) = given.s3_bucket {
        if bucket.bucket_acl_grants.is_some_and(|grants| !grants.is_empty()) {
            return Err(refused("Lists of grants"));
        }
        if bucket.access_points.is_some_and(|points| !points.is_empty()) {
            return Err(refused("Access points"));
        }
        let block = bucket.bucket_public_access_block;
        let block = block.map(|block| (block.ignore_public_acls, block.restrict_public_buckets));
        ("AWS::S3::Bucket", bucket.bucket_policy, block)
    } else if let Some(table) = given.dynamodb_table {
        ("AWS::DynamoDB::Table", table.table_policy, None)
    } else if let Some(stream) = given.dynamodb_stream {
        ("AWS::DynamoDB::Stream", stream.stream_policy, None)
    } else {
        return Err(refused("Resources of this type"));
    };
    if scan::type_of(&resource) != Some(resource_type) {
        return Err(Error::validation(format!("{resource} is not the ARN of an {resource_type}.")));
    }
    Ok(Wanted { resource, resource_type, policy, block })
}

/// The resource as it would be; what was not given stays as it is.
async fn seen(analyzers: &Analyzers, call: &Call, owner: AccountId, wanted: &Wanted) -> Result<Seen, Error> {
    let mut seen = Seen {
        arn: wanted.resource.clone(),
        resource_type: wanted.resource_type,
        policy: wanted.policy.clone().map_or(Policy::None, Policy::Text),
        shielded: wanted.block.is_some_and(|(_, restricts)| restricts),
    };
    let is_bucket = wanted.resource_type == "AWS::S3::Bucket";
    if (wanted.policy.is_none() || (is_bucket && wanted.block.is_none()))
        && let Some(family) = Family::of(&wanted.resource)
    {
        let reader = scan::reader(analyzers, call.pipeline(), owner).await?;
        let present = scan::read(&reader, owner, &family).await?;
        if let Some(present) = present.into_iter().find(|present| present.arn == seen.arn) {
            if wanted.policy.is_none() {
                seen.policy = present.policy;
            }
            if wanted.block.is_none() {
                seen.shielded = present.shielded;
            }
        }
    }
    Ok(seen)
}

pub(crate) async fn create(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::CreateAccessPreview>,
) -> Result<api::CreateAccessPreviewResponse, Error> {
    let Permit { input, call, .. } = permit;
    let open = external_analyzer(&call.view()?, &call, &input.analyzer_arn)?;
    let wanted = wanted(input.configurations)?;
    let owner = wanted.resource.split(':').nth(4).filter(|account| !account.is_empty());
    let owner: AccountId = match owner {
        Some(owner) => owner.parse().map_err(|_| Error::validation("The ARN names no account."))?,
        None => call.account(),
    };
    if !open.zone.accounts.contains(&owner) {
        return Err(Error::validation(OUTSIDE));
    }
    let seen = seen(&analyzers, &call, owner, &wanted).await?;
    let findings = findings(&analyzers, &call.view()?, &open, owner, &seen)?;
    let record = PreviewRecord {
        id: crypto::random::uuid(),
        created_at: moment(&call),
        token: input.client_token,
        resource: wanted.resource,
        resource_type: wanted.resource_type.to_owned(),
        owner: owner.to_string(),
        policy: wanted.policy,
        block: wanted.block,
        findings,
    };
    let id = save(&call, &input.analyzer_arn, record).await?;
    Ok(api::CreateAccessPreviewResponse { id })
}

async fn save(call: &Call, arn: &str, record: PreviewRecord) -> Result<String, Error> {
    call.transact(|transaction| {
        // The account may have left while its policies were read.
        let Open { record: analyzer, zone } = external_analyzer(transaction, call, arn)?;
        if !zone.has(&record.owner) {
            return Err(Error::validation(OUTSIDE));
        }
        let present: Vec<PreviewRecord> = transaction.records(PREVIEWS, &of_analyzer(&analyzer.id))?;
        if let Some(same) = present.iter().find(|it| it.token.is_some() && it.token == record.token) {
            return Ok(same.id.clone());
        }
        let is_old = |it: &&PreviewRecord| call.now().millis_since(it.created_at) > KEPT_MILLIS;
        let old: Vec<&PreviewRecord> = present.iter().filter(is_old).collect();
        for preview in &old {
            transaction.delete(PREVIEWS, part(&analyzer.id, &preview.id))?;
        }
        if present.len() - old.len() >= PREVIEWS_MAX {
            let message = format!("An analyzer keeps at most {PREVIEWS_MAX} access previews of a day.");
            return Err(Error::quota(message, PREVIEW, &analyzer.name));
        }
        let bytes = record.encode().map_err(identity::DirectoryError::from)?;
        transaction.put(PREVIEWS, part(&analyzer.id, &record.id), bytes)?;
        Ok(record.id.clone())
    })
    .await
}

/// What would be found, held against what is; `None` where the policy is none.
fn findings(
    analyzers: &Analyzers,
    view: &View,
    open: &Open,
    owner: AccountId,
    seen: &Seen,
) -> Result<Option<Vec<PreviewFinding>>, Error> {
    let Ok(exposures) = scan::exposed(seen, &open.zone.trust()) else { return Ok(None) };
    let rcp = scan::control(&analyzers.directory, owner, seen.resource_type);
    let mut present = open.findings(view)?;
    present.retain(|finding| finding.resource == seen.arn && finding.error.is_none());
    let mut found = Vec::new();
    for exposure in exposures {
        let external = scan::shape(exposure, rcp);
        let details = Details::External(external.clone());
        let at = present.iter().position(|finding| finding.details.identity() == details.identity());
        let existing = at.map(|at| present.swap_remove(at));
        let (change, status) = match &existing {
            Some(finding) if finding.status == Status::Resolved => ("NEW", Status::Active),
            Some(finding) if finding.details == details => ("UNCHANGED", finding.status),
            Some(finding) => ("CHANGED", finding.status),
            None => ("NEW", Status::Active),
        };
        let status = if change == "NEW" { beginning(&open.record, owner, seen, &details) } else { status };
        let existing = existing.map(|finding| (finding.id, finding.status));
        found.push(PreviewFinding {
            id: crypto::random::uuid(),
            change: change.to_owned(),
            status,
            existing,
            external,
        });
    }
    // Access that would be gone.
    for finding in present.into_iter().filter(|finding| finding.status != Status::Resolved) {
        if let Details::External(external) = finding.details {
            found.push(PreviewFinding {
                id: crypto::random::uuid(),
                change: "CHANGED".to_owned(),
                status: Status::Resolved,
                existing: Some((finding.id, finding.status)),
                external,
            });
        }
    }
    Ok(Some(found))
}

fn beginning(analyzer: &AnalyzerRecord, owner: AccountId, seen: &Seen, details: &Details) -> Status {
    let (resource, resource_type) = (seen.arn.clone(), seen.resource_type.to_owned());
    let finding = as_finding(
        resource,
        resource_type,
        owner.to_string(),
        Timestamp::default(),
        Status::Active,
        details.clone(),
    );
    scan::beginning(analyzer, &finding)
}

/// As filters and rules look at it.
fn as_finding(
    resource: String,
    resource_type: String,
    owner: String,
    at: Timestamp,
    status: Status,
    details: Details,
) -> FindingRecord {
    FindingRecord {
        id: String::new(),
        resource,
        resource_type,
        owner,
        created_at: at,
        analyzed_at: at,
        updated_at: at,
        status,
        error: None,
        details,
    }
}

fn preview(from: &(impl Reads + ?Sized), open: &Open, id: &str) -> Result<PreviewRecord, Error> {
    let found: Option<PreviewRecord> = from.record(PREVIEWS, &part(&open.record.id, id))?;
    found.filter(|preview| open.zone.has(&preview.owner)).ok_or_else(|| Error::not_found(PREVIEW, id))
}

fn standing(record: &PreviewRecord) -> (String, Option<api::AccessPreviewStatusReason>) {
    match record.findings {
        Some(_) => ("COMPLETED".to_owned(), None),
        None => {
            let reason = api::AccessPreviewStatusReason { code: "INVALID_CONFIGURATION".to_owned() };
            ("FAILED".to_owned(), Some(reason))
        }
    }
}

fn configuration(record: &PreviewRecord) -> api::Configuration {
    let mut shown = api::Configuration::default();
    let policy = record.policy.clone();
    match record.resource_type.as_str() {
        "AWS::IAM::Role" => shown.iam_role = Some(api::IamRoleConfiguration { trust_policy: policy }),
        "AWS::DynamoDB::Table" => {
            shown.dynamodb_table = Some(api::DynamodbTableConfiguration { table_policy: policy });
        }
        "AWS::DynamoDB::Stream" => {
            shown.dynamodb_stream = Some(api::DynamodbStreamConfiguration { stream_policy: policy });
        }
        _ => {
            let block = record.block.map(|(ignores, restricts)| api::S3PublicAccessBlockConfiguration {
                ignore_public_acls: ignores,
                restrict_public_buckets: restricts,
            });
            shown.s3_bucket = Some(api::S3BucketConfiguration {
                bucket_policy: policy,
                bucket_public_access_block: block,
                ..api::S3BucketConfiguration::default()
            });
        }
    }
    shown
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetAccessPreview>,
) -> Result<api::GetAccessPreviewResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = external_analyzer(&view, &call, &input.analyzer_arn)?;
    let record = preview(&view, &open, &input.access_preview_id)?;
    let (status, status_reason) = standing(&record);
    let configurations = Entries(vec![(record.resource.clone(), configuration(&record))]);
    let access_preview = api::AccessPreview {
        id: record.id,
        analyzer_arn: input.analyzer_arn,
        configurations,
        created_at: record.created_at,
        status,
        status_reason,
    };
    Ok(api::GetAccessPreviewResponse { access_preview })
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListAccessPreviews>,
) -> Result<api::ListAccessPreviewsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = external_analyzer(&view, &call, &input.analyzer_arn)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let all: Vec<PreviewRecord> = view.records(PREVIEWS, &of_analyzer(&open.record.id))?;
    let shown = all.into_iter().filter(|record| open.zone.has(&record.owner)).map(|record| {
        let (status, status_reason) = standing(&record);
        let place = format!("{:020} {}", record.created_at.millis(), record.id);
        let summary = api::AccessPreviewSummary {
            id: record.id,
            analyzer_arn: input.analyzer_arn.clone(),
            created_at: record.created_at,
            status,
            status_reason,
        };
        (place, summary)
    });
    let (access_previews, next_token) = paging.of(shown.collect(), true);
    Ok(api::ListAccessPreviewsResponse { access_previews, next_token })
}

pub(crate) async fn list_findings(
    _: Arc<Analyzers>,
    permit: Permit<api::ListAccessPreviewFindings>,
) -> Result<api::ListAccessPreviewFindingsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = external_analyzer(&view, &call, &input.analyzer_arn)?;
    let record = preview(&view, &open, &input.access_preview_id)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let filter = filter::from_api(input.filter.unwrap_or_default(), Purpose::Preview)?;
    let Some(found) = record.findings else {
        return Err(Error::conflict("The access preview failed, and has no findings.", PREVIEW, &record.id));
    };
    let fitting = found.into_iter().filter(|one| {
        let finding = as_finding(
            record.resource.clone(),
            record.resource_type.clone(),
            record.owner.clone(),
            record.created_at,
            one.status,
            Details::External(one.external.clone()),
        );
        filter::fits_by(&filter, |key| match key {
            "id" => Some(one.id.clone()),
            "changeType" => Some(one.change.clone()),
            "existingFindingId" => one.existing.as_ref().map(|(id, _)| id.clone()),
            "existingFindingStatus" => one.existing.as_ref().map(|(_, status)| status.name().to_owned()),
            _ => filter::property(&finding, key),
        })
    });
    let shown = fitting.map(|one| {
        let (existing_finding_id, existing_status) = one.existing.unzip();
        let finding = api::AccessPreviewFinding {
            id: one.id.clone(),
            existing_finding_id,
            existing_finding_status: existing_status.map(|status| status.name().to_owned()),
            principal: principal(&one.external),
            action: Some(one.external.actions),
            condition: Some(one.external.conditions.into_iter().collect()),
            resource: Some(record.resource.clone()),
            is_public: Some(one.external.public),
            resource_type: record.resource_type.clone(),
            created_at: record.created_at,
            change_type: one.change,
            status: one.status.name().to_owned(),
            resource_owner_account: record.owner.clone(),
            error: None,
            sources: None,
            resource_control_policy_restriction: Some(one.external.rcp),
        };
        (one.id, finding)
    });
    let (findings, next_token) = paging.of(shown.collect(), false);
    Ok(api::ListAccessPreviewFindingsResponse { findings, next_token })
}
