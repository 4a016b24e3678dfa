//! Tags of groups, through the present operations and the older ones.

use std::sync::Arc;

use protocol::Entries;
use service::{Call, Permit};

use crate::Logs;
use crate::api::{
    ListTagsForResource, ListTagsForResourceResponse, ListTagsLogGroup, ListTagsLogGroupResponse,
    TagLogGroup, TagResource, UntagLogGroup, UntagResource,
};
use crate::error::Error;
use crate::model::{GroupName, TAGS_MAX, check_tags};
use crate::operations::{groups, of_arn, own};
use crate::records;

pub(crate) async fn tag_resource(_: Arc<Logs>, permit: Permit<TagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    tag(&call, &of_arn(&call, &input.resource_arn)?, input.tags).await
}

pub(crate) async fn tag_log_group(_: Arc<Logs>, permit: Permit<TagLogGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    tag(&call, &own(&call, &input.log_group_name), input.tags).await
}

pub(crate) async fn untag_resource(_: Arc<Logs>, permit: Permit<UntagResource>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    untag(&call, &of_arn(&call, &input.resource_arn)?, &input.tag_keys).await
}

pub(crate) async fn untag_log_group(_: Arc<Logs>, permit: Permit<UntagLogGroup>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    untag(&call, &own(&call, &input.log_group_name), &input.tags).await
}

pub(crate) async fn list_for_resource(
    _: Arc<Logs>,
    permit: Permit<ListTagsForResource>,
) -> Result<ListTagsForResourceResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = records::group(&call.view()?, &of_arn(&call, &input.resource_arn)?)?;
    Ok(ListTagsForResourceResponse { tags: Some(record.tags.into_iter().collect()) })
}

pub(crate) async fn list_for_log_group(
    _: Arc<Logs>,
    permit: Permit<ListTagsLogGroup>,
) -> Result<ListTagsLogGroupResponse, Error> {
    let Permit { input, call, .. } = permit;
    let record = records::group(&call.view()?, &own(&call, &input.log_group_name))?;
    Ok(ListTagsLogGroupResponse { tags: Some(record.tags.into_iter().collect()) })
}

async fn tag(call: &Call, group: &GroupName, tags: Entries<String>) -> Result<(), Error> {
    check_tags(tags.iter().map(|(key, value)| (key, value.as_str())))?;
    groups::change(call, group, |record| {
        record.tags.extend(tags);
        if record.tags.keys().filter(|key| !service::is_mark(key)).count() > TAGS_MAX {
            return Err(Error::TooManyTags(format!("A log group has at most {TAGS_MAX} tags.")));
        }
        Ok(())
    })
    .await
}

async fn untag(call: &Call, group: &GroupName, keys: &[String]) -> Result<(), Error> {
    check_tags(keys.iter().map(|key| (key.as_str(), "")))?;
    groups::change(call, group, |record| {
        record.tags.retain(|key, _| !keys.contains(key));
        Ok(())
    })
    .await
}
