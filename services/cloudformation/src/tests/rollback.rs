//! What stopped half-way is brought back, gone on with or deleted, and nothing is left behind.

use serde_json::json;

use super::Stage;
use super::deletion::asked;

const TWO: &str = "Resources: {A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: a, RetentionInDays: 7}}, \
    B: {Type: AWS::Logs::LogGroup, DependsOn: A, Properties: {LogGroupName: b}}}";

/// The template with a third resource behind the others, that cannot be made.
fn with_broken(stage: &Stage, template: &str) -> String {
    stage.world.things().broken.insert("CreateTable".to_owned());
    let table = "C: {Type: AWS::DynamoDB::Table, DependsOn: B, Properties: {BillingMode: PAY_PER_REQUEST, \
        AttributeDefinitions: [{AttributeName: id, AttributeType: S}], KeySchema: [{AttributeName: id, KeyType: HASH}]}}";
    format!("{}, {table}}}", template.strip_suffix('}').unwrap())
}

/// A stack whose way back fails: A was changed in place and B replaced, and A cannot be changed again.
async fn stuck(stage: &Stage) -> String {
    stage.create("two", TWO).await.unwrap();
    stage.settled("two").await;
    let id = stage.describe("two").await["StackId"].as_str().unwrap().to_owned();
    let next = TWO
        .replace("RetentionInDays: 7", "RetentionInDays: 30")
        .replace("LogGroupName: b", "LogGroupName: c");
    let next = with_broken(stage, &next);
    stage.world.things().broken_after.insert("PutRetentionPolicy".to_owned(), 1);
    stage.update("two", &next).await.unwrap();
    assert_eq!(stage.settled("two").await, "UPDATE_ROLLBACK_FAILED");
    let mut groups = stage.world.names("group");
    groups.sort();
    assert_eq!(groups, ["a", "b", "c"], "nothing is taken away before the way back is sure");
    id
}

#[tokio::test]
async fn a_stack_that_could_not_be_rolled_back_is_deleted_with_all_that_it_made() {
    let stage = Stage::new().await;
    let id = stuck(&stage).await;
    stage.call("DeleteStack", json!({ "StackName": "two" })).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert!(stage.world.is_empty(), "{:?}", stage.world.names("group"));
}

#[tokio::test]
async fn a_way_back_that_stopped_goes_on() {
    let stage = Stage::new().await;
    stuck(&stage).await;
    let refused = stage.update("two", TWO).await.unwrap_err();
    assert!(refused.message.ends_with("is in UPDATE_ROLLBACK_FAILED state and can not be updated."));
    stage.world.things().broken_after.clear();
    stage.call("ContinueUpdateRollback", json!({ "StackName": "two" })).await.unwrap();
    assert_eq!(stage.settled("two").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("group"), ["a", "b"]);
    let template = stage.call("GetTemplate", json!({ "StackName": "two" })).await.unwrap();
    assert_eq!(template["TemplateBody"], TWO);
}

#[tokio::test]
async fn what_cannot_go_back_is_skipped_by_name() {
    let stage = Stage::new().await;
    stuck(&stage).await;
    let skip = |id: &str| json!({ "StackName": "two", "ResourcesToSkip": [id] });
    let refused = stage.call("ContinueUpdateRollback", skip("B")).await.unwrap_err();
    assert!(refused.message.contains("cannot be skipped: [B]"), "{}", refused.message);
    stage.call("ContinueUpdateRollback", skip("A")).await.unwrap();
    assert_eq!(stage.settled("two").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("group"), ["a", "b"]);
}

#[tokio::test]
async fn a_failed_update_that_was_kept_is_rolled_back_or_updated_again() {
    for again in [true, false] {
        let stage = Stage::new().await;
        stage.create("two", TWO).await.unwrap();
        stage.settled("two").await;
        let next = with_broken(&stage, &TWO.replace("LogGroupName: b", "LogGroupName: c"));
        let input = json!({ "StackName": "two", "TemplateBody": next, "DisableRollback": true });
        stage.call("UpdateStack", input).await.unwrap();
        assert_eq!(stage.settled("two").await, "UPDATE_FAILED");
        assert_eq!(stage.world.names("group"), ["a", "b", "c"]);
        if again {
            stage.update("two", &TWO.replace("LogGroupName: b", "LogGroupName: d")).await.unwrap();
            assert_eq!(stage.settled("two").await, "UPDATE_COMPLETE");
            assert_eq!(stage.world.names("group"), ["a", "d"]);
        } else {
            stage.call("RollbackStack", json!({ "StackName": "two" })).await.unwrap();
            assert_eq!(stage.settled("two").await, "UPDATE_ROLLBACK_COMPLETE");
            assert_eq!(stage.world.names("group"), ["a", "b"]);
        }
    }
}

#[tokio::test]
async fn a_creation_that_was_kept_is_rolled_back() {
    let stage = Stage::new().await;
    let input = json!({ "StackName": "two", "TemplateBody": TWO, "DisableRollback": true });
    stage.world.things().broken.insert("PutRetentionPolicy".to_owned());
    stage.call("CreateStack", input).await.unwrap();
    assert_eq!(stage.settled("two").await, "CREATE_FAILED");
    stage.call("RollbackStack", json!({ "StackName": "two" })).await.unwrap();
    assert_eq!(stage.settled("two").await, "ROLLBACK_COMPLETE");
    assert!(stage.world.is_empty());
}

#[tokio::test]
async fn only_an_update_under_way_is_cancelled() {
    let stage = Stage::new().await;
    stage.create("two", TWO).await.unwrap();
    stage.settled("two").await;
    let refused = stage.call("CancelUpdateStack", json!({ "StackName": "two" })).await.unwrap_err();
    assert_eq!(refused.message, "CancelUpdateStack cannot be called from current stack status");
    let refused = stage.call("ContinueUpdateRollback", json!({ "StackName": "two" })).await.unwrap_err();
    assert!(refused.message.contains("is in CREATE_COMPLETE state"), "{}", refused.message);
    let held = stage.world.hold("PutRetentionPolicy");
    stage.update("two", &TWO.replace("RetentionInDays: 7", "RetentionInDays: 30")).await.unwrap();
    stage.call("CancelUpdateStack", json!({ "StackName": "two" })).await.unwrap();
    drop(held);
    assert_eq!(stage.settled("two").await, "UPDATE_ROLLBACK_COMPLETE");
}

#[tokio::test]
async fn a_cancelled_update_waits_for_nobody_and_begins_nothing_more() {
    let stage = Stage::new().await;
    let first = "Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}}";
    let made = stage.create("waits", first).await.unwrap();
    let id = made["StackId"].as_str().unwrap();
    stage.settled("waits").await;
    let more = "Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}, W: {Type: AWS::CloudFormation::WaitCondition, \
        Properties: {Handle: !Ref H, Timeout: 43200}}, G: {Type: AWS::Logs::LogGroup, DependsOn: W}}";
    stage.update("waits", more).await.unwrap();
    asked(&stage, "W CREATE_IN_PROGRESS", id).await;
    stage.call("CancelUpdateStack", json!({ "StackName": "waits" })).await.unwrap();
    assert_eq!(stage.settled("waits").await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.reason(id, "W", "CREATE_FAILED").await, "Resource creation cancelled");
    let events = stage.events(id).await;
    assert!(!events.iter().any(|event| event.starts_with("G ")), "{events:?}");
    assert!(stage.world.names("group").is_empty());
}

#[tokio::test]
async fn what_an_operation_made_goes_with_it_where_that_is_asked() {
    let kept = TWO.replace(
        "LogGroup, Properties: {LogGroupName: a,",
        "LogGroup, DeletionPolicy: Retain, Properties: {LogGroupName: a,",
    );
    for asked in [true, false] {
        let stage = Stage::new().await;
        let input = |template: &str| json!({ "StackName": "two", "TemplateBody": template, "RetainExceptOnCreate": asked });
        let left = if asked { vec![] } else { vec!["a".to_owned()] };
        stage.call("CreateStack", input(&with_broken(&stage, &kept))).await.unwrap();
        assert_eq!(stage.settled("two").await, "ROLLBACK_COMPLETE");
        assert_eq!(stage.world.names("group"), left);
        let shown = stage.describe("two").await;
        assert_eq!(shown.get("RetainExceptOnCreate"), asked.then_some(&json!(true)));
        stage.call("DeleteStack", json!({ "StackName": "two" })).await.unwrap();
        stage.world.things().existing.clear();

        // The same of what an update makes; what was there before stays whatever is asked.
        let stage = Stage::new().await;
        let first = "Resources: {Z: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, Properties: {LogGroupName: z}}}";
        let more = kept.replace(
            "Resources: {",
            "Resources: {Z: {Type: AWS::Logs::LogGroup, DeletionPolicy: Retain, \
            Properties: {LogGroupName: z}}, ",
        );
        let expected: Vec<&str> = if asked { vec!["z"] } else { vec!["a", "z"] };
        for by_set in [false, true] {
            stage.world.things().existing.clear();
            let name = if by_set { "set" } else { "call" };
            stage.create(name, first).await.unwrap();
            assert_eq!(stage.settled(name).await, "CREATE_COMPLETE");
            let mut input = input(&with_broken(&stage, &more));
            input["StackName"] = json!(name);
            if by_set {
                let asked = input.as_object_mut().unwrap().remove("RetainExceptOnCreate");
                input["ChangeSetName"] = json!("c");
                stage.call("CreateChangeSet", input).await.unwrap();
                let execute =
                    json!({ "StackName": name, "ChangeSetName": "c", "RetainExceptOnCreate": asked });
                stage.call("ExecuteChangeSet", execute).await.unwrap();
            } else {
                stage.call("UpdateStack", input).await.unwrap();
            }
            assert_eq!(stage.settled(name).await, "UPDATE_ROLLBACK_COMPLETE");
            assert_eq!(stage.world.names("group"), expected, "{name}");
        }
    }
}

#[tokio::test]
async fn a_stack_that_is_brought_back_takes_what_is_kept_with_it_where_that_is_asked() {
    let stage = Stage::new().await;
    let kept = TWO.replace("DependsOn: A,", "DependsOn: A, DeletionPolicy: Retain,");
    let input =
        json!({ "StackName": "two", "TemplateBody": with_broken(&stage, &kept), "OnFailure": "DO_NOTHING" });
    stage.call("CreateStack", input).await.unwrap();
    assert_eq!(stage.settled("two").await, "CREATE_FAILED");
    assert_eq!(stage.world.names("group"), ["a", "b"]);
    stage.call("RollbackStack", json!({ "StackName": "two", "RetainExceptOnCreate": true })).await.unwrap();
    assert_eq!(stage.settled("two").await, "ROLLBACK_COMPLETE");
    assert!(stage.world.is_empty(), "{:?}", stage.world.names("group"));
}
