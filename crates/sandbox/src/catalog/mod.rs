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
    /// The root file system that it runs on, where that is not the host's.
    pub root: Option<ImportedRoot>,
}

/// A root file system that was brought from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRoot {
    /// The one runtime that runs on it.
    pub name: String,
    /// Where it stands on the host.
    pub folder: PathBuf,
    /// True where it brings the runtime itself, and no bootstrap stands at `/var/runtime` but its own.
    pub brings_runtime: bool,
    /// Its own environment variables.
    pub variables: Vec<(String, String)>,
}

impl HostRuntime {
    /// AWS's identifier that this version is exactly: `python3.11`, `nodejs20.x`, `provided`.
    pub fn identifier(&self) -> String {
        if let Some(root) = &self.root {
            return root.name.clone();
        }
        let mut numbers = self.version.split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        match self.kind {
            RuntimeKind::Python => format!("python{major}.{minor}"),
            RuntimeKind::Node => format!("nodejs{major}.x"),
            RuntimeKind::Provided => "provided".to_owned(),
        }
    }

    /// Whether functions of this AWS runtime identifier get the very version that it names.
    pub fn is_exactly(&self, identifier: &str) -> bool {
        self.kind == RuntimeKind::Provided || self.identifier() == identifier
    }

    /// As people name it: `Python 3.11.7`.
    pub fn title(&self) -> String {
        let name = match (&self.root, self.kind) {
            (Some(root), _) => return root.name.clone(),
            (_, RuntimeKind::Provided) => return self.identifier(),
            (_, RuntimeKind::Python) => "Python",
            (_, RuntimeKind::Node) => "Node.js",
        };
        format!("{name} {}", self.version)
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
        root: None,
    });
    runtimes
}

/// AWS's identifiers that functions can have with this catalog, in their order.
pub fn identifiers(catalog: &[HostRuntime]) -> Vec<String> {
    let python = (PYTHON_MINOR_MIN..=PYTHON_MINOR_MAX).map(|minor| format!("python3.{minor}"));
    let known = NODE.iter().chain(&PROVIDED).map(|name| (*name).to_owned()).chain(python);
    let imported = catalog.iter().filter_map(|runtime| Some(runtime.root.as_ref()?.name.clone()));
    let mut names: Vec<String> =
        known.filter(|name| runtime_for(catalog, name).is_some()).chain(imported).collect();
    names.sort();
    names.dedup();
    names
}

/// The interpreter that runs functions of an AWS runtime identifier: what was imported under that name, else of exactly that version
/// if the host has it, else the preferred one of its family. One that cannot have the AWS SDK, which functions expect, stands behind
/// those that have it. `None` for a family that the host does not have and for identifiers unknown.
pub fn runtime_for<'a>(catalog: &'a [HostRuntime], identifier: &str) -> Option<&'a HostRuntime> {
    let imported = |runtime: &&HostRuntime| runtime.root.as_ref().is_some_and(|root| root.name == identifier);
    if let Some(imported) = catalog.iter().find(imported) {
        return Some(imported);
    }
    let kind = kind_of(identifier)?;
    let mut family = catalog.iter().filter(|runtime| runtime.kind == kind && runtime.root.is_none());
    let exact = family.clone().find(|runtime| runtime.identifier() == identifier);
    let complete = family.clone().find(|runtime| runtime.sdk.is_some());
    exact.filter(|exact| exact.sdk.is_some() || complete.is_none()).or(complete).or_else(|| family.next())
}

/// The interpreter of exactly the version that an AWS runtime identifier names, or what was imported under it.
pub fn exact_runtime_for<'a>(catalog: &'a [HostRuntime], identifier: &str) -> Option<&'a HostRuntime> {
    let imported = |runtime: &&HostRuntime| runtime.root.as_ref().is_some_and(|root| root.name == identifier);
    let kind = kind_of(identifier);
    let exact = |runtime: &&HostRuntime| {
        runtime.root.is_none() && kind == Some(runtime.kind) && runtime.is_exactly(identifier)
    };
    catalog.iter().find(imported).or_else(|| catalog.iter().find(exact))
}

const PROVIDED: [&str; 3] = ["provided", "provided.al2", "provided.al2023"];
const NODE: [&str; 4] = ["nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"];
const PYTHON_MINOR_MIN: u32 = 8;
const PYTHON_MINOR_MAX: u32 = 14;

/// AWS's identifiers that this platform runs, deprecated ones included as long as programs still name them.
fn kind_of(identifier: &str) -> Option<RuntimeKind> {
    match identifier {
        _ if PROVIDED.contains(&identifier) => Some(RuntimeKind::Provided),
        _ if NODE.contains(&identifier) => Some(RuntimeKind::Node),
        _ => {
            let minor: u32 = identifier.strip_prefix("python3.")?.parse().ok()?;
            (PYTHON_MINOR_MIN..=PYTHON_MINOR_MAX).contains(&minor).then_some(RuntimeKind::Python)
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
        HostRuntime { kind, version: version.into(), binds: vec![], argv: vec![], sdk: None, root: None }
    }

    #[test]
    fn what_was_imported_goes_before_and_stands_for_nothing_else() {
        let root = ImportedRoot {
            name: "python3.9".into(),
            folder: "/roots/python3.9/root".into(),
            brings_runtime: false,
            variables: vec![],
        };
        let imported = HostRuntime { root: Some(root), ..runtime(RuntimeKind::Python, "") };
        let java = HostRuntime {
            root: Some(ImportedRoot { name: "java21".into(), ..imported.root.clone().unwrap() }),
            ..runtime(RuntimeKind::Provided, "")
        };
        let host = runtime(RuntimeKind::Python, "3.11.7");
        let catalog = [imported.clone(), java.clone(), host.clone()];
        for (identifier, found) in [
            ("python3.9", Some(&imported)),
            ("python3.10", Some(&host)),
            ("java21", Some(&java)),
            ("provided", None),
        ] {
            assert_eq!(runtime_for(&catalog, identifier), found, "{identifier}");
            let exact = found.map(|found| found.is_exactly(identifier));
            assert_eq!(exact, found.map(|found| found.root.is_some()), "{identifier}");
        }
        assert_eq!(identifiers(&catalog)[..2], ["java21", "python3.10"]);
        assert_eq!(identifiers(&[imported]), ["python3.9"]);
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
        for (identifier, exact, title) in [
            ("python3.12", true, "Python 3.12.1"),
            ("python3.9", false, "Python 3.11.7"),
            ("nodejs22.x", false, "Node.js 20.20.2"),
            ("nodejs20.x", true, "Node.js 20.20.2"),
            ("provided.al2", true, "provided"),
        ] {
            let found = runtime_for(&catalog, identifier).unwrap();
            assert_eq!(
                (found.is_exactly(identifier), found.title().as_str()),
                (exact, title),
                "{identifier}"
            );
        }
    }

    #[test]
    fn a_version_without_the_sdk_stands_behind_those_that_have_it() {
        let with_sdk =
            |version| HostRuntime { sdk: Some("/sdk".into()), ..runtime(RuntimeKind::Python, version) };
        let catalog = [runtime(RuntimeKind::Python, "3.9.18"), with_sdk("3.11.7"), with_sdk("3.12.1")];
        let found = |identifier| runtime_for(&catalog, identifier).map(|runtime| runtime.version.as_str());
        assert_eq!(found("python3.9"), Some("3.11.7"));
        assert_eq!(found("python3.12"), Some("3.12.1"));
        assert_eq!(found("python3.8"), Some("3.11.7"));
        let exactly =
            |identifier| exact_runtime_for(&catalog, identifier).map(|runtime| runtime.version.as_str());
        assert_eq!(exactly("python3.9"), Some("3.9.18"));
        assert_eq!((exactly("python3.8"), exactly("provided")), (None, None));
        let alone = [runtime(RuntimeKind::Python, "3.9.18"), runtime(RuntimeKind::Provided, "")];
        assert_eq!(runtime_for(&alone, "python3.9").unwrap().version, "3.9.18");
        assert!(exact_runtime_for(&alone, "provided.al2023").is_some());
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
