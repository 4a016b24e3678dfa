//! Policies written from the trail: asked for, told, listed, called off. The writing is the scan's.
//!
//! Nothing is attached to anybody, and nothing of the trail is told but which actions were used.

use std::sync::Arc;

use base::Timestamp;
use identity::Reads as _;
use identity::records::Record as _;
use service::{Call, Internal, Permit, ServiceError as _};
use store::Transaction;

use super::analyzers::moment;
use crate::page::Paging;
use crate::records::jobs::{self, GENERATIONS, GenerationRecord, JobStatus};
use crate::scan::generation;
use crate::state::Analyzers;
use crate::zone::PRINCIPAL;
use crate::{Error, api, written};

/// How errors call a generation.
const GENERATION: &str = "PolicyGeneration";
/// AWS's quotas: generations a day, trails, and how far back.
const DAILY_MAX: usize = 5;
const TRAILS_MAX: usize = 10;
const DAYS_MAX: i64 = 90;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;
/// Generations are kept for so long.
const KEPT_MILLIS: i64 = 7 * DAY_MILLIS;

/// What a request asks for, checked.
fn wanted(call: &Call, input: api::StartPolicyGenerationRequest) -> Result<GenerationRecord, Error> {
    let own = |arn: &str| arn.split(':').nth(4) == Some(call.account().as_str());
    let principal = input.policy_generation_details.principal_arn;
    if !own(&principal) {
        return Err(Error::validation("The principal is not of this account."));
    }
    let details = input.cloud_trail_details;
    let details = details.ok_or_else(|| Error::validation("cloudTrailDetails must be given."))?;
    let trails = details.trails.into_iter().map(|trail| {
        let regions = trail.regions.unwrap_or_default();
        (trail.cloud_trail_arn, regions, trail.all_regions.unwrap_or(false))
    });
    let trails: Vec<(String, Vec<String>, bool)> = trails.collect();
    if trails.is_empty() || trails.len() > TRAILS_MAX || !trails.iter().all(|(arn, ..)| own(arn)) {
        return Err(Error::validation(format!("One to {TRAILS_MAX} trails of this account are named.")));
    }
    let region = call.region().as_str();
    let has_region =
        |regions: &[String], all: bool| all || regions.is_empty() || regions.iter().any(|one| one == region);
    if !trails.iter().any(|(_, regions, all)| has_region(regions, *all)) {
        return Err(Error::validation(format!(
            "No trail is asked for {region}, and there is no other region."
        )));
    }
    let now = moment(call);
    let (start, end) = (details.start_time, details.end_time.unwrap_or(now));
    if end.millis() <= start.millis() || start.millis() > now.millis() {
        return Err(Error::validation("startTime must be in the past and before endTime."));
    }
    if end.millis_since(start) > DAYS_MAX * DAY_MILLIS {
        return Err(Error::validation(format!("At most {DAYS_MAX} days are looked at.")));
    }
    Ok(GenerationRecord {
        id: crypto::random::uuid(),
        principal,
        role: details.access_role,
        trails,
        start,
        end,
        status: JobStatus::InProgress,
        started_at: now,
        completed_at: None,
        token: input.client_token,
        error: None,
        used: Vec::new(),
        complete: false,
    })
}

/// Refuses a role that is not of the account, or does not trust this service for this principal's policy.
async fn check_role(call: &Call, record: &GenerationRecord) -> Result<(), Error> {
    let refused = || Error::validation(format!("The access role cannot be assumed by {PRINCIPAL}."));
    match call.take_role(&generation::taking(call.account(), record), refused().into_fault()).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status < 500 => Err(refused()),
        Err(fault) => Err(Internal::new(fault.message).into()),
    }
}

pub(crate) async fn start(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::StartPolicyGeneration>,
) -> Result<api::StartPolicyGenerationResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = wanted(&call, input)?;
    check_role(&call, &record).await?;
    let job_id = call
        .transact(|transaction| {
            let present: Vec<GenerationRecord> =
                transaction.records(GENERATIONS, &jobs::generations_of(call.account()))?;
            if let Some(same) = present.iter().find(|it| it.token.is_some() && it.token == record.token) {
                return Ok(same.id.clone());
            }
            let age = |it: &GenerationRecord| call.now().millis_since(it.started_at);
            if present.iter().any(|it| it.status == JobStatus::InProgress) {
                return Err(Error::quota(
                    "A policy is being generated already.",
                    GENERATION,
                    &record.principal,
                ));
            }
            if present.iter().filter(|it| age(it) < DAY_MILLIS).count() >= DAILY_MAX {
                let message = format!("At most {DAILY_MAX} policies are generated in a day.");
                return Err(Error::quota(message, GENERATION, &record.principal));
            }
            for old in present.iter().filter(|it| age(it) > KEPT_MILLIS) {
                transaction.delete(GENERATIONS, jobs::generation(call.account(), &old.id))?;
            }
            save(transaction, &call, &record)?;
            Ok(record.id.clone())
        })
        .await?;
    analyzers.generations.notify_one();
    Ok(api::StartPolicyGenerationResponse { job_id })
}

fn save(transaction: &mut Transaction<'_>, call: &Call, record: &GenerationRecord) -> Result<(), Error> {
    let bytes = record.encode().map_err(identity::DirectoryError::from)?;
    Ok(transaction.put(GENERATIONS, jobs::generation(call.account(), &record.id), bytes)?)
}

/// A job that is not there is a bad value here: these operations have no error of their own for it.
fn unknown(job: &str) -> Error {
    Error::validation(format!("There is no policy generation {job}."))
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetGeneratedPolicy>,
) -> Result<api::GetGeneratedPolicyResponse, Error> {
    let Permit { input, call, .. } = permit;
    let found: Option<GenerationRecord> =
        call.view()?.record(GENERATIONS, &jobs::generation(call.account(), &input.job_id))?;
    let record = found.ok_or_else(|| unknown(&input.job_id))?;
    let is_done = record.status == JobStatus::Succeeded;
    let policy =
        is_done.then(|| written::policy(&record.used, input.include_resource_placeholders == Some(true)));
    let trails = record.trails.iter().map(|(arn, regions, all)| api::TrailProperties {
        cloud_trail_arn: arn.clone(),
        regions: Some(regions.clone()),
        all_regions: Some(*all),
    });
    let properties = api::GeneratedPolicyProperties {
        is_complete: is_done.then_some(record.complete),
        principal_arn: record.principal.clone(),
        cloud_trail_properties: Some(api::CloudTrailProperties {
            trail_properties: trails.collect(),
            start_time: record.start,
            end_time: record.end,
        }),
    };
    Ok(api::GetGeneratedPolicyResponse {
        job_details: api::JobDetails {
            job_id: record.id,
            status: record.status.name().to_owned(),
            started_on: record.started_at,
            completed_on: record.completed_at,
            job_error: record.error.map(|(code, message)| api::JobError { code, message }),
        },
        generated_policy_result: api::GeneratedPolicyResult {
            properties,
            generated_policies: policy
                .map(|policy| vec![api::GeneratedPolicy { policy: policy.to_string() }]),
        },
    })
}

pub(crate) async fn list(
    _: Arc<Analyzers>,
    permit: Permit<api::ListPolicyGenerations>,
) -> Result<api::ListPolicyGenerationsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let all: Vec<GenerationRecord> =
        call.view()?.records(GENERATIONS, &jobs::generations_of(call.account()))?;
    let own =
        all.into_iter().filter(|it| input.principal_arn.as_ref().is_none_or(|arn| *arn == it.principal));
    let shown = own.map(|record| {
        let place = format!("{:020} {}", record.started_at.millis(), record.id);
        let generation = api::PolicyGeneration {
            job_id: record.id,
            principal_arn: record.principal,
            status: record.status.name().to_owned(),
            started_on: record.started_at,
            completed_on: record.completed_at,
        };
        (place, generation)
    });
    let (policy_generations, next_token) = paging.of(shown.collect(), true);
    Ok(api::ListPolicyGenerationsResponse { policy_generations, next_token })
}

pub(crate) async fn cancel(
    _: Arc<Analyzers>,
    permit: Permit<api::CancelPolicyGeneration>,
) -> Result<api::CancelPolicyGenerationResponse, Error> {
    let Permit { input, call, .. } = permit;
    let now: Timestamp = moment(&call);
    call.transact(|transaction| {
        let key = jobs::generation(call.account(), &input.job_id);
        let found: Option<GenerationRecord> = transaction.record(GENERATIONS, &key)?;
        let mut record = found.ok_or_else(|| unknown(&input.job_id))?;
        // What is done stays done.
        if record.status == JobStatus::InProgress {
            record.status = JobStatus::Canceled;
            record.completed_at = Some(now);
            save(transaction, &call, &record)?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    Ok(api::CancelPolicyGenerationResponse {})
}
