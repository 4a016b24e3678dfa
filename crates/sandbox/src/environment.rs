//! A running environment as the server holds it: its doors, its output, its end.
//!
//! Dropping it ends every process inside. Does no I/O on the doors and reads no output: that is the caller's.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::RecvFlags;
use rustix::process::{Signal, pidfd_send_signal};

use crate::cgroup::{EnvironmentCgroup, MemoryMeter};
use crate::child::init;
use crate::memory::{Account, Body, Watch};
use crate::message::{Channel, Ended, FUNCTION, Reply, Request};
use crate::spawner::{LaunchError, Link, PATIENCE};
use crate::spec::{Assignment, EnvironmentSpec};

/// A running environment. Dropping it kills it.
pub struct Environment {
    id: String,
    listeners: Vec<TcpListener>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    body: Arc<Body>,
    status: OwnedFd,
    /// What init has said so far.
    ended: Mutex<Vec<Ended>>,
    has_companions: bool,
    cgroup: EnvironmentCgroup,
    /// Becomes readable when its memory runs out, where the kernel does not end it as a whole then.
    out_of_memory: Option<OwnedFd>,
    /// Its memory, where the host counts it.
    memory: Option<Arc<Account>>,
    link: Arc<Link>,
}

/// How an environment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// How the function's process ended.
    pub status: ExitStatus,
    /// Whether its memory ran out: the kernel killed a process of it, or it was ended for having more.
    pub oom_killed: bool,
    /// The most memory it ever used, where the host counts it.
    pub memory_peak_bytes: Option<u64>,
}

/// How the function's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// The environment was killed as a whole: by [`Environment::kill`], with its spawner, or, under cgroup version 2,
    /// by the kernel when its memory ran out.
    Killed,
    /// It runs, or ran on; what ran beside it ended first, with this code or, where a signal ended it, 128 and more.
    Companion(i32),
}

impl Environment {
    /// From the spawner's answer: pidfd, status, stdout, stderr, then one listener a door, then the mount of `/tmp`.
    pub(crate) fn assemble(
        spec: &EnvironmentSpec,
        cgroup: EnvironmentCgroup,
        descriptors: Vec<OwnedFd>,
        link: Arc<Link>,
        watch: &Watch,
    ) -> Option<Self> {
        let mut descriptors = descriptors.into_iter();
        let (pidfd, status) = (descriptors.next()?, descriptors.next()?);
        let (stdout, stderr) = (descriptors.next()?, descriptors.next()?);
        let body = Arc::new(Body::new(pidfd));
        let tmp = descriptors.next_back()?;
        let listeners: Vec<TcpListener> = descriptors.map(TcpListener::from).collect();
        if listeners.len() != spec.doors.len() {
            return None;
        }
        // SECURITY: whose memory nobody can look at is not run.
        let meter = MemoryMeter::of(&cgroup).inspect_err(|error| {
            tracing::error!(%error, id = spec.id, "the memory of an environment cannot be read");
        });
        let memory = meter.ok()?.map(|meter| {
            let (memory_mib, awaits) = (spec.memory_mib, spec.awaits_assignment);
            Account::new(meter, tmp, Arc::clone(&body), watch.thread().clone(), memory_mib, awaits)
        });
        let memory = memory.map(Arc::new);
        memory.iter().for_each(|account| watch.add(account));
        let out_of_memory = cgroup.out_of_memory().unwrap_or_else(|error| {
            tracing::debug!(%error, id = spec.id, "nobody tells when the memory of an environment runs out");
            None
        });
        Some(Self {
            id: spec.id.clone(),
            listeners,
            stdout: Some(stdout),
            stderr: Some(stderr),
            body,
            status,
            ended: Mutex::default(),
            has_companions: !spec.companions.is_empty(),
            cgroup,
            out_of_memory,
            memory,
            link,
        })
    }

    /// The id of the spec.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The listeners, one a door, in the order of the spec. Empty the second time.
    pub fn take_listeners(&mut self) -> Vec<TcpListener> {
        std::mem::take(&mut self.listeners)
    }

    /// The read end of standard output. `None` the second time.
    pub fn take_stdout(&mut self) -> Option<OwnedFd> {
        self.stdout.take()
    }

    /// The read end of standard error. `None` the second time.
    pub fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.stderr.take()
    }

    /// A descriptor that becomes readable when no process is left inside; for an event loop.
    pub fn exit_fd(&self) -> BorrowedFd<'_> {
        self.body.pidfd.as_fd()
    }

    /// A descriptor that becomes readable when the function, or what runs beside it, has ended; for an event loop, before
    /// [`Environment::first_end`] is asked.
    pub fn first_end_fd(&self) -> BorrowedFd<'_> {
        if self.has_companions { self.status.as_fd() } else { self.exit_fd() }
    }

    /// How the process that ended first did: the function, or what runs beside it. `None` while all of them run.
    pub fn first_end(&self) -> io::Result<Option<Exit>> {
        if self.has_companions && self.first_ended().is_some() {
            return Ok(Some(self.exit()));
        }
        self.try_wait()
    }

    /// Asks the function to end, with SIGTERM; what runs beside it is not asked.
    pub fn ask_to_end(&self) {
        self.signal_init(init::ASK);
    }

    /// Kills the function, and nothing that runs beside it.
    pub fn kill_function(&self) {
        self.signal_init(init::END);
    }

    fn signal_init(&self, signal: i32) {
        if let Some(signal) = Signal::from_named_raw(signal) {
            // The one failure is that it is gone already.
            let _ = pidfd_send_signal(&self.body.pidfd, signal);
        }
    }

    /// Kills every process inside, whatever it does. Returns at once; [`Environment::wait`] says when all are gone.
    pub fn kill(&self) {
        self.body.kill();
    }

    /// A descriptor that becomes readable when its memory runs out, for an event loop, before
    /// [`Environment::end_out_of_memory`] is called. Version 1 of cgroups kills one process then and lets the others go on;
    /// `None` with version 2, which ends them all.
    pub fn out_of_memory_fd(&self) -> Option<BorrowedFd<'_>> {
        self.out_of_memory.as_ref().map(AsFd::as_fd)
    }

    /// Kills every process inside because the memory ran out, as [`Exit`] says from then on.
    pub fn end_out_of_memory(&self) {
        self.body.end_out_of_memory();
    }

    /// Whether it was, and every process inside is gone, or soon will be.
    pub fn was_out_of_memory(&self) -> bool {
        self.body.was_out_of_memory()
    }

    /// Gives an environment that awaits it what it is for. Blocks for less than a millisecond; works once.
    ///
    /// # Errors
    /// Where it was not made for that, has its assignment, or a step failed: then it is of no more use.
    pub fn assign(&self, assignment: &Assignment) -> Result<(), LaunchError> {
        assigned(self.asking(assignment, |request| self.link.ask(request))?)
    }

    /// The same without waiting, for an event loop; `None` where the spawner is so far behind that only
    /// [`Environment::assign`] does.
    ///
    /// # Errors
    /// Where it was not made for that, or the spawner is gone.
    pub fn begin_assign(&self, assignment: &Assignment) -> Result<Option<Assigning>, LaunchError> {
        match self.asking(assignment, |request| self.link.ask_now(request)) {
            Ok(answer) => Ok(Some(Assigning { answer, link: Arc::clone(&self.link) })),
            Err(LaunchError::SpawnerGone(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn asking<T>(
        &self,
        assignment: &Assignment,
        ask: impl FnOnce(&Request) -> io::Result<T>,
    ) -> Result<T, LaunchError> {
        assignment.check()?;
        self.memory.iter().for_each(|memory| memory.assigned(assignment.memory_mib));
        let mut request = Request::Assign { id: self.id.clone(), assignment: assignment.clone() };
        let asked = ask(&request);
        if let Request::Assign { assignment: Assignment { program: Some(copy), .. }, .. } = &mut request {
            copy.wipe();
        }
        asked.map_err(LaunchError::SpawnerGone)
    }

    /// Waits until no process is left inside.
    pub fn wait(&self) -> io::Result<Exit> {
        self.poll_exit(None).and_then(|exit| exit.ok_or_else(|| io::ErrorKind::TimedOut.into()))
    }

    /// How it ended, or `None` while something still runs inside.
    pub fn try_wait(&self) -> io::Result<Option<Exit>> {
        self.poll_exit(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
    }

    fn poll_exit(&self, timeout: Option<&Timespec>) -> io::Result<Option<Exit>> {
        let mut watched = [PollFd::new(&self.body.pidfd, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| poll(&mut watched, timeout))? == 0 {
            return Ok(None);
        }
        Ok(Some(self.exit()))
    }

    fn exit(&self) -> Exit {
        let status = self.first_ended().map_or(ExitStatus::Killed, |first| match decode(first.status) {
            status if first.who == FUNCTION => status,
            ExitStatus::Signal(signal) => ExitStatus::Companion(128 + signal),
            ExitStatus::Code(code) | ExitStatus::Companion(code) => ExitStatus::Companion(code),
            ExitStatus::Killed => ExitStatus::Killed,
        });
        let oom_killed = self.was_out_of_memory() || self.cgroup.oom_kills() > 0;
        Exit { status, oom_killed, memory_peak_bytes: self.memory_peak_bytes() }
    }

    /// The first of what init wrote; kept, so that asking twice gives one answer.
    fn first_ended(&self) -> Option<Ended> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = [0_u8; Ended::BYTES];
        while let Ok((Ended::BYTES, _)) = rustix::net::recv(&self.status, &mut bytes, RecvFlags::DONTWAIT) {
            ended.push(Ended::from_bytes(bytes));
        }
        ended.first().copied()
    }

    /// Stops every process inside until [`Environment::thaw`].
    pub fn freeze(&self) -> io::Result<()> {
        self.cgroup.freeze(true)?;
        self.memory.iter().for_each(|memory| memory.stands_still());
        Ok(())
    }

    /// Resumes every process inside.
    pub fn thaw(&self) -> io::Result<()> {
        self.memory.iter().for_each(|memory| memory.runs());
        self.cgroup.freeze(false)
    }

    /// The most memory used so far, `/tmp` left out, where the host counts it.
    pub fn memory_peak_bytes(&self) -> Option<u64> {
        let with_tmp = self.cgroup.memory_peak_bytes()?;
        Some(self.memory.as_ref().map_or(with_tmp, |memory| memory.peak_bytes(with_tmp)))
    }
}

/// An assignment that the spawner is at.
pub struct Assigning {
    answer: Channel,
    link: Arc<Link>,
}

impl Assigning {
    /// No answer takes longer than this.
    pub const PATIENCE: Duration = PATIENCE;

    /// Takes the answer, which is there once [`AsFd::as_fd`] is readable; waits for it no longer than `patience`.
    ///
    /// # Errors
    /// As [`Environment::assign`]. Where there is no answer by then, the spawner counts as dead.
    pub fn finish(self, patience: Duration) -> Result<(), LaunchError> {
        assigned(self.link.hear(&self.answer, patience).map_err(LaunchError::SpawnerGone)?)
    }
}

impl AsFd for Assigning {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.answer.as_fd()
    }
}

fn assigned((reply, _): (Reply, Vec<OwnedFd>)) -> Result<(), LaunchError> {
    match reply {
        Reply::Assigned => Ok(()),
        Reply::Refused { stage, reason } => Err(LaunchError::Refused { stage, reason }),
        Reply::Started { .. } | Reply::Launched { .. } => {
            Err(LaunchError::SpawnerGone(io::ErrorKind::InvalidData.into()))
        }
    }
}

/// A wait status: the signal in the low seven bits, or the code above the low eight.
fn decode(status: i32) -> ExitStatus {
    match status & 0x7F {
        0 => ExitStatus::Code((status >> 8) & 0xFF),
        signal => ExitStatus::Signal(signal),
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.kill();
        // If the spawner is gone, so is everything that would be released.
        drop(self.link.tell(&Request::Release { id: std::mem::take(&mut self.id) }));
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_statuses_are_codes_and_signals() {
        for (raw, expected) in [
            (0, ExitStatus::Code(0)),
            (3 << 8, ExitStatus::Code(3)),
            (9, ExitStatus::Signal(9)),
            (11 | 0x80, ExitStatus::Signal(11)),
        ] {
            assert_eq!(decode(raw), expected, "{raw:#x}");
        }
    }
}
