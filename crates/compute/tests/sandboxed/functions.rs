//! Functions that work: Python, Node.js, and an executable of the package's own.

use serde_json::{Value, json};

use crate::support::{host, log, text};

const PYTHON: &str = r#"
import json, os, urllib.request
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    print("count", COUNT)
    door = urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"]).read().decode()
    return {"event": event, "count": COUNT, "greeting": os.environ["GREETING"], "door": door,
        "id": context.aws_request_id, "arn": context.invoked_function_arn, "stream": context.log_stream_name,
        "title": context.client_context.client.app_title, "left": context.get_remaining_time_in_millis(),
        "region": os.environ["AWS_REGION"], "key": os.environ["AWS_ACCESS_KEY_ID"]}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_function_sees_its_context_its_role_and_its_door() {
    let host = host().await;
    let spec = host.function("python3.12", &[("app.py", PYTHON)]).await;
    for count in 1..=3 {
        let outcome = host.invoke(&spec, r#"{"a":"ä"}"#).await;
        let answer: Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(
            (&answer["event"], &answer["count"]),
            (&json!({"a": "ä"}), &json!(count)),
            "{}",
            text(&outcome)
        );
        assert_eq!(answer["greeting"], "hello");
        assert_eq!(answer["door"], "arn:aws:iam::000000000000:role/r $LATEST");
        assert_eq!(answer["title"], "t");
        assert!((1..=20_000).contains(&answer["left"].as_i64().unwrap()));
        assert!(answer["stream"].as_str().unwrap().contains("/[$LATEST]"));
        assert!(log(&outcome).contains(&format!("count {count}\n")), "{}", log(&outcome));
        assert!(log(&outcome).contains(answer["id"].as_str().unwrap()));
        assert_eq!(outcome.init_duration.is_some(), count == 1);
    }
}

const NODE: &str = r#"
exports.handler = async (event, context) => {
    console.log("hello from node");
    return { event, version: context.functionVersion, memory: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE };
};
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_function_answers_and_logs() {
    let host = host().await;
    let spec = host.function("nodejs20.x", &[("app.js", NODE)]).await;
    for _ in 0..2 {
        let outcome = host.invoke(&spec, "[1]").await;
        let answer: Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(answer, json!({"event": [1], "version": "$LATEST", "memory": "256"}));
        assert!(log(&outcome).contains("hello from node"), "{}", log(&outcome));
    }
}

// A new connection for each request, as shell runtimes make them.
const SHELL: &str = r#"#!/bin/bash
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
host=${AWS_LAMBDA_RUNTIME_API%:*}
port=${AWS_LAMBDA_RUNTIME_API#*:}
while true; do
  exec 3<>"/dev/tcp/$host/$port"
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
  id=""; length=0
  while IFS= read -r line <&3; do
    line=${line%$'\r'}
    [ -z "$line" ] && break
    case "$line" in
      Lambda-Runtime-Aws-Request-Id:*) id=${line#*: } ;;
      Content-Length:*) length=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$length" event <&3
  exec 3>&-
  exec 4<>"/dev/tcp/$host/$port"
  body="shell $event"
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%s\r\n0\r\n\r\n' "$id" "${#body}" "$body" >&4
  IFS= read -r status <&4
  exec 4>&-
done
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_of_the_packages_own_may_open_a_connection_for_each_request() {
    let host = host().await;
    let spec = host.function("provided.al2023", &[("bootstrap", SHELL)]).await;
    for n in 0..5 {
        let outcome = host.invoke(&spec, &n.to_string()).await;
        assert_eq!(text(&outcome), format!("shell {n}"), "{}", log(&outcome));
    }
    assert_eq!(host.compute.figures().environments, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_environment_is_frozen_and_wakes() {
    let host = host().await;
    let code = r"
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.01)
        ticks += 1
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    return ticks
";
    let spec = host.function("python3.12", &[("app.py", code)]).await;
    let ticks = |text: String| text.parse::<u64>().unwrap();
    let before = ticks(text(&host.invoke(&spec, "0").await));
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let after = ticks(text(&host.invoke(&spec, "0").await));
    assert!(after - before < 60, "it ran on for {} ticks of 10 ms while it was idle", after - before);
}
