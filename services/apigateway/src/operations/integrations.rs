//! Integrations and their responses. One that could not be served is refused here, not when it is called.

use std::sync::Arc;

use gateway::INTEGRATION_MILLIS_MAX;
use service::Permit;

use super::map;
use super::methods::no_response;
use super::rest_apis::change;
use crate::api::{
    self, DeleteIntegration, DeleteIntegrationResponse, GetIntegration, GetIntegrationResponse,
    PutIntegration, PutIntegrationRequest, PutIntegrationResponse, UpdateIntegration,
    UpdateIntegrationResponse,
};
use crate::integration;
use crate::patch::{Op, Patch};
use crate::records::{ApiRecord, IntegrationRecord, IntegrationResponseRecord};
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

pub(crate) async fn put(
    state: Arc<ApiGateway>,
    permit: Permit<PutIntegration>,
) -> Result<api::Integration, Error> {
    let Permit { input, call, .. } = permit;
    let (api_id, resource_id, http_method) =
        (input.rest_api_id.clone(), input.resource_id.clone(), input.http_method.clone());
    let record = read(input)?;
    integration::served(&record)?;
    let shown = view::integration(&record);
    change(&state, &call, &api_id, |api| {
        api.method_mut(&resource_id, &http_method)?.integration = Some(record);
        Ok(())
    })
    .await?;
    Ok(shown)
}

fn read(input: PutIntegrationRequest) -> Result<IntegrationRecord, Error> {
    if input.connection_type.is_some_and(|kind| kind != "INTERNET") || input.connection_id.is_some() {
        return Err(Error::unsupported("A VPC link"));
    }
    if input.tls_config.is_some_and(|config| config.insecure_skip_verification == Some(true)) {
        return Err(Error::unsupported("insecureSkipVerification"));
    }
    if input.response_transfer_mode.is_some_and(|mode| mode != "BUFFERED")
        || input.integration_target.is_some()
    {
        return Err(Error::unsupported("A streamed response"));
    }
    if input.cache_key_parameters.is_some_and(|parameters| !parameters.is_empty()) {
        return Err(Error::unsupported("A cache"));
    }
    if let Some(behavior) = &input.passthrough_behavior
        && !["WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER"].contains(&behavior.as_str())
    {
        return Err(Error::BadRequest("Invalid passthrough behavior specified".to_owned()));
    }
    let timeout_millis = match input.timeout_in_millis {
        None => INTEGRATION_MILLIS_MAX,
        Some(millis) => u32::try_from(millis).unwrap_or(0),
    };
    Ok(IntegrationRecord {
        kind: input.r#type,
        http_method: input.integration_http_method.map(|name| name.to_ascii_uppercase()),
        uri: input.uri,
        credentials: input.credentials,
        request_parameters: map(input.request_parameters),
        request_templates: map(input.request_templates),
        passthrough_behavior: input.passthrough_behavior.unwrap_or_else(|| "WHEN_NO_MATCH".to_owned()),
        content_handling: input.content_handling,
        timeout_millis,
        cache_namespace: input.cache_namespace.or(Some(input.resource_id)),
        responses: std::collections::BTreeMap::new(),
    })
}

pub(crate) async fn get(
    _: Arc<ApiGateway>,
    permit: Permit<GetIntegration>,
) -> Result<api::Integration, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    Ok(view::integration(find(&record, &input.resource_id, &input.http_method)?))
}

pub(crate) async fn update(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateIntegration>,
) -> Result<api::Integration, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let record = change(&state, &call, &input.rest_api_id, |api| {
        let integration = find_mut(api, &input.resource_id, &input.http_method)?;
        patches.iter().try_for_each(|patch| apply_patch(integration, patch))?;
        integration::served(integration).map(|_| ())
    })
    .await?;
    Ok(view::integration(find(&record, &input.resource_id, &input.http_method)?))
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteIntegration>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |api| {
        find(api, &input.resource_id, &input.http_method)?;
        api.method_mut(&input.resource_id, &input.http_method)?.integration = None;
        Ok(())
    })
    .await?;
    Ok(())
}

pub(crate) async fn put_response(
    state: Arc<ApiGateway>,
    permit: Permit<PutIntegrationResponse>,
) -> Result<api::IntegrationResponse, Error> {
    let Permit { input, call, .. } = permit;
    if input.content_handling.is_some() {
        return Err(Error::unsupported("contentHandling of an integration response"));
    }
    let response = IntegrationResponseRecord {
        selection_pattern: input.selection_pattern.filter(|pattern| !pattern.is_empty()),
        parameters: map(input.response_parameters),
        templates: map(input.response_templates),
    };
    let shown = view::integration_response(&input.status_code, &response);
    change(&state, &call, &input.rest_api_id, |api| {
        find(api, &input.resource_id, &input.http_method)?;
        let method = api.method(&input.resource_id, &input.http_method)?;
        integration::declared(method, &input.status_code, &response)?;
        let integration = find_mut(api, &input.resource_id, &input.http_method)?;
        integration.responses.insert(input.status_code, response);
        integration::served(integration).map(|_| ())
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get_response(
    _: Arc<ApiGateway>,
    permit: Permit<GetIntegrationResponse>,
) -> Result<api::IntegrationResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let integration = find(&record, &input.resource_id, &input.http_method)?;
    let response = integration.responses.get(&input.status_code).ok_or_else(no_response)?;
    Ok(view::integration_response(&input.status_code, response))
}

pub(crate) async fn delete_response(
    state: Arc<ApiGateway>,
    permit: Permit<DeleteIntegrationResponse>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |api| {
        let integration = find_mut(api, &input.resource_id, &input.http_method)?;
        integration.responses.remove(&input.status_code).map(|_| ()).ok_or_else(no_response)
    })
    .await?;
    Ok(())
}

pub(crate) async fn update_response(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateIntegrationResponse>,
) -> Result<api::IntegrationResponse, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let mut shown = api::IntegrationResponse::default();
    change(&state, &call, &input.rest_api_id, |api| {
        let integration = find_mut(api, &input.resource_id, &input.http_method)?;
        let response = integration.responses.get_mut(&input.status_code).ok_or_else(no_response)?;
        patches.iter().try_for_each(|patch| patch_response(response, patch))?;
        shown = view::integration_response(&input.status_code, response);
        let changed = response.clone();
        integration::served(integration)?;
        let method = api.method(&input.resource_id, &input.http_method)?;
        integration::declared(method, &input.status_code, &changed)
    })
    .await?;
    Ok(shown)
}

fn patch_response(response: &mut IntegrationResponseRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["selectionPattern"], _) => {
            response.selection_pattern = patch.new_value().filter(|pattern| !pattern.is_empty());
        }
        (["responseParameters", name], Op::Add | Op::Replace) => {
            response.parameters.insert((*name).to_owned(), patch.required()?);
        }
        (["responseParameters", name], Op::Remove) => {
            response.parameters.remove(*name);
        }
        (["responseTemplates", content_type], Op::Add | Op::Replace) => {
            response.templates.insert((*content_type).to_owned(), patch.required()?);
        }
        (["responseTemplates", content_type], Op::Remove) => {
            response.templates.remove(*content_type);
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}

fn find<'a>(
    api: &'a ApiRecord,
    resource_id: &str,
    http_method: &str,
) -> Result<&'a IntegrationRecord, Error> {
    let integration = api.method(resource_id, http_method)?.integration.as_ref();
    integration.ok_or_else(|| Error::not_found("Integration"))
}

fn find_mut<'a>(
    api: &'a mut ApiRecord,
    resource_id: &str,
    http_method: &str,
) -> Result<&'a mut IntegrationRecord, Error> {
    let integration = api.method_mut(resource_id, http_method)?.integration.as_mut();
    integration.ok_or_else(|| Error::not_found("Integration"))
}

fn apply_patch(integration: &mut IntegrationRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["uri"], Op::Replace) => integration.uri = Some(patch.required()?),
        (["httpMethod"], Op::Replace) => integration.http_method = Some(patch.required()?),
        (["credentials"], _) => integration.credentials = patch.new_value(),
        (["timeoutInMillis"], Op::Replace) => integration.timeout_millis = patch.number()?,
        (["passthroughBehavior"], Op::Replace) => integration.passthrough_behavior = patch.required()?,
        (["requestTemplates", content_type], Op::Add | Op::Replace) => {
            integration.request_templates.insert((*content_type).to_owned(), patch.required()?);
        }
        (["requestTemplates", content_type], Op::Remove) => {
            integration.request_templates.remove(*content_type);
        }
        (["requestParameters", name], Op::Add | Op::Replace) => {
            integration.request_parameters.insert((*name).to_owned(), patch.required()?);
        }
        (["requestParameters", name], Op::Remove) => {
            integration.request_parameters.remove(*name);
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
