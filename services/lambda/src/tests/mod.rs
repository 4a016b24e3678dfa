//! Through the whole pipeline, in memory; functions are tasks of the test that speak the Runtime API.

mod compliance;
mod decisions;
mod delivery;
mod functions;
mod invocations;
mod layers;
mod outcomes;
mod permissions;
mod roles;
mod settling;
mod streaming;
mod urls;
mod wire;

use std::io::{Cursor, Write as _};
use std::sync::{Arc, Mutex};

use compute::testkit::{Runtime, TaskLauncher};
use compute::{CodeStore, Compute, Exit, HostLimits, Launcher};
use identity::Principal;
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::{Foundation, TestKit};

use crate::{CODE_BYTES_MAX, LambdaParts};

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/orders-role";
pub(crate) const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";

pub(crate) struct Fixture {
    pub(crate) kit: TestKit,
    pub(crate) launcher: Arc<TaskLauncher>,
    pub(crate) compute: Compute,
    pub(crate) data: tempfile::TempDir,
    /// The functions that were run, each with its event.
    pub(crate) seen: Seen,
    pub(crate) urls: gateway::FunctionUrls,
}

type Seen = Arc<Mutex<Vec<(String, Value)>>>;

/// A function that answers `{"event": …, "version": …, "environment": …}`, and does what its event asks.
async fn body(mut runtime: Runtime, seen: Seen) -> Exit {
    let variables: serde_json::Map<String, Value> =
        runtime.order.variables.iter().map(|(k, v)| (k.clone(), json!(v.expose()))).collect();
    let version = variables["AWS_LAMBDA_FUNCTION_VERSION"].clone();
    loop {
        let (id, event) = runtime.next().await;
        let event: Value = serde_json::from_str(&event).unwrap();
        runtime.print(&format!("event {event}"));
        let name = variables["AWS_LAMBDA_FUNCTION_NAME"].as_str().unwrap().to_owned();
        seen.lock().unwrap().push((name, event.clone()));
        if event["fail"] == true {
            let path = format!("invocation/{id}/error");
            runtime.call("POST", &path, "", r#"{"errorType":"E"}"#).await;
            continue;
        }
        if let Some(pieces) = event["stream"].as_array() {
            let pieces: Vec<&str> = pieces.iter().filter_map(Value::as_str).collect();
            runtime.stream(&id, &pieces, event["trailers"].as_str().unwrap_or_default()).await;
            continue;
        }
        if event["exit"] == true {
            return compute::testkit::exit(1);
        }
        let answer = json!({"layers": runtime.order.layers_directory.is_some(), "event": event, "version": version, "environment": runtime.serial,
            "variable": variables.get("GREETING"), "key": variables["AWS_ACCESS_KEY_ID"]});
        runtime.respond(&id, &answer.to_string()).await;
    }
}

pub(crate) fn zip_base64(content: &str) -> String {
    use base64::Engine as _;
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("app.py", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(content.as_bytes()).unwrap();
    base64::engine::general_purpose::STANDARD.encode(writer.finish().unwrap().into_inner())
}

pub(crate) fn create_input() -> Value {
    json!({
        "FunctionName": "orders", "Runtime": "python3.13", "Role": ROLE, "Handler": "app.handler",
        "Code": {"ZipFile": zip_base64("1")},
        "Environment": {"Variables": {"GREETING": "hello-secret"}},
        "Tags": {"team": "blue"},
    })
}

fn parts(
    foundation: &Foundation,
    data: &std::path::Path,
    launcher: &Arc<TaskLauncher>,
    urls: &gateway::FunctionUrls,
    code_bytes_max: u64,
) -> LambdaParts {
    LambdaParts {
        urls: urls.clone(),
        store: foundation.store.clone(),
        directory: foundation.directory.clone(),
        clock: foundation.clock.clone(),
        region: foundation.region.clone(),
        launcher: Arc::clone(launcher) as Arc<dyn Launcher>,
        code: CodeStore::open(data).unwrap(),
        door: Arc::new(|_, _| Box::pin(async {})),
        egress: None,
        limits: HostLimits::default(),
        code_bytes_max,
    }
}

impl Fixture {
    /// A platform without functions.
    pub(crate) async fn empty() -> Self {
        Self::with(Vec::new()).await
    }

    /// The same with further services.
    pub(crate) async fn with(others: Vec<service::Service>) -> Self {
        Self::made(others, CODE_BYTES_MAX).await
    }

    /// A platform whose accounts may have so much code.
    pub(crate) async fn with_code(code_bytes_max: u64) -> Self {
        Self::made(Vec::new(), code_bytes_max).await
    }

    async fn made(others: Vec<service::Service>, code_bytes_max: u64) -> Self {
        let data = tempfile::tempdir().unwrap();
        let seen = Seen::default();
        let remembered = Arc::clone(&seen);
        let launcher = TaskLauncher::new(move |runtime| body(runtime, Arc::clone(&remembered)));
        let slot = Mutex::new(None);
        let urls = std::sync::OnceLock::new();
        let kit = TestKit::start(|foundation| {
            let urls = urls.get_or_init(|| gateway::FunctionUrls::load(&foundation.store).unwrap());
            let (service, compute) =
                crate::service(parts(foundation, data.path(), &launcher, urls, code_bytes_max)).unwrap();
            *slot.lock().unwrap() = Some(compute);
            std::iter::once(service).chain(others).collect()
        })
        .await;
        kit.role("orders-role", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
        kit.role("stranger-role", json!({"Service": "ec2.amazonaws.com"}), json!([])).await;
        let compute = slot.into_inner().unwrap().unwrap();
        Self { kit, launcher, compute, data, seen, urls: urls.into_inner().unwrap() }
    }

    /// A platform with the function `orders`.
    pub(crate) async fn start() -> Self {
        let fixture = Self::empty().await;
        fixture.ok("CreateFunction", create_input()).await;
        fixture
    }

    /// The same platform after a restart.
    pub(crate) async fn restarted(self) -> Self {
        let Self { kit, launcher, data, seen, .. } = self;
        let slot = Mutex::new(None);
        let urls = std::sync::OnceLock::new();
        let store = kit.pipeline.store().clone();
        let kit = TestKit::over(store, kit.clock.clone(), service::Rate::DEFAULT, |foundation| {
            let urls = urls.get_or_init(|| gateway::FunctionUrls::load(&foundation.store).unwrap());
            let (service, compute) =
                crate::service(parts(foundation, data.path(), &launcher, urls, CODE_BYTES_MAX)).unwrap();
            *slot.lock().unwrap() = Some(compute);
            vec![service]
        })
        .await;
        let compute = slot.into_inner().unwrap().unwrap();
        Self { kit, launcher, compute, data, seen, urls: urls.into_inner().unwrap() }
    }

    pub(crate) async fn as_who(
        &self,
        who: &Arc<Principal>,
        operation: &str,
        input: Value,
    ) -> Result<Value, Fault> {
        self.kit.json(who, "lambda", operation, &input).await
    }

    pub(crate) async fn ok(&self, operation: &str, input: Value) -> Value {
        let answer = self.as_who(&self.kit.administrator(), operation, input).await;
        answer.unwrap_or_else(|fault| panic!("{operation}: {} {}", fault.code, fault.message))
    }

    /// The code and message of a refusal.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        let answer = self.as_who(&self.kit.administrator(), operation, input).await;
        let fault = answer.err().unwrap_or_else(|| panic!("{operation} was not refused"));
        (fault.code.into_owned(), fault.message)
    }

    /// Invokes and answers the whole response with its payload parsed.
    pub(crate) async fn invoke(&self, mut input: Value, event: &Value) -> Value {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        input["Payload"] = json!(STANDARD.encode(event.to_string()));
        let mut answer = self.ok("Invoke", input).await;
        let payload = STANDARD.decode(answer["Payload"].as_str().unwrap_or_default()).unwrap();
        answer["Payload"] = serde_json::from_slice(&payload).unwrap_or(Value::Null);
        answer
    }
}
