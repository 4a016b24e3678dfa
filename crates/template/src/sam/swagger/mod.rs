//! Edits an API's OpenAPI body: paths, Lambda integrations, IAM authorization, CORS.
//!
//! Knows the body's shape and nothing of functions or stages. Each edit works on a copy and gives a copy back, as the
//! published transform does, since copying may reorder what a fingerprint is later taken of.

mod models;
mod resource_policy;
mod security;

use serde_json::Value;

use super::error::Problems;
use super::python::{Dict, Py, Text};
use super::value::is_truthy;

pub(super) use models::Parameter;
pub(super) use security::Authorizer;

const INTEGRATION: &str = "x-amazon-apigateway-integration";
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";
const SECURITY: &str = "securityDefinitions";
const RESPONSES: &str = "x-amazon-apigateway-gateway-responses";
const NOT_METHODS: [&str; 3] = ["summary", "description", "parameters"];

/// A body under edit.
pub(super) struct Editor {
    doc: Dict,
    security: Dict,
    responses: Dict,
    definitions: Dict,
    policy: Dict,
}

/// The CORS settings of an API.
pub(super) struct Cors {
    pub(super) methods: Option<Py>,
    pub(super) headers: Option<Py>,
    pub(super) origin: Py,
    pub(super) max_age: Option<Py>,
    pub(super) credentials: bool,
}

/// A body with no paths.
pub(super) fn skeleton() -> Dict {
    let title = Dict::plain().with("Ref", "AWS::StackName");
    let info = Dict::hashed().with("version", "1.0").with("title", title);
    Dict::hashed().with("swagger", "2.0").with("info", info).with("paths", Dict::hashed())
}

/// True where the body is one that can be edited.
pub(super) fn is_valid(doc: &Dict) -> bool {
    let versioned = doc.get("swagger").is_some_and(Py::is_truthy)
        || doc.get("openapi").is_some_and(|version| is_version_3(&version.to_value()));
    versioned && doc.get("paths").is_some_and(|paths| paths.as_dict().is_some())
}

/// `3.0` or `3.0.1`.
pub(super) fn is_version_3(version: &Value) -> bool {
    is_version(version, &["3"])
}

/// What an API may ask for: a version 2 or 3, written as [`is_version_3`] wants it.
pub(super) fn is_supported_version(version: &Value) -> bool {
    is_version(version, &["2", "3"])
}

fn is_version(version: &Value, majors: &[&str]) -> bool {
    let text = crate::parameter::scalar_text(version).unwrap_or_default();
    let digit = |part: &&str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('.').collect();
    let [major, rest @ ..] = parts.as_slice() else { return false };
    majors.contains(major) && matches!(rest.len(), 1 | 2) && rest.iter().all(digit)
}

fn no_value() -> Py {
    Dict::plain().with("Ref", "AWS::NoValue").into()
}

/// `{"Fn::If": [condition, value, AWS::NoValue]}`
fn conditional(condition: &Text, value: Py) -> Py {
    let branches = vec![Py::Text(condition.clone()), value, no_value()];
    Dict::plain().with("Fn::If", Py::List(branches)).into()
}

/// The method's name in the body.
pub(super) fn method_key(method: &str) -> Text {
    let lower = method.to_lowercase();
    if lower == "any" { Text::own(ANY_METHOD) } else { Text::template(lower) }
}

/// The content of an item, or of both branches of the condition that it is.
fn contents(item: &mut Py) -> Vec<&mut Py> {
    let is_condition = item.as_dict().is_some_and(|dict| dict.contains("Fn::If"));
    if !is_condition {
        return vec![item];
    }
    let absent = no_value();
    match item.as_dict_mut().and_then(|dict| dict.get_mut("Fn::If")) {
        Some(Py::List(branches)) => branches.iter_mut().skip(1).filter(|branch| **branch != absent).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn malformed(path: &str) -> Problems {
    Problems::structure(format_args!(
        "Value of '{path}' path must be a dictionary according to Swagger spec."
    ))
}

fn has_integration(definition: &Dict) -> bool {
    definition.get(INTEGRATION).is_some_and(Py::is_truthy)
}

impl Editor {
    /// Starts on a copy of the body.
    pub(super) fn new(doc: &Dict) -> Result<Self, Problems> {
        if !is_valid(doc) {
            return Err(Problems::structure(
                "Invalid Swagger document or the Swagger document is not explicitly defined in 'DefinitionBody'.",
            ));
        }
        let doc = copy(doc);
        let section = |name: &str| {
            let found = doc.get(name).and_then(Py::as_dict).filter(|dict| !dict.is_empty());
            found.cloned().unwrap_or_else(Dict::hashed)
        };
        let (security, responses) = (section(SECURITY), section(RESPONSES));
        let (definitions, policy) = (section("definitions"), section("x-amazon-apigateway-policy"));
        let editor = Self { doc, security, responses, definitions, policy };
        let paths = editor.doc.get("paths").and_then(Py::as_dict);
        for path in editor.paths() {
            let item = paths.and_then(|paths| paths.get(&path));
            item.and_then(Py::as_dict).ok_or_else(|| malformed(&path))?;
        }
        Ok(editor)
    }

    /// The edited body.
    pub(super) fn finish(mut self) -> Dict {
        let sections =
            [(SECURITY, self.security), (RESPONSES, self.responses), ("definitions", self.definitions)];
        for (name, section) in sections {
            if !section.is_empty() {
                self.doc.set(Text::own(name), section.into());
            }
        }
        copy(&self.doc)
    }

    /// All paths.
    pub(super) fn paths(&self) -> Vec<String> {
        self.doc.get("paths").and_then(Py::as_dict).map(Dict::keys).unwrap_or_default()
    }

    fn path_mut(&mut self, path: &str) -> Option<&mut Py> {
        self.doc.get_mut("paths").and_then(Py::as_dict_mut).and_then(|paths| paths.get_mut(path))
    }

    fn for_each_item(
        &mut self,
        path: &str,
        mut edit: impl FnMut(&mut Dict) -> Result<(), Problems>,
    ) -> Result<(), Problems> {
        let Some(item) = self.path_mut(path) else { return Ok(()) };
        for content in contents(item) {
            edit(content.as_dict_mut().ok_or_else(|| malformed(path))?)?;
        }
        Ok(())
    }

    /// Calls `edit` with every definition of a path that has an integration, and its method.
    fn for_each_method(
        &mut self,
        path: &str,
        mut edit: impl FnMut(&str, &mut Dict) -> Result<(), Problems>,
    ) -> Result<(), Problems> {
        self.for_each_item(path, |item| {
            for method in item.keys() {
                if NOT_METHODS.contains(&method.as_str()) {
                    continue;
                }
                let Some(raw) = item.get_mut(&method) else { continue };
                for content in contents(raw) {
                    let definition = content.as_dict_mut().ok_or_else(|| {
                        Problems::structure(format_args!(
                            "Definition of method '{method}' for path '{path}' should be a map."
                        ))
                    })?;
                    if has_integration(definition) {
                        edit(&method, definition)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Adds a path and a method without an integration.
    pub(super) fn add_path(&mut self, path: &str, method: &str) -> Result<(), Problems> {
        let key = method_key(method);
        if let Some(paths) = self.doc.get_mut("paths").and_then(Py::as_dict_mut)
            && !paths.contains(path)
        {
            paths.set(Text::template(path), Dict::hashed().into());
        }
        self.for_each_item(path, |item| {
            if !item.contains(&key.text) {
                item.set(key.clone(), Dict::hashed().into());
            }
            Ok(())
        })
    }

    /// True where all branches of the path have the method.
    pub(super) fn has_method(&mut self, path: &str, method: &str) -> bool {
        let key = method_key(method).text;
        let Some(item) = self.path_mut(path) else { return false };
        contents(item).into_iter().all(|content| content.as_dict().is_some_and(|item| item.contains(&key)))
    }

    /// True where all branches of the path have an integration for the method.
    pub(super) fn has_integration(&mut self, path: &str, method: &str) -> bool {
        let key = method_key(method).text;
        let Some(item) = self.path_mut(path) else { return false };
        contents(item).into_iter().all(|content| {
            let definition = content.as_dict_mut().and_then(|item| item.get_mut(&key));
            definition.is_some_and(|raw| {
                contents(raw).into_iter().any(|content| content.as_dict().is_some_and(has_integration))
            })
        })
    }

    /// Integrates a path and method with a function.
    pub(super) fn add_lambda(
        &mut self,
        path: &str,
        method: &str,
        uri: &Py,
        streams: bool,
        credentials: Option<&Py>,
        condition: Option<&Text>,
    ) -> Result<(), Problems> {
        self.add_path(path, method)?;
        let key = method_key(method);
        let uri = condition.map_or_else(|| uri.clone(), |condition| conditional(condition, uri.clone()));
        self.for_each_item(path, |item| {
            let definition =
                item.get_mut(&key.text).and_then(Py::as_dict_mut).ok_or_else(|| malformed(path))?;
            let mut integration = Dict::hashed().with("type", "aws_proxy").with("httpMethod", "POST");
            integration.set(Text::own("uri"), uri.clone());
            if streams {
                integration.set(Text::own("responseTransferMode"), "STREAM".into());
            }
            if let Some(credentials) = credentials {
                integration.set(Text::own("credentials"), credentials.clone());
            }
            definition.set(Text::own(INTEGRATION), integration.into());
            if !definition.contains("responses") {
                definition.set(Text::own("responses"), Dict::hashed().into());
            }
            if let Some(condition) = condition {
                let whole = Py::from(definition.clone());
                item.set(key.clone(), conditional(condition, whole));
            }
            Ok(())
        })
    }

    /// Sets an integration's time-out.
    pub(super) fn set_timeout(&mut self, path: &str, method: &str, millis: &Value) -> Result<(), Problems> {
        let key = method_key(method).text;
        self.for_each_method(path, |name, definition| {
            if name == key
                && let Some(integration) = definition.get_mut(INTEGRATION).and_then(Py::as_dict_mut)
            {
                integration.set(Text::own("timeoutInMillis"), Py::from_template(millis));
            }
            Ok(())
        })
    }

    /// Wraps a whole path in a condition.
    pub(super) fn make_conditional(&mut self, path: &str, condition: &Text) {
        if let Some(item) = self.path_mut(path) {
            *item = conditional(condition, item.clone());
        }
    }

    /// Declares binary media types.
    pub(super) fn set_binary_types(&mut self, types: &Value) {
        let types = unescaped(&Py::from_template(types));
        self.doc.set(Text::own("x-amazon-apigateway-binary-media-types"), types);
    }

    /// Turns the default endpoint off or on.
    pub(super) fn set_endpoint_disabled(&mut self, disabled: &Value) {
        const KEY: &str = "x-amazon-apigateway-endpoint-configuration";
        let flag = Py::from_template(disabled);
        let set = |holder: &mut Dict| {
            if !holder.contains(KEY) {
                holder.set(Text::own(KEY), Dict::plain().into());
            }
            if let Some(configuration) = holder.get_mut(KEY).and_then(Py::as_dict_mut) {
                configuration.set(Text::own("disableExecuteApiEndpoint"), flag.clone());
            }
        };
        if !self.doc.get("openapi").is_some_and(|version| is_version_3(&version.to_value())) {
            return set(&mut self.doc);
        }
        if !self.doc.contains("servers") {
            self.doc.set(Text::own("servers"), Py::List(vec![Dict::hashed().into()]));
        }
        if let Some(Py::List(servers)) = self.doc.get_mut("servers") {
            servers.iter_mut().filter_map(Py::as_dict_mut).for_each(set);
        }
    }

    /// Adds an OPTIONS method that answers preflight requests, where the path has none.
    pub(super) fn add_cors(&mut self, path: &str, cors: &Cors) -> Result<(), Problems> {
        let mut methods = cors.methods.clone().filter(Py::is_truthy);
        self.for_each_item(path, |item| {
            if item.contains("options") {
                return Ok(());
            }
            let allowed = methods.get_or_insert_with(|| Py::from(format!("'{}'", methods_of(item)))).clone();
            item.set(Text::own("options"), preflight(cors, allowed).into());
            Ok(())
        })
    }
}

fn copy(doc: &Dict) -> Dict {
    doc.deep_copy()
}

fn first_is_iam(security: &[Py]) -> bool {
    security.first().and_then(Py::as_dict).is_some_and(|dict| dict.contains("AWS_IAM"))
}

fn security_of(definition: &Dict, path: &str, method: &str) -> Result<Vec<Py>, Problems> {
    match definition.get("security") {
        None => Ok(Vec::new()),
        Some(Py::List(list)) => Ok(list.clone()),
        Some(_) => Err(Problems::structure(format_args!(
            "Type of security for path {path} method {method} must be a list"
        ))),
    }
}

/// `~1` stands for a slash in media types, since some tools escape them so.
fn unescaped(value: &Py) -> Py {
    match value {
        Py::Text(text) => Text::template(text.text.replace("~1", "/")).into(),
        Py::List(items) => Py::List(items.iter().map(unescaped).collect()),
        other => other.clone(),
    }
}

fn methods_of(item: &Dict) -> String {
    let all = ["OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"].map(str::to_owned);
    let mut methods: Vec<String> = item.keys().iter().map(|method| method.to_uppercase()).collect();
    if item.contains(ANY_METHOD) {
        methods = all.to_vec();
    }
    methods.push("OPTIONS".to_owned());
    methods.sort();
    methods.dedup();
    methods.join(",")
}

fn preflight(cors: &Cors, methods: Py) -> Dict {
    let mut parameters = Dict::hashed();
    let mut headers = Dict::hashed();
    let mut add = |header: &str, value: Py, kind: &str| {
        parameters.set(Text::own(format!("method.response.header.{header}")), value);
        headers.set(Text::own(header), Dict::plain().with("type", kind).into());
    };
    add("Access-Control-Allow-Origin", cors.origin.clone(), "string");
    if let Some(allowed) = cors.headers.clone().filter(Py::is_truthy) {
        add("Access-Control-Allow-Headers", allowed, "string");
    }
    add("Access-Control-Allow-Methods", methods, "string");
    if let Some(max_age) = cors.max_age.clone() {
        add("Access-Control-Max-Age", max_age, "integer");
    }
    if cors.credentials {
        add("Access-Control-Allow-Credentials", "'true'".into(), "string");
    }
    let json = || Py::List(vec!["application/json".into()]);
    let template = |text: &str| Dict::plain().with("application/json", text);
    let default = Dict::hashed()
        .with("statusCode", "200")
        .with("responseParameters", parameters)
        .with("responseTemplates", template("{}\n"));
    let integration = Dict::hashed()
        .with("type", "mock")
        .with("requestTemplates", template("{\n  \"statusCode\" : 200\n}\n"))
        .with("responses", Dict::hashed().with("default", default));
    let response =
        Dict::hashed().with("description", "Default response for CORS method").with("headers", headers);
    Dict::hashed()
        .with("summary", "CORS support")
        .with("consumes", json())
        .with("produces", json())
        .with(INTEGRATION, integration)
        .with("responses", Dict::hashed().with("200", response))
}

/// Turns a body into OpenAPI 3 where the API asks for it.
pub(super) fn to_openapi_3(doc: &mut Dict, wanted: Option<&Value>) {
    if doc.get("swagger").is_some_and(|version| *version != Py::None) {
        return;
    }
    let version = wanted.cloned().or_else(|| doc.get("openapi").map(Py::to_value));
    if !version.is_some_and(|version| is_truthy(&version) && is_version_3(&version)) {
        return;
    }
    for (from, to) in [(SECURITY, "securitySchemes"), ("definitions", "schemas")] {
        if !doc.get(from).is_some_and(Py::is_truthy) {
            continue;
        }
        let components = doc.get("components").and_then(Py::as_dict).filter(|dict| !dict.is_empty());
        let mut components = components.cloned().unwrap_or_else(Dict::hashed);
        if let Some(moved) = doc.get(from).cloned() {
            components.set(Text::own(to), moved);
        }
        doc.set(Text::own("components"), components.into());
        doc.remove(from);
    }
    let Some(paths) = doc.get_mut("paths").and_then(Py::as_dict_mut) else { return };
    for path in paths.keys() {
        let options = paths.get_mut(&path).and_then(Py::as_dict_mut).and_then(|item| item.get_mut("options"));
        let Some(options) = options.and_then(Py::as_dict_mut) else { continue };
        for field in options.keys() {
            match field.as_str() {
                "produces" | "consumes" => {
                    options.remove(&field);
                }
                "responses" => add_header_schemas(options),
                _ => {}
            }
        }
    }
}

fn add_header_schemas(options: &mut Dict) {
    let mut at = options.get_mut("responses");
    for step in ["200", "headers"] {
        at = at.and_then(Py::as_dict_mut).and_then(|dict| dict.get_mut(step));
    }
    let Some(headers) = at.and_then(Py::as_dict_mut) else { return };
    for name in headers.keys() {
        if let Some(header) = headers.get_mut(&name) {
            *header = Dict::hashed().with("schema", header.clone()).into();
        }
    }
}
