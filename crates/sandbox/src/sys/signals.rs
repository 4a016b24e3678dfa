//! Signal dispositions of a fresh process.

use std::ptr;

/// The kernel reaps this process's children by itself.
pub(crate) fn ignore_children() {
    // SAFETY: SIG_IGN is no function of ours, so nothing can run in signal context.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// Every signal as after boot: nothing handled, ignored or blocked.
pub(crate) fn reset() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL is no function of ours. Failure for KILL, STOP and libc's own signals is of no interest.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `empty` is initialised by sigemptyset before it is read, and the old mask is not asked for.
    unsafe {
        let mut empty: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut empty);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, ptr::null_mut());
    }
}
