//! Compute with a real spawner, and functions written on the spot.

use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, SecretString, Timestamp};
use bytes::Bytes;
use compute::{
    AwsDoor, BoxFuture, CodeStore, Compute, ComputeOptions, Concurrency, CredentialError, CredentialSource,
    FunctionSpec, HostLimits, InvokeOutcome, InvokeRequest, LogEvent, LogSink, LogTarget, RoleCredentials,
    SandboxLauncher, SharedSpec,
};
use sandbox::{Spawner, SpawnerOptions, runtime_catalog};
use tokio::io::AsyncWriteExt as _;

pub(crate) struct Host {
    pub(crate) compute: Compute,
    _data: tempfile::TempDir,
}

struct Credentials;

impl CredentialSource for Credentials {
    fn credentials<'a>(
        &'a self,
        _: &'a FunctionSpec,
        _: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>> {
        Box::pin(async {
            Ok(RoleCredentials {
                access_key_id: "ASIATESTTESTTESTTEST".into(),
                secret_access_key: SecretString::new("secret"),
                session_token: SecretString::new("token"),
                expires_at: Timestamp::from_secs(4_000_000_000),
            })
        })
    }
}

struct Silent;

impl LogSink for Silent {
    fn deliver<'a>(&'a self, _: &'a LogTarget, _: Vec<LogEvent>) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }
}

/// Compute with every essential layer of isolation, or a failure that says why.
pub(crate) async fn host() -> Host {
    let data = tempfile::tempdir().unwrap();
    let options = SpawnerOptions::for_test(data.path().join("state"), "spawner_process");
    let spawner =
        Spawner::start(options).expect("a spawner: these tests make real sandboxes, run them as root");
    let bootstraps = data.path().join("runtime");
    std::fs::create_dir(&bootstraps).unwrap();
    let runtimes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtimes");
    for file in ["python/bootstrap.py", "node/bootstrap.mjs", "node/proxy.mjs", "node/streaming.mjs"] {
        let name = Path::new(file).file_name().unwrap();
        std::fs::copy(runtimes.join(file), bootstraps.join(name)).unwrap();
    }
    let catalog = runtime_catalog(&std::env::var_os("PATH").unwrap());
    // Says who is at the door, as an HTTP answer that a function can read.
    let door: AwsDoor = Arc::new(|mut stream, identity| {
        Box::pin(async move {
            let body = format!("{} {}", identity.role_arn, identity.version);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        })
    });
    let compute = Compute::start(ComputeOptions {
        launcher: Arc::new(SandboxLauncher::new(Arc::new(spawner), catalog, bootstraps)),
        code: CodeStore::open(data.path()).unwrap(),
        credentials: Arc::new(Credentials),
        logs: Arc::new(Silent),
        door,
        egress: None,
        clock: Clock::system(),
        limits: HostLimits::default(),
    });
    Host { compute, _data: data }
}

pub(crate) fn request(payload: &str) -> InvokeRequest {
    InvokeRequest {
        request_id: crypto::random::uuid(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        invoked_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
        trace_id: "Root=1-0-0;Sampled=0".into(),
        client_context: Some(r#"{"client":{"app_title":"t"}}"#.into()),
        wants_log_tail: true,
        concurrency: Concurrency {
            reserved: None,
            provisioned: 0,
            provisioned_in_all: 0,
            unreserved_max: 1_000,
        },
        answer_sink: None,
    }
}

impl Host {
    /// A function with these files; executable where the name has no dot.
    pub(crate) async fn function(&self, runtime: &str, files: &[(&str, &str)]) -> FunctionSpec {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            let mode = if name.contains('.') { 0o644 } else { 0o755 };
            let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
            writer.start_file(*name, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        let zip = Bytes::from(writer.finish().unwrap().into_inner());
        let account = "000000000000".parse().unwrap();
        let kept = self.compute.code_of(account);
        let code = kept.put(zip).await.unwrap().hash;
        let directory = kept.directory(code).await.unwrap();
        assert_eq!(std::fs::metadata(directory).unwrap().permissions().mode() & 0o777, 0o755);
        FunctionSpec {
            account,
            region: "us-east-1".parse().unwrap(),
            name: "f".into(),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
            version: "$LATEST".into(),
            revision: crypto::random::uuid(),
            layers: Vec::new(),
            code,
            runtime: runtime.into(),
            handler: "app.handler".into(),
            memory_mib: 256,
            timeout: Duration::from_secs(20),
            tmp_mib: 512,
            role_arn: "arn:aws:iam::000000000000:role/r".into(),
            variables: vec![("GREETING".into(), SecretString::new("hello"))],
            log_group: "/aws/lambda/f".into(),
            logging: compute::FunctionLogging::default(),
        }
    }

    pub(crate) async fn invoke(&self, spec: &FunctionSpec, payload: &str) -> InvokeOutcome {
        let spec: SharedSpec = Arc::new(spec.clone());
        self.compute.invoke(&spec, request(payload)).await.unwrap()
    }
}

pub(crate) fn text(outcome: &InvokeOutcome) -> String {
    String::from_utf8(outcome.payload.to_vec()).unwrap()
}

pub(crate) fn log(outcome: &InvokeOutcome) -> String {
    String::from_utf8(outcome.log_tail.clone().unwrap_or_default()).unwrap()
}
