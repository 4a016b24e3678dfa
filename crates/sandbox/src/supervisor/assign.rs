//! Gives an environment that was made ahead what it is for: its files, its memory, its share of the processors.
//!
//! Works once for each. Files are attached by the spawner itself, which enters the environment's mounts for that moment and leaves
//! nothing but them; it does so before any code of the function's is there.

use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, move_mount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::Supervisor;
use super::launch::{Refusal, Step as _, refusal};
use crate::image::open_bind;
use crate::message::{Channel, Progress};
use crate::spec::{Assignment, Program};
use crate::sys;

/// What the spawner exits with where it cannot come back to its own mounts.
const LOST: i32 = 114;

/// Assigns. Where a program is to be executed now, answers what its end will tell of that; otherwise all is done.
pub(super) fn begin(
    supervisor: &mut Supervisor,
    id: &str,
    assignment: &Assignment,
) -> Result<Option<Channel>, Refusal> {
    assignment.check().step("check the assignment")?;
    let member =
        supervisor.living.get_mut(id).ok_or_else(|| refusal("assign", "there is no such environment"))?;
    // SECURITY: taken, so that a second assignment finds nothing to enter.
    let mounts =
        member.mounts.take().ok_or_else(|| refusal("assign", "the environment awaits no assignment"))?;
    let function = member.function.take();
    match (&function, &assignment.program) {
        (Some(function), Some(program)) => send_program(function, program).step("send the program")?,
        (None, None) => {}
        _ => return Err(refusal("assign", "the environment awaits another kind of assignment")),
    }
    member.cgroup.raise(assignment, member.limits).step("cgroups")?;
    let open = |bind: &crate::spec::Bind| Ok((open_bind(&bind.host)?, bind.inside.clone()));
    let binds = assignment.binds.iter().map(open).collect::<std::io::Result<Vec<_>>>().step("binds")?;
    within(&mounts, &supervisor.mounts, || attach(&binds)).step("attach the files")?;
    if let Some(function) = &function {
        function.send(&Progress::Ready, &[]).step("start the program")?;
    }
    Ok(function)
}

/// SECURITY: at once, since what stays in this memory is copied into the next environment's init.
fn send_program(function: &Channel, program: &Program) -> std::io::Result<()> {
    let mut message = Progress::Program(program.clone());
    let sent = function.send(&message, &[]);
    if let Progress::Program(copy) = &mut message {
        copy.wipe();
    }
    sent
}

/// Does one thing in the mounts of an environment and comes back.
// SECURITY: only the root of these mounts was ever written by anybody, and that was the spawner: no code but a runtime's own
// has run there, and it cannot mount. A spawner that cannot come back must not make the next environment from there: it
// ends, and takes every environment with it.
fn within<T>(
    mounts: &OwnedFd,
    own: &OwnedFd,
    work: impl FnOnce() -> rustix::io::Result<T>,
) -> rustix::io::Result<T> {
    let kind = Some(LinkNameSpaceType::Mount);
    move_into_link_name_space(mounts.as_fd(), kind)?;
    let done = work();
    if move_into_link_name_space(own.as_fd(), kind).is_err() {
        sys::exit_now(LOST);
    }
    done
}

fn attach(binds: &[(OwnedFd, PathBuf)]) -> rustix::io::Result<()> {
    for (tree, inside) in binds {
        move_mount(tree, "", CWD, inside, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    }
    Ok(())
}
