//! What functions and the libraries in them find around them, as on Lambda: start-up files, options of their interpreter, names.

use base::SecretString;
use compute::{FunctionSpec, LogFormat};
use serde_json::{Value, json};

use crate::parked::wait_for_parked;
use crate::support::{Host, host, log, text};

async fn answer(host: &Host, spec: &FunctionSpec) -> Value {
    let outcome = host.invoke(spec, "{}").await;
    serde_json::from_str(&text(&outcome)).unwrap_or_else(|_| panic!("{} {}", text(&outcome), log(&outcome)))
}

const HEAP: &str = r#"
const { heap_size_limit } = require('v8').getHeapStatistics();
const kept = [];
exports.handler = async () => {
    for (let i = 0; i < 60; i++) {
        kept.push({ x: new Array(20000).fill(i + 0.5) });
        if (i % 3) kept.pop();
        for (let j = 0; j < 20; j++) new Array(50000).fill(j);
    }
    return { limit: Math.round(heap_size_limit / 2 ** 20), gc: typeof gc, head: require('http').maxHeaderSize,
        beside: require('lib/beside'), tag: require('v8').cachedDataVersionTag() };
};
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_heap_of_node_is_as_large_as_the_functions_memory_has_room_for() {
    let host = host().await;
    let files = [("app.js", HEAP), ("lib/beside.js", "module.exports = 'beside'")];
    let mut tags = Vec::new();
    for (memory_mib, ahead) in [(128, false), (128, true), (1_024, false)] {
        let mut spec = host.function("nodejs20.x", &files).await;
        spec.memory_mib = memory_mib;
        if ahead {
            host.compute.expect(&spec.runtime, spec.memory_mib, spec.tmp_mib);
            wait_for_parked(&host, 1).await;
        } else {
            spec.variables.push(("TZ".into(), SecretString::new("UTC")));
        }
        let mut answer = answer(&host, &spec).await;
        tags.push(answer["tag"].take());
        // V8 makes a semi-space a power of two, and counts three of them.
        let (new_space, limit) = (memory_mib / 10, answer["limit"].take());
        let semi_spaces = 3 * (new_space / 2).next_power_of_two();
        assert_eq!(limit, memory_mib - new_space + semi_spaces, "{memory_mib}");
        assert_eq!(
            answer,
            json!({"limit": null, "gc": "function", "head": 81_920, "beside": "beside", "tag": null})
        );
    }
    // What is compiled already fits a V8 of the same flags alone.
    assert_eq!(tags[0], tags[2]);
}

const MACHINE: &str = r#"
import { cpus, networkInterfaces } from 'os';
import { createRequire } from 'module';
const os = createRequire(import.meta.url)('os');
export const handler = async () => [cpus().length, os.cpus().length, Object.keys(networkInterfaces()), os.networkInterfaces().lo[0].internal];
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_is_told_of_processors_and_of_the_interface_that_there_is() {
    let host = host().await;
    for (memory_mib, processors) in [(128, 2), (3_008, 2), (3_009, 3), (10_240, 6)] {
        let mut spec = host.function("nodejs20.x", &[("app.mjs", MACHINE)]).await;
        spec.memory_mib = memory_mib;
        let answer = answer(&host, &spec).await;
        assert_eq!(answer, json!([processors, processors, ["lo"], true]), "{memory_mib}");
    }
}

const SITE: &str = r#"
import builtins, sys
import awslambdaric.lambda_context, awslambdaric.bootstrap, bootstrap
def handler(event, context):
    if event == "exit": exit(3)
    here = [getattr(builtins, name, None) for name in ("PACKAGE", "LAYER", "CUSTOM")]
    return here + [isinstance(context, awslambdaric.lambda_context.LambdaContext), awslambdaric.bootstrap is bootstrap,
        [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and not path.startswith("/opt")],
        sys.orig_argv[1:] if hasattr(sys, "orig_argv") else None]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_obeys_the_start_up_files_of_the_package_and_its_layers() {
    let host = host().await;
    let layer = [
        ("python/layer.pth", "import builtins; builtins.LAYER = 'pth'\n"),
        ("auto/sitecustomize.py", "import builtins; builtins.CUSTOM = 'sitecustomize'\n"),
        ("wrapper", "#!/bin/sh\nexport PYTHONPATH=/opt/auto:$PYTHONPATH\nexec \"$@\"\n"),
    ];
    let layer = host.function("python3.12", &layer).await.code;
    let files = [("app.py", SITE), ("own.pth", "import builtins; builtins.PACKAGE = 'pth'\n")];
    let mut spec = host.function("python3.12", &files).await;
    let plain = answer(&host, &spec).await;
    assert_eq!(
        plain.as_array().unwrap()[..6],
        [json!("pth"), json!(null), json!(null), json!(true), json!(true), json!([])]
    );
    spec.layers = vec![layer];
    spec.revision = crypto::random::uuid();
    assert_eq!(
        answer(&host, &spec).await.as_array().unwrap()[..3],
        [json!("pth"), json!("pth"), json!(null)]
    );
    for (name, value) in [("PYTHONPATH", "/opt/auto"), ("AWS_LAMBDA_EXEC_WRAPPER", "/opt/wrapper")] {
        spec.variables = vec![(name.into(), SecretString::new(value))];
        spec.revision = crypto::random::uuid();
        let found = answer(&host, &spec).await;
        let customized =
            [json!("pth"), json!("pth"), json!("sitecustomize"), json!(true), json!(true), json!([])];
        assert_eq!(found.as_array().unwrap()[..6], customized, "{name}");
    }
    // As wrappers know it: a program, and its script.
    assert_eq!(answer(&host, &spec).await[6], json!(["/var/runtime/bootstrap.py"]));
    let outcome = host.invoke(&spec, "\"exit\"").await;
    assert!(text(&outcome).contains("Runtime.ExitError"), "{}", text(&outcome));
}

const WATCHED: &str = r#"
import bootstrap
SEEN = []
def around(name, inner):
    def outer(*arguments, **named):
        SEEN.append(name)
        return inner(*arguments, **named)
    return outer
Client = bootstrap.LambdaRuntimeClient
def wrap(inner):
    def outer(client, handler, *arguments, **named):
        SEEN.append("request")
        return inner(client, lambda event, context: ["wrapped", handler(event, context)], *arguments, **named)
    return outer
bootstrap.handle_event_request = wrap(bootstrap.handle_event_request)
Client.post_invocation_result = around("result", Client.post_invocation_result)
Client.post_invocation_error = around("error", Client.post_invocation_error)
def handler(event, context):
    if event == "fail": raise ValueError("boom")
    return list(SEEN)
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn monitoring_libraries_can_stand_around_invocations() {
    let host = host().await;
    let spec = host.function("python3.12", &[("app.py", WATCHED)]).await;
    assert_eq!(answer(&host, &spec).await, json!(["wrapped", ["request"]]));
    assert!(text(&host.invoke(&spec, "\"fail\"").await).contains("boom"));
    assert_eq!(
        answer(&host, &spec).await,
        json!(["wrapped", ["request", "result", "request", "error", "request"]])
    );
}

const EXTRA: &str = r#"
import logging
def handler(event, context):
    extra = {"requestId": "forged", "timestamp": 0, "level": "DEBUG", "logger": "l", "tenantId": "t", "own": 1}
    logging.getLogger().error("x", extra=extra)
    logging.getLogger().log(25, "between")
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_function_adds_to_a_record_replaces_nothing_of_it() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", EXTRA)]).await;
    spec.logging.format = LogFormat::Json;
    let outcome = host.invoke(&spec, "{}").await;
    let said = log(&outcome);
    let records: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |message: &str| records.iter().find(|record| record["message"] == message).expect(message);
    let record = find("x");
    assert_eq!(
        (&record["level"], &record["logger"], &record["own"]),
        (&json!("ERROR"), &json!("root"), &json!(1))
    );
    assert!(record["timestamp"].is_string() && record.get("tenantId").is_none(), "{record}");
    assert_eq!(record["requestId"].as_str().unwrap().len(), 36, "{record}");
    assert_eq!(find("between")["level"], "INFO");
}
