//! What is decided on one state of an API is not carried out on another.

use serde_json::{Value, json};

use super::{Platform, platform};

#[tokio::test]
async fn leave_to_change_an_api_is_none_once_it_is_tagged_otherwise() {
    let platform = platform().await;
    let made = platform.call("CreateRestApi", json!({"name": "n"})).await.unwrap();
    let id = made["id"].as_str().unwrap();
    let leave = json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = platform.kit.user("who", json!([leave])).await;
    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{id}");
    let tagging = |value: &str| json!({"resourceArn": arn, "tags": {"c": value}});
    let root = made["rootResourceId"].as_str().unwrap();
    let rename = json!([{"op": "replace", "path": "/name", "value": "m"}]);
    let operations = [
        ("CreateResource", json!({"restApiId": id, "parentId": root, "pathPart": "a"})),
        ("UpdateRestApi", json!({"restApiId": id, "patchOperations": rename})),
        ("TagResource", tagging("pub")),
        ("DeleteRestApi", json!({"restApiId": id})),
    ];
    for (operation, input) in operations {
        platform.call("TagResource", tagging("pub")).await.unwrap();
        let meanwhile = ("apigateway", "TagResource", tagging("sec"));
        platform.kit.refused_after(&who, meanwhile, ("apigateway", operation, &input)).await;
    }
}

/// Each of these calls is refused once what it is about, tagged `pub`, is tagged `sec` before anything is shown.
async fn shows_nothing_once_tagged_otherwise(
    platform: &Platform,
    arn: &str,
    (common, operations): (&Value, &[(&str, Value)]),
) {
    let leave = json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = platform.kit.user(&crypto::random::alphanumeric(8), json!([leave])).await;
    let tagging = |value: &str| json!({"resourceArn": arn, "tags": {"c": value}});
    for (operation, more) in operations {
        let mut input = common.as_object().unwrap().clone();
        input.extend(more.as_object().unwrap().clone());
        platform.call("TagResource", tagging("pub")).await.unwrap();
        let meanwhile = ("apigateway", "TagResource", tagging("sec"));
        platform.kit.refused_after(&who, meanwhile, ("apigateway", operation, &Value::Object(input))).await;
    }
}

#[tokio::test]
async fn leave_to_read_an_api_is_none_once_it_is_tagged_otherwise() {
    let platform = platform().await;
    let made = platform.call("CreateRestApi", json!({"name": "n"})).await.unwrap();
    let (id, root) = (made["id"].as_str().unwrap(), made["rootResourceId"].as_str().unwrap());
    let arn = format!("arn:aws:apigateway:us-east-1::/restapis/{id}");
    let method = json!({"resourceId": root, "httpMethod": "GET"});
    let response = json!({"resourceId": root, "httpMethod": "GET", "statusCode": "200"});
    let operations = [
        ("GetRestApi", json!({})),
        ("GetResources", json!({})),
        ("GetResource", json!({"resourceId": root})),
        ("GetMethod", method.clone()),
        ("GetMethodResponse", response.clone()),
        ("GetIntegration", method.clone()),
        ("GetIntegrationResponse", response),
        ("TestInvokeMethod", method),
        ("GetAuthorizers", json!({})),
        ("GetAuthorizer", json!({"authorizerId": "a"})),
        ("GetModels", json!({})),
        ("GetModel", json!({"modelName": "Empty"})),
        ("GetRequestValidators", json!({})),
        ("GetRequestValidator", json!({"requestValidatorId": "a"})),
        ("GetGatewayResponses", json!({})),
        ("GetGatewayResponse", json!({"responseType": "DEFAULT_4XX"})),
        ("GetDeployments", json!({})),
        ("GetDeployment", json!({"deploymentId": "a"})),
        ("GetStages", json!({})),
        ("GetStage", json!({"stageName": "s"})),
        ("FlushStageAuthorizersCache", json!({"stageName": "s"})),
    ];
    shows_nothing_once_tagged_otherwise(&platform, &arn, (&json!({"restApiId": id}), &operations)).await;
    let tags = [("GetTags", json!({"resourceArn": arn}))];
    shows_nothing_once_tagged_otherwise(&platform, &arn, (&json!({}), &tags)).await;
}

#[tokio::test]
async fn leave_to_read_keys_and_plans_is_none_once_they_are_tagged_otherwise() {
    let platform = platform().await;
    let key = platform.call("CreateApiKey", json!({"name": "k"})).await.unwrap();
    let plan = platform.call("CreateUsagePlan", json!({"name": "p"})).await.unwrap();
    let (key, plan) = (key["id"].as_str().unwrap(), plan["id"].as_str().unwrap());
    let arn = format!("arn:aws:apigateway:us-east-1::/apikeys/{key}");
    let shown = [("GetApiKey", json!({"includeValue": true}))];
    shows_nothing_once_tagged_otherwise(&platform, &arn, (&json!({"apiKey": key}), &shown)).await;
    let arn = format!("arn:aws:apigateway:us-east-1::/usageplans/{plan}");
    let shown = [
        ("GetUsagePlan", json!({})),
        ("GetUsagePlanKeys", json!({})),
        ("GetUsagePlanKey", json!({"keyId": key})),
        ("GetUsage", json!({"startDate": "2026-01-01", "endDate": "2026-01-02"})),
    ];
    shows_nothing_once_tagged_otherwise(&platform, &arn, (&json!({"usagePlanId": plan}), &shown)).await;
}
