//! `TagResource`, `UntagResource`, `ListTags`: of functions, event source mappings and code signing configurations.

use std::sync::Arc;

use service::{Call, Permit};

use super::{existing, revision, stored};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::FunctionId;
use crate::model::tagged::Tagged;
use crate::model::tags;

type Tags = Vec<(String, String)>;

fn not_found(resource: &str) -> Error {
    Error::ResourceNotFound(format!("The resource you requested does not exist. {resource}"))
}

fn function(target: &crate::model::name::Target) -> Result<FunctionId, Error> {
    match target.qualifier {
        Some(_) => Err(Error::InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
                .to_owned(),
        )),
        None => Ok(target.id.clone()),
    }
}

/// Changes the tags of whatever the caller named, in one transaction.
async fn change(
    lambda: &Lambda,
    call: &Call,
    resource: &str,
    work: impl FnOnce(&mut Tags) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    match Tagged::parse(resource, call.account(), call.region())? {
        Tagged::Function(target) => {
            let id = function(&target)?;
            let change = |function: &mut Option<_>| {
                let record = &mut stored(function, &id)?.record;
                work(&mut record.tags)?;
                record.latest.seen_revision_id = Some(revision());
                Ok(())
            };
            lambda.catalog.change(call, &id, change).await
        }
        Tagged::Mapping(account, uuid) => {
            let changed =
                lambda.mappings.change(call, account, &uuid, |record| work(&mut record.tags)).await?;
            changed.map(drop).ok_or_else(|| not_found(resource))
        }
        Tagged::SigningConfig(account, id) => {
            let changed = lambda.signing.change(call, account, &id, |record| work(&mut record.tags)).await?;
            changed.map(drop).ok_or_else(|| not_found(resource))
        }
    }
}

pub(crate) async fn tag_resource(lambda: Arc<Lambda>, permit: Permit<api::TagResource>) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    if input.tags.is_empty() {
        return Err(Error::InvalidParameterValue(
            "An error occurred and the request cannot be processed.".to_owned(),
        ));
    }
    change(&lambda, &call, &input.resource, |known| tags::set(known, input.tags)).await
}

pub(crate) async fn untag_resource(
    lambda: Arc<Lambda>,
    permit: Permit<api::UntagResource>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    tags::check_removal(&input.tag_keys)?;
    let removed = |known: &mut Tags| {
        known.retain(|(key, _)| !input.tag_keys.contains(key));
        Ok(())
    };
    change(&lambda, &call, &input.resource, removed).await
}

pub(crate) async fn list_tags(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListTags>,
) -> Result<api::ListTagsResponse, Error> {
    let (input, call) = super::parts(permit);
    let resource = &input.resource;
    let tags = match Tagged::parse(resource, call.account(), call.region())? {
        Tagged::Function(target) => {
            function(&target)?;
            existing(&lambda, &target).map(|found| found.function.record.tags.clone())
        }
        Tagged::Mapping(account, uuid) => {
            let mapping = lambda.mappings.get(account, &uuid);
            mapping.map(|mapping| mapping.record.tags.clone()).ok_or_else(|| not_found(resource))
        }
        Tagged::SigningConfig(account, id) => {
            let config = lambda.signing.get(account, &id);
            config.map(|config| config.tags.clone()).ok_or_else(|| not_found(resource))
        }
    };
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let tags = tags?;
    Ok(api::ListTagsResponse { tags: Some(tags.into_iter().collect()) })
}
