//! Updates stacks: decides what one is to become, and writes the operation.

use std::sync::Arc;

use service::{Call, Permit};

use super::outer;
use super::stacks::{Begun, begin, busy, policy, triggers};
use super::{body, find, nested_sets, operation, pairs, previous, refuse, rollback, token};
use crate::CloudFormation;
use crate::api;
use crate::diff::{self, Sides};
use crate::error::{Error, no_stack};
use crate::exports;
use crate::included::Included;
use crate::model::{self, status};
use crate::prepare::{self, Request};
use crate::records::{ChangeSetRecord, Content, OperationKind, Phase, StackRecord};
use crate::role;
use crate::stacks;

type State = Arc<CloudFormation>;

pub(crate) async fn update(
    state: State,
    permit: Permit<api::UpdateStack>,
) -> Result<api::UpdateStackOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    refuse(&[
        ("NotificationARNs", input.notification_arns.as_ref().is_some_and(|arns| !arns.is_empty())),
        ("RollbackConfiguration", triggers(input.rollback_configuration.as_ref())),
        ("ResourceTypes", input.resource_types.as_ref().is_some_and(|types| !types.is_empty())),
    ])?;
    let stack = find(&call.view()?, &call, &input.stack_name)?;
    let stack = stack.filter(|stack| stack.status != status::DELETE_COMPLETE);
    let mut stack = stack.ok_or_else(|| no_stack(&input.stack_name))?;
    let request = digest(&input);
    if let Some(number) = token::repeated(&stack, input.client_request_token.as_ref(), &request)? {
        let operation_id = Some(model::operation_id(&stack.id, number));
        return Ok(api::UpdateStackOutput { stack_id: Some(stack.id), operation_id });
    }
    let way = outer::way(&state, &call, &stack)?;
    if !model::can_update(stack.begins_from(way.is_some())) {
        return Err(busy(&stack, "updated"));
    }
    if way == Some(Phase::Rollback) {
        // The template at its address is not asked: it may be another one by now. What does not wait never came to something else.
        if !stack.waits() {
            return Err(no_updates());
        }
        return rollback::with_outer(state, call, stack, (request, input.role_arn)).await;
    }
    let reviewed = nested_sets::of_call(&state, &call)?;
    let content = asked(&state, &call, &stack, (&mut input, reviewed.as_ref())).await?;
    check_changes(&state, &call, &stack, &content)?;
    stack.disable_rollback = input.disable_rollback.unwrap_or(false);
    let mut begun = operation(&call, OperationKind::Update, input.client_request_token);
    begun.is_led = way.is_some();
    begun.change_set_id = reviewed.map(|set| set.id);
    let change_set_id = begun.change_set_id.clone();
    begun.before = before(&mut stack, content);
    let (body, url) = (input.stack_policy_during_update_body, input.stack_policy_during_update_url);
    begun.policy = policy(&call, body, url).await?;
    let policy = policy(&call, input.stack_policy_body, input.stack_policy_url).await?;
    role::act(&call, &mut stack, input.role_arn, &mut begun).await?;
    let changed = stack.clone();
    let edit = |next: &mut StackRecord| {
        next.disable_rollback = changed.disable_rollback;
        next.retain_except_on_create = input.retain_except_on_create.unwrap_or(false);
        next.policy = policy.or(next.policy.take());
        next.change_set_id = change_set_id.or(next.change_set_id.take());
        take_up(next, changed);
    };
    let begun = Begun { operation: begun, request };
    let stack = Box::pin(begin(&state, &call, stack, begun, status::UPDATE_IN_PROGRESS, edit)).await?;
    let operation_id = Some(model::operation_id(&stack.id, stack.operations));
    Ok(api::UpdateStackOutput { stack_id: Some(stack.id), operation_id })
}

/// What identifies a request besides its token.
fn digest(input: &api::UpdateStackInput) -> String {
    token::digest(&[
        &"UpdateStack",
        &(&input.template_body, &input.template_url, &input.use_previous_template, &input.capabilities),
        &(&input.role_arn, &input.disable_rollback, &input.parameters, &input.tags),
        &(&input.stack_policy_body, &input.stack_policy_url, &input.retain_except_on_create),
        &(&input.stack_policy_during_update_body, &input.stack_policy_during_update_url),
    ])
}

/// What the call asks the stack to be.
async fn asked(
    state: &CloudFormation,
    call: &Call,
    stack: &StackRecord,
    (input, reviewed): (&mut api::UpdateStackInput, Option<&ChangeSetRecord>),
) -> Result<Content, Error> {
    let exports = exports::all(&state.store, call.account(), call.region().as_str())?;
    let same = input.use_previous_template.unwrap_or(false).then(|| stack.content.template.clone());
    let text = match reviewed {
        Some(set) => set.content.template.clone(),
        None => {
            body(call, input.template_body.as_ref(), input.template_url.as_ref(), same.as_deref()).await?
        }
    };
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), &stack.name, &stack.id);
    let mut given = prepare::given(&input.parameters.take().unwrap_or_default())?;
    prepare::as_before(&mut given, &stack.content, &text);
    let capabilities = input.capabilities.take().unwrap_or_default();
    prepare::check_includes(&text, &capabilities)?;
    let included = Included::of(call, &text, &given, &previous(Some(stack)), &pseudo).await?;
    let now = reviewed.map_or_else(|| call.now(), |set| set.created_at);
    let request = Request {
        body: &text,
        is_new: same.is_none() && reviewed.is_none(),
        given,
        tags: input.tags.take().map_or_else(|| stack.content.tags.clone(), pairs),
        capabilities,
        by_change_set: false,
        previous: previous(Some(stack)),
        pseudo,
        included: &included,
        now,
        exports: &exports,
        pipeline: call.pipeline(),
    };
    Ok(prepare::content(request)?.0)
}

fn no_updates() -> Error {
    Error::Validation("No updates are to be performed.".to_owned())
}

/// Refuses an update that changes nothing, or the type of a resource.
fn check_changes(
    state: &CloudFormation,
    call: &Call,
    stack: &StackRecord,
    content: &Content,
) -> Result<(), Error> {
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), &stack.name, &stack.id);
    let old = prepare::plan(&stack.content, pseudo.clone())?;
    let new = prepare::plan(content, pseudo)?;
    let records = stacks::resources(&state.store, &stack.id)?;
    let sides = Sides { old: Some((&old, &stack.content)), new: (&new, content), records: &records };
    let is_nothing = diff::is_nothing(&sides)?;
    // What stopped half-way is tried again, as it was asked.
    if is_nothing && stack.firm.is_none() && stack.stood_firm() {
        return Err(no_updates());
    }
    Ok(())
}

/// Gives what is stored the content and the role that an operation was made ready with.
pub(crate) fn take_up(stored: &mut StackRecord, ready: StackRecord) {
    stored.content = ready.content;
    stored.firm = ready.firm;
    stored.role_arn = ready.role_arn;
}

/// Sets a stack's new content, and answers what it goes back to if the update fails.
/// nothing, where it never stood firm.
pub(crate) fn before(stack: &mut StackRecord, content: Content) -> Option<Content> {
    let stood = stack.stood_firm();
    let old = std::mem::replace(&mut stack.content, content);
    stack.firm.take().or(stood.then_some(old))
}
