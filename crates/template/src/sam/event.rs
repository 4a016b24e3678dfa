//! Events of a function. `Api` adds a route to an API's body and a permission to the function; every other type is refused.

use serde_json::{Map, Value, json};

use super::context::{Context, Source};
use super::error::Problems;
use super::python::{Dict, Py, Slots, Text};
use super::sha1;
use super::swagger::Editor;
use super::value::{Kind, check, is_truthy, single, truthy};

const API_EVENT: [(&str, Kind); 9] = [
    ("Path", Kind::Text),
    ("Method", Kind::Text),
    ("RestApiId", Kind::Text),
    ("Stage", Kind::Text),
    ("Auth", Kind::Map),
    ("RequestModel", Kind::Unsupported),
    ("RequestParameters", Kind::Unsupported),
    ("TimeoutInMillis", Kind::Integer),
    ("ResponseTransferMode", Kind::Unsupported),
];

/// What an event calls: a function, or its alias.
pub(super) struct Target<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) alias: Option<&'a str>,
}

/// In which order the published transform meets a function's events: that order shows in the bodies of APIs.
pub(super) struct Order {
    /// The `Api` events, as they are added to bodies at first.
    pub(super) of_routes: Vec<String>,
    /// All events, as they are expanded.
    pub(super) of_all: Vec<String>,
}

impl Order {
    pub(super) fn of(events: &Map<String, Value>) -> Self {
        let mut all: Slots = events.keys().collect();
        let order = all.keys();
        let routes: Slots = order.iter().filter(|id| events.get(*id).is_some_and(is_api)).collect();
        let of_routes = routes.keys();
        all.merge(&of_routes);
        Self { of_routes, of_all: all.keys() }
    }
}

/// One `Api` event, checked.
struct Route<'a> {
    event: &'a str,
    path: String,
    method: String,
    api_id: String,
    api: Value,
    auth: Map<String, Value>,
    timeout: Option<Value>,
}

/// All that a function's events become.
pub(super) fn expand(target: &Target<'_>, context: &mut Context) -> Result<Vec<(String, Value)>, Problems> {
    let events =
        target.source.properties.get("Events").and_then(Value::as_object).cloned().unwrap_or_default();
    let order = Order::of(&events).of_all;
    let mut ordered: Vec<(&String, &Value)> =
        order.iter().filter_map(|id| events.get_key_value(id)).collect();
    ordered.sort_by_key(|(id, event)| {
        let path = event.get("Properties").and_then(|properties| properties.get("Path"));
        path.and_then(Value::as_str).unwrap_or(id.as_str())
    });
    let mut problems = Problems::default();
    let mut resources = Vec::new();
    for (id, event) in ordered {
        let expanded = route(target, id, event).and_then(|route| {
            add_route(target, &route, context)?;
            Ok(permission(target, &route, context))
        });
        resources.extend(problems.collect(expanded));
    }
    problems.into_result()?;
    Ok(resources)
}

/// The API that an event names: a logical id, or something that is none.
pub(super) fn api_id(reference: &Value) -> Option<&str> {
    match reference {
        Value::String(id) => Some(id),
        other => other.get("Ref").and_then(Value::as_str),
    }
}

fn route<'a>(target: &Target<'_>, id: &'a str, event: &Value) -> Result<Route<'a>, Problems> {
    let function = target.source.id;
    match event.get("Type").and_then(Value::as_str) {
        Some("Api") => {}
        Some(kind) => {
            let message = format_args!("Event type {kind} is not supported by this platform.");
            return Err(Problems::event(function, id, message));
        }
        None => {
            let message = "Resource dict has missing or invalid value for key Type. Event Type is: None.";
            return Err(Problems::event(function, id, message));
        }
    }
    if let Some(extra) =
        event.as_object().and_then(|map| map.keys().find(|k| !matches!(k.as_str(), "Type" | "Properties")))
    {
        return Err(Problems::event(function, id, format_args!("Attribute '{extra}' is not known.")));
    }
    let properties = event.get("Properties").and_then(Value::as_object).cloned().unwrap_or_default();
    check(&format!("{function}{id}"), "Api", &properties, &API_EVENT)?;
    let text = |name: &str| match properties.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Null) | None => {
            Err(Problems::event(function, id, format_args!("Property '{name}' is required.")))
        }
        Some(_) => Err(Problems::event(function, id, format_args!("Property '{name}' should be a string."))),
    };
    let api = properties.get("RestApiId").cloned().unwrap_or_default();
    let auth = match properties.get("Auth") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(auth)) => auth.clone(),
        Some(_) => return Err(Problems::event(function, id, "Property 'Auth' should be a map.")),
    };
    let known = ["Authorizer", "InvokeRole"];
    if let Some(extra) = auth.keys().find(|key| !known.contains(&key.as_str())) {
        let message = format_args!("Property 'Auth.{extra}' is not supported by this platform.");
        return Err(Problems::event(function, id, message));
    }
    Ok(Route {
        event: id,
        path: text("Path")?,
        method: text("Method")?.to_lowercase(),
        api_id: api_id(&api).unwrap_or_default().to_owned(),
        api,
        auth,
        timeout: truthy(&properties, "TimeoutInMillis").cloned(),
    })
}

fn add_route(target: &Target<'_>, route: &Route<'_>, context: &mut Context) -> Result<(), Problems> {
    let function = target.source.id;
    let refuse = |message: String| Problems::event(function, route.event, message);
    let (Some(body), Some(api)) = (context.bodies.get(&route.api_id), context.apis.get(&route.api_id)) else {
        return Err(refuse(
            "RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource in same template."
                .to_owned(),
        ));
    };
    if !body.managed {
        // The author wrote the body: routes and their authorization are in it.
        return match route.auth.is_empty() {
            true => Ok(()),
            false => Err(refuse(
                "'Auth' of an event has no effect on an API with a 'DefinitionBody'; write it there."
                    .to_owned(),
            )),
        };
    }
    let api_auth = api.get("Auth").map(|auth| context.with_parameters(auth)).unwrap_or_default();
    let api_auth = api_auth.as_object().cloned().unwrap_or_default();
    let mut editor = Editor::new(&body.doc)?;
    if editor.has_integration(&route.path, &route.method) {
        return Err(refuse(format!(
            "API method \"{}\" defined multiple times for path \"{}\".",
            route.method, route.path
        )));
    }
    let condition = target.source.condition().map(Text::template);
    let credentials = credentials(&route.auth, &api_auth);
    let uri = integration_uri(target);
    editor.add_lambda(&route.path, &route.method, &uri, credentials.as_ref(), condition.as_ref())?;
    if let Some(authorizer) = route.auth.get("Authorizer").filter(|authorizer| is_truthy(authorizer)) {
        let authorizer = check_authorizer(authorizer, route, &api_auth).map_err(refuse)?;
        editor.set_method_authorizer(&route.path, &route.method, authorizer)?;
    }
    if let Some(timeout) = &route.timeout {
        editor.set_timeout(&route.path, &route.method, timeout)?;
    }
    let doc = editor.finish();
    if let Some(body) = context.bodies.get_mut(&route.api_id) {
        body.doc = doc;
    }
    Ok(())
}

fn check_authorizer<'a>(
    authorizer: &'a Value,
    route: &Route<'_>,
    api_auth: &Map<String, Value>,
) -> Result<&'a str, String> {
    let (method, path) = (&route.method, &route.path);
    match authorizer.as_str() {
        Some("AWS_IAM") => Ok("AWS_IAM"),
        Some("NONE") if truthy(api_auth, "DefaultAuthorizer").is_some() => Ok("NONE"),
        Some("NONE") => Err(format!(
            "Unable to set Authorizer on API method [{method}] for path [{path}] because 'NONE' is only a valid value \
             when a DefaultAuthorizer on the API is specified."
        )),
        Some(name) => Err(format!(
            "Unable to set Authorizer [{name}] on API method [{method}] for path [{path}] because the related API does \
             not define any Authorizers."
        )),
        None => Err(format!(
            "Unable to set Authorizer [{authorizer}] on API method [{method}] for path [{path}]. The method authorizer \
             must be a string with a corresponding dict entry in the api authorizer."
        )),
    }
}

/// As whom the gateway calls the function where IAM authorizes: the caller, unless a role is named.
fn credentials(auth: &Map<String, Value>, api_auth: &Map<String, Value>) -> Option<Py> {
    let by_method = auth.get("Authorizer").is_some_and(|authorizer| authorizer == "AWS_IAM");
    let by_default = api_auth.get("DefaultAuthorizer").is_some_and(|authorizer| authorizer == "AWS_IAM");
    let authorized = by_method || (by_default && auth.is_empty());
    if !authorized {
        return None;
    }
    let none = Value::from("NONE");
    let role = |auth: &Map<String, Value>| {
        auth.get("InvokeRole").map(|role| if is_truthy(role) { role.clone() } else { none.clone() })
    };
    match role(auth).or_else(|| role(api_auth)) {
        Some(role) if role == none => None,
        Some(role) if role != "CALLER_CREDENTIALS" => Some(Py::from_template(&role)),
        _ => Some(format!("arn:{}:iam::*:user/*", base::PARTITION).into()),
    }
}

fn integration_uri(target: &Target<'_>) -> Py {
    let (callee, from_template) = match target.alias {
        Some(alias) => (format!("${{{alias}}}"), false),
        None => (format!("${{{}.Arn}}", target.source.id), true),
    };
    let partition = base::PARTITION;
    let text = format!(
        "arn:{partition}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{callee}/invocations"
    );
    let mut uri = Dict::hashed();
    uri.set(Text::own("Fn::Sub"), Text { text, from_template }.into());
    uri.into()
}

/// Allows the API's stages to call the function on this route.
fn permission(target: &Target<'_>, route: &Route<'_>, context: &Context) -> (String, Value) {
    let stage = context.apis.get(&route.api_id).and_then(|api| api.get("StageName"));
    let suffix = stage.and_then(Value::as_str).unwrap_or("Stage");
    let suffix = match suffix.chars().all(char::is_alphanumeric) {
        true => suffix.to_owned(),
        false => sha1::hex(suffix.as_bytes()).chars().take(10).collect(),
    };
    let id = format!("{}{}Permission{suffix}", target.source.id, route.event);
    let path = match route.path.strip_suffix('/') {
        Some(path) if !path.is_empty() => path,
        _ => &route.path,
    };
    let method = if route.method == "any" { "*".to_owned() } else { route.method.to_uppercase() };
    let arn = format!(
        "arn:{}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/${{__Stage__}}/{method}{}",
        base::PARTITION,
        wildcards(path)
    );
    let callee = target.alias.unwrap_or(target.source.id);
    let properties = Map::from_iter([
        ("Action".to_owned(), json!("lambda:InvokeFunction")),
        ("FunctionName".to_owned(), super::value::reference(callee)),
        ("Principal".to_owned(), json!("apigateway.amazonaws.com")),
        ("SourceArn".to_owned(), json!({ "Fn::Sub": [arn, { "__ApiId__": route.api, "__Stage__": "*" }] })),
    ]);
    (id, target.source.part("AWS::Lambda::Permission", properties))
}

/// `/a/{id}/{proxy+}` is `/a/*/*` in an ARN.
fn wildcards(path: &str) -> String {
    let mut result = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, behind)) = rest.split_once('{') {
        result.push_str(before);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        match behind.split_once('}') {
            Some((name, after)) if !name.is_empty() && name.trim_end_matches('+').bytes().all(allowed) => {
                result.push('*');
                rest = after;
            }
            _ => {
                result.push('{');
                rest = behind;
            }
        }
    }
    result.push_str(rest);
    result
}

/// True for an event that is a route of a REST API.
pub(super) fn is_api(event: &Value) -> bool {
    event.get("Type").is_some_and(|kind| kind == "Api")
}

/// True where a reference is one that can name an API of this template.
pub(super) fn is_reference(value: &Value) -> bool {
    value.is_string() || single(value).is_some_and(|(name, _)| name == "Ref")
}
