//! Reads an OpenAPI 2 or 3 document with API Gateway's extensions into an API.
//!
//! What only documents is skipped; what would change how the API answers and is not known here is refused by name, never
//! dropped. Documents are JSON or YAML.

mod method;
mod models;
mod request;
mod settings;

use std::collections::BTreeMap;

use gateway::records::ResponseType;
use serde_json::{Map, Value};

use crate::Error;
use crate::records::{ApiRecord, AuthorizerRecord, GatewayResponseRecord, MethodRecord, ValidatorRecord};

use method::{Surroundings, VALIDATOR};
use models::Schemas;

pub(crate) use method::Security;

/// The largest document, in bytes: API Gateway's own bound.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 6 * 1_024 * 1_024;

/// Methods of one document. A hundred times what a large API has.
const METHODS_MAX: usize = 10_000;

const PATH_METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
const ANY_METHOD: &str = "x-amazon-apigateway-any-method";

/// What a document says, before it is put over an API.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) binary_media_types: Option<Vec<String>>,
    pub(crate) policy: Option<Value>,
    pub(crate) api_key_source: Option<String>,
    pub(crate) disable_execute_api_endpoint: Option<bool>,
    /// Path, HTTP method, method; paths without methods have none.
    pub(crate) paths: Vec<(String, Vec<(String, MethodRecord)>)>,
    /// The functions that tell callers apart; methods name them by name.
    pub(crate) authorizers: Vec<AuthorizerRecord>,
    schemas: Schemas,
    /// What may be checked of requests; methods name them by name.
    validators: Vec<ValidatorRecord>,
    responses: BTreeMap<ResponseType, GatewayResponseRecord>,
    pub(crate) warnings: Vec<String>,
}

impl Document {
    /// Reads a document.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Error> {
        if body.len() > DOCUMENT_BYTES_MAX {
            return Err(Error::bad("Request body is too large: an API definition has at most 6 MB"));
        }
        let json = tree(body)?;
        let Value::Object(root) = json else { return Err(Error::bad("Invalid OpenAPI input.")) };
        let is_2 = version(&root, "swagger").as_deref() == Some("2.0");
        let is_3 = version(&root, "openapi").is_some_and(|version| version.starts_with("3.0"));
        if is_2 == is_3 {
            return Err(Error::bad(
                "Unable to parse API definition because of a malformed definition at path /",
            ));
        }
        let mut document = Self {
            title: info(&root, "title"),
            description: info(&root, "description"),
            version: info(&root, "version"),
            binary_media_types: None,
            policy: None,
            api_key_source: None,
            disable_execute_api_endpoint: None,
            paths: Vec::new(),
            authorizers: Vec::new(),
            schemas: Schemas::read(&root)?,
            validators: Vec::new(),
            responses: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for (name, value) in &root {
            document.element(name, value)?;
        }
        let security = Security::read(&root)?;
        document.authorizers = security.authorizers()?;
        document.read_paths(&root, &security)?;
        Ok(document)
    }

    /// One element of the document's root, but for the paths and what secures them.
    fn element(&mut self, name: &str, value: &Value) -> Result<(), Error> {
        match name {
            "x-amazon-apigateway-binary-media-types" => {
                self.binary_media_types = Some(strings(value).ok_or_else(|| malformed(name))?);
            }
            // One without a word is none: the transform writes it where nothing was said.
            "x-amazon-apigateway-policy" => {
                self.policy =
                    Some(value.clone()).filter(|policy| policy.as_object().is_none_or(|it| !it.is_empty()));
            }
            "x-amazon-apigateway-api-key-source" => {
                self.api_key_source = Some(value.as_str().ok_or_else(|| malformed(name))?.to_owned());
            }
            "x-amazon-apigateway-endpoint-configuration" => self.endpoint_configuration(value)?,
            "x-amazon-apigateway-request-validators" => self.validators = settings::validators(value)?,
            "x-amazon-apigateway-gateway-responses" => self.responses = settings::responses(value)?,
            "components" => self.components(value)?,
            "x-amazon-apigateway-documentation" | "x-amazon-apigateway-importexport-version" => {
                self.warnings.push(format!("{name} was skipped"));
            }
            "swagger"
            | "openapi"
            | "info"
            | "paths"
            | "securityDefinitions"
            | "security"
            | "host"
            | "basePath"
            | "schemes"
            | "servers"
            | "tags"
            | "externalDocs"
            | "consumes"
            | "produces"
            | "definitions"
            | "parameters"
            | "responses"
            | VALIDATOR => {}
            _ if name.starts_with("x-amazon-apigateway-") => return Err(Error::unsupported(name)),
            _ if name.starts_with("x-") => {}
            _ => return Err(malformed(name)),
        }
        Ok(())
    }

    fn components(&mut self, value: &Value) -> Result<(), Error> {
        let Value::Object(components) = value else { return Err(malformed("components")) };
        for name in components.keys() {
            match name.as_str() {
                "securitySchemes" | "schemas" | "parameters" | "requestBodies" => {}
                "examples" | "headers" | "responses" | "links" => {
                    self.warnings.push(format!("components/{name} was skipped"));
                }
                _ if name.starts_with("x-amazon-apigateway-") => return Err(Error::unsupported(name)),
                _ if name.starts_with("x-") => {}
                _ => return Err(malformed(&format!("components/{name}"))),
            }
        }
        Ok(())
    }

    fn endpoint_configuration(&mut self, value: &Value) -> Result<(), Error> {
        let Value::Object(settings) = value else { return Err(malformed("endpoint configuration")) };
        for (name, value) in settings {
            match (name.as_str(), value) {
                ("disableExecuteApiEndpoint", Value::Bool(disabled)) => {
                    self.disable_execute_api_endpoint = Some(*disabled);
                }
                ("vpcEndpointIds", _) => return Err(Error::unsupported("A private endpoint")),
                _ => return Err(malformed(&format!("x-amazon-apigateway-endpoint-configuration/{name}"))),
            }
        }
        Ok(())
    }

    fn read_paths(&mut self, root: &Map<String, Value>, security: &Security<'_>) -> Result<(), Error> {
        let paths = match root.get("paths") {
            None => return Ok(()),
            Some(Value::Object(paths)) => paths,
            Some(_) => return Err(malformed("paths")),
        };
        let mut count = 0_usize;
        for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
            let Value::Object(item) = item else { return Err(malformed(path)) };
            let around = Surroundings { root, security, shared: item.get("parameters") };
            let mut methods = Vec::new();
            for (name, operation) in item {
                let http_method = match name.as_str() {
                    ANY_METHOD => "ANY".to_owned(),
                    known if PATH_METHODS.contains(&known) => known.to_ascii_uppercase(),
                    "parameters" | "summary" | "description" | "servers" => continue,
                    other if other.starts_with("x-amazon-apigateway-") => {
                        return Err(Error::unsupported(other));
                    }
                    other if other.starts_with("x-") => continue,
                    other => return Err(malformed(&format!("{path}/{other}"))),
                };
                let read = method::read(operation, &around, &mut self.schemas);
                methods.push((http_method, read.map_err(|error| at(error, path, name))?));
            }
            count = count.saturating_add(methods.len());
            if count > METHODS_MAX {
                return Err(Error::bad(format!("An API definition has at most {METHODS_MAX} methods")));
            }
            self.paths.push((path.clone(), methods));
        }
        Ok(())
    }

    /// Puts the document's resources and methods over those of an API.
    pub(crate) fn apply(&self, api: &mut ApiRecord) -> Result<(), Error> {
        let mut ids = BTreeMap::new();
        for authorizer in &self.authorizers {
            ids.insert(authorizer.name.clone(), api.put_authorizer(authorizer.clone())?);
        }
        let mut validators = BTreeMap::new();
        for validator in &self.validators {
            validators.insert(validator.name.clone(), api.put_validator(validator.clone())?);
        }
        let models = self.schemas.models(&api.id);
        if !models.is_empty() {
            api.models.extend(models);
            api.check_models()?;
        }
        api.responses.extend(self.responses.clone());
        for (path, methods) in &self.paths {
            let resource_id = api.resource_at(path)?;
            let resource = api.resource_mut(&resource_id)?;
            for (name, method) in methods {
                let id = method.authorizer_id.as_ref().and_then(|name| ids.get(name));
                // SECURITY: a validator that the document does not have would check nothing.
                let validator_id = match &method.validator_id {
                    None => None,
                    Some(name) => Some(validators.get(&Some(name.clone())).cloned().ok_or_else(|| {
                        Error::bad(format!("Unable to find the request validator {name} (at {path})"))
                    })?),
                };
                let method = MethodRecord { authorizer_id: id.cloned(), validator_id, ..method.clone() };
                resource.methods.insert(name.clone(), method);
            }
        }
        if let Some(types) = &self.binary_media_types {
            api.binary_media_types.clone_from(types);
        }
        if let Some(source) = &self.api_key_source {
            api.api_key_source.clone_from(source);
        }
        if let Some(disabled) = self.disable_execute_api_endpoint {
            api.disable_execute_api_endpoint = disabled;
        }
        Ok(())
    }

    /// The roles that API Gateway would assume for the document's integrations.
    pub(crate) fn roles(&self) -> Vec<String> {
        let methods = self.paths.iter().flat_map(|(_, methods)| methods);
        let credentials =
            methods.filter_map(|(_, method)| method.integration.as_ref()?.credentials.as_deref());
        let authorizers = self.authorizers.iter().filter_map(|it| it.credentials.as_deref());
        let credentials = credentials.chain(authorizers);
        let mut roles: Vec<_> =
            credentials.filter_map(|it| crate::integration::role(Some(it))).map(str::to_owned).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

/// The tree of a document in JSON or YAML.
// SECURITY: YAML is read by the reader of templates, which bounds depth, nodes and aliases; its tags mean nothing here, and
// what they would make of a text is refused as what it is not.
fn tree(body: &[u8]) -> Result<Value, Error> {
    if body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(body).map_err(|error| {
            Error::bad(format!("Invalid OpenAPI input: the body is no JSON document: {error}"))
        });
    }
    let invalid = || Error::bad("Invalid OpenAPI input: the body is neither a JSON nor a YAML document");
    let text = std::str::from_utf8(body).map_err(|_| invalid())?;
    template::Document::parse(text)
        .map(|document| document.root)
        .map_err(|error| Error::bad(format!("Invalid OpenAPI input: {error}")))
}

/// The same error, with the method it is about.
fn at(error: Error, path: &str, name: &str) -> Error {
    match error {
        Error::BadRequest(message) => Error::BadRequest(format!("{message} (at {path} {name})")),
        other => other,
    }
}

fn info(root: &Map<String, Value>, name: &str) -> Option<String> {
    word(root.get("info")?.get(name)?)
}

/// The version of a document's language.
fn version(root: &Map<String, Value>, name: &str) -> Option<String> {
    word(root.get(name)?)
}

/// A text, also where it was written without quotes and so reads as a number: `swagger: 2.0`.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn malformed(at: &str) -> Error {
    Error::bad(format!("Unable to parse API definition because of a malformed definition at path {at}"))
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}
