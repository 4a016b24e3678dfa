//! The control plane: trees, stages, deployments, tags, pages, and refusals in API Gateway's words.

use super::*;

async fn api(platform: &Platform) -> (Value, Value) {
    let api = platform.call("CreateRestApi", json!({"name": "n", "tags": {"team": "blue"}})).await.unwrap();
    (api["id"].clone(), api["rootResourceId"].clone())
}

fn refused(answer: Result<Value, Fault>) -> (String, String) {
    let fault = answer.unwrap_err();
    (fault.code.into_owned(), fault.message)
}

#[tokio::test]
async fn an_api_is_built_piece_by_piece_and_taken_apart() {
    let platform = platform().await;
    let (id, root) = api(&platform).await;
    let method = |more: Value| {
        let mut input = json!({"restApiId": id, "resourceId": root, "httpMethod": "GET"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    platform.call("PutMethod", method(json!({"authorizationType": "AWS_IAM"}))).await.unwrap();
    let again = platform.call("PutMethod", method(json!({"authorizationType": "NONE"}))).await;
    assert_eq!(
        refused(again),
        ("ConflictException".into(), "Method already exists for this resource".into())
    );
    platform.call("PutMethodResponse", method(json!({"statusCode": "200"}))).await.unwrap();
    let mock = json!({"type": "MOCK", "requestTemplates": {"application/json": "{\"statusCode\": 200}"}});
    platform.call("PutIntegration", method(mock)).await.unwrap();
    let response = json!({"statusCode": "200", "responseTemplates": {"application/json": "{}"}});
    platform.call("PutIntegrationResponse", method(response)).await.unwrap();
    let patches = json!([{"op": "replace", "path": "/authorizationType", "value": "NONE"}]);
    platform.call("UpdateMethod", method(json!({"patchOperations": patches}))).await.unwrap();
    let shown = platform.call("GetMethod", method(json!({}))).await.unwrap();
    assert_eq!(shown["authorizationType"], "NONE");
    assert_eq!(
        shown["methodIntegration"]["integrationResponses"]["200"]["responseTemplates"]["application/json"],
        "{}"
    );
    let dynamic = json!({"statusCode": "200", "responseTemplates": {"application/json": "$util.parseJson($input.body)"}});
    let (code, message) = refused(platform.call("PutIntegrationResponse", method(dynamic)).await);
    assert_eq!(code, "BadRequestException");
    assert!(message.contains("not supported yet"), "{message}");
    platform.call("DeleteIntegrationResponse", method(json!({"statusCode": "200"}))).await.unwrap();
    platform.call("DeleteIntegration", method(json!({}))).await.unwrap();
    let (code, message) = refused(platform.call("CreateDeployment", json!({"restApiId": id})).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("BadRequestException", "No integration defined for method")
    );
    platform.call("DeleteMethod", method(json!({}))).await.unwrap();
    let (_, message) = refused(platform.call("CreateDeployment", json!({"restApiId": id})).await);
    assert_eq!(message, "The REST API doesn't contain any methods");
    platform.call("DeleteRestApi", json!({"restApiId": id})).await.unwrap();
    let id = id.as_str().unwrap();
    let missing = format!("Invalid API identifier specified 123456789012:{id}");
    assert_eq!(
        refused(platform.call("GetRestApi", json!({"restApiId": id})).await),
        ("NotFoundException".into(), missing)
    );
}

#[tokio::test]
async fn stages_and_deployments_hold_each_other() {
    let platform = platform().await;
    let id = platform.deploy(definition()).await;
    let deployments = platform.call("GetDeployments", json!({"restApiId": id})).await.unwrap();
    let deployment = deployments["items"][0]["id"].clone();
    let named = |more: Value| {
        let mut input = json!({"restApiId": id, "deploymentId": deployment});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let held = "Active stages pointing to this deployment must be moved or deleted";
    assert_eq!(refused(platform.call("DeleteDeployment", named(json!({}))).await).1, held);
    platform.call("CreateStage", named(json!({"stageName": "dev", "variables": {"a": "b"}}))).await.unwrap();
    let again = platform.call("CreateStage", named(json!({"stageName": "dev"}))).await;
    assert_eq!(refused(again), ("ConflictException".into(), "Stage already exists".into()));
    let bad = platform.call("CreateStage", named(json!({"stageName": "a/b"}))).await;
    assert_eq!(refused(bad).1, "Stage name only allows a-zA-Z0-9_-");
    let stray = json!({"restApiId": id, "stageName": "x", "deploymentId": "none"});
    assert_eq!(refused(platform.call("CreateStage", stray).await).1, "Deployment id does not exist");
    let stages = platform.call("GetStages", json!({"restApiId": id})).await.unwrap();
    assert_eq!(stages["item"].as_array().unwrap().len(), 2);
    for patch in [
        json!({"op": "replace", "path": "/nonsense", "value": "x"}),
        json!({"op": "replace", "path": "/cacheClusterEnabled", "value": "true"}),
        json!({"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}),
        json!({"op": "replace", "path": "/*/*/throttling/rateLimit", "value": "-1"}),
        json!({"op": "replace", "path": "/*/GET/throttling/rateLimit", "value": "1"}),
        json!({"op": "replace", "path": "/variables/a b", "value": "x"}),
        json!({"op": "replace", "path": "/deploymentId", "value": "none"}),
    ] {
        let input = json!({"restApiId": id, "stageName": "dev", "patchOperations": [patch]});
        assert_eq!(refused(platform.call("UpdateStage", input).await).0, "BadRequestException", "{patch}");
    }
    let summary = platform.call("GetDeployment", named(json!({"embed": ["apisummary"]}))).await.unwrap();
    assert_eq!(summary["apiSummary"]["/orders/{id}"]["POST"]["authorizationType"], "AWS_IAM");
    for stage in ["dev", "prod"] {
        platform.call("DeleteStage", json!({"restApiId": id, "stageName": stage})).await.unwrap();
    }
    platform.call("DeleteDeployment", named(json!({}))).await.unwrap();
}

#[tokio::test]
async fn lists_come_in_pages() {
    let platform = platform().await;
    for _ in 0..5 {
        api(&platform).await;
    }
    let mut seen = std::collections::BTreeSet::new();
    let mut position = Value::Null;
    loop {
        let mut input = json!({"limit": 2});
        if !position.is_null() {
            input["position"] = position.clone();
        }
        let page = platform.call("GetRestApis", input).await.unwrap();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        position = page["position"].clone();
        if position.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(refused(platform.call("GetRestApis", json!({"limit": 0})).await).0, "BadRequestException");
}

#[tokio::test]
async fn tags_are_kept_and_decide() {
    let platform = platform().await;
    let (id, _) = api(&platform).await;
    let id = id.as_str().unwrap();
    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{id}");
    platform.call("TagResource", json!({"resourceArn": arn, "tags": {"k": "v"}})).await.unwrap();
    platform.call("UntagResource", json!({"resourceArn": arn, "tagKeys": ["none"]})).await.unwrap();
    let tags = platform.call("GetTags", json!({"resourceArn": arn})).await.unwrap();
    assert_eq!(tags["tags"], json!({"k": "v", "team": "blue"}));
    let reserved = json!({"resourceArn": arn, "tags": {"aws:x": "v"}});
    assert_eq!(refused(platform.call("TagResource", reserved).await).0, "BadRequestException");
    let by_tag = |team: &str| {
        json!([{"Effect": "Allow", "Action": "apigateway:GET", "Resource": "arn:aws:apigateway:*::/restapis/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": team}}}])
    };
    let (blue, red) =
        (platform.kit.user("b", by_tag("blue")).await, platform.kit.user("r", by_tag("red")).await);
    let input = json!({"restApiId": id});
    assert!(platform.kit.json(&blue, "apigateway", "GetRestApi", &input).await.is_ok());
    assert!(platform.kit.json(&red, "apigateway", "GetRestApi", &input).await.is_err());
}

#[tokio::test]
async fn a_resource_policy_is_spelt_out_and_needs_leave_of_its_own() {
    let platform = platform().await;
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*",
        "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}]});
    let input = json!({"name": "n", "policy": policy.to_string()});
    let api = platform.call("CreateRestApi", input.clone()).await.unwrap();
    let id = api["id"].as_str().unwrap();
    let arn = format!("arn:aws:execute-api:us-east-1:123456789012:{id}/*");
    assert!(api["policy"].as_str().unwrap().contains(&arn), "{api}");
    let editor =
        json!([{"Effect": "Allow", "Action": ["apigateway:POST", "apigateway:PATCH"], "Resource": "*"}]);
    let editor = platform.kit.user("editor", editor).await;
    let denied = platform.kit.json(&editor, "apigateway", "CreateRestApi", &input).await.unwrap_err();
    assert!(denied.message.contains("apigateway:UpdateRestApiPolicy"), "{}", denied.message);
    let patch =
        json!({"restApiId": id, "patchOperations": [{"op": "replace", "path": "/policy", "value": ""}]});
    assert!(platform.kit.json(&editor, "apigateway", "UpdateRestApi", &patch).await.is_err());
}
