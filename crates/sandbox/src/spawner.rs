//! The server's side of the spawner: starts it, asks it for environments, and starts another one when it dies.
//!
//! Starting executes this same program once more. When the spawner dies every environment dies with it; what was asked
//! for meanwhile waits a moment for the next spawner and is an error where there is none.

mod pace;
mod process;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use self::pace::Pace;
use self::process::Started;
pub(crate) use self::process::{Link, PATIENCE};
use crate::environment::Environment;
use crate::layers::LayerStatus;
use crate::memory::Watch;
use crate::spec::{EnvironmentSpec, InvalidSpec};

/// Who asks for an environment while there is no spawner waits this long for the next one.
const REVIVAL_PATIENCE: Duration = Duration::from_secs(3);

/// How to start a spawner.
#[derive(Clone, Debug)]
pub struct SpawnerOptions {
    /// A folder of the platform's own; the root image is mounted in `sandbox` below it, unseen by the host.
    pub state_dir: PathBuf,
    /// Essential layers that the operator agrees to do without, by name.
    pub accept_loss: Vec<String>,
    /// What all environments together may keep in their `/tmp` beyond what their own memory has room for, in MiB.
    pub storage_mib_max: u64,
    /// Arguments that lead this program to [`crate::run_if_spawner`]. Empty for a program that calls it first thing in
    /// `main`; a test harness names the test that calls it.
    pub arguments: Vec<OsString>,
}

impl SpawnerOptions {
    /// All essential layers required, and a quarter of this machine's memory for what stands in `/tmp`.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            state_dir: state_dir.into(),
            accept_loss: Vec::new(),
            storage_mib_max: memory_mib() / 4,
            arguments: Vec::new(),
        }
    }

    /// For a test harness: `test` is the full name of a test whose body is `sandbox::run_if_spawner()`.
    pub fn for_test(state_dir: impl Into<PathBuf>, test: &str) -> Self {
        let arguments = [test, "--exact", "--nocapture", "--test-threads=1"].map(OsString::from).to_vec();
        Self { arguments, ..Self::new(state_dir) }
    }
}

/// Room for ten thousand environments, each of which takes some twenty descriptors of this process.
const OPEN_FILES_WANTED: u64 = 262_144;

/// Asks for so many open files, or else, where more than it has takes a right that it has not, for all that this process may have:
/// the customary limit of 1,024 is used up by some fifty environments.
fn raise_open_files() {
    let allowed = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= OPEN_FILES_WANTED);
    if is_enough(allowed.current) {
        return;
    }
    let wanted = Some(OPEN_FILES_WANTED);
    let maximum = if is_enough(allowed.maximum) { allowed.maximum } else { wanted };
    if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum }).is_ok() {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: allowed.maximum, ..allowed }) {
        tracing::warn!(%error, allowed = ?allowed.current, "no more files may be open here: that many environments may be too many");
    }
}

/// This machine's memory.
fn memory_mib() -> u64 {
    let system = rustix::system::sysinfo();
    // Their types differ from one kind of processor to the next.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "they do not on this one")]
    let (units, unit_bytes) = (u64::from(system.totalram), u64::from(system.mem_unit));
    units.saturating_mul(unit_bytes.max(1)) / (1_024 * 1_024)
}

/// The spawner could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The process could not be made or reached.
    #[error("the sandbox spawner could not be started")]
    Process(#[source] io::Error),
    /// It ran, and could not prepare.
    #[error("the sandbox spawner could not prepare: {0}")]
    Prepare(String),
    /// Layers are missing that the operator has not agreed to do without.
    #[error("this host lacks essential layers of isolation: {}", list(.0))]
    Layers(Vec<LayerStatus>),
}

/// An environment could not be made. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The spec asks for something that is not made.
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    /// A step failed.
    #[error("the environment could not be made: {stage}: {reason}")]
    Refused {
        /// The step.
        stage: String,
        /// The system's reason.
        reason: String,
    },
    /// The spawner is gone, with every environment, and there is no other one yet.
    #[error("the sandbox spawner is gone")]
    SpawnerGone(#[source] io::Error),
}

fn list(layers: &[LayerStatus]) -> String {
    let each = layers.iter().map(|layer| format!("{} ({})", layer.name, layer.detail));
    each.collect::<Vec<_>>().join(", ")
}

/// A handle to the spawner. Clones share it; when the last one and the last environment are dropped it ends.
#[derive(Clone)]
pub struct Spawner {
    home: Arc<Home>,
}

/// What all handles share.
struct Home {
    options: SpawnerOptions,
    watch: Watch,
    standing: Mutex<Standing>,
    changed: Condvar,
}

/// Which spawner there is.
struct Standing {
    /// The present one, or the last.
    link: Arc<Link>,
    layers: Arc<[LayerStatus]>,
    pace: Pace,
    /// Whether the next one is further away than anybody waits for.
    is_resting: bool,
}

impl Spawner {
    /// Starts the spawner and waits until it has tried every layer. From then on another one is started whenever it dies, with the
    /// same options and on the same conditions.
    pub fn start(options: SpawnerOptions) -> Result<Self, StartError> {
        raise_open_files();
        let watch = Watch::start(options.storage_mib_max.saturating_mul(1_024 * 1_024));
        let watch = watch.map_err(StartError::Process)?;
        let Started { link, layers, heir } = process::start(&options)?;
        let standing = Standing { link, layers: layers.into(), pace: Pace::default(), is_resting: false };
        let home = Home { options, watch, standing: Mutex::new(standing), changed: Condvar::new() };
        let home = Arc::new(home);
        // Where nobody takes it the process has ended already, and its keeper with it: that cannot be.
        drop(heir.send(revival(Arc::downgrade(&home))));
        Ok(Self { home })
    }

    /// The layers of isolation on this host, and what became of each.
    pub fn layers(&self) -> Arc<[LayerStatus]> {
        Arc::clone(&self.home.standing().layers)
    }

    /// Whether there is a spawner now.
    pub fn is_alive(&self) -> bool {
        self.home.standing().link.is_alive()
    }

    /// Makes an environment and starts its program. Blocks for a few milliseconds, and where the spawner has died, until there is
    /// another one, but not for long; may be called from any thread.
    pub fn launch(&self, spec: &EnvironmentSpec) -> Result<Environment, LaunchError> {
        spec.check()?;
        let link = self.home.link(None)?;
        let watch = &self.home.watch;
        match link.launch(spec, watch) {
            // Nothing of it is left, and nobody has served what it may have begun.
            Err(LaunchError::SpawnerGone(_)) => self.home.link(Some(&link))?.launch(spec, watch),
            made => made,
        }
    }
}

impl Home {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The way to the spawner; to another one than `lost`, unless that one lives after all.
    fn link(&self, lost: Option<&Arc<Link>>) -> Result<Arc<Link>, LaunchError> {
        let deadline = Instant::now() + REVIVAL_PATIENCE;
        if let Some(lost) = lost {
            lost.await_certainty();
        }
        let mut standing = self.standing();
        loop {
            if standing.link.is_alive() {
                return Ok(Arc::clone(&standing.link));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if standing.is_resting || left.is_zero() {
                return Err(LaunchError::SpawnerGone(io::ErrorKind::BrokenPipe.into()));
            }
            let waited = self.changed.wait_timeout(standing, left);
            standing = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How long to wait before the next start, and says so to those who wait for it.
    fn begin_revival(&self) -> Duration {
        let mut standing = self.standing();
        let pause = standing.pace.next(Instant::now());
        standing.is_resting = pause >= REVIVAL_PATIENCE;
        self.changed.notify_all();
        pause
    }

    fn install(&self, link: Arc<Link>, layers: Vec<LayerStatus>) {
        let mut standing = self.standing();
        for layer in layers.iter().filter(|layer| !layer.active && !standing.layers.contains(layer)) {
            let LayerStatus { name, detail, .. } = layer;
            tracing::warn!(layer = name, detail, "functions run without a layer of isolation from now on");
        }
        standing.layers = layers.into();
        standing.is_resting = false;
        let last = std::mem::replace(&mut standing.link, link);
        self.changed.notify_all();
        drop(standing);
        drop(last);
    }
}

/// What is done when the spawner has ended: starts the next one for as long as somebody holds a handle.
fn revival(home: Weak<Home>) -> process::Heir {
    Box::new(move || {
        while let Some(alive) = home.upgrade() {
            let (pause, options) = (alive.begin_revival(), alive.options.clone());
            // SECURITY: nothing of it is held while this sleeps: what nobody uses ends at once.
            drop(alive);
            if pause >= REVIVAL_PATIENCE {
                tracing::error!(
                    seconds = pause.as_secs(),
                    "the sandbox spawner dies again and again: no function starts until it is tried again"
                );
            }
            std::thread::sleep(pause);
            match process::start(&options) {
                Ok(Started { link, layers, heir }) => {
                    let Some(alive) = home.upgrade() else { return };
                    alive.install(link, layers);
                    tracing::warn!("the sandbox spawner was started again");
                    drop(heir.send(revival(home)));
                    return;
                }
                Err(error) => {
                    tracing::error!(error = %base::Chain(&error), "the sandbox spawner could not be started again");
                }
            }
        }
    })
}
