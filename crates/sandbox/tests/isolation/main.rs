//! The sandbox as a function author would attack it, on the real kernel.
//!
//! Needs root, as the platform does: without it every test here fails, none is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod assign;
mod bench;
mod companions;
mod launch;
mod lifetime;
mod limits;
mod memory;
mod probes;
mod runtime_api;
mod runtimes;
mod support;
mod together;

/// The spawner: this test binary, executed again with this test's name.
#[test]
fn spawner_process() {
    sandbox::run_if_spawner();
}
