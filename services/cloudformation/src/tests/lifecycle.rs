//! Create, update, replace, delete, and back again.

use serde_json::json;

use super::{SMALL, Stage};

#[tokio::test]
async fn a_stack_is_created_in_the_order_of_its_dependencies() {
    let stage = Stage::new().await;
    let answer = stage.create("small", SMALL).await.unwrap();
    assert!(
        answer["StackId"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:cloudformation:us-east-1:123456789012:stack/small/")
    );
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let expected = [
        "small CREATE_IN_PROGRESS",
        "Table CREATE_IN_PROGRESS",
        "Table CREATE_IN_PROGRESS",
        "Table CREATE_COMPLETE",
        "Group CREATE_IN_PROGRESS",
        "Group CREATE_IN_PROGRESS",
        "Group CREATE_COMPLETE",
        "small CREATE_COMPLETE",
    ];
    assert_eq!(stage.events("small").await, expected);
    let stack = stage.describe("small").await;
    assert_eq!(stack["Outputs"][0]["OutputValue"], "arn:aws:dynamodb:us-east-1:123456789012:table/orders");
    assert_eq!(stage.world.names("group"), ["/x/orders"]);
    let exports = stage.call("ListExports", json!({})).await.unwrap();
    assert_eq!(exports["Exports"][0]["Name"], "arn");
    let resources = stage.call("ListStackResources", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(resources["StackResourceSummaries"].as_array().unwrap().len(), 2);
    let one = json!({ "StackName": "small", "LogicalResourceId": "Table" });
    let one = stage.call("DescribeStackResource", one).await.unwrap();
    assert_eq!(one["StackResourceDetail"]["PhysicalResourceId"], "orders");
    let holder =
        stage.call("DescribeStackResources", json!({ "PhysicalResourceId": "orders" })).await.unwrap();
    assert_eq!(holder["StackResources"].as_array().unwrap().len(), 2);
    let template = stage.call("GetTemplate", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(template["TemplateBody"], SMALL);
}

#[tokio::test]
async fn deletion_goes_the_other_way_round_and_the_name_is_free_again() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert!(stage.world.is_empty());
    let calls = stage.world.things().calls.clone();
    let at = |call: &str| calls.iter().position(|made| made.starts_with(call)).unwrap();
    assert!(at("logs:DeleteLogGroup") < at("dynamodb:DeleteTable"));
    let gone = stage.call("DescribeStacks", json!({ "StackName": "small" })).await.unwrap_err();
    assert_eq!(gone.message, "Stack with id small does not exist");
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
}

#[tokio::test]
async fn a_failed_creation_is_rolled_back_and_says_which_and_why() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "ROLLBACK_COMPLETE");
    assert!(stage.world.is_empty());
    let reason = stage.reason("small", "Group", "CREATE_FAILED").await;
    assert!(reason.contains("CreateLogGroup is broken") && reason.contains("HandlerErrorCode"), "{reason}");
    let reason = stage.reason("small", "small", "ROLLBACK_IN_PROGRESS").await;
    assert_eq!(reason, "The following resource(s) failed to create: [Group]. Rollback requested by user.");
    let refused = stage.update("small", SMALL).await.unwrap_err();
    assert!(
        refused.message.contains("is in ROLLBACK_COMPLETE state and can not be updated"),
        "{}",
        refused.message
    );
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
}

#[tokio::test]
async fn what_was_half_made_is_taken_away_too() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("PutRetentionPolicy".to_owned());
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "ROLLBACK_COMPLETE");
    assert!(stage.world.is_empty(), "{:?}", stage.world.things().existing);
}

#[tokio::test]
async fn on_failure_decides_what_becomes_of_a_failed_stack() {
    for (choice, status, empty) in
        [("DO_NOTHING", "CREATE_FAILED", false), ("DELETE", "DELETE_COMPLETE", true)]
    {
        let stage = Stage::new().await;
        stage.world.things().broken.insert("CreateLogGroup".to_owned());
        let input = json!({ "StackName": "small", "TemplateBody": SMALL, "OnFailure": choice });
        let id = stage.call("CreateStack", input).await.unwrap()["StackId"].as_str().unwrap().to_owned();
        assert_eq!(stage.settled(&id).await, status);
        assert_eq!(stage.world.is_empty(), empty);
    }
}

#[tokio::test]
async fn an_update_changes_in_place_replaces_and_removes() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    stage.update("small", &SMALL.replace("'7'", "30")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert!(stage.world.things().calls.iter().any(|call| call == "logs:PutRetentionPolicy "));
    assert_eq!(stage.world.names("table"), ["orders"]);

    stage.update("small", &SMALL.replace("TableName: orders", "TableName: sales")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("table"), ["sales"]);
    assert_eq!(stage.world.names("group"), ["/x/sales"]);
    let events = stage.events("small").await;
    assert!(events.contains(&"small UPDATE_COMPLETE_CLEANUP_IN_PROGRESS".to_owned()));

    let told = stage.reason("small", "Table", "UPDATE_IN_PROGRESS").await;
    assert_eq!(told, "Resource creation Initiated");
    let steps = events.iter().filter(|event| *event == "Table UPDATE_IN_PROGRESS").count();
    assert_eq!(steps, 2, "why another one is made, and its id: {events:?}");

    let table_only = SMALL.replace("TableName: orders", "TableName: sales");
    let table_only: String =
        table_only.lines().filter(|line| !line.contains("Group:")).map(|l| format!("{l}\n")).collect();
    stage.update("small", &table_only).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert!(stage.world.names("group").is_empty());
}

#[tokio::test]
async fn an_update_without_changes_is_refused() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let refused =
        stage.update("small", &SMALL.replace("Resources:", "# a comment\nResources:")).await.unwrap_err();
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("ValidationError", "No updates are to be performed.")
    );
    let with_tag =
        json!({ "StackName": "small", "UsePreviousTemplate": true, "Tags": [{ "Key": "a", "Value": "b" }] });
    stage.call("UpdateStack", with_tag).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn a_failed_update_goes_back_to_where_it_began() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let next = SMALL.replace("'7'", "30").replace(
        "\nOutputs:",
        "\n  New: {Type: AWS::Logs::LogGroup, DependsOn: Group, Properties: {LogGroupName: new}}\nOutputs:",
    );
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    stage.update("small", &next).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("group"), ["/x/orders"]);
    let retention: Vec<String> = stage
        .world
        .things()
        .calls
        .iter()
        .filter(|call| call.contains("PutRetentionPolicy"))
        .cloned()
        .collect();
    assert_eq!(retention.len(), 3, "set, changed, changed back");
    let events = stage.events("small").await;
    for status in [
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ] {
        assert!(events.contains(&format!("small {status}")), "{status}");
    }
    let template = stage.call("GetTemplate", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(template["TemplateBody"], SMALL);
    stage.world.things().broken.clear();
    stage.update("small", &next).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("group"), ["/x/orders", "new"]);
}

#[tokio::test]
async fn a_failed_replacement_leaves_the_old_resource() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    stage.update("small", &SMALL.replace("TableName: orders", "TableName: sales")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("table"), ["orders"]);
    assert_eq!(stage.world.names("group"), ["/x/orders"]);
}

#[tokio::test]
async fn deletion_policies_are_honoured() {
    let stage = Stage::new().await;
    let kept = SMALL
        .replace("Type: AWS::DynamoDB::Table\n", "Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n");
    stage.create("small", &kept).await.unwrap();
    stage.settled("small").await;
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert_eq!(stage.world.names("table"), ["orders"]);
    assert!(stage.events(&id).await.contains(&"Table DELETE_SKIPPED".to_owned()));
}

#[tokio::test]
async fn a_deletion_that_fails_can_be_repeated_and_leave_something() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    stage.world.things().broken.insert("DeleteTable".to_owned());
    stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "DELETE_FAILED");
    let reason = stage.describe("small").await["StackStatusReason"].as_str().unwrap().to_owned();
    assert_eq!(reason, "The following resource(s) failed to delete: [Table]. ");
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": "small", "RetainResources": ["Table"] })).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn a_serverless_application_is_deployed_changed_and_deleted() {
    let stage = Stage::new().await;
    let app = include_str!("../../../../crates/template/tests/corpus/implicit_api.yaml");
    stage.create("app", app).await.unwrap();
    let status = stage.settled("app").await;
    assert_eq!(
        status,
        "CREATE_COMPLETE",
        "{:?}",
        stage.call("DescribeStackEvents", json!({ "StackName": "app" })).await
    );
    assert_eq!(stage.world.names("function").len(), 2);
    assert_eq!(stage.world.names("permission").len(), 4);
    assert_eq!(stage.world.names("api").len(), 1);
    assert_eq!(stage.world.names("stage"), ["Prod", "Stage"]);
    let stack = stage.describe("app").await;
    assert_eq!(stack["Outputs"][0]["OutputValue"], "https://api1.execute-api.us-east-1.amazonaws.com/Prod/");

    let changed = app.replace("Path: /orders, Method: GET", "Path: /all, Method: GET");
    stage.update("app", &changed).await.unwrap();
    assert_eq!(stage.settled("app").await, "UPDATE_COMPLETE", "{:?}", stage.events("app").await);
    assert_eq!(stage.world.names("deployment").len(), 1, "the old deployment is gone");
    assert_eq!(stage.world.names("stage"), ["Prod", "Stage"]);

    stage.call("DeleteStack", json!({ "StackName": "app" })).await.unwrap();
    let id = stack["StackId"].as_str().unwrap();
    assert_eq!(stage.settled(id).await, "DELETE_COMPLETE", "{:?}", stage.events(id).await);
    assert!(stage.world.is_empty(), "{:?}", stage.world.things().existing);
}

/// What was sent to `UpdateRestApi` since the last `PutRestApi` or `ImportRestApi`: path and value.
fn patched(stage: &Stage) -> Vec<(String, String)> {
    let inputs = stage.world.things().inputs.clone();
    let body = inputs.iter().rposition(|(name, _)| name == "PutRestApi" || name == "ImportRestApi").unwrap();
    let updates = inputs.iter().skip(body).filter(|(name, _)| name == "UpdateRestApi");
    let operations = updates.flat_map(|(_, input)| input["patchOperations"].as_array().unwrap().clone());
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    operations.map(|one| (text(&one["path"]), text(&one["value"]))).collect()
}

#[tokio::test]
async fn what_a_template_says_of_an_api_wins_over_its_new_body() {
    let stage = Stage::new().await;
    let api = |extra: &str, title: &str| {
        format!(
            "Resources: {{Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: ours, {extra} \
             EndpointConfiguration: {{Types: [REGIONAL]}}, Body: {{openapi: 3.0.1, info: {{title: {title}}}, paths: {{}}}}}}}}}}"
        )
    };
    let policy = "Policy: {Version: '2012-10-17', Statement: []}, Description: d,";
    stage.create("small", &api(policy, "first")).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    let name = ("/name".to_owned(), "ours".to_owned());
    assert!(patched(&stage).contains(&name));
    stage.update("small", &api(policy, "second")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    let said = patched(&stage);
    assert!(said.contains(&name) && said.contains(&("/description".to_owned(), "d".to_owned())), "{said:?}");
    assert!(said.iter().any(|(path, value)| path == "/policy" && value.contains("2012-10-17")), "{said:?}");
    assert!(!said.iter().any(|(path, _)| path.starts_with("/endpointConfiguration")), "{said:?}");
    // What goes away together with a new body goes away too.
    stage.update("small", &api("", "third")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    let said = patched(&stage);
    let emptied = |path: &str| said.contains(&(path.to_owned(), String::new()));
    assert!(said.contains(&name) && emptied("/policy") && emptied("/description"), "{said:?}");
}
