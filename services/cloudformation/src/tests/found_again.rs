//! What a stopped platform was about to make, of types that have no tags of their own: found again, and not made twice.

use tokio::sync::watch;

use super::Stage;
use super::restart::{forget, interrupt, made, operation, restarted};
use crate::records::{OperationKind, Phase};

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
    First: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api, Description: same}}, \
    Second: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api, Description: same}}, \
    Table: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST, \
    AttributeDefinitions: [{AttributeName: k, AttributeType: S}], KeySchema: [{AttributeName: k, KeyType: HASH}]}}, \
    Backup: {Type: AWS::DynamoDB::Backup, Properties: {TableName: !Ref Table, BackupName: same}}}";

#[tokio::test]
async fn deployments_and_backups_are_found_again_by_what_they_were_to_say() {
    for lost in [&["Second"][..], &["Backup"], &["First", "Backup"]] {
        for (interrupted, ends, left) in [
            ((OperationKind::Create, Phase::Forward), "CREATE_COMPLETE", [2, 1]),
            ((OperationKind::Create, Phase::Rollback), "ROLLBACK_COMPLETE", [0, 0]),
            ((OperationKind::Delete, Phase::Forward), "DELETE_COMPLETE", [0, 0]),
        ] {
            let stage = Stage::new().await;
            let id = made(&stage, UNTAGGED).await;
            assert_eq!(stopped(&stage, &id, lost, interrupted).await, ends, "{lost:?}");
            let kinds = ["deployment", "backup"].map(|kind| stage.world.names(kind).len());
            assert_eq!(kinds, left, "{lost:?} {ends}");
        }
    }
}

#[tokio::test]
async fn what_others_deployed_in_an_api_of_the_stack_is_left_alone() {
    let stage = Stage::new().await;
    let id = made(&stage, UNTAGGED).await;
    for (thing, said) in [("deployment/theirs", "description"), ("backup/theirs", "BackupName")] {
        let other = serde_json::json!({ said: "another" });
        stage.world.things().existing.insert(thing.to_owned(), other);
    }
    let interrupted = (OperationKind::Create, Phase::Rollback);
    assert_eq!(stopped(&stage, &id, &["Second", "Backup"], interrupted).await, "ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("deployment"), ["theirs"]);
    assert_eq!(stage.world.names("backup"), ["theirs"]);
}
