//! A launcher that runs functions as tasks of the test itself, and the plain data that tests share.
//!
//! It isolates nothing. Its functions speak the Runtime API over a real loopback connection.

use std::io::{PipeWriter, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base::{SecretString, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::BoxFuture;
use crate::contract::*;
use crate::function::{Concurrency, FunctionSpec, InvokeRequest};
use crate::package::CodeHash;

pub(crate) fn spec() -> FunctionSpec {
    FunctionSpec {
        account: "000000000000".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        name: "orders".into(),
        arn: "arn:aws:lambda:us-east-1:000000000000:function:orders".into(),
        version: "$LATEST".into(),
        revision: "1".into(),
        code: CodeHash::of(b""),
        runtime: "python3.13".into(),
        handler: "app.handler".into(),
        memory_mib: 128,
        timeout: Duration::from_secs(3),
        tmp_mib: 512,
        role_arn: "arn:aws:iam::000000000000:role/orders".into(),
        variables: Vec::new(),
        log_group: "/aws/lambda/orders".into(),
    }
}

pub(crate) fn credentials() -> RoleCredentials {
    RoleCredentials {
        access_key_id: "ASIATESTTESTTESTTEST".into(),
        secret_access_key: SecretString::new("secret"),
        session_token: SecretString::new("token"),
        expires_at: Timestamp::from_secs(4_000_000_000),
    }
}

pub(crate) fn log_target() -> LogTarget {
    LogTarget {
        account: "000000000000".parse().unwrap(),
        role_arn: "role".into(),
        function_arn: "function".into(),
        environment_id: "environment".into(),
        log_group: "group".into(),
        log_stream: "stream".into(),
    }
}

pub(crate) fn request(payload: &str) -> InvokeRequest {
    InvokeRequest {
        request_id: crypto::random::uuid(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        invoked_arn: spec().arn,
        trace_id: "Root=1-0-0;Sampled=0".into(),
        client_context: None,
        wants_log_tail: true,
        concurrency: Concurrency { reserved: None, unreserved_max: 1_000 },
    }
}

pub(crate) struct Credentials;

impl CredentialSource for Credentials {
    fn credentials<'a>(
        &'a self,
        _: &'a FunctionSpec,
        _: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>> {
        Box::pin(async { Ok(credentials()) })
    }
}

#[derive(Default)]
pub(crate) struct Collected(pub(crate) Mutex<Vec<String>>);

impl LogSink for Collected {
    fn deliver<'a>(&'a self, _: &'a LogTarget, events: Vec<LogEvent>) -> BoxFuture<'a, bool> {
        self.0.lock().extend(events.into_iter().map(|event| event.message));
        Box::pin(async { true })
    }
}

/// A function's code in a test.
pub(crate) type Body = Arc<dyn Fn(Runtime) -> BoxFuture<'static, Exit> + Send + Sync>;

pub(crate) struct TaskLauncher {
    pub(crate) body: Body,
    pub(crate) launched: AtomicUsize,
    pub(crate) killed: Arc<AtomicUsize>,
}

impl TaskLauncher {
    pub(crate) fn new<F>(body: impl Fn(Runtime) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Exit> + Send + 'static,
    {
        let body: Body = Arc::new(move |runtime| Box::pin(body(runtime)));
        Arc::new(Self { body, launched: AtomicUsize::new(0), killed: Arc::default() })
    }
}

impl Launcher for TaskLauncher {
    fn supports(&self, runtime: &str) -> bool {
        runtime == "python3.13"
    }

    fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        let serial = self.launched.fetch_add(1, Ordering::SeqCst);
        let runtime_api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let aws_api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (out, stdout) = std::io::pipe().unwrap();
        let (err, stderr) = std::io::pipe().unwrap();
        let runtime = Runtime {
            api: runtime_api.local_addr().unwrap(),
            door: aws_api.local_addr().unwrap(),
            connection: None,
            stdout,
            _stderr: stderr,
            serial,
            _order: order,
        };
        let (ended, exit) = watch::channel(None);
        let work = (self.body)(runtime);
        let finish = ended.clone();
        let task = tokio::spawn(async move {
            let exit = work.await;
            finish.send_if_modified(|slot| {
                slot.is_none() && {
                    *slot = Some(exit);
                    true
                }
            });
        });
        let process = Arc::new(TaskProcess {
            ended,
            exit,
            task: task.abort_handle(),
            killed: Arc::clone(&self.killed),
        });
        Box::pin(async move {
            Ok(Launched { runtime_api, aws_api, stdout: out.into(), stderr: err.into(), process })
        })
    }
}

struct TaskProcess {
    ended: watch::Sender<Option<Exit>>,
    exit: watch::Receiver<Option<Exit>>,
    task: tokio::task::AbortHandle,
    killed: Arc<AtomicUsize>,
}

impl Process for TaskProcess {
    fn kill(&self) {
        self.task.abort();
        let killed = Exit { status: ExitStatus::Signal(9), oom_killed: false };
        if self.ended.send_if_modified(|slot| {
            slot.is_none() && {
                *slot = Some(killed);
                true
            }
        }) {
            self.killed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn exited(&self) -> BoxFuture<'static, Exit> {
        let mut exit = self.exit.clone();
        Box::pin(async move { exit.wait_for(Option::is_some).await.unwrap().unwrap() })
    }

    fn freeze(&self) {}

    fn thaw(&self) {}

    fn memory_peak_bytes(&self) -> Option<u64> {
        Some(30 * 1024 * 1024)
    }
}

/// A function's side of the Runtime API.
pub(crate) struct Runtime {
    pub(crate) api: SocketAddr,
    pub(crate) door: SocketAddr,
    pub(crate) stdout: PipeWriter,
    pub(crate) serial: usize,
    connection: Option<TcpStream>,
    _stderr: PipeWriter,
    _order: LaunchOrder,
}

pub(crate) const fn exit(code: i32) -> Exit {
    Exit { status: ExitStatus::Code(code), oom_killed: false }
}

impl Runtime {
    pub(crate) fn print(&mut self, line: &str) {
        writeln!(self.stdout, "{line}").unwrap();
    }

    /// Asks for the next invocation: its id and payload.
    pub(crate) async fn next(&mut self) -> (String, String) {
        let (head, body) = self.call("GET", "invocation/next", "", "").await;
        let id = head.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: "));
        (id.unwrap().to_owned(), body)
    }

    pub(crate) async fn respond(&mut self, id: &str, body: &str) -> String {
        self.call("POST", &format!("invocation/{id}/response"), "", body).await.0
    }

    pub(crate) async fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (String, String) {
        if self.connection.is_none() {
            self.connection = Some(TcpStream::connect(self.api).await.unwrap());
        }
        let stream = self.connection.as_mut().unwrap();
        let length = body.len();
        let request = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
                if body.len() >= length.parse::<usize>().unwrap() {
                    return (head.to_owned(), body.to_owned());
                }
            }
            if stream.read_buf(&mut answer).await.unwrap() == 0 {
                std::future::pending::<()>().await;
            }
        }
    }
}
