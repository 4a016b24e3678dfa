//! `AWS::Serverless::Api`: the REST API with its body, a deployment that follows the body, and a stage.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::python::{Dict, Py};
use super::references::Generated;
use super::sha1;
use super::swagger::{self, Cors, Editor};
use super::value::{Kind, check, is_intrinsic, member, reference, tag_list, truthy};

pub(super) const KIND: &str = "AWS::Serverless::Api";

const PROPERTIES: [(&str, Kind); 32] = [
    ("Name", Kind::TextOrMap),
    ("StageName", Kind::TextOrMap),
    ("Tags", Kind::Map),
    ("PropagateTags", Kind::Flag),
    ("DefinitionBody", Kind::Map),
    ("DefinitionUri", Kind::Unsupported),
    ("MergeDefinitions", Kind::Unsupported),
    ("CacheClusterEnabled", Kind::Flag),
    ("CacheClusterSize", Kind::Text),
    ("Variables", Kind::Map),
    ("EndpointConfiguration", Kind::TextOrMap),
    ("MethodSettings", Kind::List),
    ("BinaryMediaTypes", Kind::List),
    ("MinimumCompressionSize", Kind::Integer),
    ("Cors", Kind::TextOrMap),
    ("Auth", Kind::Map),
    ("GatewayResponses", Kind::Unsupported),
    ("AccessLogSetting", Kind::Map),
    ("CanarySetting", Kind::Map),
    ("TracingEnabled", Kind::Flag),
    ("OpenApiVersion", Kind::Text),
    ("Models", Kind::Unsupported),
    ("Domain", Kind::Unsupported),
    ("FailOnWarnings", Kind::Flag),
    ("Description", Kind::Text),
    ("Mode", Kind::Text),
    ("DisableExecuteApiEndpoint", Kind::Flag),
    ("ApiKeySourceType", Kind::Text),
    ("AlwaysDeploy", Kind::Unsupported),
    ("Policy", Kind::TextOrMap),
    ("SecurityPolicy", Kind::Text),
    ("EndpointAccessMode", Kind::Text),
];

const AUTH: [&str; 3] = ["DefaultAuthorizer", "InvokeRole", "AddDefaultAuthorizerToCorsPreflight"];
const CORS: [&str; 5] = ["AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials"];

/// All that an API becomes.
pub(super) fn expand(
    source: &Source<'_>,
    context: &Context,
    generated: &mut Generated,
) -> Result<Vec<(String, Value)>, Problems> {
    check(source.id, KIND, &source.properties, &PROPERTIES, &["StageName"])?;
    let version = truthy(&source.properties, "OpenApiVersion");
    if version.is_some_and(|version| version != "2.0" && !swagger::is_version_3(version)) {
        return Err(Problems::resource(source.id, "The OpenApiVersion value must be of the format '3.0.0'."));
    }
    let body = body(source, context)?;
    let (deployment_id, deployment) = deployment(source, context, &body);
    let (stage_id, stage) = stage(source, &deployment_id);
    generated.add(source.id, "Stage", &stage_id);
    generated.add(source.id, "Deployment", &deployment_id);
    let api = rest_api(source, context, &body);
    Ok(vec![
        (source.id.to_owned(), source.whole("AWS::ApiGateway::RestApi", api)),
        (deployment_id, source.part("AWS::ApiGateway::Deployment", deployment)),
        (stage_id, source.part("AWS::ApiGateway::Stage", stage)),
    ])
}

/// The body with everything that the API's own properties add to it.
fn body(source: &Source<'_>, context: &Context) -> Result<Dict, Problems> {
    let properties = &source.properties;
    let missing = || Problems::resource(source.id, "DefinitionBody is not a valid OpenAPI document.");
    let mut doc = context.bodies.get(source.id).map(|body| body.doc.clone()).ok_or_else(missing)?;
    let valid = |what: &str, doc: &Dict| {
        let message = format!(
            "Unable to add {what} configuration because 'DefinitionBody' does not contain a valid Swagger definition."
        );
        if swagger::is_valid(doc) { Ok(()) } else { Err(Problems::resource(source.id, message)) }
    };
    let version = truthy(properties, "OpenApiVersion");
    if let Some(cors) = truthy(properties, "Cors") {
        valid("Cors", &doc)?;
        doc = add_cors(source.id, &doc, cors)?;
    }
    if let Some(auth) = truthy(properties, "Auth") {
        valid("Auth", &doc)?;
        doc = add_auth(source.id, &doc, &context.with_parameters(auth))?;
        swagger::to_openapi_3(&mut doc, version);
    }
    if let Some(types) = truthy(properties, "BinaryMediaTypes") {
        let mut editor = Editor::new(&doc)?;
        editor.set_binary_types(&context.with_parameters(types));
        doc = editor.finish();
    }
    if let Some(disabled) = member(properties, "DisableExecuteApiEndpoint") {
        let mut editor = Editor::new(&doc)?;
        editor.set_endpoint_disabled(disabled);
        doc = editor.finish();
    }
    swagger::to_openapi_3(&mut doc, version);
    Ok(doc)
}

fn add_cors(id: &str, doc: &Dict, cors: &Value) -> Result<Dict, Problems> {
    let mut settings =
        Cors { methods: None, headers: None, origin: "'*'".into(), max_age: None, credentials: false };
    match cors {
        Value::Object(map) if !is_intrinsic(cors) => {
            if let Some(key) = map.keys().find(|key| !CORS.contains(&key.as_str())) {
                return Err(Problems::resource(id, format_args!("Invalid key '{key}' for 'Cors' property.")));
            }
            let part = |name: &str| member(map, name).map(Py::from_template);
            settings.methods = part("AllowMethods");
            settings.headers = part("AllowHeaders");
            settings.max_age = part("MaxAge");
            settings.credentials = map.get("AllowCredentials") == Some(&Value::Bool(true));
            if let Some(origin) = map.get("AllowOrigin") {
                settings.origin = Py::from_template(origin);
            }
        }
        origin => settings.origin = Py::from_template(origin),
    }
    if settings.credentials && settings.origin.as_str() == Some("'*'") {
        return Err(Problems::resource(
            id,
            "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is \"'*'\" \
             or not set",
        ));
    }
    if !settings.origin.is_truthy() {
        return Err(Problems::resource(
            id,
            "Structure of the SAM template is invalid. Invalid input. Value for AllowedOrigins is required",
        ));
    }
    let mut editor = Editor::new(doc)?;
    let mut seen = Vec::new();
    for path in editor.paths() {
        // `/a` and `/a/` are one resource for API Gateway: one OPTIONS method for both.
        let plain = if path == "/" { path.clone() } else { path.trim_end_matches('/').to_owned() };
        if !seen.contains(&plain) {
            editor.add_cors(&path, &settings)?;
            seen.push(plain);
        }
    }
    Ok(editor.finish())
}

fn add_auth(id: &str, doc: &Dict, auth: &Value) -> Result<Dict, Problems> {
    let Some(auth) = auth.as_object() else {
        return Err(Problems::resource(id, "Invalid value for 'Auth' property"));
    };
    if let Some(key) = auth.keys().find(|key| !AUTH.contains(&key.as_str())) {
        let message = format_args!("Property 'Auth.{key}' is not supported by this platform.");
        return Err(Problems::resource(id, message));
    }
    let mut editor = Editor::new(doc)?;
    match auth.get("DefaultAuthorizer") {
        None | Some(Value::Null) => {}
        Some(Value::String(name)) if name == "AWS_IAM" => {
            editor.define_default_iam(name);
            let with_preflight =
                auth.get("AddDefaultAuthorizerToCorsPreflight").is_none_or(super::value::is_truthy);
            for path in editor.paths() {
                editor.set_default_authorizer(&path, name, with_preflight)?;
            }
        }
        // SECURITY: the published transform ignores a name it cannot find where no Authorizers are defined, which
        // leaves the API open. Here it is refused.
        Some(Value::String(name)) => {
            return Err(Problems::resource(
                id,
                format_args!(
                    "Unable to set DefaultAuthorizer because '{name}' was not defined in 'Authorizers'."
                ),
            ));
        }
        Some(_) => return Err(Problems::resource(id, "DefaultAuthorizer is not a string.")),
    }
    Ok(editor.finish())
}

fn rest_api(source: &Source<'_>, context: &Context, body: &Dict) -> Map<String, Value> {
    let properties = &source.properties;
    let mut api = Map::from_iter([("Body".to_owned(), Py::from(body.clone()).to_value())]);
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
        let (types, configuration) = endpoint_configuration(endpoint);
        api.insert("Parameters".to_owned(), json!({ "endpointConfigurationTypes": types }));
        api.insert("EndpointConfiguration".to_owned(), configuration);
    }
    if let (true, Some(tags)) = (propagates(source), truthy(properties, "Tags")) {
        api.insert("Tags".to_owned(), tag_list(Some(tags)).into());
    }
    api
}

fn propagates(source: &Source<'_>) -> bool {
    source.properties.get("PropagateTags") == Some(&Value::Bool(true))
}

fn endpoint_configuration(endpoint: &Value) -> (Value, Value) {
    let Some(kind) = endpoint.get("Type").filter(|kind| super::value::is_truthy(kind)) else {
        return (endpoint.clone(), json!({ "Types": [endpoint] }));
    };
    let mut configuration = json!({ "Types": [kind] });
    if let Some(map) = configuration.as_object_mut() {
        let ids = endpoint.get("VPCEndpointIds").or_else(|| endpoint.get("VpcEndpointIds"));
        if let Some(ids) = ids {
            map.insert("VpcEndpointIds".to_owned(), ids.clone());
        }
        if let Some(address) = endpoint.get("IpAddressType") {
            map.insert("IpAddressType".to_owned(), address.clone());
        }
    }
    (kind.clone(), configuration)
}

/// The deployment's logical id follows the body: another body is another deployment.
fn deployment(source: &Source<'_>, context: &Context, body: &Dict) -> (String, Map<String, Value>) {
    let version = truthy(&source.properties, "OpenApiVersion").and_then(Value::as_str);
    let printed = Py::from(body.clone()).print();
    let names = context.function_names.get(source.id).filter(|names| !names.is_empty());
    let parts: Vec<&str> =
        [Some(printed.as_str()), version, names.map(String::as_str)].into_iter().flatten().collect();
    let digest = sha1::hex(parts.join("||").as_bytes());
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
        stage.insert("Tags".to_owned(), tag_list(Some(tags)).into());
    }
    (id, stage)
}
