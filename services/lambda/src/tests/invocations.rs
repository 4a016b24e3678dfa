//! Invocations: answers, failures, aliases, concurrency, asynchronous events.

use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use serde_json::json;

use super::{Fixture, zip_base64};

#[tokio::test]
async fn an_invocation_answers_and_shows_its_log() {
    let fixture = Fixture::start().await;
    let input = json!({"FunctionName": "orders", "LogType": "Tail"});
    let answer = fixture.invoke(input, &json!({"n": 1})).await;
    assert_eq!((&answer["StatusCode"], &answer["ExecutedVersion"]), (&json!(200), &json!("$LATEST")));
    assert_eq!(answer["FunctionError"], json!(null));
    let payload = &answer["Payload"];
    assert_eq!((&payload["event"]["n"], &payload["variable"]), (&json!(1), &json!("hello-secret")));
    assert!(payload["key"].as_str().unwrap().starts_with("ASIA"));
    let log =
        base64::engine::general_purpose::STANDARD.decode(answer["LogResult"].as_str().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("START RequestId: ") && log.contains("event {\"n\":1}\n"), "{log}");
    let warm = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_eq!(warm["Payload"]["environment"], payload["environment"]);
    assert_eq!(warm["LogResult"], json!(null));
}

#[tokio::test]
async fn failures_of_the_function_are_answers() {
    let fixture = Fixture::start().await;
    let failed = fixture.invoke(json!({"FunctionName": "orders"}), &json!({"fail": true})).await;
    assert_eq!((&failed["StatusCode"], &failed["FunctionError"]), (&json!(200), &json!("Unhandled")));
    assert_eq!(failed["Payload"], json!({"errorType": "E"}));
    let ended = fixture.invoke(json!({"FunctionName": "orders"}), &json!({"exit": true})).await;
    assert_eq!(ended["Payload"]["errorType"], "Runtime.ExitError");
    assert_eq!(fixture.launcher.launched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_update_is_seen_by_the_next_invocation() {
    let fixture = Fixture::start().await;
    let first = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    let variables = json!({"FunctionName": "orders", "Environment": {"Variables": {"GREETING": "new"}}});
    fixture.ok("UpdateFunctionConfiguration", variables).await;
    assert_eq!(fixture.compute.figures().environments, 0);
    let second = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_eq!(second["Payload"]["variable"], "new");
    assert_ne!(second["Payload"]["environment"], first["Payload"]["environment"]);
    fixture.ok("UpdateFunctionCode", json!({"FunctionName": "orders", "ZipFile": zip_base64("2")})).await;
    let third = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_ne!(third["Payload"]["environment"], second["Payload"]["environment"]);
    fixture.ok("DeleteFunction", json!({"FunctionName": "orders"})).await;
    assert_eq!(fixture.compute.figures().environments, 0);
}

#[tokio::test]
async fn an_alias_runs_its_versions_by_weight() {
    let fixture = Fixture::start().await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    fixture.ok("UpdateFunctionConfiguration", json!({"FunctionName": "orders", "MemorySize": 256})).await;
    fixture.ok("PublishVersion", json!({"FunctionName": "orders"})).await;
    let alias = json!({"FunctionName": "orders", "Name": "live", "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}});
    let made = fixture.ok("CreateAlias", alias).await;
    assert_eq!(made["RoutingConfig"]["AdditionalVersionWeights"]["2"], 0.5);
    let mut seen = [0_usize; 2];
    for _ in 0..60 {
        let answer = fixture.invoke(json!({"FunctionName": "orders", "Qualifier": "live"}), &json!({})).await;
        assert_eq!(answer["ExecutedVersion"], answer["Payload"]["version"]);
        seen[usize::from(answer["ExecutedVersion"] == "2")] += 1;
    }
    assert!(seen.iter().all(|count| *count > 5), "{seen:?}");
}

#[tokio::test]
async fn a_reservation_of_zero_throttles_and_a_rehearsal_runs_nothing() {
    let fixture = Fixture::start().await;
    let rehearsed = fixture.ok("Invoke", json!({"FunctionName": "orders", "InvocationType": "DryRun"})).await;
    assert_eq!(rehearsed["StatusCode"], 204);
    fixture
        .ok("PutFunctionConcurrency", json!({"FunctionName": "orders", "ReservedConcurrentExecutions": 0}))
        .await;
    let fault = fixture
        .as_who(&fixture.kit.administrator(), "Invoke", json!({"FunctionName": "orders"}))
        .await
        .unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.status), ("TooManyRequestsException", 429));
    assert!(fault.members.iter().any(|(name, value)| *name == "Reason"
        && *value == protocol::Value::String("ReservedFunctionConcurrentInvocationLimitExceeded".into())));
    assert_eq!(fixture.launcher.launched.load(Ordering::SeqCst), 0);
    for (input, code) in [
        (json!({"FunctionName": "nothing"}), "ResourceNotFoundException"),
        (json!({"FunctionName": "orders", "Qualifier": "9"}), "ResourceNotFoundException"),
        (json!({"FunctionName": "orders", "Payload": "ew=="}), "InvalidRequestContentException"),
        (json!({"FunctionName": "orders", "ClientContext": "!"}), "InvalidRequestContentException"),
    ] {
        assert_eq!(fixture.refused("Invoke", input).await.0, code);
    }
}

#[tokio::test]
async fn an_event_is_accepted_durably_and_delivered_after_a_restart() {
    let fixture = Fixture::start().await;
    let payload = base64::engine::general_purpose::STANDARD.encode("{}");
    let event = json!({"FunctionName": "orders", "InvocationType": "Event", "Payload": payload});
    assert_eq!(fixture.ok("Invoke", event).await["StatusCode"], 202);
    assert_eq!(fixture.launcher.launched.load(Ordering::SeqCst), 0);
    let fixture = fixture.restarted().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut jobs = fixture.kit.pipeline.start_jobs(&stopped);
    for _ in 0..200 {
        if fixture.launcher.launched.load(Ordering::SeqCst) > 0 && fixture.compute.figures().idle > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(fixture.launcher.launched.load(Ordering::SeqCst), 1);
    stop.send(true).unwrap();
    while jobs.join_next().await.is_some() {}
    assert_eq!(fixture.compute.figures().environments, 0);
}
