//! An operation that a stop of the platform interrupts goes on at the next start.

use std::sync::{Arc, OnceLock};

use serde_json::json;
use service::testkit::TestKit;
use tokio::sync::watch;

use super::world::{self, World};
use super::{SMALL, Stage};
use crate::records::{OperationKind, Phase};
use crate::{CloudFormation, stacks};

/// A platform over the store of another, with its own engine.
pub(super) async fn restarted(stage: &Stage) -> Stage {
    let store = stage.kit.pipeline.store().clone();
    let world: Arc<World> = Arc::clone(&stage.world);
    let callbacks = stage.callbacks.clone();
    let state = OnceLock::new();
    let kit = TestKit::over(store, stage.kit.clock.clone(), service::Rate::DEFAULT, |foundation| {
        let mut services = world::services(&world);
        let new = || Arc::new(CloudFormation::new(foundation.store.clone(), callbacks.clone()));
        services.push(crate::service(Arc::clone(state.get_or_init(new))));
        services
    })
    .await;
    let who = kit.administrator();
    Stage { kit, world, who, callbacks: stage.callbacks.clone(), state: state.into_inner().unwrap() }
}

/// Writes the stack back to a moment in the middle of an operation.
pub(super) async fn interrupt(stage: &Stage, edit: impl FnOnce(&mut crate::records::StackRecord) + Send) {
    stage.rested().await;
    written(stage, edit).await;
}

/// The same while the engine waits for an answer that never comes.
pub(super) async fn written(stage: &Stage, edit: impl FnOnce(&mut crate::records::StackRecord) + Send) {
    let store = stage.kit.pipeline.store();
    let region = stage.kit.pipeline.region().clone();
    let mut stack = stacks::find(store, stage.kit.account, &region, "small").unwrap().unwrap();
    edit(&mut stack);
    let written: Result<(), crate::Error> = store.transact(|tx| stacks::save(tx, &stack)).await;
    written.unwrap();
}

pub(super) fn operation(stage: &Stage, kind: OperationKind, phase: Phase) -> crate::records::OperationRecord {
    crate::records::OperationRecord {
        kind,
        phase,
        principal: (*stage.who).clone(),
        source_ip: std::net::Ipv4Addr::LOCALHOST.into(),
        is_secure: true,
        token: None,
        before: None,
        retain: Vec::new(),
        policy: None,
        asked: None,
        from: None,
        is_led: false,
        change_set_id: None,
    }
}

#[tokio::test]
async fn a_creation_goes_on_with_what_is_missing() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    // As if the platform had stopped while the group was being made, under a name of the caller's.
    stage.world.things().existing.remove("group//x/orders");
    let begun = operation(&stage, OperationKind::Create, Phase::Forward);
    interrupt(&stage, |stack| {
        "CREATE_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operation = Some(begun);
    })
    .await;
    let store = stage.kit.pipeline.store();
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    let mut records = stacks::resources(store, &id).unwrap();
    let group = records.iter_mut().find(|record| record.logical_id == "Group").unwrap();
    group.pending = group.physical.take();
    group.settled = 0;
    "CREATE_IN_PROGRESS".clone_into(&mut group.status);
    let group = group.clone();
    let written: Result<(), crate::Error> = store.transact(|tx| stacks::save_resource(tx, &id, &group)).await;
    written.unwrap();

    let again = restarted(&stage).await;
    let (stop, stopping) = watch::channel(false);
    let mut jobs = again.kit.pipeline.start_jobs(&stopping);
    assert_eq!(again.settled("small").await, "CREATE_COMPLETE");
    assert_eq!(again.world.names("group"), ["/x/orders"]);
    let tables =
        again.world.things().calls.iter().filter(|call| call.starts_with("dynamodb:CreateTable")).count();
    assert_eq!(tables, 1, "what was settled is not made again");
    stop.send(true).unwrap();
    while jobs.join_next().await.is_some() {}
}

#[tokio::test]
async fn a_deletion_goes_on() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let begun = operation(&stage, OperationKind::Delete, Phase::Forward);
    interrupt(&stage, |stack| {
        "DELETE_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operation = Some(begun);
    })
    .await;
    // Half of the work was done before the stop.
    stage.world.things().existing.remove("group//x/orders");
    let id = stage.describe("small").await["StackId"].as_str().unwrap().to_owned();
    let again = restarted(&stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    assert_eq!(again.settled(&id).await, "DELETE_COMPLETE");
    assert!(again.world.is_empty());
    assert!(again.call("DescribeStacks", json!({ "StackName": "small" })).await.is_err());
}

#[tokio::test]
async fn a_rollback_goes_on() {
    let stage = Stage::new().await;
    stage.create("small", SMALL).await.unwrap();
    stage.settled("small").await;
    let begun = operation(&stage, OperationKind::Create, Phase::Rollback);
    interrupt(&stage, |stack| {
        "ROLLBACK_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operation = Some(begun);
    })
    .await;
    let again = restarted(&stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    assert_eq!(again.settled("small").await, "ROLLBACK_COMPLETE");
    assert!(again.world.is_empty());
}

/// As if the platform had stopped after the services made these resources and before the stack knew.
pub(super) async fn forget(stage: &Stage, id: &str, logical_ids: &[&str]) {
    stage.rested().await;
    let store = stage.kit.pipeline.store();
    for mut record in stacks::resources(store, id).unwrap() {
        if logical_ids.contains(&record.logical_id.as_str()) {
            record.pending = record.physical.take();
            record.settled = 0;
            let written: Result<(), crate::Error> =
                store.transact(|tx| stacks::save_resource(tx, id, &record)).await;
            written.unwrap();
        }
    }
}

const NAMED: &str = "Resources: {Own: {Type: AWS::Logs::LogGroup}, Named: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: theirs}}}";

pub(super) async fn made(stage: &Stage, template: &str) -> String {
    stage.create("small", template).await.unwrap();
    stage.settled("small").await;
    stage.rested().await;
    stage.describe("small").await["StackId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_made_says_whose_it_is() {
    let stage = Stage::new().await;
    let id = made(&stage, NAMED).await;
    let marks = stage.world.things().marks["group/theirs"].clone();
    let told: Vec<(&str, &str)> = marks.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        told,
        [
            ("aws:cloudformation:logical-id", "Named"),
            ("aws:cloudformation:stack-id", id.as_str()),
            ("aws:cloudformation:stack-name", "small"),
        ]
    );
}

#[tokio::test]
async fn what_an_interrupted_try_made_is_found_by_its_marks() {
    for (kind, phase, ends, left) in [
        (OperationKind::Create, Phase::Forward, "CREATE_COMPLETE", 2),
        (OperationKind::Create, Phase::Rollback, "ROLLBACK_COMPLETE", 0),
        (OperationKind::Delete, Phase::Forward, "DELETE_COMPLETE", 0),
    ] {
        let stage = Stage::new().await;
        let id = made(&stage, NAMED).await;
        forget(&stage, &id, &["Own", "Named"]).await;
        let begun = operation(&stage, kind, phase);
        interrupt(&stage, |stack| {
            "CREATE_IN_PROGRESS".clone_into(&mut stack.status);
            stack.operation = Some(begun);
        })
        .await;
        let again = restarted(&stage).await;
        let (_stop, stopping) = watch::channel(false);
        let _jobs = again.kit.pipeline.start_jobs(&stopping);
        assert_eq!(again.settled(&id).await, ends);
        assert_eq!(again.world.names("group").len(), left, "{ends}");
    }
}

#[tokio::test]
async fn what_carries_somebody_elses_marks_is_left_alone() {
    for key in ["aws:cloudformation:stack-id", "aws:cloudformation:logical-id"] {
        let stage = Stage::new().await;
        let id = made(&stage, NAMED).await;
        forget(&stage, &id, &["Own", "Named"]).await;
        let marks = |world: &World| {
            world.things().marks.get_mut("group/theirs").unwrap().insert(key.to_owned(), "other".to_owned());
        };
        marks(&stage.world);
        let begun = operation(&stage, OperationKind::Create, Phase::Rollback);
        interrupt(&stage, |stack| stack.operation = Some(begun)).await;
        let again = restarted(&stage).await;
        let (_stop, stopping) = watch::channel(false);
        let _jobs = again.kit.pipeline.start_jobs(&stopping);
        for _ in 0..2_000 {
            if again.world.names("group") == ["theirs"] {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        assert_eq!(again.world.names("group"), ["theirs"], "{key}");
    }
}
