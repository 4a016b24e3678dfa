//! What must hold of a web function's properties and between them.
//!
//! The first rule that does not hold is told, in the order in which the published transform checks them.

use serde_json::Value;

use super::super::context::{Context, Source};
use super::super::error::Problems;
use super::super::value::{is_intrinsic, is_truthy, member, printed_list, shown, truthy};

const MODES: [&str; 2] = ["LatestRevision", "Disabled"];
/// Seconds.
const TIMEOUTS: std::ops::RangeInclusive<i64> = 3..=900;
const WEIGHTS: std::ops::RangeInclusive<i64> = 1..=100;
const WEIGHTS_SUM: i64 = 100;
const REVISIONS_MAX: usize = 2;
/// Letters.
const VARIABLE_MAX: usize = 4_096;

/// Checks a web function before anything is generated from it.
pub(super) fn check(source: &Source<'_>, context: &Context) -> Result<(), Problems> {
    deployment(source, context)?;
    let timeout = member(&source.properties, "Timeout").and_then(whole);
    if timeout.is_some_and(|timeout| !TIMEOUTS.contains(&timeout)) {
        let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
        return refuse(source, format!("'Timeout' must be an integer between {least} and {most}."));
    }
    weights(source)?;
    variables(source)?;
    connector(source)
}

fn refuse(source: &Source<'_>, message: impl std::fmt::Display) -> Result<(), Problems> {
    Err(Problems::resource(source.id, message))
}

/// A number without a fraction; a flag is one to Python.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_bool().map(i64::from))
}

fn deployment(source: &Source<'_>, context: &Context) -> Result<(), Problems> {
    let properties = &source.properties;
    let resolved = |name: &str, default: &str| {
        let value = member(properties, name).map(|value| context.with_parameters(value));
        value.filter(is_truthy).unwrap_or_else(|| default.into())
    };
    let mode = resolved("AutoDeploymentMode", "LatestRevision");
    let modes = printed_list(&MODES);
    if is_intrinsic(&mode) {
        return refuse(
            source,
            format_args!(
                "'AutoDeploymentMode' must resolve to one of {modes} at transform time; unresolved intrinsic functions are \
                 not supported because it is not passed through to CloudFormation."
            ),
        );
    }
    if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
        let mode = shown(&mode);
        return refuse(source, format_args!("'AutoDeploymentMode' must be one of {modes}, got '{mode}'."));
    }
    if truthy(properties, "AuthType").is_none() {
        return refuse(
            source,
            "'AuthType' is required. Specify 'IamAuth' (Lambda authorizes requests with SigV4/IAM) or 'ApplicationManaged' \
             (the endpoint is public and your function handles authorization).",
        );
    }
    let latest = mode == "LatestRevision";
    let weighed = truthy(properties, "RevisionWeights").is_some();
    if latest && weighed {
        return refuse(
            source,
            "'RevisionWeights' cannot be specified when 'AutoDeploymentMode' is 'LatestRevision'.",
        );
    }
    let endpoint = resolved("EndpointType", "HomeRegion");
    let regional = endpoint.as_str().filter(|kind| matches!(*kind, "MultiRegion" | "PerRegion"));
    match regional {
        Some(kind) if latest => refuse(
            source,
            format_args!("'AutoDeploymentMode' must be 'Disabled' when 'EndpointType' is '{kind}'."),
        ),
        None if !latest && !weighed => refuse(
            source,
            "'RevisionWeights' must be specified when 'AutoDeploymentMode' is 'Disabled'. Set 'AutoDeploymentMode' to \
             'LatestRevision' to route all traffic to the latest revision.",
        ),
        _ => Ok(()),
    }
}

fn weights(source: &Source<'_>) -> Result<(), Problems> {
    let Some(given) = truthy(&source.properties, "RevisionWeights") else { return Ok(()) };
    let Some(map) = given.as_object() else {
        let message = "'RevisionWeights' must be a map of revision IDs to weights (e.g., {\"rev-id\": 100}).";
        return refuse(source, message);
    };
    if is_intrinsic(given) {
        return refuse(
            source,
            "'RevisionWeights' does not support top-level intrinsic functions; provide a map of revision IDs to weights \
             (e.g., {\"rev-id\": 100}). Intrinsic functions may be used for individual weight values.",
        );
    }
    for weight in map.values() {
        match whole(weight) {
            None if !is_intrinsic(weight) => {
                return refuse(source, "'RevisionWeights' values must be integers or intrinsic functions.");
            }
            Some(number) if !WEIGHTS.contains(&number) => {
                let (least, most, shown) = (WEIGHTS.start(), WEIGHTS.end(), shown(weight));
                let message =
                    format!("'RevisionWeights' values must be between {least} and {most}, got {shown}.");
                return refuse(source, message);
            }
            _ => {}
        }
    }
    if map.len() > REVISIONS_MAX {
        return refuse(source, format!("'RevisionWeights' supports a maximum of {REVISIONS_MAX} entries."));
    }
    let numbers: Option<Vec<i64>> = map.values().map(whole).collect();
    match numbers.map(|numbers| numbers.iter().sum::<i64>()).filter(|sum| *sum != WEIGHTS_SUM) {
        None => Ok(()),
        Some(sum) => {
            refuse(source, format!("'RevisionWeights' values must sum to {WEIGHTS_SUM}, got {sum}."))
        }
    }
}

fn variables(source: &Source<'_>) -> Result<(), Problems> {
    let given = truthy(&source.properties, "EnvironmentVariables").filter(|given| !is_intrinsic(given));
    for (key, value) in given.and_then(Value::as_object).into_iter().flatten() {
        let letters = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !letters || !key.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return refuse(
                source,
                format!("Environment variable key '{key}' must match pattern '^[a-zA-Z][a-zA-Z0-9_]*$'."),
            );
        }
        let Some(text) = value.as_str() else { continue };
        if text.is_empty() {
            return refuse(source, format!("Environment variable '{key}' value must not be empty."));
        }
        if text.chars().count() > VARIABLE_MAX {
            return refuse(
                source,
                format!(
                    "Environment variable '{key}' value exceeds maximum length of {VARIABLE_MAX} characters."
                ),
            );
        }
    }
    Ok(())
}

/// The ARN of a network connector names its version.
fn connector(source: &Source<'_>) -> Result<(), Problems> {
    let arn = member(&source.properties, "EgressNetworkConnectorArn").and_then(Value::as_str);
    let Some(arn) = arn else { return Ok(()) };
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", partition, "lambda", _, _, "network-connector", name, version]
            if ![partition, name, version].into_iter().any(|part| part.is_empty()) =>
        {
            Ok(())
        }
        _ => refuse(
            source,
            "'EgressNetworkConnectorArn' must be a version-qualified network-connector ARN (ending in ':<version>', e.g. the \
             connector's LatestVersionArn).",
        ),
    }
}
