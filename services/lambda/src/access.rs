//! The leave that each operation needs.
//!
//! Decides nothing and never tells whether a function exists: a policy that is not there and a function that is not
//! there look the same.

use identity::RoleName;
use service::{Access, AccessRequest};

use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::name::Target;

type Outcome = Result<Access, Error>;

/// An action on a named function, version or alias, with the resource policy it has.
fn on<I>(
    lambda: &Lambda,
    request: &AccessRequest<'_, I>,
    action: &'static str,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(Access, Target), Error> {
    let target = Target::parse(name, qualifier, request.account, request.region)?;
    let policy = lambda.catalog.policy(&target.id, target.qualifier.as_deref());
    let mut access = Access::to(action, target.arn()).resource_policy(policy).owned_by(target.id.account);
    if let Some(loaded) = lambda.catalog.get(&target.id) {
        let tags = &loaded.function.record.tags;
        access = access.resource_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    }
    Ok((access, target))
}

macro_rules! simple {
    ($($function:ident, $request:ident, $action:literal, $name:ident, $qualifier:expr;)*) => {$(
        pub(crate) fn $function(lambda: &Lambda, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let qualifier: fn(&api::$request) -> Option<&str> = $qualifier;
            on(lambda, request, $action, &request.input.$name, qualifier(request.input)).map(|(access, _)| access)
        }
    )*};
}

simple! {
    get_function, GetFunctionRequest, "lambda:GetFunction", function_name, |r| r.qualifier.as_deref();
    get_function_configuration, GetFunctionConfigurationRequest, "lambda:GetFunctionConfiguration", function_name,
        |r| r.qualifier.as_deref();
    delete_function, DeleteFunctionRequest, "lambda:DeleteFunction", function_name, |r| r.qualifier.as_deref();
    update_function_code, UpdateFunctionCodeRequest, "lambda:UpdateFunctionCode", function_name, |_| None;
    publish_version, PublishVersionRequest, "lambda:PublishVersion", function_name, |_| None;
    list_versions, ListVersionsByFunctionRequest, "lambda:ListVersionsByFunction", function_name, |_| None;
    create_alias, CreateAliasRequest, "lambda:CreateAlias", function_name, |_| None;
    get_alias, GetAliasRequest, "lambda:GetAlias", function_name, |_| None;
    list_aliases, ListAliasesRequest, "lambda:ListAliases", function_name, |_| None;
    update_alias, UpdateAliasRequest, "lambda:UpdateAlias", function_name, |_| None;
    delete_alias, DeleteAliasRequest, "lambda:DeleteAlias", function_name, |_| None;
    get_policy, GetPolicyRequest, "lambda:GetPolicy", function_name, |r| r.qualifier.as_deref();
    remove_permission, RemovePermissionRequest, "lambda:RemovePermission", function_name, |r| r.qualifier.as_deref();
    list_tags, ListTagsRequest, "lambda:ListTags", resource, |_| None;
    put_concurrency, PutFunctionConcurrencyRequest, "lambda:PutFunctionConcurrency", function_name, |_| None;
    get_concurrency, GetFunctionConcurrencyRequest, "lambda:GetFunctionConcurrency", function_name, |_| None;
    delete_concurrency, DeleteFunctionConcurrencyRequest, "lambda:DeleteFunctionConcurrency", function_name, |_| None;
    get_code_signing, GetFunctionCodeSigningConfigRequest, "lambda:GetFunctionCodeSigningConfig", function_name,
        |_| None;
    put_event_config, PutFunctionEventInvokeConfigRequest, "lambda:PutFunctionEventInvokeConfig", function_name,
        |r| r.qualifier.as_deref();
    update_event_config, UpdateFunctionEventInvokeConfigRequest, "lambda:UpdateFunctionEventInvokeConfig", function_name,
        |r| r.qualifier.as_deref();
    get_event_config, GetFunctionEventInvokeConfigRequest, "lambda:GetFunctionEventInvokeConfig", function_name,
        |r| r.qualifier.as_deref();
    list_event_configs, ListFunctionEventInvokeConfigsRequest, "lambda:ListFunctionEventInvokeConfigs", function_name,
        |_| None;
    delete_event_config, DeleteFunctionEventInvokeConfigRequest, "lambda:DeleteFunctionEventInvokeConfig", function_name,
        |r| r.qualifier.as_deref();
    get_recursion, GetFunctionRecursionConfigRequest, "lambda:GetFunctionRecursionConfig", function_name, |_| None;
    put_recursion, PutFunctionRecursionConfigRequest, "lambda:PutFunctionRecursionConfig", function_name, |_| None;
    get_runtime_management, GetRuntimeManagementConfigRequest, "lambda:GetRuntimeManagementConfig", function_name,
        |r| r.qualifier.as_deref();
    put_runtime_management, PutRuntimeManagementConfigRequest, "lambda:PutRuntimeManagementConfig", function_name,
        |r| r.qualifier.as_deref();
    invoke, InvocationRequest, "lambda:InvokeFunction", function_name, |r| r.qualifier.as_deref();
}

pub(crate) fn create_function(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::CreateFunctionRequest>,
) -> Outcome {
    let (access, target) = on(lambda, request, "lambda:CreateFunction", &request.input.function_name, None)?;
    if target.id.account != request.account {
        return Err(Error::AccessDenied("Cross-account function creation is not allowed.".to_owned()));
    }
    let tags = request.input.tags.iter().flat_map(|tags| tags.iter());
    let access = access.request_tags(tags.map(|(key, value)| (key, value.as_str())));
    Ok(access.and(pass_role(&request.input.role, &target)?))
}

pub(crate) fn update_function_configuration(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::UpdateFunctionConfigurationRequest>,
) -> Outcome {
    let name = &request.input.function_name;
    let (access, target) = on(lambda, request, "lambda:UpdateFunctionConfiguration", name, None)?;
    match &request.input.role {
        Some(role) => Ok(access.and(pass_role(role, &target)?)),
        None => Ok(access),
    }
}

// SECURITY: whoever gives a function a role can act as that role; AWS asks for leave to pass it, and so do we.
fn pass_role(role: &str, target: &Target) -> Outcome {
    let name = RoleName::parse(role).ok_or_else(|| {
        Error::InvalidParameterValue(
            "The role defined for the function cannot be assumed by Lambda.".to_owned(),
        )
    })?;
    if name.account != target.id.account {
        return Err(Error::AccessDenied("Cross-account pass role is not allowed.".to_owned()));
    }
    Ok(Access::to("iam:PassRole", role)
        .owned_by(name.account)
        .when("iam:PassedToService", ["lambda.amazonaws.com"])
        .when("iam:AssociatedResourceArn", [target.id.arn()]))
}

pub(crate) fn add_permission(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::AddPermissionRequest>,
) -> Outcome {
    let input = request.input;
    let (access, _) =
        on(lambda, request, "lambda:AddPermission", &input.function_name, input.qualifier.as_deref())?;
    let access = access.when("lambda:Principal", [input.principal.as_str()]);
    Ok(match &input.function_url_auth_type {
        Some(kind) => access.when("lambda:FunctionUrlAuthType", [kind.as_str()]),
        None => access,
    })
}

pub(crate) fn tag_resource(lambda: &Lambda, request: &AccessRequest<'_, api::TagResourceRequest>) -> Outcome {
    let (access, _) = on(lambda, request, "lambda:TagResource", &request.input.resource, None)?;
    Ok(access.request_tags(request.input.tags.iter().map(|(key, value)| (key, value.as_str()))))
}

pub(crate) fn untag_resource(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::UntagResourceRequest>,
) -> Outcome {
    let (access, _) = on(lambda, request, "lambda:UntagResource", &request.input.resource, None)?;
    Ok(access.when("aws:TagKeys", &request.input.tag_keys))
}

pub(crate) fn list_functions(_: &Lambda, _: &AccessRequest<'_, api::ListFunctionsRequest>) -> Outcome {
    Ok(Access::to("lambda:ListFunctions", "*"))
}

pub(crate) fn account_settings(_: &Lambda, _: &AccessRequest<'_, api::GetAccountSettingsRequest>) -> Outcome {
    Ok(Access::to("lambda:GetAccountSettings", "*"))
}
