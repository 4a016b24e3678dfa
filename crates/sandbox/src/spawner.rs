//! The server's side of the spawner: starts it, asks it for environments, notices its death.
//!
//! Starting executes this same program once more; after that the server never forks. When the spawner dies every
//! environment dies, and every later call is an error: the server is to be restarted.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::layers::{LayerStatus, unacceptable};
use crate::message::{Channel, Reply, Request};
use crate::spec::{EnvironmentSpec, InvalidSpec};
use crate::supervisor::{MARKER, STATE_DIR};

/// The spawner answers within this time or counts as dead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// At the end it gets this long to end every environment.
const FAREWELL: Duration = Duration::from_secs(6);

/// How to start a spawner.
#[derive(Clone, Debug)]
pub struct SpawnerOptions {
    /// A folder of the platform's own; the root image is mounted in `sandbox` below it, unseen by the host.
    pub state_dir: PathBuf,
    /// Essential layers that the operator agrees to do without, by name.
    pub accept_loss: Vec<String>,
    /// Arguments that lead this program to [`crate::run_if_spawner`]. Empty for a program that calls it first thing in
    /// `main`; a test harness names the test that calls it.
    pub arguments: Vec<OsString>,
}

impl SpawnerOptions {
    /// All essential layers required.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), accept_loss: Vec::new(), arguments: Vec::new() }
    }

    /// For a test harness: `test` is the full name of a test whose body is `sandbox::run_if_spawner()`.
    pub fn for_test(state_dir: impl Into<PathBuf>, test: &str) -> Self {
        let arguments = [test, "--exact", "--nocapture", "--test-threads=1"].map(OsString::from).to_vec();
        Self { arguments, ..Self::new(state_dir) }
    }
}

/// The spawner could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be made or reached.
    #[error("the sandbox spawner could not be started")]
    Process(#[source] io::Error),
    /// It ran, and could not prepare.
    #[error("the sandbox spawner could not prepare: {0}")]
    Prepare(String),
    /// Layers are missing that the operator has not agreed to do without.
    #[error("this host lacks essential layers of isolation: {}", list(.0))]
    Layers(Vec<LayerStatus>),
}

/// An environment could not be made. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The spec asks for something that is not made.
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    /// A step failed.
    #[error("the environment could not be made: {stage}: {reason}")]
    Refused {
        /// The step.
        stage: String,
        /// The system's reason.
        reason: String,
    },
    /// The spawner is gone, and with it every environment.
    #[error("the sandbox spawner is gone")]
    SpawnerGone(#[source] io::Error),
}

fn list(layers: &[LayerStatus]) -> String {
    let each = layers.iter().map(|layer| format!("{} ({})", layer.name, layer.detail));
    each.collect::<Vec<_>>().join(", ")
}

/// A handle to the spawner. Clones share it; when the last one and the last environment are dropped it ends.
#[derive(Clone)]
pub struct Spawner {
    link: Arc<Link>,
    layers: Arc<[LayerStatus]>,
}

/// The socket to the spawner. Every request brings the socket for its own answer, so that many are under way at a time.
pub(crate) struct Link {
    channel: Channel,
    alive: Arc<AtomicBool>,
    keeper: JoinHandle<()>,
}

impl Spawner {
    /// Starts the spawner and waits until it has tried every layer.
    pub fn start(options: SpawnerOptions) -> Result<Self, StartError> {
        let (here, there) = Channel::wide_pair().map_err(StartError::Process)?;
        let alive = Arc::new(AtomicBool::new(true));
        let SpawnerOptions { state_dir, accept_loss, arguments } = options;
        let keeper = keep(command(&state_dir, arguments, there), Arc::clone(&alive))?;
        let (layers, failure) = match here.receive::<Reply>(Some(PATIENCE)).map_err(StartError::Process)? {
            Some((Reply::Started { layers, failure }, _)) => (layers, failure),
            _ => return Err(StartError::Process(io::ErrorKind::UnexpectedEof.into())),
        };
        if let Some(failure) = failure {
            return Err(StartError::Prepare(failure));
        }
        let missing = unacceptable(&layers, &accept_loss);
        if !missing.is_empty() {
            return Err(StartError::Layers(missing));
        }
        Ok(Self { link: Arc::new(Link { channel: here, alive, keeper }), layers: layers.into() })
    }

    /// The layers of isolation on this host, and what became of each.
    pub fn layers(&self) -> &[LayerStatus] {
        &self.layers
    }

    /// Whether the spawner still runs.
    pub fn is_alive(&self) -> bool {
        self.link.alive.load(Ordering::Acquire)
    }

    /// Makes an environment and starts its program. Blocks for a few milliseconds; may be called from any thread.
    pub fn launch(&self, spec: &EnvironmentSpec) -> Result<Environment, LaunchError> {
        spec.check()?;
        let mut request = Request::Launch(Box::new(spec.clone()));
        let answer = self.link.ask(&request);
        if let Request::Launch(copy) = &mut request {
            copy.wipe();
        }
        let (reply, descriptors) = answer.map_err(LaunchError::SpawnerGone)?;
        match reply {
            Reply::Launched { cgroup } => {
                let link = Arc::clone(&self.link);
                Environment::assemble(spec, cgroup, descriptors, link)
                    .ok_or_else(|| LaunchError::SpawnerGone(io::ErrorKind::InvalidData.into()))
            }
            Reply::Refused { stage, reason } => Err(LaunchError::Refused { stage, reason }),
            Reply::Started { .. } | Reply::Assigned => {
                Err(LaunchError::SpawnerGone(io::ErrorKind::InvalidData.into()))
            }
        }
    }
}

impl Link {
    /// Sends a request that is not answered.
    pub(crate) fn tell(&self, request: &Request) -> io::Result<()> {
        self.channel.send(request, &[])
    }

    /// Asks for one thing and its answer.
    pub(crate) fn ask(&self, request: &Request) -> io::Result<(Reply, Vec<OwnedFd>)> {
        self.hear(&self.begin(request, Channel::send)?, PATIENCE)
    }

    /// Asks for one thing without waiting: where the spawner is behind, that is [`io::ErrorKind::WouldBlock`].
    pub(crate) fn ask_now(&self, request: &Request) -> io::Result<Channel> {
        self.begin(request, Channel::send_now)
    }

    fn begin(
        &self,
        request: &Request,
        send: fn(&Channel, &Request, &[BorrowedFd<'_>]) -> io::Result<()>,
    ) -> io::Result<Channel> {
        if !self.alive.load(Ordering::Acquire) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let (here, there) = Channel::pair()?;
        send(&self.channel, request, &[there.as_fd()])?;
        Ok(here)
    }

    /// Takes the answer. A spawner that gives none in time counts as dead.
    pub(crate) fn hear(&self, answer: &Channel, patience: Duration) -> io::Result<(Reply, Vec<OwnedFd>)> {
        match answer.receive(Some(patience)) {
            Ok(Some(answer)) => Ok(answer),
            other => {
                self.alive.store(false, Ordering::Release);
                Err(other.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()))
            }
        }
    }
}

impl Drop for Link {
    /// Lets the spawner end every environment, remove the cgroups and go, which takes milliseconds.
    fn drop(&mut self) {
        // Its next read finds the end.
        let _ = rustix::net::shutdown(&self.channel, rustix::net::Shutdown::Both);
        let deadline = Instant::now() + FAREWELL;
        while !self.keeper.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Starts the process from a thread that waits for it: the kernel ties a child's death signal to the thread that
/// made it, so that thread must live as long as the server.
fn keep(mut command: Command, alive: Arc<AtomicBool>) -> Result<JoinHandle<()>, StartError> {
    let (started, outcome) = mpsc::sync_channel(1);
    let body = move || match command.spawn() {
        Ok(mut child) => {
            // Holds this side's copy of the spawner's end, which must close for the end to be noticed.
            drop(command);
            drop(started.send(Ok(())));
            await_end(&mut child);
            alive.store(false, Ordering::Release);
        }
        Err(error) => drop(started.send(Err(error))),
    };
    let keeper = std::thread::Builder::new().name("spawner-keeper".to_owned()).spawn(body);
    let keeper = keeper.map_err(StartError::Process)?;
    let outcome = outcome.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    outcome.map(|()| keeper).map_err(StartError::Process)
}

fn await_end(child: &mut Child) {
    match child.wait() {
        Ok(status) if status.success() => tracing::debug!("the sandbox spawner ended"),
        Ok(status) => tracing::error!(%status, "the sandbox spawner died, and every environment with it"),
        Err(error) => tracing::error!(%error, "the sandbox spawner cannot be waited for"),
    }
}

fn command(state_dir: &Path, arguments: Vec<OsString>, socket: Channel) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0(MARKER)
        .args(arguments)
        .env_clear()
        .env(MARKER, std::process::id().to_string())
        .env(STATE_DIR, state_dir)
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::null());
    command
}
