//! Usage plans: which stages keys are good for, how fast, and how often.

use std::sync::Arc;

use ::store::{Read, Transaction};
use gateway::records::{PLAN_KEYS, PlanRecord, PlanStage, PlanThrottle, plan_key};
use service::Permit;

use super::tags::check_tags;
use super::{map, page};
use crate::api::{self, CreateUsagePlan, DeleteUsagePlan, GetUsagePlan, GetUsagePlans, UpdateUsagePlan};
use crate::model::short_id;
use crate::patch::{Op, Patch};
use crate::store::{Apis, Owned};
use crate::usage_plan::{self, PLANS_MAX, check, method_path, period, stage_named};
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) async fn create(state: State, permit: Permit<CreateUsagePlan>) -> Result<api::UsagePlan, Error> {
    let Permit { input, call, .. } = permit;
    let mut tags = map(input.tags);
    check_tags(&tags)?;
    tags.extend(call.marks());
    let stages = input.api_stages.into_iter().flatten().map(usage_plan::stage);
    let plan = PlanRecord {
        account: call.account(),
        id: short_id(),
        name: input.name,
        description: input.description,
        stages: stages.collect::<Result<_, _>>()?,
        throttle: input.throttle.as_ref().map(usage_plan::throttle).transpose()?,
        quota: input.quota.as_ref().map(usage_plan::quota).transpose()?,
        tags,
    };
    check(&plan)?;
    let shown = view::usage_plan(&plan);
    let owned = Owned(call.account());
    call.transact(|transaction| {
        if owned.count_plans(transaction)? >= PLANS_MAX {
            let message = "Maximum number of usage plans for this account has been reached.";
            return Err(Error::LimitExceeded(message.to_owned()));
        }
        plan.stages.iter().try_for_each(|stage| is_there(transaction, &plan, stage))?;
        Ok(state.stages.plans().put_plan(transaction, plan)?)
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: State, permit: Permit<GetUsagePlan>) -> Result<api::UsagePlan, Error> {
    let Permit { input, call, .. } = permit;
    Ok(view::usage_plan(&Owned(call.account()).plan(&call.view()?, &input.usage_plan_id)?))
}

pub(crate) async fn list(_: State, permit: Permit<GetUsagePlans>) -> Result<api::UsagePlans, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let owned = Owned(call.account());
    let mut all = owned.plans(&view)?;
    if let Some(key_id) = input.key_id.filter(|id| !id.is_empty()) {
        owned.key(&view, &key_id)?;
        let mut of_key = Vec::new();
        for plan in all {
            if view.read(PLAN_KEYS, &plan_key(call.account(), &plan.id, &key_id))?.is_some() {
                of_key.push(plan);
            }
        }
        all = of_key;
    }
    let (found, position) = page(all, |plan| &plan.id, input.position.as_deref(), input.limit)?;
    Ok(api::UsagePlans { position, items: Some(found.iter().map(view::usage_plan).collect()) })
}

pub(crate) async fn update(state: State, permit: Permit<UpdateUsagePlan>) -> Result<api::UsagePlan, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let owned = Owned(call.account());
    let plan = call
        .transact(|transaction| {
            let mut plan = owned.read_plan(transaction, &input.usage_plan_id)?;
            let before = plan.stages.clone();
            patches.iter().try_for_each(|patch| apply_patch(&mut plan, patch))?;
            check(&plan)?;
            let known = |stage: &&PlanStage| {
                !before.iter().any(|old| (&old.api_id, &old.stage) == (&stage.api_id, &stage.stage))
            };
            plan.stages.iter().filter(known).try_for_each(|stage| is_there(transaction, &plan, stage))?;
            state.stages.plans().put_plan(transaction, plan.clone())?;
            Ok::<_, Error>(plan)
        })
        .await?;
    Ok(view::usage_plan(&plan))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteUsagePlan>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let owned = Owned(call.account());
    call.transact(|transaction| {
        let plan = owned.read_plan(transaction, &input.usage_plan_id)?;
        Ok(state.stages.plans().delete_plan(transaction, call.account(), &plan.id)?)
    })
    .await
}

/// A stage that a plan names is there, and is the account's own.
fn is_there(transaction: &Transaction<'_>, plan: &PlanRecord, stage: &PlanStage) -> Result<(), Error> {
    Apis(plan.account).has_stage(transaction, &stage.api_id, &stage.stage)
}

fn apply_patch(plan: &mut PlanRecord, patch: &Patch) -> Result<(), Error> {
    let parts = patch.parts();
    match (parts.as_slice(), patch.op) {
        (["name"], Op::Replace) => plan.name = patch.required()?,
        (["description"], _) => plan.description = patch.new_value(),
        (["throttle"], Op::Remove) => plan.throttle = None,
        (["throttle", setting], Op::Add | Op::Replace) => {
            set_throttle(plan.throttle.get_or_insert_default(), setting, patch)?;
        }
        (["quota"], Op::Remove) => plan.quota = None,
        (["quota", setting], Op::Add | Op::Replace) => set_quota(plan, setting, patch)?,
        (["apiStages"], Op::Add) => {
            let text = patch.required()?;
            let (api, stage) = stage_named(&text)?;
            let stage =
                PlanStage { api_id: api.to_owned(), stage: stage.to_owned(), throttle: Default::default() };
            plan.stages.push(stage);
        }
        (["apiStages"], Op::Remove) => {
            let text = patch.value.as_deref().unwrap_or_default();
            let (api, name) = stage_named(text)?;
            let before = plan.stages.len();
            plan.stages.retain(|stage| (stage.api_id.as_str(), stage.stage.as_str()) != (api, name));
            if plan.stages.len() == before {
                return Err(Error::NotFound(format!("API Stage not found: {text}")));
            }
        }
        (["apiStages", named, "throttle", rest @ ..], op) => {
            let (api, name) = stage_named(named)?;
            let stage = plan.stages.iter_mut().find(|stage| stage.api_id == api && stage.stage == name);
            let stage = stage.ok_or_else(|| Error::NotFound(format!("API Stage not found: {named}")))?;
            set_method(stage, rest, op, patch)?;
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}

fn set_throttle(throttle: &mut PlanThrottle, setting: &str, patch: &Patch) -> Result<(), Error> {
    match setting {
        "rateLimit" => throttle.rate = Some(patch.number()?),
        "burstLimit" => throttle.burst = Some(patch.number()?),
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}

/// A quota is made setting by setting; what is not said yet is the least that it may be.
fn set_quota(plan: &mut PlanRecord, setting: &str, patch: &Patch) -> Result<(), Error> {
    let none =
        gateway::records::PlanQuota { limit: 1, offset: 0, period: gateway::records::QuotaPeriod::Day };
    let quota = plan.quota.get_or_insert(none);
    match setting {
        "limit" => quota.limit = patch.number()?,
        "offset" => quota.offset = patch.number()?,
        "period" => quota.period = period(&patch.required()?)?,
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}

/// The limit of one method of a stage, or of all: `/~1pets/GET/rateLimit`.
fn set_method(stage: &mut PlanStage, rest: &[&str], op: Op, patch: &Patch) -> Result<(), Error> {
    match (rest, op) {
        ([], Op::Remove) => stage.throttle.clear(),
        ([path, method], Op::Remove) => {
            stage.throttle.remove(&format!("{path}/{method}"));
        }
        ([path, method, setting], Op::Add | Op::Replace) => {
            let method = method_path(&format!("{path}/{method}"))?;
            set_throttle(stage.throttle.entry(method).or_default(), setting, patch)?;
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
