//! Change sets: computed when they are made, done when they are executed.

use std::sync::Arc;

use serde_json::Value;
use service::{Call, Permit};
use store::Read;
use template::parameter::Given;

use super::nested_sets::{self, FROM_THE_ROOT, Nests};
use super::stacks::{Begun, begin, busy, check_count, nest, new_stack};
use super::update::{before, take_up};
use super::{body, find, operation, outer, page, pairs, previous, refuse, token};
use crate::CloudFormation;
use crate::api;
use crate::diff::{self, Sides};
use crate::error::{Error, no_stack};
use crate::exports;
use crate::foreseen::{self, KNOWN_LATER};
use crate::included::Included;
use crate::model::{self, status};
use crate::prepare::{self, Request};
use crate::records::{
    ChangeRecord, ChangeSetRecord, Content, OnFailure, OperationKind, StackRecord, VERSION,
};
use crate::role;
use crate::stacks;
use crate::values;
use crate::view;

type State = Arc<CloudFormation>;

/// Why a change set without changes fails; clients look for these words.
pub(super) const NOTHING_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";

pub(crate) async fn create(
    state: State,
    permit: Permit<api::CreateChangeSet>,
) -> Result<api::CreateChangeSetOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    let creates = creates(&input)?;
    let on_stack_failure = on_failure(input.on_stack_failure.as_deref(), creates)?;
    if let Some(made) = made_before(&call, &input)? {
        return Ok(made);
    }
    let stack = subject(&state, &call, (&input.stack_name, &input.change_set_name), creates)?;
    let around = nested_sets::around(&call);
    let mut computed = match computed(&state, &call, (&stack, creates), &mut input).await {
        // The change set around this one tells of it, and whoever asks finds here why.
        Err(Error::Validation(why) | Error::InsufficientCapabilities(why)) if around.is_some() => {
            Computed { refused: Some(why), content: stack.content.clone(), ..Computed::default() }
        }
        other => other?,
    };
    let name = input.change_set_name;
    let arn = format!("changeSet/{name}/{}", crypto::random::uuid());
    let mut set = ChangeSetRecord {
        version: VERSION,
        id: base::Arn::new("cloudformation", call.region().as_str(), call.account().as_str(), arn)
            .to_string(),
        name,
        description: input.description,
        created_at: call.now(),
        status: "CREATE_IN_PROGRESS".to_owned(),
        reason: None,
        execution_status: "UNAVAILABLE".to_owned(),
        creates,
        content: std::mem::take(&mut computed.content),
        changes: std::mem::take(&mut computed.changes),
        role_arn: input.role_arn,
        stack_operations: stack.operations,
        client_token: input.client_token,
        on_stack_failure,
        include_nested_stacks: input.include_nested_stacks.unwrap_or(false),
        nested: Vec::new(),
        around,
    };
    let (id, stack_id) = (set.id.clone(), stack.id.clone());
    let Computed { nests, refused, is_same, .. } = computed;
    if let Some(nests) = nests {
        // Written before those of nested stacks are made: they are found from here, whatever happens meanwhile.
        write(&call, &stack, &set, true).await?;
        let made = nested_sets::make(&state, &call, (&stack, &mut set), &nests).await;
        let ended = match made {
            Ok(inner) => {
                conclude(&mut set, &inner, refused, is_same);
                write(&call, &stack, &set, false).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let now = call.now();
            state.store.transact(|tx| nested_sets::give_up(tx, &stack, &set, now)).await?;
            return Err(error);
        }
    } else {
        conclude(&mut set, &[], refused, is_same);
        write(&call, &stack, &set, true).await?;
    }
    Ok(api::CreateChangeSetOutput { id: Some(id), stack_id: Some(stack_id) })
}

/// What a change set would do.
#[derive(Default)]
struct Computed {
    content: Content,
    changes: Vec<ChangeRecord>,
    /// True where nothing changes besides the resources.
    is_same: bool,
    /// Of which nested stacks change sets are made with it.
    nests: Option<Nests>,
    /// Why it cannot be done.
    refused: Option<String>,
}

async fn computed(
    state: &CloudFormation,
    call: &Call,
    (stack, creates): (&StackRecord, bool),
    input: &mut api::CreateChangeSetInput,
) -> Result<Computed, Error> {
    let same = input.use_previous_template.unwrap_or(false).then(|| stack.content.template.clone());
    let text = body(call, input.template_body.as_ref(), input.template_url.as_ref(), same.as_deref()).await?;
    let exports = exports::all(&state.store, call.account(), call.region().as_str())?;
    let pseudo = prepare::pseudo(call.account().as_str(), call.region().as_str(), &stack.name, &stack.id);
    let mut given = prepare::given(&input.parameters.take().unwrap_or_default())?;
    if nested_sets::around(call).is_some() {
        given.values_mut().for_each(known_later);
    }
    let before_now = previous((!creates).then_some(stack));
    if !creates {
        prepare::as_before(&mut given, &stack.content, &text);
    }
    let included = Included::of(call, &text, &given, &before_now, &pseudo).await?;
    let request = Request {
        body: &text,
        is_new: same.is_none(),
        given,
        tags: input.tags.take().map_or_else(|| stack.content.tags.clone(), pairs),
        capabilities: input.capabilities.take().unwrap_or_default(),
        by_change_set: true,
        previous: before_now,
        pseudo: pseudo.clone(),
        included: &included,
        now: call.now(),
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
    let mut changes = diff::changes(&sides)?;
    // What stopped half-way can be tried again as it was asked.
    let is_half_way = stack.firm.is_some() || !stack.stood_firm();
    let is_same = !is_half_way && diff::is_same_besides(&sides)?;
    foreseen::tell(&sides, &mut changes, &exports);
    let nests = Nests { plan, records, exports };
    let nests = Some(nests).filter(|nests| input.include_nested_stacks.unwrap_or(false) && nests.is_any());
    Ok(Computed { content, changes, is_same, nests, refused: None })
}

/// A value of which a part is known only once the stack around is changed.
fn known_later(given: &mut Given) {
    if let Given::Value(text) = given
        && text.contains(KNOWN_LATER)
    {
        *given = Given::Later(std::mem::take(text));
    }
}

/// Says what a change set has come to.
fn conclude(set: &mut ChangeSetRecord, inner: &[ChangeSetRecord], refused: Option<String>, is_same: bool) {
    for nested in &set.nested {
        if let Some(change) = set.changes.iter_mut().find(|change| change.logical_id == nested.logical_id) {
            change.change_set_id = Some(nested.id.clone());
        }
    }
    let refused = refused.or_else(|| nested_sets::failed(inner).map(nested_sets::failure));
    let nothing = (is_same && set.changes.is_empty()).then(|| NOTHING_CHANGES.to_owned());
    let (status, reason, execution) = match (refused.or(nothing), &set.around) {
        (Some(why), _) => ("FAILED", Some(why), "UNAVAILABLE"),
        (None, Some(_)) => ("CREATE_COMPLETE", Some(FROM_THE_ROOT.to_owned()), "UNAVAILABLE"),
        (None, None) => ("CREATE_COMPLETE", None, "AVAILABLE"),
    };
    status.clone_into(&mut set.status);
    set.reason = reason;
    execution.clone_into(&mut set.execution_status);
}

/// What the same call with the same token made before.
fn made_before(
    call: &Call,
    input: &api::CreateChangeSetInput,
) -> Result<Option<api::CreateChangeSetOutput>, Error> {
    let view = call.view()?;
    let Some(stack) = find(&view, call, &input.stack_name)?.filter(|_| input.client_token.is_some()) else {
        return Ok(None);
    };
    let set = stacks::change_set(&view, &stack.id, &input.change_set_name)?;
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
    let found = find(&call.view()?, call, name)?.filter(|stack| stack.status != status::DELETE_COMPLETE);
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
            nest(state, call, &mut stack)?;
            status::REVIEW_IN_PROGRESS.clone_into(&mut stack.status);
            stack.reason = Some("User Initiated".to_owned());
            Ok(stack)
        }
        (Some(stack), false) if model::can_update(stack.begins_from(outer::calls(call, &stack))) => Ok(stack),
        (Some(stack), false) => Err(busy(&stack, "updated")),
        (None, false) => Err(no_stack(name)),
    }
}

/// Writes a change set, and its stack where it is the first that is told of it; `new` where none of its name may be there.
async fn write(call: &Call, stack: &StackRecord, set: &ChangeSetRecord, new: bool) -> Result<(), Error> {
    let now = call.now();
    call.transact(|tx| {
        let stored = stacks::find(tx, stack.account, call.region(), &stack.name)?;
        if stored.as_ref().is_some_and(|stored| stored.id != stack.id) {
            return Err(Error::AlreadyExists(format!("Stack [{}] already exists", stack.name)));
        }
        let there = stacks::change_set(tx, &stack.id, &set.name)?;
        if new && there.is_some() {
            return Err(Error::AlreadyExists(format!("ChangeSet {} already exists", set.name)));
        }
        if !new && there.is_none_or(|there| there.id != set.id) {
            return Err(Error::ChangeSetNotFound(format!("ChangeSet [{}] does not exist", set.id)));
        }
        if stored.is_none() {
            let subject = (stack.name.clone(), stack.id.clone());
            let told = (subject.0.as_str(), Some(subject.1.as_str()), "AWS::CloudFormation::Stack");
            let event = stacks::event(stack, told, status::REVIEW_IN_PROGRESS, Some("User Initiated"), now);
            stacks::add_event(tx, stack, &event)?;
            stacks::save(tx, stack)?;
        }
        stacks::save_change_set(tx, &stack.id, set)
    })
    .await
}

/// A change set by its name and its stack, or by its ARN alone.
fn lookup(
    reader: &impl Read,
    call: &Call,
    stack: Option<&String>,
    name: &str,
) -> Result<(StackRecord, ChangeSetRecord), Error> {
    let missing = || Error::ChangeSetNotFound(format!("ChangeSet [{name}] does not exist"));
    if let Some(stack) = stack {
        let stack = find(reader, call, stack)?.ok_or_else(|| no_stack(stack))?;
        let set = stacks::change_set(reader, &stack.id, name)?.ok_or_else(missing)?;
        return Ok((stack, set));
    }
    if !name.starts_with("arn:") {
        return Err(Error::Validation(
            "StackName must be specified if ChangeSetName is not specified as an ARN.".to_owned(),
        ));
    }
    for stack in stacks::live(reader, call.account(), call.region())? {
        if let Some(set) = stacks::change_set(reader, &stack.id, name)? {
            return Ok((stack, set));
        }
    }
    Err(missing())
}

pub(crate) async fn describe(
    _: State,
    permit: Permit<api::DescribeChangeSet>,
) -> Result<api::DescribeChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let (stack, set) = lookup(&view, &call, input.stack_name.as_ref(), &input.change_set_name)?;
    let (changes, next_token) = page(set.changes.clone(), input.next_token.as_ref())?;
    // What differs is told value by value on request.
    let told: Option<Value> = match input.include_property_values {
        Some(true) => Some(serde_json::from_str(&set.content.processed)?),
        _ => None,
    };
    let shown = |change: &ChangeRecord, told: Option<&Value>| match told {
        Some(template) => values::change(change, template),
        None => view::change(change),
    };
    let around = set.around.as_ref();
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
        changes: Some(changes.iter().map(|change| shown(change, told.as_ref())).collect()),
        next_token,
        include_nested_stacks: Some(set.include_nested_stacks),
        parent_change_set_id: around.map(|around| around.parent_id.clone()),
        root_change_set_id: around.map(|around| around.root_id.clone()),
        on_stack_failure: set.on_stack_failure.map(|choice| choice.name().to_owned()),
        ..api::DescribeChangeSetOutput::default()
    })
}

pub(crate) async fn execute(
    state: State,
    permit: Permit<api::ExecuteChangeSet>,
) -> Result<api::ExecuteChangeSetOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let (mut stack, set) = lookup(&call.view()?, &call, input.stack_name.as_ref(), &input.change_set_name)?;
    let request = token::digest(&[
        &"ExecuteChangeSet",
        &set.id,
        &(&input.disable_rollback, &input.retain_except_on_create),
    ]);
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
    begun.change_set_id = Some(set.id.clone());
    let before = before(&mut stack, set.content.clone());
    begun.before = before.filter(|_| !set.creates);
    role::act(&call, &mut stack, set.role_arn.clone(), &mut begun).await?;
    let ready = stack.clone();
    let edit = |stack: &mut StackRecord| {
        let on_failure = set.on_stack_failure.unwrap_or(OnFailure::Rollback);
        stack.disable_rollback = input.disable_rollback.unwrap_or(on_failure == OnFailure::Nothing);
        stack.on_failure = on_failure;
        stack.retain_except_on_create = input.retain_except_on_create.unwrap_or(false);
        stack.change_set_id = Some(set.id.clone());
        take_up(stack, ready);
    };
    let begun = Begun { operation: begun, request };
    let stack = Box::pin(begin(&state, &call, stack, begun, next, edit)).await?;
    let now = call.now();
    // Executing one change set uses up all of them: they were computed for the stack as it was.
    state
        .store
        .transact(|tx| {
            for other in stacks::change_sets(&state.store, &stack.id)? {
                if other.name != set.name {
                    nested_sets::drop_all(tx, &stack, &other, now)?;
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
    let found = match lookup(&call.view()?, &call, input.stack_name.as_ref(), &input.change_set_name) {
        // What is not there is deleted already, as on AWS.
        Err(Error::ChangeSetNotFound(_)) => return Ok(api::DeleteChangeSetOutput {}),
        found => found?,
    };
    let (stack, set) = found;
    if nested_sets::is_held(&state.store, &stack, &set)? {
        let message = format!("ChangeSet [{}] can only be deleted from the root change set.", set.id);
        return Err(Error::InvalidChangeSetStatus(message));
    }
    let now = call.now();
    call.transact(|tx| {
        let stored = stacks::by_id(tx, stack.account, &stack.region, &stack.id)?;
        let going_on = stored.and_then(|stored| stored.operation).and_then(|begun| begun.change_set_id);
        if going_on.as_ref() == Some(&set.id) {
            return Err(Error::InvalidChangeSetStatus(format!(
                "ChangeSet [{}] cannot be deleted in its current status of [EXECUTE_IN_PROGRESS]",
                set.id
            )));
        }
        nested_sets::drop_all(tx, &stack, &set, now)
    })
    .await?;
    Ok(api::DeleteChangeSetOutput {})
}

pub(crate) async fn list(
    _: State,
    permit: Permit<api::ListChangeSets>,
) -> Result<api::ListChangeSetsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let stack = find(&view, &call, &input.stack_name)?.ok_or_else(|| no_stack(&input.stack_name))?;
    let sets = stacks::change_sets(&view, &stack.id)?;
    let (sets, next_token) = page(sets, input.next_token.as_ref())?;
    let summaries = Some(sets.iter().map(|set| view::change_set_summary(&stack, set)).collect());
    Ok(api::ListChangeSetsOutput { summaries, next_token })
}
