//! How functions run here: sandboxes made by the spawner, bootstraps from this binary, the AWS APIs behind a door.
//!
//! The door needs the edge, and the edge needs the services that need the door: it is a cell, filled before the first
//! request is accepted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

use compute::{
    AwsDoor, BoxFuture, EnvironmentIdentity, ImportedRuntime, LaunchError, LaunchOrder, Launched, Launcher,
    OwnDoor, ParkOrder, ParkingClass, RuntimeRoots, SandboxLauncher, StandIn,
};
use edge::Edge;
use sandbox::{HostRuntime, RuntimeKind, Spawner};
use service::call::Door;

/// The way from the doors to the edge.
pub(crate) type LaterEdge = Arc<OnceLock<Edge>>;

const PYTHON_BOOTSTRAP: &str = include_str!("../../../runtimes/python/bootstrap.py");
const NODE_BOOTSTRAP: &str = include_str!("../../../runtimes/node/bootstrap.mjs");
const NODE_PROXY: &str = include_str!("../../../runtimes/node/proxy.mjs");
const NODE_STREAMING: &str = include_str!("../../../runtimes/node/streaming.mjs");

/// A launcher that looks for the interpreters of this host in the background: asking each of them takes longer than all
/// the rest of a start. Whoever needs the answer before it is there waits for it.
#[derive(Clone)]
pub(crate) struct HostLauncher(Arc<LazyLauncher>);

type LazyLauncher = LazyLock<SandboxLauncher, Box<dyn FnOnce() -> SandboxLauncher + Send>>;

impl HostLauncher {
    /// Begins to look in the folders of `search_path`; where `is_exact`, no version stands for another one.
    pub(crate) fn new(
        spawner: &Arc<Spawner>,
        data_dir: &Path,
        search_path: OsString,
        authority: &Path,
        is_exact: bool,
    ) -> std::io::Result<Self> {
        let bootstraps = write_bootstraps(data_dir, authority)?;
        let spawner = Arc::clone(spawner);
        let imported = RuntimeRoots::new(roots_folder(data_dir)).list();
        let find = move || {
            let imported = imported.iter().map(ImportedRuntime::host_runtime);
            let catalog: Vec<HostRuntime> = imported.chain(sandbox::runtime_catalog(&search_path)).collect();
            tell_runtimes(&catalog, is_exact);
            SandboxLauncher::new(spawner, catalog, bootstraps).exactly(is_exact)
        };
        let lazy: Arc<LazyLauncher> = Arc::new(LazyLock::new(Box::new(find)));
        let found = Arc::clone(&lazy);
        std::thread::Builder::new().name("find-runtimes".to_owned()).spawn(move || {
            LazyLock::force(&found);
        })?;
        Ok(Self(lazy))
    }
}

/// Says what functions run on.
fn tell_runtimes(catalog: &[HostRuntime], is_exact: bool) {
    let interpreters =
        catalog.iter().filter(|found| found.kind != RuntimeKind::Provided || found.root.is_some());
    let titles: Vec<String> = interpreters.map(HostRuntime::title).collect();
    let others = if is_exact { "refused" } else { "run on the first of their family" };
    tracing::info!(runtimes = titles.join(", "), other_versions = others, "runtimes of functions");
}

impl Launcher for HostLauncher {
    fn supports(&self, runtime: &str) -> bool {
        self.0.supports(runtime)
    }

    fn runtimes(&self) -> Vec<String> {
        self.0.runtimes()
    }

    fn stand_in(&self, runtime: &str) -> Option<StandIn> {
        self.0.stand_in(runtime)
    }

    fn is_portable(&self, runtime: &str) -> bool {
        self.0.is_portable(runtime)
    }

    fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        self.0.launch(order)
    }

    fn parking(&self, runtime: &str, memory_mib: u32, tmp_mib: u32) -> Option<ParkingClass> {
        self.0.parking(runtime, memory_mib, tmp_mib)
    }

    fn parking_empty(&self, runtime: &str, tmp_mib: u32) -> Option<ParkingClass> {
        self.0.parking_empty(runtime, tmp_mib)
    }

    fn park(&self, order: ParkOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        self.0.park(order)
    }
}

/// Where imported root file systems are kept.
pub(crate) fn roots_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("roots")
}

/// Writes the bootstraps of this binary where sandboxes can mount them, with the certificate of the `authority` that vouches
/// for the platform's door: alone, and behind those that this host trusts.
fn write_bootstraps(data_dir: &Path, authority: &Path) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let folder = data_dir.join("runtimes");
    std::fs::create_dir_all(&folder)?;
    let authority = std::fs::read(authority)?;
    let known = std::fs::read(sandbox::AUTHORITIES).unwrap_or_default();
    let bundle = [known.as_slice(), b"\n", &authority].concat();
    let files = [
        ("bootstrap.py", PYTHON_BOOTSTRAP.as_bytes()),
        ("bootstrap.mjs", NODE_BOOTSTRAP.as_bytes()),
        ("proxy.mjs", NODE_PROXY.as_bytes()),
        ("streaming.mjs", NODE_STREAMING.as_bytes()),
        (compute::AUTHORITY, &authority),
        (compute::BUNDLE, &bundle),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644))?;
    }
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Hands connections out of environments to the edge, with the identity of their environment.
pub(crate) fn door(edge: &LaterEdge) -> AwsDoor {
    let edge = Arc::clone(edge);
    Arc::new(move |stream, identity| {
        let edge = edge.get().cloned();
        Box::pin(async move {
            // Before the edge is there, no function runs: nothing waits here.
            if let Some(edge) = edge {
                edge.serve_door(stream, door_of(&identity)).await;
            }
        })
    })
}

/// The same for what came through the egress proxy's door and is meant for the platform itself.
pub(crate) fn own_door(edge: &LaterEdge) -> OwnDoor {
    let edge = Arc::clone(edge);
    Arc::new(move |stream, identity| {
        let edge = edge.get().cloned();
        Box::pin(async move {
            if let Some(edge) = edge {
                edge.serve_door_behind(stream, door_of(&identity)).await;
            }
        })
    })
}

fn door_of(identity: &EnvironmentIdentity) -> Arc<Door> {
    Arc::new(Door {
        account: identity.account,
        role_arn: identity.role_arn.clone(),
        environment_id: identity.environment_id.clone(),
    })
}
