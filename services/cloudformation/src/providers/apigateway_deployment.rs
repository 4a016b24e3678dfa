//! `AWS::ApiGateway::Deployment`: a snapshot of an API, and a stage of its own where `StageName` says so.

use serde_json::{Map, Value, json};

use super::apigateway_seen as shown;
use super::reading::Reading;
use super::{Answer, Failure, Property, Provider, Work, gone, is_absent, optional, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct Deployment;

const PROPERTIES: [Property; 4] = [
    optional("Description"),
    required("RestApiId").fixed(),
    optional("StageDescription").fixed(),
    optional("StageName").fixed(),
];

impl Provider for Deployment {
    fn kind(&self) -> &'static str {
        "AWS::ApiGateway::Deployment"
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn comparison(&self) -> Option<&'static Rules> {
        Some(&shown::DEPLOYMENT.rules)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(shown::DEPLOYMENT.read(work, of))
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let mut input = Map::from_iter([("restApiId".to_owned(), Value::from(work.text("RestApiId")))]);
            for (from, to) in [("Description", "description"), ("StageName", "stageName")] {
                input.extend(work.get(from).map(|value| (to.to_owned(), value.clone())));
            }
            if let Some(description) = work.get("StageDescription") {
                stage_description(description, &mut input)?;
            }
            let answer = work.call("apigateway", "CreateDeployment", Value::Object(input)).await?;
            let id = text(answer.get("id"));
            Ok(work.made(&id, json!({ "DeploymentId": id })))
        })
    }

    fn update<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(async move {
            let operation =
                json!({ "op": "replace", "path": "/description", "value": work.text("Description") });
            let input = json!({
                "restApiId": work.text("RestApiId"),
                "deploymentId": old.id,
                "patchOperations": [operation],
            });
            work.call("apigateway", "UpdateDeployment", input).await?;
            Ok(work.made(&old.id, Value::Object(old.attributes.clone())))
        })
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            if old.id == work.planned {
                return Ok(());
            }
            let api = text(old.properties.get("RestApiId"));
            let stage = text(old.properties.get("StageName"));
            if !stage.is_empty() {
                delete_own_stage(work, &api, &stage, &old.id).await?;
            }
            let input = json!({ "restApiId": api, "deploymentId": old.id });
            gone(work.call("apigateway", "DeleteDeployment", input).await)
        })
    }
}

/// The one part of a stage's description that a deployment takes along.
fn stage_description(description: &Value, input: &mut Map<String, Value>) -> Result<(), Failure> {
    for (name, value) in description.as_object().into_iter().flatten() {
        let member = match name.as_str() {
            "Description" => "stageDescription",
            "Variables" => "variables",
            "TracingEnabled" => "tracingEnabled",
            _ => {
                return Err(Failure::new(format!(
                    "StageDescription has no member {name} that is supported here"
                )));
            }
        };
        input.insert(member.to_owned(), value.clone());
    }
    Ok(())
}

/// Deletes the stage that the deployment made, unless a later deployment took it over.
async fn delete_own_stage(work: &Work, api: &str, stage: &str, deployment: &str) -> Result<(), Failure> {
    let name = json!({ "restApiId": api, "stageName": stage });
    match work.call("apigateway", "GetStage", name.clone()).await {
        Ok(found) if text(found.get("deploymentId")) == deployment => {
            gone(work.call("apigateway", "DeleteStage", name).await)
        }
        Ok(_) => Ok(()),
        Err(fault) if is_absent(&fault) => Ok(()),
        Err(fault) => Err(fault.into()),
    }
}
