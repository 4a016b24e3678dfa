//! The tags of tables.

use std::sync::Arc;

use service::Permit;

use crate::State;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::model;
use crate::tables::{Target, save, stored};

/// How many tags one page has at most.
const PAGE_MAX: usize = 10;

fn not_found(arn: &str) -> Error {
    // "ResourcArn" is DynamoDB's own spelling.
    Error::ResourceNotFound(format!("Requested resource not found: ResourcArn: {arn} not found"))
}

pub(crate) async fn tag_resource(state: Arc<State>, permit: Permit<api::TagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    if input.tags.is_empty() {
        return Err(Error::Validation("Atleast one Tag needs to be provided as Input.".to_owned()));
    }
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    call.transact(|transaction| {
        let mut record = stored(transaction, &target)?.ok_or_else(|| not_found(&input.resource_arn))?;
        record.tags = model::tagged(&record.tags, &input.tags)?;
        save(transaction, &state, record).map(drop)
    })
    .await
}

pub(crate) async fn untag_resource(
    state: Arc<State>,
    permit: Permit<api::UntagResource>,
) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    if input.tag_keys.is_empty() {
        return Err(Error::Validation("Atleast one Tag Key needs to be provided as Input.".to_owned()));
    }
    if let Some(key) = input.tag_keys.iter().find(|key| service::is_mark(key)) {
        return Err(model::reserved_tag(key).into());
    }
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    call.transact(|transaction| {
        let mut record = stored(transaction, &target)?.ok_or_else(|| not_found(&input.resource_arn))?;
        record.tags.retain(|(key, _)| !input.tag_keys.contains(key));
        save(transaction, &state, record).map(drop)
    })
    .await
}

pub(crate) async fn list_tags_of_resource(
    state: Arc<State>,
    permit: Permit<api::ListTagsOfResource>,
) -> Result<api::ListTagsOfResourceOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    let table = state.tables.find(&target);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let table = table.ok_or_else(|| not_found(&input.resource_arn))?;
    // The token is the number of tags already answered; tags are in order of their keys.
    let start: usize = match &input.next_token {
        Some(token) => token.parse().map_err(|_| Invalid::new("Invalid NextToken"))?,
        None => 0,
    };
    let mut behind = table.record.tags.iter().skip(start);
    let page: Vec<_> = behind.by_ref().take(PAGE_MAX).collect();
    let end = start.saturating_add(page.len());
    Ok(api::ListTagsOfResourceOutput {
        next_token: behind.next().map(|_| end.to_string()),
        tags: Some(
            page.into_iter()
                .map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() })
                .collect(),
        ),
    })
}
