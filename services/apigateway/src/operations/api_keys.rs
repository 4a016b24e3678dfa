//! API keys: what callers send where a method asks for one.
//!
//! SECURITY: a key's value is shown where its owner asks for it, and to whoever made it; never in records or logs.

use std::sync::Arc;

use ::store::Transaction;
use gateway::Plans;
use gateway::records::{API_KEYS, KeyRecord, KeyValue, account_prefix};
use service::{Call, Permit};
use store::Range;

use super::tags::check_tags;
use super::{map, page};
use crate::api::{self, CreateApiKey, DeleteApiKey, GetApiKey, GetApiKeys, ImportApiKeys, UpdateApiKey};
use crate::keys_csv::{self, Line};
use crate::model::api_id;
use crate::patch::{Op, Patch};
use crate::store::{Apis, Owned};
use crate::usage_plan::{KEYS_MAX, check_name, new_value, own_value, stage_named};
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) async fn create(state: State, permit: Permit<CreateApiKey>) -> Result<api::ApiKey, Error> {
    let Permit { input, call, .. } = permit;
    let value = input.value.as_deref().filter(|value| !value.is_empty());
    let value = value.map_or_else(|| Ok(new_value()), own_value)?;
    let mut key = new_key(&call, value);
    key.name = input.name;
    key.description = input.description;
    key.customer_id = input.customer_id;
    key.enabled = input.enabled.unwrap_or(false);
    key.stage_keys = input.stage_keys.into_iter().flatten().map(stage_key).collect::<Result<_, _>>()?;
    key.tags = map(input.tags);
    check_tags(&key.tags)?;
    key.tags.extend(call.marks());
    check(&key)?;
    let shown = view::api_key(&key, true);
    call.transact(|transaction| {
        check_count(transaction, &call, 1)?;
        key.stage_keys.iter().try_for_each(|stage| is_there(transaction, &key, stage))?;
        insert(&state, transaction, key)
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: State, permit: Permit<GetApiKey>) -> Result<api::ApiKey, Error> {
    let Permit { input, call, .. } = permit;
    let key = Owned(call.account()).key(&call.view()?, &input.api_key)?;
    Ok(view::api_key(&key, input.include_value == Some(true)))
}

pub(crate) async fn list(_: State, permit: Permit<GetApiKeys>) -> Result<api::ApiKeys, Error> {
    let Permit { input, call, .. } = permit;
    let mut all = Owned(call.account()).keys(&call.view()?)?;
    if let Some(name) = input.name_query.filter(|name| !name.is_empty()) {
        all.retain(|key| key.name.as_ref().is_some_and(|known| known.starts_with(&name)));
    }
    if let Some(customer) = input.customer_id.filter(|customer| !customer.is_empty()) {
        all.retain(|key| key.customer_id.as_ref() == Some(&customer));
    }
    let (found, position) = page(all, |key| &key.id, input.position.as_deref(), input.limit)?;
    let values = input.include_values == Some(true);
    let items = found.iter().map(|key| view::api_key(key, values)).collect();
    Ok(api::ApiKeys { position, items: Some(items), warnings: None })
}

pub(crate) async fn update(state: State, permit: Permit<UpdateApiKey>) -> Result<api::ApiKey, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let owned = Owned(call.account());
    let key = call
        .transact(|transaction| {
            let mut key = owned.read_key(transaction, &input.api_key)?;
            let before = key.stage_keys.clone();
            patches.iter().try_for_each(|patch| apply_patch(&mut key, patch))?;
            // A stage that is gone since stays, so that the key can be changed otherwise.
            let mut added = key.stage_keys.difference(&before);
            added.try_for_each(|stage| is_there(transaction, &key, stage))?;
            key.updated = call.now();
            check(&key)?;
            state.stages.plans().put_key(transaction, key.clone())?;
            Ok::<_, Error>(key)
        })
        .await?;
    Ok(view::api_key(&key, false))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteApiKey>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let owned = Owned(call.account());
    call.transact(|transaction| {
        let key = owned.read_key(transaction, &input.api_key)?;
        Ok(state.stages.plans().delete_key(transaction, &key)?)
    })
    .await
}

pub(crate) async fn import(state: State, permit: Permit<ImportApiKeys>) -> Result<api::ApiKeyIds, Error> {
    let Permit { input, call, .. } = permit;
    if input.format != "csv" {
        return Err(Error::bad("Invalid format: API keys are imported from csv"));
    }
    let lines = keys_csv::read(&input.body)?;
    let fails = input.fail_on_warnings == Some(true);
    let ids = call.transact(|transaction| import_all(&state, &call, transaction, &lines, fails)).await?;
    let (ids, warnings) = ids;
    Ok(api::ApiKeyIds { ids: Some(ids), warnings: Some(warnings) })
}

/// Makes all keys of a file, or none.
fn import_all(
    state: &ApiGateway,
    call: &Call,
    transaction: &mut Transaction<'_>,
    lines: &[Line],
    fails: bool,
) -> Result<(Vec<String>, Vec<String>), Error> {
    let owned = Owned(call.account());
    let (mut ids, mut warnings) = (Vec::new(), Vec::new());
    check_count(transaction, call, lines.len())?;
    for line in lines {
        let mut key = new_key(call, own_value(&line.value)?);
        key.name = Some(line.name.clone()).filter(|name| !name.is_empty());
        key.description.clone_from(&line.description);
        key.enabled = line.enabled;
        check(&key)?;
        let id = key.id.clone();
        insert(state, transaction, key)?;
        for plan_id in &line.plan_ids {
            match owned.read_plan(transaction, plan_id) {
                Ok(_) => state.stages.plans().tie(transaction, call.account(), plan_id, &id)?,
                Err(Error::NotFound(_)) if !fails => {
                    warnings.push(format!("Usage plan {plan_id} of the API key {id} is not there"));
                }
                Err(error) => return Err(error),
            }
        }
        ids.push(id);
    }
    Ok((ids, warnings))
}

fn new_key(call: &Call, value: KeyValue) -> KeyRecord {
    KeyRecord {
        account: call.account(),
        id: api_id(),
        value,
        name: None,
        description: None,
        customer_id: None,
        enabled: false,
        stage_keys: std::collections::BTreeSet::new(),
        tags: std::collections::BTreeMap::new(),
        created: call.now(),
        updated: call.now(),
    }
}

/// Refuses one key too many.
fn check_count(transaction: &Transaction<'_>, call: &Call, more: usize) -> Result<(), Error> {
    let own = transaction.scan(API_KEYS, &Range::prefix(account_prefix(call.account())))?;
    if own.len() + more > KEYS_MAX {
        return Err(Error::LimitExceeded(
            "Maximum number of API keys for this account has been reached.".into(),
        ));
    }
    Ok(())
}

/// A stage as a key names it: `api/stage`.
fn stage_key(stage: api::StageKey) -> Result<String, Error> {
    match (stage.rest_api_id, stage.stage_name) {
        (Some(api), Some(stage)) if !api.is_empty() && !stage.is_empty() => Ok(format!("{api}/{stage}")),
        _ => Err(Error::bad("A stage key has a restApiId and a stageName")),
    }
}

/// A stage that a key names is there, and is the account's own.
fn is_there(transaction: &Transaction<'_>, key: &KeyRecord, stage: &str) -> Result<(), Error> {
    let (api, name) = stage.split_once('/').unwrap_or((stage, ""));
    Apis(key.account).has_stage(transaction, api, name)
}

// SECURITY: a value is taken within its account alone: another's keys are neither told nor disturbed by it.
fn insert(state: &ApiGateway, transaction: &mut Transaction<'_>, key: KeyRecord) -> Result<(), Error> {
    if Plans::has_value(transaction, key.account, &key.value.digest())? {
        return Err(Error::Conflict("API Key already exists".to_owned()));
    }
    Ok(state.stages.plans().put_key(transaction, key)?)
}

fn check(key: &KeyRecord) -> Result<(), Error> {
    check_name(key.name.as_deref())?;
    check_name(key.description.as_deref())?;
    check_name(key.customer_id.as_deref())
}

fn apply_patch(key: &mut KeyRecord, patch: &Patch) -> Result<(), Error> {
    let stage = || {
        let text = patch.value.as_deref().unwrap_or_default().replace('/', ":");
        stage_named(&text).map(|(api, stage)| format!("{api}/{stage}"))
    };
    match (patch.parts().as_slice(), patch.op) {
        (["name"], _) => key.name = patch.new_value(),
        (["description"], _) => key.description = patch.new_value(),
        (["customerId"], _) => key.customer_id = patch.new_value(),
        (["enabled"], Op::Replace) => key.enabled = patch.boolean()?,
        (["stages"], Op::Add) => {
            key.stage_keys.insert(stage()?);
        }
        (["stages"], Op::Remove) => {
            key.stage_keys.remove(&stage()?);
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
