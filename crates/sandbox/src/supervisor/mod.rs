//! The spawner process: makes environments on request, removes what is left of them, and takes them all with it.
//!
//! Single-threaded, with the few capabilities it needs, an empty environment and no file of the server's. It parses
//! only what the server sends, and holds nothing of an environment but its pidfd, its ids and its cgroups.

mod assign;
mod launch;
mod pending;
mod probe;
mod start;

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use self::pending::{Pending, Work};
use crate::cgroup::{CgroupGroup, EnvironmentCgroup, Limits};
use crate::ids::{IdMap, IdRange};
use crate::image::RootImages;
use crate::message::{Channel, Request};
use crate::sys::{self, Instruction};

/// Marks a process as the spawner: its name, and a variable that holds the server's pid.
pub(crate) const MARKER: &str = "fastness-spawner";
/// The variable that holds the folder for the root image.
pub(crate) const STATE_DIR: &str = "fastness-spawner-state-dir";

/// What is left of an environment is looked for this often.
const RETRY: Duration = Duration::from_millis(20);
/// At the end, environments get this long to die.
const FAREWELL: Duration = Duration::from_secs(5);

/// Whether this process was executed to be the spawner.
pub(crate) fn is_spawner() -> bool {
    std::env::args_os().next().is_some_and(|name| name == MARKER) && std::env::var_os(MARKER).is_some()
}

/// Serves until the server goes away, then ends everything.
pub(crate) fn run() -> ! {
    let code = match start::start() {
        Ok(mut supervisor) => {
            let served = supervisor.serve();
            supervisor.end_all();
            i32::from(served.is_err())
        }
        Err(_) => 1,
    };
    sys::exit_now(code)
}

/// The spawner's whole state.
struct Supervisor {
    server: Channel,
    filter: Vec<Instruction>,
    group: CgroupGroup,
    ids: IdRange,
    images: RootImages,
    proc: bool,
    /// The spawner's own mount namespace, to come back to.
    mounts: OwnedFd,
    living: HashMap<String, Member>,
    pending: Vec<Pending>,
    ending: Vec<Member>,
}

/// An environment.
struct Member {
    pidfd: OwnedFd,
    ids: IdMap,
    cgroup: EnvironmentCgroup,
    /// What it was made with.
    limits: Limits,
    /// Where its files are, as long as it awaits its assignment.
    mounts: Option<OwnedFd>,
    /// Who awaits a program there, as long as it has none.
    function: Option<Channel>,
}

impl Supervisor {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let requested = self.await_event()?;
            self.go_on();
            self.bury();
            if !requested {
                continue;
            }
            match self.server.receive::<Request>(None)? {
                Some((Request::Launch(mut spec), answer)) => {
                    let begun = launch::begin(self, &spec).map(|begun| Work::Launch(Box::new(begun)));
                    // SECURITY: the next environment's init begins as a copy of this memory.
                    spec.wipe();
                    self.undertake(begun, answer)?;
                }
                Some((Request::Assign { id, mut assignment }, answer)) => {
                    let begun = assign::begin(self, &id, &assignment);
                    assignment.program.iter_mut().for_each(crate::spec::Program::wipe);
                    let work = begun.map(|starting| starting.map_or(Work::Done, Work::Execute));
                    self.undertake(work, answer)?;
                }
                Some((Request::Release { id }, _)) => self.release(&id),
                None => return Ok(()),
            }
        }
    }

    /// Whether there is a request; `false` when work may go on, or an ending environment may have ended.
    fn await_event(&self) -> io::Result<bool> {
        let mut watched = vec![PollFd::new(&self.server, PollFlags::IN)];
        let children = self.pending.iter().filter_map(Pending::child);
        watched.extend(children.map(|child| PollFd::new(child, PollFlags::IN)));
        watched.extend(self.ending.iter().map(|member| PollFd::new(&member.pidfd, PollFlags::IN)));
        let retry = Timespec::try_from(RETRY).map_err(io::Error::other)?;
        let idle = self.ending.is_empty() && self.pending.is_empty();
        let timeout = if idle { None } else { Some(&retry) };
        rustix::io::retry_on_intr(|| poll(&mut watched, timeout))?;
        Ok(watched.first().is_some_and(|server| !server.revents().is_empty()))
    }

    fn release(&mut self, id: &str) {
        if let Some(mut member) = self.living.remove(id) {
            member.mounts = None;
            member.kill();
            self.ending.push(member);
        }
    }

    /// Frees what no process uses any more. What cannot be freed yet is tried again.
    fn bury(&mut self) {
        let ids = &mut self.ids;
        self.ending.retain(|member| {
            let gone = member.is_gone() && member.cgroup.remove();
            if gone {
                ids.give_back(member.ids);
            }
            !gone
        });
    }

    fn end_all(&mut self) {
        self.pending.drain(..).for_each(|pending| self.ending.extend(pending.abandon()));
        self.ending.extend(self.living.drain().map(|(_, member)| member));
        self.ending.iter().for_each(Member::kill);
        let start = Instant::now();
        while !self.ending.is_empty() && start.elapsed() < FAREWELL {
            self.bury();
            std::thread::sleep(Duration::from_millis(2));
        }
        self.group.remove();
    }
}

impl Member {
    fn kill(&self) {
        // The one failure is that it is gone already.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    fn is_gone(&self) -> bool {
        let mut watched = [PollFd::new(&self.pidfd, PollFlags::IN)];
        poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|ready| ready > 0)
    }
}
