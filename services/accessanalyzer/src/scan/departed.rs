//! What was found about accounts that are no longer in the zone: it is forgotten.
//!
//! Reading leaves it out from the moment the account is gone; here the records go, too. An account that comes back is
//! looked at anew.

use identity::records::Record as _;
use identity::{DirectoryError, Reads as _};
use service::Internal;

use super::Looking;
use crate::records::jobs::RECOMMENDATIONS;
use crate::records::{self, ANALYZERS, AnalyzerRecord, FINDINGS, FindingRecord, RESOURCES, ResourceRecord};
use crate::state::Analyzers;
use crate::zone::Zone;

/// Records that one transaction deletes.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// The findings, by id, and the resources, by ARN, of accounts that are not in the zone.
#[derive(Default)]
pub(super) struct Departed {
    pub(super) findings: Vec<String>,
    pub(super) resources: Vec<String>,
}

/// Deletes what the analyzer knows of them.
pub(super) async fn forget(analyzers: &Analyzers, looking: &Looking) -> Result<(), Internal> {
    let (findings, resources) = (&looking.departed.findings, &looking.departed.resources);
    let each = findings.chunks(FORGOTTEN_AT_ONCE).map(|findings| (findings, [].as_slice()));
    let each = each.chain(resources.chunks(FORGOTTEN_AT_ONCE).map(|resources| ([].as_slice(), resources)));
    for (findings, resources) in each {
        forget_some(analyzers, looking, findings, resources).await.map_err(Internal::new)?;
    }
    Ok(())
}

async fn forget_some(
    analyzers: &Analyzers,
    looking: &Looking,
    findings: &[String],
    resources: &[String],
) -> Result<(), DirectoryError> {
    let id = looking.record.id.as_str();
    let store = analyzers.directory.store();
    store
        .transact(|transaction| {
            let key = records::analyzer(looking.record.account, &looking.record.name);
            let analyzer: Option<AnalyzerRecord> = transaction.record(ANALYZERS, &key)?;
            let Some(mut analyzer) = analyzer.filter(|analyzer| analyzer.id == id) else { return Ok(()) };
            // The account may have come back, or the administrator be another, since the scan began.
            let Ok(zone) = Zone::of(transaction, analyzer.account, analyzer.kind)? else { return Ok(()) };
            for finding in findings {
                let key = records::part(id, finding);
                let record: Option<FindingRecord> = transaction.record(FINDINGS, &key)?;
                if record.is_some_and(|record| !zone.has(&record.owner)) {
                    transaction.delete(FINDINGS, &key)?;
                    transaction.delete(RECOMMENDATIONS, &key)?;
                }
            }
            for resource in resources {
                let key = records::part(id, resource);
                let record: Option<ResourceRecord> = transaction.record(RESOURCES, &key)?;
                if record.is_some_and(|record| !zone.has(&record.owner)) {
                    transaction.delete(RESOURCES, &key)?;
                }
            }
            // What was looked at last may be theirs.
            analyzer.last_analyzed = None;
            Ok(transaction.put(ANALYZERS, key, analyzer.encode()?)?)
        })
        .await
}
