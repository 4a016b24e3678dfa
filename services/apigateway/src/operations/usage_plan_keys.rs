//! The keys of usage plans, and what was used with them.

use std::sync::Arc;

use gateway::records::{PLAN_KEYS, PlanRecord, UsageRecord, account_prefix, owned_key, plan_key};
use gateway::{by_day, date_of, day_of, set_left};
use protocol::Entries;
use service::Permit;
use store::{KeyReader, Range, Read, Transaction};

use super::page;
use crate::api::{
    self, CreateUsagePlanKey, DeleteUsagePlanKey, GetUsage, GetUsagePlanKey, GetUsagePlanKeys, UpdateUsage,
};
use crate::patch::{Op, Patch};
use crate::store::Owned;
use crate::usage_plan::PLANS_OF_KEY_MAX;
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

/// Days that one answer tells.
const DAYS_MAX: i64 = 90;

pub(crate) async fn create(
    state: State,
    permit: Permit<CreateUsagePlanKey>,
) -> Result<api::UsagePlanKey, Error> {
    let Permit { input, call, .. } = permit;
    if input.key_type != "API_KEY" {
        return Err(Error::bad("Usage plan key type must be API_KEY"));
    }
    let owned = Owned(call.account());
    let key = call
        .transact(|transaction| {
            let plan = owned.read_plan(transaction, &input.usage_plan_id)?;
            let key = owned.read_key(transaction, &input.key_id)?;
            let place = plan_key(call.account(), &plan.id, &key.id);
            if transaction.get(PLAN_KEYS, place)?.is_some() {
                return Err(Error::Conflict(format!(
                    "Usage plan {} and API key {} are already associated",
                    plan.id, key.id
                )));
            }
            check_others(owned, transaction, &plan, &key.id)?;
            state.stages.plans().tie(transaction, call.account(), &plan.id, &key.id)?;
            call.made(&format!("{}:{}", key.id, plan.id));
            Ok(key)
        })
        .await?;
    Ok(view::usage_plan_key(&key))
}

/// A key is in one plan of a stage at most: which limits hold would be a matter of chance.
fn check_others(
    owned: Owned,
    transaction: &Transaction<'_>,
    plan: &PlanRecord,
    key_id: &str,
) -> Result<(), Error> {
    let ties = transaction.scan(PLAN_KEYS, &Range::prefix(account_prefix(owned.0)))?;
    let mut count = 0;
    for (place, _) in ties {
        let Some((other, _)) = tie_of(&place).filter(|(_, key)| key == key_id) else { continue };
        count += 1;
        let other = owned.read_plan(transaction, &other)?;
        let both = other.stages.iter().find(|stage| {
            plan.stages.iter().any(|own| (&own.api_id, &own.stage) == (&stage.api_id, &stage.stage))
        });
        if let Some(stage) = both {
            return Err(Error::Conflict(format!(
                "API key {key_id} cannot be associated with multiple usage plans for the same API stage: {}:{}",
                stage.api_id, stage.stage
            )));
        }
    }
    if count >= PLANS_OF_KEY_MAX {
        let message = "Maximum number of usage plans for this API key has been reached.";
        return Err(Error::LimitExceeded(message.to_owned()));
    }
    Ok(())
}

fn tie_of(place: &[u8]) -> Option<(String, String)> {
    let mut reader = KeyReader::new(place);
    reader.str().ok()?;
    Some((reader.str().ok()?, reader.str().ok()?))
}

pub(crate) async fn get(_: State, permit: Permit<GetUsagePlanKey>) -> Result<api::UsagePlanKey, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let owned = Owned(call.account());
    owned.plan(&view, &input.usage_plan_id)?;
    let place = plan_key(call.account(), &input.usage_plan_id, &input.key_id);
    view.read(PLAN_KEYS, &place)?.ok_or_else(missing)?;
    Ok(view::usage_plan_key(&owned.key(&view, &input.key_id)?))
}

pub(crate) async fn list(_: State, permit: Permit<GetUsagePlanKeys>) -> Result<api::UsagePlanKeys, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let owned = Owned(call.account());
    let plan = owned.plan(&view, &input.usage_plan_id)?;
    let mut keys = Vec::new();
    for id in key_ids(&view, &plan)? {
        keys.push(owned.key(&view, &id)?);
    }
    if let Some(name) = input.name_query.filter(|name| !name.is_empty()) {
        keys.retain(|key| key.name.as_ref().is_some_and(|known| known.starts_with(&name)));
    }
    let (found, position) = page(keys, |key| &key.id, input.position.as_deref(), input.limit)?;
    Ok(api::UsagePlanKeys { position, items: Some(found.iter().map(view::usage_plan_key).collect()) })
}

fn key_ids(store: &impl Read, plan: &PlanRecord) -> Result<Vec<String>, Error> {
    let found = store.list(PLAN_KEYS, &Range::prefix(owned_key(plan.account, &plan.id)))?;
    Ok(found.iter().filter_map(|(place, _)| Some(tie_of(place)?.1)).collect())
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteUsagePlanKey>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let owned = Owned(call.account());
    call.transact(|transaction| {
        owned.read_plan(transaction, &input.usage_plan_id)?;
        let place = plan_key(call.account(), &input.usage_plan_id, &input.key_id);
        transaction.get(PLAN_KEYS, place)?.ok_or_else(missing)?;
        let plans = state.stages.plans();
        Ok(plans.untie(transaction, call.account(), &input.usage_plan_id, &input.key_id)?)
    })
    .await
}

fn missing() -> Error {
    Error::NotFound("Invalid API Key identifier specified".to_owned())
}

pub(crate) async fn usage(state: State, permit: Permit<GetUsage>) -> Result<api::Usage, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let plan = Owned(call.account()).plan(&view, &input.usage_plan_id)?;
    let (from, to) = (day(&input.start_date)?, day(&input.end_date)?);
    if to < from || to - from >= DAYS_MAX {
        return Err(Error::bad(format!(
            "Invalid date range: the end date is not before the start date, and at most {DAYS_MAX} days are told"
        )));
    }
    let mut ids = key_ids(&view, &plan)?;
    if let Some(id) = input.key_id.filter(|id| !id.is_empty()) {
        ids.retain(|known| *known == id);
        if ids.is_empty() {
            return Err(missing());
        }
    }
    let (ids, position) = page(ids, |id| id, input.position.as_deref(), input.limit)?;
    let one = |id: &String| {
        let record = state.stages.plans().used(&plan.id, id).unwrap_or_default();
        (id.clone(), by_day(&record, plan.quota.as_ref(), from..=to))
    };
    let items = ids.iter().map(one).collect();
    Ok(shown(&plan, (input.start_date, input.end_date), position, items))
}

pub(crate) async fn update_usage(state: State, permit: Permit<UpdateUsage>) -> Result<api::Usage, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let owned = Owned(call.account());
    let now = call.now();
    let (plan, record) = call
        .transact(|transaction| {
            let plan = owned.read_plan(transaction, &input.usage_plan_id)?;
            let place = plan_key(call.account(), &plan.id, &input.key_id);
            transaction.get(PLAN_KEYS, place)?.ok_or_else(missing)?;
            let quota = plan.quota.ok_or_else(|| Error::bad("Usage plan has no quota"))?;
            let plans = state.stages.plans();
            let mut record: UsageRecord = plans.used(&plan.id, &input.key_id).unwrap_or_default();
            for patch in &patches {
                match (patch.parts().as_slice(), patch.op) {
                    (["remaining"], Op::Replace) => {
                        let wanted: u32 = patch.number()?;
                        set_left(&mut record, &quota, wanted.into(), now);
                    }
                    _ => return Err(patch.invalid_path()),
                }
            }
            plans.put_used(transaction, call.account(), (&plan.id, &input.key_id), record.clone())?;
            Ok::<_, Error>((plan, record))
        })
        .await?;
    let today = day_of(now);
    let items = [(input.key_id, by_day(&record, plan.quota.as_ref(), today..=today))].into_iter().collect();
    Ok(shown(&plan, (date_of(today), date_of(today)), None, items))
}

fn shown(
    plan: &PlanRecord,
    (start, end): (String, String),
    position: Option<String>,
    items: Entries<Vec<Vec<i64>>>,
) -> api::Usage {
    api::Usage {
        usage_plan_id: Some(plan.id.clone()),
        start_date: Some(start),
        end_date: Some(end),
        position,
        items: Some(items),
    }
}

/// A day as it is written: `2026-11-22`.
fn day(text: &str) -> Result<i64, Error> {
    let invalid = || Error::bad(format!("Invalid date: {text}, it is written as YYYY-MM-DD"));
    let parsed = base::Timestamp::parse_iso8601(&format!("{text}T00:00:00Z")).ok_or_else(invalid)?;
    let day = day_of(parsed);
    if date_of(day) == text { Ok(day) } else { Err(invalid()) }
}
