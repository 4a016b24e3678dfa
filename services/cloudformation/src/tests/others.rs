//! What others made is left as it is, and what a template does not say any more goes back to its default.

use serde_json::{Value, json};

use super::Stage;

const POLICY: &str = "Resources: {P: {Type: AWS::IAM::RolePolicy, Properties: {RoleName: r, PolicyName: guard, \
    PolicyDocument: {Statement: []}}}}";

#[tokio::test]
async fn a_policy_that_was_there_is_neither_overwritten_nor_taken_away() {
    let stage = Stage::new().await;
    let theirs = json!({ "RoleName": "r", "PolicyName": "guard", "PolicyDocument": "{\"Statement\":[1]}" });
    stage.world.things().existing.insert("inline/guard".to_owned(), theirs.clone());
    stage.create("p", POLICY).await.unwrap();
    assert_eq!(stage.settled("p").await, "ROLLBACK_COMPLETE");
    let reason = stage.reason("p", "P", "CREATE_FAILED").await;
    assert!(reason.contains("'guard|r' already exists"), "{reason}");
    assert!(reason.ends_with("(HandlerErrorCode: AlreadyExists)"), "{reason}");
    assert_eq!(stage.world.things().existing["inline/guard"], theirs);
}

#[tokio::test]
async fn a_stacks_own_policy_is_changed_and_taken_away() {
    let stage = Stage::new().await;
    stage.create("p", POLICY).await.unwrap();
    assert_eq!(stage.settled("p").await, "CREATE_COMPLETE");
    stage.update("p", &POLICY.replace("Statement: []", "Statement: [1]")).await.unwrap();
    assert_eq!(stage.settled("p").await, "UPDATE_COMPLETE");
    let id = stage.describe("p").await["StackId"].as_str().unwrap().to_owned();
    stage.call("DeleteStack", json!({ "StackName": "p" })).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert!(stage.world.is_empty());
}

const TABLE: &str = "Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {TableName: t, MODE, \
    AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}]}}}";

/// The inputs of `UpdateTable`.
fn changes(stage: &Stage) -> Vec<Value> {
    let things = stage.world.things();
    things.inputs.iter().filter(|(name, _)| name == "UpdateTable").map(|(_, input)| input.clone()).collect()
}

#[tokio::test]
async fn what_a_template_does_not_say_any_more_goes_back_to_its_default() {
    let stage = Stage::new().await;
    let first = "BillingMode: PAY_PER_REQUEST, TableClass: STANDARD_INFREQUENT_ACCESS, DeletionProtectionEnabled: true";
    stage.create("t", &TABLE.replace("MODE", first)).await.unwrap();
    assert_eq!(stage.settled("t").await, "CREATE_COMPLETE");
    let then = "ProvisionedThroughput: {ReadCapacityUnits: 5, WriteCapacityUnits: 6}";
    stage.update("t", &TABLE.replace("MODE", then)).await.unwrap();
    assert_eq!(stage.settled("t").await, "UPDATE_COMPLETE");
    let changes = changes(&stage);
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["BillingMode"], "PROVISIONED");
    assert_eq!(changes[0]["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    assert_eq!(changes[0]["TableClass"], "STANDARD");
    assert_eq!(changes[0]["DeletionProtectionEnabled"], false);
}

#[tokio::test]
async fn what_is_refused_outright_has_nothing_to_be_brought_back() {
    let table = TABLE.replace("MODE", "BillingMode: PAY_PER_REQUEST");
    let group =
        "Resources: {T: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: g, RetentionInDays: 7}}}";
    for (before, after, why) in [
        (
            table.as_str(),
            table.replace("AttributeType: S", "AttributeType: N"),
            "The type of the attribute id",
        ),
        (
            group,
            group.replace("RetentionInDays: 7", "RetentionInDays: 9, LogGroupClass: INFREQUENT_ACCESS"),
            "LogGroupClass of a log group cannot be changed",
        ),
    ] {
        let stage = Stage::new().await;
        stage.create("s", before).await.unwrap();
        assert_eq!(stage.settled("s").await, "CREATE_COMPLETE");
        let calls = stage.world.things().calls.len();
        stage.update("s", &after).await.unwrap();
        assert_eq!(stage.settled("s").await, "UPDATE_ROLLBACK_COMPLETE");
        assert!(stage.reason("s", "T", "UPDATE_FAILED").await.starts_with(why));
        let made = stage.world.things().calls.split_off(calls);
        assert!(made.iter().all(|call| call.contains("Describe")), "{made:?}");
    }
}
