//! `cargo xtask bench`: builds the release binary and prints its figures beside the references of the same run.
//!
//! It judges nothing: these machines are noisy, and time never decides a test.

use std::process::Command;

use crate::failure::Outcome;
use crate::host::{cargo, run_in};
use crate::test::release_binary;

/// Builds and measures.
pub(crate) fn run() -> Outcome {
    let arguments = [
        "build",
        "--release",
        "--package",
        "fastness",
        "--package",
        "benches",
        "--features",
        "benches/cedar",
    ];
    run_in(&mut cargo(&arguments), "cargo build")?;
    let bench = release_binary().with_file_name("benches");
    run_in(Command::new(bench).arg(release_binary()), "benches")
}
