//! `cargo xtask bench`: builds the release binary and prints its figures beside the references of the same run.
//!
//! It judges nothing: these machines are noisy, and time never decides a test.

use std::process::Command;

use crate::failure::Outcome;
use crate::test::{release_binary, run_in};

/// Builds and measures.
pub(crate) fn run() -> Outcome {
    let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    run_in(
        cargo().args(["build", "--release", "--package", "fastness", "--package", "benches"]),
        "cargo build",
    )?;
    let bench = release_binary().with_file_name("benches");
    run_in(Command::new(bench).arg(release_binary()), "benches")
}
