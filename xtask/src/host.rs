//! What a fresh machine lacks: finds programs, and has Debian's packages and rustup's components installed.
//!
//! Installs nothing that is there already, and nothing at all where it cannot: then it says what a person must do.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::workspace::root;

/// A program, and the Debian package that brings it.
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
}

/// The C compiler: it builds the probes that run inside a sandbox.
pub(crate) const CC: Program = Program { name: "cc", package: "build-essential" };
/// The requests that `up` prints are for curl.
pub(crate) const CURL: Program = Program { name: "curl", package: "curl" };
/// Functions in JavaScript.
pub(crate) const NODE: Program = Program { name: "node", package: "nodejs" };
/// What such functions depend on; Debian packs it apart from Node.js.
pub(crate) const NPM: Program = Program { name: "npm", package: "npm" };
/// Makes certificates for the tests of TLS.
pub(crate) const OPENSSL: Program = Program { name: "openssl", package: "openssl" };
/// Functions in Python, and the tests from outside.
pub(crate) const PYTHON: Program = Program { name: "python3", package: "python3" };

/// Makes sure that these programs are there.
pub(crate) fn need(programs: &[Program]) -> Outcome {
    let missing: Vec<_> = programs.iter().filter(|program| find(program.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing.iter().map(|program| program.package).collect::<Vec<_>>())?;
    match missing.iter().find(|program| find(program.name).is_none()) {
        None => Ok(()),
        Some(program) => Err(Failure::new(format!(
            "{} is still missing after {} was installed",
            program.name, program.package
        ))),
    }
}

/// Makes sure that cargo has `cargo NAME`, which rustup brings as a component.
pub(crate) fn need_component(subcommand: &str, component: &str) -> Outcome {
    if has_subcommand(subcommand) {
        return Ok(());
    }
    let by_hand = format!("cargo {subcommand} is missing: run `rustup component add {component}`");
    println!("{by_hand}; trying that now");
    run_in(Command::new("rustup").args(["component", "add", component]), "rustup")
        .map_err(|failure| Failure::new(format!("{by_hand} ({failure})")))
}

/// True where `cargo NAME` is installed.
pub(crate) fn has_subcommand(name: &str) -> bool {
    cargo(&[name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// A new Python environment in this folder, in place of what was there.
pub(crate) fn python_environment(folder: &Path) -> Outcome {
    need(&[PYTHON])?;
    let make = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv", "--clear"]).arg(folder);
        command
    };
    if run_in(&mut make(), "python3 -m venv").is_ok() {
        return Ok(());
    }
    println!("Debian keeps Python's venv module in a package of its own");
    install(&["python3-venv"])?;
    run_in(&mut make(), "python3 -m venv")
}

/// cargo, the one that runs this.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command at the repository's root with its output shown.
pub(crate) fn run_in(command: &mut Command, name: &str) -> Outcome {
    let status = command.current_dir(root()).status();
    let status = status.map_err(|error| Failure::new(format!("{name} did not start: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{name} ended with {status}"))) }
}

/// Installs Debian packages.
fn install(packages: &[&str]) -> Outcome {
    let wanted = packages.join(" ");
    println!("this machine lacks {wanted}; installing with apt-get");
    let by_hand =
        |why: &str| Failure::new(format!("{wanted} could not be installed ({why}): install by hand"));
    if find("apt-get").is_none() {
        return Err(by_hand("there is no apt-get"));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("--quiet").args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        run_in(&mut command, "apt-get")
    };
    let install = [&["install", "--yes", "--no-install-recommends"], packages].concat();
    if apt(&install).is_ok() {
        return Ok(());
    }
    // A fresh image has no lists of packages, and old lists name files that are gone.
    apt(&["update"]).and_then(|()| apt(&install)).map_err(|failure| {
        by_hand(&format!("{failure}; as root: `apt-get update && apt-get install --yes {wanted}`"))
    })
}

/// Where the search path has this program.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_found_and_what_is_not_is_not() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
        assert!(!has_subcommand("no-such-subcommand"));
    }

    #[test]
    fn a_command_that_fails_is_named() {
        let failure = run_in(&mut Command::new("false"), "the tool").map_err(|failure| failure.to_string());
        assert!(failure.unwrap_err().starts_with("the tool ended with"));
        let failure =
            run_in(&mut Command::new("/no/such"), "the tool").map_err(|failure| failure.to_string());
        assert!(failure.unwrap_err().starts_with("the tool did not start"));
    }
}
