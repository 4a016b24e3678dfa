//! Errors of the platform's own: a stack that meets one ends, and says so.

use super::restart::{interrupt, operation, restarted};
use super::{SMALL, Stage};
use crate::records::{OperationKind, Phase};
use crate::stacks;

use tokio::sync::watch;

#[tokio::test]
async fn a_panic_while_a_resource_is_made_fails_that_resource_and_rolls_back() {
    let stage = Stage::new().await;
    stage.world.things().panicking.insert("CreateLogGroup".to_owned());
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "ROLLBACK_COMPLETE");
    assert!(!stage.reason("small", "Group", "CREATE_FAILED").await.is_empty());
    assert!(stage.world.is_empty());
}

#[tokio::test]
async fn a_panic_while_a_resource_is_deleted_fails_the_deletion() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    stage.world.things().panicking.insert("DeleteTable".to_owned());
    stage.call("DeleteStack", serde_json::json!({ "StackName": "small" })).await.unwrap();
    assert_eq!(stage.settled("small").await, "DELETE_FAILED");
    stage.world.things().panicking.clear();
    stage.call("DeleteStack", serde_json::json!({ "StackName": "small" })).await.unwrap();
    for _ in 0..2_000 {
        if stage.world.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    panic!("{:?}", stage.world.things().existing);
}

/// Writes that the stack's operation is cancelled, without a word to whoever carries it out.
pub(super) async fn cancel(stage: &Stage) {
    let store = stage.kit.pipeline.store();
    let stack =
        stacks::find(store, stage.kit.account, stage.kit.pipeline.region(), "small").unwrap().unwrap();
    let written: Result<(), crate::Error> =
        store.transact(|tx| stacks::set_cancelled(tx, &stack, true)).await;
    written.unwrap();
}

/// An operation whose stored template cannot be read is the error that no caller can provoke.
async fn ends(kind: OperationKind, phase: Phase, keeps: bool, cancelled: bool) -> (String, String) {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let mut begun = operation(&stage, kind, phase);
    interrupt(&stage, |stack| {
        begun.before = (kind == OperationKind::Update).then(|| stack.content.clone());
        "CREATE_IN_PROGRESS".clone_into(&mut stack.status);
        "{".clone_into(&mut stack.content.processed);
        stack.disable_rollback = keeps;
        stack.operation = Some(begun);
    })
    .await;
    if cancelled {
        cancel(&stage).await;
    }
    let again = restarted(&stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    let status = again.settled("small").await;
    let events =
        again.call("DescribeStackEvents", serde_json::json!({ "StackName": "small" })).await.unwrap();
    let events = events["StackEvents"].as_array().unwrap().clone();
    let told = events.iter().find(|event| event["ResourceStatusReason"] == "Internal Failure").unwrap();
    (status, told["ResourceStatus"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_operation_that_meets_an_error_turns_back_or_ends_and_says_so() {
    let table = [
        (OperationKind::Create, Phase::Forward, false, "ROLLBACK_COMPLETE", "ROLLBACK_IN_PROGRESS"),
        (OperationKind::Create, Phase::Forward, true, "CREATE_FAILED", "CREATE_FAILED"),
        (
            OperationKind::Update,
            Phase::Forward,
            false,
            "UPDATE_ROLLBACK_COMPLETE",
            "UPDATE_ROLLBACK_IN_PROGRESS",
        ),
        (OperationKind::Update, Phase::Forward, true, "UPDATE_FAILED", "UPDATE_FAILED"),
        (OperationKind::Update, Phase::Cleanup, false, "UPDATE_COMPLETE", "UPDATE_COMPLETE"),
    ];
    for (kind, phase, keeps, status, told) in table {
        assert_eq!(
            ends(kind, phase, keeps, false).await,
            (status.to_owned(), told.to_owned()),
            "{kind:?} {phase:?}"
        );
    }
}

#[tokio::test]
async fn a_cancelled_update_goes_back_whatever_else_ends_it() {
    let (status, told) = ends(OperationKind::Update, Phase::Forward, true, true).await;
    assert_eq!((&*status, &*told), ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"));
}
