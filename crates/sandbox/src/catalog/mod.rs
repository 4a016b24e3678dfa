//! Finds the interpreters of this host and says how to run them inside an environment.
//!
//! Reads what installations say about themselves and asks the others once; knows AWS's runtime identifiers and nothing of functions. The places inside
//! at which bootstraps are expected are [`PYTHON_BOOTSTRAP`] and [`NODE_BOOTSTRAP`].

mod ask;
mod node;
mod python;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::spec::Bind;

/// Where the Python bootstrap is expected inside.
pub const PYTHON_BOOTSTRAP: &str = "/var/runtime/bootstrap.py";
/// Where the Node.js bootstrap is expected inside.
pub const NODE_BOOTSTRAP: &str = "/var/runtime/bootstrap.mjs";

/// The family of a runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeKind {
    /// CPython.
    Python,
    /// Node.js.
    Node,
    /// An executable of the package's own.
    Provided,
}

/// An interpreter of this host, or none where the package brings its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRuntime {
    /// The family.
    pub kind: RuntimeKind,
    /// The real version, for example `3.11.7`; empty for [`RuntimeKind::Provided`].
    pub version: String,
    /// What must be visible inside besides what every environment sees.
    pub binds: Vec<Bind>,
    /// The program and its arguments, complete but for environment variables.
    pub argv: Vec<String>,
    /// The folder of the host that the AWS SDK comes from which functions can import, if the host has it.
    pub sdk: Option<PathBuf>,
}

impl HostRuntime {
    /// AWS's identifier that this version is exactly: `python3.11`, `nodejs20.x`, `provided`.
    pub fn identifier(&self) -> String {
        let mut numbers = self.version.split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        match self.kind {
            RuntimeKind::Python => format!("python{major}.{minor}"),
            RuntimeKind::Node => format!("nodejs{major}.x"),
            RuntimeKind::Provided => "provided".to_owned(),
        }
    }
}

/// Compiles the bootstrap at `source` for this interpreter into the file `target`, to be run in its place; `false` where that
/// cannot be done. Takes some ten milliseconds.
pub fn compile_bootstrap(runtime: &HostRuntime, source: &Path, target: &Path) -> bool {
    let program = runtime.argv.first().filter(|_| runtime.kind == RuntimeKind::Python);
    program.is_some_and(|program| python::compile_bootstrap(program, source, target))
}

/// The interpreters on `search_path`, a colon-separated list of folders such as `PATH`; the preferred one of a family
/// first. Takes ten milliseconds and more for each that must be asked: call it once.
pub fn runtime_catalog(search_path: &OsStr) -> Vec<HostRuntime> {
    let folders: Vec<PathBuf> =
        std::env::split_paths(search_path).filter(|path| path.is_absolute()).collect();
    let mut runtimes = python::discover(&folders);
    runtimes.extend(node::discover(&folders));
    runtimes.push(HostRuntime {
        kind: RuntimeKind::Provided,
        version: String::new(),
        binds: Vec::new(),
        argv: vec!["/var/task/bootstrap".to_owned()],
        sdk: None,
    });
    runtimes
}

/// The interpreter that runs functions of an AWS runtime identifier: of exactly that version if the host has it, else
/// the preferred one of its family. `None` for a family that the host does not have and for identifiers unknown.
pub fn runtime_for<'a>(catalog: &'a [HostRuntime], identifier: &str) -> Option<&'a HostRuntime> {
    let kind = kind_of(identifier)?;
    let mut family = catalog.iter().filter(|runtime| runtime.kind == kind);
    let exact = catalog.iter().find(|runtime| runtime.identifier() == identifier);
    exact.or_else(|| family.next())
}

/// AWS's identifiers that this platform runs, deprecated ones included as long as programs still name them.
fn kind_of(identifier: &str) -> Option<RuntimeKind> {
    match identifier {
        "provided" | "provided.al2" | "provided.al2023" => Some(RuntimeKind::Provided),
        "nodejs18.x" | "nodejs20.x" | "nodejs22.x" | "nodejs24.x" => Some(RuntimeKind::Node),
        _ => {
            let minor: u32 = identifier.strip_prefix("python3.")?.parse().ok()?;
            (8..=14).contains(&minor).then_some(RuntimeKind::Python)
        }
    }
}

/// The folder and those that hold the real files of a program, unless `/usr` shows them already.
fn bind_prefix(prefix: &Path) -> Option<Bind> {
    let shown = ["/usr", "/bin", "/lib", "/lib64"].iter().any(|shown| prefix.starts_with(shown));
    (!shown && prefix.parent().is_some()).then(|| Bind::same(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(kind: RuntimeKind, version: &str) -> HostRuntime {
        HostRuntime { kind, version: version.into(), binds: vec![], argv: vec![], sdk: None }
    }

    #[test]
    fn identifiers_find_their_exact_version_or_their_family() {
        let catalog = [
            runtime(RuntimeKind::Python, "3.11.7"),
            runtime(RuntimeKind::Python, "3.12.1"),
            runtime(RuntimeKind::Node, "20.20.2"),
            runtime(RuntimeKind::Provided, ""),
        ];
        for (identifier, version) in [
            ("python3.12", Some("3.12.1")),
            ("python3.9", Some("3.11.7")),
            ("python3.13", Some("3.11.7")),
            ("nodejs20.x", Some("20.20.2")),
            ("nodejs22.x", Some("20.20.2")),
            ("provided.al2023", Some("")),
            ("python2.7", None),
            ("java21", None),
            ("python3.", None),
            ("", None),
        ] {
            let found = runtime_for(&catalog, identifier).map(|runtime| runtime.version.as_str());
            assert_eq!(found, version, "{identifier}");
        }
    }

    #[test]
    fn a_family_that_is_not_installed_is_not_found() {
        assert_eq!(runtime_for(&[runtime(RuntimeKind::Provided, "")], "python3.12"), None);
    }

    #[test]
    fn what_every_environment_sees_is_not_bound_again() {
        assert_eq!(bind_prefix(Path::new("/usr/local")), None);
        assert_eq!(bind_prefix(Path::new("/")), None);
        assert!(bind_prefix(Path::new("/root/.pyenv/versions/3.11.7")).is_some());
    }
}
