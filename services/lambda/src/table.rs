//! The operation table: what is offered, with the leave that each operation needs, and what is not, with the reason.
//!
//! Names only; every rule is elsewhere.

use std::sync::Arc;

use service::{Service, ServiceBuilder};

use crate::operations::{
    account, aliases, code_signing, concurrency, create, event_config, functions, invoke, invoke_streaming,
    layer_permissions, layers, mappings, permissions, provisioned, recursion, runtime_management, tags,
    update, urls, versions,
};
use crate::{Lambda, access, api, jobs, poller};

macro_rules! operations {
    ($builder:expr; $($name:ident: $access:path, $handler:path;)*) => {
        $builder$(.operation::<api::$name, _, _, _, _>($access, $handler))*
    };
}

/// The operations.
pub(crate) fn table(lambda: Arc<Lambda>) -> Service {
    let builder = operations! { ServiceBuilder::new("lambda", lambda);
        AddLayerVersionPermission: access::add_layer_permission, layer_permissions::add;
        AddPermission: access::add_permission, permissions::add_permission;
        CreateAlias: access::create_alias, aliases::create_alias;
        CreateEventSourceMapping: access::create_mapping, mappings::create;
        CreateFunction: access::create_function, create::create_function;
        CreateFunctionUrlConfig: access::create_url, urls::create;
        DeleteAlias: access::delete_alias, aliases::delete_alias;
        DeleteEventSourceMapping: access::delete_mapping, mappings::delete;
        DeleteFunction: access::delete_function, functions::delete_function;
        DeleteFunctionConcurrency: access::delete_concurrency, concurrency::delete_concurrency;
        DeleteFunctionEventInvokeConfig: access::delete_event_config, event_config::delete_event_config;
        DeleteFunctionUrlConfig: access::delete_url, urls::delete;
        DeleteLayerVersion: access::delete_layer, layers::delete;
        DeleteProvisionedConcurrencyConfig: access::delete_provisioned, provisioned::delete;
        GetAccountSettings: access::account_settings, account::account_settings;
        GetAlias: access::get_alias, aliases::get_alias;
        GetEventSourceMapping: access::get_mapping, mappings::get;
        GetFunction: access::get_function, functions::get_function;
        GetFunctionConcurrency: access::get_concurrency, concurrency::get_concurrency;
        GetFunctionConfiguration: access::get_function_configuration, functions::get_function_configuration;
        GetFunctionEventInvokeConfig: access::get_event_config, event_config::get_event_config;
        GetFunctionRecursionConfig: access::get_recursion, recursion::get_recursion;
        GetFunctionUrlConfig: access::get_url, urls::get;
        GetLayerVersion: access::get_layer, layers::get;
        GetLayerVersionByArn: access::get_layer_by_arn, layers::get_by_arn;
        GetLayerVersionPolicy: access::get_layer_policy, layer_permissions::policy;
        GetPolicy: access::get_policy, permissions::get_policy;
        GetProvisionedConcurrencyConfig: access::get_provisioned, provisioned::get;
        GetRuntimeManagementConfig: access::get_runtime_management, runtime_management::get_runtime_management;
        Invoke: access::invoke, invoke::invoke;
        InvokeWithResponseStream: access::invoke_streaming, invoke_streaming::invoke;
        ListAliases: access::list_aliases, aliases::list_aliases;
        ListEventSourceMappings: access::list_mappings, mappings::list;
        ListFunctionEventInvokeConfigs: access::list_event_configs, event_config::list_event_configs;
        ListFunctionUrlConfigs: access::list_urls, urls::list;
        ListFunctions: access::list_functions, functions::list_functions;
        ListLayerVersions: access::list_layer_versions, layers::list_versions;
        ListLayers: access::list_layers, layers::list_layers;
        ListProvisionedConcurrencyConfigs: access::list_provisioned, provisioned::list;
        ListTags: access::list_tags, tags::list_tags;
        ListVersionsByFunction: access::list_versions, versions::list_versions;
        PublishLayerVersion: access::publish_layer, layers::publish;
        PublishVersion: access::publish_version, versions::publish_version;
        PutFunctionConcurrency: access::put_concurrency, concurrency::put_concurrency;
        PutFunctionEventInvokeConfig: access::put_event_config, event_config::put_event_config;
        PutFunctionRecursionConfig: access::put_recursion, recursion::put_recursion;
        PutProvisionedConcurrencyConfig: access::put_provisioned, provisioned::put;
        PutRuntimeManagementConfig: access::put_runtime_management, runtime_management::put_runtime_management;
        RemoveLayerVersionPermission: access::remove_layer_permission, layer_permissions::remove;
        RemovePermission: access::remove_permission, permissions::remove_permission;
        TagResource: access::tag_resource, tags::tag_resource;
        UntagResource: access::untag_resource, tags::untag_resource;
        UpdateAlias: access::update_alias, aliases::update_alias;
        UpdateEventSourceMapping: access::update_mapping, mappings::update;
        UpdateFunctionCode: access::update_function_code, update::update_function_code;
        UpdateFunctionConfiguration: access::update_function_configuration, update::update_function_configuration;
        UpdateFunctionEventInvokeConfig: access::update_event_config, event_config::update_event_config;
        UpdateFunctionUrlConfig: access::update_url, urls::update;
    };
    let builder = code_signing_operations(builder);
    DECLINED
        .iter()
        .fold(builder, |builder, (reason, operations)| builder.declined(reason, operations))
        .opened(|lambda, pipeline| lambda.roles.open(pipeline))
        .job("environments", jobs::environments)
        .job("event-source-mappings", poller::run)
        .job("queued-invocations", jobs::events)
        .job("unused-code", crate::code::sweep)
        .build()
}

/// The operations on code signing.
fn code_signing_operations(builder: ServiceBuilder<Lambda>) -> ServiceBuilder<Lambda> {
    operations! { builder;
        CreateCodeSigningConfig: access::create_signing_config, code_signing::create;
        DeleteCodeSigningConfig: access::delete_signing_config, code_signing::delete;
        DeleteFunctionCodeSigningConfig: access::delete_code_signing, code_signing::delete_of_function;
        GetCodeSigningConfig: access::get_signing_config, code_signing::get;
        GetFunctionCodeSigningConfig: access::get_code_signing, code_signing::get_of_function;
        ListCodeSigningConfigs: access::list_signing_configs, code_signing::list;
        ListFunctionsByCodeSigningConfig: access::list_signed_functions, code_signing::list_functions;
        PutFunctionCodeSigningConfig: access::put_code_signing, code_signing::put_of_function;
        UpdateCodeSigningConfig: access::update_signing_config, code_signing::update;
    }
}

/// What is not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    ("AWS deprecated it; Invoke with InvocationType Event does the same", &["InvokeAsync"]),
    (
        "functions are not published to capacity providers here",
        &[
            "CreateCapacityProvider",
            "DeleteCapacityProvider",
            "GetCapacityProvider",
            "GetFunctionScalingConfig",
            "ListCapacityProviders",
            "ListFunctionVersionsByCapacityProvider",
            "PutFunctionScalingConfig",
            "UpdateCapacityProvider",
        ],
    ),
    (
        "durable executions are not part of this platform yet",
        &[
            "CheckpointDurableExecution",
            "GetDurableExecution",
            "GetDurableExecutionHistory",
            "GetDurableExecutionState",
            "ListDurableExecutionsByFunction",
            "SendDurableExecutionCallbackFailure",
            "SendDurableExecutionCallbackHeartbeat",
            "SendDurableExecutionCallbackSuccess",
            "StopDurableExecution",
        ],
    ),
];
