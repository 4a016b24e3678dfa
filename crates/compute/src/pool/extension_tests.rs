//! Extensions and their telemetry, with functions that are tasks of the test and real loopback connections.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::tests::{Fixture, fixture};
use crate::contract::Exit;
use crate::function::{FunctionLogging, FunctionSpec, InvokeRequest, LogFormat};
use crate::testing::request;
use crate::testkit::{ApiClient, Runtime};

const REGISTER: &str = "/2020-01-01/extension/register";
const NEXT: &str = "/2020-01-01/extension/event/next";
const TELEMETRY: &str = "/2022-07-01/telemetry";

fn header<'h>(head: &'h str, name: &str) -> &'h str {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
}

async fn register(client: &mut ApiClient, name: &str, events: &Value) -> (String, Value) {
    let headers = format!("Lambda-Extension-Name: {name}\r\nLambda-Extension-Accept-Feature: accountId\r\n");
    let (head, body) = client.call("POST", REGISTER, &headers, &json!({"events": events}).to_string()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    (header(&head, "Lambda-Extension-Identifier").to_owned(), json!([head.get(9..12), body]))
}

/// Listens as a subscriber does, and keeps what comes.
async fn listen() -> (u16, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            loop {
                stream.read_buf(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes);
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                if body.len() == header(head, "Content-Length").parse::<usize>().unwrap() {
                    kept.lock().extend(serde_json::from_str::<Vec<Value>>(body).unwrap());
                    break;
                }
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    });
    (port, heard)
}

/// A function with an internal extension that takes a moment after each invocation.
async fn with_extension(mut runtime: Runtime, port: u16, events: Arc<Mutex<Vec<Value>>>) -> Exit {
    let mut client = runtime.other();
    let (id, seen) = register(&mut client, "inner", &json!(["INVOKE"])).await;
    events.lock().push(seen);
    let own = format!("Lambda-Extension-Identifier: {id}\r\n");
    let subscription = json!({"schemaVersion": "2022-12-13", "types": ["platform", "function"], "buffering": {"timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/t")}});
    runtime.print("before anyone listens");
    let (head, body) = client.call("PUT", TELEMETRY, &own, &subscription.to_string()).await;
    assert!(head.starts_with("HTTP/1.1 200") && body == "\"OK\"", "{head} {body}");
    tokio::spawn(async move {
        loop {
            let (_, event) = client.call("GET", NEXT, &own, "").await;
            events.lock().push(serde_json::from_str(&event).unwrap());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    loop {
        let (id, payload) = runtime.next().await;
        runtime.print(&payload);
        runtime.respond(&id, &payload).await;
    }
}

async fn until(holds: impl Fn() -> bool) {
    let begin = tokio::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(10), "it never came true");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn extended() -> (Fixture, Arc<Mutex<Vec<Value>>>, Arc<Mutex<Vec<Value>>>) {
    let (port, heard) = listen().await;
    let events: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&events);
    let mut fixture = fixture(move |runtime| with_extension(runtime, port, Arc::clone(&kept))).await;
    fixture.spec.logging = FunctionLogging { format: LogFormat::Json, ..FunctionLogging::default() };
    (fixture, events, heard)
}

#[tokio::test]
async fn callers_do_not_wait_for_extensions_and_environments_do() {
    let (fixture, events, heard) = extended().await;
    for payload in ["1", "2"] {
        let asked = InvokeRequest { wants_log_tail: false, ..request(payload) };
        let spec = Arc::new(fixture.spec.clone());
        let outcome = fixture.compute.invoke(&spec, asked).await.unwrap();
        assert_eq!(outcome.payload, payload);
        assert_eq!(fixture.compute.figures().executions, 1, "the extension is at work");
        until(|| fixture.compute.figures().executions == 0).await;
    }
    until(|| heard.lock().iter().filter(|record| record["type"] == "platform.report").count() == 2).await;
    let duration = |kind: &str| {
        let heard = heard.lock();
        let of = |record: &&Value| record["type"] == kind;
        heard.iter().find(of).unwrap()["record"]["metrics"]["durationMs"].as_f64().unwrap()
    };
    let waited = duration("platform.report") - duration("platform.runtimeDone");
    assert!(waited >= 100.0, "{waited}");
    assert_eq!(fixture.launched(), 1);
    let events = events.lock().clone();
    let registered = json!(["200", {"functionName": "orders", "functionVersion": "$LATEST", "handler": "app.handler", "accountId": "000000000000"}]);
    assert_eq!(events[0], registered);
    for event in &events[1..] {
        assert_eq!(event["eventType"], "INVOKE");
        assert_eq!(event["invokedFunctionArn"], fixture.spec.arn);
        assert!(event["deadlineMs"].is_i64() && event["requestId"].as_str().unwrap().len() == 36);
    }
    assert_eq!(events.len(), 3);
    // Who wants the end of the log waits for all of it.
    let whole = fixture.invoke("3").await;
    assert!(String::from_utf8_lossy(&whole.log_tail.unwrap_or_default()).contains("platform.report"));
}

#[tokio::test]
async fn subscribers_hear_all_in_order_also_what_was_before_them() {
    let (fixture, _events, heard) = extended().await;
    fixture.invoke("{\"level\":\"INFO\"}").await;
    until(|| heard.lock().iter().any(|record| record["type"] == "platform.report")).await;
    let heard = heard.lock();
    let kinds: Vec<&str> = heard.iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "platform.initStart",
            "function",
            "platform.telemetrySubscription",
            "platform.extension",
            "platform.initRuntimeDone",
            "platform.initReport",
            "platform.start",
            "function",
            "platform.runtimeDone",
            "platform.report",
        ]
    );
    assert_eq!(heard[1]["record"], "before anyone listens");
    assert_eq!(heard[7]["record"], json!({"level": "INFO"}));
    assert_eq!(heard[9]["record"]["status"], "success");
    assert_eq!(heard[3]["record"], json!({"name": "inner", "state": "Ready", "events": ["INVOKE"]}));
}

#[tokio::test]
async fn calls_that_make_no_sense_are_refused_in_the_apis_words() {
    let answers: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&answers);
    let fixture = fixture(move |mut runtime: Runtime| {
        let kept = Arc::clone(&kept);
        async move {
            let mut client = runtime.other();
            for (name, events) in
                [("", json!([])), ("a/b", json!([])), ("x", json!(["RESTORE"])), ("x", json!(["SHUTDOWN"]))]
            {
                let (_, answer) = register(&mut client, name, &events).await;
                kept.lock().push(format!(
                    "{} {}",
                    answer[0].as_str().unwrap(),
                    answer[1]["errorType"].as_str().unwrap()
                ));
            }
            let unknown = "Lambda-Extension-Identifier: 00000000-0000-0000-0000-000000000000\r\n";
            for (method, path, headers) in [
                ("GET", NEXT, ""),
                ("GET", NEXT, "Lambda-Extension-Identifier: x\r\n"),
                ("GET", NEXT, unknown),
                ("PUT", TELEMETRY, unknown),
            ] {
                let (head, body) = client.call(method, path, headers, "{}").await;
                let body: Value = serde_json::from_str(&body).unwrap();
                kept.lock().push(format!(
                    "{} {}",
                    head.get(9..12).unwrap(),
                    body["errorType"].as_str().unwrap()
                ));
            }
            let (id, _) = runtime.next().await;
            let (_, late) = register(&mut client, "late", &json!([])).await;
            kept.lock().push(format!(
                "{} {}",
                late[0].as_str().unwrap(),
                late[1]["errorType"].as_str().unwrap()
            ));
            runtime.respond(&id, "1").await;
            std::future::pending().await
        }
    })
    .await;
    fixture.invoke("1").await;
    let expected = [
        "403 Extension.InvalidExtensionName",
        "403 Extension.InvalidExtensionName",
        "403 Extension.InvalidEventType",
        "403 ShutdownEventNotSupportedForInternalExtension",
        "403 Extension.MissingExtensionIdentifier",
        "403 Extension.InvalidExtensionIdentifier",
        "403 Extension.UnknownExtensionIdentifier",
        "403 Extension.UnknownExtensionIdentifier",
        "403 Extension.RegistrationClosed",
    ];
    assert_eq!(*answers.lock(), expected);
}

#[tokio::test]
async fn an_extension_that_cannot_go_on_ends_the_environment() {
    let fixture = fixture(|mut runtime: Runtime| async move {
        let mut client = runtime.other();
        let (id, _) = register(&mut client, "inner", &json!(["INVOKE"])).await;
        let own = format!(
            "Lambda-Extension-Identifier: {id}\r\nLambda-Extension-Function-Error-Type: Extension.Broken\r\n"
        );
        tokio::spawn(async move {
            client.call("GET", NEXT, &own, "").await;
            client.call("POST", "/2020-01-01/extension/exit/error", &own, "").await;
        });
        drop(runtime.next().await);
        std::future::pending().await
    })
    .await;
    let spec = Arc::new(FunctionSpec { ..fixture.spec.clone() });
    let outcome = fixture.compute.invoke(&spec, request("1")).await.unwrap();
    let payload: Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!((outcome.is_function_error, &payload["errorType"]), (true, &json!("Extension.Broken")));
    until(|| fixture.compute.figures().environments == 0).await;
}

#[tokio::test]
async fn an_extension_that_cannot_come_up_is_told_as_other_faults_are() {
    let fixture = fixture(|runtime: Runtime| async move {
        let mut client = runtime.other();
        let (id, _) = register(&mut client, "inner", &json!(["INVOKE"])).await;
        let own = format!(
            "Lambda-Extension-Identifier: {id}\r\nLambda-Extension-Function-Error-Type: Extension.NoGo\r\n"
        );
        client.call("POST", "/2020-01-01/extension/init/error", &own, "").await;
        std::future::pending().await
    })
    .await;
    let outcome = fixture.invoke("1").await;
    let payload: Value = serde_json::from_slice(&outcome.payload).unwrap();
    assert_eq!((outcome.is_function_error, &payload["errorType"]), (true, &json!("Extension.NoGo")));
    let message = payload["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("RequestId: ") && message.contains(" Error: "), "{message}");
    let log = String::from_utf8(outcome.log_tail.unwrap()).unwrap();
    let report = log.lines().find(|line| line.starts_with("REPORT ")).unwrap();
    assert!(report.contains("Status: error\tError Type: Extension.NoGo"), "{log}");
}
