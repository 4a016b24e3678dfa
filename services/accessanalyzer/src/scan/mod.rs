//! Scans: what is to be looked at, and when. Findings follow a change within a second or so.
//!
//! It learns of changes from the audit trail, as Access Analyzer does from CloudTrail, and looks at everything when the
//! platform starts and once a day. A scan cut short is done again: it only ever writes what it sees.

mod control;
mod departed;
mod external;
mod family;
pub(crate) mod generation;
mod people;
mod policies;
mod reader;
mod unused;
mod uses;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::AccountId;
use identity::records::Record as _;
use identity::{DirectoryError, Reads};
use observe::{Changes, Noticed};
use service::{Internal, Jobs, Pipeline};
use store::{Range, Read as _, Transaction};

use crate::records::{
    ANALYZERS, AnalyzerRecord, FINDINGS, FindingRecord, RESOURCES, ResourceRecord, of_analyzer,
};
use crate::service_role;
use crate::state::Analyzers;
use crate::zone::Zone;
pub(crate) use control::control;
use departed::Departed;
pub(crate) use external::{beginning, exposed, shape};
pub(crate) use family::{Family, type_of};
pub(crate) use people::everybody;
pub(crate) use policies::{Policy, Seen, decoded, read};
use reader::Reader;
pub(crate) use unused::since;
pub(crate) use uses::Trail;
use work::Due;
pub(crate) use work::Work;

/// How long changes are collected before they are looked at, so that many at once are one scan.
const SETTLE: Duration = Duration::from_millis(300);
/// Everything is looked at again after so long.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The services whose changes are looked at, by their names in the trail.
const WATCHED: [&str; 4] =
    ["iam.amazonaws.com", "s3.amazonaws.com", "lambda.amazonaws.com", "dynamodb.amazonaws.com"];
const ORGANIZATIONS: &str = "organizations.amazonaws.com";

/// Runs until the platform stops. A failure is told, and what it was about looked at again a day later.
pub(crate) async fn run(analyzers: Arc<Analyzers>, mut jobs: Jobs) -> Result<(), Internal> {
    let pipeline = jobs.pipeline().clone();
    let mut changes = pipeline.audit().changes();
    let mut stop = jobs.clone();
    analyzers.work.everything();
    loop {
        tokio::select! {
            () = stop.stopped() => return Ok(()),
            noticed = changes.next() => note(&analyzers.work, noticed),
            () = analyzers.work.rung() => {}
            () = tokio::time::sleep(DAY) => analyzers.work.everything(),
        }
        if !jobs.pause(SETTLE).await {
            return Ok(());
        }
        drain(&analyzers.work, &mut changes);
        let due = analyzers.work.take();
        tokio::select! {
            () = stop.stopped() => return Ok(()),
            done = scan(&analyzers, &pipeline, due) => {
                if let Err(error) = done {
                    tracing::warn!(error = %base::Chain(&error), "a scan for findings broke off");
                }
            }
        }
    }
}

fn drain(work: &Work, changes: &mut Changes) {
    while let Some(noticed) = changes.ready() {
        note(work, noticed);
    }
}

fn note(work: &Work, noticed: Noticed) {
    match noticed {
        Noticed::Change(record) if WATCHED.contains(&&*record.event_source) => {
            for resource in record.resources.iter().filter_map(|it| Some((it.account, Family::of(&it.arn)?)))
            {
                work.look_at(resource.0, resource.1);
            }
        }
        Noticed::Change(record) if record.event_source == ORGANIZATIONS => work.everything(),
        Noticed::Missed => work.everything(),
        Noticed::Change(_) | Noticed::Closed => {}
    }
}

/// An analyzer and its zone, as they are when a scan begins.
pub(crate) struct Looking {
    pub(crate) record: AnalyzerRecord,
    pub(crate) zone: Zone,
    /// The ids of its findings, by the ARN of what they are about.
    findings: BTreeMap<String, Vec<String>>,
    /// The accounts of the resources that it knows, by their ARNs.
    resources: BTreeMap<String, String>,
    departed: Departed,
}

impl Looking {
    fn new(from: &(impl Reads + ?Sized), record: AnalyzerRecord, zone: Zone) -> Result<Self, DirectoryError> {
        let mut findings: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let (mut resources, mut departed) = (BTreeMap::new(), Departed::default());
        let prefix = of_analyzer(&record.id);
        for finding in from.records::<FindingRecord>(FINDINGS, &prefix)? {
            if zone.has(&finding.owner) {
                findings.entry(finding.resource).or_default().push(finding.id);
            } else {
                departed.findings.push(finding.id);
            }
        }
        for resource in from.records::<ResourceRecord>(RESOURCES, &prefix)? {
            if zone.has(&resource.owner) {
                resources.insert(resource.arn, resource.owner);
            } else {
                departed.resources.push(resource.arn);
            }
        }
        Ok(Self { record, zone, findings, resources, departed })
    }

    /// What it knows of an account: what is gone is looked for, too.
    fn families(&self, account: AccountId) -> impl Iterator<Item = Family> {
        let own = self.resources.iter().filter(move |(_, owner)| owner.as_str() == account.as_str());
        own.filter_map(|(arn, _)| Family::of(arn))
    }
}

/// Every analyzer whose zone is open to it.
fn looking(analyzers: &Analyzers) -> Result<Vec<Looking>, DirectoryError> {
    let view = analyzers.directory.store().snapshot()?;
    let mut found = Vec::new();
    for (_, bytes) in view.list(ANALYZERS, &Range::all())? {
        let record = AnalyzerRecord::decode(&bytes)?;
        if let Ok(zone) = Zone::of(&view, record.account, record.kind)? {
            found.push(Looking::new(&view, record, zone)?);
        }
    }
    Ok(found)
}

/// Looks at what is due.
pub(crate) async fn scan(analyzers: &Analyzers, pipeline: &Pipeline, mut due: Due) -> Result<(), Internal> {
    let all = looking(analyzers).map_err(Internal::new)?;
    if all.is_empty() {
        return Ok(());
    }
    for looking in &all {
        departed::forget(analyzers, looking).await?;
    }
    let external: Vec<&Looking> = all.iter().filter(|looking| !looking.record.kind.is_unused()).collect();
    let mut families: BTreeMap<AccountId, BTreeSet<Family>> = std::mem::take(&mut due.families);
    let mut listed = BTreeSet::new();
    for looking in &external {
        let name = (looking.record.account, looking.record.name.clone());
        if due.everything || due.analyzers.contains(&name) {
            for account in &looking.zone.accounts {
                families.entry(*account).or_default().extend(looking.families(*account));
                listed.insert(*account);
            }
        }
    }
    let accounts: BTreeSet<AccountId> = families.keys().copied().collect();
    for account in accounts {
        let watching: Vec<&Looking> =
            external.iter().copied().filter(|looking| looking.zone.accounts.contains(&account)).collect();
        if watching.is_empty() {
            continue;
        }
        let reader = match reader(analyzers, pipeline, account).await {
            Ok(reader) => reader,
            Err(error) => {
                tracing::warn!(%account, error = %base::Chain(&error), "not looked at for findings");
                continue;
            }
        };
        let mut due = families.remove(&account).unwrap_or_default();
        if listed.contains(&account) {
            due.extend(policies::list(&reader, account, pipeline.region()).await);
        }
        for family in due {
            let seen = match read(&reader, account, &family).await {
                Ok(seen) => seen,
                Err(fault) => {
                    tracing::warn!(resource = family.arn, code = %fault.code, "not looked at for findings");
                    continue;
                }
            };
            for looking in &watching {
                external::settle(analyzers, pipeline, looking, account, &family, &seen).await?;
            }
        }
    }
    look_for_unused(analyzers, pipeline, &all, &due).await
}

/// Unused access takes days to become so: it is looked for daily, and when an analyzer is new.
async fn look_for_unused(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    all: &[Looking],
    due: &Due,
) -> Result<(), Internal> {
    for looking in all.iter().filter(|looking| looking.record.kind.is_unused()) {
        let name = (looking.record.account, looking.record.name.clone());
        if due.everything || due.analyzers.contains(&name) {
            for account in &looking.zone.accounts {
                match reader(analyzers, pipeline, *account).await {
                    Ok(reader) => unused::look(analyzers, pipeline, looking, *account, &reader).await?,
                    Err(error) => {
                        tracing::warn!(%account, error = %base::Chain(&error), "not looked at for unused access");
                    }
                }
            }
        }
    }
    Ok(())
}

/// Writes an analyzer that was looked after.
fn save(transaction: &mut Transaction<'_>, record: &AnalyzerRecord) -> Result<(), DirectoryError> {
    let key = crate::records::analyzer(record.account, &record.name);
    Ok(transaction.put(ANALYZERS, key, record.encode()?)?)
}

/// Reads as the service's role in an account, which is made there first if need be.
pub(crate) async fn reader(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    account: AccountId,
) -> Result<Reader, Internal> {
    let session = service_role::session_made(&analyzers.directory, pipeline, account).await?;
    Ok(Reader::new(pipeline.clone(), session))
}

#[cfg(test)]
pub(crate) mod testing {
    //! A scan of what a test says was seen.

    use service::testkit::TestKit;

    use super::*;

    /// As if this had been judged unused, of the kit's account.
    pub(crate) async fn unused(kit: &TestKit, wanted: Vec<(&str, crate::records::Details)>) {
        unused_of(kit, kit.account.as_str(), wanted).await;
    }

    /// As if this had been judged unused, of any account of the zone.
    pub(crate) async fn unused_of(kit: &TestKit, owner: &str, wanted: Vec<(&str, crate::records::Details)>) {
        let analyzers = Analyzers::new(kit.pipeline.directory().clone());
        let wanted = wanted.into_iter().map(|(arn, details)| unused::Wanted {
            resource: arn.to_owned(),
            resource_type: if arn.contains(":role/") { "AWS::IAM::Role" } else { "AWS::IAM::User" },
            details,
        });
        let all = looking(&analyzers).unwrap();
        let unused = all.iter().find(|looking| looking.record.kind.is_unused()).unwrap();
        let (owner, now) = (owner.parse().unwrap(), kit.clock.now());
        unused::settle(&analyzers, unused, owner, wanted.collect(), now).await.unwrap();
    }

    /// A scan in which nothing is due.
    pub(crate) async fn idle(kit: &TestKit) {
        let analyzers = Analyzers::new(kit.pipeline.directory().clone());
        scan(&analyzers, &kit.pipeline, Due::default()).await.unwrap();
    }

    /// As if this had been seen of a family.
    pub(crate) async fn settle(kit: &TestKit, owner: &str, arn: &str, seen: &[Seen]) {
        let analyzers = Analyzers::new(kit.pipeline.directory().clone());
        let (owner, family) = (owner.parse().unwrap(), Family::of(arn).unwrap());
        for looking in looking(&analyzers).unwrap() {
            external::settle(&analyzers, &kit.pipeline, &looking, owner, &family, seen).await.unwrap();
        }
    }
}
