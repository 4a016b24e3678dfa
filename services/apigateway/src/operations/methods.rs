//! Methods and the responses that they declare.

use std::sync::Arc;

use gateway::records::{Authorization, Parameter};
use service::Permit;

use super::map;
use super::rest_apis::change;
use crate::api::{
    self, DeleteMethod, DeleteMethodResponse, GetMethod, GetMethodResponse, PutMethod, PutMethodResponse,
    UpdateMethod, UpdateMethodResponse,
};
use crate::model::{bad_parameter, http_method};
use crate::patch::{Op, Patch};
use crate::records::{ApiRecord, MethodRecord, MethodResponseRecord};
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

pub(crate) async fn put(state: Arc<ApiGateway>, permit: Permit<PutMethod>) -> Result<api::Method, Error> {
    let Permit { input, call, .. } = permit;
    let name = http_method(&input.http_method)?;
    let authorization = authorization(&input.authorization_type)?;
    if input.authorization_scopes.is_some_and(|scopes| !scopes.is_empty()) {
        return Err(Error::unsupported("An authorization scope"));
    }
    let authorizer_id = input.authorizer_id.filter(|_| authorization == Authorization::Custom);
    let method = MethodRecord {
        authorization,
        authorizer_id,
        operation_name: input.operation_name,
        api_key_required: input.api_key_required.unwrap_or(false),
        validator_id: input.request_validator_id.filter(|id| !id.is_empty()),
        request_parameters: map(input.request_parameters),
        request_models: map(input.request_models),
        ..MethodRecord::default()
    };
    let shown = view::method(&name, &method);
    change(&state, &call, &input.rest_api_id, |record| {
        check(record, &method)?;
        let methods = &mut record.resource_mut(&input.resource_id)?.methods;
        if methods.contains_key(&name) {
            return Err(Error::Conflict("Method already exists for this resource".to_owned()));
        }
        call.made(&format!("{}/{name}", input.resource_id));
        methods.insert(name, method);
        Ok(())
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetMethod>) -> Result<api::Method, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let method = record.method(&input.resource_id, &input.http_method)?;
    Ok(view::method(&input.http_method.to_ascii_uppercase(), method))
}

pub(crate) async fn update(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateMethod>,
) -> Result<api::Method, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        let method = record.method_mut(&input.resource_id, &input.http_method)?;
        patches.iter().try_for_each(|patch| apply_patch(method, patch))?;
        check(record, record.method(&input.resource_id, &input.http_method)?)
    })
    .await?;
    let method = record.method(&input.resource_id, &input.http_method)?;
    Ok(view::method(&input.http_method.to_ascii_uppercase(), method))
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteMethod>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |record| {
        record.method(&input.resource_id, &input.http_method)?;
        record.resource_mut(&input.resource_id)?.methods.remove(&input.http_method.to_ascii_uppercase());
        Ok(())
    })
    .await?;
    Ok(())
}

pub(crate) async fn put_response(
    state: Arc<ApiGateway>,
    permit: Permit<PutMethodResponse>,
) -> Result<api::MethodResponse, Error> {
    let Permit { input, call, .. } = permit;
    let response = MethodResponseRecord {
        parameters: map(input.response_parameters),
        models: map(input.response_models),
    };
    let headers = "method.response.header.";
    let is_header = |name: &&String| name.strip_prefix(headers).is_some_and(|name| !name.is_empty());
    if let Some(name) = response.parameters.keys().find(|name| !is_header(name)) {
        return Err(bad_parameter(name));
    }
    let shown = view::method_response(&input.status_code, &response);
    change(&state, &call, &input.rest_api_id, |record| {
        record.check_named(response.models.values())?;
        let method = record.method_mut(&input.resource_id, &input.http_method)?;
        if method.responses.contains_key(&input.status_code) {
            return Err(Error::Conflict("Response already exists for this resource".to_owned()));
        }
        method.responses.insert(input.status_code, response);
        Ok(())
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get_response(
    _: Arc<ApiGateway>,
    permit: Permit<GetMethodResponse>,
) -> Result<api::MethodResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let method = record.method(&input.resource_id, &input.http_method)?;
    let response = method.responses.get(&input.status_code).ok_or_else(no_response)?;
    Ok(view::method_response(&input.status_code, response))
}

pub(crate) async fn delete_response(
    state: Arc<ApiGateway>,
    permit: Permit<DeleteMethodResponse>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |record| {
        let method = record.method_mut(&input.resource_id, &input.http_method)?;
        method.responses.remove(&input.status_code).map(|_| ()).ok_or_else(no_response)
    })
    .await?;
    Ok(())
}

pub(crate) async fn update_response(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateMethodResponse>,
) -> Result<api::MethodResponse, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let mut shown = api::MethodResponse::default();
    change(&state, &call, &input.rest_api_id, |record| {
        let method = record.method_mut(&input.resource_id, &input.http_method)?;
        let response = method.responses.get_mut(&input.status_code).ok_or_else(no_response)?;
        for patch in &patches {
            match (patch.parts().as_slice(), patch.op) {
                (["responseParameters", name], Op::Add | Op::Replace) => {
                    response.parameters.insert((*name).to_owned(), patch.boolean()?);
                }
                (["responseParameters", name], Op::Remove) => {
                    response.parameters.remove(*name);
                }
                (["responseModels", content_type], Op::Add | Op::Replace) => {
                    response.models.insert((*content_type).to_owned(), patch.required()?);
                }
                (["responseModels", content_type], Op::Remove) => {
                    response.models.remove(*content_type);
                }
                _ => return Err(patch.invalid_path()),
            }
        }
        shown = view::method_response(&input.status_code, response);
        Ok(())
    })
    .await?;
    Ok(shown)
}

pub(crate) fn no_response() -> Error {
    Error::NotFound("Invalid Response status code specified".to_owned())
}

fn authorization(name: &str) -> Result<Authorization, Error> {
    match name {
        "NONE" => Ok(Authorization::None),
        "AWS_IAM" => Ok(Authorization::AwsIam),
        "CUSTOM" => Ok(Authorization::Custom),
        "COGNITO_USER_POOLS" => {
            Err(Error::unsupported("An authorizer of Cognito user pools, whose service is not here,"))
        }
        _ => Err(Error::bad(
            "Invalid authorizer type specified. Must be one of: [NONE, AWS_IAM, CUSTOM, COGNITO_USER_POOLS]",
        )),
    }
}

/// What must hold of a method however it came about.
fn check(record: &ApiRecord, method: &MethodRecord) -> Result<(), Error> {
    check_authorizer(record, method)?;
    record.check_validator(method)?;
    record.check_request_models(method)?;
    let unknown = method.request_parameters.keys().find(|name| Parameter::of(name).is_none());
    unknown.map_or(Ok(()), |name| Err(bad_parameter(name)))
}

/// A method whose callers a function tells apart names one that is there.
// SECURITY: without it nobody could be told apart, and nobody is let in; it is told now rather than then.
fn check_authorizer(record: &ApiRecord, method: &MethodRecord) -> Result<(), Error> {
    let known = method.authorizer_id.as_deref().is_some_and(|id| record.authorizers.contains_key(id));
    if method.authorization != Authorization::Custom || known {
        return Ok(());
    }
    Err(Error::bad(
        "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid \
         authorizer.",
    ))
}

fn apply_patch(method: &mut MethodRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["authorizationType"], Op::Replace) => method.authorization = authorization(&patch.required()?)?,
        (["authorizerId"], _) => method.authorizer_id = patch.new_value(),
        (["operationName"], _) => method.operation_name = patch.new_value(),
        (["apiKeyRequired"], Op::Replace) => method.api_key_required = patch.boolean()?,
        (["requestParameters", name], Op::Add | Op::Replace) => {
            method.request_parameters.insert((*name).to_owned(), patch.boolean()?);
        }
        (["requestParameters", name], Op::Remove) => {
            method.request_parameters.remove(*name);
        }
        (["requestValidatorId"], _) => {
            method.validator_id = patch.new_value().filter(|id| !id.is_empty());
        }
        (["requestModels", content_type], Op::Add | Op::Replace) => {
            method.request_models.insert((*content_type).to_owned(), patch.required()?);
        }
        (["requestModels", content_type], Op::Remove) => {
            method.request_models.remove(*content_type);
        }
        _ => return Err(patch.invalid_path()),
    }
    Ok(())
}
