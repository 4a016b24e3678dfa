//! `RequestModel` and `RequestParameters` of a route: what its requests must look like.

use serde_json::{Map, Value};

use super::super::error::Problems;
use super::super::python::ordered;
use super::super::swagger::{Editor, Parameter};
use super::super::value::{is_intrinsic, is_truthy, truthy};
use super::Event;

/// Writes what a route asks of its requests into the body.
pub(super) fn apply(
    event: &Event<'_>,
    api: &Map<String, Value>,
    route: (&str, &str),
    editor: &mut Editor,
) -> Result<(), Problems> {
    model(event, api, route, editor)?;
    let asked = match event.truthy("RequestParameters") {
        Some(Value::Array(asked)) => asked.clone(),
        // Whatever a function would say: the published transform takes it for names, and so refuses it.
        Some(Value::Object(named)) => {
            ordered(named).into_iter().map(|(name, _)| Value::from(name.as_str())).collect()
        }
        Some(_) => return Err(event.refuse("Property 'RequestParameters' should be a list.")),
        None => return Ok(()),
    };
    let parameters: Vec<Parameter> =
        asked.iter().map(|entry| parameter(event, entry)).collect::<Result<_, _>>()?;
    editor.set_parameters(route.0, route.1, &parameters)
}

fn model(
    event: &Event<'_>,
    api: &Map<String, Value>,
    (path, method): (&str, &str),
    editor: &mut Editor,
) -> Result<(), Problems> {
    let Some(request) = event.truthy("RequestModel") else { return Ok(()) };
    let Some(request) = request.as_object() else {
        return Err(event.refuse("Property 'RequestModel' should be a map."));
    };
    let Some(model) = truthy(request, "Model") else { return Ok(()) };
    let shown = super::super::value::shown(model);
    let unable = |what: &str, why: &str| {
        event.refuse(format_args!(
            "Unable to set {what}RequestModel [{shown}] on API method [{method}] for path [{path}] {why}"
        ))
    };
    let Some(models) = truthy(api, "Models") else {
        return Err(unable("", "because the related API does not define any Models."));
    };
    let Some(name) = model.as_str() else {
        return Err(unable("", "because the related API does not contain valid Models."));
    };
    let Some(defined) = models.as_object().filter(|_| !is_intrinsic(models)) else {
        return Err(unable("", "because the related API Models defined is of invalid type."));
    };
    if truthy(defined, name).is_none() {
        return Err(unable("", "because it wasn't defined in the API's Models."));
    }
    let required = request.get("Required").filter(|required| !required.is_null());
    editor.set_request_model(path, method, name, required)?;
    let given = |name: &str| request.get(name).filter(|flag| !flag.is_null());
    let (body, parameters) = (given("ValidateBody"), given("ValidateParameters"));
    if body.is_none() && parameters.is_none() {
        return Ok(());
    }
    let flag = |flag: Option<&Value>| {
        flag.map_or(Some(false), Value::as_bool).ok_or_else(|| {
            unable(
                "Validator to ",
                "ValidateBody and ValidateParameters must be a boolean type, strings or intrinsics are not supported.",
            )
        })
    };
    editor.set_validator(path, method, flag(body)?, flag(parameters)?)
}

fn parameter(event: &Event<'_>, entry: &Value) -> Result<Parameter, Problems> {
    let wrong =
        |why: &str| event.refuse(format_args!("Invalid value for 'RequestParameters' property. {why}"));
    let (name, settings) = match entry {
        Value::String(name) => (name, None),
        Value::Object(map) if !map.is_empty() => {
            // Of several names the published transform reads the first that it meets.
            let (name, settings) = ordered(map).into_iter().next().ok_or_else(|| wrong(""))?;
            (name, Some(settings))
        }
        _ => return Err(wrong("Property must be either a string or an object")),
    };
    let place = name.strip_prefix("method.request.").and_then(|rest| rest.split_once('.'));
    if !place.is_some_and(|(location, _)| matches!(location, "querystring" | "path" | "header")) {
        return Err(wrong(
            "Keys must be in the format 'method.request.[querystring|path|header].{value}', e.g \
             'method.request.header.Authorization'.",
        ));
    }
    let known =
        |map: &Map<String, Value>| map.keys().all(|key| matches!(key.as_str(), "Required" | "Caching"));
    if settings.is_some_and(|settings| !settings.as_object().is_some_and(known)) {
        return Err(wrong("Values must be an object, e.g { Required: true, Caching: false }"));
    }
    let setting = |name: &str| settings.and_then(|settings| settings.get(name)).cloned();
    Ok(Parameter {
        name: name.clone(),
        required: setting("Required").unwrap_or(Value::Bool(false)),
        caching: setting("Caching").is_some_and(|caching| is_truthy(&caching)),
    })
}
