//! What a connector names as its source or destination: a resource of the template, or one outside of it by its parts.

use serde_json::{Map, Value};

use super::super::value::{is_truthy, single};
use super::facts;

/// A resource that is connected.
pub(super) struct Reference {
    pub(super) logical_id: Option<String>,
    pub(super) kind: String,
    pub(super) arn: Option<Value>,
    pub(super) role_name: Option<Value>,
    pub(super) queue_url: Option<Value>,
    pub(super) resource_id: Option<Value>,
    pub(super) name: Option<Value>,
    pub(super) qualifier: Option<Value>,
}

/// What serverless types become.
const BECOMES: [(&str, &str); 5] = [
    ("AWS::Serverless::Function", "AWS::Lambda::Function"),
    ("AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"),
    ("AWS::Serverless::Api", "AWS::ApiGateway::RestApi"),
    ("AWS::Serverless::HttpApi", "AWS::ApiGatewayV2::Api"),
    ("AWS::Serverless::SimpleTable", "AWS::DynamoDB::Table"),
];

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The id that a `Ref` or a `Fn::GetAtt` of two parts names.
pub(super) fn logical_id(value: &Value) -> Option<&str> {
    match single(value)? {
        ("Ref", Value::String(id)) => Some(id),
        ("Fn::GetAtt", Value::Array(list)) if list.len() == 2 => list.first()?.as_str(),
        ("Fn::GetAtt", Value::String(text)) => {
            text.split_once('.').filter(|(_, attribute)| !attribute.contains('.')).map(|(id, _)| id)
        }
        _ => None,
    }
}

/// Reads one side of a connector; `other` is the other one.
pub(super) fn read(
    given: &Map<String, Value>,
    resources: &Map<String, Value>,
    other: &Map<String, Value>,
) -> Result<Reference, String> {
    let besides = given.keys().any(|name| name != "Id" && name != "Qualifier");
    if given.contains_key("Id") == besides {
        let message =
            "Must provide 'Id' (with optional 'Qualifier') or a supported combination of other properties.";
        return Err(message.to_owned());
    }
    let no_type = || "'Type' is missing or not a string.".to_owned();
    let Some(id) = given.get("Id").filter(|id| is_truthy(id)) else {
        let kind = text(given.get("Type")).ok_or_else(no_type)?;
        let becomes = BECOMES.iter().find(|(serverless, _)| *serverless == kind);
        let part = |name: &str| given.get(name).filter(|value| !value.is_null()).cloned();
        return Ok(Reference {
            logical_id: None,
            kind: becomes.map_or(kind, |(_, plain)| plain).to_owned(),
            arn: part("Arn"),
            role_name: part("RoleName"),
            queue_url: part("QueueUrl"),
            resource_id: part("ResourceId"),
            name: part("Name"),
            qualifier: part("Qualifier"),
        });
    };
    let id = id.as_str().ok_or_else(|| "'Id' is missing or not a string.".to_owned())?;
    let missing = || format!("Unable to find resource with logical ID '{id}'.");
    let resource = resources.get(id).filter(|resource| is_truthy(resource)).ok_or_else(missing)?;
    let kind = text(resource.get("Type")).ok_or_else(no_type)?;
    let outputs = facts::outputs(kind, id);
    let part = |name: &str| outputs.get(name).cloned();
    Ok(Reference {
        logical_id: Some(id.to_owned()),
        kind: kind.to_owned(),
        arn: part("Arn"),
        role_name: role_name(kind, resource.get("Properties"), other),
        queue_url: part("Url"),
        resource_id: part("Id"),
        name: part("Name"),
        qualifier: given.get("Qualifier").cloned().or_else(|| part("Qualifier")),
    })
}

/// The role of a resource, where that is one of the template's own.
fn role_name(kind: &str, properties: Option<&Value>, other: &Map<String, Value>) -> Option<Value> {
    let role = match facts::role(kind)? {
        Value::String(property) => properties?.get(property)?,
        // The role of a rule is that of its target.
        _ => rule_role(properties?, other)?,
    };
    logical_id(role).map(super::super::value::reference)
}

fn rule_role<'a>(properties: &'a Value, other: &Map<String, Value>) -> Option<&'a Value> {
    let targets = properties.get("Targets")?.as_array()?;
    let is_it = |target: &&Value| {
        let arn = target.get("Arn");
        let named = arn.and_then(logical_id).filter(|id| !id.is_empty());
        let by_id = named.is_some() && named == other.get("Id").and_then(Value::as_str);
        by_id || other.get("Arn").filter(|arn| is_truthy(arn)).is_some_and(|other| arn == Some(other))
    };
    targets.iter().find(is_it)?.get("RoleArn")
}
