//! `AWS::Serverless::WebFunction`: a function that serves the web, its revision, its endpoint and its role.
//!
//! What is wrong with the properties is told by `rules`; nothing here resolves a function.

mod regions;
mod rules;

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::role::{self, Parts};
use super::value::{Kind, attribute, check, is_intrinsic, member, shown, truthy};
use super::{function, location, policy};

pub(super) const KIND: &str = "AWS::Serverless::WebFunction";

const PROPERTIES: [(&str, Kind); 23] = [
    ("FunctionName", Kind::TextOrMap),
    ("Tags", Kind::Map),
    ("ReplicaRegions", Kind::ListOrMap),
    ("AuthType", Kind::Any),
    ("Runtime", Kind::Any),
    ("CodeUri", Kind::Any),
    ("InlineCode", Kind::Any),
    ("RevisionDescription", Kind::Any),
    ("KmsKeyArn", Kind::Any),
    ("ExecutionRoleArn", Kind::Text),
    ("EnvironmentVariables", Kind::Map),
    ("EntryPoint", Kind::Any),
    ("MaxConcurrencyPerEnvironment", Kind::Any),
    ("EgressNetworkConnectorArn", Kind::Any),
    ("Timeout", Kind::Integer),
    ("LoggingConfig", Kind::Any),
    ("RevisionWeights", Kind::Any),
    ("EndpointName", Kind::Any),
    ("EndpointType", Kind::Any),
    ("EndpointDescription", Kind::Any),
    ("ScalingConfig", Kind::Any),
    ("ThrottleConfig", Kind::Any),
    ("AutoDeploymentMode", Kind::Any),
];

/// A generated name has 64 letters at most: this many of the logical id, a dash, and eight of the stack's id.
const NAME_OF_ID_MAX: usize = 55;

/// Seconds, where the template says nothing.
const TIMEOUT: u64 = 30;

/// All that a web function becomes.
pub(super) fn expand(source: &Source<'_>, context: &Context) -> Result<Vec<(String, Value)>, Problems> {
    let properties = &source.properties;
    check(source.id, KIND, properties, &PROPERTIES, &[])?;
    rules::check(source, context)?;
    function::check_tags(source)?;
    let mut parts = Vec::new();
    let role = match member(properties, "ExecutionRoleArn") {
        Some(role) => role.clone(),
        None => {
            let role = role::build(source, role_parts(source))?;
            let arn = attribute(&role.0, "Arn");
            parts.push(role);
            arn
        }
    };
    let name = name(source);
    let web = json!({ "FunctionName": name, "Tags": role::tags(source) });
    let web = web.as_object().cloned().unwrap_or_default();
    parts.push((source.id.to_owned(), source.whole("AWS::Lambda::WebFunction", web)));
    let revision_id = format!("{}Revision", source.id);
    let mut revision = source.part("AWS::Lambda::WebFunctionRevision", revision(source, &name, role)?);
    let endpoint = endpoint(source, context, &name, &revision_id)?;
    let mut endpoint = source.part("AWS::Lambda::WebFunctionEndpoint", endpoint);
    wait_for(&mut revision, &[source.id]);
    wait_for(&mut endpoint, &[source.id, &revision_id]);
    parts.push((revision_id, revision));
    parts.push((format!("{}Endpoint", source.id), endpoint));
    Ok(parts)
}

fn role_parts(source: &Source<'_>) -> Parts {
    Parts {
        managed: vec![role::managed_arn("service-role/AWSLambdaBasicExecutionRole").into()],
        inline: Vec::new(),
        trust: policy::trust("lambda.amazonaws.com"),
        tags: role::tags(source),
        policies: None,
    }
}

fn wait_for(resource: &mut Value, ids: &[&str]) {
    if let Some(resource) = resource.as_object_mut() {
        resource.insert("DependsOn".to_owned(), json!(ids));
    }
}

/// The name that function, revision and endpoint share: a reference to the function would be its ARN.
fn name(source: &Source<'_>) -> Value {
    if let Some(name) = truthy(&source.properties, "FunctionName") {
        return name.clone();
    }
    // Logical ids are ASCII.
    let id: String = source.id.chars().take(NAME_OF_ID_MAX).collect();
    let stack = json!({ "Fn::Select": [2, { "Fn::Split": ["/", { "Ref": "AWS::StackId" }] }] });
    let suffix = json!({ "Fn::Select": [0, { "Fn::Split": ["-", stack] }] });
    json!({ "Fn::Sub": [format!("{id}-${{StackIdSuffix}}"), { "StackIdSuffix": suffix }] })
}

fn revision(source: &Source<'_>, name: &Value, role: Value) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let code = code(source)?;
    let Some(runtime) = member(properties, "Runtime") else {
        return Err(Problems::resource(source.id, "'Runtime' is required."));
    };
    let build = json!({ "CodeConfig": { "S3Object": code }, "RuntimeConfig": { "Runtime": runtime } });
    let mut revision = Map::from_iter([
        ("FunctionName".to_owned(), name.clone()),
        ("BuildConfig".to_owned(), build),
        ("ServiceConfig".to_owned(), service(source, role)?),
    ]);
    for (from, to) in [("RevisionDescription", "Description"), ("KmsKeyArn", "KmsKeyArn")] {
        revision.extend(member(properties, from).map(|value| (to.to_owned(), value.clone())));
    }
    Ok(revision)
}

fn code(source: &Source<'_>) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    if member(properties, "CodeUri").is_some() && member(properties, "InlineCode").is_some() {
        return refuse("Only one of 'InlineCode' or 'CodeUri' can be set.");
    }
    if let Some(uri) = truthy(properties, "CodeUri") {
        return Ok(location::read(source.id, "CodeUri", uri)?.named("Bucket", "Key", "VersionId"));
    }
    match truthy(properties, "InlineCode") {
        Some(_) => refuse(
            "'InlineCode' is not yet supported for 'AWS::Serverless::WebFunction'. Please use 'CodeUri' instead.",
        ),
        None => refuse("Either 'InlineCode' or 'CodeUri' must be set."),
    }
}

fn service(source: &Source<'_>, role: Value) -> Result<Value, Problems> {
    let properties = &source.properties;
    let mut service = Map::from_iter([("ExecutionRoleArn".to_owned(), role)]);
    let entry_point = truthy(properties, "EntryPoint");
    let variables = truthy(properties, "EnvironmentVariables");
    if let Some(function) = variables.filter(|variables| is_intrinsic(variables)) {
        if entry_point.is_some() {
            let message = "'EntryPoint' cannot be used when 'EnvironmentVariables' is an intrinsic function.";
            return Err(Problems::resource(source.id, message));
        }
        service.insert("EnvironmentVariables".to_owned(), function.clone());
    } else {
        let given = variables.and_then(Value::as_object).into_iter().flatten();
        let mut variables: Map<String, Value> =
            given.map(|(name, value)| (name.clone(), as_text(value))).collect();
        variables
            .extend(entry_point.map(|program| ("AWS_LAMBDA_NODEJS_ENTRYPOINT".to_owned(), program.clone())));
        if !variables.is_empty() {
            service.insert("EnvironmentVariables".to_owned(), Value::Object(variables));
        }
    }
    if let Some(logging) = truthy(properties, "LoggingConfig") {
        service.insert("TelemetryConfig".to_owned(), json!({ "LoggingConfig": logging }));
    }
    for name in ["MaxConcurrencyPerEnvironment", "EgressNetworkConnectorArn"] {
        service.extend(member(properties, name).map(|value| (name.to_owned(), value.clone())));
    }
    let timeout = truthy(properties, "Timeout").cloned().unwrap_or_else(|| TIMEOUT.into());
    service.insert("TimeoutSeconds".to_owned(), timeout);
    Ok(Value::Object(service))
}

/// Variables are texts: CloudFormation takes no others.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => if *flag { "true" } else { "false" }.into(),
        Value::Number(_) => shown(value).into(),
        other => other.clone(),
    }
}

fn endpoint(
    source: &Source<'_>,
    context: &Context,
    name: &Value,
    revision_id: &str,
) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let or =
        |name: &str, default: &str| truthy(properties, name).cloned().unwrap_or_else(|| Value::from(default));
    // What a function's text says of parameters is filled in for good; a reference as a whole stays.
    let kind = or("EndpointType", "HomeRegion");
    let kind = Some(context.with_parameters(&kind)).filter(Value::is_object).unwrap_or(kind);
    let weights: Value = match truthy(properties, "RevisionWeights").and_then(Value::as_object) {
        Some(weights) => {
            weights.iter().map(|(id, weight)| json!({ "RevisionId": id, "Weight": weight })).collect()
        }
        None => json!([{ "RevisionId": attribute(revision_id, "RevisionId"), "Weight": 100 }]),
    };
    let mut endpoint = Map::from_iter([
        ("FunctionName".to_owned(), name.clone()),
        ("EndpointName".to_owned(), or("EndpointName", "prod")),
        ("EndpointType".to_owned(), kind),
        ("RevisionWeights".to_owned(), weights),
    ]);
    if let Some(replicas) = member(properties, "ReplicaRegions") {
        endpoint.insert("Regions".to_owned(), regions::expand(source.id, replicas)?);
    }
    let named = [
        ("AuthType", "AuthType"),
        ("EndpointDescription", "Description"),
        ("ScalingConfig", "ScalingConfig"),
        ("ThrottleConfig", "ThrottleConfig"),
    ];
    for (from, to) in named {
        endpoint.extend(member(properties, from).map(|value| (to.to_owned(), value.clone())));
    }
    Ok(endpoint)
}
