//! What requests and answers look like: models, validators, parameters, gateway responses, and state machine integrations.

use serde_json::{Map, Value};

use super::super::error::Problems;
use super::super::python::{Dict, Py, Text, ordered};
use super::{Editor, INTEGRATION, conditional, is_version_3, malformed, method_key};

/// A parameter that a method asks for.
pub(in super::super) struct Parameter {
    /// `method.request.header.X`
    pub(in super::super) name: String,
    pub(in super::super) required: Value,
    pub(in super::super) caching: bool,
}

impl Editor {
    fn for_method(
        &mut self,
        path: &str,
        method: &str,
        mut edit: impl FnMut(&mut Dict),
    ) -> Result<(), Problems> {
        let key = method_key(method).text;
        self.for_each_method(path, |name, definition| {
            if name == key {
                edit(definition);
            }
            Ok(())
        })
    }

    /// The model of a method's body.
    pub(in super::super) fn set_request_model(
        &mut self,
        path: &str,
        method: &str,
        model: &str,
        required: Option<&Value>,
    ) -> Result<(), Problems> {
        let name = model.to_lowercase();
        let swagger = self.doc.get("swagger").is_some_and(|version| *version != Py::None);
        let version_3 = self.doc.get("openapi").is_some_and(|version| is_version_3(&version.to_value()));
        self.for_method(path, method, |definition| {
            if swagger {
                let mut parameters = list(definition.get("parameters"));
                let mut parameter = Dict::hashed().with("in", "body");
                parameter.set(Text::own("name"), Text::template(&name).into());
                parameter.set(
                    Text::own("schema"),
                    Dict::plain().with("$ref", format!("#/definitions/{name}")).into(),
                );
                if let Some(required) = required {
                    parameter.set(Text::own("required"), Py::from_template(required));
                }
                parameters.push(parameter.into());
                definition.set(Text::own("parameters"), Py::List(parameters));
            } else if version_3 {
                let schema = Dict::plain().with("$ref", format!("#/components/schemas/{name}"));
                let content = Dict::plain().with("application/json", Dict::plain().with("schema", schema));
                let mut body = Dict::plain().with("content", content);
                if let Some(required) = required {
                    body.set(Text::own("required"), Py::from_template(required));
                }
                definition.set(Text::own("requestBody"), body.into());
            }
        })
    }

    /// What API Gateway checks of a method's requests.
    pub(in super::super) fn set_validator(
        &mut self,
        path: &str,
        method: &str,
        body: bool,
        parameters: bool,
    ) -> Result<(), Problems> {
        const ALL: &str = "x-amazon-apigateway-request-validators";
        let name = match (body, parameters) {
            (true, true) => "body-and-params",
            (true, false) => "body-only",
            (false, true) => "params-only",
            (false, false) => "no-validation",
        };
        if !self.doc.get(ALL).is_some_and(Py::is_truthy) {
            self.doc.set(Text::own(ALL), Dict::hashed().into());
        }
        if let Some(all) = self.doc.get_mut(ALL).and_then(Py::as_dict_mut)
            && !all.contains(name)
        {
            let mut validator = Dict::hashed();
            validator.set(Text::own("validateRequestBody"), Py::Bool(body));
            validator.set(Text::own("validateRequestParameters"), Py::Bool(parameters));
            all.update(Dict::hashed().with(name, validator));
        }
        self.for_method(path, method, |definition| {
            definition.update(Dict::hashed().with("x-amazon-apigateway-request-validator", name));
        })
    }

    /// The parameters that a method asks for.
    pub(in super::super) fn set_parameters(
        &mut self,
        path: &str,
        method: &str,
        asked: &[Parameter],
    ) -> Result<(), Problems> {
        const CACHED: &str = "cacheKeyParameters";
        self.for_method(path, method, |definition| {
            let mut parameters = list(definition.get("parameters"));
            for one in asked {
                let place = one.name.strip_prefix("method.request.").unwrap_or(&one.name);
                let (location, name) = place.split_once('.').unwrap_or((place, ""));
                let mut parameter = Dict::hashed();
                let location = match location {
                    "querystring" => Text::own("query"),
                    other => Text::template(other),
                };
                parameter.set(Text::own("in"), location.into());
                parameter.set(Text::own("name"), Text::template(name).into());
                parameter.set(Text::own("required"), Py::from_template(&one.required));
                parameter.set(Text::own("type"), "string".into());
                parameters.push(parameter.into());
                let integration = definition.get_mut(INTEGRATION).and_then(Py::as_dict_mut);
                if let (true, Some(integration)) = (one.caching, integration) {
                    let mut cached = list(integration.get(CACHED));
                    cached.push(Text::template(&one.name).into());
                    integration.set(Text::own(CACHED), Py::List(cached));
                }
            }
            definition.set(Text::own("parameters"), Py::List(parameters));
        })
    }

    /// The models of an API, by their names in lower case.
    pub(in super::super) fn add_models(&mut self, models: &Map<String, Value>) -> Result<(), Problems> {
        for (name, schema) in ordered(models) {
            if !schema.get("type").is_some_and(super::super::value::is_truthy) {
                return Err(Problems::structure("'Models' schema is missing 'type'."));
            }
            self.definitions.set(Text::template(name.to_lowercase()), Py::from_template(schema));
        }
        Ok(())
    }

    /// What API Gateway answers in place of a method.
    pub(in super::super) fn add_gateway_response(&mut self, kind: &str, response: Dict) {
        self.responses.set(Text::template(kind), response.into());
    }

    /// Integrates a path and method with a state machine.
    pub(in super::super) fn add_state_machine(
        &mut self,
        path: &str,
        method: &str,
        role: &Py,
        template: &Py,
        condition: Option<&Text>,
    ) -> Result<(), Problems> {
        self.add_path(path, method)?;
        let key = method_key(method);
        let uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:states:action/StartExecution";
        let uri = Py::from(Dict::plain().with("Fn::Sub", uri));
        let uri = condition.map_or_else(|| uri.clone(), |condition| conditional(condition, uri.clone()));
        let answers = |name: &str, values: [&str; 2]| {
            let one = |value: &str| Dict::hashed().with(name, value);
            let [good, bad] = values;
            Dict::hashed().with("200", one(good)).with("400", one(bad))
        };
        self.for_each_item(path, |item| {
            let definition =
                item.get_mut(&key.text).and_then(Py::as_dict_mut).ok_or_else(|| malformed(path))?;
            let mut integration = Dict::hashed().with("type", "aws").with("httpMethod", "POST");
            integration.set(Text::own("uri"), uri.clone());
            integration.set(Text::own("responses"), answers("statusCode", ["200", "400"]).into());
            integration.set(Text::own("credentials"), role.clone());
            let templates = Dict::plain().with("application/json", template.clone());
            integration.update(Dict::plain().with("requestTemplates", templates));
            definition.set(Text::own(INTEGRATION), integration.into());
            if !definition.contains("responses") {
                let responses = answers("description", ["OK", "Bad Request"]);
                definition.set(Text::own("responses"), responses.into());
            }
            if let Some(condition) = condition {
                let whole = Py::from(definition.clone());
                item.set(key.clone(), conditional(condition, whole));
            }
            Ok(())
        })
    }
}

fn list(value: Option<&Py>) -> Vec<Py> {
    match value {
        Some(Py::List(items)) => items.clone(),
        _ => Vec::new(),
    }
}
