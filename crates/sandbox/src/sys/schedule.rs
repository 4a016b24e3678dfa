//! When the calling thread runs.

use std::io;

use super::checked;

/// The calling thread runs whenever it is ready, before every thread that is scheduled fairly. Needs `CAP_SYS_NICE`.
pub(crate) fn run_before_others() -> io::Result<()> {
    let lowest = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: zero is the calling thread, and the kernel reads one `sched_param` that outlives the call.
    let done = unsafe { libc::sched_setscheduler(0, policy, &raw const lowest) };
    checked(done.into()).map(drop)
}
