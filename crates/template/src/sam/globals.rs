//! The `Globals` section: properties that every resource of a serverless type starts from.
//!
//! Maps merge, lists join (global first), everything else is the resource's own.

use serde_json::{Map, Value};

use super::error::Problems;
use super::value::is_intrinsic;

const PREFIX: &str = "AWS::Serverless::";

const SECTIONS: [&str; 10] = [
    "Api",
    "CapacityProvider",
    "Function",
    "HttpApi",
    "LayerVersion",
    "MicrovmImage",
    "NetworkConnector",
    "SimpleTable",
    "StateMachine",
    "WebSocketApi",
];

const FUNCTION: [&str; 39] = [
    "Handler",
    "Runtime",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "Tags",
    "PropagateTags",
    "Tracing",
    "KmsKeyArn",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "Layers",
    "DeploymentPreference",
    "RolePath",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "AssumeRolePolicyDocument",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "CodeSigningConfigArn",
    "Architectures",
    "SnapStart",
    "EphemeralStorage",
    "FunctionUrlConfig",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "RecursiveLoop",
    "SourceKMSKeyArn",
    "TenancyConfig",
    "DurableConfig",
    "CapacityProviderConfig",
    "FunctionScalingConfig",
    "PublishToLatestPublished",
    "VersionDeletionPolicy",
];

const API: [&str; 22] = [
    "Auth",
    "Name",
    "DefinitionUri",
    "CacheClusterEnabled",
    "CacheClusterSize",
    "MergeDefinitions",
    "Variables",
    "EndpointConfiguration",
    "MethodSettings",
    "BinaryMediaTypes",
    "MinimumCompressionSize",
    "Cors",
    "GatewayResponses",
    "AccessLogSetting",
    "CanarySetting",
    "TracingEnabled",
    "OpenApiVersion",
    "Domain",
    "AlwaysDeploy",
    "PropagateTags",
    "SecurityPolicy",
    "EndpointAccessMode",
];

const HTTP_API: [&str; 10] = [
    "Auth",
    "AccessLogSettings",
    "StageVariables",
    "Tags",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "Domain",
    "RouteSettings",
    "FailOnWarnings",
    "PropagateTags",
];

const CAPACITY_PROVIDER: [&str; 9] = [
    "VpcConfig",
    "OperatorRole",
    "Tags",
    "InstanceRequirements",
    "ScalingConfig",
    "KmsKeyArn",
    "PropagateTags",
    "LoggingConfig",
    "ManagedResourceTags",
];

const MICROVM_IMAGE: [&str; 12] = [
    "BuildRoleArn",
    "BaseImageArn",
    "BaseImageVersion",
    "Logging",
    "EgressNetworkConnectors",
    "CpuConfigurations",
    "Resources",
    "AdditionalOsCapabilities",
    "Hooks",
    "EnvironmentVariables",
    "Tags",
    "PropagateTags",
];

const WEBSOCKET_API: [&str; 13] = [
    "AccessLogSettings",
    "ApiKeySelectionExpression",
    "DefaultRouteSettings",
    "DisableExecuteApiEndpoint",
    "DisableSchemaValidation",
    "Domain",
    "FailOnWarnings",
    "IpAddressType",
    "PropagateTags",
    "RouteSelectionExpression",
    "RouteSettings",
    "StageVariables",
    "Tags",
];

/// Merges `Globals` into every resource, and drops the section.
pub(super) fn apply(root: &mut Map<String, Value>) -> Result<(), Problems> {
    let Some(globals) = root.remove("Globals") else { return Ok(()) };
    let Value::Object(globals) = globals else {
        return Err(invalid("It must be a non-empty dictionary"));
    };
    for (section, properties) in &globals {
        check(section, properties)?;
    }
    let resources = root.get_mut("Resources").and_then(Value::as_object_mut);
    for (id, resource) in resources.into_iter().flatten() {
        let Some(body) = resource.as_object_mut() else { continue };
        let ignored = body.remove("IgnoreGlobals");
        let kind = body.get("Type").and_then(Value::as_str).map(str::to_owned);
        let section = kind.as_deref().and_then(|kind| kind.strip_prefix(PREFIX));
        let Some(Value::Object(global)) = section.and_then(|section| globals.get(section)) else { continue };
        let global = without(id, global, ignored.as_ref())?;
        let own = body.remove("Properties").unwrap_or_else(|| Value::Object(Map::new()));
        let merged = merge(Value::Object(global), own, section.unwrap_or_default());
        body.insert("Properties".to_owned(), merged);
    }
    Ok(())
}

/// True where a resource does without a global property.
pub(super) fn is_ignored(property: &str, body: &Value) -> bool {
    match body.get("IgnoreGlobals") {
        Some(Value::String(all)) => all == "*",
        Some(Value::Array(names)) => names.iter().any(|name| name == property),
        _ => false,
    }
}

fn invalid(why: impl std::fmt::Display) -> Problems {
    Problems::other(format!("'Globals' section is invalid. {why}"))
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

fn check(section: &str, properties: &Value) -> Result<(), Problems> {
    if !SECTIONS.contains(&section) {
        return Err(invalid(format_args!(
            "'{section}' is not supported. Must be one of the following values - [{}]",
            listed(&SECTIONS)
        )));
    }
    let Value::Object(properties) = properties else {
        return Err(invalid("Value of ${section} must be a dictionary"));
    };
    let supported: &[&str] = match section {
        "Function" => &FUNCTION,
        "Api" => &API,
        "SimpleTable" => &["SSESpecification"],
        "StateMachine" => &["PropagateTags"],
        "LayerVersion" => &["PublishLambdaVersion"],
        "HttpApi" => &HTTP_API,
        "CapacityProvider" => &CAPACITY_PROVIDER,
        "MicrovmImage" => &MICROVM_IMAGE,
        "NetworkConnector" => &["OperatorRole", "Tags", "PropagateTags"],
        "WebSocketApi" => &WEBSOCKET_API,
        _ => return Ok(()),
    };
    match properties.keys().find(|key| !supported.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(invalid(format_args!(
            "'{key}' is not a supported property of '{section}'. Must be one of the following values - [{}]",
            listed(supported)
        ))),
    }
}

fn without(
    id: &str,
    global: &Map<String, Value>,
    ignored: Option<&Value>,
) -> Result<Map<String, Value>, Problems> {
    let invalid = |item: &str| {
        Problems::resource(
            id,
            format_args!("Resource {id} has invalid resource attribute 'IgnoreGlobals'{item}."),
        )
    };
    let mut global = global.clone();
    match ignored {
        None | Some(Value::Null) => {}
        Some(Value::String(all)) if all == "*" => global.clear(),
        Some(Value::Array(names)) => {
            for name in names {
                let name = name.as_str().unwrap_or_default();
                if global.shift_remove(name).is_none() {
                    return Err(invalid(&format!(" on item '{name}'")));
                }
            }
        }
        Some(_) => return Err(invalid("")),
    }
    Ok(global)
}

/// Lists that do not join: the resource's own is the whole.
const REPLACED: [&str; 2] = ["Function.Architectures", "CapacityProvider.InstanceRequirements.Architectures"];

/// A map of which the resource's own names alone are taken.
const PRUNED: &str = "CapacityProvider.ManagedResourceTags";

/// `path` is where the values stand, from the section on. The document's depth cap bounds the recursion.
fn merge(global: Value, own: Value, path: &str) -> Value {
    if is_intrinsic(&global) || is_intrinsic(&own) {
        return own;
    }
    match (global, own) {
        (Value::Array(_) | Value::Object(_), own) if REPLACED.contains(&path) => own,
        (Value::Object(mut global), Value::Object(own)) => {
            if path == PRUNED && !own.is_empty() {
                global.retain(|key, _| own.contains_key(key));
            }
            for (key, value) in own {
                match global.get_mut(&key) {
                    // In its place: lists are made of maps, in their order.
                    Some(old) => *old = merge(old.take(), value, &format!("{path}.{key}")),
                    None => {
                        global.insert(key, value);
                    }
                }
            }
            Value::Object(global)
        }
        (Value::Array(mut global), Value::Array(own)) => {
            global.extend(own);
            Value::Array(global)
        }
        (_, own) => own,
    }
}
