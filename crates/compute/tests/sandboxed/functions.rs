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

const JSON: &str = r#"
import json, bootstrap, collections, decimal, enum
load, dump, ESC = bootstrap.load, bootstrap.dump, bootstrap.ESCAPE
class Text(str): pass
class Whole(int):
    def __repr__(self): return "another"
class Real(float): pass
class Choice(enum.IntEnum): A = 1
round_trip = []
round_trip.append(round_trip)
deep = []
for _ in range(100000): deep = [deep]
VALUES = [None, True, False, 0, -1, 10**400, 1.5, -0.0, 1e300, float("inf"), float("nan"), "", "\u00e9\u2028\ud800\"\\\n",
    [], {}, [1, [2]], {"a": {"b": []}}, {1: 2, None: 3, True: 4, 1.5: 5}, (1, 2), Text("x"), Whole(3), Real(2.5), Choice.A,
    collections.OrderedDict(b=1, a=2), {"k": Text("v")}, {Text("k"): 1}, {Whole(3): 1}, {Real(1.5): 2}, {Choice.A: 1},
    object(), {(1, 2): 3}, b"x", {1, 2}, round_trip, deep, [object()]]
TEXTS = [b"", b" ", b"{}", b' {"a":1} \n', b'{"a":1}x', b"nul", b"NaN", b"-Infinity", b"1e999", b"[1,]", b'{"a" 1}', b'"\\ud800"',
    b"\xff", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b'"\n"', b"[" * 100000, b'{"a":1,"a":2}', b"1 2", b"\x0b1",
    "\u00a01".encode(), b"123456789012345678901234567890", b'"\xed\xa0\x80"']
def outcome(function, value):
    try: return repr(function(value))
    except BaseException as error: return (type(error).__name__, str(error))
def plain(value):
    return json.dumps(value, ensure_ascii=ESC).encode("utf-8")
def handler(event, context):
    differ = [repr(value)[:50] for value in VALUES if outcome(dump, value) != outcome(plain, value)]
    differ += [repr(text)[:50] for text in TEXTS if outcome(load, text) != outcome(json.loads, text)]
    return {"compared": len(VALUES) + len(TEXTS), "differ": differ}
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_python_functions_read_and_answer_is_what_its_own_json_makes_of_it() {
    let host = host().await;
    for runtime in ["python3.9", "python3.11", "python3.13"] {
        let spec = host.function(runtime, &[("app.py", JSON)]).await;
        let answer = text(&host.invoke(&spec, "{}").await);
        assert_eq!(answer, r#"{"compared": 59, "differ": []}"#, "{runtime}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_surrogate_pair_is_no_answer_and_spoils_no_error() {
    let host = host().await;
    let code = "def handler(event, context):\n  if event: raise ValueError('\\ud800')\n  return '\\ud800'";
    let spec = host.function("python3.13", &[("app.py", code)]).await;
    let answer = text(&host.invoke(&spec, "{}").await);
    assert!(answer.contains("Runtime.MarshalError") && answer.contains("surrogates not allowed"), "{answer}");
    let raised = text(&host.invoke(&spec, "1").await);
    assert!(raised.contains(r#""errorMessage": "\ud800""#) && raised.contains("ValueError"), "{raised}");
    let escaped = host.function("python3.11", &[("app.py", code)]).await;
    assert_eq!(text(&host.invoke(&escaped, "{}").await), r#""\ud800""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runtime_decides_what_is_escaped_and_not_the_python_that_stands_in_for_it() {
    let host = host().await;
    // No host has all of these, and none has the first.
    for (runtime, expected) in [
        ("python3.8", r#""\u00e9""#),
        ("python3.11", r#""\u00e9""#),
        ("python3.12", "\"\u{e9}\""),
        ("python3.14", "\"\u{e9}\""),
    ] {
        let code = "def handler(event, context): return '\\u00e9'";
        let mut spec = host.function(runtime, &[("app.py", code)]).await;
        host.compute.expect(runtime, spec.memory_mib, spec.tmp_mib);
        crate::parked::wait_for_parked(&host, 1).await;
        assert_eq!(text(&host.invoke(&spec, "{}").await), expected, "{runtime}, started ahead");
        // Bound at the start of the interpreter.
        spec.variables.push(("TZ".into(), base::SecretString::new("UTC")));
        spec.revision = crypto::random::uuid();
        assert_eq!(text(&host.invoke(&spec, "{}").await), expected, "{runtime}");
    }
}

const LOGGING: &str = r#"
import sys
before = "logging" in sys.modules
import logging
early = len(logging.getLogger().handlers)
logging.basicConfig(level=logging.INFO)
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    logging.getLogger("own").info("said")
    return [before, early, len(logging.getLogger().handlers), type(logging.__loader__).__name__,
        type(logging.__spec__.loader).__name__, len([f for f in sys.meta_path if "Watch" in type(f).__name__])]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_is_set_up_when_it_is_loaded_and_not_before() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", LOGGING)]).await;
    // Bound at the start of the interpreter, so that nothing was started ahead, and nothing was loaded.
    spec.variables.push(("TZ".into(), base::SecretString::new("UTC")));
    // The first start runs the bootstrap's source, a later one its byte code.
    for _ in 0..2 {
        let outcome = host.invoke(&spec, "{}").await;
        assert_eq!(text(&outcome), r#"[false, 1, 1, "SourceFileLoader", "SourceFileLoader", 0]"#);
        assert!(log(&outcome).contains("[INFO]\t"), "{}", log(&outcome));
        assert!(log(&outcome).contains("\tsaid\n"), "{}", log(&outcome));
        host.compute.retire(&spec.arn, None);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

const PYTHON_LINES: &str = r#"
import logging
def handler(event, context):
    try: 1 / 0
    except ZeroDivisionError: logging.exception("caught")
    print("10%\r20%")
    raise ValueError("one\ntwo")
"#;
const NODE_LINES: &str = "exports.handler = async () => { console.log('one\\ntwo'); };";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_one_event_end_in_line_feeds_and_carriage_returns_stay() {
    let host = host().await;
    let spec = host.function("python3.12", &[("app.py", PYTHON_LINES)]).await;
    let outcome = host.invoke(&spec, "{}").await;
    let said = log(&outcome);
    assert!(said.contains("\tcaught\nTraceback (most recent call last):\n"), "{said:?}");
    assert!(said.contains("\n10%\r20%\n"), "{said:?}");
    assert!(
        said.contains("\n[ERROR] ValueError: one\ntwo\nTraceback (most recent call last):\n\u{a0}\u{a0}File"),
        "{said:?}"
    );
    assert_eq!((said.matches('\r').count(), said.contains('\0')), (1, false), "{said:?}");
    let spec = host.function("nodejs20.x", &[("app.js", NODE_LINES)]).await;
    let outcome = host.invoke(&spec, "{}").await;
    assert!(log(&outcome).contains("\tINFO\tone\ntwo\n"), "{:?}", log(&outcome));
}
