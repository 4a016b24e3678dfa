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

/// What another account has is not looked at before the caller's own side was taken alone.
#[tokio::test]
async fn what_other_accounts_have_is_looked_at_last() {
    let fixture = Fixture::start().await;
    let open = |action: &str, more: serde_json::Value| {
        let mut input = json!({"StatementId": "s", "Action": action, "Principal": "999999999999"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    fixture.ok("AddPermission", open("lambda:InvokeFunction", json!({"FunctionName": "orders"}))).await;
    fixture.ok("CreateFunctionUrlConfig", json!({"FunctionName": "orders", "AuthType": "NONE"})).await;
    let layer = json!({"LayerName": "deps", "Content": {"ZipFile": super::zip_base64("1")}});
    fixture.ok("PublishLayerVersion", layer).await;
    let version = json!({"LayerName": "deps", "VersionNumber": 1});
    fixture.ok("AddLayerVersionPermission", open("lambda:GetLayerVersion", version)).await;
    let other = std::sync::Arc::new(identity::Principal::root("210987654321".parse().unwrap()));
    let of_function = |arn: &str| json!({"FunctionName": arn});
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:deps:1";
    for operation in ["Invoke", "GetFunction", "GetFunctionUrlConfig", "DeleteFunction"] {
        let both = (&of_function(ARN), &of_function(&ARN.replace("orders", "absent")));
        fixture.kit.looks_alone_first(&other, ("lambda", operation), both, ("orders", "absent"));
    }
    let of_layer = |arn: &str| json!({"Arn": arn});
    let both = (&of_layer(layer), &of_layer(&layer.replace("deps", "none")));
    fixture.kit.looks_alone_first(&other, ("lambda", "GetLayerVersionByArn"), both, ("deps", "none"));
    let mut with_layer = super::create_input();
    with_layer["Role"] = json!("arn:aws:iam::210987654321:role/app");
    let of_function = |arn: &str| {
        let mut input = with_layer.clone();
        input["Layers"] = json!([arn]);
        input
    };
    let both = (&of_function(layer), &of_function(&layer.replace("deps", "none")));
    fixture.kit.looks_alone_first(&other, ("lambda", "CreateFunction"), both, ("deps", "none"));
}
