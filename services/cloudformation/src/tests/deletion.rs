//! A deletion takes the place of a creation that goes on; of several at once, one deletes; what may not be, is told.

use std::sync::Arc;
use std::time::Duration;

use protocol::Fault;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::restart::{forget, interrupt, operation, restarted};
use super::{SMALL, Stage};
use crate::records::{OperationKind, Phase};

const AT_ONCE: usize = 8;

async fn delete(stage: &Stage, name: &str) -> Result<Value, Fault> {
    stage.call("DeleteStack", json!({ "StackName": name })).await
}

async fn status(stage: &Stage, name: &str) -> String {
    stage.describe(name).await["StackStatus"].as_str().unwrap().to_owned()
}

/// The stack's id, as soon as its creation was asked for.
async fn begun(stage: &Stage, template: &str) -> String {
    stage.create("small", template).await.unwrap()["StackId"].as_str().unwrap().to_owned()
}

/// Waits until a service was asked for this.
pub(super) async fn asked(stage: &Stage, event: &str, id: &str) {
    for _ in 0..2_000 {
        if stage.events(id).await.iter().any(|known| known == event) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{event} never happens: {:?}", stage.events(id).await);
}

#[tokio::test]
async fn a_creation_that_goes_on_is_taken_over() {
    let stage = Stage::new().await;
    let held = stage.world.hold("CreateTable");
    let id = begun(&stage, SMALL).await;
    asked(&stage, "Table CREATE_IN_PROGRESS", &id).await;
    delete(&stage, "small").await.unwrap();
    assert_eq!(status(&stage, "small").await, "DELETE_IN_PROGRESS");
    delete(&stage, "small").await.unwrap();
    let refused = stage.update("small", &SMALL.replace("'7'", "'14'")).await.unwrap_err();
    assert!(
        refused.message.ends_with("is in DELETE_IN_PROGRESS state and can not be updated."),
        "{refused:?}"
    );
    let refused = stage.create("small", SMALL).await.unwrap_err();
    assert_eq!(&*refused.code, "AlreadyExistsException");
    drop(held);
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert!(stage.world.is_empty());
    assert_eq!(
        stage.events(&id).await,
        [
            "small CREATE_IN_PROGRESS",
            "Table CREATE_IN_PROGRESS",
            "small DELETE_IN_PROGRESS",
            "Table CREATE_IN_PROGRESS",
            "Table CREATE_COMPLETE",
            "Table DELETE_IN_PROGRESS",
            "Table DELETE_COMPLETE",
            "small DELETE_COMPLETE",
        ]
    );
    // The name is free again.
    assert_ne!(begun(&stage, SMALL).await, id);
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
}

#[tokio::test]
async fn who_waits_for_an_answer_from_outside_waits_no_longer() {
    let stage = Stage::new().await;
    let template = "Resources: {H: {Type: AWS::CloudFormation::WaitConditionHandle}, W: {Type: AWS::CloudFormation::WaitCondition, \
        Properties: {Handle: !Ref H, Timeout: 43200}}, G: {Type: AWS::Logs::LogGroup}}";
    let id = begun(&stage, template).await;
    asked(&stage, "G CREATE_COMPLETE", &id).await;
    asked(&stage, "W CREATE_IN_PROGRESS", &id).await;
    delete(&stage, &id).await.unwrap();
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert_eq!(stage.reason(&id, "W", "CREATE_FAILED").await, "Resource creation cancelled");
    assert!(stage.world.is_empty());
}

#[tokio::test]
async fn a_rollback_that_goes_on_is_taken_over() {
    let stage = Stage::new().await;
    stage.world.things().broken.insert("CreateLogGroup".to_owned());
    let held = stage.world.hold("DeleteTable");
    let id = begun(&stage, SMALL).await;
    asked(&stage, "Table DELETE_IN_PROGRESS", &id).await;
    assert_eq!(status(&stage, &id).await, "ROLLBACK_IN_PROGRESS");
    delete(&stage, "small").await.unwrap();
    drop(held);
    assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
    assert!(stage.world.is_empty());
    let events = stage.events(&id).await;
    assert!(!events.contains(&"small ROLLBACK_COMPLETE".to_owned()), "{events:?}");
}

#[tokio::test]
async fn what_goes_on_otherwise_is_left_alone() {
    let stage = Stage::new().await;
    let id = begun(&stage, SMALL).await;
    stage.settled(&id).await;
    let held = stage.world.hold("PutRetentionPolicy");
    stage.update("small", &SMALL.replace("'7'", "'14'")).await.unwrap();
    for name in ["small", &id] {
        let refused = delete(&stage, name).await.unwrap_err();
        assert_eq!(&*refused.code, "ValidationError");
        assert_eq!(refused.message, "Stack [small] cannot be deleted while in status UPDATE_IN_PROGRESS");
    }
    drop(held);
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
}

/// Asks so often at once, and hands back the answers.
async fn at_once(stage: &Arc<Stage>, id: &str, updates: bool) -> Vec<Result<Value, Fault>> {
    let mut calls = JoinSet::new();
    for nth in 0..AT_ONCE {
        let (stage, id) = (Arc::clone(stage), id.to_owned());
        calls.spawn(async move {
            match updates && nth % 2 == 0 {
                true => stage.update(&id, &SMALL.replace("'7'", "'14'")).await,
                false => delete(&stage, &id).await,
            }
        });
    }
    calls.join_all().await
}

#[tokio::test]
async fn several_deletions_at_once_are_one() {
    for is_creating in [true, false] {
        let stage = Arc::new(Stage::new().await);
        let held = is_creating.then(|| stage.world.hold("CreateTable"));
        let id = begun(&stage, SMALL).await;
        if held.is_none() {
            stage.settled(&id).await;
        }
        for answer in at_once(&stage, &id, false).await {
            answer.unwrap();
        }
        drop(held);
        assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
        assert!(stage.world.is_empty());
        let begun =
            stage.events(&id).await.iter().filter(|event| *event == "small DELETE_IN_PROGRESS").count();
        assert_eq!(begun, 1, "while it is created: {is_creating}");
    }
}

#[tokio::test]
async fn deletions_and_updates_at_once_leave_one_of_them() {
    for _ in 0..10 {
        let stage = Arc::new(Stage::new().await);
        let id = begun(&stage, SMALL).await;
        stage.settled(&id).await;
        for refused in at_once(&stage, &id, true).await.into_iter().filter_map(Result::err) {
            let known = [
                "Stack [small] cannot be deleted while in status UPDATE_",
                "is in DELETE_IN_PROGRESS state and can not be updated.",
                "is in UPDATE_IN_PROGRESS state and can not be updated.",
                "is in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS state and can not be updated.",
                "No updates are to be performed.",
                "does not exist",
            ];
            assert!(known.iter().any(|words| refused.message.contains(words)), "{refused:?}");
        }
        stage.settled(&id).await;
        delete(&stage, &id).await.unwrap();
        assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
        assert!(stage.world.is_empty(), "{:?}", stage.events(&id).await);
    }
}

#[tokio::test]
async fn a_deletion_that_took_over_goes_on_after_a_stop() {
    let stage = Stage::new().await;
    let id = begun(&stage, SMALL).await;
    stage.settled(&id).await;
    // The group was being made as the platform stopped.
    forget(&stage, &id, &["Group"]).await;
    let begun = operation(&stage, OperationKind::Delete, Phase::Forward);
    interrupt(&stage, |stack| {
        "DELETE_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operations += 1;
        stack.operation = Some(begun);
    })
    .await;
    let again = restarted(&stage).await;
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    assert_eq!(again.settled(&id).await, "DELETE_COMPLETE");
    assert!(again.world.is_empty());
}
