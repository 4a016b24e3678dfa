//! What the handlers share, and how they read and change what is stored.
//!
//! Every change of a handler carries its audit record; what a scan finds is no change of anybody's and carries none.

use base::{AccountId, Region};
use identity::records::Record as _;
use identity::{Directory, Reads};
use service::Call;
use store::Transaction;
use tokio::sync::Notify;

use crate::Error;
use crate::access::analyzer_arn;
use crate::records::{self, ANALYZERS, AnalyzerRecord, FINDINGS, FindingRecord};
use crate::scan::Work;
use crate::zone::Zone;

/// How errors call an analyzer.
pub(crate) const ANALYZER: &str = "Analyzer";
/// How errors call a finding.
pub(crate) const FINDING: &str = "Finding";

/// What the handlers share.
pub(crate) struct Analyzers {
    pub(crate) directory: Directory,
    pub(crate) work: Work,
    /// Rung when a policy is to be generated.
    pub(crate) generations: Notify,
}

impl Analyzers {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { directory, work: Work::default(), generations: Notify::new() }
    }
}

/// The analyzer of this name.
pub(crate) fn named(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    name: &str,
) -> Result<AnalyzerRecord, Error> {
    let found = from.record(ANALYZERS, &records::analyzer(account, name))?;
    found.ok_or_else(|| Error::not_found(ANALYZER, name))
}

/// The analyzer with this ARN, which is of the caller's account and region or does not exist for it.
pub(crate) fn with_arn(
    from: &(impl Reads + ?Sized),
    call: &Call,
    arn: &str,
) -> Result<AnalyzerRecord, Error> {
    let prefix = analyzer_arn(call.account(), call.region(), "");
    let name = arn.strip_prefix(&prefix).ok_or_else(|| Error::not_found(ANALYZER, arn))?;
    let found = from.record(ANALYZERS, &records::analyzer(call.account(), name))?;
    found.ok_or_else(|| Error::not_found(ANALYZER, arn))
}

/// An analyzer whose zone is open to its account, as the zone is now.
pub(crate) struct Open {
    pub(crate) record: AnalyzerRecord,
    pub(crate) zone: Zone,
}

impl Open {
    /// The analyzer with this ARN, for what it found or is to find.
    // SECURITY: what was found about others is theirs. Whoever no longer administers the organization learns nothing more
    // of it: neither what was found before, nor anything that is read now.
    pub(crate) fn with_arn(from: &(impl Reads + ?Sized), call: &Call, arn: &str) -> Result<Self, Error> {
        let record = with_arn(from, call, arn)?;
        let zone = Zone::of(from, record.account, record.kind)?;
        Ok(Self { zone: zone.map_err(Error::closed)?, record })
    }

    /// The same, which must be one of external access; the message is for all others.
    pub(crate) fn external(
        from: &(impl Reads + ?Sized),
        call: &Call,
        arn: &str,
        otherwise: &'static str,
    ) -> Result<Self, Error> {
        let open = Self::with_arn(from, call, arn)?;
        if open.record.kind.is_unused() { Err(Error::validation(otherwise)) } else { Ok(open) }
    }

    /// All findings about accounts that are in the zone.
    pub(crate) fn findings(&self, from: &(impl Reads + ?Sized)) -> Result<Vec<FindingRecord>, Error> {
        let mut all: Vec<FindingRecord> = from.records(FINDINGS, &records::of_analyzer(&self.record.id))?;
        all.retain(|finding| self.zone.has(&finding.owner));
        Ok(all)
    }

    /// The finding with this id.
    pub(crate) fn finding(&self, from: &(impl Reads + ?Sized), id: &str) -> Result<FindingRecord, Error> {
        let found: Option<FindingRecord> = from.record(FINDINGS, &records::part(&self.record.id, id))?;
        let found = found.filter(|finding| self.zone.has(&finding.owner));
        found.ok_or_else(|| Error::not_found(FINDING, id))
    }
}

/// The ARN of an analyzer.
pub(crate) fn arn_of(record: &AnalyzerRecord, region: &Region) -> String {
    analyzer_arn(record.account, region, &record.name)
}

/// All analyzers of an account.
pub(crate) fn all(from: &(impl Reads + ?Sized), account: AccountId) -> Result<Vec<AnalyzerRecord>, Error> {
    Ok(from.records(ANALYZERS, &records::analyzers_of(account))?)
}

/// Writes an analyzer.
pub(crate) fn save(transaction: &mut Transaction<'_>, record: &AnalyzerRecord) -> Result<(), Error> {
    let bytes = record.encode().map_err(identity::DirectoryError::from)?;
    Ok(transaction.put(ANALYZERS, records::analyzer(record.account, &record.name), bytes)?)
}

/// Writes a finding.
pub(crate) fn save_finding(
    transaction: &mut Transaction<'_>,
    analyzer: &str,
    record: &FindingRecord,
) -> Result<(), Error> {
    let bytes = record.encode().map_err(identity::DirectoryError::from)?;
    Ok(transaction.put(FINDINGS, records::part(analyzer, &record.id), bytes)?)
}
