//! Gateway responses: what the gateway answers where it does not serve a request.

use std::sync::Arc;

use gateway::records::ResponseType;
use service::Permit;

use super::rest_apis::change;
use super::{map, page};
use crate::api::{
    self, DeleteGatewayResponse, GetGatewayResponse, GetGatewayResponses, PutGatewayResponse,
    UpdateGatewayResponse,
};
use crate::own_answer::served;
use crate::patch::{Op, Patch};
use crate::records::GatewayResponseRecord;
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) fn response_type(name: &str) -> Result<ResponseType, Error> {
    ResponseType::of(name).ok_or_else(|| Error::bad(format!("Invalid response type specified: {name}")))
}

pub(crate) async fn put(
    state: State,
    permit: Permit<PutGatewayResponse>,
) -> Result<api::GatewayResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = response_type(&input.response_type)?;
    let record = GatewayResponseRecord {
        status: input.status_code,
        parameters: map(input.response_parameters),
        templates: map(input.response_templates),
    };
    served(kind, &record)?;
    let shown = view::gateway_response(kind, Some(&record));
    change(&state, &call, &input.rest_api_id, |api| {
        api.responses.insert(kind, record);
        call.made(&input.response_type);
        Ok(())
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: State, permit: Permit<GetGatewayResponse>) -> Result<api::GatewayResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = response_type(&input.response_type)?;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    Ok(view::gateway_response(kind, record.responses.get(&kind)))
}

pub(crate) async fn list(
    _: State,
    permit: Permit<GetGatewayResponses>,
) -> Result<api::GatewayResponses, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let all: Vec<_> = ResponseType::ALL.iter().map(|(kind, name, _)| (*kind, *name)).collect();
    let (found, position) = page(all, |(_, name)| name, input.position.as_deref(), input.limit)?;
    let shown = found.iter().map(|(kind, _)| view::gateway_response(*kind, record.responses.get(kind)));
    Ok(api::GatewayResponses { position, items: Some(shown.collect()) })
}

pub(crate) async fn update(
    state: State,
    permit: Permit<UpdateGatewayResponse>,
) -> Result<api::GatewayResponse, Error> {
    let Permit { input, call, .. } = permit;
    let kind = response_type(&input.response_type)?;
    let patches = Patch::read(input.patch_operations)?;
    let record = change(&state, &call, &input.rest_api_id, |api| {
        let response = api.responses.entry(kind).or_default();
        patches.iter().try_for_each(|patch| apply_patch(response, patch))?;
        served(kind, response).map(drop)
    })
    .await?;
    Ok(view::gateway_response(kind, record.responses.get(&kind)))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteGatewayResponse>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let kind = response_type(&input.response_type)?;
    change(&state, &call, &input.rest_api_id, |api| {
        let missing = || Error::NotFound("Gateway response type not defined on api".to_owned());
        api.responses.remove(&kind).map(drop).ok_or_else(missing)
    })
    .await
    .map(drop)
}

fn apply_patch(response: &mut GatewayResponseRecord, patch: &Patch) -> Result<(), Error> {
    match (patch.parts().as_slice(), patch.op) {
        (["statusCode"], _) => response.status = patch.new_value(),
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
