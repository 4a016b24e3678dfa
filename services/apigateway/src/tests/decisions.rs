//! What is decided on one state of an API is not carried out on another.

use serde_json::json;

use super::platform;

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
