//! What to do about permissions that nobody uses: policies without them.
//!
//! A recommendation is worked out from the policies and the trail as they are when it is asked for. It changes nothing.

use std::sync::Arc;

use analysis::unused::{self, Tightened};
use base::{AccountId, Timestamp};
use identity::Reads;
use identity::records::Record as _;
use service::{Call, Permit};

use super::analyzers::moment;
use crate::page::Paging;
use crate::records::jobs::{RECOMMENDATIONS, RecommendationRecord, Step};
use crate::records::{AnalyzerRecord, Details, FindingRecord, UnusedSettings, part};
use crate::scan::{self, Trail};
use crate::state::{Analyzers, FINDING, Open};
use crate::{Error, api};

/// The analyzer and the finding that are meant, which must be about permissions.
fn subject(
    from: &(impl Reads + ?Sized),
    call: &Call,
    arn: &str,
    id: &str,
) -> Result<(AnalyzerRecord, FindingRecord), Error> {
    let open = Open::with_arn(from, call, arn)?;
    let finding = open.finding(from, id)?;
    if !matches!(finding.details, Details::Permissions { .. }) {
        return Err(Error::validation("Recommendations are made for findings of unused permissions only."));
    }
    Ok((open.record, finding))
}

pub(crate) async fn generate(
    analyzers: Arc<Analyzers>,
    permit: Permit<api::GenerateFindingRecommendation>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let (analyzer, finding) = subject(&call.view()?, &call, &input.analyzer_arn, &input.id)?;
    let now = moment(&call);
    let settings = analyzer.unused.clone().unwrap_or_default();
    let steps = steps(&analyzers, &call, &finding, &settings, now).await?;
    let error = steps.is_none().then(|| {
        let message = format!("{} or what it used cannot be read.", finding.resource);
        ("RESOURCE_NOT_FOUND".to_owned(), message)
    });
    let record = RecommendationRecord {
        started_at: now,
        completed_at: now,
        resource: finding.resource,
        steps: steps.unwrap_or_default(),
        error,
    };
    let bytes = record.encode().map_err(identity::DirectoryError::from)?;
    call.transact(|transaction| {
        // The account may have left while its policies were read.
        subject(transaction, &call, &input.analyzer_arn, &input.id)?;
        Ok(transaction.put(RECOMMENDATIONS, part(&analyzer.id, &input.id), bytes)?)
    })
    .await
}

/// What to do about each policy; `None` where whose they are is gone, or the trail is too long.
async fn steps(
    analyzers: &Analyzers,
    call: &Call,
    finding: &FindingRecord,
    settings: &UnusedSettings,
    now: Timestamp,
) -> Result<Option<Vec<Step>>, Error> {
    let pipeline = call.pipeline();
    let account: AccountId = finding.owner.parse().map_err(|_| Call::internal::<Error>("an account's id"))?;
    let reader = scan::reader(analyzers, pipeline, account).await?;
    let people = scan::everybody(&reader).await?;
    let Some(person) = people.into_iter().find(|person| person.arn == finding.resource) else {
        return Ok(None);
    };
    let since = scan::since(settings, now);
    let trail = Trail::read(pipeline, account, since).await?;
    if trail.cut {
        return Ok(None);
    }
    let none = unused::Uses::new();
    let uses = trail.actions.get(&person.arn).unwrap_or(&none);
    // What a group has is for the group to change.
    let own = person.policies.into_iter().filter(|policy| !policy.of_group);
    let steps = own.filter_map(|held| {
        let policy = match unused::tightened(&held.document, uses, since.secs()) {
            Tightened::Same => return None,
            Tightened::Nothing => None,
            Tightened::Policy(policy) => Some(policy.to_string()),
        };
        Some(Step { existing: held.id, updated_at: held.updated_at, policy })
    });
    Ok(Some(steps.collect()))
}

/// A policy that is replaced is two steps: the tighter one is made, then this one is detached.
fn shown(step: &Step) -> Vec<api::RecommendedStep> {
    let one = |action: &str, policy: Option<String>| api::RecommendedStep {
        unused_permissions_recommended_step: Some(api::UnusedPermissionsRecommendedStep {
            policy_updated_at: step.updated_at,
            recommended_action: action.to_owned(),
            recommended_policy: policy,
            existing_policy_id: Some(step.existing.clone()),
        }),
    };
    let made = step.policy.clone().map(|policy| one("CREATE_POLICY", Some(policy)));
    made.into_iter().chain([one("DETACH_POLICY", None)]).collect()
}

pub(crate) async fn get(
    _: Arc<Analyzers>,
    permit: Permit<api::GetFindingRecommendation>,
) -> Result<api::GetFindingRecommendationResponse, Error> {
    let Permit { input, call, .. } = permit;
    let (analyzer, _) = subject(&call.view()?, &call, &input.analyzer_arn, &input.id)?;
    let found: Option<RecommendationRecord> =
        call.view()?.record(RECOMMENDATIONS, &part(&analyzer.id, &input.id))?;
    let record = found.ok_or_else(|| Error::not_found(FINDING, &input.id))?;
    let paging = Paging::new(input.next_token, input.max_results)?;
    let steps = record.steps.iter().flat_map(shown).enumerate();
    let (steps, next_token) = paging.of(steps.map(|(at, step)| (format!("{at:06}"), step)).collect(), false);
    Ok(api::GetFindingRecommendationResponse {
        started_at: record.started_at,
        completed_at: Some(record.completed_at),
        next_token,
        resource_arn: record.resource,
        recommended_steps: Some(steps),
        recommendation_type: "UnusedPermissionRecommendation".to_owned(),
        status: if record.error.is_some() { "FAILED" } else { "SUCCEEDED" }.to_owned(),
        error: record.error.map(|(code, message)| api::RecommendationError { code, message }),
    })
}
