//! `FunctionUrlConfig`: a function's own address, and who may call it.

use serde_json::{Map, Value, json};

use super::error::Problems;
use super::event::Target;
use super::value::{is_intrinsic, member, reference, truthy};

/// What Cors may have, and of which type by Python's name.
const CORS: [(&str, &str); 6] = [
    ("AllowOrigins", "list"),
    ("AllowMethods", "list"),
    ("AllowCredentials", "bool"),
    ("AllowHeaders", "list"),
    ("ExposeHeaders", "list"),
    ("MaxAge", "int"),
];

/// The address, and the permissions that make it public where it needs no signature.
pub(super) fn expand(target: &Target<'_>) -> Result<Vec<(String, Value)>, Problems> {
    let source = target.source;
    let Some(config) = truthy(&source.properties, "FunctionUrlConfig") else { return Ok(Vec::new()) };
    let whole_function = is_intrinsic(config);
    let config = config.as_object().cloned().unwrap_or_default();
    if !whole_function {
        check_auth_type(source.id, &config)?;
        check_cors(source.id, &config)?;
    }
    let callee = reference(target.alias.unwrap_or(source.id));
    let mut url = Map::from_iter([("TargetFunctionArn".to_owned(), callee.clone())]);
    if let Some(cors) = truthy(&config, "Cors") {
        url.insert("Cors".to_owned(), cors.clone());
    }
    for name in ["AuthType", "InvokeMode"] {
        if let Some(value) = member(&config, name) {
            url.insert(name.to_owned(), value.clone());
        }
    }
    let mut resources = vec![(format!("{}Url", source.id), source.part("AWS::Lambda::Url", url))];
    if config.get("AuthType").is_some_and(|kind| kind == "NONE") && !whole_function {
        let grant = |action: &str, name: &str, value: Value| {
            let properties = Map::from_iter([
                ("Action".to_owned(), json!(action)),
                ("FunctionName".to_owned(), callee.clone()),
                ("Principal".to_owned(), json!("*")),
                (name.to_owned(), value),
            ]);
            source.part("AWS::Lambda::Permission", properties)
        };
        let by_url = grant("lambda:InvokeFunctionUrl", "FunctionUrlAuthType", json!("NONE"));
        resources.push((format!("{}UrlPublicPermissions", source.id), by_url));
        let invoke = grant("lambda:InvokeFunction", "InvokedViaFunctionUrl", json!(true));
        resources.push((format!("{}URLInvokeAllowPublicAccess", source.id), invoke));
    }
    Ok(resources)
}

fn check_auth_type(id: &str, config: &Map<String, Value>) -> Result<(), Problems> {
    let fits = |kind: &Value| is_intrinsic(kind) || matches!(kind.as_str(), Some("AWS_IAM" | "NONE"));
    if config.get("AuthType").is_some_and(fits) {
        return Ok(());
    }
    Err(Problems::resource(
        id,
        "AuthType is required to configure function property `FunctionUrlConfig`. Please provide either AWS_IAM or NONE.",
    ))
}

fn check_cors(id: &str, config: &Map<String, Value>) -> Result<(), Problems> {
    let Some(cors) = truthy(config, "Cors").filter(|cors| !is_intrinsic(cors)) else { return Ok(()) };
    let Some(cors) = cors.as_object() else {
        return Err(Problems::resource(id, "Property 'FunctionUrlConfig.Cors' should be a map."));
    };
    for (name, value) in cors {
        let Some((_, kind)) = CORS.iter().find(|(known, _)| known == name) else {
            let message = format_args!("{name} is not a valid property for configuring Cors.");
            return Err(Problems::resource(id, message));
        };
        let fits = match *kind {
            "list" => value.is_array(),
            "bool" => value.is_boolean(),
            // To Python a flag is a number too.
            _ => value.is_i64() || value.is_u64() || value.is_boolean(),
        };
        if !fits && !is_intrinsic(value) {
            return Err(Problems::resource(id, format_args!("{name} must be of type {kind}.")));
        }
    }
    Ok(())
}
