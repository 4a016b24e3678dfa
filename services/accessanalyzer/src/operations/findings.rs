//! Findings of external access, in the first form of the API; and the status of findings of all kinds.

use std::sync::Arc;

use protocol::Entries;
use service::View;
use service::{Call, Permit};

use super::analyzers::moment;
use crate::filter::{self, Purpose};
use crate::page::Paging;
use crate::records::{External, FindingRecord, Status};
use crate::state::{self, Analyzers, Open};
use crate::{Error, api};

/// Findings that one request changes by their ids.
const CHANGED_MAX: usize = 1_000;

/// The analyzer with this ARN, which must be one of external access.
fn external_analyzer(from: &View, call: &Call, arn: &str) -> Result<Open, Error> {
    let otherwise =
        "This operation shows findings of external access only. Use the second version of it for others.";
    Open::external(from, call, arn, otherwise)
}

pub(crate) fn principal(external: &External) -> Option<Entries<String>> {
    (!external.kind.is_empty()).then(|| Entries(vec![(external.kind.clone(), external.principal.clone())]))
}

/// Told of buckets alone, as AWS does: others have no other source than their policy.
pub(crate) fn sources(finding: &FindingRecord) -> Option<Vec<api::FindingSource>> {
    let is_told = finding.resource_type == "AWS::S3::Bucket" && finding.error.is_none();
    is_told.then(|| vec![api::FindingSource { r#type: "POLICY".to_owned(), detail: None }])
}

fn summary(finding: FindingRecord) -> api::FindingSummary {
    let sources = sources(&finding);
    let external = finding.details.external().cloned().unwrap_or_default();
    api::FindingSummary {
        id: finding.id,
        principal: principal(&external),
        action: finding.error.is_none().then_some(external.actions),
        resource: Some(finding.resource),
        is_public: finding.error.is_none().then_some(external.public),
        resource_type: finding.resource_type,
        condition: external.conditions.into_iter().collect(),
        created_at: finding.created_at,
        analyzed_at: finding.analyzed_at,
        updated_at: finding.updated_at,
        status: finding.status.name().to_owned(),
        resource_owner_account: finding.owner,
        error: finding.error,
        sources,
        resource_control_policy_restriction: Some(external.rcp),
    }
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetFinding>,
) -> Result<api::GetFindingResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = external_analyzer(&view, &call, &input.analyzer_arn)?;
    let shown = summary(open.finding(&view, &input.id)?);
    let finding = api::Finding {
        id: shown.id,
        principal: shown.principal,
        action: shown.action,
        resource: shown.resource,
        is_public: shown.is_public,
        resource_type: shown.resource_type,
        condition: shown.condition,
        created_at: shown.created_at,
        analyzed_at: shown.analyzed_at,
        updated_at: shown.updated_at,
        status: shown.status,
        resource_owner_account: shown.resource_owner_account,
        error: shown.error,
        sources: shown.sources,
        resource_control_policy_restriction: shown.resource_control_policy_restriction,
    };
    Ok(api::GetFindingResponse { finding: Some(finding) })
}

/// What a list of findings asks for.
pub(crate) struct Listing {
    pub(crate) filter: Option<Entries<api::Criterion>>,
    pub(crate) sort: Option<api::SortCriteria>,
    pub(crate) paging: Paging,
}

impl Listing {
    /// The page of an analyzer's findings. Without another wish the latest change stands first.
    pub(crate) fn of(self, view: &View, open: &Open) -> Result<(Vec<FindingRecord>, Option<String>), Error> {
        let purpose = Purpose::List { unused: open.record.kind.is_unused() };
        let filter = filter::from_api(self.filter.unwrap_or_default(), purpose)?;
        let sort = self.sort.unwrap_or_default();
        let by = sort.attribute_name.unwrap_or_else(|| "updatedAt".to_owned());
        if !filter::sorts(&by) {
            return Err(Error::validation(format!("Findings cannot be sorted by {by}.")));
        }
        let descending = sort.order_by.as_deref().is_none_or(|order| order == "DESC");
        let all = open.findings(view)?.into_iter();
        let fitting = all.filter(|finding| filter::fits(&filter, finding)).map(|finding| {
            let place = filter::property(&finding, &by).unwrap_or_default();
            (format!("{place}\0{}", finding.id), finding)
        });
        Ok(self.paging.of(fitting.collect(), descending))
    }
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListFindings>,
) -> Result<api::ListFindingsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = external_analyzer(&view, &call, &input.analyzer_arn)?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let listing = Listing { filter: input.filter, sort: input.sort, paging };
    let (findings, next_token) = listing.of(&view, &open)?;
    Ok(api::ListFindingsResponse { findings: findings.into_iter().map(summary).collect(), next_token })
}

pub(crate) async fn update(_: Arc<Analyzers>, permit: Permit<api::UpdateFindings>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let wanted = if input.status == "ARCHIVED" { Status::Archived } else { Status::Active };
    let ids = input.ids.unwrap_or_default();
    if ids.is_empty() == input.resource_arn.is_none() {
        return Err(Error::validation("Either ids or a resourceArn is given."));
    }
    if ids.len() > CHANGED_MAX {
        return Err(Error::validation(format!("At most {CHANGED_MAX} findings are changed at once.")));
    }
    let now = moment(&call);
    call.transact(|transaction| {
        let open = Open::with_arn(transaction, &call, &input.analyzer_arn)?;
        let mut chosen = Vec::with_capacity(ids.len());
        for id in &ids {
            chosen.push(open.finding(transaction, id)?);
        }
        if let Some(arn) = &input.resource_arn {
            let all = open.findings(transaction)?.into_iter();
            chosen.extend(all.filter(|finding| finding.resource == *arn));
        }
        // What is over is neither archived nor taken up again.
        for mut finding in chosen.into_iter().filter(|finding| finding.status != Status::Resolved) {
            if finding.status != wanted {
                finding.status = wanted;
                finding.updated_at = now;
                state::save_finding(transaction, &open.record.id, &finding)?;
            }
        }
        Ok(())
    })
    .await
}
