//! What a user, group, role or policy is granted and when it was last used, from the audit trail.
//!
//! A report looks back as far as the trail is kept. It tells of calls that policy let through, and of nothing inside
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use analysis::usage;
use base::{AccountId, Timestamp};
use identity::Reads;
use identity::records::{GroupRecord, RoleRecord, UserRecord, keys};
use observe::{Position, Query};
use service::{Call, Permit};
use store::Read as _;

use super::simulate::{entity_name, policies_of};
use crate::entity::{self, Entity as _};
use crate::page::Paging;
use crate::reports::{ServiceUse, USAGE_REPORTS, UsageReportRecord, Use, usage_key};
use crate::{Error, Iam, api, attachments, granting};

/// Records of one page of the trail, and of all pages together.
const PAGE: usize = 1_000;
const RECORDS_MAX: usize = 500_000;
/// Reports that are kept for an account; beyond, the oldest goes.
const REPORTS_MAX: usize = 100;

/// The users and roles whose calls count for this ARN, and the namespaces that it is granted.
struct Scope {
    entities: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

fn scope(iam: &Iam, call: &Call, arn: &str) -> Result<Scope, Error> {
    let (view, account) = (call.view()?, call.account());
    let mut entities = BTreeSet::new();
    if arn.contains(":policy/") {
        let policy = iam.directory.managed_policy(account, arn, policy::PolicyKind::Identity)?;
        let policy = policy.ok_or_else(|| Error::no_such_policy(arn))?;
        for used in attachments::uses_of(&view, account, arn)?.into_iter().filter(|used| !used.boundary) {
            add_entity(&view, account, &used.title, &used.name, &mut entities)?;
        }
        return Ok(Scope { entities, namespaces: granting::namespaces(policy.text()) });
    }
    let (kind, name) = entity_name(account, arn)?;
    let namespaces = policies_of(iam, account, arn)?;
    let namespaces =
        namespaces.iter().flat_map(|source| granting::namespaces(source.policy.text())).collect();
    let title = match kind.as_str() {
        "user" => "User",
        "group" => "Group",
        _ => "Role",
    };
    add_entity(&view, account, title, &name, &mut entities)?;
    Ok(Scope { entities, namespaces })
}

fn add_entity(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    title: &str,
    name: &str,
    entities: &mut BTreeSet<String>,
) -> Result<(), Error> {
    match title {
        "User" => entities.extend(entity::find::<UserRecord>(from, account, name)?.map(|it| it.arn(account))),
        "Role" => entities.extend(entity::find::<RoleRecord>(from, account, name)?.map(|it| it.arn(account))),
        _ => {
            let group: GroupRecord = entity::load(from, account, name)?;
            let members = entity::all::<UserRecord>(from, account, None)?.into_iter();
            let members = members.filter(|(_, user)| user.groups.contains(&group.name));
            entities.extend(members.map(|(_, user)| user.arn(account)));
        }
    }
    Ok(())
}

/// The calls of these entities, folded by service; the trail answers newest first.
async fn uses(call: &Call, scope: &Scope) -> Result<BTreeMap<String, ServiceUse>, Error> {
    let empty = |namespace: &String| {
        let service = ServiceUse { namespace: namespace.clone(), ..ServiceUse::default() };
        (namespace.clone(), service)
    };
    let mut services: BTreeMap<String, ServiceUse> = scope.namespaces.iter().map(empty).collect();
    let mut after: Option<Position> = None;
    let mut read = 0;
    loop {
        let query =
            Query { account: call.account(), attribute: None, start: None, end: None, limit: PAGE, after };
        let page = call.pipeline().audit().query(&query).await?;
        read += page.events.len();
        for event in &page.events {
            let Some(made) = usage::of_record(&event.json) else { continue };
            if made.denied || !scope.entities.contains(&made.who) {
                continue;
            }
            for (action, _) in &made.needs {
                let Some((namespace, action)) = action.split_once(':') else { continue };
                let at = Timestamp::from_secs(event.event_time.secs());
                let used = Use { entity: made.who.clone(), at, region: made.region.clone() };
                // What was used and is granted no more is not asked for.
                if let Some(service) = services.get_mut(namespace) {
                    service.add(action, &used);
                }
            }
        }
        after = page.next;
        if after.is_none() || read >= RECORDS_MAX {
            return Ok(services);
        }
    }
}

pub(crate) async fn generate(
    iam: Arc<Iam>,
    permit: Permit<api::GenerateServiceLastAccessedDetails>,
) -> Result<api::GenerateServiceLastAccessedDetailsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let scope = scope(&iam, &call, &input.arn)?;
    let services = uses(&call, &scope).await?;
    let at = Timestamp::from_secs(call.now().secs());
    let record = UsageReportRecord {
        created_at: at,
        completed_at: at,
        by_action: input.granularity.as_deref() == Some("ACTION_LEVEL"),
        services: services.into_values().collect(),
    };
    let job = crypto::random::uuid();
    iam.change(&call, |edit| {
        let account = edit.account();
        let present = edit.list(USAGE_REPORTS, &store::Range::prefix(keys::all_of(account)))?;
        if present.len() >= REPORTS_MAX {
            drop_oldest(edit, &present)?;
        }
        Ok(edit.put(USAGE_REPORTS, &usage_key(account, &job), &record)?)
    })
    .await?;
    Ok(api::GenerateServiceLastAccessedDetailsResponse { job_id: Some(job) })
}

fn drop_oldest(edit: &mut identity::Edit<'_, '_>, present: &[(Vec<u8>, bytes::Bytes)]) -> Result<(), Error> {
    use identity::records::Record as _;
    let made =
        |bytes: &[u8]| UsageReportRecord::decode(bytes).map(|record| record.created_at).unwrap_or_default();
    let oldest = present.iter().min_by_key(|(_, bytes)| made(bytes));
    let Some((key, _)) = oldest else { return Ok(()) };
    Ok(edit.delete(USAGE_REPORTS, &store::Key::new().raw(key))?)
}

fn load(call: &Call, job: &str) -> Result<UsageReportRecord, Error> {
    let record: Option<UsageReportRecord> =
        call.view()?.record(USAGE_REPORTS, &usage_key(call.account(), job))?;
    record.ok_or_else(|| Error::NoSuchEntity(format!("Job {job} was not found")))
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetServiceLastAccessedDetails>,
) -> Result<api::GetServiceLastAccessedDetailsResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = load(&call, &input.job_id)?;
    let by_action = record.by_action;
    let shown = record.services.iter().map(|used| {
        let last = used.by.first();
        let actions = used.actions.iter().map(|(action, used)| api::TrackedActionLastAccessed {
            action_name: Some(action.clone()),
            last_accessed_entity: Some(used.entity.clone()),
            last_accessed_time: Some(used.at),
            last_accessed_region: Some(used.region.clone()),
        });
        let service = api::ServiceLastAccessed {
            service_name: granting::service_name(&used.namespace),
            last_authenticated: last.map(|used| used.at),
            service_namespace: used.namespace.clone(),
            last_authenticated_entity: last.map(|used| used.entity.clone()),
            last_authenticated_region: last.map(|used| used.region.clone()),
            total_authenticated_entities: i64::try_from(used.by.len()).ok(),
            tracked_actions_last_accessed: by_action.then(|| actions.collect()),
        };
        (used.namespace.clone(), service)
    });
    let page = Paging::new(input.marker, input.max_items).of(shown.collect())?;
    Ok(api::GetServiceLastAccessedDetailsResponse {
        job_status: "COMPLETED".to_owned(),
        job_type: Some(if by_action { "ACTION_LEVEL" } else { "SERVICE_LEVEL" }.to_owned()),
        job_creation_date: record.created_at,
        services_last_accessed: page.items,
        job_completion_date: record.completed_at,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}

/// An entity by the ARN that the trail knows it by.
fn info(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    arn: &str,
) -> Result<Option<api::EntityInfo>, Error> {
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let found = if arn.contains(":user/") {
        entity::find::<UserRecord>(from, account, &name)?.map(|user| ("USER", user.user_id, user.path))
    } else {
        entity::find::<RoleRecord>(from, account, &name)?.map(|role| ("ROLE", role.role_id, role.path))
    };
    Ok(found.map(|(kind, id, path)| api::EntityInfo {
        arn: arn.to_owned(),
        name,
        r#type: kind.to_owned(),
        id,
        path: Some(path),
    }))
}

pub(crate) async fn get_entities(
    _: Arc<Iam>,
    permit: Permit<api::GetServiceLastAccessedDetailsWithEntities>,
) -> Result<api::GetServiceLastAccessedDetailsWithEntitiesResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = load(&call, &input.job_id)?;
    let used = record.services.iter().find(|used| used.namespace == input.service_namespace);
    let used = used.ok_or_else(|| {
        Error::NoSuchEntity(format!("Service {} is not in the report", input.service_namespace))
    })?;
    let view = call.view()?;
    let mut shown = Vec::new();
    for each in &used.by {
        if let Some(entity_info) = info(&view, call.account(), &each.entity)? {
            let details = api::EntityDetails { entity_info, last_authenticated: Some(each.at) };
            shown.push((each.entity.clone(), details));
        }
    }
    let page = Paging::new(input.marker, input.max_items).of(shown)?;
    Ok(api::GetServiceLastAccessedDetailsWithEntitiesResponse {
        job_status: "COMPLETED".to_owned(),
        job_creation_date: record.created_at,
        job_completion_date: record.completed_at,
        entity_details_list: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}
