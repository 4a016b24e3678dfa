//! What is decided on one state of a stack is not carried out on another.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};
use service::testkit::between::{Moment, is_over, then};

use super::{SMALL, Stage};
use crate::stacks;

/// The stack is tagged so, as an update would do it.
fn tag(stage: &Stage, value: &'static str) -> impl FnOnce() + Send + 'static {
    let (store, account) = (stage.state.store.clone(), stage.kit.account);
    let region = stage.kit.pipeline.region().clone();
    move || {
        let done: Result<(), crate::Error> = store.transact_blocking(|tx| {
            let mut stack = stacks::find(tx, account, &region, "one")?.expect("the stack");
            stack.content.tags = [("c".to_owned(), value.to_owned())].into_iter().collect();
            stacks::save(tx, &stack)
        });
        done.unwrap();
    }
}

/// A stack, and someone who has leave for what is tagged `pub`.
async fn staged() -> (Stage, Arc<Principal>) {
    let stage = Stage::new().await;
    stage.create("one", SMALL).await.unwrap();
    stage.settled("one").await;
    stage.rested().await;
    let leave = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = stage.kit.user("who", json!([leave])).await;
    (stage, who)
}

/// The call is refused where the stack is tagged otherwise between the decision and the work.
async fn is_refused(stage: &Stage, who: &Arc<Principal>, operation: &str, input: &Value) {
    std::thread::spawn(tag(stage, "pub")).join().unwrap();
    then(Moment::Work, tag(stage, "sec"));
    let refused = stage.kit.json(who, "cloudformation", operation, input).await;
    assert!(is_over(), "{operation}");
    let fault = refused.expect_err(operation);
    assert!(fault.code.starts_with("AccessDenied"), "{operation}: {fault:?}");
}

#[tokio::test]
async fn leave_for_a_stack_is_none_once_it_is_tagged_otherwise() {
    let (stage, who) = staged().await;
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]});
    let operations = [
        ("SetStackPolicy", json!({"StackName": "one", "StackPolicyBody": policy.to_string()})),
        ("UpdateTerminationProtection", json!({"StackName": "one", "EnableTerminationProtection": true})),
        ("DeleteStack", json!({"StackName": "one"})),
    ];
    for (operation, input) in operations {
        is_refused(&stage, &who, operation, &input).await;
        assert_ne!(stage.describe("one").await["EnableTerminationProtection"], true);
    }
}

#[tokio::test]
async fn leave_to_read_a_stack_is_none_once_it_is_tagged_otherwise() {
    let (stage, who) = staged().await;
    let operations = [
        ("DescribeStacks", json!({})),
        ("GetTemplate", json!({})),
        ("GetTemplate", json!({"ChangeSetName": "set"})),
        ("GetTemplateSummary", json!({})),
        ("DescribeStackEvents", json!({})),
        ("DescribeEvents", json!({})),
        ("DescribeStackResource", json!({"LogicalResourceId": "Table"})),
        ("DescribeStackResources", json!({})),
        ("ListStackResources", json!({})),
        ("GetStackPolicy", json!({})),
        ("ListChangeSets", json!({})),
        ("DescribeChangeSet", json!({"ChangeSetName": "set"})),
        ("DescribeStackResourceDrifts", json!({})),
    ];
    for (operation, more) in operations {
        let mut input = json!({"StackName": "one"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        is_refused(&stage, &who, operation, &input).await;
    }
}

/// These end before they change anything: what they answer then is shown too.
#[tokio::test]
async fn why_a_change_ends_early_is_not_told_once_the_stack_is_tagged_otherwise() {
    let (stage, who) = staged().await;
    let operations = [
        ("DetectStackResourceDrift", json!({"LogicalResourceId": "None"})),
        ("DetectStackDrift", json!({"LogicalResourceIds": ["None"]})),
        ("SignalResource", json!({"LogicalResourceId": "None", "UniqueId": "1", "Status": "SUCCESS"})),
        ("ExecuteChangeSet", json!({"ChangeSetName": "none"})),
        ("DeleteChangeSet", json!({"ChangeSetName": "none"})),
        ("RollbackStack", json!({})),
        ("ContinueUpdateRollback", json!({})),
    ];
    for (operation, more) in operations {
        let mut input = json!({"StackName": "one"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        is_refused(&stage, &who, operation, &input).await;
    }
}
