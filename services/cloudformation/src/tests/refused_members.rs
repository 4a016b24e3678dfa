//! What a service refuses of one member of a list was never there: neither the way back nor the deletion stops at it.

use serde_json::{Value, json};

use super::Stage;

const BARE: &str =
    "Resources: {X: {Type: AWS::IAM::Role, Properties: {RoleName: x, AssumeRolePolicyDocument: {}}}}";
const GROUP: &str = "Resources: {X: {Type: AWS::IAM::Group, Properties: {GroupName: x}}}";
const USER: &str = "Resources: {X: {Type: AWS::IAM::User, Properties: {UserName: x}}}";
const INLINE: &str = "Resources: {R: {Type: AWS::IAM::Role, Properties: {RoleName: r, AssumeRolePolicyDocument: {}}}, \
    X: {Type: AWS::IAM::Policy, Properties: {PolicyName: a, PolicyDocument: {Statement: []}, Roles: [!Ref R]}}}";

/// Templates, each with one of which IAM refuses one member of a list.
fn refused() -> [(&'static str, String); 8] {
    let with = |list: &str| (BARE, BARE.replace("RoleName: x", &format!("RoleName: x, {list}")));
    let document = "PolicyDocument: {Statement: []}";
    let policies = format!("Policies: [{{PolicyName: a, {document}}}, {{PolicyName: b c, {document}}}]");
    let many: Vec<String> = (0..60).map(|number| format!("{{Key: t{number}, Value: x}}")).collect();
    [
        with(&policies),
        with("ManagedPolicyArns: [x]"),
        with("Tags: [{Key: own, Value: x}, {Key: '', Value: x}]"),
        with(&format!("Tags: [{}]", many.join(", "))),
        (GROUP, GROUP.replace("GroupName: x", &format!("GroupName: x, {policies}"))),
        (USER, USER.replace("UserName: x", &format!("UserName: x, ManagedPolicyArns: [x], {policies}"))),
        (USER, USER.replace("UserName: x", "UserName: x, Groups: ['no name'], Tags: [{Key: '?', Value: x}]")),
        (INLINE, INLINE.replace("[!Ref R]", "[!Ref R, 'no name']")),
    ]
}

#[tokio::test]
async fn a_creation_goes_back_and_leaves_nothing() {
    for (_, template) in refused() {
        let stage = Stage::new().await;
        stage.create("one", &template).await.unwrap();
        assert_eq!(stage.settled("one").await, "ROLLBACK_COMPLETE", "{template}");
        assert!(stage.world.is_empty(), "{template}");
    }
}

#[tokio::test]
async fn an_update_goes_back_and_the_stack_is_deleted() {
    for (before, template) in refused() {
        let stage = Stage::new().await;
        stage.create("one", before).await.unwrap();
        assert_eq!(stage.settled("one").await, "CREATE_COMPLETE");
        let id = stage.describe("one").await["StackId"].as_str().unwrap().to_owned();
        stage.update("one", &template).await.unwrap();
        assert_eq!(stage.settled("one").await, "UPDATE_ROLLBACK_COMPLETE", "{template}");
        let policies = if before == INLINE { vec!["a"] } else { Vec::new() };
        assert_eq!(stage.world.names("inline"), policies, "{template}");
        assert!(
            stage.world.names("groups").is_empty() && stage.world.names("users").is_empty(),
            "{template}"
        );
        stage.call("DeleteStack", json!({ "StackName": "one" })).await.unwrap();
        assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
        assert!(stage.world.is_empty(), "{template}");
    }
}

/// The keys of every call that took tags off.
fn taken_off(stage: &Stage) -> Vec<Value> {
    let inputs = stage.world.things().inputs.clone();
    let calls = inputs.into_iter().filter(|(operation, _)| operation == "UntagRole");
    calls.map(|(_, input)| input["TagKeys"].clone()).collect()
}

#[tokio::test]
async fn what_goes_with_a_key_that_cannot_be_is_taken_off_all_the_same() {
    let stage = Stage::new().await;
    stage.create("one", BARE).await.unwrap();
    stage.settled("one").await;
    stage.update("one", &refused()[2].1).await.unwrap();
    assert_eq!(stage.settled("one").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(taken_off(&stage), [json!(["own"])]);
}

#[tokio::test]
async fn a_tag_that_may_be_there_is_not_taken_to_be_gone() {
    let stage = Stage::new().await;
    let tagged = BARE.replace("RoleName: x", "RoleName: x, Tags: [{Key: own, Value: x}]");
    stage.create("one", &tagged).await.unwrap();
    stage.settled("one").await;
    stage.world.things().invalid.insert("UntagRole".to_owned());
    stage.update("one", BARE).await.unwrap();
    assert_eq!(stage.settled("one").await, "UPDATE_ROLLBACK_COMPLETE");
    let why = stage.reason("one", "X", "UPDATE_FAILED").await;
    assert!(why.contains("UntagRole: the name is invalid"), "{why}");
}

#[tokio::test]
async fn an_index_that_cannot_be_changed_is_left_as_it_is() {
    let stage = Stage::new().await;
    let index = "{IndexName: by-id, KeySchema: [{AttributeName: id, KeyType: HASH}], Projection: {ProjectionType: ALL}}";
    let template = format!(
        "Resources: {{X: {{Type: AWS::DynamoDB::Table, Properties: {{TableName: x, BillingMode: PAY_PER_REQUEST, \
            AttributeDefinitions: [{{AttributeName: id, AttributeType: S}}], \
            KeySchema: [{{AttributeName: id, KeyType: HASH}}], GlobalSecondaryIndexes: [{index}]}}}}}}"
    );
    stage.create("one", &template).await.unwrap();
    assert_eq!(stage.settled("one").await, "CREATE_COMPLETE");
    stage.update("one", &template.replace("ALL", "KEYS_ONLY")).await.unwrap();
    assert_eq!(stage.settled("one").await, "UPDATE_ROLLBACK_COMPLETE");
    let why = stage.reason("one", "X", "UPDATE_FAILED").await;
    assert!(why.starts_with("Cannot update GSI's properties other than"), "{why}");
    assert!(!stage.world.things().calls.iter().any(|call| call.starts_with("dynamodb:UpdateTable")));
}
