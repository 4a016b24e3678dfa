//! Makes one environment: everything that takes the host's rights is done here, the rest by the child.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{Gid, Uid};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Signal, pidfd_send_signal};
use zeroize::Zeroize as _;

use super::{Member, Supervisor};
use crate::cgroup::{EnvironmentCgroup, Limits};
use crate::child::{self, Plan};
use crate::ids::IdMap;
use crate::image::open_bind;
use crate::message::{Channel, Progress};
use crate::spec::EnvironmentSpec;
use crate::sys::{self, Cloned, CommandLine};

/// What was half made gets this long to die.
const PATIENCE: Duration = Duration::from_secs(5);

/// The namespaces of an environment; its cgroup namespace follows when it is in its cgroup, and its network, which
/// takes longer than all others together, on the child's own time.
pub(super) const NAMESPACES: i32 =
    libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// Why there is no environment.
pub(super) struct Refusal {
    pub(super) stage: String,
    pub(super) reason: String,
}

/// Names the step of an error.
pub(super) trait Step<T> {
    fn step(self, stage: &str) -> Result<T, Refusal>;
}

impl<T, E: std::fmt::Display> Step<T> for Result<T, E> {
    fn step(self, stage: &str) -> Result<T, Refusal> {
        self.map_err(|error| Refusal { stage: stage.to_owned(), reason: error.to_string() })
    }
}

/// An environment that a child is making.
pub(super) struct Launching {
    pub(super) id: String,
    pub(super) member: Member,
    /// What the child reports on.
    pub(super) channel: Channel,
    /// What it has opened, once it has.
    pub(super) listeners: Option<Vec<OwnedFd>>,
    awaits_assignment: bool,
    /// Whether it is done before a program is executed.
    pub(super) awaits_program: bool,
    handed: [OwnedFd; 3],
}

impl Launching {
    /// Whether an end of the channel says that the program runs.
    pub(super) fn is_executed(&self) -> bool {
        self.listeners.is_some() && !self.awaits_program
    }

    /// The environment by its id, and what the server gets of it behind its pidfd: status, stdout, stderr, the listeners, `/tmp`.
    pub(super) fn into_parts(self) -> (String, Member, Vec<OwnedFd>) {
        let (mut member, mut listeners) = (self.member, self.listeners.unwrap_or_default());
        if self.awaits_assignment {
            member.mounts = listeners.pop();
        }
        if self.awaits_program {
            member.function = Some(self.channel);
        }
        (self.id, member, self.handed.into_iter().chain(listeners).collect())
    }
}

/// Clones the child that makes the environment.
pub(super) fn begin(supervisor: &mut Supervisor, spec: &EnvironmentSpec) -> Result<Launching, Refusal> {
    spec.check().step("check the spec")?;
    let taken = supervisor.pending.iter().any(|pending| pending.makes(&spec.id));
    if taken || supervisor.living.contains_key(&spec.id) {
        return Err(refusal("check the spec", "an environment with this id lives already"));
    }
    let ids = supervisor.ids.take();
    let ids = ids.ok_or_else(|| refusal("ids", "4,096 environments live already"))?;
    let begun = begin_with(supervisor, spec, ids);
    if begun.is_err() {
        supervisor.ids.give_back(ids);
    }
    begun
}

pub(super) fn refusal(stage: &str, reason: &str) -> Refusal {
    Refusal { stage: stage.to_owned(), reason: reason.to_owned() }
}

/// What stays with the spawner when the child has its plan.
struct Ends {
    channel: Channel,
    status: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

fn begin_with(supervisor: &mut Supervisor, spec: &EnvironmentSpec, ids: IdMap) -> Result<Launching, Refusal> {
    let root = supervisor.images.clone_for(spec.root.as_deref(), &spec.binds).step("root image")?;
    let cgroup = supervisor.group.create(spec).step("cgroups")?;
    let cloned = plan(supervisor, spec, ids, root, &cgroup).and_then(|(plan, ends)| {
        let into = plan.entrances.v2.as_ref().map(AsFd::as_fd);
        Ok((sys::spawn(NAMESPACES, into, || child::run(&plan)).step("clone")?, ends))
    });
    let (cloned, ends) = cloned.inspect_err(|_| {
        cgroup.remove();
    })?;
    let prepared = write_maps(&cloned, ids)
        .step("id maps")
        .and_then(|()| ends.channel.send(&Progress::Ready, &[]).step("start the child"));
    let limits = Limits::of(spec);
    let member = Member { pidfd: cloned.pidfd, ids, cgroup, limits, mounts: None, function: None };
    if let Err(refusal) = prepared {
        abandon(&member);
        return Err(refusal);
    }
    let Ends { channel, status, stdout, stderr } = ends;
    Ok(Launching {
        id: spec.id.clone(),
        member,
        channel,
        listeners: None,
        awaits_assignment: spec.awaits_assignment,
        awaits_program: spec.awaits_program,
        handed: [status, stdout, stderr],
    })
}

/// Kills what was half made and waits for its end, so that its ids can be used again.
fn abandon(member: &Member) {
    let _ = pidfd_send_signal(&member.pidfd, Signal::KILL);
    let deadline = std::time::Instant::now() + PATIENCE;
    while !(member.is_gone() && member.cgroup.remove()) && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn plan<'a>(
    supervisor: &'a Supervisor,
    spec: &'a EnvironmentSpec,
    ids: IdMap,
    root: OwnedFd,
    cgroup: &EnvironmentCgroup,
) -> Result<(Plan<'a>, Ends), Refusal> {
    let open = |bind: &crate::spec::Bind| Ok((open_bind(&bind.host)?, bind.inside.clone()));
    let binds = spec.binds.iter().map(open).collect::<io::Result<Vec<_>>>().step("binds")?;
    // A program with its variables is large.
    let pair = if spec.awaits_program { Channel::wide_pair() } else { Channel::pair() };
    let (channel, child_channel) = pair.step("sockets")?;
    let (status, child_status) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).step("sockets")?;
    let (stdout, child_stdout) = output_pipe(ids).step("pipes")?;
    let (stderr, child_stderr) = output_pipe(ids).step("pipes")?;
    let plan = Plan {
        spec,
        command: CommandLine::new(&spec.argv, &spec.environment).step("arguments")?,
        companions: companions(spec).step("arguments")?,
        filter: &supervisor.filter,
        channel: child_channel,
        entrances: cgroup.entrances().step("cgroups")?,
        root,
        binds,
        stdout: child_stdout,
        stderr: child_stderr,
        status: child_status,
        proc: supervisor.proc,
        has_inner_root: !ids.is_platforms,
    };
    Ok((plan, Ends { channel, status, stdout, stderr }))
}

fn companions(spec: &EnvironmentSpec) -> Result<Vec<CommandLine>, std::ffi::NulError> {
    let command = |companion: &crate::spec::Companion| {
        let kept = |(name, _): &&(String, String)| !companion.without.contains(name);
        let mut variables: Vec<(String, String)> = spec.environment.iter().filter(kept).cloned().collect();
        let command = CommandLine::new(&companion.argv, &variables);
        // SECURITY: the next environment's init begins as a copy of this memory.
        variables.iter_mut().for_each(|(_, value)| value.zeroize());
        command
    };
    spec.companions.iter().map(command).collect()
}

/// A pipe that belongs to the function, which may open it once more as `/dev/stdout`.
fn output_pipe(ids: IdMap) -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    let (uid, gid) = (Uid::from_raw(ids.function), Gid::from_raw(ids.function));
    rustix::fs::fchown(&write, Some(uid), Some(gid))?;
    Ok((read, write))
}

fn write_maps(cloned: &Cloned, ids: IdMap) -> io::Result<()> {
    fs::write(format!("/proc/{}/uid_map", cloned.pid), ids.uid_map())?;
    fs::write(format!("/proc/{}/gid_map", cloned.pid), ids.gid_map())
}
