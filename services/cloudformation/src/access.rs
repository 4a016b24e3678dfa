//! For each operation: the IAM action, how to find the stack, and the condition keys.
//!
//! Decides nothing and tells nothing of what exists: a name that finds no stack becomes the ARN that its stack would have.

use service::{Access, AccessRequest};

use crate::CloudFormation;
use crate::api;
use crate::error::Error;
use crate::stacks;

type Request<'a, I> = AccessRequest<'a, I>;

/// Leave for an action on the stack of this name or id.
fn to_stack<I>(request: &Request<'_, I>, action: &'static str, name_or_id: &str) -> Result<Access, Error> {
    let found = stacks::find(request.records, request.account, request.region, name_or_id)?;
    let (id, tags) = found.map(|stack| (stack.id, stack.content.tags)).unzip();
    let access = if name_or_id.starts_with("arn:") {
        Access::to(action, name_or_id)
    } else {
        let (region, account) = (request.region.as_str(), request.account.as_str());
        let anyone = crate::model::stack_arn(region, account, name_or_id, "*");
        // SECURITY: a refusal names the stack by its name alone: its id would tell that it exists.
        Access::to(action, id.unwrap_or_else(|| anyone.clone())).told_as(anyone)
    };
    let tags = tags.unwrap_or_default();
    Ok(access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// An access function for operations on one stack: `by_name!(name, Input, "action", |input| &input.stack_name)`.
macro_rules! on_stack {
    ($($name:ident($input:ty) = $action:literal, |$it:ident| $stack:expr;)*) => {$(
        pub(crate) fn $name(_: &CloudFormation, request: &Request<'_, $input>) -> Result<Access, Error> {
            let $it = request.input;
            to_stack(request, $action, $stack)
        }
    )*};
}

on_stack! {
    describe_stack_events(api::DescribeStackEventsInput) = "cloudformation:DescribeStackEvents", |it| &it.stack_name;
    describe_stack_resource(api::DescribeStackResourceInput) = "cloudformation:DescribeStackResource", |it| &it.stack_name;
    list_stack_resources(api::ListStackResourcesInput) = "cloudformation:ListStackResources", |it| &it.stack_name;
    list_change_sets(api::ListChangeSetsInput) = "cloudformation:ListChangeSets", |it| &it.stack_name;
    detect_stack_drift(api::DetectStackDriftInput) = "cloudformation:DetectStackDrift", |it| &it.stack_name;
    detect_stack_resource_drift(api::DetectStackResourceDriftInput) =
        "cloudformation:DetectStackResourceDrift", |it| &it.stack_name;
    describe_stack_resource_drifts(api::DescribeStackResourceDriftsInput) =
        "cloudformation:DescribeStackResourceDrifts", |it| &it.stack_name;
    cancel_update_stack(api::CancelUpdateStackInput) = "cloudformation:CancelUpdateStack", |it| &it.stack_name;
    get_stack_policy(api::GetStackPolicyInput) = "cloudformation:GetStackPolicy", |it| &it.stack_name;
    signal_resource(api::SignalResourceInput) = "cloudformation:SignalResource", |it| &it.stack_name;
    update_termination_protection(api::UpdateTerminationProtectionInput) =
        "cloudformation:UpdateTerminationProtection", |it| &it.stack_name;
}

/// Operations whose stack may stay unnamed, as where a change set's ARN is given: then all stacks are meant.
macro_rules! on_stack_or_all {
    ($($name:ident($input:ty) = $action:literal, |$it:ident| $stack:expr;)*) => {$(
        pub(crate) fn $name(_: &CloudFormation, request: &Request<'_, $input>) -> Result<Access, Error> {
            let $it = request.input;
            let name: Option<String> = $stack;
            match name {
                Some(name) => to_stack(request, $action, &name),
                None => Ok(Access::to($action, "*")),
            }
        }
    )*};
}

on_stack_or_all! {
    describe_stacks(api::DescribeStacksInput) = "cloudformation:DescribeStacks", |it| it.stack_name.clone();
    describe_stack_resources(api::DescribeStackResourcesInput) =
        "cloudformation:DescribeStackResources", |it| it.stack_name.clone();
    get_template(api::GetTemplateInput) = "cloudformation:GetTemplate",
        |it| it.stack_name.clone();
    describe_events(api::DescribeEventsInput) = "cloudformation:DescribeEvents", |it| it.stack_name.clone();
    list_stacks(api::ListStacksInput) = "cloudformation:ListStacks", |it| { let _ = it; None };
    list_imports(api::ListImportsInput) = "cloudformation:ListImports", |it| { let _ = it; None };
    describe_account_limits(api::DescribeAccountLimitsInput) =
        "cloudformation:DescribeAccountLimits", |it| { let _ = it; None };
    describe_stack_drift_detection_status(api::DescribeStackDriftDetectionStatusInput) =
        "cloudformation:DescribeStackDriftDetectionStatus", |it| { let _ = it; None };
    list_exports(api::ListExportsInput) = "cloudformation:ListExports", |it| { let _ = it; None };
}

/// The tags of a request as pairs.
fn pairs(tags: Option<&Vec<api::Tag>>) -> impl Iterator<Item = (&str, &str)> {
    tags.into_iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()))
}

fn with_template_url(access: Access, url: Option<&String>) -> Access {
    match url {
        Some(url) => access.when("cloudformation:TemplateUrl", [url.clone()]),
        None => access,
    }
}

fn with_policy_url(access: Access, url: Option<&String>) -> Access {
    match url {
        Some(url) => access.when("cloudformation:StackPolicyUrl", [url.clone()]),
        None => access,
    }
}

pub(crate) fn set_stack_policy(
    _: &CloudFormation,
    request: &Request<'_, api::SetStackPolicyInput>,
) -> Result<Access, Error> {
    let input = request.input;
    let access = to_stack(request, "cloudformation:SetStackPolicy", &input.stack_name)?;
    Ok(with_policy_url(access, input.stack_policy_url.as_ref()))
}

pub(crate) fn get_template_summary(
    _: &CloudFormation,
    request: &Request<'_, api::GetTemplateSummaryInput>,
) -> Result<Access, Error> {
    let (input, action) = (request.input, "cloudformation:GetTemplateSummary");
    let access = match &input.stack_name {
        Some(stack) => to_stack(request, action, stack)?,
        None => Access::to(action, "*"),
    };
    Ok(with_template_url(access, input.template_url.as_ref()))
}

pub(crate) fn validate_template(
    _: &CloudFormation,
    request: &Request<'_, api::ValidateTemplateInput>,
) -> Result<Access, Error> {
    let access = Access::to("cloudformation:ValidateTemplate", "*");
    Ok(with_template_url(access, request.input.template_url.as_ref()))
}

/// Leave to tag the stack, where the request brings tags.
fn with_tagging<I>(
    _: &CloudFormation,
    request: &Request<'_, I>,
    access: Access,
    stack: &str,
    operation: &'static str,
    tags: Option<&Vec<api::Tag>>,
) -> Result<Access, Error> {
    if pairs(tags).next().is_none() {
        return Ok(access);
    }
    let tagging = to_stack(request, "cloudformation:TagResource", stack)?;
    Ok(access.and(tagging.when("cloudformation:CreateAction", [operation]).request_tags(pairs(tags))))
}

/// Leave to hand a role to this service, where one is given.
// SECURITY: whoever makes a stack with a role acts as that role; without leave to pass it they may not.
fn with_role<I>(access: Access, request: &Request<'_, I>, role: Option<&String>) -> Result<Access, Error> {
    let Some(role) = role else { return Ok(access) };
    let name = identity::RoleName::parse(role)
        .filter(|name| name.account == request.account)
        .ok_or_else(|| Error::Validation(format!("Role {role} is invalid or cannot be assumed")))?;
    let pass = Access::to("iam:PassRole", role)
        .owned_by(name.account)
        .when("iam:PassedToService", [crate::caller::SERVICE]);
    Ok(access.when("cloudformation:RoleArn", [role.clone()]).and(pass))
}

/// An access function for operations on one stack that may name a role.
macro_rules! with_a_role {
    ($($name:ident($input:ty) = $action:literal;)*) => {$(
        pub(crate) fn $name(_: &CloudFormation, request: &Request<'_, $input>) -> Result<Access, Error> {
            let access = to_stack(request, $action, &request.input.stack_name)?;
            with_role(access, request, request.input.role_arn.as_ref())
        }
    )*};
}

with_a_role! {
    continue_update_rollback(api::ContinueUpdateRollbackInput) = "cloudformation:ContinueUpdateRollback";
    delete_stack(api::DeleteStackInput) = "cloudformation:DeleteStack";
    rollback_stack(api::RollbackStackInput) = "cloudformation:RollbackStack";
}

pub(crate) fn create_stack(
    state: &CloudFormation,
    request: &Request<'_, api::CreateStackInput>,
) -> Result<Access, Error> {
    let input = request.input;
    let access = to_stack(request, "cloudformation:CreateStack", &input.stack_name)?;
    let access = with_policy_url(access, input.stack_policy_url.as_ref());
    let access =
        with_template_url(access, input.template_url.as_ref()).request_tags(pairs(input.tags.as_ref()));
    let access = with_role(access, request, input.role_arn.as_ref())?;
    with_tagging(state, request, access, &input.stack_name, "CreateStack", input.tags.as_ref())
}

/// Leave to update a stack with the stack policy at this URL.
fn update_with(
    request: &Request<'_, api::UpdateStackInput>,
    policy_url: Option<&String>,
) -> Result<Access, Error> {
    let input = request.input;
    let access = to_stack(request, "cloudformation:UpdateStack", &input.stack_name)?;
    let access = with_policy_url(access, policy_url);
    let access =
        with_template_url(access, input.template_url.as_ref()).request_tags(pairs(input.tags.as_ref()));
    with_role(access, request, input.role_arn.as_ref())
}

pub(crate) fn update_stack(
    state: &CloudFormation,
    request: &Request<'_, api::UpdateStackInput>,
) -> Result<Access, Error> {
    let input = request.input;
    // SECURITY: what a policy says of URLs holds for each of the two by itself: an allowed one opens nothing for the other.
    let urls = [&input.stack_policy_url, &input.stack_policy_during_update_url];
    let each = urls.into_iter().flatten().map(|url| update_with(request, Some(url)));
    let both = each.reduce(|one, other| Ok(one?.and(other?)));
    let access = both.unwrap_or_else(|| update_with(request, None))?;
    with_tagging(state, request, access, &input.stack_name, "UpdateStack", input.tags.as_ref())
}

pub(crate) fn create_change_set(
    state: &CloudFormation,
    request: &Request<'_, api::CreateChangeSetInput>,
) -> Result<Access, Error> {
    let input = request.input;
    let access = to_stack(request, "cloudformation:CreateChangeSet", &input.stack_name)?
        .when("cloudformation:ChangeSetName", [input.change_set_name.clone()]);
    let access =
        with_template_url(access, input.template_url.as_ref()).request_tags(pairs(input.tags.as_ref()));
    let access = with_role(access, request, input.role_arn.as_ref())?;
    with_tagging(state, request, access, &input.stack_name, "CreateChangeSet", input.tags.as_ref())
}

/// Leave for an operation on a change set, whose stack is named, or everything.
fn on_change_set<I>(
    _: &CloudFormation,
    request: &Request<'_, I>,
    action: &'static str,
    stack: Option<&String>,
    change_set: &str,
) -> Result<Access, Error> {
    let access = match stack {
        Some(stack) => to_stack(request, action, stack)?,
        None => Access::to(action, "*"),
    };
    Ok(access.when("cloudformation:ChangeSetName", [change_set]))
}

pub(crate) fn describe_change_set(
    state: &CloudFormation,
    request: &Request<'_, api::DescribeChangeSetInput>,
) -> Result<Access, Error> {
    let (stack, set) = (request.input.stack_name.as_ref(), &request.input.change_set_name);
    on_change_set(state, request, "cloudformation:DescribeChangeSet", stack, set)
}

pub(crate) fn execute_change_set(
    state: &CloudFormation,
    request: &Request<'_, api::ExecuteChangeSetInput>,
) -> Result<Access, Error> {
    let (stack, set) = (request.input.stack_name.as_ref(), &request.input.change_set_name);
    on_change_set(state, request, "cloudformation:ExecuteChangeSet", stack, set)
}

pub(crate) fn delete_change_set(
    state: &CloudFormation,
    request: &Request<'_, api::DeleteChangeSetInput>,
) -> Result<Access, Error> {
    let (stack, set) = (request.input.stack_name.as_ref(), &request.input.change_set_name);
    on_change_set(state, request, "cloudformation:DeleteChangeSet", stack, set)
}
