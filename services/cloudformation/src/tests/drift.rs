//! Drift is detected in the background, once at a time, as the asker, and over restarts.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::restart::{interrupt, restarted};
use super::{SMALL, Stage};
use crate::records::{AskerRecord, StackDrift};
use crate::{drift, stacks};

impl Stage {
    async fn detect(&self) -> String {
        let answer = self.call("DetectStackDrift", json!({ "StackName": "small" })).await.unwrap();
        answer["StackDriftDetectionId"].as_str().unwrap().to_owned()
    }

    /// Waits until a check has ended, and answers what it says.
    async fn ended(&self, id: &str) -> Value {
        for _ in 0..2_000 {
            let input = json!({ "StackDriftDetectionId": id });
            let found = self.call("DescribeStackDriftDetectionStatus", input).await.unwrap();
            if found["DetectionStatus"] != "DETECTION_IN_PROGRESS" {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        panic!("the check does not end");
    }
}

async fn small() -> Stage {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    assert_eq!(stage.settled("small").await, "CREATE_COMPLETE");
    stage
}

#[tokio::test]
async fn a_stack_is_checked_by_one_at_a_time() {
    let stage = small().await;
    let held = stage.world.hold("DescribeTable");
    let first = stage.detect().await;
    let refused = stage.call("DetectStackDrift", json!({ "StackName": "small" })).await.unwrap_err();
    assert!(
        refused.message.starts_with("Drift detection is already in progress for stack"),
        "{}",
        refused.message
    );
    drop(held);
    let found = stage.ended(&first).await;
    assert_eq!(
        (&found["DetectionStatus"], &found["StackDriftStatus"]),
        (&json!("DETECTION_COMPLETE"), &json!("IN_SYNC"))
    );
    // The oldest are forgotten.
    for _ in 0..10 {
        let id = stage.detect().await;
        stage.ended(&id).await;
    }
    let forgotten =
        stage.call("DescribeStackDriftDetectionStatus", json!({ "StackDriftDetectionId": first })).await;
    assert_eq!(forgotten.unwrap_err().code, "ValidationError");
}

#[tokio::test]
async fn a_check_of_a_stack_that_changes_meanwhile_says_so() {
    let stage = small().await;
    let held = stage.world.hold("DescribeTable");
    let id = stage.detect().await;
    stage.update("small", &SMALL.replace("'7'", "'14'")).await.unwrap();
    drop(held);
    assert_eq!(stage.settled("small").await, "UPDATE_COMPLETE");
    let found = stage.ended(&id).await;
    assert_eq!(found["DetectionStatus"], "DETECTION_FAILED");
    assert_eq!(found.get("StackDriftStatus"), None);
    assert_eq!(stage.describe("small").await["DriftInformation"]["StackDriftStatus"], "NOT_CHECKED");
}

#[tokio::test]
async fn a_check_that_a_stop_interrupts_begins_again() {
    let stage = small().await;
    let id = stage.detect().await;
    stage.ended(&id).await;
    // As if the platform had stopped in the middle of it, and a hand had changed the group.
    stage.world.things().existing.get_mut("group//x/orders").unwrap()["retentionInDays"] = json!(30);
    interrupt(&stage, |stack| {
        let known = StackDrift { is_running: true, detections: vec![id.clone()], ..StackDrift::default() };
        stack.drift = Some(known);
    })
    .await;
    let store = stage.kit.pipeline.store();
    let mut record = drift::detection(store, stage.kit.account, "us-east-1", &id).unwrap().unwrap();
    assert!(record.asker.is_none(), "who asked is forgotten once it has ended");
    "DETECTION_IN_PROGRESS".clone_into(&mut record.status);
    record.asker = Some(AskerRecord {
        principal: (*stage.who).clone(),
        source_ip: std::net::Ipv4Addr::LOCALHOST.into(),
        is_secure: true,
    });
    let written: Result<(), crate::Error> = store.transact(|tx| drift::save_detection(tx, &record)).await;
    written.unwrap();

    let again = restarted(&stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    let found = again.ended(&id).await;
    assert_eq!(
        (&found["StackDriftStatus"], &found["DriftedStackResourceCount"]),
        (&json!("DRIFTED"), &json!(1))
    );
    let drifts = again.call("DescribeStackResourceDrifts", json!({ "StackName": "small" })).await.unwrap();
    let group =
        drifts["StackResourceDrifts"].as_array().unwrap().iter().find(|d| d["LogicalResourceId"] == "Group");
    assert_eq!(group.unwrap()["PropertyDifferences"][0]["ActualValue"], "30");
    let region = again.kit.pipeline.region().clone();
    let stack = stacks::find(store, again.kit.account, &region, "small").unwrap().unwrap();
    assert!(!stack.drift.unwrap().is_running);
}
