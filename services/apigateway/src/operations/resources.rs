//! Resources: the tree of an API's paths.

use std::sync::Arc;

use service::Permit;

use super::page;
use super::rest_apis::change;
use crate::api::{self, CreateResource, DeleteResource, GetResource, GetResources};
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
        Ok(())
    })
    .await?;
    Ok(view::resource(record.resource(&id)?, false))
}

pub(crate) async fn get(state: Arc<ApiGateway>, permit: Permit<GetResource>) -> Result<api::Resource, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&state.store, &input.rest_api_id)?;
    Ok(view::resource(record.resource(&input.resource_id)?, embeds_methods(input.embed.as_deref())))
}

pub(crate) async fn list(
    state: Arc<ApiGateway>,
    permit: Permit<GetResources>,
) -> Result<api::Resources, Error> {
    let Permit { input, call, .. } = permit;
    let record = Apis(call.account()).get(&state.store, &input.rest_api_id)?;
    let all: Vec<_> = record.resources.into_values().collect();
    let (resources, position) = page(all, |resource| &resource.id, input.position.as_deref(), input.limit)?;
    let embed = embeds_methods(input.embed.as_deref());
    let items = resources.iter().map(|resource| view::resource(resource, embed)).collect();
    Ok(api::Resources { position, items: Some(items) })
}

pub(crate) async fn delete(state: Arc<ApiGateway>, permit: Permit<DeleteResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    change(&state, &call, &input.rest_api_id, |record| record.remove_resource(&input.resource_id)).await?;
    Ok(())
}

fn embeds_methods(embed: Option<&[String]>) -> bool {
    embed.unwrap_or_default().iter().any(|name| name == "methods")
}
