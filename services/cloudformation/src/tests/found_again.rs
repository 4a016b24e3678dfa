//! What a stopped platform was about to make, of types that have no tags of their own: found again, and not made twice.

use serde_json::json;
use tokio::sync::watch;

use super::Stage;
use super::restart::{forget, interrupt, made, operation, restarted, written};
use crate::engine::marks;
use crate::records::{OperationKind, Phase};
use crate::stacks;

const TIED: &str = "Resources: {Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Name: k}}, \
    Plan: {Type: AWS::ApiGateway::UsagePlan, Properties: {UsagePlanName: p}}, \
    Tie: {Type: AWS::ApiGateway::UsagePlanKey, \
    Properties: {KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}}}";

/// Stops in an operation after these resources were made and before the stack knew, starts again, and answers how it ended.
async fn stopped(stage: &Stage, id: &str, lost: &[&str], (kind, phase): (OperationKind, Phase)) -> String {
    forget(stage, id, lost).await;
    let begun = operation(stage, kind, phase);
    interrupt(stage, |stack| {
        "CREATE_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operation = Some(begun);
    })
    .await;
    let again = restarted(stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    again.settled(id).await
}

#[tokio::test]
async fn a_tie_of_a_key_and_a_plan_is_found_again() {
    for lost in [&["Tie"][..], &["Plan", "Tie"], &["Key", "Plan", "Tie"]] {
        for (interrupted, ends, left) in [
            ((OperationKind::Create, Phase::Forward), "CREATE_COMPLETE", 1),
            ((OperationKind::Create, Phase::Rollback), "ROLLBACK_COMPLETE", 0),
            ((OperationKind::Delete, Phase::Forward), "DELETE_COMPLETE", 0),
        ] {
            let stage = Stage::new().await;
            let id = made(&stage, TIED).await;
            assert_eq!(stopped(&stage, &id, lost, interrupted).await, ends, "{lost:?}");
            for kind in ["key", "plan", "tie"] {
                assert_eq!(stage.world.names(kind).len(), left, "{lost:?} {ends} {kind}");
            }
        }
    }
}

#[tokio::test]
async fn a_tie_between_what_others_made_is_left_alone() {
    let stage = Stage::new().await;
    let id = made(&stage, TIED).await;
    for thing in ["key/k", "plan/p"] {
        let mut things = stage.world.things();
        let marks = things.marks.get_mut(thing).unwrap();
        marks.insert("aws:cloudformation:stack-id".to_owned(), "other".to_owned());
    }
    let interrupted = (OperationKind::Create, Phase::Rollback);
    assert_eq!(stopped(&stage, &id, &["Key", "Plan", "Tie"], interrupted).await, "ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("tie"), ["k"]);
}

const UNTAGGED: &str = "Resources: {Api: {Type: AWS::ApiGateway::RestApi, Properties: {Body: {swagger: '2.0', info: {title: a, version: v}, paths: {}}}}, \
    Deployment: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api, Description: same}}, \
    Table: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST, \
    AttributeDefinitions: [{AttributeName: k, AttributeType: S}], KeySchema: [{AttributeName: k, KeyType: HASH}]}}, \
    Backup: {Type: AWS::DynamoDB::Backup, Properties: {TableName: !Ref Table, BackupName: same}}, \
    Version: {Type: AWS::Lambda::Version, Properties: {FunctionName: others, Description: same}}, \
    Tie: {Type: AWS::ApiGateway::UsagePlanKey, Properties: {KeyId: others, KeyType: API_KEY, UsagePlanId: others}}, \
    Crew: {Type: AWS::IAM::Group, Properties: {GroupName: named}}, \
    Member: {Type: AWS::IAM::UserToGroupAddition, Properties: {GroupName: others, Users: [someone]}}, \
    Policy: {Type: AWS::IAM::Policy, Properties: {PolicyName: named, Roles: [others], PolicyDocument: {Statement: []}}}}";

/// Cuts the power between an operation's commit and the stack's record of it, and starts again: as the same operation, or as
/// another one that takes its place.
async fn silenced(
    operation_name: &'static str,
    made: &str,
    (kind, phase): (OperationKind, Phase),
) -> (Stage, Stage, String) {
    let stage = Stage::new().await;
    let theirs = [
        ("deployment/theirs", "description"),
        ("backup/theirs", "BackupName"),
        ("version/theirs", "Description"),
        ("tie/theirs", "keyId"),
        ("crew/theirs", "GroupName"),
        ("member/theirs", "UserName"),
        ("inline/theirs", "PolicyName"),
    ];
    for (thing, said) in theirs {
        stage.world.things().existing.insert(thing.to_owned(), json!({ said: "same" }));
    }
    stage.world.things().silent.insert(operation_name);
    let answer = stage.create("small", UNTAGGED).await.unwrap();
    for _ in 0..2_000 {
        if stage.world.names(made).len() == 2 && stage.world.names("table").len() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    // All else is written by now.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    stage.world.things().silent.clear();
    let id = answer["StackId"].as_str().unwrap().to_owned();
    let begun = operation(&stage, kind, phase);
    written(&stage, |stack| stack.operation = Some(begun)).await;
    let again = restarted(&stage).await;
    (stage, again, id)
}

#[tokio::test]
async fn what_has_no_tags_is_made_once_wherever_the_power_goes() {
    // The version is one of a function that is not the stack's; so are the key, the plan, the group and the role.
    let made_without = [
        ("CreateDeployment", "deployment"),
        ("CreateBackup", "backup"),
        ("PublishVersion", "version"),
        ("CreateUsagePlanKey", "tie"),
        ("CreateGroup", "crew"),
        ("AddUserToGroup", "member"),
        ("PutRolePolicy", "inline"),
    ];
    for (operation, made) in made_without {
        for (interrupted, ends, left) in [
            ((OperationKind::Create, Phase::Forward), "CREATE_COMPLETE", 2),
            ((OperationKind::Create, Phase::Rollback), "ROLLBACK_COMPLETE", 1),
            ((OperationKind::Delete, Phase::Forward), "DELETE_COMPLETE", 1),
        ] {
            let (stage, again, id) = silenced(operation, made, interrupted).await;
            let (_stop, stopping) = watch::channel(false);
            let _jobs = again.kit.pipeline.start_jobs(&stopping);
            assert_eq!(again.settled(&id).await, ends, "{operation}");
            let names = again.world.names(made);
            assert_eq!(names.len(), left, "{operation} {ends}: {names:?}");
            // Whoever else made one that says the same has it still.
            assert!(names.contains(&"theirs".to_owned()), "{operation} {ends}");
            drop(stage);
        }
    }
}

#[tokio::test]
async fn what_a_stack_knows_has_no_receipt_any_more() {
    let stage = Stage::new().await;
    let id = made(&stage, UNTAGGED).await;
    let store = stage.kit.pipeline.store();
    let region = stage.kit.pipeline.region();
    let stack = stacks::by_id(store, stage.kit.account, region.as_str(), &id).unwrap().unwrap();
    for logical_id in ["Deployment", "Backup", "Table", "Version", "Tie", "Crew", "Member", "Policy"] {
        let left = service::receipts::unsettled(store, &marks(&stack, logical_id)).unwrap();
        assert!(left.is_empty(), "{logical_id}: {left:?}");
    }
}
