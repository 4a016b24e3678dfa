//! What runs inside the fresh namespaces: builds the environment around itself, then becomes its init.
//!
//! Runs on a copy of the spawner's memory and knows only its [`Plan`]. The order below is the isolation: each step
//! gives something up that the step before still needed, and the function's program starts when nothing is left.

mod entrypoint;
mod function;
pub(crate) mod init;
mod network;
mod privileges;
mod root;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal};
use rustix::thread::UnshareFlags;

use crate::cgroup::Entrances;
use crate::message::{Channel, Progress};
use crate::spec::EnvironmentSpec;
use crate::sys::{self, CommandLine, Instruction};

/// Everything the child needs, made by the spawner before cloning.
pub(crate) struct Plan<'a> {
    pub(crate) spec: &'a EnvironmentSpec,
    pub(crate) command: CommandLine,
    /// The programs that run beside it, in the order of the spec.
    pub(crate) companions: Vec<CommandLine>,
    pub(crate) filter: &'a [Instruction],
    pub(crate) channel: Channel,
    pub(crate) entrances: Entrances,
    pub(crate) root: OwnedFd,
    pub(crate) binds: Vec<(OwnedFd, PathBuf)>,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// Where init says how the function ended.
    pub(crate) status: OwnedFd,
    /// Whether this host lets a namespace have its own `/proc`.
    pub(crate) proc: bool,
    /// Whether there is a user 0 inside, and groups to leave.
    pub(crate) has_inner_root: bool,
}

/// Why an environment was not made.
#[derive(Debug)]
pub(crate) struct Failure {
    stage: &'static str,
    error: io::Error,
}

/// Names the stage of an error.
pub(crate) trait Stage<T> {
    fn stage(self, stage: &'static str) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Stage<T> for Result<T, E> {
    fn stage(self, stage: &'static str) -> Result<T, Failure> {
        self.map_err(|error| Failure { stage, error: error.into() })
    }
}

/// The child's whole life; its result is the exit code of the environment's init.
pub(crate) fn run(plan: &Plan<'_>) -> i32 {
    match make(plan) {
        Ok(family) => init::run(&family, plan),
        Err(failure) => report(&plan.channel, &failure),
    }
}

/// Tells the spawner and ends.
fn report(channel: &Channel, failure: &Failure) -> i32 {
    let message = Progress::Failed { stage: failure.stage.to_owned(), reason: failure.error.to_string() };
    // If the spawner is gone there is nobody to tell.
    drop(channel.send(&message, &[]));
    1
}

/// The processes that the environment's init starts, by their ids inside.
struct Family {
    function: i32,
    companions: Vec<i32>,
}

fn make(plan: &Plan<'_>) -> Result<Family, Failure> {
    close_others(plan).stage("close descriptors")?;
    sys::reset();
    enter_cgroups(plan).stage("enter the cgroups")?;
    await_go(plan).stage("wait for the id maps")?;
    if plan.has_inner_root {
        privileges::become_inner_root().stage("take the inner ids")?;
    }
    // Its own cgroups become the root of what it can see.
    let fresh = UnshareFlags::NEWCGROUP | UnshareFlags::NEWNET;
    sys::unshare(fresh).stage("cgroup and network namespaces")?;
    rustix::system::sethostname(b"sandbox").stage("host name")?;
    let listeners = network::open_doors(&plan.spec.doors).stage("doors")?;
    let mounts = own_mounts(plan).stage("mount namespace")?;
    let tmp = root::enter(plan)?;
    // SECURITY: only now, since a change of ids clears it. The spawner's end takes every environment with it.
    set_parent_process_death_signal(Some(Signal::KILL)).stage("death signal")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).stage("dumpable")?;
    let descriptors: Vec<BorrowedFd<'_>> = listeners
        .iter()
        .map(AsFd::as_fd)
        .chain([tmp.as_fd()])
        .chain(mounts.iter().map(AsFd::as_fd))
        .collect();
    // Fails if the spawner died before the death signal was set.
    plan.channel.send(&Progress::Ready, &descriptors).stage("report")?;
    drop((listeners, tmp, mounts));
    let start =
        |command: &CommandLine| sys::spawn(0, None, || function::run(plan, command)).map(|cloned| cloned.pid);
    let companions = plan.companions.iter().map(start).collect::<io::Result<_>>();
    let companions = companions.stage("clone what runs beside the function")?;
    Ok(Family { function: start(&plan.command).stage("clone the function")?, companions })
}

/// The spawner's way to this environment's files, where an assignment follows. Opened while the host's `/proc` is there.
fn own_mounts(plan: &Plan<'_>) -> io::Result<Option<OwnedFd>> {
    if !plan.spec.awaits_assignment {
        return Ok(None);
    }
    std::fs::File::open("/proc/self/ns/mnt").map(|file| Some(file.into()))
}

/// SECURITY: before anything is allocated for the function, and before it can have a second thread.
fn enter_cgroups(plan: &Plan<'_>) -> io::Result<()> {
    for tasks in &plan.entrances.v1 {
        rustix::io::write(tasks, b"0")?;
    }
    Ok(())
}

/// The spawner sends one message when the id maps are written.
fn await_go(plan: &Plan<'_>) -> io::Result<()> {
    match plan.channel.receive::<Progress>(None)? {
        Some((Progress::Ready, _)) => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// SECURITY: the spawner's socket to the server and the pidfds and pipes of other environments came along.
fn close_others(plan: &Plan<'_>) -> io::Result<()> {
    let mut kept: Vec<i32> = plan.binds.iter().map(|(tree, _)| tree.as_raw_fd()).collect();
    kept.extend(plan.entrances.v1.iter().map(AsRawFd::as_raw_fd));
    kept.extend([
        plan.channel.as_fd().as_raw_fd(),
        plan.root.as_raw_fd(),
        plan.stdout.as_raw_fd(),
        plan.stderr.as_raw_fd(),
        plan.status.as_raw_fd(),
    ]);
    sys::close_all_but(&mut kept)
}
