//! Change sets: computed when they are made, done when they are executed.

use std::sync::Arc;

use service::{Call, Permit};

use super::stacks::{Begun, begin, busy, check_count, new_stack};
use super::update::{before, take_up};
use super::{body, find, operation, page, pairs, previous, refuse, token};
use crate::CloudFormation;
use crate::api;
use crate::diff::{self, Sides};
use crate::error::{Error, no_stack};
use crate::exports;
use crate::included::Included;
use crate::model::{self, status};
use crate::prepare::{self, Request};
use crate::records::{ChangeSetRecord, OnFailure, OperationKind, StackRecord, VERSION};
use crate::role;
use crate::stacks;
use crate::view;

type State = Arc<CloudFormation>;

/// Why a change set without changes fails; clients look for these words.
const NOTHING_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

pub(crate) async fn create(
    state: State,
    permit: Permit<api::CreateChangeSet>,
) -> Result<api::CreateChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let creates = creates(&input)?;
    let on_stack_failure = on_failure(input.on_stack_failure.as_deref(), creates)?;
    if let Some(made) = made_before(&state, &call, &input)? {
        return Ok(made);
    }
    let stack = subject(&state, &call, (&input.stack_name, &input.change_set_name), creates)?;
    let same = input.use_previous_template.unwrap_or(false).then(|| stack.content.template.clone());
    let text =
        body(&call, input.template_body.as_ref(), input.template_url.as_ref(), same.as_deref()).await?;
    let exports = exports::all(&state.store, call.account(), call.region().as_str())?;
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), &stack.name, &stack.id);
    let given = prepare::given(&input.parameters.unwrap_or_default())?;
    let before_now = previous((!creates).then_some(&stack));
    let included = Included::of(&call, &text, &given, &before_now, &pseudo).await?;
    let request = Request {
        body: &text,
        given,
        tags: input.tags.map_or_else(|| stack.content.tags.clone(), pairs),
        capabilities: input.capabilities.unwrap_or_default(),
        by_change_set: true,
        previous: before_now,
        pseudo: pseudo.clone(),
        included: &included,
        exports: &exports,
        pipeline: call.pipeline(),
    };
    let (content, plan) = prepare::content(request)?;
    refuse(&[("ImportExistingResources", input.import_existing_resources.unwrap_or(false))])?;
    let old = if creates { None } else { Some(prepare::plan(&stack.content, pseudo)?) };
    let records = stacks::resources(&state.store, &stack.id)?;
    let sides = Sides {
        old: old.as_ref().map(|old| (old, &stack.content)),
        new: (&plan, &content),
        records: &records,
    };
    // What stopped half-way can be tried again as it was asked.
    let is_half_way = stack.firm.is_some() || !stack.stood_firm();
    let (changes, empty) = (diff::changes(&sides)?, diff::is_nothing(&sides)? && !is_half_way);
    let name = input.change_set_name;
    let arn = format!("changeSet/{name}/{}", crypto::random::uuid());
    let set = ChangeSetRecord {
        version: VERSION,
        id: base::Arn::new("cloudformation", call.region().as_str(), call.account().as_str(), arn)
            .to_string(),
        name,
        description: input.description,
        created_at: call.now(),
        status: if empty { "FAILED" } else { "CREATE_COMPLETE" }.to_owned(),
        reason: empty.then(|| NOTHING_CHANGES.to_owned()),
        execution_status: if empty { "UNAVAILABLE" } else { "AVAILABLE" }.to_owned(),
        creates,
        content,
        changes,
        role_arn: input.role_arn,
        stack_operations: stack.operations,
        client_token: input.client_token,
        on_stack_failure,
        // Tools ask for nested stacks whatever the template. What would change inside of one is not told.
        include_nested_stacks: input.include_nested_stacks.unwrap_or(false),
    };
    let (id, stack_id) = (set.id.clone(), stack.id.clone());
    write(&call, stack, set).await?;
    Ok(api::CreateChangeSetOutput { id: Some(id), stack_id: Some(stack_id) })
}

/// What the same call with the same token made before.
fn made_before(
    state: &CloudFormation,
    call: &Call,
    input: &api::CreateChangeSetInput,
) -> Result<Option<api::CreateChangeSetOutput>, Error> {
    let Some(stack) = find(state, call, &input.stack_name)?.filter(|_| input.client_token.is_some()) else {
        return Ok(None);
    };
    let set = stacks::change_set(&state.store, &stack.id, &input.change_set_name)?;
    let same = set.filter(|set| set.client_token == input.client_token);
    Ok(same.map(|set| api::CreateChangeSetOutput { id: Some(set.id), stack_id: Some(stack.id) }))
}

/// Whether a change set creates its stack; what it cannot do is refused.
fn creates(input: &api::CreateChangeSetInput) -> Result<bool, Error> {
    refuse(&[
        ("ResourcesToImport", input.resources_to_import.as_ref().is_some_and(|list| !list.is_empty())),
        ("NotificationARNs", input.notification_arns.as_ref().is_some_and(|arns| !arns.is_empty())),
        ("ResourceTypes", input.resource_types.as_ref().is_some_and(|types| !types.is_empty())),
        ("DeploymentMode", input.deployment_mode.is_some()),
    ])?;
    match input.change_set_type.as_deref() {
        Some("CREATE") => Ok(true),
        None | Some("UPDATE") => Ok(false),
        Some(other) => Err(Error::Validation(format!("ChangeSetType {other} is not supported here."))),
    }
}

/// What is to become of a stack whose creation or change by the change set fails.
fn on_failure(choice: Option<&str>, creates: bool) -> Result<Option<OnFailure>, Error> {
    match choice {
        None => Ok(None),
        Some("DELETE") if creates => Ok(Some(OnFailure::Delete)),
        Some("DELETE") => Err(Error::Validation(
            "OnStackFailure DELETE can only be used with a change set of type CREATE".to_owned(),
        )),
        Some("DO_NOTHING") => Ok(Some(OnFailure::Nothing)),
        Some(_) => Ok(Some(OnFailure::Rollback)),
    }
}

/// The stack that a change set is for; for one that creates it, a stack that waits for review.
fn subject(
    state: &CloudFormation,
    call: &Call,
    (name, set): (&str, &str),
    creates: bool,
) -> Result<StackRecord, Error> {
    let found = find(state, call, name)?.filter(|stack| stack.status != status::DELETE_COMPLETE);
    match (found, creates) {
        (Some(stack), true) if stack.status == status::REVIEW_IN_PROGRESS => Ok(stack),
        (Some(stack), true) => Err(Error::Validation(format!(
            "Stack [{}] already exists and cannot be created again with the changeSet [{set}].",
            stack.name
        ))),
        (None, true) => {
            model::check_name(name)?;
            check_count(state, call)?;
            let mut stack = new_stack(call, name);
            status::REVIEW_IN_PROGRESS.clone_into(&mut stack.status);
            stack.reason = Some("User Initiated".to_owned());
            Ok(stack)
        }
        (Some(stack), false) if model::can_update(&stack.status) => Ok(stack),
        (Some(stack), false) => Err(busy(&stack, "updated")),
        (None, false) => Err(no_stack(name)),
    }
}

async fn write(call: &Call, stack: StackRecord, set: ChangeSetRecord) -> Result<(), Error> {
    let now = call.now();
    call.transact(|tx| {
        let stored = stacks::find(tx, stack.account, call.region(), &stack.name)?;
        if stored.as_ref().is_some_and(|stored| stored.id != stack.id) {
            return Err(Error::AlreadyExists(format!("Stack [{}] already exists", stack.name)));
        }
        if stacks::change_set(tx, &stack.id, &set.name)?.is_some() {
            return Err(Error::AlreadyExists(format!("ChangeSet {} already exists", set.name)));
        }
        if stored.is_none() {
            let subject = (stack.name.clone(), stack.id.clone());
            let told = (subject.0.as_str(), Some(subject.1.as_str()), "AWS::CloudFormation::Stack");
            let event = stacks::event(&stack, told, status::REVIEW_IN_PROGRESS, Some("User Initiated"), now);
            stacks::add_event(tx, &stack, &event)?;
            stacks::save(tx, &stack)?;
        }
        stacks::save_change_set(tx, &stack.id, &set)
    })
    .await
}

/// A change set by its name and its stack, or by its ARN alone.
fn lookup(
    state: &CloudFormation,
    call: &Call,
    stack: Option<&String>,
    name: &str,
) -> Result<(StackRecord, ChangeSetRecord), Error> {
    let missing = || Error::ChangeSetNotFound(format!("ChangeSet [{name}] does not exist"));
    if let Some(stack) = stack {
        let stack = find(state, call, stack)?.ok_or_else(|| no_stack(stack))?;
        let set = stacks::change_set(&state.store, &stack.id, name)?.ok_or_else(missing)?;
        return Ok((stack, set));
    }
    if !name.starts_with("arn:") {
        return Err(Error::Validation(
            "StackName must be specified if ChangeSetName is not specified as an ARN.".to_owned(),
        ));
    }
    for stack in stacks::live(&state.store, call.account(), call.region())? {
        if let Some(set) = stacks::change_set(&state.store, &stack.id, name)? {
            return Ok((stack, set));
        }
    }
    Err(missing())
}

pub(crate) async fn describe(
    state: State,
    permit: Permit<api::DescribeChangeSet>,
) -> Result<api::DescribeChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let (stack, set) = lookup(&state, &call, input.stack_name.as_ref(), &input.change_set_name)?;
    let (changes, next_token) = page(set.changes.clone(), input.next_token.as_ref())?;
    let execution_status = view::execution_status(&stack, &set);
    Ok(api::DescribeChangeSetOutput {
        change_set_name: Some(set.name),
        change_set_id: Some(set.id),
        stack_id: Some(stack.id),
        stack_name: Some(stack.name),
        description: set.description,
        parameters: Some(view::parameters(&set.content.parameters)),
        creation_time: Some(set.created_at),
        execution_status: Some(execution_status),
        status: Some(set.status),
        status_reason: set.reason,
        notification_arns: Some(Vec::new()),
        rollback_configuration: Some(api::RollbackConfiguration::default()),
        capabilities: Some(set.content.capabilities),
        tags: Some(view::tags(&set.content.tags)),
        changes: Some(changes.iter().map(view::change).collect()),
        next_token,
        include_nested_stacks: Some(set.include_nested_stacks),
        on_stack_failure: set.on_stack_failure.map(|choice| choice.name().to_owned()),
        ..api::DescribeChangeSetOutput::default()
    })
}

pub(crate) async fn execute(
    state: State,
    permit: Permit<api::ExecuteChangeSet>,
) -> Result<api::ExecuteChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let (mut stack, set) = lookup(&state, &call, input.stack_name.as_ref(), &input.change_set_name)?;
    let request = token::digest(&[&"ExecuteChangeSet", &set.id, &input.disable_rollback]);
    if token::repeated(&stack, input.client_request_token.as_ref(), &request)?.is_some() {
        return Ok(api::ExecuteChangeSetOutput {});
    }
    if set.on_stack_failure.is_some() && input.disable_rollback.is_some() {
        let message = "You can specify either DisableRollback or OnStackFailure, but not both.";
        return Err(Error::Validation(message.to_owned()));
    }
    if set.execution_status != "AVAILABLE" || set.stack_operations != stack.operations {
        return Err(Error::InvalidChangeSetStatus(format!(
            "ChangeSet [{}] cannot be executed in its current status of [{}]",
            set.id, set.status
        )));
    }
    let (kind, next) = if set.creates {
        (OperationKind::Create, status::CREATE_IN_PROGRESS)
    } else {
        (OperationKind::Update, status::UPDATE_IN_PROGRESS)
    };
    if !set.creates && !model::can_update(&stack.status) {
        return Err(busy(&stack, "updated"));
    }
    let mut begun = operation(&call, kind, input.client_request_token);
    let before = before(&mut stack, set.content.clone());
    begun.before = before.filter(|_| !set.creates);
    role::act(&call, &mut stack, set.role_arn.clone(), &mut begun).await?;
    let ready = stack.clone();
    let edit = |stack: &mut StackRecord| {
        let on_failure = set.on_stack_failure.unwrap_or(OnFailure::Rollback);
        stack.disable_rollback = input.disable_rollback.unwrap_or(on_failure == OnFailure::Nothing);
        stack.on_failure = on_failure;
        stack.change_set_id = Some(set.id.clone());
        take_up(stack, ready);
    };
    let begun = Begun { operation: begun, request };
    let stack = Box::pin(begin(&state, &call, stack, begun, next, edit)).await?;
    // Executing one change set uses up all of them: they were computed for the stack as it was.
    state
        .store
        .transact(|tx| {
            for other in stacks::change_sets(&state.store, &stack.id)? {
                if other.name != set.name {
                    stacks::drop_change_set(tx, &stack.id, &other.name)?;
                }
            }
            let done = ChangeSetRecord { execution_status: "EXECUTE_COMPLETE".to_owned(), ..set };
            stacks::save_change_set(tx, &stack.id, &done)
        })
        .await?;
    Ok(api::ExecuteChangeSetOutput {})
}

pub(crate) async fn delete(
    state: State,
    permit: Permit<api::DeleteChangeSet>,
) -> Result<api::DeleteChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let found = match lookup(&state, &call, input.stack_name.as_ref(), &input.change_set_name) {
        // What is not there is deleted already, as on AWS.
        Err(Error::ChangeSetNotFound(_)) => return Ok(api::DeleteChangeSetOutput {}),
        found => found?,
    };
    let (stack, set) = found;
    call.transact(|tx| stacks::drop_change_set(tx, &stack.id, &set.name)).await?;
    Ok(api::DeleteChangeSetOutput {})
}

pub(crate) async fn list(
    state: State,
    permit: Permit<api::ListChangeSets>,
) -> Result<api::ListChangeSetsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let stack = find(&state, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
    let sets = stacks::change_sets(&state.store, &stack.id)?;
    let (sets, next_token) = page(sets, input.next_token.as_ref())?;
    let summaries = Some(sets.iter().map(|set| view::change_set_summary(&stack, set)).collect());
    Ok(api::ListChangeSetsOutput { summaries, next_token })
}
