//! One spawner process: the socket to it, and the thread that waits for its end.
//!
//! A process that gives no answer is ended: a spawner that cannot be asked could not be told to end its environments either.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{LaunchError, SpawnerOptions, StartError};
use crate::environment::Environment;
use crate::layers::{LayerStatus, unacceptable};
use crate::memory::Watch;
use crate::message::{Channel, Reply, Request};
use crate::spec::EnvironmentSpec;
use crate::supervisor::{MARKER, STATE_DIR};

/// The spawner answers within this time or counts as dead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// At the end it gets this long to end every environment.
const FAREWELL: Duration = Duration::from_secs(6);
/// An answer's end is seen before the end of the process that owed it: so much before, at most.
const DYING: Duration = Duration::from_millis(200);

/// What the thread that waited for a process does when it has ended.
pub(super) type Heir = Box<dyn FnOnce() + Send>;

/// A spawner that has prepared.
pub(super) struct Started {
    pub(super) link: Arc<Link>,
    pub(super) layers: Vec<LayerStatus>,
    /// Takes what follows its end. Where nothing is sent, nothing follows.
    pub(super) heir: mpsc::SyncSender<Heir>,
}

/// The socket to the spawner. Every request brings the socket for its own answer, so that many are under way at a time.
pub(crate) struct Link {
    channel: Channel,
    life: Arc<Life>,
}

/// What is known of the process.
struct Life {
    pidfd: OwnedFd,
    /// It has ended, or was made to.
    is_over: AtomicBool,
    /// Nothing of it is left.
    is_buried: AtomicBool,
}

/// Starts a process and waits until it has tried every layer.
pub(super) fn start(options: &SpawnerOptions) -> Result<Started, StartError> {
    let (here, there) = Channel::wide_pair().map_err(StartError::Process)?;
    let (heir, inheritance) = mpsc::sync_channel(1);
    let life = keep(command(&options.state_dir, &options.arguments, there), inheritance)?;
    let link = Arc::new(Link { channel: here, life });
    let (layers, failure) = match link.channel.receive::<Reply>(Some(PATIENCE)).map_err(StartError::Process) {
        Ok(Some((Reply::Started { layers, failure }, _))) => (layers, failure),
        Ok(_) => return Err(StartError::Process(io::ErrorKind::UnexpectedEof.into())),
        Err(error) => {
            link.life.end();
            return Err(error);
        }
    };
    if let Some(failure) = failure {
        return Err(StartError::Prepare(failure));
    }
    let missing = unacceptable(&layers, &options.accept_loss);
    if !missing.is_empty() {
        return Err(StartError::Layers(missing));
    }
    Ok(Started { link, layers, heir })
}

impl Link {
    /// Whether the process runs, as far as is known.
    pub(super) fn is_alive(&self) -> bool {
        !self.life.is_over.load(Ordering::Acquire)
    }

    /// After an answer that did not come: waits until it is known whether the process is at its end.
    pub(super) fn await_certainty(&self) {
        let mut watched = [PollFd::new(&self.life.pidfd, PollFlags::IN)];
        let patience = Timespec::try_from(DYING).ok();
        if rustix::io::retry_on_intr(|| poll(&mut watched, patience.as_ref())).is_ok_and(|ended| ended > 0) {
            self.life.is_over.store(true, Ordering::Release);
        }
    }

    /// Has an environment made.
    pub(super) fn launch(
        self: &Arc<Self>,
        spec: &EnvironmentSpec,
        watch: &Watch,
    ) -> Result<Environment, LaunchError> {
        let mut request = Request::Launch(Box::new(spec.clone()));
        let answer = self.ask(&request);
        if let Request::Launch(copy) = &mut request {
            copy.wipe();
        }
        let (reply, descriptors) = answer.map_err(LaunchError::SpawnerGone)?;
        match reply {
            Reply::Launched { cgroup } => {
                let made = Environment::assemble(spec, cgroup, descriptors, Arc::clone(self), watch);
                made.ok_or_else(|| {
                    // Nobody holds it, so nobody else would ever end it.
                    drop(self.tell(&Request::Release { id: spec.id.clone() }));
                    LaunchError::SpawnerGone(io::ErrorKind::InvalidData.into())
                })
            }
            Reply::Refused { stage, reason } => Err(LaunchError::Refused { stage, reason }),
            Reply::Started { .. } | Reply::Assigned => {
                Err(LaunchError::SpawnerGone(io::ErrorKind::InvalidData.into()))
            }
        }
    }

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
        if !self.is_alive() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let (here, there) = Channel::pair()?;
        send(&self.channel, request, &[there.as_fd()])?;
        Ok(here)
    }

    /// Takes the answer. A spawner that gives none in time counts as dead, and is made so.
    pub(crate) fn hear(&self, answer: &Channel, patience: Duration) -> io::Result<(Reply, Vec<OwnedFd>)> {
        match answer.receive(Some(patience)) {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) => {
                if error.kind() == io::ErrorKind::TimedOut {
                    tracing::error!("the sandbox spawner gave no answer");
                    self.life.end();
                }
                Err(error)
            }
        }
    }
}

impl Life {
    /// Ends it, and every environment with it.
    fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        // The one failure is that it is gone already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

impl Drop for Link {
    /// Lets the spawner end every environment, remove the cgroups and go, which takes milliseconds.
    fn drop(&mut self) {
        // Its next read finds the end.
        let _ = rustix::net::shutdown(&self.channel, rustix::net::Shutdown::Both);
        let deadline = Instant::now() + FAREWELL;
        while !self.life.is_buried.load(Ordering::Acquire) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Starts the process from a thread that waits for its end and then does what follows.
fn keep(mut command: Command, inheritance: mpsc::Receiver<Heir>) -> Result<Arc<Life>, StartError> {
    let (started, outcome) = mpsc::sync_channel(1);
    let body = move || match begin(&mut command) {
        Ok((mut child, life)) => {
            // Holds this side's copy of the spawner's end, which must close for the end to be noticed.
            drop(command);
            drop(started.send(Ok(Arc::clone(&life))));
            await_end(&mut child);
            life.is_over.store(true, Ordering::Release);
            life.is_buried.store(true, Ordering::Release);
            drop(life);
            if let Ok(heir) = inheritance.recv() {
                heir();
            }
        }
        Err(error) => drop(started.send(Err(error))),
    };
    let keeper = std::thread::Builder::new().name("spawner-keeper".to_owned());
    keeper.spawn(body).map_err(StartError::Process)?;
    let outcome = outcome.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    outcome.map_err(StartError::Process)
}

fn begin(command: &mut Command) -> io::Result<(Child, Arc<Life>)> {
    let mut child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData);
    // It is waited for only afterwards: until then its id is nobody else's.
    match pid.map_err(io::Error::from).and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?)) {
        Ok(pidfd) => {
            let (is_over, is_buried) = (AtomicBool::new(false), AtomicBool::new(false));
            Ok((child, Arc::new(Life { pidfd, is_over, is_buried })))
        }
        Err(error) => {
            drop(child.kill());
            drop(child.wait());
            Err(error)
        }
    }
}

fn await_end(child: &mut Child) {
    match child.wait() {
        Ok(status) if status.success() => tracing::debug!("the sandbox spawner ended"),
        Ok(status) => tracing::error!(%status, "the sandbox spawner died, and every environment with it"),
        Err(error) => tracing::error!(%error, "the sandbox spawner cannot be waited for"),
    }
}

fn command(state_dir: &Path, arguments: &[OsString], socket: Channel) -> Command {
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
