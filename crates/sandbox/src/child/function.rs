//! The process that becomes the function: gives everything up and executes the runtime.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::CapabilitySet;

use super::{Failure, Plan, Stage, entrypoint, privileges, report};
use crate::message::Progress;
use crate::sys::{self, CommandLine};

const MIB: u64 = 1_024 * 1_024;
/// The newest Landlock whose rights are known here; older kernels give what they have.
const LANDLOCK: ABI = ABI::V6;

/// Does not return if all goes well.
pub(super) fn run(plan: &Plan<'_>, command: &CommandLine) -> i32 {
    let prepared = prepare(plan).and_then(|()| {
        if plan.spec.awaits_program {
            return await_program(plan);
        }
        rustix::process::chdir(&plan.spec.working_dir).stage("working directory")?;
        execute(plan, command)
    });
    prepared.unwrap_or_else(|failure| report(&plan.channel, &failure))
}

/// Becomes the program. Where it cannot be executed: the exit code, if the program's own ways have told why.
fn execute(plan: &Plan<'_>, command: &CommandLine) -> Result<i32, Failure> {
    let mut program = command.program();
    let mut error = sys::execute(program, command);
    if plan.spec.explains_entrypoint {
        if let Some(other) = entrypoint::in_place_of(program) {
            program = other;
            error = sys::execute(program, command);
        }
        return Ok(entrypoint::refused(program, command, &error));
    }
    Err(Failure { stage: "execute the program", error })
}

/// Waits, with nothing left to give up, for what to execute, and until it may.
fn await_program(plan: &Plan<'_>) -> Result<i32, Failure> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    plan.channel.send(&Progress::Ready, &[]).stage("report")?;
    let Some((Progress::Program(program), _)) = plan.channel.receive(None).stage("await the program")? else {
        return Err(Failure { stage: "await the program", error: gone() });
    };
    let Some((Progress::Ready, _)) = plan.channel.receive(None).stage("await the files")? else {
        return Err(Failure { stage: "await the files", error: gone() });
    };
    rustix::process::chdir(&program.working_dir).stage("working directory")?;
    let command = CommandLine::new(&program.argv, &program.environment).map_err(io::Error::from);
    execute(plan, &command.stage("arguments")?)
}

/// SECURITY: in this order. Descriptors before anything can fail with them open; the bounding set while a capability
/// to drop it is left; ids before the last capabilities; Landlock before the filter that could forbid it; the
/// filter last, so that it holds only what the program itself may do.
fn prepare(plan: &Plan<'_>) -> Result<(), Failure> {
    rustix::process::setsid().stage("session")?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    place_descriptors(plan).stage("descriptors")?;
    limit(plan).stage("resource limits")?;
    privileges::seal_capabilities().stage("capabilities")?;
    privileges::become_function().stage("ids")?;
    privileges::drop_capabilities_but(CapabilitySet::empty()).stage("capabilities")?;
    restrict_files().stage("landlock")?;
    sys::install_filter(plan.filter).stage("seccomp")
}

fn place_descriptors(plan: &Plan<'_>) -> io::Result<()> {
    // SECURITY: opened here and now. What two environments share of an open file, one tells the other by: its flags, owner and locks.
    let null = rustix::fs::open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    sys::place(null.as_fd(), 0)?;
    drop(null);
    sys::place(plan.stdout.as_fd(), 1)?;
    sys::place(plan.stderr.as_fd(), 2)?;
    // The channel reports a failed exec, and a successful one closes it.
    sys::close_all_but(&mut [plan.channel.as_fd().as_raw_fd()])
}

fn limit(plan: &Plan<'_>) -> io::Result<()> {
    let limits = [
        (Resource::Nofile, u64::from(plan.spec.open_files_max)),
        (Resource::Nproc, u64::from(plan.spec.pids_max)),
        (Resource::Core, 0),
        (Resource::Stack, 8 * MIB),
        (Resource::Memlock, MIB / 16),
        (Resource::Msgqueue, 819_200),
        (Resource::Sigpending, 1_024),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
    ];
    for (resource, wanted) in limits {
        let most = rustix::process::getrlimit(resource).maximum.map_or(wanted, |most| most.min(wanted));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// A second opinion on the mounts: writes reach `/tmp`, the devices and the process's own `/proc` only; signals and
/// abstract sockets stay within the function.
fn restrict_files() -> io::Result<()> {
    landlock_rules().map_err(io::Error::other)
}

fn landlock_rules() -> Result<(), landlock::RulesetError> {
    let rights = AccessFs::from_all(LANDLOCK);
    let read = AccessFs::from_read(LANDLOCK);
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(rights)?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?;
    let existing = AccessFs::WriteFile | AccessFs::ReadFile | AccessFs::IoctlDev;
    for (path, allowed) in [("/", read), ("/tmp", rights), ("/dev", existing), ("/proc", existing)] {
        if let Ok(dir) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(dir, allowed))?;
        }
    }
    rules.restrict_self()?;
    Ok(())
}
