//! Descriptor numbers: closing ranges of them, and putting one at a fixed number.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Closes every descriptor from `first` to `last`, both included.
///
/// Only for a freshly cloned process that owns nothing in that range any more: values of type `OwnedFd` in it
/// must be forgotten by leaving through [`super::exit_now`] or exec.
fn close_range(first: RawFd, last: RawFd) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: touches descriptors only, no memory; the callers' contract is stated above.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0_u32) };
    super::checked(result).map(drop)
}

/// Makes `number` a copy of `fd` that survives exec.
pub(crate) fn place(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    if fd.as_raw_fd() == number {
        // SAFETY: clears FD_CLOEXEC of an open descriptor; no memory is involved.
        let result = unsafe { libc::fcntl(number, libc::F_SETFD, 0) };
        return super::checked(result.into()).map(drop);
    }
    // SAFETY: replaces `number` in this process's table; the callers use it only for 0, 1 and 2 before exec.
    let result = unsafe { libc::dup2(fd.as_raw_fd(), number) };
    super::checked(result.into()).map(drop)
}

/// Closes every descriptor above 2 that is not listed; the same contract as for a range of them.
pub(crate) fn close_all_but(kept: &mut [RawFd]) -> io::Result<()> {
    kept.sort_unstable();
    let mut next = 3;
    for number in kept.iter().copied() {
        if number >= next {
            close_range(next, number - 1)?;
            next = number + 1;
        }
    }
    close_range(next, RawFd::MAX)
}
