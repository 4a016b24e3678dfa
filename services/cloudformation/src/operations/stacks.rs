//! Creates and deletes stacks: decides, writes the operation, and lets the engine carry it out.

use std::sync::Arc;

use base::Timestamp;
use service::{Call, Permit};
use store::Transaction;

use super::{body, find, nested_sets, object, operation, outer, pairs, previous, protection, refuse, token};
use crate::CloudFormation;
use crate::api;
use crate::engine;
use crate::error::{Error, no_stack};
use crate::exports;
use crate::included::Included;
use crate::model::{self, status};
use crate::prepare::{self, Request};
use crate::records::{Content, OnFailure, OperationKind, OperationRecord, StackRecord, VERSION};
use crate::role;
use crate::stack_policy::{self, StackPolicy};
use crate::stacks;

/// The type under which a stack appears in its own events.
const STACK: &str = "AWS::CloudFormation::Stack";

type State = Arc<CloudFormation>;

pub(crate) async fn create(
    state: State,
    permit: Permit<api::CreateStack>,
) -> Result<api::CreateStackOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    model::check_name(&input.stack_name)?;
    refuse(&[
        ("NotificationARNs", input.notification_arns.as_ref().is_some_and(|arns| !arns.is_empty())),
        ("RollbackConfiguration", triggers(input.rollback_configuration.as_ref())),
        ("ResourceTypes", input.resource_types.as_ref().is_some_and(|types| !types.is_empty())),
    ])?;
    if input.disable_rollback.is_some() && input.on_failure.is_some() {
        let message = "You can specify either DisableRollback or OnFailure, but not both.";
        return Err(Error::Validation(message.to_owned()));
    }
    let asked = digest(&input);
    if let Some(made) = find(&call.view()?, &call, &input.stack_name)?
        && let Some(number) = token::repeated(&made, input.client_request_token.as_ref(), &asked)?
    {
        let operation_id = Some(model::operation_id(&made.id, number));
        return Ok(api::CreateStackOutput { stack_id: Some(made.id), operation_id });
    }
    let reviewed = nested_sets::of_call(&state, &call)?;
    let text = match &reviewed {
        Some(set) => set.content.template.clone(),
        None => body(&call, input.template_body.as_ref(), input.template_url.as_ref(), None).await?,
    };
    // A stack that waits for review of a change set is made by this call in its place.
    let waiting = find(&call.view()?, &call, &input.stack_name)?;
    let waiting = waiting.filter(|stack| stack.status == status::REVIEW_IN_PROGRESS);
    let mut stack = waiting.unwrap_or_else(|| new_stack(&call, &input.stack_name));
    nest(&state, &call, &mut stack)?;
    let now = reviewed.as_ref().map_or_else(|| call.now(), |set| set.created_at);
    let content = content(&state, &call, (&stack, &text, now), &mut input).await?;
    let on_failure = match input.on_failure.as_deref() {
        Some("DELETE") => OnFailure::Delete,
        Some("DO_NOTHING") => OnFailure::Nothing,
        _ => OnFailure::Rollback,
    };
    let policy = policy(&call, input.stack_policy_body, input.stack_policy_url).await?;
    check_count(&state, &call)?;
    let mut begun = operation(&call, OperationKind::Create, input.client_request_token);
    begun.change_set_id = reviewed.map(|set| set.id);
    let change_set_id = begun.change_set_id.clone();
    role::act(&call, &mut stack, input.role_arn, &mut begun).await?;
    let role_arn = stack.role_arn.clone();
    let edit = |next: &mut StackRecord| {
        next.content = content;
        next.disable_rollback = input.disable_rollback.unwrap_or(false);
        next.on_failure = on_failure;
        next.retain_except_on_create = input.retain_except_on_create.unwrap_or(false);
        next.timeout_minutes = input.timeout_in_minutes.and_then(|minutes| u32::try_from(minutes).ok());
        // Protection that a stack in review was given stays.
        next.termination_protection |= input.enable_termination_protection.unwrap_or(false);
        next.policy = policy.or(next.policy.take());
        next.role_arn = role_arn;
        next.change_set_id = change_set_id;
    };
    let begun = Begun { operation: begun, request: asked };
    let stack = Box::pin(begin(&state, &call, stack, begun, status::CREATE_IN_PROGRESS, edit)).await?;
    let operation_id = Some(model::operation_id(&stack.id, stack.operations));
    Ok(api::CreateStackOutput { stack_id: Some(stack.id), operation_id })
}

/// What the call asks the stack to be.
async fn content(
    state: &CloudFormation,
    call: &Call,
    (stack, text, now): (&StackRecord, &str, Timestamp),
    input: &mut api::CreateStackInput,
) -> Result<Content, Error> {
    let exports = exports::all(&state.store, call.account(), call.region().as_str())?;
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), &stack.name, &stack.id);
    let given = prepare::given(&input.parameters.take().unwrap_or_default())?;
    let capabilities = input.capabilities.take().unwrap_or_default();
    prepare::check_includes(text, &capabilities)?;
    let included = Included::of(call, text, &given, &previous(None), &pseudo).await?;
    let request = Request {
        body: text,
        is_new: true,
        given,
        tags: pairs(input.tags.take().unwrap_or_default()),
        capabilities,
        by_change_set: false,
        previous: previous(None),
        pseudo,
        included: &included,
        now,
        exports: &exports,
        pipeline: call.pipeline(),
    };
    Ok(prepare::content(request)?.0)
}

/// What identifies a request besides its token.
fn digest(input: &api::CreateStackInput) -> String {
    token::digest(&[
        &"CreateStack",
        &(&input.template_body, &input.template_url, &input.capabilities, &input.role_arn),
        &(&input.disable_rollback, &input.on_failure, &input.timeout_in_minutes),
        &input.retain_except_on_create,
        &(&input.enable_termination_protection, &input.stack_policy_body, &input.stack_policy_url),
        &(&input.parameters, &input.tags),
    ])
}

/// A stack policy that was checked.
pub(crate) async fn policy(
    call: &Call,
    body: Option<String>,
    url: Option<String>,
) -> Result<Option<String>, Error> {
    let text = match (body, url) {
        (Some(_), Some(_)) => {
            let message = "You cannot specify both StackPolicyURL and StackPolicyBody";
            return Err(Error::Validation(message.to_owned()));
        }
        (None, Some(url)) => Some(object(call, &url, "StackPolicyURL", stack_policy::BYTES_MAX).await?),
        (body, None) => body,
    };
    text.map(|text| StackPolicy::parse(&text).map(|_| text)).transpose()
}

/// Refuses a stack more than an account may have.
pub(crate) fn check_count(state: &CloudFormation, call: &Call) -> Result<(), Error> {
    if stacks::count(&state.store, call.account(), call.region())? < model::STACKS_MAX {
        return Ok(());
    }
    Err(Error::LimitExceeded(format!("Limit for stack has been exceeded: {}", model::STACKS_MAX)))
}

/// True where a rollback configuration asks for anything.
pub(crate) fn triggers(configuration: Option<&api::RollbackConfiguration>) -> bool {
    configuration
        .and_then(|configuration| configuration.rollback_triggers.as_ref())
        .is_some_and(|list| !list.is_empty())
}

/// Nests a new stack in the one whose resource it is: that one marks what it makes.
pub(crate) fn nest(state: &CloudFormation, call: &Call, stack: &mut StackRecord) -> Result<(), Error> {
    let parent = |stack: &StackRecord| {
        stacks::by_id(&state.store, stack.account, &stack.region, stack.parent_id.as_deref()?).ok()?
    };
    stack.parent_id = outer::caller(call).map(|(id, _)| id);
    let mut above = parent(stack);
    for _ in 0..model::NESTED_MAX {
        let Some(found) = above else { return Ok(()) };
        stack.root_id = Some(found.id.clone());
        above = parent(&found);
    }
    let deepest = model::NESTED_MAX;
    Err(Error::LimitExceeded(format!("Stacks are nested at most {deepest} deep.")))
}

/// A stack that is not written yet.
pub(crate) fn new_stack(call: &Call, name: &str) -> StackRecord {
    let id = model::stack_arn(call.region().as_str(), call.account().as_str(), name, &crypto::random::uuid());
    StackRecord {
        version: VERSION,
        id,
        name: name.to_owned(),
        account: call.account(),
        region: call.region().as_str().to_owned(),
        status: String::new(),
        reason: None,
        created_at: call.now(),
        updated_at: None,
        deleted_at: None,
        content: Content::default(),
        outputs: Vec::new(),
        disable_rollback: false,
        on_failure: OnFailure::Rollback,
        termination_protection: false,
        policy: None,
        events: 0,
        operations: 0,
        last_operation: None,
        operation: None,
        firm: None,
        role_arn: None,
        tokens: Vec::new(),
        change_set_id: None,
        parent_id: None,
        root_id: None,
        timeout_minutes: None,
        drift: None,
        retain_except_on_create: false,
        waiting: None,
        outputs_before: None,
        turned_back: None,
    }
}

/// An operation that is to begin, and what identifies the request for it.
pub(crate) struct Begun {
    pub(crate) operation: OperationRecord,
    pub(crate) request: String,
}

/// Writes an operation into a stack and starts it. The stack's state is checked again under the transaction, and `edit`
/// changes what is stored then: what others were told is done to the stack since `seen` was read stays done. Where the same
/// request came at the same time under the same token and was first, nothing is written, and its operation is the answer's.
pub(crate) async fn begin(
    state: &State,
    call: &Call,
    seen: StackRecord,
    begun: Begun,
    status: &'static str,
    edit: impl FnOnce(&mut StackRecord) + Send,
) -> Result<StackRecord, Error> {
    let now = call.now();
    let (stack, is_new) = call
        .transact(|tx| {
            let mut next = match stacks::find(tx, seen.account, call.region(), &seen.name)? {
                Some(mut stored) => {
                    let token = begun.operation.token.as_ref();
                    if let Some(number) = token::repeated(&stored, token, &begun.request)? {
                        stored.operations = number;
                        return Ok((stored, false));
                    }
                    check_unchanged(&stored, &seen, (status, begun.operation.is_led))?;
                    stored
                }
                None if seen.status.is_empty() => seen,
                // It was deleted meanwhile.
                None => return Err(no_stack(&seen.name)),
            };
            edit(&mut next);
            Ok((write(tx, next, begun, status, now)?, true))
        })
        .await?;
    if is_new {
        engine::start(state, call.pipeline(), &stack);
    }
    Ok(stack)
}

/// Writes an operation into a stack, with the event of its first status.
fn write(
    tx: &mut Transaction<'_>,
    mut next: StackRecord,
    Begun { operation, request }: Begun,
    status: &'static str,
    now: Timestamp,
) -> Result<StackRecord, Error> {
    // A creation that goes on hears of it and stops.
    let takes_over = next.operation.is_some();
    next.operations += 1;
    next.last_operation = Some(operation.name().to_owned());
    token::remember(&mut next, operation.token.as_ref(), &request);
    next.operation = Some(operation);
    next.waiting = None;
    status.clone_into(&mut next.status);
    next.reason = Some("User Initiated".to_owned());
    next.turned_back = None;
    let told = (next.name.as_str(), Some(next.id.as_str()), STACK);
    let event = stacks::event(&next, told, status, next.reason.as_deref(), now);
    stacks::set_cancelled(tx, &next, takes_over)?;
    stacks::add_event(tx, &next, &event)?;
    stacks::save(tx, &next)?;
    Ok(next)
}

fn check_unchanged(
    stored: &StackRecord,
    seen: &StackRecord,
    (to, is_led): (&str, bool),
) -> Result<(), Error> {
    if stored.id != seen.id {
        return Err(Error::AlreadyExists(format!("Stack [{}] already exists", seen.name)));
    }
    if !model::may_begin(stored.begins_from(is_led), to) || stored.operation.is_some() {
        return Err(busy(stored, "updated"));
    }
    // Another operation began and ended meanwhile: what was made ready here was made for a stack that is no more.
    if stored.operations != seen.operations {
        let name = &seen.name;
        return Err(Error::Validation(format!(
            "Stack [{name}] was changed by another operation while this one was made ready. Ask again."
        )));
    }
    Ok(())
}

/// `Stack:… is in … state and can not be updated.`
pub(crate) fn busy(stack: &StackRecord, verb: &str) -> Error {
    Error::Validation(format!("Stack:{} is in {} state and can not be {verb}.", stack.id, stack.status))
}

pub(crate) async fn delete(state: State, permit: Permit<api::DeleteStack>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    refuse(&[("DeletionMode", input.deletion_mode.as_deref().is_some_and(|mode| mode != "STANDARD"))])?;
    // A stack that is not there is deleted already, as on AWS.
    let Some(mut stack) = find(&call.view()?, &call, &input.stack_name)? else { return Ok(()) };
    if model::is_going(&stack.status) {
        return Ok(());
    }
    let request = token::digest(&[&"DeleteStack", &(&input.retain_resources, &input.role_arn)]);
    if token::repeated(&stack, input.client_request_token.as_ref(), &request)?.is_some() {
        return Ok(());
    }
    let retain = input.retain_resources.unwrap_or_default();
    // What the outer stack does to its own resource, its own protection allows already.
    let is_outer = |stack: &StackRecord| outer::calls(&call, stack);
    let protected = protection::is_protected(&state.store, &stack)? && !is_outer(&stack);
    check_deletable(&stack, (is_outer(&stack), protected), &retain)?;
    let mut begun = operation(&call, OperationKind::Delete, input.client_request_token);
    begun.retain = retain;
    role::act(&call, &mut stack, input.role_arn, &mut begun).await?;
    let now = call.now();
    let written = call
        .transact(|tx| {
            let stored = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
            // Of several who ask at once, one deletes it, and all are answered the same.
            let Some(stored) = stored.filter(|stored| !model::is_going(&stored.status)) else {
                return Ok(None);
            };
            let protected = protection::is_protected(tx, &stored)? && !is_outer(&stored);
            check_deletable(&stored, (is_outer(&stored), protected), &begun.retain)?;
            begun.from = Some(stored.status.clone()).filter(|status| !status.ends_with("_IN_PROGRESS"));
            let next = StackRecord { role_arn: stack.role_arn, ..stored };
            let begun = Begun { operation: begun, request };
            write(tx, next, begun, status::DELETE_IN_PROGRESS, now).map(Some)
        })
        .await?;
    if let Some(written) = written {
        engine::start(&state, call.pipeline(), &written);
    }
    Ok(())
}

/// Refuses what a stack's protection or state does not allow.
fn check_deletable(
    stack: &StackRecord,
    (is_outer, protected): (bool, bool),
    retain: &[String],
) -> Result<(), Error> {
    let refused =
        |why: &str| Err(Error::Validation(format!("Stack [{}] cannot be deleted while {why}", stack.name)));
    if protected {
        return refused("TerminationProtection is enabled");
    }
    if !model::can_delete(stack.begins_from(is_outer)) {
        return refused(&format!("in status {}", stack.status));
    }
    if !retain.is_empty() && stack.status != status::DELETE_FAILED {
        return Err(Error::Validation(
            "Invalid operation on stack: RetainResources can only be used on a stack in the DELETE_FAILED state.".to_owned(),
        ));
    }
    Ok(())
}
