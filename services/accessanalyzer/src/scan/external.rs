//! What was seen becomes findings: new ones, changed ones, and those that are over.
//!
//! What people decided stays: an archived finding stays archived for as long as it is the same finding. One whose access
//! is gone is resolved, and active again when the access comes back.

use std::collections::{BTreeMap, BTreeSet};

use analysis::access::{self, Exposure};
use base::{AccountId, Timestamp};
use identity::records::Record as _;
use identity::{Directory, DirectoryError, Reads};
use service::{Internal, Pipeline};
use store::Transaction;

use super::{Family, Looking, Policy, Seen, control};
use crate::filter;
use crate::records::{
    self, AnalyzerRecord, Details, External, FINDINGS, FindingRecord, RESOURCES, ResourceRecord, Status,
};
use crate::state::Analyzers;

/// Findings that are over are kept for so long.
const RESOLVED_KEPT_MILLIS: i64 = 90 * 24 * 60 * 60 * 1_000;

/// Who comes in from outside by what was seen; an error's code where that cannot be told.
pub(crate) fn exposed(seen: &Seen, trust: &access::Zone) -> Result<Vec<Exposure>, &'static str> {
    let text = match &seen.policy {
        Policy::None => return Ok(Vec::new()),
        Policy::Text(text) => text,
        Policy::Unreadable(code) => return Err(code),
    };
    let found = access::exposures(text, trust).map_err(|_| "INTERNAL_ERROR")?;
    // A policy that is public lets nobody in from outside the account where the bucket restricts such.
    let is_public = found.iter().any(|exposure| exposure.is_public);
    Ok(if seen.shielded && is_public { Vec::new() } else { found })
}

/// A finding's details of an exposure.
pub(crate) fn shape(exposure: Exposure, rcp: &str) -> External {
    External {
        kind: exposure.kind,
        principal: exposure.principal,
        actions: exposure.actions.into_iter().collect(),
        conditions: exposure.conditions,
        public: exposure.is_public,
        rcp: rcp.to_owned(),
    }
}

/// Brings the findings about a family to what was seen of it.
pub(super) async fn settle(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    looking: &Looking,
    owner: AccountId,
    family: &Family,
    seen: &[Seen],
) -> Result<(), Internal> {
    let now = Timestamp::from_secs(pipeline.clock().now().secs());
    let (trust, id) = (looking.zone.trust(), looking.record.id.as_str());
    let known: Vec<&String> = of_family(&looking.findings, family).flat_map(|(_, ids)| ids).collect();
    let gone: Vec<&String> = of_family(&looking.resources, family)
        .map(|(arn, _)| arn)
        .filter(|arn| !seen.iter().any(|seen| seen.arn == **arn))
        .collect();
    let looks: Vec<Look> =
        seen.iter().map(|seen| Look::new(&analyzers.directory, seen, &trust, owner)).collect();
    let store = analyzers.directory.store();
    store
        .transact(|transaction| {
            let key = records::analyzer(looking.record.account, &looking.record.name);
            let analyzer: Option<AnalyzerRecord> = transaction.record(records::ANALYZERS, &key)?;
            // It was deleted, or made anew, in the meantime.
            let Some(mut analyzer) = analyzer.filter(|analyzer| analyzer.id == id) else { return Ok(()) };
            for arn in &gone {
                transaction.delete(RESOURCES, records::part(id, arn))?;
            }
            for look in &looks {
                look.save_resource(transaction, id, now)?;
            }
            let mut wanted: BTreeMap<(String, String), Wanted<'_>> =
                looks.iter().flat_map(Look::wanted).map(|wanted| (wanted.key(), wanted)).collect();
            for finding in &known {
                let record: Option<FindingRecord> =
                    transaction.record(FINDINGS, &records::part(id, finding))?;
                if let Some(record) = record {
                    let key = (record.resource.clone(), record.details.identity());
                    renew(transaction, &analyzer, record, wanted.remove(&key), now)?;
                }
            }
            for wanted in wanted.into_values() {
                add(transaction, &analyzer, &wanted, now)?;
            }
            analyzer.last_analyzed = Some((family.arn.clone(), now));
            super::save(transaction, &analyzer)
        })
        .await
        .map_err(|error: DirectoryError| Internal::new(error))
}

/// The entries of what belongs to a family.
fn of_family<'m, T>(
    map: &'m BTreeMap<String, T>,
    family: &'m Family,
) -> impl Iterator<Item = (&'m String, &'m T)> {
    let from = map.range(family.arn.clone()..);
    from.take_while(|(arn, _)| arn.starts_with(&family.arn)).filter(|(arn, _)| family.has(arn))
}

/// One resource with what was found about it.
struct Look<'s> {
    seen: &'s Seen,
    owner: AccountId,
    found: Vec<External>,
    error: Option<&'static str>,
}

/// A finding that there ought to be.
struct Wanted<'s> {
    look: &'s Look<'s>,
    details: Details,
}

impl<'s> Look<'s> {
    fn new(directory: &Directory, seen: &'s Seen, trust: &access::Zone, owner: AccountId) -> Self {
        let rcp = control(directory, owner, seen.resource_type);
        let (found, error) = match exposed(seen, trust) {
            Ok(found) => (found.into_iter().map(|exposure| shape(exposure, rcp)).collect(), None),
            Err(code) => (Vec::new(), Some(code)),
        };
        Self { seen, owner, found, error }
    }

    fn wanted(&self) -> Vec<Wanted<'_>> {
        if self.error.is_some() {
            let details =
                Details::External(External { rcp: "NOT_APPLICABLE".to_owned(), ..External::default() });
            return vec![Wanted { look: self, details }];
        }
        let each = self.found.iter();
        each.map(|found| Wanted { look: self, details: Details::External(found.clone()) }).collect()
    }

    fn save_resource(
        &self,
        transaction: &mut Transaction<'_>,
        analyzer: &str,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let key = records::part(analyzer, &self.seen.arn);
        let before: Option<ResourceRecord> = transaction.record(RESOURCES, &key)?;
        let actions: BTreeSet<String> = self.found.iter().flat_map(|found| found.actions.clone()).collect();
        let mut record = ResourceRecord {
            arn: self.seen.arn.clone(),
            resource_type: self.seen.resource_type.to_owned(),
            owner: self.owner.to_string(),
            created_at: before.as_ref().map_or(now, |before| before.created_at),
            analyzed_at: now,
            updated_at: before.as_ref().map_or(now, |before| before.updated_at),
            public: self.found.iter().any(|found| found.public),
            actions: actions.into_iter().collect(),
            error: self.error.map(str::to_owned),
        };
        let is_same = |before: &ResourceRecord| {
            (before.public, &before.actions, &before.error) == (record.public, &record.actions, &record.error)
        };
        if !before.as_ref().is_some_and(is_same) {
            record.updated_at = now;
        }
        Ok(transaction.put(RESOURCES, key, record.encode()?)?)
    }
}

impl Wanted<'_> {
    fn key(&self) -> (String, String) {
        (self.look.seen.arn.clone(), self.details.identity())
    }
}

/// Where a finding begins: archived where a rule says so.
pub(crate) fn beginning(analyzer: &AnalyzerRecord, finding: &FindingRecord) -> Status {
    let is_archived = analyzer.rules.values().any(|rule| filter::fits(&rule.filter, finding));
    if is_archived { Status::Archived } else { Status::Active }
}

pub(super) fn write(
    transaction: &mut Transaction<'_>,
    analyzer: &AnalyzerRecord,
    finding: &FindingRecord,
) -> Result<(), DirectoryError> {
    Ok(transaction.put(FINDINGS, records::part(&analyzer.id, &finding.id), finding.encode()?)?)
}

fn add(
    transaction: &mut Transaction<'_>,
    analyzer: &AnalyzerRecord,
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> Result<(), DirectoryError> {
    let mut finding = FindingRecord {
        id: crypto::random::uuid(),
        resource: wanted.look.seen.arn.clone(),
        resource_type: wanted.look.seen.resource_type.to_owned(),
        owner: wanted.look.owner.to_string(),
        created_at: now,
        analyzed_at: now,
        updated_at: now,
        status: Status::Active,
        error: wanted.look.error.map(str::to_owned),
        details: wanted.details.clone(),
    };
    finding.status = beginning(analyzer, &finding);
    write(transaction, analyzer, &finding)
}

/// A finding that there was, held against what there ought to be.
fn renew(
    transaction: &mut Transaction<'_>,
    analyzer: &AnalyzerRecord,
    mut finding: FindingRecord,
    wanted: Option<Wanted<'_>>,
    now: Timestamp,
) -> Result<(), DirectoryError> {
    let Some(wanted) = wanted else {
        if finding.status != Status::Resolved {
            finding.status = Status::Resolved;
            (finding.analyzed_at, finding.updated_at) = (now, now);
            return write(transaction, analyzer, &finding);
        }
        if now.millis_since(finding.updated_at) > RESOLVED_KEPT_MILLIS {
            transaction.delete(FINDINGS, records::part(&analyzer.id, &finding.id))?;
        }
        return Ok(());
    };
    let error = wanted.look.error.map(str::to_owned);
    let is_back = finding.status == Status::Resolved;
    if is_back || finding.details != wanted.details || finding.error != error {
        finding.details = wanted.details;
        finding.error = error;
        finding.updated_at = now;
    }
    if is_back {
        finding.status = beginning(analyzer, &finding);
    }
    finding.analyzed_at = now;
    write(transaction, analyzer, &finding)
}
