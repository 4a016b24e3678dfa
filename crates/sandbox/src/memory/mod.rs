//! Holds environments to their memory, what stands in their `/tmp` left out.
//!
//! The kernel charges a file of a tmpfs like memory, so its wall is a function's memory and the size of its `/tmp` together, and
//! what of that is no file of `/tmp` is looked at from here, many times a second while the environment runs. Who is over its memory is
//! ended, as the kernel would. Reports nothing: [`crate::Exit`] says what became of whom.

mod account;
mod watch;

pub(crate) use account::{Account, Body};
pub(crate) use watch::Watch;
