//! Things that say the very same as what a stopped platform was about to make: a stack's own are found again by their
//! receipts, and somebody else's are refused and left alone.

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::Stage;
use super::restart::{forget, interrupt, made, operation, restarted, written};
use crate::records::{OperationKind, OperationRecord, Phase};

/// Each type with its properties, the call that makes it, and what then exists.
const KINDS: [(&str, &str, &str); 8] = [
    (
        "{Type: AWS::IAM::RolePolicy, Properties: {RoleName: r, PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutRolePolicy",
        "inline/p",
    ),
    (
        "{Type: AWS::IAM::UserPolicy, Properties: {UserName: u, PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutUserPolicy",
        "users/p",
    ),
    (
        "{Type: AWS::IAM::GroupPolicy, Properties: {GroupName: g, PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutGroupPolicy",
        "groups/p",
    ),
    (
        "{Type: AWS::IAM::Policy, Properties: {Roles: [r], PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutRolePolicy",
        "inline/p",
    ),
    (
        "{Type: AWS::IAM::Policy, Properties: {Users: [u], PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutUserPolicy",
        "users/p",
    ),
    (
        "{Type: AWS::IAM::Policy, Properties: {Groups: [g], PolicyName: p, PolicyDocument: {Statement: []}}}",
        "PutGroupPolicy",
        "groups/p",
    ),
    (
        "{Type: AWS::S3::BucketPolicy, Properties: {Bucket: bucket, PolicyDocument: {Statement: []}}}",
        "PutBucketPolicy",
        "rules/bucket",
    ),
    (
        "{Type: AWS::Lambda::EventInvokeConfig, \
         Properties: {FunctionName: f, Qualifier: $LATEST, MaximumRetryAttempts: 0}}",
        "PutFunctionEventInvokeConfig",
        "settings/f",
    ),
];

const CREATES: (OperationKind, Phase) = (OperationKind::Create, Phase::Forward);
const GOES_BACK: (OperationKind, Phase) = (OperationKind::Create, Phase::Rollback);
const DELETES: (OperationKind, Phase) = (OperationKind::Delete, Phase::Forward);

fn template(resource: &str) -> String {
    format!("Resources: {{X: {resource}}}")
}

/// Starts over the same store and world, and answers how the stack ends.
pub(super) async fn goes_on(stage: &Stage, id: &str) -> String {
    let again = restarted(stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    again.settled(id).await
}

/// Waits until something is there, and the engine has written all that it knows.
pub(super) async fn there(stage: &Stage, thing: &str) {
    for _ in 0..2_000 {
        if stage.world.things().existing.contains_key(thing) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Cuts the power between the commit of this call for a new stack and the stack's record of it.
async fn cut(stage: &Stage, text: &str, (call, thing): (&'static str, &str)) -> String {
    stage.world.things().silent.insert(call);
    let id = stage.create("small", text).await.unwrap()["StackId"].as_str().unwrap().to_owned();
    there(stage, thing).await;
    stage.world.things().silent.clear();
    id
}

async fn begun(stage: &Stage, (kind, phase): (OperationKind, Phase)) -> OperationRecord {
    let begun = operation(stage, kind, phase);
    written(stage, |stack| stack.operation = Some(begun.clone())).await;
    begun
}

#[tokio::test]
async fn somebody_elses_is_refused_and_left_alone() {
    for (resource, call, thing) in KINDS {
        for (then, ends) in
            [(CREATES, "ROLLBACK_COMPLETE"), (GOES_BACK, "ROLLBACK_COMPLETE"), (DELETES, "DELETE_COMPLETE")]
        {
            let stage = Stage::new().await;
            let id = made(&stage, &template(resource)).await;
            // What is there has no receipt, as if somebody else had made it before the stack was about to.
            forget(&stage, &id, &["X"]).await;
            let begun = operation(&stage, then.0, then.1);
            interrupt(&stage, |stack| {
                "CREATE_IN_PROGRESS".clone_into(&mut stack.status);
                stack.operation = Some(begun);
            })
            .await;
            let theirs = stage.world.things().existing[thing].clone();
            assert_eq!(goes_on(&stage, &id).await, ends, "{call} {resource}");
            assert_eq!(stage.world.things().existing.get(thing), Some(&theirs), "{call} {ends}");
            if then == CREATES {
                let reason = stage.reason("small", "X", "CREATE_FAILED").await;
                assert!(reason.contains("already exists"), "{call}: {reason}");
            }
        }
    }
}

#[tokio::test]
async fn its_own_is_found_again() {
    for (resource, call, thing) in KINDS {
        for (then, ends, left) in [
            (CREATES, "CREATE_COMPLETE", true),
            (GOES_BACK, "ROLLBACK_COMPLETE", false),
            (DELETES, "DELETE_COMPLETE", false),
        ] {
            let stage = Stage::new().await;
            let id = cut(&stage, &template(resource), (call, thing)).await;
            begun(&stage, then).await;
            assert_eq!(goes_on(&stage, &id).await, ends, "{call} {resource}");
            assert_eq!(stage.world.things().existing.contains_key(thing), left, "{call} {ends}");
            // What was taken over is never away in between.
            let taken = stage.world.things().calls.iter().any(|call| call.contains(":Delete"));
            assert_eq!(taken, !left, "{call} {ends}");
        }
    }
}

const OF_TWO: &str = "{Type: AWS::IAM::Policy, \
    Properties: {Roles: [r], Users: [u], PolicyName: p, PolicyDocument: {Statement: []}}}";

#[tokio::test]
async fn of_several_holders_only_those_with_a_receipt_are_the_stacks() {
    for (then, ends) in
        [(CREATES, "ROLLBACK_COMPLETE"), (GOES_BACK, "ROLLBACK_COMPLETE"), (DELETES, "DELETE_COMPLETE")]
    {
        let stage = Stage::new().await;
        let id = cut(&stage, &template(OF_TWO), ("PutRolePolicy", "inline/p")).await;
        let theirs = json!({ "UserName": "u", "PolicyName": "p", "PolicyDocument": "{\"Statement\":[]}" });
        stage.world.things().existing.insert("users/p".to_owned(), theirs.clone());
        begun(&stage, then).await;
        assert_eq!(goes_on(&stage, &id).await, ends);
        assert_eq!(stage.world.names("inline"), Vec::<String>::new(), "{ends}");
        assert_eq!(stage.world.things().existing.get("users/p"), Some(&theirs), "{ends}");
    }
}

const OF_ONE: &str = "{Type: AWS::IAM::Policy, \
    Properties: {Roles: [r], PolicyName: p, PolicyDocument: {Statement: []}}}";

#[tokio::test]
async fn an_update_does_not_come_into_somebody_elses() {
    let stage = Stage::new().await;
    let id = made(&stage, &template(OF_ONE)).await;
    let theirs = json!({ "UserName": "u", "PolicyName": "p", "PolicyDocument": "{\"Statement\":[]}" });
    stage.world.things().existing.insert("users/p".to_owned(), theirs.clone());
    stage.update("small", &template(OF_TWO)).await.unwrap();
    assert_eq!(stage.settled(&id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("inline"), ["p"]);
    assert_eq!(stage.world.things().existing.get("users/p"), Some(&theirs));
}

#[tokio::test]
async fn an_update_that_stopped_goes_on_with_what_it_put() {
    for others in [false, true] {
        let stage = Stage::new().await;
        let id = made(&stage, &template(OF_ONE)).await;
        stage.world.things().silent.insert("PutUserPolicy");
        let of_three = OF_TWO.replace("Users", "Groups: [g], Users");
        stage.update("small", &template(&of_three)).await.unwrap();
        there(&stage, "users/p").await;
        stage.world.things().silent.clear();
        let theirs = json!({ "GroupName": "g", "PolicyName": "p", "PolicyDocument": "{\"Statement\":[]}" });
        if others {
            stage.world.things().existing.insert("groups/p".to_owned(), theirs.clone());
        }
        let ends = if others { "UPDATE_ROLLBACK_COMPLETE" } else { "UPDATE_COMPLETE" };
        assert_eq!(goes_on(&stage, &id).await, ends);
        assert_eq!(stage.world.names("inline"), ["p"], "{ends}");
        assert_eq!(stage.world.names("users").len(), usize::from(!others), "{ends}");
        assert_eq!(stage.world.names("groups"), ["p"], "{ends}");
        if others {
            assert_eq!(stage.world.things().existing["groups/p"], theirs);
        }
    }
}

/// Lets the way back begin where an update stopped.
pub(super) async fn goes_back_from_update(stage: &Stage) {
    written(stage, |stack| {
        "UPDATE_ROLLBACK_IN_PROGRESS".clone_into(&mut stack.status);
        stack.operation.as_mut().unwrap().phase = Phase::Rollback;
    })
    .await;
}

#[tokio::test]
async fn the_way_back_takes_away_what_the_update_put_and_nothing_else() {
    for put in [false, true] {
        let stage = Stage::new().await;
        let id = made(&stage, &template(OF_ONE)).await;
        let theirs = json!({ "UserName": "u", "PolicyName": "p", "PolicyDocument": "{\"Statement\":[]}" });
        // It stops behind its own put, or before it looks whether somebody else's is there.
        let held = (!put).then(|| {
            stage.world.things().existing.insert("users/p".to_owned(), theirs.clone());
            stage.world.hold("GetUserPolicy")
        });
        stage.world.things().silent.insert("PutUserPolicy");
        stage.update("small", &template(OF_TWO)).await.unwrap();
        there(&stage, "users/p").await;
        stage.world.things().silent.clear();
        goes_back_from_update(&stage).await;
        assert_eq!(goes_on(&stage, &id).await, "UPDATE_ROLLBACK_COMPLETE", "{put}");
        assert_eq!(stage.world.names("inline"), ["p"], "{put}");
        assert_eq!(stage.world.things().existing.get("users/p"), (!put).then_some(&theirs), "{put}");
        drop(held);
    }
}
