//! How many findings there are, of what and whose.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use service::Permit;

use crate::records::{FindingRecord, Status};
use crate::state::{Analyzers, Open};
use crate::{Error, api};

/// The accounts with the most findings that are told.
const ACCOUNTS_TOLD: usize = 10;

fn count<'f>(findings: impl Iterator<Item = &'f FindingRecord>) -> Option<i64> {
    i64::try_from(findings.count()).ok()
}

fn of_status(findings: &[FindingRecord], status: Status) -> Option<i64> {
    count(findings.iter().filter(|finding| finding.status == status))
}

fn by<'f>(
    findings: &[&'f FindingRecord],
    key: impl Fn(&'f FindingRecord) -> String,
) -> BTreeMap<String, Vec<&'f FindingRecord>> {
    let mut groups: BTreeMap<String, Vec<&FindingRecord>> = BTreeMap::new();
    for finding in findings {
        groups.entry(key(finding)).or_default().push(finding);
    }
    groups
}

fn external(findings: &[FindingRecord]) -> api::ExternalAccessFindingsStatistics {
    let active: Vec<&FindingRecord> = findings.iter().filter(|it| it.status == Status::Active).collect();
    let is_public =
        |finding: &FindingRecord| finding.details.external().is_some_and(|external| external.public);
    let types =
        by(&active, |finding| finding.resource_type.clone()).into_iter().map(|(resource_type, of)| {
            let number = |is: &dyn Fn(&FindingRecord) -> bool| count(of.iter().copied().filter(|it| is(it)));
            let details = api::ResourceTypeDetails {
                total_active_public: number(&|it| it.error.is_none() && is_public(it)),
                total_active_cross_account: number(&|it| it.error.is_none() && !is_public(it)),
                total_active_errors: number(&|it| it.error.is_some()),
            };
            (resource_type, details)
        });
    api::ExternalAccessFindingsStatistics {
        resource_type_statistics: Some(types.collect()),
        total_active_findings: of_status(findings, Status::Active),
        total_archived_findings: of_status(findings, Status::Archived),
        total_resolved_findings: of_status(findings, Status::Resolved),
    }
}

fn unused(findings: &[FindingRecord]) -> api::UnusedAccessFindingsStatistics {
    let active: Vec<&FindingRecord> = findings.iter().filter(|it| it.status == Status::Active).collect();
    let number = |of: &[&FindingRecord]| i64::try_from(of.len()).ok();
    let kind = |finding: &FindingRecord| finding.details.name().to_owned();
    let types = by(&active, kind).into_iter().map(|(kind, of)| api::UnusedAccessTypeStatistics {
        total: number(&of),
        unused_access_type: Some(kind),
    });
    let mut accounts: Vec<_> = by(&active, |finding| finding.owner.clone()).into_iter().collect();
    accounts.sort_by_key(|(_, of)| std::cmp::Reverse(of.len()));
    let accounts = accounts.into_iter().take(ACCOUNTS_TOLD).map(|(account, of)| {
        let details = by(&of, kind).into_iter().map(|(kind, of)| (kind, number(&of).unwrap_or_default()));
        api::FindingAggregationAccountDetails {
            account: Some(account),
            number_of_active_findings: number(&of),
            details: Some(details.collect()),
        }
    });
    api::UnusedAccessFindingsStatistics {
        unused_access_type_statistics: Some(types.collect()),
        top_accounts: Some(accounts.collect()),
        total_active_findings: of_status(findings, Status::Active),
        total_archived_findings: of_status(findings, Status::Archived),
        total_resolved_findings: of_status(findings, Status::Resolved),
    }
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetFindingsStatistics>,
) -> Result<api::GetFindingsStatisticsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let open = Open::with_arn(&view, &call, &input.analyzer_arn)?;
    let findings = open.findings(&view)?;
    let mut statistics = api::FindingsStatistics::default();
    if open.record.kind.is_unused() {
        statistics.unused_access_findings_statistics = Some(unused(&findings));
    } else {
        statistics.external_access_findings_statistics = Some(external(&findings));
    }
    let latest: Option<Timestamp> = findings.iter().map(|finding| finding.updated_at).max();
    Ok(api::GetFindingsStatisticsResponse {
        findings_statistics: Some(vec![statistics]),
        last_updated_at: latest.or(Some(open.record.created_at)),
    })
}
