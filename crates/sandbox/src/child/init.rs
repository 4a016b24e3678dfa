//! The first process of the environment: waits for the function, reaps the rest, and takes everything with it.
//!
//! The function is not the first process itself, since that one ignores signals, `abort()` and its own `SIGTERM`
//! among them.

use std::os::fd::AsRawFd;

use rustix::process::{WaitOptions, wait};

use super::{Failure, Plan, Stage, privileges};
use crate::sys;

/// Waits, reports the function's wait status on `plan.status`, and returns when the environment is to end.
pub(super) fn run(function: sys::Cloned, plan: &Plan<'_>) -> i32 {
    let sys::Cloned { pid, pidfd } = function;
    drop(pidfd);
    if seal(plan).is_err() {
        return 1;
    }
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if ended.as_raw_nonzero().get() == pid => {
                let bytes = status.as_raw().to_ne_bytes();
                // If nobody reads it, nobody waits for it.
                let _ = rustix::io::write(&plan.status, &bytes);
                return 0;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return 1,
        }
    }
}

fn seal(plan: &Plan<'_>) -> Result<(), Failure> {
    sys::close_all_but(&mut [plan.status.as_raw_fd()]).stage("close descriptors")?;
    privileges::seal_capabilities().stage("capabilities")?;
    privileges::drop_capabilities().stage("capabilities")?;
    sys::install_filter(plan.filter).stage("seccomp")
}
