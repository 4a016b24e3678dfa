//! The system calls a function may make.
//!
//! What is not listed as allowed is refused. Two refusals exist: `EPERM` for what is known and forbidden, `ENOSYS` for
//! what this list does not know or programs have a fallback for, so that a newer libc falls back instead of failing.

mod calls;
mod compile;

pub(crate) use compile::compile;

/// What the filter does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The kernel executes it.
    Allow,
    /// It fails as a forbidden one.
    Forbidden,
    /// It fails as if the kernel did not have it.
    Unknown,
    /// `clone`: allowed without any namespace flag.
    CheckClone,
    /// `socket`: allowed for IPv4, IPv6 and Unix addresses, stream and datagram.
    CheckSocket,
    /// `socketpair`: allowed for Unix addresses.
    CheckSocketPair,
    /// `fcntl`: allowed but for being told what others do with a file.
    CheckFcntl,
    /// `ioctl`: allowed but for pushing input into a terminal.
    CheckIoctl,
    /// `personality`: allowed for asking, and for setting the default.
    CheckPersonality,
    /// `prctl`: allowed but for a few operations.
    CheckPrctl,
    /// `setsockopt`: allowed but for programs that filter packets.
    CheckSocketOption,
    /// `fadvise64`: allowed; advice to forget a file's pages succeeds and does nothing.
    CheckAdvice,
    /// `preadv2`, `pwritev2`: allowed but for asking what is in memory already, and for leaving it there no longer.
    CheckTransfer,
}
