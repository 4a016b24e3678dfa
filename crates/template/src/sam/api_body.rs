//! The body of a REST API, with everything that the API's own properties add to it: CORS, authorization, models, answers.
//!
//! The order of the edits is the published transform's: the deployment's logical id follows the result.

use serde_json::Value;

use super::authorizer;
use super::context::{Context, Source};
use super::error::Problems;
use super::python::{Dict, Py, ordered};
use super::swagger::{self, Cors, Editor};
use super::value::{is_intrinsic, is_truthy, member, truthy};

const CORS: [&str; 5] = ["AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials"];

/// The body with everything that the API's own properties add to it.
pub(super) fn write(source: &Source<'_>, context: &Context) -> Result<Dict, Problems> {
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
        let stage = properties.get("StageName").map_or(Py::None, Py::from_template);
        doc = add_auth(source.id, &doc, &context.with_parameters(auth), &stage)?;
        swagger::to_openapi_3(&mut doc, version);
    }
    if let Some(responses) = truthy(properties, "GatewayResponses").and_then(Value::as_object) {
        let mut editor = Editor::new(&doc)?;
        for (kind, response) in ordered(responses) {
            editor.add_gateway_response(kind, authorizer::gateway_response(source.id, kind, response)?);
        }
        doc = editor.finish();
    }
    if let Some(types) = truthy(properties, "BinaryMediaTypes") {
        let mut editor = Editor::new(&doc)?;
        editor.set_binary_types(&context.with_parameters(types));
        doc = editor.finish();
    }
    if let Some(models) = truthy(properties, "Models").and_then(Value::as_object) {
        if models.values().any(|model| !model.is_object()) {
            return Err(Problems::resource(source.id, "Invalid value for 'Models' property"));
        }
        let mut editor = Editor::new(&doc)?;
        editor.add_models(models)?;
        doc = editor.finish();
        swagger::to_openapi_3(&mut doc, version);
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

/// What `Auth` may have.
const AUTH: [&str; 8] = [
    "Authorizers",
    "DefaultAuthorizer",
    "InvokeRole",
    "AddDefaultAuthorizerToCorsPreflight",
    "AddApiKeyRequiredToCorsPreflight",
    "ApiKeyRequired",
    "ResourcePolicy",
    "UsagePlan",
];

fn add_auth(id: &str, doc: &Dict, auth: &Value, stage: &Py) -> Result<Dict, Problems> {
    let invalid = || Problems::resource(id, "Invalid value for 'Auth' property");
    let auth = auth.as_object().ok_or_else(invalid)?;
    if auth.keys().any(|key| !AUTH.contains(&key.as_str())) {
        return Err(invalid());
    }
    let unless_false = |name: &str| auth.get(name).is_none_or(is_truthy);
    let mut editor = Editor::new(doc)?;
    let authorizers = authorizer::all(id, auth)?;
    editor.define_authorizers(&authorizers)?;
    match truthy(auth, "DefaultAuthorizer") {
        None => {}
        Some(Value::String(name)) if authorizers.iter().any(|authorizer| authorizer.name == *name) => {
            let with_preflight = unless_false("AddDefaultAuthorizerToCorsPreflight");
            for path in editor.paths() {
                editor.set_default_authorizer(&path, name, &authorizers, with_preflight)?;
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
    if truthy(auth, "ApiKeyRequired").is_some() {
        editor.define_api_key();
        let with_preflight = unless_false("AddApiKeyRequiredToCorsPreflight");
        for path in editor.paths() {
            editor.set_default_api_key(&path, with_preflight)?;
        }
    }
    if let Some(policy) = truthy(auth, "ResourcePolicy") {
        let not_a_map = "ResourcePolicy must be a map (ResourcePolicyStatement).";
        let policy = policy.as_object().ok_or_else(|| Problems::structure(not_a_map))?;
        for path in editor.paths() {
            editor.add_resource_policy(policy, &path, stage)?;
        }
        if let Some(statements) = truthy(policy, "CustomStatements") {
            editor.add_policy_statements(statements);
        }
    }
    Ok(editor.finish())
}
