//! Deployments: an API frozen, and optionally put live under a stage in the same change.

use std::sync::Arc;

use gateway::records::{DeploymentRecord, StageRecord};
use service::Permit;

use super::stages::{check_stage_count, check_stage_name, check_variables, refuse_cache};
use super::{map, page};
use crate::api::{self, CreateDeployment, DeleteDeployment, GetDeployment, GetDeployments, UpdateDeployment};
use crate::freeze::freeze;
use crate::model::short_id;
use crate::patch::Patch;
use crate::store::{self, Apis};
use crate::view;
use crate::{ApiGateway, Error};

/// Deployments of one API that may exist at once.
const DEPLOYMENTS_MAX: usize = 500;

pub(crate) async fn create(
    state: Arc<ApiGateway>,
    permit: Permit<CreateDeployment>,
) -> Result<api::Deployment, Error> {
    let Permit { input, call, .. } = permit;
    refuse_cache(input.cache_cluster_enabled, input.cache_cluster_size.as_deref())?;
    if input.canary_settings.is_some() {
        return Err(Error::unsupported("A canary"));
    }
    let variables = map(input.variables);
    check_variables(&variables)?;
    let stage_name = input.stage_name.filter(|name| !name.is_empty());
    if let Some(name) = &stage_name {
        check_stage_name(name)?;
    }
    let apis = Apis(call.account());
    let deployment = call
        .transact(|transaction| {
            let record = apis.read(transaction, &input.rest_api_id)?;
            if store::read_deployments(transaction, &record)?.len() >= DEPLOYMENTS_MAX {
                return Err(Error::LimitExceeded(
                    "Maximum number of Deployments for this API has been reached.".into(),
                ));
            }
            let deployment = DeploymentRecord {
                account: call.account(),
                rest_api_id: record.id.clone(),
                id: short_id(),
                description: input.description,
                created: call.now(),
                api: freeze(&record)?,
            };
            state.stages.put_deployment(transaction, &deployment)?;
            call.made(&deployment.id);
            if let Some(stage_name) = stage_name {
                let found = store::read_stage(transaction, &record, &stage_name)?;
                if found.is_none() {
                    check_stage_count(transaction, &record)?;
                }
                let mut stage = found.unwrap_or_else(|| new_stage(&call, &record.id, stage_name));
                stage.deployment_id.clone_from(&deployment.id);
                stage.updated = call.now();
                stage.variables.extend(variables);
                stage.tracing_enabled = input.tracing_enabled.unwrap_or(stage.tracing_enabled);
                stage.description = input.stage_description.or(stage.description);
                state.stages.put_stage(transaction, stage)?;
            }
            Ok(deployment)
        })
        .await?;
    Ok(view::deployment(&deployment, false))
}

/// A stage without settings. Its deployment is set by whoever makes it.
pub(crate) fn new_stage(call: &service::Call, rest_api_id: &str, stage_name: String) -> StageRecord {
    StageRecord {
        account: call.account(),
        rest_api_id: rest_api_id.to_owned(),
        stage_name,
        deployment_id: String::new(),
        description: None,
        variables: std::collections::BTreeMap::new(),
        method_settings: std::collections::BTreeMap::new(),
        access_log: None,
        tracing_enabled: false,
        tags: std::collections::BTreeMap::new(),
        created: call.now(),
        updated: call.now(),
    }
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetDeployment>) -> Result<api::Deployment, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = Apis(call.account()).get(&view, &input.rest_api_id)?;
    let deployment = store::deployment(&view, &record, &input.deployment_id)?;
    let embed = input.embed.unwrap_or_default();
    Ok(view::deployment(&deployment, embed.iter().any(|name| name == "apisummary")))
}

pub(crate) async fn list(
    _: Arc<ApiGateway>,
    permit: Permit<GetDeployments>,
) -> Result<api::Deployments, Error> {
    let Permit { input, call, .. } = permit;
    let view = call.view()?;
    let record = Apis(call.account()).get(&view, &input.rest_api_id)?;
    let all = store::deployments(&view, &record)?;
    let (deployments, position) = page(all, |one| &one.id, input.position.as_deref(), input.limit)?;
    let items = deployments.iter().map(|one| view::deployment(one, false)).collect();
    Ok(api::Deployments { position, items: Some(items) })
}

pub(crate) async fn update(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateDeployment>,
) -> Result<api::Deployment, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let apis = Apis(call.account());
    let deployment = call
        .transact(|transaction| {
            let record = apis.read(transaction, &input.rest_api_id)?;
            let mut deployment = store::read_deployment(transaction, &record, &input.deployment_id)?;
            for patch in &patches {
                match patch.parts().as_slice() {
                    ["description"] => deployment.description = patch.new_value(),
                    _ => return Err(patch.invalid_path()),
                }
            }
            state.stages.put_deployment(transaction, &deployment)?;
            Ok::<_, Error>(deployment)
        })
        .await?;
    Ok(view::deployment(&deployment, false))
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteDeployment>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let apis = Apis(call.account());
    call.transact(|transaction| {
        let record = apis.read(transaction, &input.rest_api_id)?;
        store::read_deployment(transaction, &record, &input.deployment_id)?;
        let mut stages = store::read_stages(transaction, &record)?.into_iter();
        if stages.any(|stage| stage.deployment_id == input.deployment_id) {
            return Err(Error::bad("Active stages pointing to this deployment must be moved or deleted"));
        }
        Ok(state.stages.delete_deployment(transaction, &record.id, &input.deployment_id)?)
    })
    .await
}
