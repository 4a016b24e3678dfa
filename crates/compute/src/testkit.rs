//! A launcher that runs functions as tasks of the test itself.
//!
//! It isolates nothing, and is for tests only, of this crate and of those above; panics are its way to fail. Its
//! functions speak the Runtime API over a real loopback connection.
#![allow(clippy::unwrap_used, clippy::string_slice, clippy::missing_panics_doc, reason = "for tests only")]

use std::io::{PipeWriter, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::BoxFuture;
use crate::contract::{Exit, ExitStatus, LaunchError, LaunchOrder, Launched, Launcher, Process};

/// A function's code in a test.
pub type Body = Arc<dyn Fn(Runtime) -> BoxFuture<'static, Exit> + Send + Sync>;

/// Starts [`Body`]s.
pub struct TaskLauncher {
    body: Body,
    /// How many environments were started.
    pub launched: AtomicUsize,
    /// How many of them were killed.
    pub killed: Arc<AtomicUsize>,
}

impl TaskLauncher {
    /// Starts this body in each environment.
    pub fn new<F>(body: impl Fn(Runtime) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Exit> + Send + 'static,
    {
        let body: Body = Arc::new(move |runtime| Box::pin(body(runtime)));
        Arc::new(Self { body, launched: AtomicUsize::new(0), killed: Arc::default() })
    }
}

impl Launcher for TaskLauncher {
    fn supports(&self, runtime: &str) -> bool {
        runtime.starts_with("python3.")
    }

    fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        let serial = self.launched.fetch_add(1, Ordering::SeqCst);
        let runtime_api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let aws_api = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let egress = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (out, stdout) = std::io::pipe().unwrap();
        let (err, stderr) = std::io::pipe().unwrap();
        let (asked, hears) = watch::channel(false);
        let runtime = Runtime {
            asked: hears,
            api: runtime_api.local_addr().unwrap(),
            door: aws_api.local_addr().unwrap(),
            egress: egress.local_addr().unwrap(),
            connection: None,
            stdout,
            _stderr: stderr,
            serial,
            order,
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
            asked,
            exit,
            task: task.abort_handle(),
            killed: Arc::clone(&self.killed),
        });
        Box::pin(async move {
            Ok(Launched {
                runtime_api,
                aws_api,
                secure_api: None,
                egress,
                stdout: out.into(),
                stderr: err.into(),
                process,
            })
        })
    }
}

struct TaskProcess {
    ended: watch::Sender<Option<Exit>>,
    asked: watch::Sender<bool>,
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

    fn ask_to_end(&self) {
        self.asked.send_replace(true);
    }

    fn end_runtime(&self) {
        self.kill();
    }

    fn gone(&self) -> BoxFuture<'static, ()> {
        let exited = self.exited();
        Box::pin(async move {
            exited.await;
        })
    }

    fn freeze(&self) {}

    fn thaw(&self) {}

    fn connect(&self, port: u16) -> BoxFuture<'static, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(("127.0.0.1", port)))
    }

    fn memory_peak_bytes(&self) -> Option<u64> {
        Some(30 * 1024 * 1024)
    }
}

/// A function's side of the Runtime API.
pub struct Runtime {
    /// Where the AWS door is.
    pub door: SocketAddr,
    /// Where the egress door is.
    pub egress: SocketAddr,
    /// How many environments were started before.
    pub serial: usize,
    /// What was ordered.
    pub order: LaunchOrder,
    api: SocketAddr,
    asked: watch::Receiver<bool>,
    stdout: PipeWriter,
    connection: Option<TcpStream>,
    _stderr: PipeWriter,
}

/// An end with this code.
pub const fn exit(code: i32) -> Exit {
    Exit { status: ExitStatus::Code(code), oom_killed: false }
}

impl Runtime {
    /// Writes a line to standard output.
    pub fn print(&mut self, line: &str) {
        writeln!(self.stdout, "{line}").unwrap();
    }

    /// Writes to standard output, and ends no line.
    pub fn print_part(&mut self, text: &str) {
        write!(self.stdout, "{text}").unwrap();
    }

    /// Writes a line to standard output; false once nobody reads it any more.
    pub fn try_print(&mut self, line: &str) -> bool {
        writeln!(self.stdout, "{line}").is_ok()
    }

    /// Sends many answers to an invocation without reading what becomes of them.
    pub async fn flood(&mut self, id: &str) {
        let one = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
        );
        let Some(stream) = self.connection.as_mut() else { return };
        if stream.write_all(one.repeat(100).as_bytes()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until it is asked to end, as with SIGTERM.
    pub fn asked_to_end(&self) -> BoxFuture<'static, ()> {
        let mut asked = self.asked.clone();
        Box::pin(async move { drop(asked.wait_for(|asked| *asked).await.unwrap()) })
    }

    /// Asks for the next invocation: its id and payload.
    pub async fn next(&mut self) -> (String, String) {
        let (head, body) = self.call("GET", "invocation/next", "", "").await;
        let id = head.lines().find_map(|line| line.strip_prefix("Lambda-Runtime-Aws-Request-Id: "));
        (id.unwrap().to_owned(), body)
    }

    /// Answers an invocation; the head of the Runtime API's answer.
    pub async fn respond(&mut self, id: &str, body: &str) -> String {
        self.call("POST", &format!("invocation/{id}/response"), "", body).await.0
    }

    /// Answers an invocation piece by piece; the head of the Runtime API's answer.
    pub async fn stream(&mut self, id: &str, pieces: &[&str], trailers: &str) -> String {
        self.begin_stream(id, pieces).await;
        let stream = self.connection.as_mut().unwrap();
        // Where the answer was refused half-way, this side learns it by reading.
        let _ = stream.write_all(format!("0\r\n{trailers}\r\n").as_bytes()).await;
        self.receive().await.0
    }

    /// Begins an answer and leaves it open.
    pub async fn begin_stream(&mut self, id: &str, pieces: &[&str]) {
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
             Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let stream = self.connection.as_mut().unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        for piece in pieces {
            let _ = stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await;
        }
    }

    /// Closes the connection; the next call makes another.
    pub fn hang_up(&mut self) {
        self.connection = None;
    }

    /// Another client of the same Runtime API, as an extension is one.
    pub fn other(&self) -> ApiClient {
        ApiClient { api: self.api, connection: None }
    }

    /// One call of the Runtime API: the answer's head and body.
    pub async fn call(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        if self.connection.is_none() {
            self.connection = Some(TcpStream::connect(self.api).await.unwrap());
        }
        let stream = self.connection.as_mut().unwrap();
        let length = body.len();
        let request = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        self.receive().await
    }

    async fn receive(&mut self) -> (String, String) {
        receive(self.connection.as_mut().unwrap()).await
    }
}

/// A client of the APIs that an environment has inside.
pub struct ApiClient {
    api: SocketAddr,
    connection: Option<TcpStream>,
}

impl ApiClient {
    /// One call: the answer's head and body.
    pub async fn call(&mut self, method: &str, path: &str, headers: &str, body: &str) -> (String, String) {
        if self.connection.is_none() {
            self.connection = Some(TcpStream::connect(self.api).await.unwrap());
        }
        let stream = self.connection.as_mut().unwrap();
        let length = body.len();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        receive(stream).await
    }
}

async fn receive(stream: &mut TcpStream) -> (String, String) {
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
