//! `AWS::ApiGateway::Method`: a method with its integration and their responses.

use serde_json::{Value, json};

use super::apigateway_resource::uncapitalised;
use super::apigateway_rest_api::is_of_stack;
use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, list, optional, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Method;

const PROPERTIES: [Property; 13] = [
    optional("ApiKeyRequired"),
    optional("AuthorizationScopes"),
    optional("AuthorizationType"),
    optional("AuthorizerId"),
    required("HttpMethod").fixed(),
    optional("Integration"),
    optional("MethodResponses"),
    optional("OperationName"),
    optional("RequestModels"),
    optional("RequestParameters"),
    optional("RequestValidatorId"),
    required("ResourceId").fixed(),
    required("RestApiId").fixed(),
];

impl Provider for Method {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Method"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn find<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let ours = is_of_stack(work, &work.text("RestApiId")).await?;
            Ok(ours.then(|| work.made(&work.planned, Value::Null)))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::METHOD.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::METHOD.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let made = work.made(&work.planned, Value::Null);
            put_method(work).await?;
            put_parts(work).await.map_err(|failure| failure.after(&made))?;
            Ok(made)
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            // A method is small and its parts belong together: it is written anew.
            self.delete(work, old).await?;
            put_method(work).await?;
            put_parts(work).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let part = |name: &str| text(old.properties.get(name));
            let input = json!({
                "restApiId": part("RestApiId"),
                "resourceId": part("ResourceId"),
                "httpMethod": part("HttpMethod"),
            });
            gone(work.call("apigateway", "DeleteMethod", input).await)
        })
    }
}

/// `value` with the members that name the method.
fn of(work: &Work, value: &Value) -> Value {
    let mut input = uncapitalised(value).as_object().cloned().unwrap_or_default();
    for (property, member) in
        [("RestApiId", "restApiId"), ("ResourceId", "resourceId"), ("HttpMethod", "httpMethod")]
    {
        input.insert(member.to_owned(), work.text(property).into());
    }
    Value::Object(input)
}

async fn put_method(work: &Work) -> Result<(), Failure> {
    let mut method = work.properties.clone();
    for apart in ["Integration", "MethodResponses"] {
        method.shift_remove(apart);
    }
    method.entry("AuthorizationType").or_insert_with(|| "NONE".into());
    work.call("apigateway", "PutMethod", of(work, &Value::Object(method))).await?;
    Ok(())
}

async fn put_parts(work: &Work) -> Result<(), Failure> {
    for response in list(work.get("MethodResponses")) {
        work.call("apigateway", "PutMethodResponse", of(work, response)).await?;
    }
    let Some(Value::Object(integration)) = work.get("Integration") else { return Ok(()) };
    let mut integration = integration.clone();
    let responses = integration.shift_remove("IntegrationResponses");
    work.call("apigateway", "PutIntegration", of(work, &Value::Object(integration))).await?;
    for response in list(responses.as_ref()) {
        work.call("apigateway", "PutIntegrationResponse", of(work, response)).await?;
    }
    Ok(())
}
