//! Signal dispositions of a fresh process, and waiting for a signal.

use std::io;
use std::mem::MaybeUninit;
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

/// Holds these signals back from now on, so that [`await_signal`] can take them one by one.
pub(crate) fn hold(signals: &[i32]) -> io::Result<()> {
    let set = set_of(signals);
    // SAFETY: `set` is initialised, and the old mask is not asked for.
    let result = unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
    super::checked(result.into()).map(drop)
}

/// Waits for one of these signals, which are held back, and takes it.
pub(crate) fn await_signal(signals: &[i32]) -> io::Result<i32> {
    let set = set_of(signals);
    // SAFETY: `set` is initialised, and no information about the sender is asked for.
    let signal = unsafe { libc::sigwaitinfo(&raw const set, ptr::null_mut()) };
    super::checked(signal.into()).map(|_| signal)
}

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the whole set before anything is added to it or read.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}
