//! Installs the pinned packages into `xtask-venv` in the target folder and reads files out of them.
//!
//! Imports none of them, with one exception made elsewhere: `xtask/python/` scripts run in this environment.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::failure::{At, Failure, Outcome};
use crate::host::python_environment;
use crate::workspace::{read, root, shown, target};

/// The installed packages.
pub(crate) struct Packages {
    environment: PathBuf,
    site: PathBuf,
    /// `name==version` of each, as pinned.
    pub(crate) pins: Vec<String>,
}

/// Installs what `models/requirements.txt` pins, unless that was done before.
pub(crate) fn install() -> Outcome<Packages> {
    let requirements = root().join("models/requirements.txt");
    let wanted = read(&requirements)?;
    let environment = target().join("xtask-venv");
    let stamp = environment.join("requirements.txt");
    if std::fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
        println!("installing what models/requirements.txt pins into {}", environment.display());
        python_environment(&environment)?;
        call(
            Command::new(environment.join("bin/pip"))
                .args(["install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
                .arg(&requirements),
        )?;
        std::fs::write(&stamp, &wanted).at(shown(&stamp))?;
    }
    let pins = wanted.lines().filter(|line| line.contains("==")).map(str::to_owned).collect();
    Ok(Packages { site: site_packages(&environment)?, environment, pins })
}

fn site_packages(environment: &Path) -> Outcome<PathBuf> {
    let lib = environment.join("lib");
    let found =
        std::fs::read_dir(&lib).at(shown(&lib))?.flatten().map(|entry| entry.path().join("site-packages"));
    found.into_iter().find(|site| site.join("botocore").is_dir()).ok_or_else(|| {
        Failure::new(format!("no botocore under {}: remove that folder and run again", shown(&lib)))
    })
}

/// Runs a command and hands back what it printed.
pub(crate) fn call(command: &mut Command) -> Outcome<String> {
    let output = command.output().at(format!("{command:?}"))?;
    if output.status.success() {
        return String::from_utf8(output.stdout).at(format!("{command:?}"));
    }
    Err(Failure::new(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
}

impl Packages {
    /// The environment's Python.
    pub(crate) fn python(&self) -> Command {
        Command::new(self.environment.join("bin/python"))
    }

    /// The bytes of an installed file.
    pub(crate) fn bytes(&self, path: &str) -> Outcome<Vec<u8>> {
        std::fs::read(self.site.join(path)).at(path)
    }

    /// An installed JSON file.
    pub(crate) fn json(&self, path: &str) -> Outcome<Value> {
        serde_json::from_slice(&self.bytes(path)?).at(path)
    }

    /// The newest `service-2.json.gz` of a service.
    pub(crate) fn service_model(&self, service: &str) -> Outcome<Value> {
        let folder = self.site.join("botocore/data").join(service);
        let mut versions: Vec<PathBuf> =
            std::fs::read_dir(&folder).at(folder.display())?.flatten().map(|entry| entry.path()).collect();
        versions.sort();
        let newest = versions.pop().ok_or_else(|| Failure::new(format!("no model of {service}")))?;
        let path = newest.join("service-2.json.gz");
        let packed = std::fs::File::open(&path).at(path.display())?;
        let mut text = String::new();
        flate2::read::GzDecoder::new(packed).read_to_string(&mut text).at(path.display())?;
        serde_json::from_str(&text).at(path.display())
    }

    /// The unpacked source distribution of botocore: its protocol test vectors are not in the wheel.
    pub(crate) fn botocore_source(&self) -> Outcome<PathBuf> {
        let pin = self.pins.iter().find(|pin| pin.starts_with("botocore==")).cloned().unwrap_or_default();
        let folder = target().join("xtask-sdist");
        let unpacked = folder.join(pin.replace("==", "-"));
        if !unpacked.join("tests/unit/protocols").is_dir() {
            call(
                Command::new(self.environment.join("bin/pip"))
                    .args(["download", "--quiet", "--disable-pip-version-check", "--no-deps"])
                    .args(["--no-binary", "botocore", &pin, "-d"])
                    .arg(&folder),
            )?;
            let archive = unpacked.with_file_name(format!("{}.tar.gz", pin.replace("==", "-")));
            call(self.python().args(["-m", "tarfile", "-e"]).arg(&archive).arg(&folder))?;
        }
        Ok(unpacked)
    }
}
