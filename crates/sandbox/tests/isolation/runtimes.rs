//! The bootstraps in a real environment: what a function sees, and what the platform hears.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sandbox::{Bind, Environment, ExitStatus, HostRuntime, RUNTIME_API_PORT, runtime_catalog, runtime_for};
use serde_json::{Value, json};

use crate::runtime_api::{Request, Runtime};
use crate::support::{Host, drain, host, spec, wait};

/// A function that runs, with its output.
struct Function {
    environment: Environment,
    runtime: Runtime,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
}

impl Function {
    fn start(host: &Host, runtime: &HostRuntime, handler: &str, files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("package-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self::start_package(host, runtime, handler, host.package(&name, files))
    }

    fn start_package(host: &Host, runtime: &HostRuntime, handler: &str, package: Bind) -> Self {
        let arguments: Vec<&str> = runtime.argv.iter().map(String::as_str).collect();
        let mut spec = spec(&arguments);
        spec.memory_mib = 512;
        spec.working_dir = "/var/task".into();
        spec.doors = vec![RUNTIME_API_PORT];
        spec.binds.clone_from(&runtime.binds);
        spec.binds.push(package);
        let bootstraps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes");
        for file in ["python/bootstrap.py", "node/bootstrap.mjs", "node/streaming.mjs"] {
            let host_file = bootstraps.join(file).canonicalize().unwrap();
            let name = host_file.file_name().unwrap().to_owned();
            spec.binds.push(Bind::new(host_file, Path::new("/var/runtime").join(name)));
        }
        spec.environment.extend(
            [
                ("_HANDLER", handler),
                ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
                ("AWS_LAMBDA_FUNCTION_NAME", "f"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/f"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
                ("LAMBDA_TASK_ROOT", "/var/task"),
                ("TZ", ":UTC"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        let mut environment = host.spawner.launch(&spec).unwrap();
        let stdout = drain(environment.take_stdout().unwrap());
        let stderr = drain(environment.take_stderr().unwrap());
        let listener = environment.take_listeners().remove(0);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(Runtime::accept(listener)));
        let runtime = receiver.recv_timeout(Duration::from_secs(60)).expect("the runtime connects");
        Self { environment, runtime, stdout, stderr }
    }

    /// Kills it and returns what it printed.
    fn output(self) -> String {
        drop(self.runtime);
        self.environment.kill();
        wait(&self.environment, Duration::from_secs(5)).unwrap();
        self.stdout.join().unwrap() + &self.stderr.join().unwrap()
    }

    /// Expects it to fail before its first invocation.
    fn init_error(mut self) -> (Request, ExitStatus) {
        let request = self.runtime.request();
        assert_eq!(request.line, "POST /2018-06-01/runtime/init/error HTTP/1.1", "{request:?}");
        self.runtime.accept_answer();
        let exit = wait(&self.environment, Duration::from_secs(5)).expect("it ends");
        (request, exit.status)
    }
}

fn catalog() -> Vec<HostRuntime> {
    runtime_catalog(&std::env::var_os("PATH").unwrap())
}

fn python(catalog: &[HostRuntime]) -> &HostRuntime {
    runtime_for(catalog, "python3.12").expect("python3 is on the PATH")
}

fn node(catalog: &[HostRuntime]) -> &HostRuntime {
    runtime_for(catalog, "nodejs20.x").expect("node is on the PATH")
}

const ECHO_PY: (&str, &str) = ("app.py", "def handler(event, context):\n    return event\n");

#[test]
fn the_catalog_knows_this_hosts_interpreters() {
    let start = Instant::now();
    let catalog = catalog();
    println!("catalog: {} ms", start.elapsed().as_millis());
    for runtime in &catalog {
        println!("{} {} {:?}", runtime.identifier(), runtime.version, runtime.argv);
    }
    assert!(python(&catalog).version.starts_with("3."));
    assert!(!node(&catalog).version.is_empty());
}

#[test]
fn every_python_of_the_catalog_echoes() {
    let host = host();
    let catalog = catalog();
    for runtime in catalog.iter().filter(|runtime| runtime.kind == sandbox::RuntimeKind::Python) {
        let mut function = Function::start(&host, runtime, "app.handler", &[ECHO_PY]);
        for event in [r#"{"a":[1,2.5,null,"ä"]}"#, "null", "\"x\""] {
            let answer = function.runtime.invoke(event);
            assert!(answer.line.ends_with("/response HTTP/1.1"), "{} {answer:?}", runtime.version);
            let expected: Value = serde_json::from_str(event).unwrap();
            assert_eq!(answer.json(), expected, "{}", runtime.version);
        }
    }
}

#[test]
fn two_thousand_echoes_of_a_warm_python() {
    let host = host();
    let catalog = catalog();
    let mut function = Function::start(&host, python(&catalog), "app.handler", &[ECHO_PY]);
    let mut micros: Vec<u128> = (0..2_000)
        .map(|_| {
            let start = Instant::now();
            function.runtime.invoke(r#"{"key":"value"}"#);
            start.elapsed().as_micros()
        })
        .collect();
    micros.sort_unstable();
    println!("python echo: min {} p50 {} p99 {} µs", micros[0], micros[1_000], micros[1_980]);
}

#[test]
fn a_python_handler_sees_the_whole_context() {
    let host = host();
    let code = "import os, sys, logging\n\
        logging.getLogger().setLevel('INFO')\n\
        def handler(event, c):\n\
        \x20   print('printed')\n\
        \x20   logging.info('logged')\n\
        \x20   return [c.aws_request_id, c.function_name, c.function_version, c.memory_limit_in_mb, c.log_group_name,\n\
        \x20       c.log_stream_name, c.invoked_function_arn, c.get_remaining_time_in_millis() > 1000,\n\
        \x20       c.client_context.custom['k'], c.client_context.client.app_title, c.identity.cognito_identity_id,\n\
        \x20       os.environ['_X_AMZN_TRACE_ID'], sys.path[0], os.getcwd()]\n";
    let catalog = catalog();
    let mut function = Function::start(&host, python(&catalog), "app.handler", &[("app.py", code)]);
    let answer = function.runtime.invoke_with(
        "{}",
        "Lambda-Runtime-Client-Context: {\"custom\":{\"k\":\"v\"},\"client\":{\"app_title\":\"t\"}}\r\n\
         Lambda-Runtime-Cognito-Identity: {\"cognitoIdentityId\":\"i\"}\r\n",
    );
    assert_eq!(
        answer.json(),
        json!([
            "req-1",
            "f",
            "$LATEST",
            "512",
            "/aws/lambda/f",
            "stream",
            "arn:aws:lambda:us-east-1:000000000000:function:f",
            true,
            "v",
            "t",
            "i",
            "Root=1-2-3",
            "/var/task",
            "/var/task"
        ])
    );
    let output = function.output();
    assert!(output.contains("printed\n[INFO]\t20"), "{output}");
    assert!(output.contains("Z\treq-1\tlogged\n"), "{output}");
}

#[test]
fn python_errors_are_reported_as_lambda_does() {
    let host = host();
    let code = "import decimal\n\
        def handler(event, context):\n\
        \x20   if event == 'raise':\n\
        \x20       raise ValueError('no')\n\
        \x20   return {1, 2}\n";
    let catalog = catalog();
    let mut function = Function::start(&host, python(&catalog), "app.handler", &[("app.py", code)]);
    let raised = function.runtime.invoke("\"raise\"");
    assert!(raised.line.contains("/invocation/req-1/error"), "{raised:?}");
    assert_eq!(raised.header("lambda-runtime-function-error-type"), Some("ValueError"));
    let error = raised.json();
    assert_eq!((&error["errorMessage"], &error["errorType"]), (&json!("no"), &json!("ValueError")));
    assert_eq!(error["requestId"], "req-1");
    assert_eq!(
        error["stackTrace"],
        json!(["  File \"/var/task/app.py\", line 4, in handler\n    raise ValueError('no')\n"])
    );
    let marshal = function.runtime.invoke("1").json();
    assert_eq!(marshal["errorType"], "Runtime.MarshalError");
    assert_eq!(
        marshal["errorMessage"],
        "Unable to marshal response: Object of type set is not JSON serializable"
    );
    assert_eq!(marshal["stackTrace"], json!([]));
    let output = function.output();
    assert!(
        output.contains("[ERROR] ValueError: no\r\0Traceback (most recent call last):\r\0"),
        "{output:?}"
    );
}

#[test]
fn python_functions_that_cannot_be_loaded_say_why() {
    let host = host();
    let catalog = catalog();
    let cases: &[(&str, &str, &str, &str)] = &[
        (
            "app.handler",
            "import nonexistent_thing",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'nonexistent_thing'",
        ),
        (
            "other.handler",
            "",
            "Runtime.ImportModuleError",
            "Unable to import module 'other': No module named 'other'",
        ),
        ("app.missing", "", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'app'"),
        (
            "app",
            "",
            "Runtime.MalformedHandlerName",
            "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
        ),
        ("app.handler", "def x(:", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': "),
        ("app.handler", "1/0", "ZeroDivisionError", "division by zero"),
    ];
    for (handler, code, kind, message) in cases {
        let function = Function::start(&host, python(&catalog), handler, &[("app.py", code)]);
        let (request, status) = function.init_error();
        let error = request.json();
        assert_eq!(error["errorType"], *kind, "{error}");
        assert!(error["errorMessage"].as_str().unwrap().starts_with(message), "{error}");
        assert_eq!(status, ExitStatus::Code(1));
    }
}

#[test]
fn a_python_handler_that_exits_ends_the_environment() {
    let host = host();
    let catalog = catalog();
    let code = "import sys\ndef handler(event, context):\n    sys.exit(3)\n";
    let mut function = Function::start(&host, python(&catalog), "app.handler", &[("app.py", code)]);
    let asked = function.runtime.request();
    assert!(asked.line.starts_with("GET"), "{asked:?}");
    let Function { environment, mut runtime, .. } = function;
    runtime.give("{}");
    assert_eq!(wait(&environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Code(3));
}

#[test]
fn boto3_of_the_host_is_importable() {
    let host = host();
    let catalog = catalog();
    let runtime = python(&catalog);
    assert!(runtime.sdk.is_some(), "no Python of this host has boto3: {runtime:?}");
    let code = "import boto3\ndef handler(event, context):\n    return boto3.__name__\n";
    let mut function = Function::start(&host, runtime, "app.handler", &[("app.py", code)]);
    assert_eq!(function.runtime.invoke("{}").json(), "boto3");
}

#[test]
fn node_handlers_of_every_kind_answer() {
    let host = host();
    let catalog = catalog();
    let cases: &[(&str, &str, Value)] = &[
        ("app.js", "exports.handler = async (e) => e", json!({"a": 1})),
        (
            "app.js",
            "exports.handler = (e, c, done) => setTimeout(() => done(null, 'later'), 5)",
            json!("later"),
        ),
        (
            "app.js",
            "exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false; done(null, 1) }",
            json!(1),
        ),
        (
            "app.js",
            "exports.handler = (e, c) => c.succeed([c.awsRequestId, c.functionName, c.memoryLimitInMB])",
            json!(["req-1", "f", "512"]),
        ),
        ("app.js", "exports.handler = () => {}", json!(null)),
        ("app.mjs", "export const handler = async () => import.meta.url.startsWith('file:')", json!(true)),
        ("app.cjs", "exports.handler = async (e, c) => c.getRemainingTimeInMillis() > 1000", json!(true)),
    ];
    for (file, code, expected) in cases {
        let mut function = Function::start(&host, node(&catalog), "app.handler", &[(file, code)]);
        let answer = function.runtime.invoke(r#"{"a":1}"#);
        assert!(answer.line.ends_with("/response HTTP/1.1"), "{code}: {answer:?}");
        assert_eq!(answer.json(), *expected, "{code}");
        function.runtime.invoke(r#"{"a":2}"#);
    }
}

#[test]
fn node_errors_and_logs_are_as_on_lambda() {
    let host = host();
    let catalog = catalog();
    let code = "exports.handler = async (e) => { console.log('hello', {a: 1}); console.error('bad\\nthing');\n\
        if (e === 'string') throw 'text'; throw new TypeError('no') }";
    let mut function = Function::start(&host, node(&catalog), "app.handler", &[("app.js", code)]);
    let error = function.runtime.invoke("{}").json();
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("TypeError"), &json!("no")));
    assert_eq!(error["trace"][0], "TypeError: no");
    let text = function.runtime.invoke("\"string\"").json();
    assert_eq!(text, json!({"errorType": "string", "errorMessage": "text", "trace": []}));
    let output = function.output();
    assert!(output.contains("Z\treq-1\tINFO\thello { a: 1 }\n"), "{output}");
    assert!(output.contains("Z\treq-1\tERROR\tbad\r\0thing\n"), "{output}");
    assert!(output.contains("\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\""), "{output}");
}

#[test]
fn node_functions_that_cannot_be_loaded_say_why() {
    let host = host();
    let catalog = catalog();
    for (handler, code, kind) in [
        ("app.missing", "", "Runtime.HandlerNotFound"),
        ("other.handler", "", "Runtime.ImportModuleError"),
        ("app.handler", "require('nonexistent-thing')", "Runtime.ImportModuleError"),
        ("app.handler", "syntax error here", "Runtime.UserCodeSyntaxError"),
        ("app", "", "Runtime.MalformedHandlerName"),
        ("../app.handler", "", "Runtime.MalformedHandlerName"),
    ] {
        let function = Function::start(&host, node(&catalog), handler, &[("app.js", code)]);
        let (request, status) = function.init_error();
        assert_eq!(request.json()["errorType"], kind, "{request:?}");
        assert_eq!(status, ExitStatus::Code(1));
    }
}

#[test]
fn an_uncaught_exception_in_node_is_reported_and_ends_the_environment() {
    let host = host();
    let catalog = catalog();
    for (code, kind, status) in [
        (
            "exports.handler = (e, c, done) => setTimeout(() => { throw new RangeError('late') }, 1)",
            "RangeError",
            129,
        ),
        (
            "exports.handler = (e, c, done) => { Promise.reject(new Error('x')); setTimeout(done, 1000) }",
            "Runtime.UnhandledPromiseRejection",
            128,
        ),
    ] {
        let mut function = Function::start(&host, node(&catalog), "app.handler", &[("app.js", code)]);
        let error = function.runtime.invoke("{}").json();
        assert_eq!(error["errorType"], kind);
        let exit = wait(&function.environment, Duration::from_secs(5)).unwrap();
        assert_eq!(exit.status, ExitStatus::Code(status));
    }
}

const ECHO_JS: (&str, &str) = ("app.js", "exports.handler = async (event) => event");

#[test]
fn events_in_chunks_arrive_whole() {
    let host = host();
    let catalog = catalog();
    for (runtime, file) in [(python(&catalog), ECHO_PY), (node(&catalog), ECHO_JS)] {
        let mut function = Function::start(&host, runtime, "app.handler", &[file]);
        function.runtime.request();
        function.runtime.give_chunked(&["[1,", "2", ",\"\u{e4}\"]"]);
        let answer = function.runtime.request();
        assert!(answer.line.contains("/invocation/req-c/response"), "{answer:?}");
        assert_eq!(answer.json(), json!([1, 2, "\u{e4}"]));
        function.runtime.accept_answer();
        function.runtime.invoke("1");
    }
}

#[test]
fn a_refused_answer_does_not_end_the_function() {
    let host = host();
    let catalog = catalog();
    let large_py = ("app.py", "def handler(event, context):\n    return 'x' * event\n");
    let large_js = ("app.js", "exports.handler = async (event) => 'x'.repeat(event)");
    for (runtime, file) in [(python(&catalog), large_py), (node(&catalog), large_js)] {
        let mut function = Function::start(&host, runtime, "app.handler", &[file]);
        function.runtime.request();
        function.runtime.give("9000000");
        let refused = function.runtime.refuse_answer();
        assert!(refused.contains("/response"), "{refused}");
        assert_eq!(function.runtime.invoke("3").json(), "xxx");
    }
}

#[test]
fn large_events_and_answers_pass() {
    let host = host();
    let catalog = catalog();
    let event = format!("\"{}\"", "\u{e4}b".repeat(2_000_000));
    for (runtime, file) in [(python(&catalog), ECHO_PY), (node(&catalog), ECHO_JS)] {
        let mut function = Function::start(&host, runtime, "app.handler", &[file]);
        for _ in 0..2 {
            let expected: Value = serde_json::from_str(&event).unwrap();
            assert!(function.runtime.invoke(&event).json() == expected);
        }
    }
}

#[test]
fn a_package_may_bring_its_own_runtime() {
    use std::os::unix::fs::PermissionsExt;
    let host = host();
    let catalog = catalog();
    let bootstrap = "#!/bin/sh\nexec /usr/bin/python3 -S -c 'import os, http.client\n\
        c = http.client.HTTPConnection(os.environ[\"AWS_LAMBDA_RUNTIME_API\"])\n\
        c.request(\"GET\", \"/2018-06-01/runtime/invocation/next\"); r = c.getresponse(); body = r.read()\n\
        path = \"/2018-06-01/runtime/invocation/%s/response\" % r.headers[\"Lambda-Runtime-Aws-Request-Id\"]\n\
        c.request(\"POST\", path, body); c.getresponse().read()'\n";
    let runtime = runtime_for(&catalog, "provided.al2023").unwrap();
    let package = host.package("executable", &[("bootstrap", bootstrap)]);
    let file = package.host.join("bootstrap");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    let mut function = Function::start_package(&host, runtime, "any", package);
    assert_eq!(function.runtime.invoke("[7]").json(), json!([7]));
    assert_eq!(wait(&function.environment, Duration::from_secs(5)).unwrap().status, ExitStatus::Code(0));
}
