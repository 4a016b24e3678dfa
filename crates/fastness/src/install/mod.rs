//! Installs what a manifest names, `requirements.txt` or `package.json`, as `sam build` does.
//!
//! SECURITY: pip and npm run strangers' code when they install. They do it in the platform's own sandbox, which sees a copy of the
//! application's folder, reaches the registries, and nothing else; on this host itself only where the command line says so, and then
//! without packages' own scripts (`docs/decisions/0030-dependencies-are-installed-in-a-sandbox.md`).

mod on_host;
mod refused;
mod run;
mod sandboxed;
mod settings;
mod told;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use compute::{ImportedRuntime, RuntimeRoots};
use sandbox::{HostRuntime, Spawner};

use crate::args::InstallOptions;
use crate::functions::roots_folder;
use crate::{Error, egress};
pub(crate) use on_host::OnHost;
use sandboxed::{Sandboxed, Workshop};

/// The family of a runtime whose dependencies are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// pip installs for it.
    Python,
    /// npm installs for it.
    Node,
}

impl Language {
    /// By AWS's identifier of a runtime, such as `python3.12`.
    pub(crate) fn of(runtime: &str) -> Option<Self> {
        match runtime {
            _ if runtime.starts_with("python") => Some(Self::Python),
            _ if runtime.starts_with("nodejs") => Some(Self::Node),
            _ => None,
        }
    }

    /// The file that says what is installed.
    pub(crate) const fn manifest(self) -> &'static str {
        match self {
            Self::Python => "requirements.txt",
            Self::Node => "package.json",
        }
    }

    const fn installer(self) -> &'static str {
        match self {
            Self::Python => "pip",
            Self::Node => "npm",
        }
    }
}

/// What is installed, from which folder, for which runtime.
pub(crate) struct Order<'a> {
    /// The folder with the manifest, as its owner knows it.
    pub(crate) folder: &'a Path,
    /// A copy of it that anyone may read.
    pub(crate) copy: &'a Path,
    /// An empty folder, for what was installed.
    pub(crate) target: &'a Path,
    /// Whose manifest it is.
    pub(crate) language: Language,
    /// AWS's identifier of the runtime, for example `python3.12`.
    pub(crate) runtime: &'a str,
    /// Is told what is being done.
    pub(crate) tell: &'a dyn Fn(&str),
}

impl Order<'_> {
    fn manifest(&self) -> PathBuf {
        self.folder.join(self.language.manifest())
    }

    fn missing(&self, program: &str) -> InstallError {
        InstallError::Missing { program: program.to_owned(), manifest: self.manifest() }
    }

    fn failed(&self, output: &[&str]) -> InstallError {
        let lines: Vec<&str> = output.iter().copied().filter(|text| !text.is_empty()).collect();
        InstallError::Failed {
            command: format!("{} install", self.language.installer()),
            folder: self.folder.to_owned(),
            output: lines.join("\n"),
        }
    }
}

/// Why nothing was installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// A file could not be read or written.
    #[error("cannot read or write `{path}`")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The package manager, or who runs it, is not on this host.
    #[error("`{program}` is not installed, or not in PATH: it installs what `{manifest}` names")]
    Missing {
        /// The program.
        program: String,
        /// The file that asks for it.
        manifest: PathBuf,
    },
    /// The package manager failed.
    #[error("`{command}` failed for `{folder}`:\n{output}")]
    Failed {
        /// What was run.
        command: String,
        /// The folder with the manifest.
        folder: PathBuf,
        /// The end of what it printed, and what it was refused.
        output: String,
    },
    /// There is no sandbox.
    #[error(
        "dependencies are installed in a sandbox, and none can be made here: {0}. --install-on-host runs pip and npm on this host \
         itself instead, without packages' own scripts"
    )]
    NoSandbox(String),
}

/// Installs dependencies.
pub(crate) trait Install: Send + Sync {
    /// Fills the order's target with what was installed: `node_modules`, or Python's modules.
    ///
    /// # Errors
    /// The package manager is missing, fails, takes too long, or may not run.
    fn install(&self, order: &Order<'_>) -> Result<(), InstallError>;
}

/// For `up`: in sandboxes of the platform's own spawner, on the runtimes that its functions have.
pub(crate) fn of_platform(
    options: &InstallOptions,
    spawner: Spawner,
    data_dir: &Path,
    platform_port: u16,
) -> Result<Arc<dyn Install>, Error> {
    let imported = RuntimeRoots::new(roots_folder(data_dir)).list();
    let imported: Vec<HostRuntime> = imported.iter().map(ImportedRuntime::host_runtime).collect();
    installer(options, Workshop::Given { spawner, imported }, platform_port)
}

/// For `deploy`, which has no platform of its own: a spawner is started when it is first needed, with its state in `state_dir`.
pub(crate) fn of_client(
    options: &InstallOptions,
    state_dir: PathBuf,
    accept_missing_layers: &[String],
    platform_port: u16,
) -> Result<Arc<dyn Install>, Error> {
    let accept_missing_layers = accept_missing_layers.to_vec();
    installer(options, Workshop::ToBeMade { state_dir, accept_missing_layers }, platform_port)
}

fn installer(
    options: &InstallOptions,
    workshop: Workshop,
    platform_port: u16,
) -> Result<Arc<dyn Install>, Error> {
    if options.install_on_host {
        return Ok(Arc::new(OnHost));
    }
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let registries = egress::rules(&options.registries)?;
    Ok(Arc::new(Sandboxed::new(workshop, search_path, registries, platform_port)))
}

/// Lets anyone read a file that sandboxes see.
fn readable(file: &Path) -> Result<(), InstallError> {
    let opened = std::fs::set_permissions(file, Permissions::from_mode(0o644));
    opened.map_err(|source| InstallError::Io { path: file.to_owned(), source })
}
