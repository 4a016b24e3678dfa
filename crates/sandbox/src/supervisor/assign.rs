//! Gives an environment that was made ahead what it is for: its files, its memory, its share of the processors.
//!
//! Works once for each. Files are attached by a child that enters the environment's mounts and leaves nothing but them; it runs
//! before any code of the function's is there.

use std::os::fd::{BorrowedFd, OwnedFd};
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

/// Files that are being attached, and a program that starts when they are.
pub(super) struct Assigning {
    /// What the child reports on: first the one that attaches the files, then the one that executes the program.
    pub(super) channel: Channel,
    function: Option<Channel>,
    /// Whether the program is about to be executed.
    pub(super) executes: bool,
}

impl Assigning {
    /// The files are there. Whether there is more to wait for.
    pub(super) fn let_go_on(&mut self) -> std::io::Result<bool> {
        let Some(function) = self.function.take() else { return Ok(false) };
        function.send(&Progress::Ready, &[])?;
        self.channel = function;
        self.executes = true;
        Ok(true)
    }
}

pub(super) fn begin(
    supervisor: &mut Supervisor,
    id: &str,
    assignment: &Assignment,
) -> Result<Assigning, Refusal> {
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
    member.cgroup.raise(assignment).step("cgroups")?;
    let open = |bind: &crate::spec::Bind| Ok((open_bind(&bind.host)?, bind.inside.clone()));
    let binds = assignment.binds.iter().map(open).collect::<std::io::Result<Vec<_>>>().step("binds")?;
    let (here, there) = Channel::pair().step("sockets")?;
    let child = sys::spawn(0, None, || attach(&there, &mounts, &binds)).step("clone")?;
    drop((child, there));
    Ok(Assigning { channel: here, function, executes: false })
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

/// The child: its result is its exit code, its message is what counts.
fn attach(channel: &Channel, mounts: &OwnedFd, binds: &[(OwnedFd, PathBuf)]) -> i32 {
    use std::os::fd::AsFd as _;
    let message = match attach_all(mounts.as_fd(), binds) {
        Ok(()) => Progress::Ready,
        Err(error) => Progress::Failed { stage: "attach the files".to_owned(), reason: error.to_string() },
    };
    i32::from(channel.send(&message, &[]).is_err())
}

fn attach_all(mounts: BorrowedFd<'_>, binds: &[(OwnedFd, PathBuf)]) -> rustix::io::Result<()> {
    move_into_link_name_space(mounts, Some(LinkNameSpaceType::Mount))?;
    for (tree, inside) in binds {
        move_mount(tree, "", CWD, inside, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
    }
    Ok(())
}
