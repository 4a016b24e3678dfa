//! Clones the calling process, and ends it without ceremony.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::thread::UnshareFlags;

/// A child process.
pub(crate) struct Cloned {
    /// Its id in the caller's pid namespace.
    pub(crate) pid: i32,
    /// A descriptor of it: a pid may be reused, this is not.
    pub(crate) pidfd: OwnedFd,
}

/// Not in libc: the flag has no room in an `int`.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// What a child that panicked exits with.
const PANICKED: i32 = 113;

/// Clones this process into the namespaces of `flags` and the version 2 cgroup of `cgroup`; the child runs `body` and
/// exits with its result.
///
/// Like fork, so the caller must be single-threaded: the spawner is, and nothing else calls this.
pub(crate) fn spawn(
    flags: i32,
    cgroup: Option<BorrowedFd<'_>>,
    body: impl FnOnce() -> i32,
) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    // SAFETY: an all-zero `clone_args` is valid: it is integers only.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    let namespaces = u64::from(flags.cast_unsigned());
    arguments.flags = namespaces | u64::from(libc::CLONE_PIDFD.cast_unsigned());
    arguments.pidfd = (&raw mut pidfd) as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::from(cgroup.as_raw_fd().cast_unsigned());
    }
    arguments.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
    // SAFETY: without CLONE_VM and with no stack given this is fork: the child runs on its own copy of this memory.
    // The caller is single-threaded, so no lock is held by a thread that the child does not have.
    let result =
        unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    match super::checked(result)? {
        0 => {
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            exit_now(code)
        }
        pid => Ok(Cloned {
            pid: i32::try_from(pid).unwrap_or_default(),
            // SAFETY: the kernel has just stored this descriptor for us, and nothing else owns it.
            pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
        }),
    }
}

/// Ends the process at once: no destructors, no exit handlers, which belong to the process it was cloned from.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Moves the calling process into fresh namespaces.
///
/// Namespaces only: a flag that unshares descriptors or memory would be refused.
pub(crate) fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    if namespaces.contains(UnshareFlags::FILES) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the danger is FILES, refused above.
    unsafe { rustix::thread::unshare_unsafe(namespaces) }.map_err(io::Error::from)
}
