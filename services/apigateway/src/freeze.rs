//! What a deployment takes of an API: exactly what serving it needs, checked once more.

use std::collections::BTreeMap;

use gateway::records::{DeployedApi, DeployedMethod, Parameter, Validation};

use crate::Error;
use crate::authorizer;
use crate::integration;
use crate::model;
use crate::models;
use crate::own_answer;
use crate::records::{ApiRecord, MethodRecord};
use crate::validators;

/// Freezes an API. An API that could not be served is not deployed.
pub(crate) fn freeze(api: &ApiRecord) -> Result<DeployedApi, Error> {
    let mut methods = Vec::new();
    for resource in api.resources.values() {
        for (http_method, method) in &resource.methods {
            let integration = method.integration.as_ref();
            let integration = integration.ok_or_else(|| Error::bad("No integration defined for method"))?;
            methods.push(DeployedMethod {
                resource_id: resource.id.clone(),
                resource_path: resource.path.clone(),
                http_method: http_method.clone(),
                authorization: method.authorization,
                authorizer: method.authorizer_id.clone(),
                api_key_required: method.api_key_required,
                validation: validation(api, method)?,
                integration: integration::served(integration)?,
            });
        }
    }
    if methods.is_empty() {
        return Err(Error::bad("The REST API doesn't contain any methods"));
    }
    // Where no body is held against a model, none is needed to serve.
    let judges = |method: &DeployedMethod| method.validation.as_ref().is_some_and(|it| !it.models.is_empty());
    let models = if methods.iter().any(judges) { models::texts(api) } else { BTreeMap::new() };
    let responses =
        api.responses.iter().map(|(kind, record)| Ok((*kind, own_answer::served(*kind, record)?)));
    let authorizers =
        api.authorizers.iter().map(|(id, record)| Ok((id.clone(), authorizer::served(record)?)));
    Ok(DeployedApi {
        policy: api.policy.clone(),
        binary_media_types: api.binary_media_types.clone(),
        disable_execute_api_endpoint: api.disable_execute_api_endpoint,
        methods,
        authorizers: authorizers.collect::<Result<_, Error>>()?,
        models,
        responses: responses.collect::<Result<_, Error>>()?,
        keys_by_authorizer: api.api_key_source == "AUTHORIZER",
    })
}

/// What is checked of a method's requests, as its validator says.
fn validation(api: &ApiRecord, method: &MethodRecord) -> Result<Option<Validation>, Error> {
    let Some(id) = &method.validator_id else { return Ok(None) };
    let validator = api.validators.get(id).ok_or_else(validators::missing)?;
    let mut validation = Validation::default();
    if validator.body {
        validation.models.clone_from(&method.request_models);
    }
    if validator.parameters {
        let required = method.request_parameters.iter().filter(|(_, required)| **required);
        let read = required.map(|(name, _)| Parameter::of(name).ok_or_else(|| model::bad_parameter(name)));
        validation.parameters = read.collect::<Result<_, _>>()?;
    }
    Ok(Some(validation))
}
