//! `TagResource`, `UntagResource`, `ListTags`.

use std::sync::Arc;

use service::{Call, Permit};

use super::{existing, stored, target};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::FunctionId;
use crate::model::tags;

fn tagged(call: &Call, resource: &str) -> Result<FunctionId, Error> {
    let target = target(call, resource, None)?;
    if target.qualifier.is_some() {
        let message =
            "Tags on function aliases and versions are not supported. Please specify a function ARN.";
        return Err(Error::InvalidParameterValue(message.to_owned()));
    }
    Ok(target.id)
}

pub(crate) async fn tag_resource(lambda: Arc<Lambda>, permit: Permit<api::TagResource>) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = tagged(&call, &input.resource)?;
    lambda
        .catalog
        .change(&call, &id, |function| tags::set(&mut stored(function, &id)?.record.tags, input.tags))
        .await
}

pub(crate) async fn untag_resource(
    lambda: Arc<Lambda>,
    permit: Permit<api::UntagResource>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = tagged(&call, &input.resource)?;
    tags::check_removal(&input.tag_keys)?;
    lambda
        .catalog
        .change(&call, &id, |function| {
            let tags = &mut stored(function, &id)?.record.tags;
            tags.retain(|(key, _)| !input.tag_keys.contains(key));
            Ok(())
        })
        .await
}

pub(crate) async fn list_tags(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListTags>,
) -> Result<api::ListTagsResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.resource, None)?;
    let loaded = existing(&lambda, &target)?;
    Ok(api::ListTagsResponse { tags: Some(loaded.function.record.tags.iter().cloned().collect()) })
}
