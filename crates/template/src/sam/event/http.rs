//! `HttpApi`: a route of an HTTP API, and the permission of that API to call the function.

use serde_json::{Map, Value, json};

use super::super::context::Context;
use super::super::error::Problems;
use super::super::http::{self, Body};
use super::super::value::{Kind, is_truthy, shown, truthy};
use super::{Event, Grant, Target};

pub(super) const PROPERTIES: [(&str, Kind); 8] = [
    ("Path", Kind::Text),
    ("Method", Kind::Text),
    ("ApiId", Kind::Text),
    ("Stage", Kind::Text),
    ("Auth", Kind::Map),
    ("TimeoutInMillis", Kind::Integer),
    ("RouteSettings", Kind::Map),
    ("PayloadFormatVersion", Kind::Text),
];

/// What the route calls, and where it stands.
struct Route<'a> {
    event: &'a Event<'a>,
    path: &'a str,
    method: String,
}

pub(super) fn expand(
    target: &Target<'_>,
    event: &Event<'_>,
    context: &mut Context,
) -> Result<Vec<(String, Value)>, Problems> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let route = Route { event, path: text("Path"), method: text("Method").to_lowercase() };
    let api = event.get("ApiId").cloned().unwrap_or_default();
    let api_id = super::api_id(&api).unwrap_or_default().to_owned();
    let properties = context.resources.get(&api_id).and_then(|api| api.get("Properties"));
    let mut properties = properties.and_then(Value::as_object).cloned().unwrap_or_default();
    let managed = context.http_managed.contains(&api_id);
    let rest = context.bodies.get(&api_id).map(|body| Value::Object(body.doc.to_map()));
    let is_rest = rest.is_some();
    let mut doc = rest.or_else(|| properties.remove("DefinitionBody").filter(is_truthy));
    if let Some(doc) = &mut doc {
        // What is wrong with the API's body is a fault of the API.
        Body::new(doc)
            .map(drop)
            .map_err(|problems| Problems::resource(&api_id, problems.causes().join(" ")))?;
    }
    let permission = permission(target, &route, &api, doc.as_mut())?;
    if let Some(doc) = &mut doc {
        add(target, &route, &properties, (&api_id, managed), doc)?;
    }
    if is_rest {
        // The route would be nowhere, and the function never called.
        return Err(event.refuse(
            "An event of the type 'HttpApi' on an 'AWS::Serverless::Api' is not supported by this platform: its type is 'Api'.",
        ));
    }
    let stored = context.resources.get_mut(&api_id).and_then(|api| api.get_mut("Properties"));
    if let (Some(doc), Some(stored)) = (doc, stored.and_then(Value::as_object_mut)) {
        stored.insert("DefinitionBody".to_owned(), doc);
    }
    Ok(permission.into_iter().collect())
}

fn permission(
    target: &Target<'_>,
    route: &Route<'_>,
    api: &Value,
    doc: Option<&mut Value>,
) -> Result<Option<(String, Value)>, Problems> {
    let path = match route.path.strip_suffix('/') {
        Some(path) if !path.is_empty() => path,
        _ => route.path,
    };
    let path = if path == http::DEFAULT {
        ""
    } else {
        // The default route's permission is for all routes, where the same function takes them all.
        if let Some(doc) = doc
            && target.alias.is_none()
            && Body::new(doc)?.calls(http::DEFAULT, http::ANY, target.source.id)?
        {
            return Ok(None);
        }
        path
    };
    let path = super::rest::wildcards(path);
    let any = route.method == "any" || route.method == http::ANY;
    let method = if any { "*".to_owned() } else { route.method.to_uppercase() };
    let resource = if route.method == "any" && path == format!("/{}", http::DEFAULT) {
        path
    } else {
        format!("/{method}{path}")
    };
    let arn = format!(
        "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/${{__Stage__}}{resource}"
    );
    let grant = Grant {
        principal: "apigateway.amazonaws.com",
        source_arn: Some(json!({ "Fn::Sub": [arn, { "__ApiId__": api, "__Stage__": "*" }] })),
        ..Grant::default()
    };
    Ok(Some(target.permission(format!("{}Permission", route.event.logical_id), grant)))
}

fn add(
    target: &Target<'_>,
    route: &Route<'_>,
    api: &Map<String, Value>,
    (api_id, managed): (&str, bool),
    doc: &mut Value,
) -> Result<(), Problems> {
    let (path, method, event) = (route.path, route.method.as_str(), route.event);
    let mut body = Body::new(doc)?;
    if managed && body.has_integration(path, method)? {
        return Err(
            event.refuse(format_args!("API method '{method}' defined multiple times for path '{path}'."))
        );
    }
    let callee = match target.alias {
        Some(alias) => format!("${{{alias}}}"),
        None => format!("${{{}.Arn}}", target.source.id),
    };
    let uri = format!(
        "arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/{callee}/invocations"
    );
    let place = (path, method);
    body.add_lambda(place, json!({ "Fn::Sub": uri }), target.source.condition())?;
    if let Some(auth) = event.truthy("Auth").and_then(Value::as_object) {
        secure(route, auth, api, api_id, &mut body)?;
    }
    if let Some(timeout) = event.truthy("TimeoutInMillis") {
        body.set_integration(place, "timeoutInMillis", timeout)?;
    }
    let names: Vec<&str> = path.split('{').skip(1).filter_map(|part| Some(part.split_once('}')?.0)).collect();
    if !names.is_empty() {
        body.add_path_parameters(place, &names)?;
    }
    if let Some(version) = event.truthy("PayloadFormatVersion") {
        body.set_integration(place, "payloadFormatVersion", version)?;
    }
    Ok(())
}

fn secure(
    route: &Route<'_>,
    auth: &Map<String, Value>,
    api: &Map<String, Value>,
    api_id: &str,
    body: &mut Body<'_>,
) -> Result<(), Problems> {
    let (path, method, event) = (route.path, route.method.as_str(), route.event);
    let api_auth = match api.get("Auth") {
        None => Map::new(),
        Some(Value::Object(auth)) => auth.clone(),
        Some(_) => return Err(Problems::resource(api_id, "Property 'Auth' should be a map.")),
    };
    let Some(authorizer) = truthy(auth, "Authorizer").or_else(|| truthy(&api_auth, "DefaultAuthorizer"))
    else {
        return Err(event.refuse(
            "'Auth' section requires either an explicit 'Authorizer' set or a 'DefaultAuthorizer' configured on the HttpApi.",
        ));
    };
    let name = shown(authorizer);
    let unable = |what: &str, why: &str| {
        event.refuse(format_args!("Unable to set {what} on API method [{method}] for path [{path}]{why}"))
    };
    let what = format!("Authorizer [{name}]");
    let iam = api_auth.get("EnableIamAuthorizer") == Some(&Value::Bool(true));
    let authorizers = truthy(&api_auth, "Authorizers");
    let mut scopes = json!([]);
    if name == "NONE" {
        if truthy(&api_auth, "DefaultAuthorizer").is_none() {
            let why =
                " because 'NONE' is only a valid value when a DefaultAuthorizer on the API is specified.";
            return Err(unable("Authorizer", why));
        }
    } else if !(name == "AWS_IAM" && iam) {
        // An API without any `Auth` is told what it lacks instead.
        let defined = api_auth.is_empty() || api_auth.get("Authorizers").is_some_and(Value::is_object);
        if !authorizer.is_string() || !defined {
            let why = ". The method authorizer must be a string with a corresponding dict entry in the api authorizer.";
            return Err(unable(&what, why));
        }
        let Some(authorizers) = authorizers else {
            return Err(unable(&what, " because the related API does not define any Authorizers."));
        };
        let Some(config) = authorizers.get(&name).filter(|config| is_truthy(config)) else {
            return Err(unable(&what, " because it wasn't defined in the API's Authorizers."));
        };
        let own = truthy(auth, "AuthorizationScopes");
        if own.is_some_and(|own| !own.is_array()) {
            return Err(unable("Authorizer", " because 'AuthorizationScopes' must be a list of strings."));
        }
        let given = own.or_else(|| config.get("AuthorizationScopes").filter(|scopes| is_truthy(scopes)));
        if let (Some(given), false) = (given, name == "AWS_IAM") {
            scopes = given.clone();
        }
    }
    body.secure((path, method), &json!({ name: scopes }))
}

/// True for an event that is a route of an HTTP API.
pub(in super::super) fn is_http(event: &Value) -> bool {
    event.get("Type").is_some_and(|kind| kind == "HttpApi")
}
