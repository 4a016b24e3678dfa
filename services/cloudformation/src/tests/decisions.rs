//! What is decided on one state of a stack is not carried out on another.

use serde_json::json;
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

#[tokio::test]
async fn leave_for_a_stack_is_none_once_it_is_tagged_otherwise() {
    let stage = Stage::new().await;
    stage.create("one", SMALL).await.unwrap();
    stage.settled("one").await;
    stage.rested().await;
    let leave = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = stage.kit.user("who", json!([leave])).await;
    let policy =
        json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]});
    let operations = [
        ("SetStackPolicy", json!({"StackName": "one", "StackPolicyBody": policy.to_string()})),
        ("UpdateTerminationProtection", json!({"StackName": "one", "EnableTerminationProtection": true})),
        ("DeleteStack", json!({"StackName": "one"})),
    ];
    for (operation, input) in operations {
        std::thread::spawn(tag(&stage, "pub")).join().unwrap();
        then(Moment::Work, tag(&stage, "sec"));
        let refused = stage.kit.json(&who, "cloudformation", operation, &input).await;
        assert!(is_over(), "{operation}");
        let fault = refused.expect_err(operation);
        assert!(fault.code.starts_with("AccessDenied"), "{operation}: {fault:?}");
        assert_ne!(stage.describe("one").await["EnableTerminationProtection"], true);
    }
}
