//! Changes in place that a stop of the platform interrupted: all that was begun goes back, and nothing of others with it.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::Stage;
use super::faults::cancel;
use super::restart::{made, restarted, written};
use super::the_very_same::{goes_back_from_update, goes_on, there};
use crate::records::{OperationKind, Phase, Physical, ResourceRecord};
use crate::stacks;

const TWO: &str = "Resources: {A: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: a, RetentionInDays: 7}}, \
    X: {Type: AWS::Logs::LogGroup, DependsOn: A, Properties: {LogGroupName: x, RetentionInDays: 7}}}";

fn days(stage: &Stage, group: &str) -> Value {
    stage.world.things().existing[&format!("group/{group}")]["retentionInDays"].clone()
}

/// Writes how a resource stood when the power went.
async fn stood(stage: &Stage, id: &str, logical_id: &str, edit: impl FnOnce(&mut ResourceRecord) + Send) {
    let store = stage.kit.pipeline.store();
    let all = stacks::resources(store, id).unwrap();
    let mut record = all.into_iter().find(|record| record.logical_id == logical_id).unwrap();
    edit(&mut record);
    let written: Result<(), crate::Error> = store.transact(|tx| stacks::save_resource(tx, id, &record)).await;
    written.unwrap();
}

/// A change in place of X is under way, and has come to its end though nobody knows.
async fn x_was_changed(stage: &Stage, id: &str) {
    stood(stage, id, "X", |record| {
        let old = record.physical.clone().unwrap();
        let properties = json!({ "LogGroupName": "x", "RetentionInDays": 30 });
        record.pending = Some(Physical { properties, ..old });
        "UPDATE_IN_PROGRESS".clone_into(&mut record.status);
    })
    .await;
    stage.world.things().existing.get_mut("group/x").unwrap()["retentionInDays"] = json!(30);
}

/// An update of both groups that stops behind the change of the first one.
async fn both_changed(stage: &Stage) -> String {
    let id = made(stage, TWO).await;
    stage.world.things().silent.insert("PutRetentionPolicy");
    stage.update("small", &TWO.replace('7', "30")).await.unwrap();
    for _ in 0..2_000 {
        if days(stage, "a") == 30 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    x_was_changed(stage, &id).await;
    stage.world.things().silent.clear();
    id
}

#[tokio::test]
async fn a_cancel_while_a_change_is_taken_up_again_brings_it_back() {
    let stage = Stage::new().await;
    let id = both_changed(&stage).await;
    let held = stage.world.hold("PutRetentionPolicy");
    let calls = stage.world.things().calls.len();
    let again = restarted(&stage).await;
    let (_stop, stopping) = watch::channel(false);
    let _jobs = again.kit.pipeline.start_jobs(&stopping);
    // The first one is under way again; behind it the other one is taken up just as somebody cancels.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(stage.world.things().calls.len(), calls);
    cancel(&stage).await;
    drop(held);
    assert_eq!(again.settled(&id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(again.reason(&id, "X", "UPDATE_FAILED").await, "Resource update cancelled");
    assert_eq!((days(&stage, "a"), days(&stage, "x")), (json!(7), json!(7)));
}

const DENIES: &str = r#"{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "Update:*", "Resource": "LogicalResourceId/X"},
    {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}"#;

#[tokio::test]
async fn what_was_begun_goes_back_where_it_is_protected_meanwhile() {
    let stage = Stage::new().await;
    let id = both_changed(&stage).await;
    written(&stage, |stack| stack.policy = Some(DENIES.to_owned())).await;
    assert_eq!(goes_on(&stage, &id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!((days(&stage, "a"), days(&stage, "x")), (json!(7), json!(7)));
}

#[tokio::test]
async fn what_was_made_goes_where_it_is_protected_meanwhile() {
    let stage = Stage::new().await;
    let id = made(&stage, TWO).await;
    stage.world.things().silent.insert("CreateLogGroup");
    stage.update("small", &TWO.replace("LogGroupName: x", "LogGroupName: y")).await.unwrap();
    there(&stage, "group/y").await;
    stage.world.things().silent.clear();
    written(&stage, |stack| stack.policy = Some(DENIES.to_owned())).await;
    assert_eq!(goes_on(&stage, &id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("group"), ["a", "x"]);
}

fn members(users: &str) -> String {
    format!(
        "Resources: {{X: {{Type: AWS::IAM::UserToGroupAddition, Properties: {{GroupName: g, Users: [{users}]}}}}}}"
    )
}

/// Somebody has put a user into the group by hand.
fn by_hand(stage: &Stage, user: &str) {
    let input = json!({ "GroupName": "g", "UserName": user });
    stage.world.things().existing.insert(format!("member/{user}"), input);
}

/// Waits until a user was put into the group for the stack, whether or not he was there.
async fn asked_for(stage: &Stage, user: &str) {
    let call = format!("iam:AddUserToGroup {user}");
    for _ in 0..2_000 {
        if stage.world.things().calls.contains(&call) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

#[tokio::test]
async fn the_way_back_takes_only_those_out_of_a_group_whom_the_update_put_there() {
    for users in ["a, hand, new", "a, new, hand"] {
        let stage = Stage::new().await;
        let id = made(&stage, &members("a")).await;
        by_hand(&stage, "hand");
        stage.world.things().silent.insert("AddUserToGroup");
        stage.update("small", &members(users)).await.unwrap();
        asked_for(&stage, users.split(", ").nth(1).unwrap()).await;
        stage.world.things().silent.clear();
        goes_back_from_update(&stage).await;
        assert_eq!(goes_on(&stage, &id).await, "UPDATE_ROLLBACK_COMPLETE", "{users}");
        assert_eq!(stage.world.names("member"), ["a", "hand"], "{users}");
    }
}

#[tokio::test]
async fn a_change_of_members_that_fails_takes_nobody_elses_out() {
    for creates in [false, true] {
        let stage = Stage::new().await;
        let id = if creates { None } else { Some(made(&stage, &members("a")).await) };
        by_hand(&stage, "hand");
        stage.world.things().broken_after.insert("AddUserToGroup".to_owned(), 2);
        let id = match id {
            Some(id) => {
                stage.update("small", &members("a, hand, new, more")).await.unwrap();
                id
            }
            None => made(&stage, &members("hand, new, more")).await,
        };
        stage.settled(&id).await;
        let left: &[&str] = if creates { &["hand"] } else { &["a", "hand"] };
        assert_eq!(stage.world.names("member"), left, "{creates}");
    }
}

#[tokio::test]
async fn a_finished_change_of_members_that_goes_back_takes_only_those_out_whom_it_put_there() {
    // Another resource fails behind it.
    let fails = |users: &str| {
        let text = members(users);
        let other = "Z: {Type: AWS::Logs::LogGroup, DependsOn: X, Properties: {LogGroupName: z}}}";
        format!("{}, {other}", text.strip_suffix('}').unwrap())
    };
    for creates in [false, true] {
        let stage = Stage::new().await;
        by_hand(&stage, "hand");
        let id = if creates { None } else { Some(made(&stage, &members("a, b")).await) };
        stage.world.things().broken.insert("CreateLogGroup".to_owned());
        let id = match id {
            Some(id) => {
                stage.update("small", &fails("b, hand, new")).await.unwrap();
                assert_eq!(stage.settled(&id).await, "UPDATE_ROLLBACK_COMPLETE");
                id
            }
            None => {
                let made = stage.create("small", &fails("hand, new")).await.unwrap();
                let id = made["StackId"].as_str().unwrap().to_owned();
                assert_eq!(stage.settled(&id).await, "ROLLBACK_COMPLETE");
                id
            }
        };
        let left: &[&str] = if creates { &["hand"] } else { &["a", "b", "hand"] };
        assert_eq!(stage.world.names("member"), left, "{creates}");
        if creates {
            continue;
        }
        // What goes forward takes out whoever is listed no more, and a deletion all that are listed.
        stage.world.things().broken.clear();
        stage.update("small", &members("a, hand")).await.unwrap();
        assert_eq!(stage.settled(&id).await, "UPDATE_COMPLETE");
        assert_eq!(stage.world.names("member"), ["a", "hand"]);
        by_hand(&stage, "other");
        stage.call("DeleteStack", json!({ "StackName": "small" })).await.unwrap();
        assert_eq!(stage.settled(&id).await, "DELETE_COMPLETE");
        assert_eq!(stage.world.names("member"), ["other"]);
    }
}

#[tokio::test]
async fn a_deletion_takes_out_of_a_group_whom_a_change_that_stopped_put_there() {
    let stage = Stage::new().await;
    let id = made(&stage, &members("a")).await;
    by_hand(&stage, "hand");
    stage.world.things().silent.insert("AddUserToGroup");
    stage.update("small", &members("a, new, hand")).await.unwrap();
    asked_for(&stage, "new").await;
    stage.world.things().silent.clear();
    // The way back of a stack that never stood firm.
    written(&stage, |stack| {
        "ROLLBACK_IN_PROGRESS".clone_into(&mut stack.status);
        let operation = stack.operation.as_mut().unwrap();
        (operation.kind, operation.phase, operation.before) = (OperationKind::Create, Phase::Rollback, None);
    })
    .await;
    assert_eq!(goes_on(&stage, &id).await, "ROLLBACK_COMPLETE");
    assert_eq!(stage.world.names("member"), ["hand"]);
}

#[tokio::test]
async fn another_change_starts_from_what_one_that_stopped_may_have_come_to() {
    let stage = Stage::new().await;
    let id = made(&stage, &members("a")).await;
    stage.world.things().silent.insert("AddUserToGroup");
    stage.update("small", &members("a, new")).await.unwrap();
    asked_for(&stage, "new").await;
    stage.world.things().silent.clear();
    // An error of the platform's own ended the update where it was, and left it for the next one.
    written(&stage, |stack| {
        "UPDATE_FAILED".clone_into(&mut stack.status);
        stack.firm = stack.operation.take().and_then(|operation| operation.before);
    })
    .await;
    let again = restarted(&stage).await;
    again.update("small", &members("a")).await.unwrap();
    assert_eq!(again.settled(&id).await, "UPDATE_COMPLETE");
    assert_eq!(stage.world.names("member"), ["a"]);
}

#[tokio::test]
async fn a_policy_that_was_changed_in_one_holder_goes_back_where_another_holder_refuses() {
    let policy = |text: &str| {
        format!("Resources: {{X: {{Type: AWS::IAM::Policy, Properties: {{PolicyName: p, {text}}}}}}}")
    };
    let stage = Stage::new().await;
    let id = made(&stage, &policy("Roles: [r], PolicyDocument: {Statement: []}")).await;
    let before = stage.world.things().existing["inline/p"].clone();
    stage.world.things().silent.insert("PutRolePolicy");
    let next = policy("Roles: [r], Users: [u], PolicyDocument: {Statement: [{Effect: Deny}]}");
    stage.update("small", &next).await.unwrap();
    for _ in 0..2_000 {
        if stage.world.things().existing["inline/p"] != before {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    stage.world.things().silent.clear();
    let theirs = json!({ "UserName": "u", "PolicyName": "p", "PolicyDocument": "{}" });
    stage.world.things().existing.insert("users/p".to_owned(), theirs.clone());
    assert_eq!(goes_on(&stage, &id).await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(stage.world.things().existing["inline/p"], before);
    assert_eq!(stage.world.things().existing["users/p"], theirs);
}
