//! Environments that were started ahead: who gets them, what they become, and that nothing of one is in another.

use std::time::{Duration, Instant};

use base::SecretString;
use serde_json::{Value, json};

use crate::support::{Host, host, text};

const PYTHON: &str = r#"
import os, random, sys
MEMORY = random.random()
def handler(event, context):
    return {"cwd": os.getcwd(), "files": sorted(os.listdir(".")), "path": sys.path[0], "greeting": os.environ.get("GREETING"),
        "parked": os.environ.get("FASTNESS_PARKED"), "name": context.function_name, "stream": context.log_stream_name,
        "memory": context.memory_limit_in_mb, "random": MEMORY, "hash": hash("a"), "tz": os.environ["TZ"], "argv": sys.argv}
"#;

const NODE: &str = r#"
const fs = require('fs');
exports.handler = async (event, context) => ({ cwd: process.cwd(), files: fs.readdirSync('.').sort(), greeting: process.env.GREETING,
    parked: process.env.FASTNESS_PARKED, name: context.functionName, tz: process.env.TZ });
"#;

pub(crate) async fn wait_for_parked(host: &Host, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while host.compute.figures().parked < count {
        assert!(Instant::now() < deadline, "nothing was started ahead");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_function_finds_itself_in_an_environment_that_was_there_before() {
    let host = host().await;
    let mut seen: Vec<Value> = Vec::new();
    for n in 0..3 {
        let mut spec = host.function("python3.12", &[("app.py", PYTHON), (&format!("f{n}.txt"), "")]).await;
        spec.variables = vec![("GREETING".into(), SecretString::new(format!("hello {n}")))];
        host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
        wait_for_parked(&host, 1).await;
        let began = Instant::now();
        let answer: Value = serde_json::from_slice(&host.invoke(&spec, "{}").await.payload).unwrap();
        println!("cold start of Python, started ahead: {:?}", began.elapsed());
        assert_eq!(answer["cwd"], "/var/task");
        assert_eq!(answer["files"], json!(["app.py", format!("f{n}.txt")]));
        assert_eq!(answer["path"], "/var/task");
        assert_eq!(answer["greeting"], format!("hello {n}"));
        assert_eq!(
            (&answer["parked"], &answer["name"], &answer["memory"]),
            (&Value::Null, &json!("f"), &json!("256"))
        );
        assert_eq!(answer["argv"].as_array().unwrap().len(), 1);
        // The next invocation is in the same one, and it is no longer anybody else's.
        let again: Value = serde_json::from_slice(&host.invoke(&spec, "{}").await.payload).unwrap();
        assert_eq!(answer["random"], again["random"]);
        seen.push(answer);
    }
    for what in ["random", "hash", "stream"] {
        assert!(seen[0][what] != seen[1][what] && seen[1][what] != seen[2][what], "{what} {seen:?}");
    }
    assert_eq!(host.compute.figures().environments, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_function_finds_itself_in_an_environment_that_was_there_before() {
    let host = host().await;
    let spec = host.function("nodejs20.x", &[("app.js", NODE), ("f.txt", "")]).await;
    host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
    wait_for_parked(&host, 1).await;
    let began = Instant::now();
    let answer = text(&host.invoke(&spec, "{}").await);
    println!("cold start of Node.js, started ahead: {:?}", began.elapsed());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        answer,
        json!({"cwd": "/var/task", "files": ["app.js", "f.txt"], "greeting": "hello", "name": "f", "tz": ":UTC"})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_that_bind_at_exec_get_an_environment_of_their_own() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", PYTHON)]).await;
    spec.variables = vec![
        ("PYTHONHASHSEED".into(), SecretString::new("0")),
        ("TZ".into(), SecretString::new("Europe/Vienna")),
    ];
    host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
    wait_for_parked(&host, 1).await;
    let answer: Value = serde_json::from_slice(&host.invoke(&spec, "{}").await.payload).unwrap();
    assert_eq!(answer["tz"], "Europe/Vienna");
    // Beside it there may be a sandbox without a program by now, since one was wanted.
    assert!(host.compute.figures().parked >= 1, "what was started ahead is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_started_ahead_and_died_is_replaced_unnoticed() {
    let host = host().await;
    let spec = host.function("python3.12", &[("app.py", "def handler(e, c):\n    return 1\n")]).await;
    host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
    wait_for_parked(&host, 1).await;
    assert!(kill_parked() > 0);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let outcome = host.invoke(&spec, "{}").await;
    assert_eq!((text(&outcome).as_str(), outcome.is_function_error), ("1", false));
}

/// Kills every interpreter below this process that awaits a function.
fn kill_parked() -> usize {
    let own = std::process::id().to_string();
    let status = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let parent = |pid: &str| {
        let text = status(pid);
        text.lines()
            .find_map(|line| line.strip_prefix("PPid:"))
            .map(|pid| pid.trim().to_owned())
            .unwrap_or_default()
    };
    let descends = |pid: &str| {
        let mut at = pid.to_owned();
        while !at.is_empty() && at != "0" && at != own {
            at = parent(&at);
        }
        at == own
    };
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains("/var/runtime/bootstrap.py") && descends(&pid) {
            std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
            killed += 1;
        }
    }
    killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_stand_in_an_environment_that_was_there_before() {
    let host = host().await;
    let layer = host.function("python3.12", &[("python/shared.py", "NAME = 'from the layer'\n")]).await.code;
    let app = "import shared\ndef handler(e, c):\n    return shared.NAME\n";
    let mut spec = host.function("python3.12", &[("app.py", app)]).await;
    spec.layers = vec![layer];
    host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
    wait_for_parked(&host, 1).await;
    assert_eq!(text(&host.invoke(&spec, "{}").await), "\"from the layer\"");
}

/// Idle functions do not run: a thread that counts stands still between invocations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_environment_is_frozen_and_goes_on_where_it_was() {
    let host = host().await;
    let app = "import threading, time\nCOUNT = 0\ndef count():\n    global COUNT\n    while True:\n        COUNT += 1\n        time.sleep(0.01)\n\
        threading.Thread(target=count, daemon=True).start()\ndef handler(e, c):\n    return COUNT\n";
    let spec = host.function("python3.12", &[("app.py", app)]).await;
    let count = async || text(&host.invoke(&spec, "{}").await).parse::<u64>().unwrap();
    let before = count().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = count().await;
    assert!(after - before < 100, "it ran while it was idle: {before} {after}");
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert!(count().await > after, "it does not run when it may");
}

const ANY: &str = r#"#!/usr/bin/python3 -S
import json, os, urllib.request
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    call = urllib.request.urlopen(API + "next")
    told = {"greeting": os.environ["GREETING"], "cwd": os.getcwd(), "files": sorted(os.listdir(".")), "tz": os.environ["TZ"],
        "parked": os.environ.get("FASTNESS_PARKED"), "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]}
    urllib.request.urlopen(API + call.headers["Lambda-Runtime-Aws-Request-Id"] + "/response", json.dumps(told).encode()).read()
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_executable_of_the_packages_own_finds_a_sandbox_that_was_there_before() {
    let host = host().await;
    for n in 0..3 {
        let name = format!("f{n}.txt");
        let mut spec = host.function("provided.al2023", &[("bootstrap", ANY), (&name, "")]).await;
        spec.variables = vec![("GREETING".into(), SecretString::new(format!("hello {n}")))];
        host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
        wait_for_parked(&host, 1).await;
        let began = Instant::now();
        let answer: Value = serde_json::from_slice(&host.invoke(&spec, "{}").await.payload).unwrap();
        println!("cold start of an executable, sandbox made ahead: {:?}", began.elapsed());
        let expected = json!({"greeting": format!("hello {n}"), "cwd": "/var/task", "files": ["bootstrap", name], "tz": ":UTC",
            "parked": null, "memory": "256"});
        assert_eq!(answer, expected);
        host.compute.retire(&spec.arn, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_that_are_read_at_exec_are_there_in_a_sandbox_that_was_made_ahead() {
    let host = host().await;
    for n in 0..2 {
        let mut spec = host.function("python3.12", &[("app.py", PYTHON)]).await;
        spec.variables = vec![("TZ".into(), SecretString::new("Asia/Tokyo"))];
        if n > 0 {
            // The first one made it known that such sandboxes are wanted.
            wait_for_parked(&host, 1).await;
        }
        let answer: Value = serde_json::from_slice(&host.invoke(&spec, "{}").await.payload).unwrap();
        assert_eq!(
            (&answer["tz"], &answer["parked"], &answer["cwd"]),
            (&json!("Asia/Tokyo"), &Value::Null, &json!("/var/task"))
        );
        host.compute.retire(&spec.arn, None);
    }
}
