//! `cargo xtask test`: sets up what is needed and runs everything, cheapest first.
//!
//! It skips nothing silently: a tool that cannot be had fails the run, or is named with what stood in for it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::failure::{At, Failure, Outcome};
use crate::workspace::root;

/// One step of the run: its name, and what it does.
type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 8] = [
    ("formatting", formatting),
    ("structure", structure),
    ("generated files", generated),
    ("lints", lints),
    ("unit, service and compliance tests", crate_tests),
    ("documentation examples", doc_tests),
    ("release binary", release),
    ("end to end and security probes", outside),
];

/// Runs every step, or only those whose name contains `only`; ends with a count.
pub(crate) fn run(only: Option<&str>) -> Outcome {
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, step) in STEPS.iter().filter(|(name, _)| only.is_none_or(|part| name.contains(part))) {
        println!("\n=== {name}");
        let begin = Instant::now();
        match step() {
            Ok(()) => {
                passed += 1;
                println!("=== {name}: passed in {:.0} s", begin.elapsed().as_secs_f64());
            }
            Err(failure) => {
                println!("=== {name}: FAILED: {failure}");
                failed.push(*name);
            }
        }
    }
    println!("\nsteps of `cargo xtask test`; what ran inside each is counted above");
    println!("{passed} passed, {} failed", failed.len());
    if failed.is_empty() { Ok(()) } else { Err(Failure::new(format!("failed: {}", failed.join(", ")))) }
}

fn formatting() -> Outcome {
    cargo(&["fmt", "--all", "--check"])
}

fn structure() -> Outcome {
    crate::tidy::run()
}

fn generated() -> Outcome {
    crate::generate::run(true)
}

fn lints() -> Outcome {
    cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
}

fn crate_tests() -> Outcome {
    let venv = venv()?;
    let has_nextest = Command::new("cargo").args(["nextest", "--version"]).output();
    let arguments: &[&str] = if has_nextest.is_ok_and(|output| output.status.success()) {
        &["nextest", "run", "--locked", "--workspace"]
    } else {
        println!("cargo-nextest is not installed; `cargo test` stands in for it");
        &["test", "--locked", "--workspace", "--lib", "--bins", "--tests", "--quiet"]
    };
    run_in(cargo_command(arguments).env("PATH", with_venv(&venv)?), "cargo")
}

fn doc_tests() -> Outcome {
    cargo(&["test", "--locked", "--workspace", "--doc", "--quiet"])
}

fn release() -> Outcome {
    cargo(&["build", "--locked", "--release", "--quiet", "--package", "fastness"])
}

fn outside() -> Outcome {
    let venv = venv()?;
    let mut pytest = Command::new(venv.join("bin/python"));
    pytest.args(["-m", "pytest"]).env("PATH", with_venv(&venv)?).env("FASTNESS_BIN", release_binary());
    run_in(&mut pytest, "pytest")
}

/// Where cargo puts the release binary.
pub(crate) fn release_binary() -> PathBuf {
    target().join("release/fastness")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The Python environment with boto3, the `aws` CLI and pytest, made anew when its requirements change.
pub(crate) fn venv() -> Outcome<PathBuf> {
    let venv = target().join("test-venv");
    let wanted = crate::workspace::read(&root().join("tests/requirements.txt"))?;
    let stamp = venv.join("requirements.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(venv);
    }
    println!("installing boto3, awscli and pytest into {}", venv.display());
    let make = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(&venv);
        command
    };
    if run_in(&mut make(), "python3 -m venv").is_err() {
        // Debian keeps the venv module in a package of its own.
        run_in(Command::new("apt-get").args(["install", "--yes", "--quiet", "python3-venv"]), "apt-get")?;
        run_in(&mut make(), "python3 -m venv")?;
    }
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    run_in(pip.arg(root().join("tests/requirements.txt")), "pip install")?;
    std::fs::write(&stamp, wanted).at(stamp.display())?;
    Ok(venv)
}

/// The search path with the environment's commands first.
fn with_venv(venv: &std::path::Path) -> Outcome<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(venv.join("bin")).chain(std::env::split_paths(&path));
    std::env::join_paths(paths).at("PATH")
}

fn cargo(arguments: &[&str]) -> Outcome {
    run_in(&mut cargo_command(arguments), "cargo")
}

fn cargo_command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command at the repository's root with its output shown.
pub(crate) fn run_in(command: &mut Command, name: &str) -> Outcome {
    let status = command.current_dir(root()).status().at(name)?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{name} ended with {status}"))) }
}
