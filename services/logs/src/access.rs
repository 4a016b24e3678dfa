//! What each operation asks leave for.
//!
//! Groups are asked about as AWS does: as `…:log-group:NAME:log-stream:` for the group and its streams, and without that tail for
//! the tags of a group. Nothing here tells whether a group or stream exists.

use service::{Access, AccessRequest};

use crate::Logs;
use crate::api;
use crate::error::Error;
use crate::model::GroupName;
use crate::records;

type Asked<'a, I> = AccessRequest<'a, I>;
type Answer = Result<Access, Error>;

/// Leave on a group, or on one of its streams.
fn on_stream<I>(asked: &Asked<'_, I>, action: &'static str, group: &GroupName, stream: &str) -> Answer {
    with_tags(asked, Access::to(action, group.stream_arn(stream)), group)
}

/// Leave on a group's own ARN.
fn on_group<I>(asked: &Asked<'_, I>, action: &'static str, group: &GroupName) -> Answer {
    with_tags(asked, Access::to(action, group.arn()), group)
}

fn with_tags<I>(asked: &Asked<'_, I>, access: Access, group: &GroupName) -> Answer {
    let access = access.owned_by(group.account);
    // SECURITY: tags of another account's group are not looked at; only its owner may decide by them.
    if group.account != asked.account {
        return Ok(access);
    }
    let tags = records::find_group(asked.records, group)?.map(|group| group.tags).unwrap_or_default();
    Ok(access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

fn own<I>(asked: &Asked<'_, I>, name: &str) -> GroupName {
    GroupName::own(asked.account, asked.region, name)
}

pub(crate) fn create_log_group(_: &Logs, asked: &Asked<'_, api::CreateLogGroupRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    let tags =
        || asked.input.tags.iter().flat_map(|tags| tags.iter()).map(|(key, value)| (key, value.as_str()));
    let access = Access::to("logs:CreateLogGroup", group.stream_arn("")).request_tags(tags());
    if tags().next().is_none() {
        return Ok(access);
    }
    // Either of the two suffices.
    // <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
    let older = Access::to("logs:TagLogGroup", group.stream_arn("")).request_tags(tags());
    let tagging = Access::to("logs:TagResource", group.arn()).request_tags(tags()).or(older);
    Ok(access.and(tagging.refused_as(untagged(asked.principal.account()))))
}

/// What a refusal to tag a new group says.
fn untagged(account: Option<base::AccountId>) -> String {
    let account = account.map(|account| account.to_string()).unwrap_or_default();
    format!(
        "User with accountId: {account} is not authorized to perform CreateLogGroup with Tags. An additional permission \
         \"logs:TagResource\" is required."
    )
}

pub(crate) fn delete_log_group(_: &Logs, asked: &Asked<'_, api::DeleteLogGroupRequest>) -> Answer {
    on_stream(asked, "logs:DeleteLogGroup", &own(asked, &asked.input.log_group_name), "")
}

pub(crate) fn describe_log_groups(_: &Logs, asked: &Asked<'_, api::DescribeLogGroupsRequest>) -> Answer {
    Ok(Access::to("logs:DescribeLogGroups", own(asked, "").stream_arn("")))
}

pub(crate) fn list_log_groups(_: &Logs, asked: &Asked<'_, api::ListLogGroupsRequest>) -> Answer {
    Ok(Access::to("logs:ListLogGroups", own(asked, "").stream_arn("")))
}

pub(crate) fn protect(_: &Logs, asked: &Asked<'_, api::PutLogGroupDeletionProtectionRequest>) -> Answer {
    let identifier = Some(asked.input.log_group_identifier.as_str());
    let group = GroupName::of(asked.account, asked.region, None, identifier)?;
    on_stream(asked, "logs:PutLogGroupDeletionProtection", &group, "")
}

pub(crate) fn create_log_stream(_: &Logs, asked: &Asked<'_, api::CreateLogStreamRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    on_stream(asked, "logs:CreateLogStream", &group, &asked.input.log_stream_name)
}

pub(crate) fn delete_log_stream(_: &Logs, asked: &Asked<'_, api::DeleteLogStreamRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    on_stream(asked, "logs:DeleteLogStream", &group, &asked.input.log_stream_name)
}

pub(crate) fn describe_log_streams(_: &Logs, asked: &Asked<'_, api::DescribeLogStreamsRequest>) -> Answer {
    let (name, identifier) =
        (asked.input.log_group_name.as_deref(), asked.input.log_group_identifier.as_deref());
    let group = GroupName::of(asked.account, asked.region, name, identifier)?;
    on_stream(asked, "logs:DescribeLogStreams", &group, "")
}

pub(crate) fn put_log_events(_: &Logs, asked: &Asked<'_, api::PutLogEventsRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    on_stream(asked, "logs:PutLogEvents", &group, &asked.input.log_stream_name)
}

pub(crate) fn get_log_events(_: &Logs, asked: &Asked<'_, api::GetLogEventsRequest>) -> Answer {
    let (name, identifier) =
        (asked.input.log_group_name.as_deref(), asked.input.log_group_identifier.as_deref());
    let group = GroupName::of(asked.account, asked.region, name, identifier)?;
    on_stream(asked, "logs:GetLogEvents", &group, &asked.input.log_stream_name)
}

pub(crate) fn filter_log_events(_: &Logs, asked: &Asked<'_, api::FilterLogEventsRequest>) -> Answer {
    let (name, identifier) =
        (asked.input.log_group_name.as_deref(), asked.input.log_group_identifier.as_deref());
    let group = GroupName::of(asked.account, asked.region, name, identifier)?;
    on_stream(asked, "logs:FilterLogEvents", &group, "")
}

pub(crate) fn put_retention(_: &Logs, asked: &Asked<'_, api::PutRetentionPolicyRequest>) -> Answer {
    on_stream(asked, "logs:PutRetentionPolicy", &own(asked, &asked.input.log_group_name), "")
}

pub(crate) fn delete_retention(_: &Logs, asked: &Asked<'_, api::DeleteRetentionPolicyRequest>) -> Answer {
    on_stream(asked, "logs:DeleteRetentionPolicy", &own(asked, &asked.input.log_group_name), "")
}

pub(crate) fn tag_resource(_: &Logs, asked: &Asked<'_, api::TagResourceRequest>) -> Answer {
    let group = GroupName::from_arn(&asked.input.resource_arn)?;
    let tags = asked.input.tags.iter().map(|(key, value)| (key, value.as_str()));
    Ok(on_group(asked, "logs:TagResource", &group)?.request_tags(tags))
}

pub(crate) fn untag_resource(_: &Logs, asked: &Asked<'_, api::UntagResourceRequest>) -> Answer {
    let group = GroupName::from_arn(&asked.input.resource_arn)?;
    Ok(on_group(asked, "logs:UntagResource", &group)?.when("aws:TagKeys", &asked.input.tag_keys))
}

pub(crate) fn list_tags(_: &Logs, asked: &Asked<'_, api::ListTagsForResourceRequest>) -> Answer {
    let group = GroupName::from_arn(&asked.input.resource_arn)?;
    on_group(asked, "logs:ListTagsForResource", &group)
}

pub(crate) fn tag_log_group(_: &Logs, asked: &Asked<'_, api::TagLogGroupRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    let tags = asked.input.tags.iter().map(|(key, value)| (key, value.as_str()));
    Ok(on_stream(asked, "logs:TagLogGroup", &group, "")?.request_tags(tags))
}

pub(crate) fn untag_log_group(_: &Logs, asked: &Asked<'_, api::UntagLogGroupRequest>) -> Answer {
    let group = own(asked, &asked.input.log_group_name);
    Ok(on_stream(asked, "logs:UntagLogGroup", &group, "")?.when("aws:TagKeys", &asked.input.tags))
}

pub(crate) fn list_tags_log_group(_: &Logs, asked: &Asked<'_, api::ListTagsLogGroupRequest>) -> Answer {
    on_stream(asked, "logs:ListTagsLogGroup", &own(asked, &asked.input.log_group_name), "")
}
