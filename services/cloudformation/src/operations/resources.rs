//! Shows the resources of stacks.

use std::sync::Arc;

use indexmap::IndexMap;
use service::Permit;
use store::Read;

use super::{PAGE, find, page};
use crate::CloudFormation;
use crate::api;
use crate::drift;
use crate::engine::References;
use crate::error::{Error, no_stack, no_stack_with_id};
use crate::exports;
use crate::prepare;
use crate::records::{ResourceRecord, StackRecord};
use crate::secrets::Secrets;
use crate::stacks as records;
use crate::view;

type State = Arc<CloudFormation>;

pub(crate) async fn one(
    _: State,
    permit: Permit<api::DescribeStackResource>,
) -> Result<api::DescribeStackResourceOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
    let found = records::resources(&view, &stack.id)?;
    let found: IndexMap<String, ResourceRecord> =
        found.into_iter().map(|record| (record.logical_id.clone(), record)).collect();
    let record = found.get(&input.logical_resource_id).ok_or_else(|| {
        let (id, name) = (&input.logical_resource_id, &stack.name);
        Error::Validation(format!("Resource {id} does not exist for stack {name}"))
    })?;
    let exports = exports::all(&view, stack.account, &stack.region)?;
    let metadata =
        metadata(&stack, &record.logical_id, &References { resources: &found, exports: &exports })?;
    let drifts = drift::drifts(&view, &stack)?;
    let about = (metadata, drifts.get(&record.logical_id));
    let stack_resource_detail = Some(view::resource_detail(&stack, record, about));
    Ok(api::DescribeStackResourceOutput { stack_resource_detail })
}

/// The `Metadata` attribute of a resource, resolved as far as what it refers to is there.
fn metadata(stack: &StackRecord, id: &str, known: &References<'_>) -> Result<Option<String>, Error> {
    let pseudo = prepare::pseudo(stack.account.as_str(), &stack.region, &stack.name, &stack.id);
    let plan = prepare::plan(&stack.content, pseudo)?;
    let raw = plan.resources().get(id).and_then(|resource| resource.metadata.clone());
    let resolved = plan.metadata(id, known).unwrap_or(raw);
    // SECURITY: AWS does not mask what is in metadata; here nobody reads a secret that a stack was given.
    let secrets = Secrets::of(stack, known.resources.values());
    Ok(resolved.map(|metadata| secrets.mask(metadata.to_string())))
}

pub(crate) async fn some(
    _: State,
    permit: Permit<api::DescribeStackResources>,
) -> Result<api::DescribeStackResourcesOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let (stack, mut found) = match (&input.stack_name, &input.physical_resource_id) {
        (Some(name), None) => {
            let stack = find(&view, &call, name)?.ok_or_else(|| no_stack_with_id(name))?;
            let found = records::resources(&view, &stack.id)?;
            (stack, found)
        }
        (None, Some(physical)) => holder(&view, &call, physical)?,
        _ => {
            return Err(Error::Validation(
                "Either StackName or PhysicalResourceId must be specified, but not both.".to_owned(),
            ));
        }
    };
    if let Some(id) = &input.logical_resource_id {
        found.retain(|record| record.logical_id == *id);
        if found.is_empty() {
            return Err(Error::Validation(format!("Resource {id} does not exist for stack {}", stack.name)));
        }
    }
    let drifts = drift::drifts(&view, &stack)?;
    let shown = |record: &ResourceRecord| view::resource(&stack, record, drifts.get(&record.logical_id));
    let stack_resources = found.iter().take(PAGE).map(shown).collect();
    Ok(api::DescribeStackResourcesOutput { stack_resources: Some(stack_resources) })
}

/// The stack that has a physical resource.
fn holder(
    reader: &impl Read,
    call: &service::Call,
    physical: &str,
) -> Result<(StackRecord, Vec<ResourceRecord>), Error> {
    for stack in records::live(reader, call.account(), call.region())? {
        let found = records::resources(reader, &stack.id)?;
        let has = |record: &ResourceRecord| record.physical.as_ref().is_some_and(|own| own.id == physical);
        if found.iter().any(has) {
            return Ok((stack, found));
        }
    }
    Err(Error::Validation(format!("Stack for {physical} does not exist")))
}

pub(crate) async fn list(
    _: State,
    permit: Permit<api::ListStackResources>,
) -> Result<api::ListStackResourcesOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack_with_id(&input.stack_name))?;
    let found = records::resources(&view, &stack.id)?;
    let (found, next_token) = page(found, input.next_token.as_ref())?;
    let drifts = drift::drifts(&view, &stack)?;
    let shown = |record: &ResourceRecord| view::resource_summary(record, drifts.get(&record.logical_id));
    let stack_resource_summaries = Some(found.iter().map(shown).collect());
    Ok(api::ListStackResourcesOutput { stack_resource_summaries, next_token })
}
