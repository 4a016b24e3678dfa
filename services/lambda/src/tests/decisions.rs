//! What is decided on one state of a function is not carried out on another.

use serde_json::json;

use super::{ARN, Fixture};

#[tokio::test]
async fn leave_for_a_function_is_none_once_it_is_tagged_otherwise() {
    let fixture = Fixture::start().await;
    let leave = json!({"Effect": "Allow", "Action": "lambda:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = fixture.kit.user("who", json!([leave])).await;
    let tagging = |value: &str| json!({"Resource": ARN, "Tags": {"c": value}});
    let name = json!({"FunctionName": "orders"});
    let permission = json!({"FunctionName": "orders", "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "210987654321"});
    let operations = [
        ("GetFunction", name.clone()),
        ("GetFunctionConfiguration", name.clone()),
        ("ListVersionsByFunction", name.clone()),
        ("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "Timeout": 9})),
        ("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 1})),
        ("AddPermission", permission),
        ("PublishVersion", name.clone()),
        ("TagResource", tagging("pub")),
        ("DeleteFunction", name),
    ];
    for (operation, input) in operations {
        fixture.ok("TagResource", tagging("pub")).await;
        let meanwhile = ("lambda", "TagResource", tagging("sec"));
        fixture.kit.refused_after(&who, meanwhile, ("lambda", operation, &input)).await;
    }
}
