//! What goes at the end of an update: in which order, and what is kept.

use serde_json::json;

use super::{SMALL, Stage};

/// The stack with another table, on which the group depends by another logical id as well.
fn moved() -> String {
    SMALL
        .replace("TableName: orders", "TableName: sales")
        .replace("Table:\n", "Other:\n")
        .replace("${Table}", "${Other}")
        .replace("Table.Arn", "Other.Arn")
}

fn retaining(template: &str) -> String {
    template.replace(
        "Type: AWS::DynamoDB::Table\n",
        "Type: AWS::DynamoDB::Table\n    UpdateReplacePolicy: Retain\n",
    )
}

async fn created(template: &str) -> Stage {
    let stage = Stage::new().await;
    stage.create("small", template).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    stage
}

#[tokio::test]
async fn what_goes_is_deleted_in_the_order_that_the_old_template_asks_for() {
    let stage = created(SMALL).await;
    stage.update("small", &moved()).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(
        (stage.world.names("table"), stage.world.names("group")),
        (vec!["sales".to_owned()], vec!["/x/sales".to_owned()])
    );
    let calls = stage.world.things().calls.clone();
    let at = |call: &str| calls.iter().position(|made| made.starts_with(call)).unwrap();
    assert!(at("logs:DeleteLogGroup") < at("dynamodb:DeleteTable"), "{calls:?}");
}

#[tokio::test]
async fn what_cannot_be_deleted_leaves_nothing_else_behind() {
    let stage = created(SMALL).await;
    stage.world.things().broken.insert("DeleteLogGroup".to_owned());
    stage.update("small", &moved()).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("table"), ["sales"]);
    let events = stage.events("small").await;
    assert!(
        events.contains(&"Group DELETE_FAILED".to_owned())
            && events.contains(&"Table DELETE_COMPLETE".to_owned()),
        "{events:?}"
    );
    // It was told once, and is not the stack's any more.
    stage.world.things().broken.clear();
    stage.update("small", &moved().replace("'7'", "30")).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    assert_eq!(
        stage.events("small").await.iter().filter(|event| event.starts_with("Group DELETE")).count(),
        2
    );
}

#[tokio::test]
async fn what_a_change_set_promises_to_keep_is_kept() {
    let renamed = |template: &str| template.replace("TableName: orders", "TableName: sales");
    for (old, new, is_kept) in [
        (SMALL.to_owned(), renamed(SMALL), false),
        (retaining(SMALL), renamed(SMALL), true),
        (SMALL.to_owned(), renamed(&retaining(SMALL)), true),
        (retaining(SMALL), renamed(&retaining(SMALL)), true),
    ] {
        let stage = created(&old).await;
        let input = json!({ "StackName": "small", "ChangeSetName": "one", "TemplateBody": new });
        stage.call("CreateChangeSet", input).await.unwrap();
        let named = json!({ "StackName": "small", "ChangeSetName": "one" });
        let set = stage.call("DescribeChangeSet", named.clone()).await.unwrap();
        let promised = set["Changes"].as_array().unwrap().iter().map(|change| &change["ResourceChange"]);
        let promised = promised
            .filter(|change| change["LogicalResourceId"] == "Table")
            .map(|change| &change["PolicyAction"]);
        let expected = if is_kept { "ReplaceAndRetain" } else { "ReplaceAndDelete" };
        assert_eq!(promised.collect::<Vec<_>>(), [expected], "{set}");
        stage.call("ExecuteChangeSet", named).await.unwrap();
        assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
        assert_eq!(stage.world.names("table").contains(&"orders".to_owned()), is_kept);
        assert_eq!(stage.events("small").await.contains(&"Table DELETE_SKIPPED".to_owned()), is_kept);
    }
}

#[tokio::test]
async fn a_stack_that_went_back_depends_on_what_it_depended_on() {
    let stage = created(SMALL).await;
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    stage.update("small", &retaining(&moved())).await.unwrap();
    assert_eq!(stage.settled("small").await, "UPDATE_ROLLBACK_COMPLETE");
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    let records = crate::stacks::resources(stage.kit.pipeline.store(), &id).unwrap();
    let told: Vec<_> = records.into_iter().map(|record| (record.logical_id, record.depends_on)).collect();
    assert_eq!(told, [("Group".to_owned(), vec!["Table".to_owned()]), ("Table".to_owned(), Vec::new())]);
}

#[tokio::test]
async fn what_a_template_keeps_is_kept_after_another_one_failed() {
    let kept = SMALL
        .replace("Type: AWS::DynamoDB::Table\n", "Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n");
    for breaks in ["CreateLogGroup", "PutRetentionPolicy"] {
        let stage = created(&kept).await;
        stage.world.things().broken.insert(breaks.to_owned());
        let other = SMALL.replace("'7'", "30").replace(
            "BillingMode: PAY_PER_REQUEST",
            "BillingMode: PAY_PER_REQUEST\n      DeletionProtectionEnabled: false",
        );
        let other = if breaks == "CreateLogGroup" { other.replace("/x/", "/y/") } else { other };
        stage.update("small", &other).await.unwrap();
        let settled = stage.settled("small").await;
        assert!(settled.starts_with("UPDATE_ROLLBACK_"), "{settled}");
        let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
        stage.world.things().broken.clear();
        stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
        assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
        assert_eq!(stage.world.names("table"), ["orders"], "{breaks}");
    }
}
