//! `AWS::Serverless::Api`: the REST API with its body, a deployment that follows the body, and a stage.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::python::{Dict, Py, Text, sorted};
use super::references::Generated;
use super::sha1;
use super::swagger;
use super::value::{Kind, check, member, reference, tag_list, truthy};
use super::{api_body, authorizer, domain, implicit, location, python_json, usage_plan};

pub(super) const KIND: &str = "AWS::Serverless::Api";

const PROPERTIES: [(&str, Kind); 32] = [
    ("Name", Kind::TextOrMap),
    ("StageName", Kind::TextOrMap),
    ("Tags", Kind::Map),
    ("PropagateTags", Kind::Flag),
    ("DefinitionBody", Kind::Map),
    ("DefinitionUri", Kind::TextOrMap),
    ("MergeDefinitions", Kind::PlainFlag),
    ("CacheClusterEnabled", Kind::Flag),
    ("CacheClusterSize", Kind::Text),
    ("Variables", Kind::Map),
    ("EndpointConfiguration", Kind::TextOrMap),
    ("MethodSettings", Kind::List),
    ("BinaryMediaTypes", Kind::List),
    ("MinimumCompressionSize", Kind::Integer),
    ("Cors", Kind::TextOrMap),
    ("Auth", Kind::Map),
    ("GatewayResponses", Kind::Map),
    ("AccessLogSetting", Kind::Map),
    ("CanarySetting", Kind::Map),
    ("TracingEnabled", Kind::Flag),
    ("OpenApiVersion", Kind::Text),
    ("Models", Kind::Map),
    ("Domain", Kind::Map),
    ("FailOnWarnings", Kind::Flag),
    ("Description", Kind::Text),
    ("Mode", Kind::Text),
    ("DisableExecuteApiEndpoint", Kind::Flag),
    ("ApiKeySourceType", Kind::Text),
    ("AlwaysDeploy", Kind::PlainFlag),
    ("Policy", Kind::TextOrMap),
    ("SecurityPolicy", Kind::Text),
    ("EndpointAccessMode", Kind::Text),
];

/// All that an API becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &mut Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &["StageName"])?;
    let version = truthy(&source.properties, "OpenApiVersion");
    if version.is_some_and(|version| !swagger::is_supported_version(version)) {
        return Err(Problems::resource(source.id, "The OpenApiVersion value must be of the format '3.0.0'."));
    }
    let definition = definition(source, context)?;
    let api = rest_api(source, context, &definition)?;
    let domain = domain::rest(source, context, generated)?;
    let counted = domain.as_ref().map(|domain| &domain.domain);
    let (deployment_id, deployment) = deployment(source, context, &definition, counted);
    let (stage_id, stage) = stage(source, &deployment_id);
    generated.add(source.id, "Stage", &stage_id);
    generated.add(source.id, "Deployment", &deployment_id);
    let auth = truthy(&source.properties, "Auth").map(|auth| context.with_parameters(auth));
    let auth = auth.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
    let permissions = authorizer::permissions(source, &auth)?;
    let plan = usage_plan::expand(source, &auth, &stage_id, context)?;
    for (id, resource) in &plan {
        if let Some(kind) = resource.get("Type").and_then(Value::as_str) {
            generated.add(source.id, kind.trim_start_matches("AWS::ApiGateway::"), id);
        }
    }
    let mut resources = vec![
        (source.id.to_owned(), source.whole("AWS::ApiGateway::RestApi", api)),
        (deployment_id, source.part("AWS::ApiGateway::Deployment", deployment)),
        (stage_id, source.part("AWS::ApiGateway::Stage", stage)),
    ];
    resources.extend(permissions);
    resources.extend(domain.into_iter().flat_map(|domain| domain.parts));
    resources.extend(plan);
    if source.properties.get("PropagateTags").is_some_and(super::value::is_truthy) {
        let tags = truthy(&source.properties, "Tags").map(|tags| in_order(source.id, tags));
        super::value::propagate_tags(tags.as_ref(), &mut resources);
    }
    Ok(resources)
}

/// What says which routes an API has.
enum Definition {
    /// A body, as the template has it or as the transform wrote it.
    Body(Dict),
    /// A document in S3.
    Location(Dict),
}

fn definition(source: &Source<'_>, context: &Context) -> Result<Definition, Problems> {
    let properties = &source.properties;
    let refuse = |message: &str| Err(Problems::resource(source.id, message));
    let Some(uri) = truthy(properties, "DefinitionUri") else {
        return api_body::write(source, context).map(Definition::Body);
    };
    if context.bodies.contains_key(source.id) {
        return refuse("Specify either 'DefinitionUri' or 'DefinitionBody' property and not both.");
    }
    if truthy(properties, "MergeDefinitions").is_some() {
        return refuse("Cannot set 'MergeDefinitions' to True when using `DefinitionUri`.");
    }
    let named = [
        ("Cors", "Cors works only with inline Swagger specified in 'DefinitionBody' property."),
        ("Auth", "Auth works only with inline Swagger specified in 'DefinitionBody' property."),
        (
            "GatewayResponses",
            "GatewayResponses works only with inline Swagger specified in 'DefinitionBody' property.",
        ),
        ("Models", "Models works only with inline Swagger specified in 'DefinitionBody' property."),
    ];
    for (name, message) in named {
        if truthy(properties, name).is_some() {
            return refuse(message);
        }
    }
    if member(properties, "DisableExecuteApiEndpoint").is_some() {
        return refuse("DisableExecuteApiEndpoint works only within 'DefinitionBody' property.");
    }
    let location = location::read(source.id, "DefinitionUri", uri)?.named("Bucket", "Key", "Version");
    let mut dict = Dict::hashed();
    for (name, value) in &location {
        dict.set(Text::own(name), Py::from_template(value));
    }
    Ok(Definition::Location(dict))
}

fn rest_api(
    source: &Source<'_>,
    context: &Context,
    definition: &Definition,
) -> Result<Map<String, Value>, Problems> {
    let properties = &source.properties;
    let (name, dict) = match definition {
        Definition::Body(body) => ("Body", body),
        Definition::Location(location) => ("BodyS3Location", location),
    };
    let mut api = Map::from_iter([(name.to_owned(), Py::from(dict.clone()).to_value())]);
    if let Some(types) = member(properties, "BinaryMediaTypes") {
        api.insert("BinaryMediaTypes".to_owned(), context.with_parameters(types));
    }
    if let Some(size) = member(properties, "MinimumCompressionSize") {
        api.insert("MinimumCompressionSize".to_owned(), size.clone());
    }
    let same = [
        "FailOnWarnings",
        "Name",
        "Description",
        "Mode",
        "ApiKeySourceType",
        "Policy",
        "SecurityPolicy",
        "EndpointAccessMode",
    ];
    for name in same {
        if let Some(value) = truthy(properties, name) {
            api.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(endpoint) = truthy(properties, "EndpointConfiguration") {
        let (types, configuration) = endpoint_configuration(source.id, endpoint)?;
        api.insert("Parameters".to_owned(), json!({ "endpointConfigurationTypes": types }));
        api.insert("EndpointConfiguration".to_owned(), configuration);
    }
    Ok(api)
}

fn endpoint_configuration(id: &str, endpoint: &Value) -> Result<(Value, Value), Problems> {
    let Some(kind) = endpoint.get("Type").filter(|kind| super::value::is_truthy(kind)) else {
        return Ok((endpoint.clone(), json!({ "Types": [endpoint] })));
    };
    let (old, new) = (endpoint.get("VPCEndpointIds"), endpoint.get("VpcEndpointIds"));
    if old.is_some() && new.is_some() {
        return Err(Problems::resource(
            id,
            "'VPCEndpointIds' and 'VpcEndpointIds' cannot be used together in EndpointConfiguration.",
        ));
    }
    let mut configuration = Map::from_iter([("Types".to_owned(), json!([kind]))]);
    if let Some(ids) = old.or(new) {
        configuration.insert("VpcEndpointIds".to_owned(), ids.clone());
    }
    if let Some(address) = endpoint.get("IpAddressType") {
        configuration.insert("IpAddressType".to_owned(), address.clone());
    }
    Ok((kind.clone(), Value::Object(configuration)))
}

/// The deployment's logical id follows the body: another body is another deployment. With `AlwaysDeploy` it follows the time.
fn deployment(
    source: &Source<'_>,
    context: &Context,
    definition: &Definition,
    domain: Option<&Value>,
) -> (String, Map<String, Value>) {
    let version = truthy(&source.properties, "OpenApiVersion").and_then(Value::as_str);
    let (Definition::Body(dict) | Definition::Location(dict)) = definition;
    let printed = Py::from(dict.clone()).print();
    let domain = domain.map(python_json::spaced);
    let names = context.function_names.get(source.id).filter(|names| !names.is_empty());
    let parts: Vec<&str> = [Some(printed.as_str()), version, domain.as_deref(), names.map(String::as_str)]
        .into_iter()
        .flatten()
        .collect();
    let data = match truthy(&source.properties, "AlwaysDeploy") {
        Some(_) => context.now.secs().to_string(),
        None => parts.join("||"),
    };
    let digest = sha1::hex(data.as_bytes());
    let short: String = digest.chars().take(10).collect();
    let mut properties = Map::from_iter([
        ("Description".to_owned(), json!(format!("RestApi deployment id: {digest}"))),
        ("RestApiId".to_owned(), reference(source.id)),
    ]);
    if version.is_none() {
        properties.insert("StageName".to_owned(), json!("Stage"));
    }
    (format!("{}Deployment{short}", source.id), properties)
}

/// Tags in the order of the published transform; those that the implicit API was given have theirs already.
fn in_order(id: &str, tags: &Value) -> Value {
    if id == implicit::IMPLICIT { tags.clone() } else { sorted(tags) }
}

fn stage(source: &Source<'_>, deployment_id: &str) -> (String, Map<String, Value>) {
    let properties = &source.properties;
    let name = properties.get("StageName").and_then(Value::as_str).unwrap_or_default();
    let id = if name.is_empty() {
        format!("{}Stage", source.id)
    } else if name.chars().all(char::is_alphanumeric) {
        format!("{}{name}Stage", source.id)
    } else {
        let digest: String = sha1::hex(name.as_bytes()).chars().take(10).collect();
        format!("{}Stage{digest}", source.id)
    };
    let mut stage = Map::from_iter([
        ("RestApiId".to_owned(), reference(source.id)),
        ("DeploymentId".to_owned(), reference(deployment_id)),
    ]);
    let same = [
        "StageName",
        "CacheClusterEnabled",
        "CacheClusterSize",
        "Variables",
        "MethodSettings",
        "AccessLogSetting",
        "CanarySetting",
        "TracingEnabled",
    ];
    for name in same {
        if let Some(value) = member(properties, name) {
            stage.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(tags) = member(properties, "Tags") {
        stage.insert("Tags".to_owned(), tag_list(Some(&in_order(source.id, tags))).into());
    }
    (id, stage)
}
