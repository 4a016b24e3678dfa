//! Request validators: what is checked of the requests of the methods that name them.

use std::sync::Arc;

use service::Permit;

use super::page;
use super::rest_apis::change;
use crate::api::{
    self, CreateRequestValidator, DeleteRequestValidator, GetRequestValidator, GetRequestValidators,
    UpdateRequestValidator,
};
use crate::patch::{Op, Patch};
use crate::records::ValidatorRecord;
use crate::store::Apis;
use crate::validators::missing;
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) async fn create(
    state: State,
    permit: Permit<CreateRequestValidator>,
) -> Result<api::RequestValidator, Error> {
    let Permit { input, call, .. } = permit;
    let validator = ValidatorRecord {
        name: input.name,
        body: input.validate_request_body.unwrap_or(false),
        parameters: input.validate_request_parameters.unwrap_or(false),
    };
    let mut id = String::new();
    let made = validator.clone();
    change(&state, &call, &input.rest_api_id, |record| {
        id = record.add_validator(made)?;
        call.made(&id);
        Ok(())
    })
    .await?;
    Ok(view::validator(&id, &validator))
}

pub(crate) async fn get(
    _: State,
    permit: Permit<GetRequestValidator>,
) -> Result<api::RequestValidator, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let found = record.validators.get(&input.request_validator_id).ok_or_else(missing)?;
    Ok(view::validator(&input.request_validator_id, found))
}

pub(crate) async fn list(
    _: State,
    permit: Permit<GetRequestValidators>,
) -> Result<api::RequestValidators, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let all: Vec<_> = record.validators.into_iter().collect();
    let (found, position) = page(all, |(id, _)| id, input.position.as_deref(), input.limit)?;
    let items = found.iter().map(|(id, validator)| view::validator(id, validator)).collect();
    Ok(api::RequestValidators { position, items: Some(items) })
}

pub(crate) async fn update(
    state: State,
    permit: Permit<UpdateRequestValidator>,
) -> Result<api::RequestValidator, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let id = input.request_validator_id;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        let validator = record.validators.get_mut(&id).ok_or_else(missing)?;
        for patch in &patches {
            match (patch.parts().as_slice(), patch.op) {
                (["name"], Op::Replace) => validator.name = patch.new_value(),
                (["validateRequestBody"], Op::Replace) => validator.body = patch.boolean()?,
                (["validateRequestParameters"], Op::Replace) => validator.parameters = patch.boolean()?,
                _ => return Err(patch.invalid_path()),
            }
        }
        Ok(())
    })
    .await?;
    Ok(view::validator(&id, record.validators.get(&id).ok_or_else(missing)?))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteRequestValidator>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let id = &input.request_validator_id;
    change(&state, &call, &input.rest_api_id, |record| record.remove_validator(id)).await.map(drop)
}
