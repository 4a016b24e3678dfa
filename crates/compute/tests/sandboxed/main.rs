//! Functions in real sandboxes, on the real kernel, with the interpreters of this host.
//!
//! Needs root, as the platform does: without it every test here fails, none is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests"
)]

mod failures;
mod functions;
mod latency;
mod parked;
mod support;
mod surroundings;

/// The spawner: this test binary, executed again with this test's name.
#[test]
fn spawner_process() {
    sandbox::run_if_spawner();
}
