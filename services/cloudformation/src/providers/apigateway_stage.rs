//! `AWS::ApiGateway::Stage`.

use serde_json::{Map, Value, json};

use super::{Answer, Failure, Property, Provider, Work, gone, optional, required, tags, text};
use crate::records::Physical;

pub(super) struct Stage;

const PROPERTIES: [Property; 7] = [
    required("DeploymentId"),
    optional("Description"),
    required("RestApiId").fixed(),
    required("StageName").fixed(),
    optional("Tags"),
    optional("TracingEnabled"),
    optional("Variables"),
];

impl Provider for Stage {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Stage"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let renamed = [
                ("DeploymentId", "deploymentId"),
                ("Description", "description"),
                ("RestApiId", "restApiId"),
                ("StageName", "stageName"),
                ("TracingEnabled", "tracingEnabled"),
                ("Variables", "variables"),
            ];
            let mut input = Map::new();
            for (from, to) in renamed {
                input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
            }
            if let Some(given) = work.get("Tags") {
                input.insert("tags".to_owned(), Value::Object(tags::to_map(Some(given))));
            }
            work.call("apigateway", "CreateStage", Value::Object(input)).await?;
            Ok(work.made(work.text("StageName"), Value::Null))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let api = work.text("RestApiId");
            let operations = patches(work, &old.properties);
            if !operations.is_empty() {
                let input = json!({ "restApiId": api, "stageName": old.id, "patchOperations": operations });
                work.call("apigateway", "UpdateStage", input).await?;
            }
            set_tags(work, &api, old).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let api = text(old.properties.get("RestApiId"));
            let stage = text(old.properties.get("StageName"));
            gone(
                work.call("apigateway", "DeleteStage", json!({ "restApiId": api, "stageName": stage })).await,
            )
        })
    }
}

fn patches(work: &Work, old: &Value) -> Vec<Value> {
    let mut operations = Vec::new();
    let renamed = [
        ("DeploymentId", "/deploymentId", ""),
        ("Description", "/description", ""),
        ("TracingEnabled", "/tracingEnabled", "false"),
    ];
    for (property, path, default) in renamed {
        if old.get(property) != work.get(property) {
            let value = work.get(property).map_or_else(|| default.to_owned(), |value| text(Some(value)));
            operations.push(json!({ "op": "replace", "path": path, "value": value }));
        }
    }
    let empty = Map::new();
    let variables =
        |value: Option<&'_ Value>| value.and_then(Value::as_object).cloned().unwrap_or_else(|| empty.clone());
    let (before, wanted) = (variables(old.get("Variables")), variables(work.get("Variables")));
    for (name, value) in wanted.iter().filter(|(name, value)| before.get(*name) != Some(*value)) {
        let value = text(Some(value));
        operations.push(json!({ "op": "replace", "path": format!("/variables/{name}"), "value": value }));
    }
    for name in before.keys().filter(|name| !wanted.contains_key(*name)) {
        operations.push(json!({ "op": "remove", "path": format!("/variables/{name}") }));
    }
    operations
}

async fn set_tags(work: &Work, api: &str, old: &Physical) -> Result<(), Failure> {
    let (set, removed) = tags::difference(old.properties.get("Tags"), work.get("Tags"));
    let resource = format!("/restapis/{api}/stages/{}", old.id);
    let arn = base::Arn::new("apigateway", work.caller.region().as_str(), "", resource).to_string();
    if !removed.is_empty() {
        work.call("apigateway", "UntagResource", json!({ "resourceArn": arn, "tagKeys": removed })).await?;
    }
    if !set.is_empty() {
        work.call("apigateway", "TagResource", json!({ "resourceArn": arn, "tags": set })).await?;
    }
    Ok(())
}
