//! `cargo xtask test`: sets up what is needed and runs everything, cheapest first.
//!
//! It skips nothing silently: a tool that cannot be had fails the run, or is named with what stood in for it.

mod outside;

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::failure::{At, Failure, Outcome};
use crate::host::{
    CC, CURL, NODE, NPM, OPENSSL, PYTHON, cargo, has_subcommand, need, need_component, python_environment,
    run_in,
};
use crate::workspace::{root, target};

/// One step of the run: its name, and what it does.
type Step = (&'static str, fn() -> Outcome);

const STEPS: [Step; 9] = [
    ("formatting", formatting),
    ("structure", structure),
    ("generated files", generated),
    ("supply chain", supply_chain),
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
    need_component("fmt", "rustfmt")?;
    run_in(&mut cargo(&["fmt", "--all", "--check"]), "cargo fmt")
}

fn structure() -> Outcome {
    crate::tidy::run()
}

fn generated() -> Outcome {
    need_component("fmt", "rustfmt")?;
    crate::generate::run(true)
}

/// Advisories are left out: they change without us, and their database is fetched from the network.
fn supply_chain() -> Outcome {
    if has_subcommand("deny") {
        println!(
            "cargo-deny judges licences, bans and sources; `cargo deny check` would judge advisories too"
        );
        let check = ["deny", "--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
        return run_in(&mut cargo(&check), "cargo deny");
    }
    println!("cargo-deny is not installed; our own reading of deny.toml stands in for it");
    crate::licences::run()
}

fn lints() -> Outcome {
    need_component("clippy", "clippy")?;
    let arguments = ["clippy", "--locked", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"];
    run_in(&mut cargo(&arguments), "cargo clippy")
}

fn crate_tests() -> Outcome {
    need(&[CC, PYTHON, NODE])?;
    let venv = venv()?;
    let path = with_venv(&venv)?;
    let run = |arguments: &[&str]| run_in(cargo(arguments).env("PATH", &path), "cargo");
    if has_subcommand("nextest") {
        return run(&["nextest", "run", "--locked", "--workspace"]);
    }
    println!("cargo-nextest is not installed; `cargo test` stands in for it");
    let test = ["test", "--locked", "--no-fail-fast", "--quiet", "--lib", "--bins", "--tests"];
    let rest = run(&[&test[..], &["--workspace", "--exclude", "sandbox"]].concat());
    // One at a time, as nextest's profile says: these end spawners, and `cargo test` has all of them in one process.
    let sandbox = run(&[&test[..], &["--package", "sandbox", "--", "--test-threads=1"]].concat());
    rest.and(sandbox)
}

fn doc_tests() -> Outcome {
    run_in(&mut cargo(&["test", "--locked", "--workspace", "--doc", "--quiet"]), "cargo test --doc")
}

fn release() -> Outcome {
    let arguments = ["build", "--locked", "--release", "--quiet", "--package", "fastness"];
    run_in(&mut cargo(&arguments), "cargo build")
}

fn outside() -> Outcome {
    need(&[PYTHON, NODE, NPM, CURL, OPENSSL])?;
    let venv = venv()?;
    let path = with_venv(&venv)?;
    outside::run(|| {
        let mut pytest = Command::new(venv.join("bin/python"));
        pytest.args(["-m", "pytest"]).env("PATH", &path).env("FASTNESS_BIN", release_binary());
        pytest
    })
}

/// Where cargo puts the release binary.
pub(crate) fn release_binary() -> PathBuf {
    target().join("release/fastness")
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
    python_environment(&venv)?;
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
