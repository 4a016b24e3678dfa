//! The first process of the environment: waits for the function, reaps the rest, and takes everything with it.
//!
//! The function is not the first process itself, since that one ignores signals, `abort()` and its own `SIGTERM`
//! among them. It runs nothing of the function's and reads nothing that the function writes.

use std::os::fd::AsRawFd;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use rustix::thread::CapabilitySet;

use super::{Failure, Family, Plan, Stage, privileges};
use crate::message::{Ended, FUNCTION};
use crate::sys;

/// Asks the function to end, as a signal to this process from the host.
pub(crate) const ASK: i32 = libc::SIGTERM;
/// Kills the function, and not what runs beside it.
pub(crate) const END: i32 = libc::SIGHUP;

const WATCHED: [i32; 3] = [libc::SIGCHLD, ASK, END];

/// Waits, reports the wait statuses on `plan.status`, and returns when the environment is to end.
pub(super) fn run(family: &Family, plan: &Plan<'_>) -> i32 {
    if sys::hold(&WATCHED).is_err() || seal(plan).is_err() {
        return 1;
    }
    let mut alive: Vec<(u32, i32)> = (0..).zip(family.companions.iter().copied()).collect();
    alive.push((FUNCTION, family.function));
    while !alive.is_empty() {
        // What ended before the signal was held back is reaped by the first look.
        if !reap(plan, &mut alive) {
            return 1;
        }
        let function = alive.iter().find(|(who, _)| *who == FUNCTION).map(|(_, pid)| *pid);
        if alive.is_empty() {
            break;
        }
        match sys::await_signal(&WATCHED) {
            Ok(ASK) => signal(function, Signal::TERM),
            Ok(END) => signal(function, Signal::KILL),
            _ => {}
        }
    }
    0
}

/// Reaps whoever has ended. `false` where nothing more can be learned.
fn reap(plan: &Plan<'_>, alive: &mut Vec<(u32, i32)>) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((ended, status))) => {
                let pid = ended.as_raw_nonzero().get();
                if let Some(at) = alive.iter().position(|(_, own)| *own == pid) {
                    let (who, _) = alive.remove(at);
                    // If nobody reads it, nobody waits for it.
                    let _ =
                        rustix::io::write(&plan.status, &Ended { who, status: status.as_raw() }.to_bytes());
                }
            }
            Ok(None) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

fn signal(pid: Option<i32>, signal: Signal) {
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        // It may have ended a moment ago.
        let _ = kill_process(pid, signal);
    }
}

/// SECURITY: the one right that is left is to signal processes of its own user namespace.
fn seal(plan: &Plan<'_>) -> Result<(), Failure> {
    sys::close_all_but(&mut [plan.status.as_raw_fd()]).stage("close descriptors")?;
    privileges::seal_capabilities().stage("capabilities")?;
    privileges::drop_capabilities_but(CapabilitySet::KILL).stage("capabilities")?;
    sys::install_filter(plan.filter).stage("seccomp")
}
