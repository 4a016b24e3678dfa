//! `Auth` of an HTTP API: OAuth2 and Lambda authorizers, IAM, and the default.

use serde_json::{Map, Value, json};

use super::super::context::Source;
use super::super::error::Problems;
use super::super::value::{is_no_value, member, reference, truthy};
use super::body::Body;

pub(super) const KNOWN: [&str; 3] = ["Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer"];
const KEY: &str = "x-amazon-apigateway-authorizer";
const OAUTH: &str = "OAuth2 Authorizer";
const LAMBDA: &str = "Lambda Authorizer";

/// What an authorizer may have, and for which kind.
const PROPERTIES: [(&str, &str); 9] = [
    ("AuthorizationScopes", OAUTH),
    ("JwtConfiguration", OAUTH),
    ("IdentitySource", OAUTH),
    ("FunctionArn", LAMBDA),
    ("FunctionInvokeRole", LAMBDA),
    ("Identity", LAMBDA),
    ("AuthorizerPayloadFormatVersion", LAMBDA),
    ("EnableSimpleResponses", LAMBDA),
    ("EnableFunctionDefaultPermissions", LAMBDA),
];

type Named<'a> = (&'a str, &'a Map<String, Value>);

fn defined<'a>(id: &str, auth: &'a Map<String, Value>) -> Result<Vec<Named<'a>>, Problems> {
    let Some(authorizers) = truthy(auth, "Authorizers") else { return Ok(Vec::new()) };
    let not_a_map = |path: &str| {
        Problems::resource(id, format_args!("Property 'Auth.Authorizers{path}' should be a map."))
    };
    let mut all = Vec::new();
    for (name, config) in authorizers.as_object().ok_or_else(|| not_a_map(""))? {
        let config = config.as_object().ok_or_else(|| not_a_map(&format!(".{name}")))?;
        if config.contains_key("OpenIdConnectUrl") {
            return Err(Problems::resource(
                id,
                format_args!(
                    "'OpenIdConnectUrl' is no longer a supported property for authorizer '{name}'. Please refer to the AWS \
                     SAM documentation."
                ),
            ));
        }
        check(id, name, config)?;
        all.push((name.as_str(), config));
    }
    Ok(all)
}

fn check(id: &str, name: &str, config: &Map<String, Value>) -> Result<(), Problems> {
    let refuse = |message: String| Err(Problems::resource(id, message));
    let jwt = truthy(config, "JwtConfiguration");
    if jwt.is_some_and(|jwt| !jwt.is_object()) {
        return refuse("Property 'JwtConfiguration' should be a map.".to_owned());
    }
    if member(config, "AuthorizationScopes").is_some_and(|scopes| !scopes.is_array()) {
        return refuse("AuthorizationScopes must be a list.".to_owned());
    }
    let kind = if jwt.is_some() { OAUTH } else { LAMBDA };
    for (property, of) in PROPERTIES {
        // An empty configuration makes a Lambda authorizer, which has none to complain of.
        let empty = property == "JwtConfiguration" && jwt.is_none();
        if of != kind && !empty && member(config, property).is_some() {
            let instead = match property {
                "IdentitySource" => ". For Lambda Authorizer, use the 'Identity' property instead",
                _ => "",
            };
            return refuse(format!("{property} is only supported for {of}{instead}."));
        }
    }
    let needed: &[&str] = match jwt {
        Some(_) => &["IdentitySource"],
        None => &["FunctionArn", "AuthorizerPayloadFormatVersion"],
    };
    if let Some(missing) = needed.iter().find(|needed| truthy(config, needed).is_none()) {
        return refuse(format!("{name} {kind} must define '{missing}'."));
    }
    match member(config, "EnableFunctionDefaultPermissions") {
        Some(flag) if !flag.is_boolean() => refuse(format!(
            "Property 'Authorizers.{name}.EnableFunctionDefaultPermissions' should be a boolean."
        )),
        _ => Ok(()),
    }
}

/// Writes the authorizers and the default into the body.
pub(super) fn write(id: &str, auth: &Map<String, Value>, doc: &mut Value) -> Result<(), Problems> {
    let authorizers = defined(id, auth)?;
    let mut body = Body::new(doc)?;
    let iam = auth.get("EnableIamAuthorizer") == Some(&Value::Bool(true));
    if iam {
        let scheme = json!({
            "type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4",
        });
        body.define("AWS_IAM", scheme);
    }
    for (name, config) in &authorizers {
        body.define(name, scheme(id, name, config)?);
    }
    let Some(default) = truthy(auth, "DefaultAuthorizer").filter(|default| !is_no_value(default)) else {
        return Ok(());
    };
    let Some(default) = default.as_str() else {
        return Err(Problems::resource(id, "Property 'Auth.DefaultAuthorizer' should be a string."));
    };
    let found = authorizers.iter().find(|(name, _)| *name == default);
    if found.is_none() && !(iam && default == "AWS_IAM") {
        return Err(Problems::resource(
            id,
            format_args!(
                "Unable to set DefaultAuthorizer because '{default}' was not defined in 'Authorizers'."
            ),
        ));
    }
    let scopes = found.and_then(|(_, config)| member(config, "AuthorizationScopes"));
    let scopes = scopes.cloned().unwrap_or_else(|| json!([]));
    for path in body.paths() {
        body.secure_all(&path, &json!({ default: scopes }))?;
    }
    Ok(())
}

fn scheme(id: &str, name: &str, config: &Map<String, Value>) -> Result<Value, Problems> {
    if let Some(jwt) = truthy(config, "JwtConfiguration").and_then(Value::as_object) {
        let jwt: Map<String, Value> =
            jwt.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
        let source = config.get("IdentitySource");
        return Ok(json!({
            "type": "oauth2",
            KEY: { "jwtConfiguration": jwt, "identitySource": source, "type": "jwt" },
        }));
    }
    let arn = format!(
        "arn:{}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{__FunctionArn__}}/invocations",
        base::PARTITION
    );
    let uri = json!({ "Fn::Sub": [arn, { "__FunctionArn__": config.get("FunctionArn") }] });
    let mut authorizer =
        Map::from_iter([("type".to_owned(), json!("request")), ("authorizerUri".to_owned(), uri)]);
    if let Some(role) = truthy(config, "FunctionInvokeRole").filter(|role| *role != "NONE") {
        authorizer.insert("authorizerCredentials".to_owned(), role.clone());
    }
    if let Some(identity) = truthy(config, "Identity") {
        let Some(identity) = identity.as_object() else {
            let message = format_args!("Property 'Auth.Authorizers.{name}.Identity' should be a map.");
            return Err(Problems::resource(id, message));
        };
        if let Some(every) = member(identity, "ReauthorizeEvery") {
            authorizer.insert("authorizerResultTtlInSeconds".to_owned(), every.clone());
        }
        authorizer.insert("identitySource".to_owned(), identity_source(id, name, identity)?.into());
    }
    for (from, to) in [
        ("AuthorizerPayloadFormatVersion", "authorizerPayloadFormatVersion"),
        ("EnableSimpleResponses", "enableSimpleResponses"),
    ] {
        if let Some(value) = truthy(config, from) {
            authorizer.insert(to.to_owned(), value.clone());
        }
    }
    Ok(json!({ "type": "apiKey", "name": "Unused", "in": "header", KEY: authorizer }))
}

fn identity_source(id: &str, name: &str, identity: &Map<String, Value>) -> Result<Vec<String>, Problems> {
    let sources = [
        ("Headers", "$request.header."),
        ("QueryStrings", "$request.querystring."),
        ("StageVariables", "$stageVariables."),
        ("Context", "$context."),
    ];
    let mut parts = Vec::new();
    for (source, prefix) in sources {
        let Some(values) = truthy(identity, source) else { continue };
        let path = format!("Authorizers.{name}.Identity.{source}");
        let Some(values) = values.as_array() else {
            return Err(Problems::resource(id, format_args!("Property '{path}' should be a list.")));
        };
        for (at, value) in values.iter().enumerate() {
            let Some(value) = value.as_str() else {
                let message = format_args!("Property '{path}[{at}]' should be a string.");
                return Err(Problems::resource(id, message));
            };
            parts.push(format!("{prefix}{value}"));
        }
    }
    Ok(parts)
}

/// The ARN of all authorizers of an API.
pub(in super::super) fn arn(api: &str) -> Value {
    let arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*";
    json!({ "Fn::Sub": [arn, { "__ApiId__": reference(api) }] })
}

/// Lets the API call the functions that authorize, where the template asks for it.
pub(super) fn permissions(source: &Source<'_>) -> Result<Vec<(String, Value)>, Problems> {
    let Some(auth) = truthy(&source.properties, "Auth").and_then(Value::as_object) else {
        return Ok(Vec::new());
    };
    let mut permissions = Vec::new();
    for (name, config) in defined(source.id, auth)? {
        let Some(function) = truthy(config, "FunctionArn") else { continue };
        if truthy(config, "EnableFunctionDefaultPermissions").is_none() {
            continue;
        }
        let properties = Map::from_iter([
            ("Action".to_owned(), json!("lambda:InvokeFunction")),
            ("FunctionName".to_owned(), function.clone()),
            ("Principal".to_owned(), json!("apigateway.amazonaws.com")),
            ("SourceArn".to_owned(), arn(source.id)),
        ]);
        let id = format!("{}{name}AuthorizerPermission", source.id);
        permissions.push((id, source.part("AWS::Lambda::Permission", properties)));
    }
    Ok(permissions)
}
