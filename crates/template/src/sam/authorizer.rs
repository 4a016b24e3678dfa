//! `Auth.Authorizers` of a REST API: Cognito user pools and functions that decide who may call.

use serde_json::{Map, Value, json};

use super::context::Source;
use super::error::Problems;
use super::python::{Dict, Py, Text, ordered};
use super::swagger::Authorizer;
use super::value::{is_truthy, member, printed, reference, truthy};

const KEY: &str = "x-amazon-apigateway-authorizer";

/// The authorizers of an API, `AWS_IAM` first where it is the default.
pub(super) fn all(id: &str, auth: &Map<String, Value>) -> Result<Vec<Authorizer>, Problems> {
    let mut authorizers = Vec::new();
    if auth.get("DefaultAuthorizer").is_some_and(|name| name == "AWS_IAM") {
        authorizers.push(Authorizer {
            name: "AWS_IAM".to_owned(),
            scheme: scheme("Authorization".into(), "awsSigv4"),
            scopes: json!([]),
        });
    }
    for (name, config) in defined(id, auth)? {
        let scopes = member(config, "AuthorizationScopes").cloned().unwrap_or_else(|| json!([]));
        check(id, name, config, &scopes)?;
        authorizers.push(Authorizer { name: name.clone(), scheme: of(id, name, config)?, scopes });
    }
    Ok(authorizers)
}

type Named<'a> = (&'a String, &'a Map<String, Value>);

fn defined<'a>(id: &str, auth: &'a Map<String, Value>) -> Result<Vec<Named<'a>>, Problems> {
    let Some(authorizers) = truthy(auth, "Authorizers") else { return Ok(Vec::new()) };
    let not_a_map = |path: &str| {
        Problems::resource(id, format_args!("Property 'Auth.Authorizers{path}' should be a map."))
    };
    let authorizers = authorizers.as_object().ok_or_else(|| not_a_map(""))?;
    let named = |(name, config): (&'a String, &'a Value)| {
        Ok((name, config.as_object().ok_or_else(|| not_a_map(&format!(".{name}")))?))
    };
    ordered(authorizers).into_iter().map(named).collect()
}

fn scheme(header: Py, kind: &str) -> Dict {
    let mut scheme = Dict::hashed().with("type", "apiKey");
    scheme.set(Text::own("name"), header);
    scheme.with("in", "header").with("x-amazon-apigateway-authtype", kind)
}

fn check(id: &str, name: &str, config: &Map<String, Value>, scopes: &Value) -> Result<(), Problems> {
    let refuse = |message: String| Err(Problems::resource(id, message));
    let kind = member(config, "FunctionPayloadType");
    if let Some(kind) = kind.filter(|kind| !matches!(kind.as_str(), Some("TOKEN" | "REQUEST"))) {
        let kind = super::value::shown(kind);
        return refuse(format!("{name} Authorizer has invalid 'FunctionPayloadType': {kind}."));
    }
    if kind.is_some_and(|kind| kind == "REQUEST") {
        let identity = match truthy(config, "Identity") {
            None => Map::new(),
            Some(Value::Object(identity)) => identity.clone(),
            Some(_) => return refuse(format!("Property 'Authorizer.{name}.Identity' should be a map.")),
        };
        let named = SOURCES.iter().any(|(source, _)| truthy(&identity, source).is_some());
        let seconds = identity.get("ReauthorizeEvery").and_then(|every| match every {
            Value::String(text) => text.trim().parse::<i64>().ok(),
            other => other.as_i64(),
        });
        // Without caching there is nothing that an identity source would be the key of.
        if !named && seconds.is_none_or(|seconds| seconds > 0) {
            return refuse(format!(
                "{name} Authorizer must specify Identity with at least one of Headers, QueryStrings, StageVariables, or Context."
            ));
        }
    }
    if !scopes.is_array() {
        return refuse(format!("Property 'Authorizers.{name}.AuthorizationScopes' should be a list."));
    }
    match member(config, "DisableFunctionDefaultPermissions") {
        Some(flag) if !flag.is_boolean() => refuse(format!(
            "Property 'Authorizers.{name}.DisableFunctionDefaultPermissions' should be a boolean."
        )),
        _ => Ok(()),
    }
}

/// Where the parts of an identity come from.
const SOURCES: [(&str, &str); 4] = [
    ("Headers", "method.request.header."),
    ("QueryStrings", "method.request.querystring."),
    ("StageVariables", "stageVariables."),
    ("Context", "context."),
];

fn of(id: &str, name: &str, config: &Map<String, Value>) -> Result<Dict, Problems> {
    let identity = truthy(config, "Identity");
    let of_request = config.get("FunctionPayloadType").is_some_and(|kind| kind == "REQUEST");
    let pools = truthy(config, "UserPoolArn");
    let header = match identity {
        _ if of_request && pools.is_none() => "Unused".into(),
        Some(identity) if !identity.is_object() => {
            return Err(Problems::resource(
                id,
                "Auth.Authorizers.<Authorizer>.Identity must be a dict (LambdaTokenAuthorizationIdentity, \
                 LambdaRequestAuthorizationIdentity or CognitoAuthorizationIdentity).",
            ));
        }
        identity => {
            let header =
                identity.and_then(|identity| identity.get("Header")).filter(|header| is_truthy(header));
            header.map_or_else(|| "Authorization".into(), Py::from_template)
        }
    };
    let identity = identity.and_then(Value::as_object).cloned().unwrap_or_default();
    let mut authorizer;
    let kind;
    if let Some(pools) = pools {
        kind = "cognito_user_pools";
        authorizer = Dict::hashed().with("type", kind);
        let list = if pools.is_array() { pools.clone() } else { json!([pools]) };
        authorizer.set(Text::own("providerARNs"), Py::from_template(&list));
    } else {
        kind = "custom";
        authorizer = Dict::hashed().with("type", if of_request { "request" } else { "token" });
        authorizer.set(Text::own("authorizerUri"), uri(config));
        if let Some(every) = member(&identity, "ReauthorizeEvery") {
            authorizer.set(Text::own("authorizerResultTtlInSeconds"), Py::from_template(every));
        }
        if let Some(role) = truthy(config, "FunctionInvokeRole").filter(|role| *role != "NONE") {
            authorizer.set(Text::own("authorizerCredentials"), Py::from_template(role));
        }
        if of_request {
            let source = identity_source(id, name, &identity)?;
            if !source.is_empty() {
                authorizer.set(Text::own("identitySource"), Text::template(source).into());
            }
        }
    }
    if let Some(pattern) =
        truthy(&identity, "ValidationExpression").filter(|_| pools.is_some() || !of_request)
    {
        authorizer.set(Text::own("identityValidationExpression"), Py::from_template(pattern));
    }
    Ok(scheme(header, kind).with(KEY, authorizer))
}

fn uri(config: &Map<String, Value>) -> Py {
    let text = format!(
        "arn:{}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/${{__FunctionArn__}}/invocations",
        base::PARTITION
    );
    let mut variables = Dict::plain();
    let function = config.get("FunctionArn").unwrap_or(&Value::Null);
    variables.set(Text::own("__FunctionArn__"), Py::from_template(function));
    Dict::plain().with("Fn::Sub", Py::List(vec![text.into(), variables.into()])).into()
}

fn identity_source(id: &str, name: &str, identity: &Map<String, Value>) -> Result<String, Problems> {
    let mut parts = Vec::new();
    for (source, prefix) in SOURCES {
        let Some(values) = truthy(identity, source) else { continue };
        let path = format!("Auth.Authorizers.{name}.Identity.{source}");
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
    Ok(parts.join(", "))
}

/// Lets the API call the functions that authorize.
pub(super) fn permissions(
    source: &Source<'_>,
    auth: &Map<String, Value>,
) -> Result<Vec<(String, Value)>, Problems> {
    let mut permissions = Vec::new();
    for (name, config) in defined(source.id, auth)? {
        let Some(function) = truthy(config, "FunctionArn") else { continue };
        if truthy(config, "DisableFunctionDefaultPermissions").is_some() {
            continue;
        }
        let arn = format!(
            "arn:{}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/authorizers/*",
            base::PARTITION
        );
        let properties = Map::from_iter([
            ("Action".to_owned(), json!("lambda:InvokeFunction")),
            ("FunctionName".to_owned(), function.clone()),
            ("Principal".to_owned(), json!("apigateway.amazonaws.com")),
            ("SourceArn".to_owned(), json!({ "Fn::Sub": [arn, { "__ApiId__": reference(source.id) }] })),
        ]);
        let id = format!("{}{name}AuthorizerPermission", source.id);
        permissions.push((id, source.part("AWS::Lambda::Permission", properties)));
    }
    Ok(permissions)
}

/// `GatewayResponses`: what API Gateway answers by itself.
pub(super) fn gateway_response(id: &str, kind: &str, response: &Value) -> Result<Dict, Problems> {
    let refuse = |message: String| Err(Problems::resource(id, message));
    if super::value::is_intrinsic(response) {
        return refuse(
            "Unable to set GatewayResponses attribute because intrinsic functions are not supported for this field."
                .to_owned(),
        );
    }
    let Some(response) = response.as_object() else {
        let found = match response {
            Value::String(_) => "Py27UniStr",
            Value::Array(_) => "list",
            Value::Bool(_) => "bool",
            Value::Null => "NoneType",
            _ => "int",
        };
        return refuse(format!(
            "Invalid property type '{found}' for GatewayResponses. Expected an object of type 'GatewayResponse'."
        ));
    };
    let known = ["ResponseParameters", "ResponseTemplates", "StatusCode"];
    let unknown = |(key, _): &(&String, &Value)| !known.contains(&key.as_str());
    if let Some((key, _)) = ordered(response).into_iter().find(unknown) {
        return refuse(format!("Invalid property '{key}' in 'GatewayResponses' property '{kind}'."));
    }
    let places = [("Headers", "header."), ("Paths", "path."), ("QueryStrings", "querystring.")];
    let given = match truthy(response, "ResponseParameters") {
        None => Map::new(),
        Some(Value::Object(given)) => given.clone(),
        Some(_) => {
            return refuse(format!("Property 'GatewayResponses.{kind}.ResponseParameters' should be a map."));
        }
    };
    let unknown = |(key, _): &(&String, &Value)| !places.iter().any(|(place, _)| place == key);
    if let Some((key, _)) = ordered(&given).into_iter().find(unknown) {
        return refuse(format!("Invalid gateway response parameter '{key}'"));
    }
    let status = member(response, "StatusCode").map(super::value::shown).filter(|status| !status.is_empty());
    let numeric = |status: &String| status.len() <= 3 && status.bytes().all(|byte| byte.is_ascii_digit());
    if status.as_ref().is_some_and(|status| !numeric(status)) {
        return refuse("Property 'StatusCode' must be numeric".to_owned());
    }
    let mut parameters = Dict::hashed();
    for (place, prefix) in places {
        let values = match given.get(place) {
            None => continue,
            Some(Value::Object(values)) => values,
            Some(_) => return refuse(format!("Property 'ResponseParameters.{place}' should be a map.")),
        };
        for (key, value) in ordered(values) {
            let key = Text::template(format!("gatewayresponse.{prefix}{key}"));
            parameters.set(key, Py::from_template(value));
        }
    }
    let templates = truthy(response, "ResponseTemplates").map(Py::from_template);
    let mut answer = Dict::hashed().with("responseParameters", parameters);
    answer.set(Text::own("responseTemplates"), templates.unwrap_or_else(|| Dict::hashed().into()));
    if let Some(status) = status {
        answer.set(Text::own("statusCode"), status.into());
    }
    Ok(answer)
}

/// A list of names as the published transform prints it.
pub(super) fn listed(names: &[&str]) -> String {
    printed(&json!(names))
}
