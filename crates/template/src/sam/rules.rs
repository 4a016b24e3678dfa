//! What must hold between the properties of a function.
//!
//! The first rule that does not hold is told, in the order in which the published transform checks them.

use serde_json::{Map, Value, json};

use super::context::Source;
use super::error::Problems;
use super::value::{member, truthy};

/// Checks a function before anything is generated from it.
pub(super) fn check(source: &Source<'_>) -> Result<(), Problems> {
    let properties = &source.properties;
    let has = |name: &str| member(properties, name).is_some();
    let mut messages = Vec::new();
    for other in ["ProvisionedConcurrencyConfig", "VpcConfig"] {
        if has("CapacityProviderConfig") && has(other) {
            messages.push(format!("Cannot specify 'CapacityProviderConfig' and '{other}' together."));
        }
    }
    for (one, other) in
        [("FunctionScalingConfig", "CapacityProviderConfig"), ("VersionDeletionPolicy", "AutoPublishAlias")]
    {
        if has(one) && !has(other) {
            messages.push(format!("'{one}' requires '{other}'."));
        }
    }
    if !messages.is_empty() {
        return Err(Problems::resource(source.id, messages.join("\n")));
    }
    dead_letters(source)?;
    tenancy(source)?;
    if truthy(properties, "ProvisionedConcurrencyConfig").is_some()
        && truthy(properties, "AutoPublishAlias").is_none()
        && package_is_told(source)
    {
        let message = "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function";
        return Err(Problems::resource(source.id, message));
    }
    Ok(())
}

/// True where nothing is wrong with the code, which the published transform tells first.
fn package_is_told(source: &Source<'_>) -> bool {
    let has = |name: &str| truthy(&source.properties, name).is_some();
    has("ImageUri") || ((has("InlineCode") || has("CodeUri")) && has("Runtime") && has("Handler"))
}

fn dead_letters(source: &Source<'_>) -> Result<(), Problems> {
    let Some(Value::Object(queue)) = truthy(&source.properties, "DeadLetterQueue") else { return Ok(()) };
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    match (truthy(queue, "Type"), truthy(queue, "TargetArn")) {
        (Some(Value::String(kind)), Some(_)) if matches!(kind.as_str(), "SQS" | "SNS") => Ok(()),
        (Some(Value::String(_)), Some(_)) => refuse("'DeadLetterQueue' requires Type of ['SQS', 'SNS']"),
        (Some(_), Some(_)) => refuse("Property 'DeadLetterQueue.Type' should be a string."),
        _ => refuse("'DeadLetterQueue' requires Type and TargetArn properties to be specified."),
    }
}

fn tenancy(source: &Source<'_>) -> Result<(), Problems> {
    let properties = &source.properties;
    if truthy(properties, "TenancyConfig").is_none() {
        return Ok(());
    }
    let named = [
        ("ProvisionedConcurrencyConfig", "Provisioned concurrency"),
        ("FunctionUrlConfig", "Function URL"),
        ("SnapStart", "SnapStart"),
    ];
    for (property, name) in named {
        if truthy(properties, property).is_some() {
            let message =
                format!("{name} is not supported for functions enabled with tenancy configuration.");
            return Err(Problems::resource(source.id, message));
        }
    }
    let events = truthy(properties, "Events").and_then(Value::as_object);
    for event in events.into_iter().flat_map(Map::values) {
        let kind = event.get("Type").and_then(Value::as_str).unwrap_or("None");
        if !matches!(kind, "Api" | "HttpApi") {
            return Err(Problems::resource(
                source.id,
                format_args!(
                    "Event source '{kind}' is not supported for functions enabled with tenancy configuration. Only Api and \
                     HttpApi event sources are supported."
                ),
            ));
        }
    }
    Ok(())
}

/// Checks the properties that depend on the kind of package.
pub(super) fn check_package(id: &str, function: &Map<String, Value>) -> Result<(), Problems> {
    let has = |name: &str| truthy(function, name).is_some();
    let refuse = |message: &str| Err(Problems::resource(id, message));
    if function.get("PackageType").is_some_and(|kind| kind == "Image") {
        return match ["Handler", "Runtime", "Layers"].into_iter().any(has) {
            true => refuse("Runtime, Handler, Layers cannot be present when PackageType is of type `Image`"),
            false => Ok(()),
        };
    }
    if !has("Runtime") || !has("Handler") {
        return refuse("Runtime and Handler needs to be present when PackageType is of type `Zip`");
    }
    match has("ImageConfig") {
        true => refuse("ImageUri or ImageConfig cannot be present when PackageType is of type `Zip`"),
        false => Ok(()),
    }
}

/// `CapacityProviderConfig` as Lambda takes it.
pub(super) fn capacity_provider(id: &str, config: &Value) -> Result<Value, Problems> {
    const NAMES: [(&str, &str); 3] = [
        ("Arn", "CapacityProviderArn"),
        ("PerExecutionEnvironmentMaxConcurrency", "PerExecutionEnvironmentMaxConcurrency"),
        ("ExecutionEnvironmentMemoryGiBPerVCpu", "ExecutionEnvironmentMemoryGiBPerVCpu"),
    ];
    let given = config.as_object().cloned().unwrap_or_default();
    let unknown = given.keys().find(|key| !NAMES.iter().any(|(name, _)| name == key));
    if unknown.is_some() || truthy(&given, "Arn").is_none() {
        let message = "Invalid CapacityProviderConfig: it has Arn, and may have PerExecutionEnvironmentMaxConcurrency and \
                       ExecutionEnvironmentMemoryGiBPerVCpu.";
        return Err(Problems::resource(id, message));
    }
    let mut result = Map::new();
    for (from, to) in NAMES {
        if let Some(value) = member(&given, from) {
            result.insert(to.to_owned(), value.clone());
        }
    }
    Ok(json!({ "LambdaManagedInstancesCapacityProviderConfig": result }))
}
