//! Writes policies from the trail, one after the other.
//!
//! The access role is asked for its leave to read the trail, through the pipeline and on record. Where it has none, or
//! does not trust this service any more, the job fails; nothing is told of the trail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::usage;
use base::{AccountId, Timestamp};
use identity::records::Record as _;
use identity::{CredentialSource as _, DirectoryError, Principal, Reads, directory::RoleName};
use observe::Query;
use serde_json::json;
use service::{Internal, Jobs, Pipeline, RoleTaking};
use store::{Range, Read as _};

use super::reader::Reader;
use crate::records::jobs::{self, GENERATIONS, GenerationRecord, JobStatus};
use crate::state::Analyzers;
use crate::zone::PRINCIPAL;

/// Records of one page of the trail, and of all pages together.
const PAGE: usize = 1_000;
const RECORDS_MAX: usize = 500_000;
/// The name of the access role's sessions.
const SESSION: &str = "access-analyzer-policy-generation";
/// How long one lasts.
const SESSION_SECS: i64 = 3_600;

/// Runs until the platform stops. What was begun before a stop is begun again.
pub(crate) async fn run(analyzers: Arc<Analyzers>, mut jobs: Jobs) -> Result<(), Internal> {
    let pipeline = jobs.pipeline().clone();
    loop {
        if let Err(error) = work(&analyzers, &pipeline).await {
            tracing::warn!(error = %base::Chain(&error), "policies are not generated for now");
        }
        tokio::select! {
            () = jobs.stopped() => return Ok(()),
            () = analyzers.generations.notified() => {}
        }
    }
}

/// Does what is in progress.
pub(crate) async fn work(analyzers: &Analyzers, pipeline: &Pipeline) -> Result<(), Internal> {
    let entries = analyzers.directory.store().list(GENERATIONS, &Range::all()).map_err(Internal::new)?;
    for (_, bytes) in entries {
        let record = GenerationRecord::decode(&bytes).map_err(Internal::new)?;
        let account = RoleName::parse(&record.role).map(|role| role.account);
        if let (JobStatus::InProgress, Some(account)) = (record.status, account) {
            let outcome = generate(analyzers, pipeline, account, &record).await?;
            finish(analyzers, pipeline, account, &record.id, outcome).await?;
        }
    }
    Ok(())
}

/// Why there is no policy: code and message.
type Failed = (&'static str, String);

/// What was used, and whether that is all.
type Used = (Vec<(String, Vec<String>)>, bool);

async fn generate(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    account: AccountId,
    record: &GenerationRecord,
) -> Result<Result<Used, Failed>, Internal> {
    let Some(session) = session(pipeline, account, record).await? else {
        let message = format!("The role {} cannot be assumed by {PRINCIPAL}.", record.role);
        return Ok(Err(("AUTHORIZATION_ERROR", message)));
    };
    let reader = Reader::new(pipeline.clone(), session);
    let input = json!({"StartTime": record.start.secs(), "EndTime": record.end.secs(), "MaxResults": 1});
    if let Err(fault) = reader.call("cloudtrail", "LookupEvents", &input).await {
        let code =
            if fault.code.starts_with("AccessDenied") { "AUTHORIZATION_ERROR" } else { "SERVICE_ERROR" };
        return Ok(Err((code, fault.message)));
    }
    if !exists(analyzers, &record.principal).map_err(Internal::new)? {
        return Ok(Err(("RESOURCE_NOT_FOUND_ERROR", format!("{} does not exist.", record.principal))));
    }
    Ok(Ok(used(pipeline, account, record).await?))
}

/// The access role, for the policy of one principal. `aws:SourceArn` is that principal: on whose behalf the role is taken.
pub(crate) fn taking(account: AccountId, record: &GenerationRecord) -> RoleTaking<'_> {
    RoleTaking {
        service: PRINCIPAL,
        source_arn: &record.principal,
        account,
        role_arn: &record.role,
        session_name: SESSION,
        function_arn: None,
        environment_id: None,
        secs: SESSION_SECS,
    }
}

// SECURITY: asked again when the work begins: what was trusted when it was asked for may not be any more.
async fn session(
    pipeline: &Pipeline,
    account: AccountId,
    record: &GenerationRecord,
) -> Result<Option<Arc<Principal>>, Internal> {
    let made = match pipeline.take_role(&taking(account, record)).await {
        Ok(made) => made,
        Err(fault) if fault.status < 500 => return Ok(None),
        Err(fault) => return Err(Internal::new(fault.message)),
    };
    let token = made.session_token.expose();
    let known = pipeline.directory().credential(&made.access_key_id, Some(token), pipeline.clock().now());
    Ok(known.ok().map(|credential| credential.principal))
}

fn exists(analyzers: &Analyzers, arn: &str) -> Result<bool, DirectoryError> {
    let directory = &analyzers.directory;
    if arn.contains(":role/") {
        return Ok(directory.role_by_arn(arn)?.is_some());
    }
    let account = arn.split(':').nth(4).and_then(|account| account.parse().ok());
    let name = arn.rsplit('/').next().unwrap_or_default();
    Ok(match account {
        Some(account) => directory.user(account, name)?.is_some_and(|user| {
            identity::principal::entity_arn(account, "user", &user.path, &user.name) == arn
        }),
        None => false,
    })
}

async fn used(pipeline: &Pipeline, account: AccountId, record: &GenerationRecord) -> Result<Used, Internal> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut after, mut read) = (None, 0);
    loop {
        let (start, end) = (Some(record.start), Some(record.end));
        let query = Query { account, attribute: None, start, end, limit: PAGE, after };
        let page = pipeline.audit().query(&query).await.map_err(Internal::new)?;
        read += page.events.len();
        for event in &page.events {
            let call = usage::of_record(&event.json);
            let own = call.filter(|call| !call.denied && call.who == record.principal);
            for (action, resource) in own.into_iter().flat_map(|call| call.needs) {
                found.entry(action).or_default().insert(resource);
            }
        }
        after = page.next;
        if after.is_none() || read >= RECORDS_MAX {
            let used = found.into_iter().map(|(action, on)| (action, on.into_iter().collect()));
            return Ok((used.collect(), after.is_none()));
        }
        tokio::task::yield_now().await;
    }
}

async fn finish(
    analyzers: &Analyzers,
    pipeline: &Pipeline,
    account: AccountId,
    job: &str,
    outcome: Result<Used, Failed>,
) -> Result<(), Internal> {
    let now = Timestamp::from_secs(pipeline.clock().now().secs());
    let key = jobs::generation(account, job);
    let store = analyzers.directory.store();
    store
        .transact(|transaction| {
            let record: Option<GenerationRecord> = transaction.record(GENERATIONS, &key)?;
            // It was called off in the meantime.
            let record = record.filter(|record| record.status == JobStatus::InProgress);
            let Some(mut record) = record else { return Ok(()) };
            record.completed_at = Some(now);
            match outcome {
                Ok((used, complete)) => {
                    record.status = JobStatus::Succeeded;
                    (record.used, record.complete) = (used, complete);
                }
                Err((code, message)) => {
                    record.status = JobStatus::Failed;
                    record.error = Some((code.to_owned(), message));
                }
            }
            Ok(transaction.put(GENERATIONS, &key, record.encode()?)?)
        })
        .await
        .map_err(|error: DirectoryError| Internal::new(error))
}
