//! Models: JSON schemas that requests are held against.

use std::sync::Arc;

use service::Permit;

use super::page;
use super::rest_apis::change;
use crate::api::{self, CreateModel, DeleteModel, GetModel, GetModels, UpdateModel};
use crate::model::short_id;
use crate::patch::{Op, Patch};
use crate::records::ModelRecord;
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

type State = Arc<ApiGateway>;

pub(crate) async fn create(state: State, permit: Permit<CreateModel>) -> Result<api::Model, Error> {
    let Permit { input, call, .. } = permit;
    let model = ModelRecord {
        id: short_id(),
        description: input.description,
        schema: input.schema.unwrap_or_else(|| "{}".to_owned()),
        content_type: input.content_type,
    };
    let shown = view::model(&input.name, &model);
    change(&state, &call, &input.rest_api_id, |record| {
        if record.models.contains_key(&input.name) {
            return Err(Error::Conflict("Model name already exists for this REST API".to_owned()));
        }
        call.made(&input.name);
        record.models.insert(input.name, model);
        record.check_models()
    })
    .await?;
    Ok(shown)
}

pub(crate) async fn get(_: State, permit: Permit<GetModel>) -> Result<api::Model, Error> {
    let Permit { input, call, .. } = permit;
    if input.flatten == Some(true) {
        return Err(Error::unsupported("A model with its references in place"));
    }
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    Ok(view::model(&input.model_name, record.model_named(&input.model_name)?))
}

pub(crate) async fn list(_: State, permit: Permit<GetModels>) -> Result<api::Models, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let all: Vec<_> = record.models.into_iter().collect();
    let (found, position) = page(all, |(name, _)| name, input.position.as_deref(), input.limit)?;
    let items = found.iter().map(|(name, model)| view::model(name, model)).collect();
    Ok(api::Models { position, items: Some(items) })
}

pub(crate) async fn update(state: State, permit: Permit<UpdateModel>) -> Result<api::Model, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let name = input.model_name;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        let mut edited = record.model_named(&name)?.clone();
        for patch in &patches {
            match (patch.parts().as_slice(), patch.op) {
                (["schema"], Op::Replace) => edited.schema = patch.required()?,
                (["description"], _) => edited.description = patch.new_value(),
                _ => return Err(patch.invalid_path()),
            }
        }
        record.models.insert(name.clone(), edited);
        record.check_models()
    })
    .await?;
    Ok(view::model(&name, record.model_named(&name)?))
}

pub(crate) async fn delete(state: State, permit: Permit<DeleteModel>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |record| record.remove_model(&input.model_name)).await.map(drop)
}
