//! Stages: names under which deployments are served, with their variables and limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::Transaction;
use gateway::records::{AccessLog, MethodSettings, StageRecord};
use service::Permit;

use super::account::settings;
use super::deployments::new_stage;
use super::map;
use super::tags::check_tags;
use crate::api::{
    self, CreateStage, DeleteStage, FlushStageAuthorizersCache, GetStage, GetStages, UpdateStage,
};
use crate::patch::{Op, Patch};
use crate::records::ApiRecord;
use crate::store::{self, Apis};
use crate::view;
use crate::{ApiGateway, Error};

/// Stages of one API.
const STAGES_MAX: usize = 10;
/// Variables of one stage.
const VARIABLES_MAX: usize = 100;
/// Settings of one stage's methods.
const SETTINGS_MAX: usize = 300;

pub(crate) async fn create(state: Arc<ApiGateway>, permit: Permit<CreateStage>) -> Result<api::Stage, Error> {
    let Permit { input, call, .. } = permit;
    check_stage_name(&input.stage_name)?;
    refuse_cache(input.cache_cluster_enabled, input.cache_cluster_size.as_deref())?;
    if input.canary_settings.is_some() {
        return Err(Error::unsupported("A canary"));
    }
    if input.documentation_version.is_some() {
        return Err(Error::unsupported("A documentation version"));
    }
    let mut stage = new_stage(&call, &input.rest_api_id, input.stage_name);
    stage.deployment_id = input.deployment_id;
    stage.description = input.description;
    stage.variables = map(input.variables);
    stage.tracing_enabled = input.tracing_enabled.unwrap_or(false);
    stage.tags = map(input.tags);
    check_tags(&stage.tags)?;
    stage.tags.extend(call.marks());
    check(&stage)?;
    let apis = Apis(call.account());
    let shown = view::stage(&stage);
    call.transact(|transaction| {
        let record = apis.read(transaction, &input.rest_api_id)?;
        if store::read_stage(transaction, &record, &stage.stage_name)?.is_some() {
            return Err(Error::Conflict("Stage already exists".to_owned()));
        }
        check_stage_count(transaction, &record)?;
        Ok(state.stages.put_stage(transaction, stage)?)
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetStage>) -> Result<api::Stage, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = Apis(call.account()).get(&view, &input.rest_api_id)?;
    Ok(view::stage(&store::stage(&view, &record, &input.stage_name)?))
}

pub(crate) async fn list(_: Arc<ApiGateway>, permit: Permit<GetStages>) -> Result<api::Stages, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = Apis(call.account()).get(&view, &input.rest_api_id)?;
    let stages = store::stages(&view, &record)?;
    let wanted =
        |stage: &&StageRecord| input.deployment_id.as_ref().is_none_or(|id| *id == stage.deployment_id);
    Ok(api::Stages { item: Some(stages.iter().filter(wanted).map(view::stage).collect()) })
}

pub(crate) async fn update(state: Arc<ApiGateway>, permit: Permit<UpdateStage>) -> Result<api::Stage, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let apis = Apis(call.account());
    let stage = call
        .transact(|transaction| {
            let record = apis.read(transaction, &input.rest_api_id)?;
            let stage = store::read_stage(transaction, &record, &input.stage_name)?;
            let mut stage = stage.ok_or_else(|| Error::not_found("stage"))?;
            let logged = logs(&stage);
            patches.iter().try_for_each(|patch| apply_patch(&mut stage, patch))?;
            if logs(&stage)
                && !logged
                && settings(&*transaction, call.account())?.cloudwatch_role_arn.is_none()
            {
                return Err(Error::bad(
                    "CloudWatch Logs role ARN must be set in account settings to enable logging",
                ));
            }
            check_access_log(&call, &stage)?;
            stage.updated = call.now();
            check(&stage)?;
            state.stages.put_stage(transaction, stage.clone())?;
            Ok::<_, Error>(stage)
        })
        .await?;
    Ok(view::stage(&stage))
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteStage>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let apis = Apis(call.account());
    call.transact(|transaction| {
        let record = apis.read(transaction, &input.rest_api_id)?;
        store::read_stage(transaction, &record, &input.stage_name)?
            .ok_or_else(|| Error::not_found("stage"))?;
        Ok(state.stages.delete_stage(transaction, &record.id, &input.stage_name)?)
    })
    .await
}

pub(crate) async fn flush_authorizers(
    state: Arc<ApiGateway>,
    permit: Permit<FlushStageAuthorizersCache>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = Apis(call.account()).get(&view, &input.rest_api_id)?;
    store::stage(&view, &record, &input.stage_name)?;
    state.stages.forget_callers(&record.id, &input.stage_name);
    Ok(())
}

pub(crate) fn check_stage_count(transaction: &Transaction<'_>, record: &ApiRecord) -> Result<(), Error> {
    if store::read_stages(transaction, record)?.len() >= STAGES_MAX {
        return Err(Error::LimitExceeded("Maximum number of Stages for this API has been reached.".into()));
    }
    Ok(())
}

pub(crate) fn check_stage_name(name: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=128).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::bad("Stage name only allows a-zA-Z0-9_-"))
}

pub(crate) fn check_variables(variables: &BTreeMap<String, String>) -> Result<(), Error> {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let in_value = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#&=,".contains(&byte);
    for (name, value) in variables {
        let good_name = (1..=64).contains(&name.len()) && name.bytes().all(in_name);
        if !good_name || value.len() > 512 || !value.bytes().all(in_value) {
            return Err(Error::bad(format!(
                "Stage variable names can only have letters, digits and underscores, and values must match \
                 [A-Za-z0-9-._~:/?#&=,]+: {name}"
            )));
        }
    }
    if variables.len() > VARIABLES_MAX {
        return Err(Error::bad(format!("A stage has at most {VARIABLES_MAX} variables")));
    }
    Ok(())
}

pub(crate) fn refuse_cache(enabled: Option<bool>, size: Option<&str>) -> Result<(), Error> {
    if enabled == Some(true) || size.is_some_and(|size| !size.is_empty()) {
        return Err(Error::unsupported("A cache cluster"));
    }
    Ok(())
}

fn check(stage: &StageRecord) -> Result<(), Error> {
    check_variables(&stage.variables)?;
    if stage.method_settings.len() > SETTINGS_MAX {
        return Err(Error::bad(format!("A stage has settings for at most {SETTINGS_MAX} methods")));
    }
    Ok(())
}

fn apply_patch(stage: &mut StageRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["deploymentId"], Op::Replace) => stage.deployment_id = patch.required()?,
        (["description"], _) => stage.description = patch.new_value(),
        (["tracingEnabled"], Op::Replace) => stage.tracing_enabled = patch.boolean()?,
        (["variables", name], Op::Add | Op::Replace) => {
            stage.variables.insert((*name).to_owned(), patch.required()?);
        }
        (["variables", name], Op::Remove) => {
            stage.variables.remove(*name);
        }
        (["accessLogSettings"], Op::Remove) => stage.access_log = None,
        (["accessLogSettings", part], Op::Add | Op::Replace) => {
            let none = AccessLog { destination_arn: String::new(), format: String::new() };
            let access = stage.access_log.get_or_insert(none);
            match *part {
                "destinationArn" => access.destination_arn = patch.required()?,
                "format" => access.format = patch.required()?,
                _ => return Err(patch.invalid_path()),
            }
        }
        (["cacheClusterEnabled"], Op::Replace) => refuse_cache(Some(patch.boolean()?), None)?,
        ([resource, method], Op::Remove) => {
            stage.method_settings.remove(&settings_key(resource, method));
        }
        ([resource, method, group, setting], Op::Add | Op::Replace) => {
            // Either all methods or one: half a wildcard would be kept and never apply.
            if (*resource == "*") != (*method == "*") {
                return Err(patch.invalid_path());
            }
            let settings = stage.method_settings.entry(settings_key(resource, method)).or_default();
            apply_setting(settings, group, setting, patch)?;
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}

/// True where a stage writes anything of its requests.
fn logs(stage: &StageRecord) -> bool {
    let level = |settings: &MethodSettings| settings.logging_level.as_deref().is_some_and(|it| it != "OFF");
    stage.access_log.is_some() || stage.method_settings.values().any(level)
}

/// The longest form of a line, in bytes: API Gateway's bound.
const FORMAT_BYTES_MAX: usize = 3 * 1_024;

fn check_access_log(call: &service::Call, stage: &StageRecord) -> Result<(), Error> {
    let Some(access) = &stage.access_log else { return Ok(()) };
    let own = |(region, account, _): &(&str, &str, &str)| {
        *region == call.region().as_str() && *account == call.account().as_str()
    };
    if gateway::group_of(&access.destination_arn).filter(own).is_none() {
        return Err(Error::bad(
            "Invalid ARN specified in the request. ARNs must start with 'arn:' and contain at least 6 elements \
             separated by colons (:); only log groups of CloudWatch Logs of the same account and region are supported",
        ));
    }
    // AWS asks for an id in every line, so that a line can be told from others.
    if access.format.len() > FORMAT_BYTES_MAX || access.format.contains('\n') {
        return Err(Error::bad("Access log format must be a single line of at most 3 KB"));
    }
    if !["$context.requestId", "$context.extendedRequestId"].iter().any(|id| access.format.contains(id)) {
        return Err(Error::bad(
            "Access Log Format Must contain at least $context.requestId or $context.extendedRequestId",
        ));
    }
    Ok(())
}

/// As the data plane names a method among a stage's settings: `*/*`, `orders/{id}/GET`.
fn settings_key(resource: &str, method: &str) -> String {
    let path = resource.trim_start_matches('/');
    format!("{}/{method}", if path.is_empty() { "/" } else { path })
}

fn apply_setting(
    settings: &mut MethodSettings,
    group: &str,
    setting: &str,
    patch: &Patch,
) -> Result<(), Error> {
    match (group, setting) {
        ("throttling", "rateLimit") => {
            let rate: f64 = patch.number()?;
            if !rate.is_finite() || rate < 0.0 {
                return Err(Error::bad("A rate limit is a number from 0"));
            }
            settings.throttling_rate_limit = Some(rate);
        }
        ("throttling", "burstLimit") => settings.throttling_burst_limit = Some(patch.number()?),
        ("metrics", "enabled") => settings.metrics_enabled = patch.boolean()?,
        ("logging", "loglevel") => {
            let level = patch.required()?;
            if !["OFF", "ERROR", "INFO"].contains(&level.as_str()) {
                return Err(Error::bad("Invalid logging level. Must be one of: OFF, ERROR, INFO"));
            }
            settings.logging_level = Some(level);
        }
        ("logging", "dataTrace") => {
            // SECURITY: whole requests and answers, secrets and all, would stand in a log.
            if patch.boolean()? {
                return Err(Error::unsupported("dataTrace"));
            }
        }
        ("caching", "enabled") if !patch.boolean()? => {}
        ("caching", _) => return Err(Error::unsupported("A cache")),
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
