//! `AWS::ApiGateway::Model`, `AWS::ApiGateway::RequestValidator` and `AWS::ApiGateway::GatewayResponse`: what an API asks of
//! requests, and what it answers to those that it does not serve.

use serde_json::{Value, json};

use super::apigateway_resource::uncapitalised;
use super::apigateway_rest_api::is_of_stack;
use super::apigateway_seen as shown;
use super::document::to_text;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, optional, required, seen, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Model;

const MODEL: [Property; 5] = [
    optional("ContentType").fixed(),
    optional("Description"),
    optional("Name").fixed(),
    required("RestApiId").fixed(),
    optional("Schema"),
];

/// A model's name: the template's, or a generated one without what no model's name may have.
fn model_name(work: &Work) -> String {
    let own = work.text("Name");
    let generated = || work.planned.chars().filter(char::is_ascii_alphanumeric).collect();
    if own.is_empty() { generated() } else { own }
}

impl Provider for Model {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Model"
    }

    fn properties(&self) -> &'static [Property] {
        &MODEL
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let (api, name) = (work.text("RestApiId"), model_name(work));
            if !is_of_stack(work, &api).await? {
                return Ok(None);
            }
            let input = json!({ "restApiId": api, "modelName": name });
            let shown = seen(work.call("apigateway", "GetModel", input).await)?;
            Ok(shown.map(|_| work.made(name, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::MODEL.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::MODEL.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let content_type = work.text("ContentType");
            let content_type = if content_type.is_empty() { "application/json" } else { &content_type };
            let mut input = json!({
                "restApiId": work.text("RestApiId"),
                "name": model_name(work),
                "contentType": content_type,
                "schema": work.get("Schema").map_or_else(|| "{}".to_owned(), |schema| to_text(Some(schema))),
            });
            if let (Some(description), Some(input)) = (work.get("Description"), input.as_object_mut()) {
                input.insert("description".to_owned(), description.clone());
            }
            work.call("apigateway", "CreateModel", input).await?;
            Ok(work.made(model_name(work), Value::Null))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let schema = work.get("Schema").map_or_else(|| "{}".to_owned(), |schema| to_text(Some(schema)));
            let operations = json!([
                { "op": "replace", "path": "/schema", "value": schema },
                { "op": "replace", "path": "/description", "value": work.text("Description") },
            ]);
            let input = json!({
                "restApiId": work.text("RestApiId"), "modelName": old.id, "patchOperations": operations,
            });
            work.call("apigateway", "UpdateModel", input).await?;
            Ok(work.made(&old.id, Value::Null))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let api = text(old.properties.get("RestApiId"));
            let input = json!({ "restApiId": api, "modelName": old.id });
            gone(work.call("apigateway", "DeleteModel", input).await)
        })
    }
}

pub(super) struct RequestValidator;

const VALIDATOR: [Property; 4] = [
    optional("Name").fixed(),
    required("RestApiId").fixed(),
    optional("ValidateRequestBody"),
    optional("ValidateRequestParameters"),
];

impl Provider for RequestValidator {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::RequestValidator"
    }

    fn properties(&self) -> &'static [Property] {
        &VALIDATOR
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::REQUEST_VALIDATOR.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::REQUEST_VALIDATOR.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let input = uncapitalised(&Value::Object(work.properties.clone()));
            let answer = work.call("apigateway", "CreateRequestValidator", input).await?;
            Ok(validator(work, &text(answer.get("id"))))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let flag = |property: &str| {
                let value = work.text(property);
                if value.is_empty() { "false".to_owned() } else { value }
            };
            let operations = json!([
                { "op": "replace", "path": "/validateRequestBody", "value": flag("ValidateRequestBody") },
                { "op": "replace", "path": "/validateRequestParameters", "value": flag("ValidateRequestParameters") },
            ]);
            let input = json!({
                "restApiId": work.text("RestApiId"), "requestValidatorId": old.id, "patchOperations": operations,
            });
            work.call("apigateway", "UpdateRequestValidator", input).await?;
            Ok(validator(work, &old.id))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let api = text(old.properties.get("RestApiId"));
            let input = json!({ "restApiId": api, "requestValidatorId": old.id });
            gone(work.call("apigateway", "DeleteRequestValidator", input).await)
        })
    }
}

fn validator(work: &Work, id: &str) -> Physical {
    work.made(id, json!({ "RequestValidatorId": id }))
}

pub(super) struct GatewayResponse;

const RESPONSE: [Property; 5] = [
    optional("ResponseParameters"),
    optional("ResponseTemplates"),
    required("ResponseType").fixed(),
    required("RestApiId").fixed(),
    optional("StatusCode"),
];

impl Provider for GatewayResponse {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::GatewayResponse"
    }

    fn properties(&self) -> &'static [Property] {
        &RESPONSE
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let (api, kind) = (work.text("RestApiId"), work.text("ResponseType"));
            if !is_of_stack(work, &api).await? {
                return Ok(None);
            }
            let input = json!({ "restApiId": api, "responseType": kind });
            let shown = seen(work.call("apigateway", "GetGatewayResponse", input).await)?;
            let own = shown.is_some_and(|shown| shown.get("defaultResponse") == Some(&Value::Bool(false)));
            Ok(own.then(|| response(work)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::GATEWAY_RESPONSE.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::GATEWAY_RESPONSE.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            put(work).await?;
            Ok(response(work))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            // Putting it anew also takes away what the template does not say any more.
            put(work).await?;
            Ok(response(work))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let part = |name: &str| text(old.properties.get(name));
            let input = json!({ "restApiId": part("RestApiId"), "responseType": part("ResponseType") });
            gone(work.call("apigateway", "DeleteGatewayResponse", input).await)
        })
    }
}

async fn put(work: &Work) -> Result<(), Failure> {
    let mut input = uncapitalised(&Value::Object(work.properties.clone()));
    if let Some(status) = input.get_mut("statusCode") {
        *status = text(Some(status)).into();
    }
    work.call("apigateway", "PutGatewayResponse", input).await?;
    Ok(())
}

/// An API has one of each type: its id is made of both.
fn response(work: &Work) -> Physical {
    let id = format!("{}-{}", work.text("RestApiId"), work.text("ResponseType"));
    let attributes = json!({ "Id": id });
    work.made(id, attributes)
}
