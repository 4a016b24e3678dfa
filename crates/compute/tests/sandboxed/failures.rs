//! Functions that fail, and what their callers and logs are told.

use std::time::Duration;

use serde_json::Value;

use crate::support::{host, log, text};

fn failure(outcome: &compute::InvokeOutcome) -> (String, String) {
    assert!(outcome.is_function_error, "{}", text(outcome));
    let failure: Value = serde_json::from_slice(&outcome.payload).unwrap();
    let part = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
    (part("errorType"), part("errorMessage"))
}

const MOODS: &str = r#"
import os, sys, time
def handler(event, context):
    print("doing", event)
    if event == "raise":
        raise ValueError("no")
    if event == "sleep":
        time.sleep(60)
    if event == "exit":
        os._exit(3)
    if event == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(16 << 20))
    if event == "large":
        return "x" * (7 << 20)
    return event
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_failure_has_its_own_name() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", MOODS)]).await;
    spec.timeout = Duration::from_secs(60);
    let raised = host.invoke(&spec, "\"raise\"").await;
    assert_eq!(failure(&raised), ("ValueError".into(), "no".into()));
    let large = host.invoke(&spec, "\"large\"").await;
    assert_eq!(failure(&large).0, "Function.ResponseSizeTooLarge");
    let ended = host.invoke(&spec, "\"exit\"").await;
    let (kind, message) = failure(&ended);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with("Error: Runtime exited with error: exit status 3"), "{message}");
    assert!(log(&ended).contains("Status: error\tError Type: Runtime.ExitError"), "{}", log(&ended));
    let hungry = host.invoke(&spec, "\"memory\"").await;
    assert_eq!(failure(&hungry).0, "Runtime.OutOfMemory", "{}", log(&hungry));
    assert_eq!(text(&host.invoke(&spec, "\"fine\"").await), "\"fine\"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_never_settles_and_handlers_of_another_time_are_told() {
    let host = host().await;
    let lost = "Runtime.NodeJsExit";
    for (runtime, code, expected) in [
        ("nodejs22.x", "async () => new Promise(() => {})", lost),
        ("nodejs22.x", "async () => { await new Promise((done) => setTimeout(done, 50).unref()); }", lost),
        // Who promised nothing has nothing to answer.
        ("nodejs22.x", "() => {}", "null"),
        ("nodejs22.x", "(event, context, done) => done(null, 1)", "1"),
        ("nodejs22.x", "async () => { throw null; }", "string"),
        ("nodejs24.x", "(event, context, done) => done(null, 1)", "Runtime.CallbackHandlerDeprecated"),
        (
            "nodejs24.x",
            "async (event, context) => [context.done, 'callbackWaitsForEmptyEventLoop' in context]",
            "[null,false]",
        ),
        ("nodejs22.x", "awslambda.streamifyResponse((event, stream) => { stream.end('x'); })", "Error"),
        (
            "nodejs24.x",
            "awslambda.streamifyResponse(async (event, stream, context) => { stream.end('x'); })",
            "x",
        ),
    ] {
        let spec = host.function(runtime, &[("app.js", &format!("exports.handler = {code};\n"))]).await;
        let outcome = host.invoke(&spec, "{}").await;
        let found = if outcome.is_function_error { failure(&outcome).0 } else { text(&outcome) };
        assert_eq!(found, expected, "{runtime}: {code}: {}", text(&outcome));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_uses_up_the_memory_takes_the_environment_along() {
    let host = host().await;
    let code = r#"
import subprocess, sys, time
def handler(event, context):
    if event == "child":
        subprocess.run([sys.executable, "-c", "hoard = []\nwhile True: hoard.append(bytearray(16 << 20))"])
        time.sleep(1)
    return event
"#;
    let mut spec = host.function("python3.12", &[("app.py", code)]).await;
    spec.timeout = Duration::from_secs(60);
    assert_eq!(text(&host.invoke(&spec, "\"fine\"").await), "\"fine\"");
    let hungry = host.invoke(&spec, "\"child\"").await;
    let (kind, message) = failure(&hungry);
    assert_eq!(kind, "Runtime.OutOfMemory", "{}", log(&hungry));
    assert!(message.ends_with("Error: Runtime exited with error: signal: killed"), "{message}");
    assert_eq!(host.compute.figures().environments, 0);
}

const STORAGE: &str = r#"
import os, time
def handler(event, context):
    if event == "write":
        with open("/tmp/large", "wb", buffering=0) as file:
            for _ in range(400):
                file.write(b"x" * (1 << 20))
    if event == "hold":
        held = bytearray(300 << 20)
        time.sleep(20)
    if event == "file":
        held = os.memfd_create("x")
        for _ in range(300):
            os.write(held, b"x" * (1 << 20))
        time.sleep(20)
    return os.stat("/tmp/large").st_size >> 20 if os.path.exists("/tmp/large") else 0
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_in_tmp_are_none_of_a_functions_memory_and_all_else_is() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", STORAGE)]).await;
    spec.timeout = Duration::from_secs(60);
    (spec.memory_mib, spec.tmp_mib) = (128, 512);
    for _ in 0..2 {
        let written = host.invoke(&spec, "\"write\"").await;
        assert_eq!(text(&written), "400", "{}", log(&written));
        let used =
            log(&written).split("Max Memory Used: ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        assert!((8..100).contains(&used.parse::<u32>().unwrap()), "{}", log(&written));
    }
    for event in ["\"hold\"", "\"hold\"", "\"file\""] {
        let hungry = host.invoke(&spec, event).await;
        let (kind, message) = failure(&hungry);
        assert_eq!(kind, "Runtime.OutOfMemory", "{event} {}", log(&hungry));
        assert!(message.ends_with("Error: Runtime exited with error: signal: killed"), "{message}");
        assert!(log(&hungry).contains("Max Memory Used: 128 MB"), "{}", log(&hungry));
    }
    assert_eq!(text(&host.invoke(&spec, "1").await), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_out_ends_the_process_and_keeps_its_log() {
    let host = host().await;
    let mut spec = host.function("python3.12", &[("app.py", MOODS)]).await;
    spec.timeout = Duration::from_secs(1);
    let outcome = host.invoke(&spec, "\"sleep\"").await;
    let (kind, message) = failure(&outcome);
    assert_eq!(kind, "Sandbox.Timedout");
    assert!(message.ends_with("Error: Task timed out after 1.00 seconds"), "{message}");
    let log = log(&outcome);
    assert!(log.contains("doing sleep\n") && log.contains("Task timed out after 1.00 seconds"), "{log}");
    assert_eq!(host.compute.figures().environments, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_cannot_be_loaded_says_so() {
    let host = host().await;
    let cases = [
        ("app.py", "import nothing_of_this_name\n", "Runtime.ImportModuleError"),
        ("app.py", "def handler(:\n", "Runtime.UserCodeSyntaxError"),
        ("app.py", "def other():\n    pass\n", "Runtime.HandlerNotFound"),
    ];
    for (file, code, expected) in cases {
        let spec = host.function("python3.12", &[(file, code)]).await;
        let outcome = host.invoke(&spec, "{}").await;
        assert_eq!(failure(&outcome).0, expected, "{}", text(&outcome));
    }
    assert_eq!(host.compute.figures().environments, 0);
}

/// Processes of this machine whose environment has this variable.
fn processes_with(variable: &str) -> usize {
    let holds = |entry: std::fs::DirEntry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().flatten().map(holds).filter(|held| *held).count()
}

async fn gone(variable: &str) {
    for _ in 0..100 {
        if processes_with(variable) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} processes are left", processes_with(variable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_is_left_of_a_frozen_a_timed_out_or_a_busy_environment() {
    let host = host().await;
    let marker = crypto::random::hex(8);
    let variable = format!("GREETING={marker}");
    let code = r"
import subprocess, time
def handler(event, context):
    subprocess.Popen(['sleep', '600'], start_new_session=True)
    if event == 'sleep':
        time.sleep(60)
";
    let mut spec = host.function("python3.12", &[("app.py", code)]).await;
    spec.variables = vec![("GREETING".into(), base::SecretString::new(marker))];
    spec.timeout = Duration::from_secs(1);
    host.invoke(&spec, "1").await;
    assert!(processes_with(&variable) > 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    host.compute.retire(&spec.arn, None);
    gone(&variable).await;
    host.invoke(&spec, "\"sleep\"").await;
    gone(&variable).await;
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        host.compute.stop(Duration::from_secs(3)).await;
    };
    tokio::join!(host.invoke(&spec, "\"sleep\""), stopping);
    gone(&variable).await;
}
