//! The leave that each operation needs.
//!
//! Decides nothing and never tells whether a function exists: a policy that is not there and a function that is not
//! there look the same.

mod invocations;
mod mappings;
mod signing;

use std::collections::BTreeSet;

use identity::RoleName;
use service::{Access, AccessRequest};

use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::layer::{self, LayerId};
use crate::model::name::Target;
use crate::model::permission;
use crate::model::tagged::Tagged;
use crate::operations::layers;
use crate::records::{FUNCTIONS, FunctionRecord, Record as _, function_key};

pub(crate) use invocations::*;
pub(crate) use mappings::*;
pub(crate) use signing::*;

type Outcome = Result<Access, Error>;

/// An action on a named function, version or alias, with the resource policy it has.
fn on<I>(
    request: &AccessRequest<'_, I>,
    action: &'static str,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(Access, Target), Error> {
    let target = Target::parse(name, qualifier, request.account, request.region)?;
    let record = function_of(request, &target)?;
    let access = Access::to(action, target.arn()).owned_by(target.id.account);
    let Some(record) = record else { return Ok((access, target)) };
    let statements = record.policies.get(target.qualifier.as_deref().unwrap_or_default());
    let policy = statements.and_then(|policy| permission::loaded(&target.id, policy));
    let tags = record.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok((access.resource_policy(policy).resource_tags(tags), target))
}

fn function_of<I>(request: &AccessRequest<'_, I>, target: &Target) -> Result<Option<FunctionRecord>, Error> {
    let stored = request.records.read(FUNCTIONS, &function_key(&target.id))?;
    stored.map(|stored| FunctionRecord::decode(&stored)).transpose().map_err(Error::internal)
}

macro_rules! simple {
    ($($function:ident, $request:ident, $action:literal, $name:ident, $qualifier:expr;)*) => {$(
        pub(crate) fn $function(_: &Lambda, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let qualifier: fn(&api::$request) -> Option<&str> = $qualifier;
            on(request, $action, &request.input.$name, qualifier(request.input)).map(|(access, _)| access)
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
    put_concurrency, PutFunctionConcurrencyRequest, "lambda:PutFunctionConcurrency", function_name, |_| None;
    get_concurrency, GetFunctionConcurrencyRequest, "lambda:GetFunctionConcurrency", function_name, |_| None;
    delete_concurrency, DeleteFunctionConcurrencyRequest, "lambda:DeleteFunctionConcurrency", function_name, |_| None;
    get_code_signing, GetFunctionCodeSigningConfigRequest, "lambda:GetFunctionCodeSigningConfig", function_name,
        |_| None;
    delete_code_signing, DeleteFunctionCodeSigningConfigRequest, "lambda:DeleteFunctionCodeSigningConfig",
        function_name, |_| None;
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
    put_provisioned, PutProvisionedConcurrencyConfigRequest, "lambda:PutProvisionedConcurrencyConfig", function_name,
        |r| Some(r.qualifier.as_str());
    get_provisioned, GetProvisionedConcurrencyConfigRequest, "lambda:GetProvisionedConcurrencyConfig", function_name,
        |r| Some(r.qualifier.as_str());
    delete_provisioned, DeleteProvisionedConcurrencyConfigRequest, "lambda:DeleteProvisionedConcurrencyConfig",
        function_name, |r| Some(r.qualifier.as_str());
    list_provisioned, ListProvisionedConcurrencyConfigsRequest, "lambda:ListProvisionedConcurrencyConfigs",
        function_name, |_| None;
}

pub(crate) fn create_function(
    _: &Lambda,
    request: &AccessRequest<'_, api::CreateFunctionRequest>,
) -> Outcome {
    let (access, target) = on(request, "lambda:CreateFunction", &request.input.function_name, None)?;
    if target.id.account != request.account {
        return Err(Error::AccessDenied("Cross-account function creation is not allowed.".to_owned()));
    }
    let mut access = access.request_tags(pairs(request.input.tags.as_ref()));
    if let Some(config) = &request.input.code_signing_config_arn {
        access = access.when("lambda:CodeSigningConfigArn", [config.as_str()]);
    }
    // Layers bring checks of their own, so the keys of the first come before.
    let layers = request.input.layers.as_deref().unwrap_or_default();
    let access = with_layers(request, access, layers)?;
    let access = access.and(pass_role(&request.input.role, &target)?);
    Ok(access.and_tags("lambda:TagResource", target.id.arn(), pairs(request.input.tags.as_ref())))
}

/// The tags of a request as pairs.
fn pairs(tags: Option<&protocol::Entries<String>>) -> impl Iterator<Item = (&str, &str)> {
    tags.into_iter().flat_map(protocol::Entries::iter).map(|(key, value)| (key, value.as_str()))
}

pub(crate) fn update_function_configuration(
    _: &Lambda,
    request: &AccessRequest<'_, api::UpdateFunctionConfigurationRequest>,
) -> Outcome {
    let name = &request.input.function_name;
    let (access, target) = on(request, "lambda:UpdateFunctionConfiguration", name, None)?;
    let layers = request.input.layers.as_deref().unwrap_or_default();
    let access = with_layers(request, access, layers)?;
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

pub(crate) fn add_permission(_: &Lambda, request: &AccessRequest<'_, api::AddPermissionRequest>) -> Outcome {
    let input = request.input;
    let (access, _) = on(request, "lambda:AddPermission", &input.function_name, input.qualifier.as_deref())?;
    let access = access.when("lambda:Principal", [input.principal.as_str()]);
    Ok(match &input.function_url_auth_type {
        Some(kind) => access.when("lambda:FunctionUrlAuthType", [kind.as_str()]),
        None => access,
    })
}

/// The keys are those of the statement that is removed, as they were when it was added.
pub(crate) fn remove_permission(
    _: &Lambda,
    request: &AccessRequest<'_, api::RemovePermissionRequest>,
) -> Outcome {
    let input = request.input;
    let (name, qualifier) = (&input.function_name, input.qualifier.as_deref());
    let (access, target) = on(request, "lambda:RemovePermission", name, qualifier)?;
    let Some(record) = function_of(request, &target)? else { return Ok(access) };
    let policy = record.policies.get(target.qualifier.as_deref().unwrap_or_default());
    let statement = policy.and_then(|policy| permission::statement_of(policy, &input.statement_id));
    let Some(statement) = statement else { return Ok(access) };
    let shown =
        identity::show_principals(request.records, &statement.to_string()).map_err(Error::internal)?;
    let statement: serde_json::Value = serde_json::from_str(&shown).map_err(Error::internal)?;
    let keys = [
        ("lambda:Principal", permission::principal_of(&statement)),
        ("lambda:FunctionUrlAuthType", permission::url_auth(&statement).map(str::to_owned)),
    ];
    Ok(keys.into_iter().fold(access, |access, (key, value)| match value {
        Some(value) => access.when(key, [value]),
        None => access,
    }))
}

/// An action on whatever carries tags.
fn on_tagged<I>(request: &AccessRequest<'_, I>, action: &'static str, resource: &str) -> Outcome {
    match Tagged::parse(resource, request.account, request.region)? {
        Tagged::Function(_) => on(request, action, resource, None).map(|(access, _)| access),
        Tagged::Mapping(account, uuid) => {
            let access = Access::to(action, resource).owned_by(account);
            with_mapping(request, access, account, &uuid)
        }
        Tagged::SigningConfig(..) => on_config(request, action, resource),
    }
}

pub(crate) fn list_tags(_: &Lambda, request: &AccessRequest<'_, api::ListTagsRequest>) -> Outcome {
    on_tagged(request, "lambda:ListTags", &request.input.resource)
}

pub(crate) fn tag_resource(_: &Lambda, request: &AccessRequest<'_, api::TagResourceRequest>) -> Outcome {
    let access = on_tagged(request, "lambda:TagResource", &request.input.resource)?;
    Ok(access.request_tags(request.input.tags.iter().map(|(key, value)| (key, value.as_str()))))
}

pub(crate) fn untag_resource(_: &Lambda, request: &AccessRequest<'_, api::UntagResourceRequest>) -> Outcome {
    let access = on_tagged(request, "lambda:UntagResource", &request.input.resource)?;
    Ok(access.when("aws:TagKeys", &request.input.tag_keys))
}

pub(crate) fn list_functions(_: &Lambda, _: &AccessRequest<'_, api::ListFunctionsRequest>) -> Outcome {
    Ok(Access::to("lambda:ListFunctions", "*"))
}

pub(crate) fn account_settings(_: &Lambda, _: &AccessRequest<'_, api::GetAccountSettingsRequest>) -> Outcome {
    Ok(Access::to("lambda:GetAccountSettings", "*"))
}

/// Leave to use layers, each by its own policy.
fn with_layers<I>(request: &AccessRequest<'_, I>, access: Access, arns: &[String]) -> Outcome {
    if arns.is_empty() {
        return Ok(access);
    }
    let access = access.when("lambda:Layer", arns);
    layer::list(arns, request.region)?.into_iter().try_fold(access, |access, (id, version)| {
        Ok(access.and(on_version(request, "lambda:GetLayerVersion", &id, version)?))
    })
}

fn on_version<I>(
    request: &AccessRequest<'_, I>,
    action: &'static str,
    id: &LayerId,
    version: u64,
) -> Outcome {
    let policy = crate::layers::policy(request.records, id, version)?;
    Ok(Access::to(action, id.version_arn(version)).resource_policy(policy).owned_by(id.account))
}

macro_rules! layer_versions {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &Lambda, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let id = LayerId::parse(&request.input.layer_name, request.account, request.region)?;
            let version = layers::number(request.input.version_number)?;
            on_version(request, $action, &id, version)
        }
    )*};
}

layer_versions! {
    get_layer, GetLayerVersionRequest, "lambda:GetLayerVersion";
    delete_layer, DeleteLayerVersionRequest, "lambda:DeleteLayerVersion";
    add_layer_permission, AddLayerVersionPermissionRequest, "lambda:AddLayerVersionPermission";
    remove_layer_permission, RemoveLayerVersionPermissionRequest, "lambda:RemoveLayerVersionPermission";
    get_layer_policy, GetLayerVersionPolicyRequest, "lambda:GetLayerVersionPolicy";
}

pub(crate) fn get_layer_by_arn(
    _: &Lambda,
    request: &AccessRequest<'_, api::GetLayerVersionByArnRequest>,
) -> Outcome {
    let (id, version) = LayerId::parse_version(&request.input.arn, request.region)?;
    on_version(request, "lambda:GetLayerVersion", &id, version)
}

pub(crate) fn publish_layer(
    _: &Lambda,
    request: &AccessRequest<'_, api::PublishLayerVersionRequest>,
) -> Outcome {
    let id = LayerId::parse(&request.input.layer_name, request.account, request.region)?;
    Ok(Access::to("lambda:PublishLayerVersion", id.arn()).owned_by(id.account))
}

pub(crate) fn list_layers(_: &Lambda, _: &AccessRequest<'_, api::ListLayersRequest>) -> Outcome {
    Ok(Access::to("lambda:ListLayers", "*"))
}

pub(crate) fn list_layer_versions(
    _: &Lambda,
    request: &AccessRequest<'_, api::ListLayerVersionsRequest>,
) -> Outcome {
    let id = LayerId::parse(&request.input.layer_name, request.account, request.region)?;
    Ok(Access::to("lambda:ListLayerVersions", "*").owned_by(id.account))
}

fn url_keys(access: Access, auth: Option<&str>, target: &Target) -> Access {
    let access = access.when("lambda:FunctionArn", [target.arn()]);
    match auth {
        Some(auth) => access.when("lambda:FunctionUrlAuthType", [auth]),
        None => access,
    }
}

/// The kind of auth that a URL has now.
fn auth_of<I>(
    lambda: &Lambda,
    request: &AccessRequest<'_, I>,
    target: &Target,
) -> Result<Option<&'static str>, Error> {
    if !request.sees(target.id.account) {
        return Ok(None);
    }
    let urls = lambda.urls.stored(request.records, &target.id.arn())?;
    Ok(urls.iter().find(|url| url.alias == target.qualifier).map(|url| url.auth.name()))
}

macro_rules! urls {
    ($($function:ident, $request:ident, $action:literal, $auth:expr;)*) => {$(
        pub(crate) fn $function(lambda: &Lambda, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let asked: fn(&api::$request) -> Option<&str> = $auth;
            let (name, qualifier) = (&request.input.function_name, request.input.qualifier.as_deref());
            let (access, target) = on(request, $action, name, qualifier)?;
            let auth = match asked(request.input) {
                Some(auth) => Some(auth),
                None => auth_of(lambda, request, &target)?,
            };
            Ok(url_keys(access, auth, &target))
        }
    )*};
}

urls! {
    create_url, CreateFunctionUrlConfigRequest, "lambda:CreateFunctionUrlConfig", |r| Some(r.auth_type.as_str());
    update_url, UpdateFunctionUrlConfigRequest, "lambda:UpdateFunctionUrlConfig", |r| r.auth_type.as_deref();
    get_url, GetFunctionUrlConfigRequest, "lambda:GetFunctionUrlConfig", |_| None;
    delete_url, DeleteFunctionUrlConfigRequest, "lambda:DeleteFunctionUrlConfig", |_| None;
}

/// Leave for each kind of auth that the function's URLs have, by itself.
// SECURITY: one that is let through opens nothing for the other, and one that is denied denies the list.
pub(crate) fn list_urls(
    lambda: &Lambda,
    request: &AccessRequest<'_, api::ListFunctionUrlConfigsRequest>,
) -> Outcome {
    let ask = || on(request, "lambda:ListFunctionUrlConfigs", &request.input.function_name, None);
    let (access, target) = ask()?;
    if !request.sees(target.id.account) {
        return Ok(access);
    }
    let urls = lambda.urls.stored(request.records, &target.id.arn())?;
    let kinds: BTreeSet<_> = urls.iter().map(|url| url.auth.name()).collect();
    let each = kinds.into_iter().map(|kind| Ok(ask()?.0.when("lambda:FunctionUrlAuthType", [kind])));
    each.reduce(|all, one: Outcome| Ok(all?.and(one?))).unwrap_or(Ok(access))
}
