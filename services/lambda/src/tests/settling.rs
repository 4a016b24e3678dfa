//! What follows a change follows it, too, where the caller goes away before he knows of it.

use std::task::Poll;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Fixture, create_input};

/// Makes a call whose caller goes away while its change waits for the disk.
async fn cut(fixture: &Fixture, operation: &str, input: Value) {
    // A commit that takes as long as this wants.
    let (begun, has_begun) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let slow = fixture.kit.pipeline.store().transact(|transaction| {
        transaction.after_commit(move || {
            begun.send(()).unwrap();
            may_go_on.recv().unwrap();
        });
        Ok::<_, store::StoreError>(())
    });
    let slow = async { slow.await.unwrap() };
    let cut = async {
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let administrator = fixture.kit.administrator();
        let mut call = Box::pin(fixture.as_who(&administrator, operation, input));
        for _ in 0..50 {
            let polled = std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready()));
            assert!(!polled.await, "the commit has not ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(call);
        go_on.send(()).unwrap();
    };
    tokio::join!(slow, cut);
    fixture.kit.pipeline.store().flush().await.unwrap();
}

async fn until(fixture: &Fixture, environments: usize) {
    let met = async {
        while fixture.compute.figures().environments != environments {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let met = tokio::time::timeout(Duration::from_secs(10), met).await;
    assert!(met.is_ok(), "{environments}: {:?}", fixture.compute.figures());
}

#[tokio::test]
async fn what_is_kept_ready_follows_changes_whose_callers_went_away() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    let config = json!({"FunctionName": "orders", "Qualifier": "1"});
    let mut wanted = config.clone();
    wanted["ProvisionedConcurrentExecutions"] = json!(2);
    cut(&fixture, "PutProvisionedConcurrencyConfig", wanted.clone()).await;
    until(&fixture, 2).await;
    cut(&fixture, "DeleteProvisionedConcurrencyConfig", config).await;
    until(&fixture, 0).await;
    fixture.ok("PutProvisionedConcurrencyConfig", wanted).await;
    until(&fixture, 2).await;
    cut(&fixture, "DeleteFunction", json!({"FunctionName": "orders"})).await;
    until(&fixture, 0).await;
    fixture.ok("CreateFunction", create_input()).await;
}

#[tokio::test]
async fn a_changed_functions_environments_end_though_its_caller_went_away() {
    let fixture = Fixture::start().await;
    fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    until(&fixture, 1).await;
    let refused = json!({"FunctionName": "orders", "Description": "d", "RevisionId": "another"});
    fixture.refused("UpdateFunctionConfiguration", refused).await;
    assert_eq!(fixture.compute.figures().environments, 1, "a refused change ends nothing");
    let changed = json!({"FunctionName": "orders", "Description": "d"});
    cut(&fixture, "UpdateFunctionConfiguration", changed).await;
    until(&fixture, 0).await;
}
