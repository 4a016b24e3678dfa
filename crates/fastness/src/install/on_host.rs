//! pip and npm on this host itself, where its command line says so.
//!
//! SECURITY: nobody's code is run but the package managers' own: pip takes wheels only, npm runs no scripts.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use super::told::Told;
use super::{Install, InstallError, Language, Order};

/// Installs on this host.
pub(crate) struct OnHost;

impl Install for OnHost {
    fn install(&self, order: &Order<'_>) -> Result<(), InstallError> {
        (order.tell)(&format!("installing {} on this host itself", order.manifest().display()));
        match order.language {
            Language::Python => pip(order),
            Language::Node => npm(order),
        }
    }
}

fn pip(order: &Order<'_>) -> Result<(), InstallError> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    command.args(["--only-binary", ":all:", "--no-compile", "--requirement"]).arg(order.manifest());
    command.arg("--target").arg(order.target);
    run(command, order)
}

fn npm(order: &Order<'_>) -> Result<(), InstallError> {
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        let (from, to) = (order.folder.join(name), order.target.join(name));
        if from.is_file() {
            std::fs::copy(&from, &to).map_err(|source| InstallError::Io { path: to, source })?;
        }
    }
    let verb = if order.target.join("package-lock.json").is_file() { "ci" } else { "install" };
    let mut command = Command::new("npm");
    command.args([verb, "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    command.current_dir(order.target);
    run(command, order)
}

fn run(mut command: Command, order: &Order<'_>) -> Result<(), InstallError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        ErrorKind::NotFound => order.missing(&command.get_program().to_string_lossy()),
        _ => order.failed(&[&error.to_string()]),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let mut told = Told::default();
    told.take(&output.stderr, |_| ());
    Err(order.failed(&[&told.end()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(folder: &std::path::Path) -> Order<'_> {
        let (copy, target) = (folder, folder);
        Order { folder, copy, target, language: Language::Python, runtime: "python3.12", tell: &|_| () }
    }

    #[test]
    fn a_missing_package_manager_is_named_with_what_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let error = run(Command::new("no-such-program"), &order(folder.path())).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("`no-such-program` is not installed") && told.contains("requirements.txt"),
            "{told}"
        );
    }

    #[test]
    fn a_failing_install_says_what_failed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("requirements.txt"), "not a requirement !!").unwrap();
        let error = OnHost.install(&order(folder.path())).unwrap_err().to_string();
        assert!(error.contains("`pip install` failed") && error.contains("requirement"), "{error}");
    }
}
