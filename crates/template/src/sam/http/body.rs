//! Edits an HTTP API's OpenAPI 3 body: routes, integrations, security, tags.
//!
//! Nothing follows the order of this body, so that plain trees do.

use serde_json::{Map, Value, json};

use super::super::error::Problems;
use super::super::swagger::is_version_3;
use super::super::value::{is_no_value, is_truthy, reference, truthy};

const INTEGRATION: &str = "x-amazon-apigateway-integration";
/// What `any` is in a body.
pub(in super::super) const ANY: &str = "x-amazon-apigateway-any-method";

/// A body with no routes.
pub(super) fn skeleton() -> Value {
    json!({
        "openapi": "3.0.1",
        "info": { "version": "1.0", "title": reference("AWS::StackName") },
        "paths": {},
    })
}

/// True where the body is one that can be edited.
pub(super) fn is_valid(doc: &Value) -> bool {
    doc.get("paths").is_some_and(Value::is_object)
        && doc.get("openapi").is_some_and(|version| is_truthy(version) && is_version_3(version))
}

/// The method's name in the body.
pub(super) fn method_key(method: &str) -> String {
    let lower = method.to_lowercase();
    if lower == "any" { ANY.to_owned() } else { lower }
}

/// The content of an item, or of both branches of the condition that it is.
fn contents(item: &mut Value) -> Vec<&mut Value> {
    if item.get("Fn::If").is_none() {
        return vec![item];
    }
    match item.get_mut("Fn::If") {
        Some(Value::Array(branches)) => {
            branches.iter_mut().skip(1).filter(|branch| !is_no_value(branch)).collect()
        }
        _ => Vec::new(),
    }
}

/// `{"Fn::If": [condition, value, AWS::NoValue]}`
fn conditional(condition: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(
        "Fn::If".to_owned(),
        Value::Array(vec![json!(condition), value, reference("AWS::NoValue")]),
    )]))
}

fn has_integration(definition: &Value) -> bool {
    definition.get(INTEGRATION).is_some_and(is_truthy)
}

fn malformed(path: &str) -> Problems {
    Problems::structure(format_args!(
        "Value of '{path}' path must be a dictionary according to Swagger spec."
    ))
}

/// A body under edit.
pub(in super::super) struct Body<'a>(&'a mut Value);

impl<'a> Body<'a> {
    pub(in super::super) fn new(doc: &'a mut Value) -> Result<Self, Problems> {
        if is_valid(doc) {
            return Ok(Self(doc));
        }
        Err(Problems::structure(
            "Invalid OpenApi document. Invalid values or missing keys for 'openapi' or 'paths' in 'DefinitionBody'.",
        ))
    }

    pub(super) fn paths(&self) -> Vec<String> {
        let paths = self.0.get("paths").and_then(Value::as_object);
        paths.into_iter().flat_map(Map::keys).cloned().collect()
    }

    fn items(&mut self, path: &str) -> Result<Vec<&mut Map<String, Value>>, Problems> {
        let Some(item) = self.0.get_mut("paths").and_then(|paths| paths.get_mut(path)) else {
            return Ok(Vec::new());
        };
        contents(item).into_iter().map(|item| item.as_object_mut().ok_or_else(|| malformed(path))).collect()
    }

    /// Adds a route without an integration.
    pub(super) fn add_path(&mut self, path: &str, method: &str) -> Result<(), Problems> {
        if let Some(paths) = self.0.get_mut("paths").and_then(Value::as_object_mut) {
            paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        }
        let key = method_key(method);
        for item in self.items(path)? {
            item.entry(key.clone()).or_insert_with(|| json!({}));
        }
        Ok(())
    }

    /// Wraps a whole path in a condition.
    pub(super) fn make_conditional(&mut self, path: &str, condition: &str) {
        if let Some(item) = self.0.get_mut("paths").and_then(|paths| paths.get_mut(path)) {
            *item = conditional(condition, item.take());
        }
    }

    /// True where all branches of the path have an integration for the method.
    pub(in super::super) fn has_integration(&mut self, path: &str, method: &str) -> Result<bool, Problems> {
        let key = method_key(method);
        let items = self.items(path)?;
        let integrated = |item: &mut Map<String, Value>| {
            let definitions = item.get_mut(&key).map(contents).unwrap_or_default();
            definitions.iter().any(|definition| has_integration(definition))
        };
        Ok(!items.is_empty() && items.into_iter().all(integrated))
    }

    /// True where every integration of the route calls this function.
    pub(in super::super) fn calls(
        &mut self,
        path: &str,
        method: &str,
        function: &str,
    ) -> Result<bool, Problems> {
        if !self.has_integration(path, method)? {
            return Ok(false);
        }
        let key = method_key(method);
        for item in self.items(path)? {
            for definition in item.get_mut(&key).map(contents).unwrap_or_default() {
                let Some(uri) = definition.get_mut(INTEGRATION).and_then(|i| i.get_mut("uri")) else {
                    return Ok(false);
                };
                for uri in contents(uri) {
                    let arn = uri.get("Fn::Sub").and_then(Value::as_str).unwrap_or_default();
                    let named = arn.split(".Arn").next().map(|before| {
                        before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()
                    });
                    if !arn.contains(".Arn") || named != Some(function) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Integrates a route with a function, unless it has an integration.
    pub(in super::super) fn add_lambda(
        &mut self,
        (path, method): (&str, &str),
        uri: Value,
        condition: Option<&str>,
    ) -> Result<(), Problems> {
        if self.has_integration(path, method)? {
            return Ok(());
        }
        self.add_path(path, method)?;
        let key = method_key(method);
        let uri = match condition {
            Some(condition) => conditional(condition, uri),
            None => uri,
        };
        for item in self.items(path)? {
            let definition = item.entry(key.clone()).or_insert_with(|| json!({}));
            if definition.is_null() {
                *definition = json!({});
            }
            let Some(map) = definition.as_object_mut() else { return Err(malformed(path)) };
            let integration = json!({
                "type": "aws_proxy", "httpMethod": "POST", "payloadFormatVersion": "2.0", "uri": uri,
            });
            map.insert(INTEGRATION.to_owned(), integration);
            if path == super::DEFAULT && key == ANY {
                map.insert("isDefaultRoute".to_owned(), json!(true));
            }
            map.entry("responses").or_insert_with(|| json!({}));
            if let Some(condition) = condition {
                *definition = conditional(condition, definition.take());
            }
        }
        Ok(())
    }

    /// Calls `edit` with every definition of a route that has an integration.
    pub(super) fn for_method(
        &mut self,
        (path, method): (&str, &str),
        mut edit: impl FnMut(&mut Map<String, Value>) -> Result<(), Problems>,
    ) -> Result<(), Problems> {
        let key = method_key(method);
        for item in self.items(path)? {
            for definition in item.get_mut(&key).map(contents).unwrap_or_default() {
                if has_integration(definition)
                    && let Some(map) = definition.as_object_mut()
                {
                    edit(map)?;
                }
            }
        }
        Ok(())
    }

    /// Sets a member of a route's integration.
    pub(in super::super) fn set_integration(
        &mut self,
        route: (&str, &str),
        name: &str,
        value: &Value,
    ) -> Result<(), Problems> {
        self.for_method(route, |definition| {
            if let Some(integration) = definition.get_mut(INTEGRATION).and_then(Value::as_object_mut) {
                integration.insert(name.to_owned(), value.clone());
            }
            Ok(())
        })
    }

    /// Declares the parameters of a route's path.
    pub(in super::super) fn add_path_parameters(
        &mut self,
        route: (&str, &str),
        names: &[&str],
    ) -> Result<(), Problems> {
        self.for_method(route, |definition| {
            let list = definition.entry("parameters").or_insert_with(|| json!([]));
            let Some(list) = list.as_array_mut() else { return Ok(()) };
            for name in names {
                match list.iter_mut().find(|known| known.get("name").is_some_and(|known| known == name)) {
                    Some(Value::Object(known)) => {
                        known.insert("in".to_owned(), json!("path"));
                        known.insert("required".to_owned(), json!(true));
                    }
                    _ => list.push(json!({ "name": name, "in": "path", "required": true })),
                }
            }
            Ok(())
        })
    }

    /// Adds a requirement to a route, or sets it on every route of a path that has none.
    pub(in super::super) fn secure(
        &mut self,
        route: (&str, &str),
        requirement: &Value,
    ) -> Result<(), Problems> {
        self.for_method(route, |definition| {
            let list = definition.entry("security").or_insert_with(|| json!([]));
            let Some(list) = list.as_array_mut() else {
                return Err(Problems::structure(format_args!(
                    "Type of security for path {} method {} must be a list",
                    route.0, route.1
                )));
            };
            list.push(requirement.clone());
            Ok(())
        })
    }

    /// Gives every route of a path the default requirement, except those that have their own.
    pub(super) fn secure_all(&mut self, path: &str, requirement: &Value) -> Result<(), Problems> {
        for item in self.items(path)? {
            for (method, definition) in item.iter_mut() {
                if matches!(method.as_str(), "parameters" | "options") {
                    continue;
                }
                for definition in contents(definition) {
                    if let (true, Some(map)) = (has_integration(definition), definition.as_object_mut())
                        && truthy(map, "security").is_none()
                    {
                        map.insert("security".to_owned(), json!([requirement]));
                    }
                }
            }
        }
        Ok(())
    }

    /// Declares an authorizer.
    pub(super) fn define(&mut self, name: &str, scheme: Value) {
        let Some(doc) = self.0.as_object_mut() else { return };
        let mut at = doc.entry("components").or_insert_with(|| json!({}));
        if !is_truthy(at) {
            *at = json!({});
        }
        if let Some(components) = at.as_object_mut() {
            at = components.entry("securitySchemes").or_insert_with(|| json!({}));
            if let Some(schemes) = at.as_object_mut() {
                schemes.insert(name.to_owned(), scheme);
            }
        }
    }

    /// Tags of the API.
    pub(super) fn add_tags(&mut self, tags: &Map<String, Value>) -> Result<(), Problems> {
        const VALUE: &str = "x-amazon-apigateway-tag-value";
        let Some(doc) = self.0.as_object_mut() else { return Ok(()) };
        let list = doc.entry("tags").or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else {
            return Err(Problems::structure("Tags in OpenApi DefinitionBody needs to be a list."));
        };
        for (name, value) in tags {
            match list.iter_mut().find(|tag| tag.get("name").is_some_and(|known| known == name)) {
                Some(Value::Object(tag)) => drop(tag.insert(VALUE.to_owned(), value.clone())),
                _ => list.push(json!({ "name": name, VALUE: value })),
            }
        }
        Ok(())
    }

    /// Turns the default endpoint off or on.
    pub(super) fn set_endpoint_disabled(&mut self, disabled: &Value) -> Result<(), Problems> {
        let Some(doc) = self.0.as_object_mut() else { return Ok(()) };
        let servers = doc.entry("servers").or_insert_with(|| json!([{}]));
        for server in servers.as_array_mut().into_iter().flatten() {
            let Some(server) = server.as_object_mut() else {
                return Err(Problems::structure(
                    "Value of 'servers' item must be a dictionary according to Swagger spec.",
                ));
            };
            let configuration =
                server.entry("x-amazon-apigateway-endpoint-configuration").or_insert_with(|| json!({}));
            if let Some(configuration) = configuration.as_object_mut() {
                configuration.insert("disableExecuteApiEndpoint".to_owned(), disabled.clone());
            }
        }
        Ok(())
    }
}
