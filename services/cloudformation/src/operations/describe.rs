//! Shows stacks, their events and their exports.

use std::sync::Arc;

use service::Permit;
use store::Read;

use super::protection::is_protected;
use super::{PAGE, find, page};
use crate::CloudFormation;
use crate::api;
use crate::error::{Error, no_stack, no_stack_with_id};
use crate::model;
use crate::purge;
use crate::records::{EventRecord, StackRecord};
use crate::stacks as records;
use crate::view;

type State = Arc<CloudFormation>;

pub(crate) async fn stacks(
    _: State,
    permit: Permit<api::DescribeStacks>,
) -> Result<api::DescribeStacksOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    if let Some(name) = &input.stack_name {
        let stack = find(&view, &call, name)?.ok_or_else(|| no_stack_with_id(name))?;
        let shown = shown(&view, &stack)?;
        return Ok(api::DescribeStacksOutput { stacks: Some(vec![shown]), next_token: None });
    }
    let mut found = records::live(&view, call.account(), call.region())?;
    found.sort_by_key(|stack| std::cmp::Reverse(stack.created_at));
    let (found, next_token) = page(found, input.next_token.as_ref())?;
    let stacks: Result<Vec<_>, Error> = found.iter().map(|stack| shown(&view, stack)).collect();
    Ok(api::DescribeStacksOutput { stacks: Some(stacks?), next_token })
}

fn shown(reader: &impl Read, stack: &StackRecord) -> Result<api::Stack, Error> {
    Ok(view::stack(stack, is_protected(reader, stack)?))
}

pub(crate) async fn list(_: State, permit: Permit<api::ListStacks>) -> Result<api::ListStacksOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let mut found = records::all(&view, call.account(), call.region())?;
    found.retain(|stack| !purge::is_over(stack, call.now()));
    if let Some(wanted) = input.stack_status_filter.filter(|wanted| !wanted.is_empty()) {
        found.retain(|stack| wanted.contains(&stack.status));
    }
    found.sort_by_key(|stack| std::cmp::Reverse(stack.created_at));
    let (found, next_token) = page(found, input.next_token.as_ref())?;
    let stack_summaries = Some(found.iter().map(view::summary).collect());
    Ok(api::ListStacksOutput { stack_summaries, next_token })
}

pub(crate) async fn events(
    _: State,
    permit: Permit<api::DescribeStackEvents>,
) -> Result<api::DescribeStackEventsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
    let (found, next_token) = page_of_events(&view, &stack, input.next_token)?;
    let stack_events = Some(found.iter().map(|event| view::event(&stack, event)).collect());
    Ok(api::DescribeStackEventsOutput { stack_events, next_token })
}

/// Events, newest first. Tokens are the number of the oldest one shown.
fn page_of_events(
    reader: &impl Read,
    stack: &StackRecord,
    token: Option<String>,
) -> Result<(Vec<EventRecord>, Option<String>), Error> {
    let invalid = |_| Error::Validation("The NextToken is not valid.".to_owned());
    let before: Option<u64> = token.map(|token| token.parse()).transpose().map_err(invalid)?;
    let found = records::events(reader, stack, before, PAGE)?;
    // Events are numbered from zero without gaps, so the oldest one shown has this number.
    let newest = before.map_or_else(|| records::pulse(reader, stack).map(|pulse| pulse.events), Ok)?;
    let oldest = newest.saturating_sub(found.len() as u64);
    let next_token = (found.len() == PAGE && oldest > 0).then(|| oldest.to_string());
    Ok((found, next_token))
}

pub(crate) async fn operation_events(
    _: State,
    permit: Permit<api::DescribeEvents>,
) -> Result<api::DescribeEventsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let Some(name) = input.stack_name.filter(|_| input.change_set_name.is_none()) else {
        let message = "StackName must be specified, and ChangeSetName is not supported here.";
        return Err(Error::Validation(message.to_owned()));
    };
    let stack = find(&view, &call, &name)?.ok_or_else(|| no_stack(&name))?;
    let (mut found, next_token) = page_of_events(&view, &stack, input.next_token)?;
    if let Some(id) = &input.operation_id {
        let is_of = |event: &EventRecord| {
            event.operation.as_ref().is_some_and(|(number, _)| model::operation_id(&stack.id, *number) == *id)
        };
        found.retain(is_of);
    }
    if input.filters.and_then(|filters| filters.failed_events).unwrap_or(false) {
        found.retain(view::is_error);
    }
    let operation_events = Some(found.iter().map(|event| view::operation_event(&stack, event)).collect());
    Ok(api::DescribeEventsOutput { operation_events, next_token })
}

pub(crate) async fn exports(
    _: State,
    permit: Permit<api::ListExports>,
) -> Result<api::ListExportsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let found = crate::exports::listed(&view, call.account(), call.region().as_str())?;
    let exports = found.into_iter().map(|export| api::Export {
        exporting_stack_id: Some(export.stack_id),
        name: Some(export.name),
        value: Some(export.value),
    });
    let exports: Vec<api::Export> = exports.collect();
    let (exports, next_token) = page(exports, input.next_token.as_ref())?;
    Ok(api::ListExportsOutput { exports: Some(exports), next_token })
}

pub(crate) async fn imports(
    _: State,
    permit: Permit<api::ListImports>,
) -> Result<api::ListImportsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let users = crate::exports::users(&view, call.account(), call.region().as_str(), &input.export_name)?;
    if users.is_empty() {
        let name = input.export_name;
        return Err(Error::Validation(format!("Export '{name}' is not imported by any stack.")));
    }
    let (users, next_token) = page(users, input.next_token.as_ref())?;
    Ok(api::ListImportsOutput { imports: Some(users), next_token })
}

pub(crate) async fn limits(
    _: State,
    _: Permit<api::DescribeAccountLimits>,
) -> Result<api::DescribeAccountLimitsOutput, Error> {
    let limit = |name: &str, value: usize| api::AccountLimit {
        name: Some(name.to_owned()),
        value: i64::try_from(value).ok(),
    };
    let limits = vec![
        limit("StackLimit", model::STACKS_MAX),
        limit("StackOutputsLimit", template::limits::OUTPUTS_MAX),
    ];
    Ok(api::DescribeAccountLimitsOutput { account_limits: Some(limits), next_token: None })
}
