//! Tags of parameters, which are the only resources here that have some.

use std::collections::BTreeMap;
use std::sync::Arc;

use service::{Call, Permit};

use crate::api::{
    AddTagsToResource, AddTagsToResourceResult, ListTagsForResource, ListTagsForResourceResult,
    RemoveTagsFromResource, RemoveTagsFromResourceResult, Tag,
};
use crate::model::{Reference, TAGS_MAX};
use crate::operations::named;
use crate::{Error, Ssm, records};

pub(crate) async fn add(
    _: Arc<Ssm>,
    permit: Permit<AddTagsToResource>,
) -> Result<AddTagsToResourceResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = resource(&call, &input.resource_type, &input.resource_id)?;
    let tags = checked(input.tags)?;
    change(&call, &parameter, |stored| stored.extend(tags)).await?;
    Ok(AddTagsToResourceResult {})
}

pub(crate) async fn remove(
    _: Arc<Ssm>,
    permit: Permit<RemoveTagsFromResource>,
) -> Result<RemoveTagsFromResourceResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = resource(&call, &input.resource_type, &input.resource_id)?;
    let goes = |key: &String| !service::is_mark(key) && input.tag_keys.contains(key);
    change(&call, &parameter, |stored| stored.retain(|key, _| !goes(key))).await?;
    Ok(RemoveTagsFromResourceResult {})
}

pub(crate) async fn list(
    _: Arc<Ssm>,
    permit: Permit<ListTagsForResource>,
) -> Result<ListTagsForResourceResult, Error> {
    let Permit { input, call, .. } = permit;
    let parameter = resource(&call, &input.resource_type, &input.resource_id)?;
    let record = records::find(&call.view()?, &parameter)?.ok_or_else(|| no_resource(&parameter))?;
    let tags = record.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(ListTagsForResourceResult { tag_list: Some(tags) })
}

/// Tags of a request as they are stored: no key twice, none of the platform's own.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    let mut stored = BTreeMap::new();
    for Tag { key, value } in tags {
        if service::is_mark(&key) {
            return Err(Error::invalid(format!(
                "The tag key {key} is not valid: aws: is a reserved prefix."
            )));
        }
        if stored.insert(key, value).is_some() {
            return Err(Error::invalid("Duplicate tag keys are not allowed."));
        }
    }
    bounded(&stored)?;
    Ok(stored)
}

fn bounded(tags: &BTreeMap<String, String>) -> Result<(), Error> {
    if tags.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Error::TooManyTags(format!("A parameter has at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

async fn change(
    call: &Call,
    parameter: &Reference,
    change: impl FnOnce(&mut BTreeMap<String, String>) + Send,
) -> Result<(), Error> {
    call.transact(|transaction| {
        let mut record = records::find(transaction, parameter)?.ok_or_else(|| no_resource(parameter))?;
        change(&mut record.tags);
        bounded(&record.tags)?;
        records::save(transaction, parameter, &record)
    })
    .await
}

fn resource(call: &Call, kind: &str, id: &str) -> Result<Reference, Error> {
    if kind != "Parameter" {
        return Err(Error::InvalidResourceType(format!(
            "{kind} is not supported: parameters alone are here."
        )));
    }
    named(call, id)
}

fn no_resource(parameter: &Reference) -> Error {
    Error::InvalidResourceId(format!(
        "The resource ID \"{}\" is not valid. Verify the ID and try again.",
        parameter.name()
    ))
}
