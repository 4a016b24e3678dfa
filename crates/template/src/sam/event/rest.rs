//! `Api`: a route of a REST API, and the permission of that API to call the function.
//!
//! Adds to bodies that the transform wrote, and to none that the author wrote.

use serde_json::{Map, Value, json};

use super::super::context::{Context, Source};
use super::super::error::Problems;
use super::super::implicit::IMPLICIT;
use super::super::python::{Dict, Py, Text};
use super::super::swagger::{Editor, malformed, skeleton};
use super::super::value::{Kind, is_truthy, truthy};
use super::merge::merged;
use super::rest_auth::Secured;
use super::{Event, Grant, StateMachineEvent, Target, rest_request, suffixed};

pub(super) const API_EVENT: [(&str, Kind); 9] = [
    ("Path", Kind::Text),
    ("Method", Kind::Text),
    ("RestApiId", Kind::Text),
    ("Stage", Kind::Text),
    ("Auth", Kind::Map),
    ("RequestModel", Kind::Map),
    ("RequestParameters", Kind::List),
    ("TimeoutInMillis", Kind::Integer),
    ("ResponseTransferMode", Kind::Text),
];

pub(super) const START_EVENT: [(&str, Kind); 6] = [
    ("Path", Kind::Text),
    ("Method", Kind::Text),
    ("RestApiId", Kind::Text),
    ("Stage", Kind::Text),
    ("Auth", Kind::Map),
    ("UnescapeMappingTemplate", Kind::PlainFlag),
];

/// Adds a route that starts a state machine.
pub(in super::super) fn start_execution(
    source: &Source<'_>,
    event: &StateMachineEvent<'_>,
    target: &str,
    role: &Value,
    context: &mut Context,
) -> Result<(), Problems> {
    let text = |name: &str| event.properties.get(name).and_then(Value::as_str).unwrap_or_default();
    let api_id = event.properties.get("RestApiId").and_then(api_id).unwrap_or_default().to_owned();
    let auth = event.properties.get("Auth").and_then(Value::as_object).cloned().unwrap_or_default();
    let Some(body) = context.bodies.get(&api_id).filter(|body| body.managed) else {
        // SECURITY: the published transform drops it, which leaves the route as open as the author's document has it.
        return match auth.is_empty() {
            true => Ok(()),
            false => Err(Problems::event(source.id, event.id, of_no_effect(context, &api_id))),
        };
    };
    let (path, method) = (text("Path"), text("Method").to_lowercase());
    let mut editor = Editor::new(&body.doc)?;
    if editor.has_integration(path, &method) {
        let message = format_args!("API method \"{method}\" defined multiple times for path \"{path}\".");
        return Err(Problems::event(source.id, event.id, message));
    }
    let start = if truthy(&event.properties, "UnescapeMappingTemplate").is_some() {
        format!(
            r#"{{"input": "$util.escapeJavaScript($input.json('$')).replaceAll("\\'","'")", "stateMachineArn": "${{{target}}}"}}"#
        )
    } else {
        format!(
            r#"{{"input": "$util.escapeJavaScript($input.json('$'))", "stateMachineArn": "${{{target}}}"}}"#
        )
    };
    let template = Py::from(Dict::plain().with("Fn::Sub", start));
    let condition = source.condition().map(Text::template);
    // The role is the transform's own, and so is the text that names it.
    editor.add_state_machine(path, &method, &Py::plain(role), &template, condition.as_ref())?;
    secure(context, (source.id, event.id), &api_id, (path, &method), &auth, &mut editor)?;
    let doc = editor.finish();
    if let Some(body) = context.bodies.get_mut(&api_id) {
        body.doc = doc;
    }
    Ok(())
}

/// Why an event's `Auth` is refused where the routes and their authorization are the author's.
fn of_no_effect(context: &Context, api_id: &str) -> &'static str {
    if context.bodies.contains_key(api_id) {
        "'Auth' of an event has no effect on an API with a 'DefinitionBody'; write it there."
    } else {
        "'Auth' of an event has no effect on an API whose routes are not the transform's; write it where they are."
    }
}

/// Writes a route's authorization into the body.
fn secure(
    context: &Context,
    owner: (&str, &str),
    api_id: &str,
    (path, method): (&str, &str),
    auth: &Map<String, Value>,
    editor: &mut Editor,
) -> Result<(), Problems> {
    if auth.is_empty() {
        return Ok(());
    }
    let api = context.apis.get(api_id);
    let stage = match api.and_then(|api| api.get("StageName")) {
        // The implicit API's is the transform's own word.
        Some(Value::String(name)) if api_id == IMPLICIT => Py::from(name.as_str()),
        Some(name @ Value::String(_)) => Py::from_template(name),
        _ => Py::from("Stage"),
    };
    let given = api.and_then(|api| api.get("Auth"));
    let given = given.and_then(Value::as_object).cloned().unwrap_or_default();
    let resolved = context.with_parameters(&Value::Object(given.clone()));
    let resolved = resolved.as_object().cloned().unwrap_or_default();
    Secured { owner, api_id, path, method, auth, api_auth: (&given, &resolved), stage: &stage }.apply(editor)
}

/// One `Api` event, checked.
struct Route<'a> {
    event: &'a Event<'a>,
    path: String,
    method: String,
    api_id: String,
    api: Value,
    auth: Map<String, Value>,
}

/// The API that an event names: a logical id, or something that is none.
pub(in super::super) fn api_id(reference: &Value) -> Option<&str> {
    match reference {
        Value::String(id) => Some(id),
        other => other.get("Ref").and_then(Value::as_str),
    }
}

/// Checks that the API is there.
pub(super) fn link(event: &Event<'_>, context: &Context) -> Result<(), Problems> {
    let Some(id) = event.get("RestApiId").and_then(api_id) else { return Ok(()) };
    let Some(api) = context.resources.get(id).and_then(Value::as_object) else {
        return Err(event.refuse(
            "RestApiId property of Api event must reference a valid resource in the same template.",
        ));
    };
    let properties = match api.get("Properties") {
        None => return Ok(()),
        Some(Value::Object(properties)) => properties,
        Some(_) => return Err(Problems::resource(id, "Attribute 'Properties' should be a map.")),
    };
    match properties.get("StageName") {
        Some(Value::String(name)) if name.is_empty() => {
            Err(Problems::resource(id, "StageName cannot be empty."))
        }
        _ => Ok(()),
    }
}

pub(super) fn expand(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let api = event.get("RestApiId").cloned().unwrap_or_default();
    let route = Route {
        event,
        path: text("Path").to_owned(),
        method: text("Method").to_lowercase(),
        api_id: api_id(&api).unwrap_or_default().to_owned(),
        api,
        auth: event.map("Auth")?.cloned().unwrap_or_default(),
    };
    add_route(target, &route, context)?;
    Ok(vec![permission(target, &route, context)])
}

fn add_route(target: &Target<'_>, route: &Route<'_>, context: &mut Context) -> Result<(), Problems> {
    let refuse = |message: String| route.event.refuse(message);
    let Some(api) = context.apis.get(&route.api_id) else {
        return Err(refuse(
            "RestApiId must be a valid reference to an 'AWS::Serverless::Api' resource in same template."
                .to_owned(),
        ));
    };
    // A document in S3 has its routes in it, and their authorization.
    let Some(body) = context.bodies.get(&route.api_id) else {
        return match route.auth.is_empty() {
            true => Ok(()),
            false => Err(refuse(of_no_effect(context, &route.api_id).to_owned())),
        };
    };
    let merges = api.get("MergeDefinitions").is_some_and(is_truthy);
    if !body.managed && !merges {
        // The author wrote the body: routes and their authorization are in it.
        return match route.auth.is_empty() || truthy(&route.auth, OVERRIDE).is_some() {
            true => override_auth(route, context),
            false => Err(refuse(of_no_effect(context, &route.api_id).to_owned())),
        };
    }
    // As it stands in the template: what refers to a parameter goes into the body so, and into the deployment's name.
    let api_auth = api.get("Auth").and_then(Value::as_object).cloned().unwrap_or_default();
    // What is merged is generated by itself, so that what the author wrote does not change it.
    let mut editor = if merges { Editor::new(&skeleton())? } else { Editor::new(&body.doc)? };
    if editor.has_integration(&route.path, &route.method) {
        return Err(refuse(format!(
            "API method \"{}\" defined multiple times for path \"{}\".",
            route.method, route.path
        )));
    }
    let condition = target.source.condition().map(Text::template);
    let credentials = credentials(&route.auth, &api_auth);
    let streams = route.event.get("ResponseTransferMode").is_some_and(|mode| mode == "RESPONSE_STREAM");
    let uri = integration_uri(target, streams);
    let (path, method) = (route.path.as_str(), route.method.as_str());
    editor.add_lambda(path, method, &uri, streams, credentials.as_ref(), condition.as_ref())?;
    let owner = (route.event.function, route.event.id);
    secure(context, owner, &route.api_id, (path, method), &own_auth(&route.auth), &mut editor)?;
    if let Some(timeout) = route.event.truthy("TimeoutInMillis") {
        editor.set_timeout(&route.path, &route.method, timeout)?;
    }
    rest_request::apply(route.event, api, (path, method), &mut editor)?;
    let mut doc = editor.finish();
    if merges {
        doc = merged(&route.api_id, &body.doc, &doc, (path, method))?;
    }
    if let Some(body) = context.bodies.get_mut(&route.api_id) {
        body.doc = doc;
    }
    override_auth(route, context)
}

/// Asks that an event's `Auth` be written into a body whoever wrote it.
const OVERRIDE: &str = "OverrideApiAuth";

/// What an event's `Auth` says of its route.
fn own_auth(auth: &Map<String, Value>) -> Map<String, Value> {
    auth.iter()
        .filter(|(name, _)| *name != OVERRIDE)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Writes the `Auth` of an event that asks for it into the body as it is, on top of what is there.
fn override_auth(route: &Route<'_>, context: &mut Context) -> Result<(), Problems> {
    if truthy(&route.auth, OVERRIDE).is_none() {
        return Ok(());
    }
    let (secures, restricts) = (
        ["Authorizer", "ApiKeyRequired"].iter().any(|name| truthy(&route.auth, name).is_some()),
        truthy(&route.auth, "ResourcePolicy").is_some(),
    );
    if !secures && !restricts {
        return Err(route.event.refuse(
            "Must define one of: Authorizer, ApiKeyRequired or ResourcePolicy when using the OverrideApiAuth property.",
        ));
    }
    let Some(body) = context.bodies.get(&route.api_id) else { return Ok(()) };
    let mut editor = Editor::new(&body.doc)?;
    let (path, method) = (route.path.as_str(), route.method.as_str());
    let owner = (route.event.function, route.event.id);
    secure(context, owner, &route.api_id, (path, method), &own_auth(&route.auth), &mut editor)?;
    if !editor.paths().iter().any(|known| known == path) {
        return Err(malformed(path));
    }
    // SECURITY: a route that the body has under another name, `any` above all, would stay as open as it is.
    if secures && !editor.has_method(path, method) {
        return Err(Problems::structure(format_args!(
            "Definition of method '{method}' for path '{path}' should be a map."
        )));
    }
    let doc = editor.finish();
    if let Some(body) = context.bodies.get_mut(&route.api_id) {
        body.doc = doc;
    }
    Ok(())
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

fn integration_uri(target: &Target<'_>, streams: bool) -> Py {
    let (callee, from_template) = match target.alias {
        Some(alias) => (format!("${{{alias}}}"), false),
        None => (format!("${{{}.Arn}}", target.source.id), true),
    };
    let partition = base::PARTITION;
    let (version, call) = match streams {
        true => ("2021-11-15", "response-streaming-invocations"),
        false => ("2015-03-31", "invocations"),
    };
    let text = format!(
        "arn:{partition}:apigateway:${{AWS::Region}}:lambda:path/{version}/functions/{callee}/{call}"
    );
    let mut uri = Dict::hashed();
    uri.set(Text::own("Fn::Sub"), Text { text, from_template }.into());
    uri.into()
}

/// Allows the API's stages to call the function on this route.
fn permission(target: &Target<'_>, route: &Route<'_>, context: &Context) -> (String, Value) {
    let stage = context.apis.get(&route.api_id).and_then(|api| api.get("StageName"));
    let suffix = stage.and_then(Value::as_str).unwrap_or("Stage");
    let id = suffixed(&format!("{}Permission", route.event.logical_id), suffix);
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
    let grant = Grant {
        principal: "apigateway.amazonaws.com",
        source_arn: Some(json!({ "Fn::Sub": [arn, { "__ApiId__": route.api, "__Stage__": "*" }] })),
        ..Grant::default()
    };
    target.permission(id, grant)
}

/// `/a/{id}/{proxy+}` is `/a/*/*` in an ARN.
pub(in super::super) fn wildcards(path: &str) -> String {
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
pub(in super::super) fn is_api(event: &Value) -> bool {
    event.get("Type").is_some_and(|kind| kind == "Api")
}
