//! Functions in real sandboxes: the launcher that the platform uses.
//!
//! It says what stands where inside: the code, the bootstraps, the interpreter's own files. It makes no
//! isolation of its own and loosens none.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::SecretString;
use sandbox::{
    AUTHORITIES, AWS_API_PORT, Assigning, Bind, CALLER, Caller, Companion, CpuShare, EGRESS_PORT,
    EnvironmentSpec, HostRuntime, PYTHON_BOOTSTRAP, RUNTIME_API_PORT, RuntimeKind, SECURE_API_PORT, Spawner,
    exact_runtime_for, runtime_for,
};
use tokio::net::TcpStream;
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use crate::BoxFuture;
use crate::bytecode::ByteCode;
use crate::contract::{
    Exit, ExitStatus, LaunchError, LaunchOrder, Launched, Launcher, ParkOrder, ParkingClass, Process, StandIn,
};
use crate::environment::{EXEC_WRAPPER, is_default};

/// Starts environments through a sandbox spawner.
pub struct SandboxLauncher {
    spawner: Arc<Spawner>,
    catalog: Vec<HostRuntime>,
    bootstraps: ByteCode,
    /// Whether a version that is not here is refused, rather than run on another one.
    is_exact: bool,
}

impl SandboxLauncher {
    /// Uses this spawner and these interpreters; `bootstraps` is the folder that stands at
    /// `/var/runtime`, with `bootstrap.py` and `bootstrap.mjs` in it.
    pub fn new(spawner: Arc<Spawner>, catalog: Vec<HostRuntime>, bootstraps: PathBuf) -> Self {
        Self { spawner, catalog, bootstraps: ByteCode::new(bootstraps), is_exact: false }
    }

    /// Runs functions on the very version that their runtime names, or not at all.
    #[must_use]
    pub fn exactly(mut self, is_exact: bool) -> Self {
        self.is_exact = is_exact;
        self
    }

    fn runtime(&self, identifier: &str) -> Option<&HostRuntime> {
        let find = if self.is_exact { exact_runtime_for } else { runtime_for };
        find(&self.catalog, identifier)
    }

    /// An environment without a function: its interpreter, and nothing to do yet.
    fn parked_spec(&self, order: &ParkOrder) -> Option<EnvironmentSpec> {
        let ParkingClass { runtime, memory_mib, is_booted } = &order.class;
        let runtime = self.runtime(runtime)?;
        let mut spec = EnvironmentSpec::new(order.environment_id.clone(), Vec::new());
        if *is_booted {
            spec.argv = with_heap(self.bootstraps.command(runtime), runtime.kind, *memory_mib);
            spec.environment = exposed(&order.variables);
        }
        spec.awaits_program = !is_booted;
        self.furnish(&mut spec, runtime);
        spec.working_dir = "/".into();
        spec.memory_mib = *memory_mib;
        spec.tmp_mib = PARKED_TMP_MIB;
        // It comes up when nobody else wants the processor.
        spec.cpu = CpuShare { weight_millis: PARKED_WEIGHT_MILLIS, ceiling_millis: 1_000 };
        spec.doors = DOORS.to_vec();
        spec.awaits_assignment = true;
        Some(spec)
    }

    /// The runtime's files, the bootstraps, and whom programs inside trust: the host's authorities, and the platform's own for its
    /// door.
    fn furnish(&self, spec: &mut EnvironmentSpec, runtime: &HostRuntime) {
        spec.explains_entrypoint = true;
        spec.root = runtime.root.as_ref().map(|root| root.folder.clone());
        spec.binds.extend(runtime.binds.iter().cloned());
        if !brings_runtime(runtime) {
            spec.binds.push(Bind::new(self.bootstraps.folder(), "/var/runtime"));
        }
        let bundle = self.bootstraps.folder().join(BUNDLE);
        if bundle.exists() {
            spec.binds.push(Bind::new(bundle, AUTHORITIES));
        }
        if !spec.awaits_program {
            self.setting(runtime).complete(&mut spec.environment);
        }
    }

    /// What the environment of a program is given besides its function's variables.
    fn setting(&self, runtime: &HostRuntime) -> Setting {
        let trusts = self.bootstraps.folder().join(BUNDLE).exists();
        let authorities = if brings_runtime(runtime) {
            AUTHORITIES.to_owned()
        } else {
            format!("/var/runtime/{AUTHORITY}")
        };
        let variables = runtime.root.as_ref().map(|root| root.variables.clone()).unwrap_or_default();
        Setting { kind: runtime.kind, variables, authorities: trusts.then_some(authorities) }
    }

    /// `command` is what its assignment executes, where it has no program before.
    async fn start(
        &self,
        spec: EnvironmentSpec,
        command: Vec<String>,
        setting: Setting,
    ) -> Result<Launched, LaunchError> {
        let spawner = Arc::clone(&self.spawner);
        let environment = blocking(move || spawner.launch(&spec)).await?;
        assemble(environment, command, setting).map_err(LaunchError::sandbox)
    }

    fn spec(&self, order: &LaunchOrder) -> Option<EnvironmentSpec> {
        let runtime = self.runtime(&order.runtime)?;
        let command = command_of(self.bootstraps.command(runtime), runtime.kind, order);
        let mut spec = EnvironmentSpec::new(order.environment_id.clone(), command);
        spec.environment = exposed(&order.variables);
        self.furnish(&mut spec, runtime);
        spec.binds.push(Bind::new(&order.code_directory, TASK_ROOT));
        if let Some(layers) = &order.layers_directory {
            spec.binds.push(Bind::new(layers, LAYERS_ROOT));
        }
        spec.companions = order.extensions.iter().map(|name| extension(name)).collect();
        spec.memory_mib = order.memory_mib;
        spec.tmp_mib = order.tmp_mib;
        spec.cpu = CpuShare::for_memory(order.memory_mib);
        spec.doors = DOORS.to_vec();
        Some(spec)
    }
}

impl Launcher for SandboxLauncher {
    fn supports(&self, runtime: &str) -> bool {
        self.runtime(runtime).is_some()
    }

    fn runtimes(&self) -> Vec<String> {
        let mut names = sandbox::identifiers(&self.catalog);
        names.retain(|name| self.supports(name));
        names
    }

    fn stand_in(&self, runtime: &str) -> Option<StandIn> {
        let found = self.runtime(runtime).filter(|found| !found.is_exactly(runtime))?;
        Some(StandIn { runtime: found.identifier(), title: found.title() })
    }

    fn is_portable(&self, runtime: &str) -> bool {
        !self.is_exact && self.runtime(runtime).is_some_and(|found| found.kind != RuntimeKind::Provided)
    }

    fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(async move {
            let unavailable = || LaunchError::RuntimeUnavailable(order.runtime.clone());
            let runtime = self.runtime(&order.runtime).ok_or_else(unavailable)?;
            let spec = self.spec(&order).ok_or_else(unavailable)?;
            self.start(spec, Vec::new(), self.setting(runtime)).await
        })
    }

    /// Node.js sizes its heap by the memory that it starts with; Python does not ask.
    fn parking(&self, runtime: &str, memory_mib: u32, tmp_mib: u32) -> Option<ParkingClass> {
        let runtime = self.runtime(runtime).filter(|_| tmp_mib == PARKED_TMP_MIB)?;
        let memory_mib = match runtime.kind {
            _ if runtime.root.is_some() => return Some(empty(runtime)),
            RuntimeKind::Python => PARKED_MEMORY_MIB.min(memory_mib),
            RuntimeKind::Node => memory_mib,
            RuntimeKind::Provided => return Some(empty(runtime)),
        };
        Some(ParkingClass { runtime: runtime.identifier(), memory_mib, is_booted: true })
    }

    fn parking_empty(&self, runtime: &str, tmp_mib: u32) -> Option<ParkingClass> {
        self.runtime(runtime).filter(|_| tmp_mib == PARKED_TMP_MIB).map(empty)
    }

    fn park(&self, order: ParkOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(async move {
            let unavailable = || LaunchError::RuntimeUnavailable(order.class.runtime.clone());
            let spec = self.parked_spec(&order).ok_or_else(unavailable)?;
            let runtime = self.runtime(&order.class.runtime).ok_or_else(unavailable)?;
            let command = if order.class.is_booted { Vec::new() } else { self.bootstraps.command(runtime) };
            self.start(spec, command, self.setting(runtime)).await
        })
    }
}

/// Does on a thread of its own what waits.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, sandbox::LaunchError> + Send + 'static,
) -> Result<T, LaunchError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(LaunchError::sandbox)??)
}

/// What listens inside, in the order in which [`assemble`] takes the listeners.
const DOORS: [u16; 5] = [RUNTIME_API_PORT, AWS_API_PORT, SECURE_API_PORT, EGRESS_PORT, CALLER];
/// Beside the bootstraps: the certificate of the authority that vouches for the platform's door.
pub const AUTHORITY: &str = "authority.pem";
/// Beside the bootstraps: the host's authorities and that one.
pub const BUNDLE: &str = "authorities.pem";
const NODE_AUTHORITIES: &str = "NODE_EXTRA_CA_CERTS";
/// Where the package stands inside.
const TASK_ROOT: &str = "/var/task";
/// Where the layers stand inside.
const LAYERS_ROOT: &str = "/opt";
/// Lambda's default `/tmp`: an environment with another is started for its function.
const PARKED_TMP_MIB: u32 = 512;
/// The least memory a function can have.
const PARKED_MEMORY_MIB: u32 = 128;
const PARKED_WEIGHT_MILLIS: u32 = 10;

/// All that needs a start of its own is alike: it has no memory yet that a runtime could have looked at.
fn empty(runtime: &HostRuntime) -> ParkingClass {
    ParkingClass { runtime: runtime.identifier(), memory_mib: PARKED_MEMORY_MIB, is_booted: false }
}

fn exposed(variables: &[(String, SecretString)]) -> Vec<(String, String)> {
    variables.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect()
}

/// True where the bootstrap at `/var/runtime` is the root's own.
fn brings_runtime(runtime: &HostRuntime) -> bool {
    runtime.root.as_ref().is_some_and(|root| root.brings_runtime)
}

/// What a program's environment is given besides its function's variables.
struct Setting {
    kind: RuntimeKind,
    /// Those of an imported root.
    variables: Vec<(String, String)>,
    /// The file of authorities that Node.js adds to its own.
    authorities: Option<String>,
}

impl Setting {
    /// A function's own variables win, the platform's customary ones do not.
    fn complete(&self, environment: &mut Vec<(String, String)>) {
        let authorities = self.authorities.iter().map(|file| (NODE_AUTHORITIES.to_owned(), file.clone()));
        for (name, value) in self.variables.iter().cloned().chain(authorities) {
            match environment.iter_mut().find(|(known, _)| *known == name) {
                Some((_, own)) if is_default(&name, own) => *own = value,
                Some(_) => {}
                None => environment.push((name, value)),
            }
        }
    }
}

fn assemble(
    mut environment: sandbox::Environment,
    command: Vec<String>,
    setting: Setting,
) -> io::Result<Launched> {
    let incomplete = || io::Error::other("the sandbox handed over too few descriptors");
    let mut doors = environment.take_listeners().into_iter();
    let runtime_api = doors.next().ok_or_else(incomplete)?;
    let aws_api = doors.next().ok_or_else(incomplete)?;
    let secure_api = Some(doors.next().ok_or_else(incomplete)?);
    let egress = doors.next().ok_or_else(incomplete)?;
    let caller = doors.next().ok_or_else(incomplete)?;
    let stdout = environment.take_stdout().ok_or_else(incomplete)?;
    let stderr = environment.take_stderr().ok_or_else(incomplete)?;
    let caller = Arc::new(caller.into());
    let process = Arc::new(SandboxedProcess { environment: Arc::new(environment), caller, command, setting });
    Ok(Launched { runtime_api, aws_api, secure_api, egress, stdout, stderr, process })
}

struct SandboxedProcess {
    environment: Arc<sandbox::Environment>,
    /// The way to what listens inside.
    caller: Arc<Caller>,
    /// What its assignment executes, where it has no program before.
    command: Vec<String>,
    setting: Setting,
}

impl SandboxedProcess {
    fn program(&self, order: &LaunchOrder) -> sandbox::Program {
        let mut environment = exposed(&order.variables);
        self.setting.complete(&mut environment);
        let argv = command_of(self.command.clone(), self.setting.kind, order);
        sandbox::Program { argv, environment, working_dir: TASK_ROOT.into() }
    }
}

impl Process for SandboxedProcess {
    fn kill(&self) {
        self.environment.kill();
    }

    fn exited(&self) -> BoxFuture<'static, Exit> {
        let environment = Arc::clone(&self.environment);
        Box::pin(async move {
            if let Err(error) = first_end(&environment).await {
                // Nothing is known of a process that cannot be watched: it must not go on.
                tracing::error!(%error, environment = environment.id(), "an environment cannot be watched");
                environment.kill();
            }
            match environment.first_end() {
                Ok(Some(exit)) => Exit { status: status(exit.status), oom_killed: exit.oom_killed },
                _ => Exit { status: ExitStatus::Signal(KILL), oom_killed: false },
            }
        })
    }

    fn ask_to_end(&self) {
        self.environment.ask_to_end();
    }

    fn end_runtime(&self) {
        self.environment.kill_function();
    }

    fn gone(&self) -> BoxFuture<'static, ()> {
        let environment = Arc::clone(&self.environment);
        Box::pin(async move {
            if wait(environment.exit_fd()).await.is_err() {
                environment.kill();
            }
        })
    }

    fn freeze(&self) {
        if let Err(error) = self.environment.freeze() {
            tracing::debug!(%error, environment = self.environment.id(), "an idle environment was not frozen");
        }
    }

    fn thaw(&self) {
        if let Err(error) = self.environment.thaw() {
            // One that has ended meanwhile has no cgroup: whoever waits for it learns of its end.
            if error.kind() == io::ErrorKind::NotFound {
                tracing::debug!(
                    environment = self.environment.id(),
                    "an environment that was to go on is gone"
                );
                return;
            }
            tracing::warn!(%error, environment = self.environment.id(), "an environment was not thawed");
        }
    }

    fn assign(&self, order: &LaunchOrder) -> BoxFuture<'static, Result<(), LaunchError>> {
        let environment = Arc::clone(&self.environment);
        let layers = order.layers_directory.iter().map(|layers| Bind::new(layers, LAYERS_ROOT));
        let assignment = sandbox::Assignment {
            binds: std::iter::once(Bind::new(&order.code_directory, TASK_ROOT)).chain(layers).collect(),
            memory_mib: order.memory_mib,
            cpu: CpuShare::for_memory(order.memory_mib),
            program: (!self.command.is_empty()).then(|| self.program(order)),
        };
        Box::pin(async move {
            // Without a thread between: each wakes another one, and a cold start waits for all of them.
            if let Some(assigning) = environment.begin_assign(&assignment)? {
                let watched = timeout(Assigning::PATIENCE, wait(assigning.as_fd())).await;
                let patience = match watched {
                    Ok(Ok(())) | Err(_) => Duration::ZERO,
                    Ok(Err(_)) => Assigning::PATIENCE,
                };
                if patience.is_zero() {
                    return Ok(assigning.finish(patience)?);
                }
                // What cannot be watched is waited for.
                return blocking(move || assigning.finish(patience)).await;
            }
            blocking(move || environment.assign(&assignment)).await
        })
    }

    fn connect(&self, port: u16) -> BoxFuture<'static, io::Result<TcpStream>> {
        let caller = Arc::clone(&self.caller);
        Box::pin(async move {
            let stream = TcpStream::from_std(caller.begin(port)?)?;
            stream.writable().await?;
            stream.take_error()?.map_or(Ok(stream), Err)
        })
    }

    fn memory_peak_bytes(&self) -> Option<u64> {
        self.environment.memory_peak_bytes()
    }
}

/// What Node.js is told on Lambda: how much of the function's memory its heap may take, which it would otherwise size by the
/// host's, and collect no garbage before the function is killed. It comes before what stands behind the program.
fn with_heap(mut command: Vec<String>, kind: RuntimeKind, memory_mib: u32) -> Vec<String> {
    if kind == RuntimeKind::Node && !command.is_empty() {
        let new_space = memory_mib / 10;
        let semi_space = format!("--max-semi-space-size={}", new_space / 2);
        let old_space = format!("--max-old-space-size={}", memory_mib - new_space);
        let told = ["--expose-gc", "--max-http-header-size", "81920", &semi_space, &old_space];
        command.splice(1..1, told.map(str::to_owned));
    }
    command
}

/// What is executed for a function: the runtime's command, or what its package puts in its place or before it.
fn command_of(command: Vec<String>, kind: RuntimeKind, order: &LaunchOrder) -> Vec<String> {
    if kind == RuntimeKind::Provided {
        return command;
    }
    let command = with_heap(command, kind, order.memory_mib);
    // <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper>
    let wrapper =
        order.variables.iter().find(|(name, value)| name == EXEC_WRAPPER && !value.expose().is_empty());
    let Some((_, path)) = wrapper else { return command };
    let wrapper = Path::new(TASK_ROOT).join(path.expose()).display().to_string();
    std::iter::once(wrapper).chain(as_wrapped(command, kind)).collect()
}

/// What a wrapper is given, in the form that wrappers know: Python's is the program and its script alone, so that options can
/// be put before the last argument.
fn as_wrapped(mut command: Vec<String>, kind: RuntimeKind) -> Vec<String> {
    if kind == RuntimeKind::Python {
        command.truncate(1);
        command.push(PYTHON_BOOTSTRAP.to_owned());
    }
    command
}

/// An external extension: with the function's variables, but for those that are the runtime's own.
fn extension(name: &str) -> Companion {
    let own = ["_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"];
    let without = own.iter().chain(&["LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"]);
    Companion {
        argv: vec![format!("{LAYERS_ROOT}/extensions/{name}")],
        without: without.map(|name| (*name).to_owned()).collect(),
    }
}

const KILL: i32 = 9;

fn status(status: sandbox::ExitStatus) -> ExitStatus {
    match status {
        sandbox::ExitStatus::Code(code) => ExitStatus::Code(code),
        sandbox::ExitStatus::Signal(signal) => ExitStatus::Signal(signal),
        sandbox::ExitStatus::Companion(code) => ExitStatus::Extension(code),
        sandbox::ExitStatus::Killed => ExitStatus::Signal(KILL),
    }
}

/// Waits until the function, or what runs beside it, has ended. As with Lambda, that is so once the memory has run out, whichever
/// process it was that wanted more.
async fn first_end(environment: &sandbox::Environment) -> io::Result<()> {
    match environment.out_of_memory_fd() {
        None => wait(environment.first_end_fd()).await?,
        Some(out_of_memory) => tokio::select! {
            biased;
            ended = wait(environment.first_end_fd()) => ended?,
            told = wait(out_of_memory) => {
                told?;
                environment.end_out_of_memory();
            }
        },
    }
    if environment.was_out_of_memory() { wait(environment.exit_fd()).await } else { Ok(()) }
}

/// Waits until the descriptor of the process becomes readable. The reactor takes any descriptor that can be watched;
/// nothing is read from this one.
async fn wait(end: BorrowedFd<'_>) -> io::Result<()> {
    let watched = Receiver::from_owned_fd_unchecked(end.try_clone_to_owned()?)?;
    watched.readable().await
}
