//! The system calls that no safe crate offers: the only `unsafe` code of the workspace.
//!
//! Each function does one call and decides nothing. Every block says why it is sound.
#![allow(unsafe_code, reason = "the one place for it")]

mod bpf;
mod descriptors;
mod exec;
mod landlock;
mod loopback;
mod mounts;
mod process;
mod schedule;
mod signals;

pub(crate) use bpf::{Instruction, install_filter};
pub(crate) use descriptors::{close_all_but, place};
pub(crate) use exec::{CommandLine, execute};
pub(crate) use landlock::landlock_version;
pub(crate) use loopback::raise_loopback;
pub(crate) use mounts::seal_mount;
pub(crate) use process::{Cloned, exit_now, spawn, unshare};
pub(crate) use schedule::run_before_others;
pub(crate) use signals::{await_signal, hold, ignore_children, reset};

/// The result of a raw call: minus one means `errno`.
fn checked(result: libc::c_long) -> std::io::Result<libc::c_long> {
    if result < 0 { Err(std::io::Error::last_os_error()) } else { Ok(result) }
}
