//! What the operations on event source mappings need leave for.

use service::{Access, AccessRequest};

use super::{Outcome, pairs};
use crate::Lambda;
use crate::api;
use crate::mappings::Mapping;
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
pub(super) fn with_mapping(access: Access, mapping: Option<&Mapping>) -> Access {
    let Some(Mapping { record, .. }) = mapping else { return access };
    let tags = record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    access.when("lambda:FunctionArn", [record.function_arn.as_str()]).resource_tags(tags)
}

fn on_mapping<I>(
    lambda: &Lambda,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    uuid: &str,
) -> Access {
    let access = Access::to(action, mappings::arn(request.account, request.region, uuid));
    with_mapping(access, lambda.mappings.get(request.account, uuid).as_deref())
}

pub(crate) fn get_mapping(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::GetEventSourceMappingRequest>,
) -> Outcome {
    Ok(on_mapping(lambda, request, "lambda:GetEventSourceMapping", &request.input.uuid))
}

pub(crate) fn delete_mapping(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::DeleteEventSourceMappingRequest>,
) -> Outcome {
    Ok(on_mapping(lambda, request, "lambda:DeleteEventSourceMapping", &request.input.uuid))
}

// SECURITY: whoever points a mapping to another function needs leave for that one as well.
pub(crate) fn update_mapping(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::UpdateEventSourceMappingRequest>,
) -> Outcome {
    const ACTION: &str = "lambda:UpdateEventSourceMapping";
    let uuid = &request.input.uuid;
    let access = on_mapping(lambda, request, ACTION, uuid);
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
