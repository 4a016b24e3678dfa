//! What the operations on event source mappings need leave for.

use base::AccountId;
use service::{Access, AccessRequest};

use super::{Outcome, pairs};
use crate::Lambda;
use crate::api;
use crate::kept::Row as _;
use crate::mappings::MappingRecord;
use crate::model::name::Target;
use crate::operations::mappings;

pub(crate) fn create_mapping(
    _: &Lambda,
    request: &AccessRequest<'_, api::CreateEventSourceMappingRequest>,
) -> Outcome {
    let target = Target::parse(&request.input.function_name, None, request.account, request.region)?;
    let access =
        Access::to("lambda:CreateEventSourceMapping", "*").when("lambda:FunctionArn", [target.arn()]);
    let tags = request.input.tags.as_ref();
    // The id is not known yet.
    let any = mappings::arn(request.account, request.region, "*");
    Ok(access.request_tags(pairs(tags)).and_tags("lambda:TagResource", any, pairs(tags)))
}

/// The keys that a mapping brings.
pub(super) fn with_mapping<I>(
    request: &AccessRequest<'_, I>,
    access: Access,
    account: AccountId,
    uuid: &str,
) -> Outcome {
    let Some(record) = MappingRecord::stored(request.records, account, uuid)? else { return Ok(access) };
    let tags = record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(access.when("lambda:FunctionArn", [record.function_arn.as_str()]).resource_tags(tags))
}

fn on_mapping<I>(request: &AccessRequest<'_, I>, action: &'static str, uuid: &str) -> Outcome {
    let access = Access::to(action, mappings::arn(request.account, request.region, uuid));
    with_mapping(request, access, request.account, uuid)
}

pub(crate) fn get_mapping(
    _: &Lambda,
    request: &AccessRequest<'_, api::GetEventSourceMappingRequest>,
) -> Outcome {
    on_mapping(request, "lambda:GetEventSourceMapping", &request.input.uuid)
}

pub(crate) fn delete_mapping(
    _: &Lambda,
    request: &AccessRequest<'_, api::DeleteEventSourceMappingRequest>,
) -> Outcome {
    on_mapping(request, "lambda:DeleteEventSourceMapping", &request.input.uuid)
}

// SECURITY: whoever points a mapping to another function needs leave for that one as well.
pub(crate) fn update_mapping(
    _: &Lambda,
    request: &AccessRequest<'_, api::UpdateEventSourceMappingRequest>,
) -> Outcome {
    const ACTION: &str = "lambda:UpdateEventSourceMapping";
    let uuid = &request.input.uuid;
    let access = on_mapping(request, ACTION, uuid)?;
    let Some(name) = &request.input.function_name else { return Ok(access) };
    let target = Target::parse(name, None, request.account, request.region)?;
    let onto = Access::to(ACTION, mappings::arn(request.account, request.region, uuid));
    Ok(access.and(onto.when("lambda:FunctionArn", [target.arn()])))
}

pub(crate) fn list_mappings(
    _: &Lambda,
    _: &AccessRequest<'_, api::ListEventSourceMappingsRequest>,
) -> Outcome {
    Ok(Access::to("lambda:ListEventSourceMappings", "*"))
}
