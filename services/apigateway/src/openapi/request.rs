//! What a document says of an operation's requests: parameters, and the schemas of bodies.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::malformed;
use super::models::Schemas;
use crate::Error;

/// The request of one operation.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// `method.request.header.name` and the like, and whether it must be there.
    pub(crate) parameters: BTreeMap<String, bool>,
    /// Models by content type.
    pub(crate) models: BTreeMap<String, String>,
}

/// Reads the request of an operation; `shared` are the parameters of all operations of its path.
pub(crate) fn read(
    root: &Map<String, Value>,
    operation: &Map<String, Value>,
    shared: Option<&Value>,
    schemas: &mut Schemas,
) -> Result<Request, Error> {
    let mut request = Request::default();
    for parameters in [shared, operation.get("parameters")].into_iter().flatten() {
        let parameters = parameters.as_array().ok_or_else(|| malformed("parameters"))?;
        for parameter in parameters {
            let parameter = resolved(root, parameter)?;
            request.parameter(root, operation, parameter, schemas)?;
        }
    }
    if let Some(body) = operation.get("requestBody") {
        let content = resolved(root, body)?.get("content").and_then(Value::as_object);
        for (content_type, media) in content.into_iter().flatten() {
            if let Some(schema) = media.get("schema") {
                request.models.insert(content_type.clone(), schemas.name_of(schema)?);
            }
        }
    }
    Ok(request)
}

impl Request {
    fn parameter(
        &mut self,
        root: &Map<String, Value>,
        operation: &Map<String, Value>,
        parameter: &Value,
        schemas: &mut Schemas,
    ) -> Result<(), Error> {
        let text = |name: &str| parameter.get(name).and_then(Value::as_str);
        let place = match text("in") {
            Some("header") => "header",
            Some("query") => "querystring",
            Some("path") => "path",
            Some("body") => {
                if let Some(schema) = parameter.get("schema") {
                    let model = schemas.name_of(schema)?;
                    let kinds = content_types(root, operation);
                    self.models.extend(kinds.into_iter().map(|kind| (kind, model.clone())));
                }
                return Ok(());
            }
            // Not known to API Gateway: a form's fields and cookies are the function's.
            Some("formData" | "cookie") => return Ok(()),
            _ => return Err(malformed("parameters/in")),
        };
        let name =
            text("name").filter(|name| !name.is_empty()).ok_or_else(|| malformed("parameters/name"))?;
        let required = match parameter.get("required") {
            None => false,
            Some(Value::Bool(required)) => *required,
            Some(Value::String(text)) => text == "true",
            Some(_) => return Err(malformed("parameters/required")),
        };
        self.parameters.insert(format!("method.request.{place}.{name}"), required);
        Ok(())
    }
}

/// The content types that an operation of OpenAPI 2 takes.
fn content_types(root: &Map<String, Value>, operation: &Map<String, Value>) -> Vec<String> {
    let listed = operation.get("consumes").or_else(|| root.get("consumes")).and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let listed: Vec<_> = listed.collect();
    if listed.is_empty() { vec!["application/json".to_owned()] } else { listed }
}

/// What a reference to a shared parameter or body leads to.
fn resolved<'d>(root: &'d Map<String, Value>, value: &'d Value) -> Result<&'d Value, Error> {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return Ok(value) };
    let mut parts = reference.strip_prefix("#/").ok_or_else(|| malformed(reference))?.split('/');
    let first = parts.next().and_then(|name| root.get(name));
    let found = parts.try_fold(first, |at, name| Some(at?.get(name.replace("~1", "/").replace("~0", "~"))));
    found.flatten().ok_or_else(|| malformed(reference))
}
