//! Resources: the tree of an API's paths.

use std::sync::Arc;

use service::Permit;

use super::page;
use super::rest_apis::change;
use crate::api::{self, CreateResource, DeleteResource, GetResource, GetResources, UpdateResource};
use crate::patch::{Op, Patch};
use crate::store::Apis;
use crate::view;
use crate::{ApiGateway, Error};

pub(crate) async fn create(
    state: Arc<ApiGateway>,
    permit: Permit<CreateResource>,
) -> Result<api::Resource, Error> {
    let Permit { input, call, .. } = permit;
    let mut id = String::new();
    let record = change(&state, &call, &input.rest_api_id, |record| {
        id = record.add_resource(&input.parent_id, &input.path_part)?;
        call.made(&id);
        Ok(())
    })
    .await?;
    Ok(view::resource(record.resource(&id)?, false))
}

pub(crate) async fn get(_: Arc<ApiGateway>, permit: Permit<GetResource>) -> Result<api::Resource, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    Ok(view::resource(record.resource(&input.resource_id)?, embeds_methods(input.embed.as_deref())))
}

pub(crate) async fn list(_: Arc<ApiGateway>, permit: Permit<GetResources>) -> Result<api::Resources, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&call.view()?, &input.rest_api_id)?;
    let all: Vec<_> = record.resources.into_values().collect();
    let (resources, position) = page(all, |resource| &resource.id, input.position.as_deref(), input.limit)?;
    let embed = embeds_methods(input.embed.as_deref());
    let items = resources.iter().map(|resource| view::resource(resource, embed)).collect();
    Ok(api::Resources { position, items: Some(items) })
}

pub(crate) async fn update(
    state: Arc<ApiGateway>,
    permit: Permit<UpdateResource>,
) -> Result<api::Resource, Error> {
    let Permit { input, call, .. } = permit;
    let patches = Patch::read(input.patch_operations)?;
    let id = input.resource_id;
    let record = change(&state, &call, &input.rest_api_id, |record| {
        let resource = record.resource(&id)?;
        let (mut parent, mut part) = (resource.parent_id.clone(), resource.path_part.clone());
        for patch in &patches {
            match (patch.parts().as_slice(), patch.op) {
                (["pathPart"], Op::Replace) => part = Some(patch.required()?),
                (["parentId"], Op::Replace) => parent = Some(patch.required()?),
                _ => return Err(patch.invalid_path()),
            }
        }
        let (Some(parent), Some(part)) = (parent, part) else {
            return Err(Error::bad("Root resource cannot be moved or renamed"));
        };
        record.move_resource(&id, &parent, &part)
    })
    .await?;
    Ok(view::resource(record.resource(&id)?, false))
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |record| record.remove_resource(&input.resource_id)).await?;
    Ok(())
}

fn embeds_methods(embed: Option<&[String]>) -> bool {
    embed.unwrap_or_default().iter().any(|name| name == "methods")
}
