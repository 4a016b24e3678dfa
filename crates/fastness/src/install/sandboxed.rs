//! pip and npm in a sandbox of their own: a function's isolation, with a copy of the manifest's folder to read, `/tmp` to write, and
//! no way out but the egress proxy to the registries.
//!
//! What comes out is a zip on standard output. It is a stranger's: it is unpacked as any function's package is, and refused as one.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use compute::{EgressLog, EgressProxy, EgressProxyOptions, EgressRule};
use sandbox::{
    AUTHORITIES, Bind, CpuShare, EGRESS_PORT, EnvironmentSpec, ExitStatus, HostRuntime, Spawner,
    SpawnerOptions, runtime_catalog, runtime_for,
};

use super::refused::Refused;
use super::run::{ANSWER_BYTES_MAX, Ended, TIME_MAX, run};
use super::settings::Settings;
use super::{Install, InstallError, Language, Order};
use crate::Error;

const MEMORY_MIB: u32 = 3_072;
const TMP_MIB: u32 = 2_048;
const TMP_INODES: u32 = 400_000;
const PIDS: u32 = 512;
const OPEN_FILES: u32 = 8_192;
/// A file of certificate authorities is not longer.
const AUTHORITIES_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
/// What the scripts exit with where the package manager is not there.
const MISSING: i32 = 90;

const PIP: [&str; 2] = [include_str!("pip.sh"), include_str!("pack.py")];
const NPM: [&str; 2] = [include_str!("npm.sh"), include_str!("pack.cjs")];
/// Where programs stand, inside.
const FOLDERS: &str = "/var/lang/bin:/usr/local/bin:/usr/bin:/bin";

/// Where sandboxes come from.
pub(super) enum Workshop {
    /// From the platform that runs here, with the runtimes that it imported.
    Given { spawner: Spawner, imported: Vec<HostRuntime> },
    /// From a spawner that is started when it is first needed.
    ToBeMade { state_dir: PathBuf, accept_missing_layers: Vec<String> },
}

/// Installs in sandboxes.
pub(super) struct Sandboxed {
    workshop: Workshop,
    search_path: OsString,
    /// What the operator named besides the registries that this host is set to.
    registries: Vec<EgressRule>,
    /// Where the platform listens: it is never reached this way.
    platform_port: u16,
    made: OnceLock<Result<Spawner, String>>,
    catalog: OnceLock<Vec<HostRuntime>>,
}

impl Sandboxed {
    pub(super) fn new(
        workshop: Workshop,
        search_path: OsString,
        registries: Vec<EgressRule>,
        platform_port: u16,
    ) -> Self {
        let made = OnceLock::new();
        let catalog = OnceLock::new();
        Self { workshop, search_path, registries, platform_port, made, catalog }
    }

    fn spawner(&self) -> Result<Spawner, InstallError> {
        let made = self.made.get_or_init(|| match &self.workshop {
            Workshop::Given { spawner, .. } => Ok(spawner.clone()),
            Workshop::ToBeMade { state_dir, accept_missing_layers } => {
                start(state_dir, accept_missing_layers)
                    .map_err(|error| base::Chain(error.as_ref()).to_string())
            }
        });
        made.clone().map_err(InstallError::NoSandbox)
    }

    /// What runs functions of the runtime here: what is built for it has to fit it.
    fn runtime(&self, order: &Order<'_>) -> Result<&HostRuntime, InstallError> {
        let catalog = self.catalog.get_or_init(|| {
            let imported = match &self.workshop {
                Workshop::Given { imported, .. } => imported.clone(),
                Workshop::ToBeMade { .. } => Vec::new(),
            };
            imported.into_iter().chain(runtime_catalog(&self.search_path)).collect()
        });
        runtime_for(catalog, order.runtime).ok_or_else(|| order.missing(order.runtime))
    }

    fn proxy(&self, settings: &Settings, log: Arc<dyn EgressLog>) -> Result<EgressProxy, Error> {
        let platform = SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.platform_port));
        let rules = settings.rules(&self.registries)?;
        let platform = Arc::new(OnceLock::from(platform));
        Ok(EgressProxy::new(EgressProxyOptions { rules, log, platform, own: None, resolver: None }))
    }
}

fn start(state_dir: &Path, accept_missing_layers: &[String]) -> Result<Spawner, Error> {
    std::fs::create_dir_all(state_dir)?;
    let mut options = SpawnerOptions::new(state_dir);
    options.accept_loss = accept_missing_layers.to_vec();
    Ok(Spawner::start(options)?)
}

impl Install for Sandboxed {
    fn install(&self, order: &Order<'_>) -> Result<(), InstallError> {
        let spawner = self.spawner()?;
        let runtime = self.runtime(order)?;
        let settings = match order.language {
            Language::Python => Settings::of_pip(program(order.language, runtime)),
            Language::Node => Settings::of_npm(),
        };
        let hosts: Vec<&str> = settings.hosts.iter().map(|(host, _)| host.as_str()).collect();
        let (manifest, hosts) = (order.manifest(), hosts.join(", "));
        (order.tell)(&format!("installing {} in a sandbox that reaches {hosts}", manifest.display()));
        let refused = Arc::new(Refused::default());
        let failed = |error: &dyn std::error::Error| order.failed(&[&base::Chain(error).to_string()]);
        let log = Arc::clone(&refused) as Arc<dyn EgressLog>;
        let proxy = self.proxy(&settings, log).map_err(|error| failed(error.as_ref()))?;
        let spec = spec(order, runtime, &settings)?;
        let ended = run(&spawner, &spec, &proxy, order.tell).map_err(|error| failed(error.as_ref()))?;
        let refusals = refused.lines();
        if let Some(why) = failure(&ended, order)? {
            let withheld = if settings.withheld { WITHHELD } else { "" };
            return Err(order.failed(&[&ended.told, &refusals.join("\n"), &why, withheld]));
        }
        refusals.iter().for_each(|line| (order.tell)(&format!("  {line}")));
        if ended.answer.is_empty() {
            return Ok(());
        }
        compute::unpack(&ended.answer, order.target).map_err(|error| failed(&error))
    }
}

const WITHHELD: &str =
    "the credentials that pip or npm of this host has for its registry are not handed to packages' code";

/// Why an installation is of no use; nothing where it is.
fn failure(ended: &Ended, order: &Order<'_>) -> Result<Option<String>, InstallError> {
    let minutes = TIME_MAX.as_secs() / 60;
    Ok(match ended.exit.status {
        _ if ended.is_late => Some(format!("it was stopped after {minutes} minutes")),
        _ if ended.answer.len() as u64 > ANSWER_BYTES_MAX => {
            Some("what was installed is more than a package may hold".to_owned())
        }
        _ if ended.exit.oom_killed => Some(format!("it was stopped when it used more than {MEMORY_MIB} MiB")),
        ExitStatus::Code(0) => None,
        ExitStatus::Code(MISSING) => {
            let installer = order.language.installer();
            return Err(order.missing(&format!("{installer} for {}", order.runtime)));
        }
        ExitStatus::Code(code) => Some(format!("it ended with status {code}")),
        ExitStatus::Signal(signal) => Some(format!("it was ended by signal {signal}")),
        ExitStatus::Killed | ExitStatus::Companion(_) => Some("it was killed".to_owned()),
    })
}

/// The interpreter: a program of this host, or what an imported root has under that name.
fn program(language: Language, runtime: &HostRuntime) -> &str {
    let own = match language {
        Language::Python => "python3",
        Language::Node => "node",
    };
    runtime.argv.first().filter(|_| runtime.root.is_none()).map_or(own, String::as_str)
}

fn spec(
    order: &Order<'_>,
    runtime: &HostRuntime,
    settings: &Settings,
) -> Result<EnvironmentSpec, InstallError> {
    let program = program(order.language, runtime);
    let [script, pack] = match order.language {
        Language::Python => PIP,
        Language::Node => NPM,
    };
    let id = format!("install-{}", crypto::random::hex(8));
    let mut spec = EnvironmentSpec::new(
        id,
        ["/bin/sh", "-c", script, "install", program, pack].map(str::to_owned).to_vec(),
    );
    spec.environment = environment(program, runtime, settings);
    spec.working_dir = "/var/task".into();
    spec.root = runtime.root.as_ref().map(|root| root.folder.clone());
    // The interpreter's own files, and not the AWS SDK that functions see besides.
    spec.binds = runtime.binds.iter().filter(|bind| bind.host == bind.inside).cloned().collect();
    spec.binds.push(Bind::new(order.copy, "/var/task"));
    spec.binds.extend(authorities(order, settings)?.map(|file| Bind::new(file, AUTHORITIES)));
    spec.memory_mib = MEMORY_MIB;
    spec.tmp_mib = TMP_MIB;
    spec.tmp_inodes = TMP_INODES;
    spec.pids_max = PIDS;
    spec.open_files_max = OPEN_FILES;
    spec.cpu = CpuShare::for_memory(MEMORY_MIB);
    spec.doors = vec![EGRESS_PORT];
    Ok(spec)
}

/// The whole of it: nothing of this process's own is handed on.
fn environment(program: &str, runtime: &HostRuntime, settings: &Settings) -> Vec<(String, String)> {
    let folder = Path::new(program).parent().map(|folder| folder.display().to_string());
    let folders = folder.into_iter().filter(|folder| !folder.is_empty()).chain([FOLDERS.to_owned()]);
    let proxy = format!("http://127.0.0.1:{EGRESS_PORT}");
    let mut all: Vec<(String, String)> =
        runtime.root.iter().flat_map(|root| root.variables.iter().cloned()).collect();
    let path = folders.collect::<Vec<_>>().join(":");
    let own = [
        ("PATH", path.as_str()),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("HTTP_PROXY", &proxy),
        ("HTTPS_PROXY", &proxy),
        ("http_proxy", &proxy),
        ("https_proxy", &proxy),
        ("SSL_CERT_FILE", AUTHORITIES),
        ("PIP_CERT", AUTHORITIES),
        ("npm_config_cafile", AUTHORITIES),
        ("NODE_EXTRA_CA_CERTS", AUTHORITIES),
        ("npm_config_cache", "/tmp/npm"),
    ];
    all.retain(|(name, _)| !own.iter().any(|(known, _)| known == name));
    all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    all.extend(settings.variables.iter().cloned());
    all
}

/// Whom an installation trusts: whom this host does, and whom its package managers are told to.
fn authorities(order: &Order<'_>, settings: &Settings) -> Result<Option<PathBuf>, InstallError> {
    let mut bundle = Vec::new();
    let files = std::iter::once(PathBuf::from(AUTHORITIES)).chain(settings.authorities.iter().cloned());
    let mut known: Vec<PathBuf> = Vec::new();
    for file in files.filter(|file| file.metadata().is_ok_and(|found| found.len() <= AUTHORITIES_BYTES_MAX)) {
        if !known.contains(&file) {
            bundle.extend(std::fs::read(&file).unwrap_or_default());
            bundle.push(b'\n');
            known.push(file);
        }
    }
    if bundle.is_empty() {
        return Ok(None);
    }
    let file = order.target.with_file_name("authorities.pem");
    std::fs::write(&file, bundle).map_err(|source| InstallError::Io { path: file.clone(), source })?;
    super::readable(&file)?;
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use sandbox::{ImportedRoot, RuntimeKind};

    use super::*;

    fn runtime(argv: &[&str], root: Option<ImportedRoot>) -> HostRuntime {
        HostRuntime {
            kind: RuntimeKind::Python,
            version: "3.12.1".to_owned(),
            binds: vec![Bind::same("/opt/python"), Bind::new("/opt/python/lib/boto3", "/var/lang/sdk/boto3")],
            argv: argv.iter().map(|text| (*text).to_owned()).collect(),
            sdk: None,
            root,
        }
    }

    #[test]
    fn an_installation_gets_its_folder_its_interpreter_and_one_door() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let order = Order {
            folder: folder.path(),
            copy: Path::new("/data/copy"),
            target: &target,
            language: Language::Python,
            runtime: "python3.12",
            tell: &|_| (),
        };
        let spec =
            spec(&order, &runtime(&["/opt/python/bin/python3.12"], None), &Settings::default()).unwrap();
        assert_eq!(spec.check(), Ok(()));
        assert_eq!(spec.doors, [EGRESS_PORT]);
        let inside: Vec<&str> = spec.binds.iter().map(|bind| bind.inside.to_str().unwrap()).collect();
        assert_eq!(inside[..2], ["/opt/python", "/var/task"]);
        assert!(inside.len() == 2 || inside[2..] == [AUTHORITIES]);
        let path = spec.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_str());
        assert_eq!(path, Some("/opt/python/bin:/var/lang/bin:/usr/local/bin:/usr/bin:/bin"));
    }

    #[test]
    fn an_imported_root_brings_its_own_interpreter() {
        let root = ImportedRoot {
            name: "python3.9".to_owned(),
            folder: "/roots/python3.9".into(),
            brings_runtime: true,
            variables: vec![
                ("LD_LIBRARY_PATH".to_owned(), "/x".to_owned()),
                ("PATH".to_owned(), "/y".to_owned()),
            ],
        };
        let runtime = runtime(&["/var/runtime/bootstrap"], Some(root));
        assert_eq!(program(Language::Python, &runtime), "python3");
        let all = environment("python3", &runtime, &Settings::default());
        let of = |name: &str| {
            all.iter().filter(|(known, _)| known == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>()
        };
        assert_eq!((of("LD_LIBRARY_PATH"), of("PATH")), (vec!["/x"], vec![FOLDERS]));
    }
}
