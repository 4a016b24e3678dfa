//! `cargo xtask mutants`: breaks the policy evaluator in every listed way, one at a time, and asks whether its tests notice.
//!
//! It works on a copy and leaves the repository as it is. The list is written by hand: a mutant that no longer applies, or
//! does not compile, is a failure, never one fewer. Not for every build: it takes a quarter of an hour.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::failure::{At, Failure, Outcome};
use crate::host::cargo;
use crate::workspace::{read, root, target};

/// The crate that is broken, and what it depends on.
const CRATE: &str = "crates/policy";
const COPIED: [&str; 2] = ["crates/base", CRATE];
/// A mutant that makes a test hang is noticed, too.
const TEST_TIME_MAX: Duration = Duration::from_secs(180);
const BUILD_TIME_MAX: Duration = Duration::from_secs(1_800);
/// Most are noticed by the first; the rest are built only for those that are not.
const STAGES: [&[&str]; 3] =
    [&["--test", "documented", "--test", "published", "--test", "strict"], &["--test", "reference"], &[]];

#[derive(Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// One way to break the evaluator.
#[derive(Deserialize)]
struct Mutant {
    /// Below the crate's folder.
    file: String,
    /// What goes wrong, as a person would say it.
    what: String,
    /// Stands in the file once.
    old: String,
    new: String,
}

impl Mutant {
    /// The file's text with this change.
    fn applied(&self, text: &str) -> Outcome<String> {
        match text.matches(&self.old).count() {
            1 => Ok(text.replacen(&self.old, &self.new, 1)),
            times => Err(Failure::new(format!(
                "{}: `{}` stands there {times} times: {}",
                self.file, self.old, self.what
            ))),
        }
    }
}

/// Breaks the evaluator in every way whose description contains `only`.
pub(crate) fn run(only: Option<&str>) -> Outcome {
    let chosen =
        |mutant: &Mutant| only.is_none_or(|only| mutant.what.contains(only) || mutant.file.contains(only));
    let mutants: Vec<_> = list()?.into_iter().filter(chosen).collect();
    let scratch = Scratch::make()?;
    if let Some(noticed) = scratch.noticed()? {
        return Err(Failure::new(format!("the tests fail without any mutant: {noticed}")));
    }
    let mut missed = 0_usize;
    for (at, mutant) in mutants.iter().enumerate() {
        let copy = scratch.folder.join(CRATE).join(&mutant.file);
        let text = read(&copy)?;
        std::fs::write(&copy, mutant.applied(&text)?).at(copy.display())?;
        let noticed = scratch.noticed().at(&mutant.what)?;
        std::fs::write(&copy, &text).at(copy.display())?;
        missed += usize::from(noticed.is_none());
        let verdict = noticed.as_deref().unwrap_or("NOT NOTICED");
        println!("{:>3}/{} {}: {}: {verdict}", at + 1, mutants.len(), mutant.file, mutant.what);
    }
    println!("{} of {} mutants noticed", mutants.len() - missed, mutants.len());
    if missed == 0 { Ok(()) } else { Err(Failure::new(format!("{missed} mutants were not noticed"))) }
}

fn list() -> Outcome<Vec<Mutant>> {
    let path = root().join(CRATE).join("mutants.toml");
    let list: List = toml::from_str(&read(&path)?).at(path.display())?;
    Ok(list.mutant)
}

/// A small workspace of the broken crate and what it needs.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn make() -> Outcome<Self> {
        let folder = target().join("mutants");
        for member in COPIED {
            let to = folder.join(member);
            if to.exists() {
                std::fs::remove_dir_all(&to).at(to.display())?;
            }
            copy(&root().join(member), &to)?;
        }
        let mut manifest = crate::workspace::manifest("")?;
        if let Some(workspace) = manifest.get_mut("workspace").and_then(toml::Value::as_table_mut) {
            workspace.insert("members".to_owned(), COPIED.map(str::to_owned).to_vec().into());
            workspace.remove("default-members");
        }
        std::fs::write(folder.join("Cargo.toml"), manifest.to_string()).at(folder.display())?;
        std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).at(folder.display())?;
        Ok(Self { folder })
    }

    /// The tests that fail, or `None`.
    fn noticed(&self) -> Outcome<Option<String>> {
        for stage in STAGES {
            if !self
                .test(&[stage, &["--no-run"]].concat(), BUILD_TIME_MAX)?
                .is_some_and(|status| status.success())
            {
                return Err(Failure::new("it does not compile"));
            }
            let name = stage.last().map_or("all", |name| *name);
            match self.test(stage, TEST_TIME_MAX)? {
                None => return Ok(Some(format!("noticed, {name} never ends"))),
                Some(status) if !status.success() => return Ok(Some(format!("noticed by {name}"))),
                Some(_) => {}
            }
        }
        Ok(None)
    }

    /// Runs tests; `None` where they take too long.
    fn test(&self, arguments: &[&str], within: Duration) -> Outcome<Option<ExitStatus>> {
        let mut command: Command = cargo(&["test", "--offline", "--quiet", "--package", "policy"]);
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        // A group of its own, so that a test that hangs ends with the cargo that started it.
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().at("cargo test")?;
        let end = Instant::now() + within;
        loop {
            if let Some(status) = child.try_wait().at("cargo test")? {
                return Ok(Some(status));
            }
            if Instant::now() > end {
                Command::new("kill")
                    .args(["-KILL", "--", &format!("-{}", child.id())])
                    .status()
                    .at("kill")?;
                child.wait().at("cargo test")?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to).at(to.display())?;
    for entry in std::fs::read_dir(from).at(from.display())? {
        let path = entry.at(from.display())?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name)).at(path.display())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_applies() {
        let mutants = list().unwrap();
        assert!(mutants.len() >= 40, "{} mutants", mutants.len());
        for mutant in &mutants {
            let text = read(&root().join(CRATE).join(&mutant.file)).unwrap();
            assert_ne!(mutant.applied(&text).unwrap(), text, "{}", mutant.what);
        }
    }
}
