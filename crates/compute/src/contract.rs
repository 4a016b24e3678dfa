//! What compute asks of others: who starts processes, who gives credentials, who takes logs, who answers the door.
//!
//! Traits and plain data only. Compute never decides what a role may do.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use base::{AccountId, SecretString, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::BoxFuture;
use crate::function::FunctionSpec;

/// Starts isolated processes.
pub trait Launcher: Send + Sync + 'static {
    /// Whether functions of this runtime can be run here.
    fn supports(&self, runtime: &str) -> bool;

    /// The runtimes of functions that can be run here, in their order.
    fn runtimes(&self) -> Vec<String> {
        Vec::new()
    }

    /// What functions of this runtime run on, where that is not the version that its name says.
    fn stand_in(&self, _runtime: &str) -> Option<StandIn> {
        None
    }

    /// Whether functions of this runtime run here whatever machine they were written for: what is interpreted does, and what a package
    /// brings for another machine fails where it is loaded.
    fn is_portable(&self, _runtime: &str) -> bool {
        false
    }

    /// Starts one.
    fn launch(&self, order: LaunchOrder) -> BoxFuture<'_, Result<Launched, LaunchError>>;

    /// As what an environment for such a function can be started before the function is known; `None` where it cannot.
    fn parking(&self, _runtime: &str, _memory_mib: u32, _tmp_mib: u32) -> Option<ParkingClass> {
        None
    }

    /// As what an environment without a program can be made before the function is known, for functions that need a start
    /// of their own; `None` where it cannot.
    fn parking_empty(&self, _runtime: &str, _tmp_mib: u32) -> Option<ParkingClass> {
        None
    }

    /// Starts one that has run no code but the runtime's own, and awaits [`Process::assign`].
    fn park(&self, order: ParkOrder) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(std::future::ready(Err(LaunchError::RuntimeUnavailable(order.class.runtime))))
    }
}

/// A version of a runtime that stands for another one, which this machine has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// The runtime that names it: `python3.11`.
    pub runtime: String,
    /// As people name it: `Python 3.11.7`.
    pub title: String,
}

/// Environments that were started ahead and can stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParkingClass {
    /// The runtime that is started.
    pub runtime: String,
    /// The memory that it is started with, in MiB; an assignment may raise it.
    pub memory_mib: u32,
    /// Whether the runtime has come up in it; otherwise it is executed with the assignment.
    pub is_booted: bool,
}

/// What is to be started ahead of any function.
pub struct ParkOrder {
    /// Unique: letters, digits and hyphens.
    pub environment_id: String,
    /// What it is started as.
    pub class: ParkingClass,
    /// The environment variables of a runtime that comes up, until the assignment brings the function's.
    pub variables: Vec<(String, SecretString)>,
}

/// What is to be started. Holds credentials: it has no `Debug`.
pub struct LaunchOrder {
    /// Unique: letters, digits and hyphens.
    pub environment_id: String,
    /// The runtime's identifier.
    pub runtime: String,
    /// The unpacked code on this machine.
    pub code_directory: PathBuf,
    /// The content of its layers, if it has any.
    pub layers_directory: Option<PathBuf>,
    /// All environment variables of the process.
    pub variables: Vec<(String, SecretString)>,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// The size of `/tmp`, in MiB.
    pub tmp_mib: u32,
    /// Names of the programs in the layers' `extensions` folder that run beside the runtime.
    pub extensions: Vec<String>,
}

/// A process that was started, with its ways to the outside.
pub struct Launched {
    /// Listens inside, for the Runtime API.
    pub runtime_api: std::net::TcpListener,
    /// Listens inside, for the AWS API.
    pub aws_api: std::net::TcpListener,
    /// Listens inside, for the AWS API by programs that know no other port than that of HTTPS.
    pub secure_api: Option<std::net::TcpListener>,
    /// Listens inside, for what the function wants of the outside.
    pub egress: std::net::TcpListener,
    /// What the process writes.
    pub stdout: OwnedFd,
    /// What the process writes on errors.
    pub stderr: OwnedFd,
    /// The process itself.
    pub process: Arc<dyn Process>,
}

/// A running process and all that it started.
pub trait Process: Send + Sync {
    /// Ends all of it at once. Idempotent, and does not wait.
    fn kill(&self);
    /// Asks the runtime to end, with SIGTERM. Idempotent, and does not wait.
    fn ask_to_end(&self);
    /// Ends the runtime at once, and no extension that runs beside it. Idempotent, and does not wait.
    fn end_runtime(&self);
    /// Waits for its end: of the runtime, or of an extension that runs beside it, whichever comes first.
    fn exited(&self) -> BoxFuture<'static, Exit>;
    /// Waits until nothing of it runs.
    fn gone(&self) -> BoxFuture<'static, ()>;
    /// Stops it from running until [`Process::thaw`].
    fn freeze(&self);
    /// Lets it run again.
    fn thaw(&self);
    /// Gives one that was started ahead its code and its limits; works once.
    fn assign(&self, _order: &LaunchOrder) -> BoxFuture<'static, Result<(), LaunchError>> {
        let refusal = std::io::Error::other("the process awaits no assignment");
        Box::pin(std::future::ready(Err(LaunchError::sandbox(refusal))))
    }
    /// Connects to a port on its own loopback; whoever calls it lets go of one connection before the next.
    fn connect(&self, _port: u16) -> BoxFuture<'static, std::io::Result<TcpStream>> {
        Box::pin(std::future::ready(Err(std::io::ErrorKind::Unsupported.into())))
    }
    /// The most memory it ever used.
    fn memory_peak_bytes(&self) -> Option<u64>;
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its status.
    pub status: ExitStatus,
    /// True where it was ended because it used too much memory.
    pub oom_killed: bool,
}

/// The status with which a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It did not: an extension ended, with this code.
    Extension(i32),
}

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// This machine has no such runtime.
    #[error("runtime `{0}` is not available on this machine")]
    RuntimeUnavailable(String),
    /// Nothing can be started at this moment.
    #[error("no environment can be started at this moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The sandbox failed.
    #[error("the sandbox failed")]
    Sandbox(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl LaunchError {
    /// From the sandbox's own error.
    pub fn sandbox(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Sandbox(cause.into())
    }
}

impl From<sandbox::LaunchError> for LaunchError {
    fn from(error: sandbox::LaunchError) -> Self {
        match error {
            sandbox::LaunchError::SpawnerGone(_) => Self::Unavailable(error.into()),
            error => Self::sandbox(error),
        }
    }
}

/// Gives the temporary credentials of a function's execution role.
pub trait CredentialSource: Send + Sync + 'static {
    /// Credentials for one environment. They are bound to it, and nobody else gets them.
    fn credentials<'a>(
        &'a self,
        function: &'a FunctionSpec,
        environment_id: &'a str,
    ) -> BoxFuture<'a, Result<RoleCredentials, CredentialError>>;
}

/// Temporary credentials.
#[derive(Clone)]
pub struct RoleCredentials {
    /// `ASIA…`
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: SecretString,
    /// The session.
    pub session_token: SecretString,
    /// When they end.
    pub expires_at: Timestamp,
}

impl fmt::Debug for RoleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// A role gave no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The role is gone, or does not trust Lambda.
    #[error("the role cannot be assumed by Lambda")]
    NotAssumable,
    /// The attempt failed.
    #[error("the role's credentials could not be made")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a function's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogTarget {
    /// The account.
    pub account: AccountId,
    /// In whose name it is written.
    pub role_arn: String,
    /// The function, without a qualifier.
    pub function_arn: String,
    /// The environment that wrote it.
    pub environment_id: String,
    /// The log group.
    pub log_group: String,
    /// The log stream.
    pub log_stream: String,
}

/// One line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// When it was read.
    pub timestamp: Timestamp,
    /// The line, without its end.
    pub message: String,
}

/// Takes functions' output.
pub trait LogSink: Send + Sync + 'static {
    /// Delivers events of one stream, in order. False where they were refused or lost.
    fn deliver<'a>(&'a self, target: &'a LogTarget, events: Vec<LogEvent>) -> BoxFuture<'a, bool>;
}

/// Who is on the other side of an environment's doors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentIdentity {
    /// The account.
    pub account: AccountId,
    /// The function, without a qualifier.
    pub function_arn: String,
    /// Its version.
    pub version: String,
    /// Its execution role: the only principal that may come through this door.
    pub role_arn: String,
    /// The environment.
    pub environment_id: String,
}

/// Serves one connection that came through a door of an environment: its AWS door, or its egress door. The future ends with the connection, and is
/// dropped when the environment ends.
pub type AwsDoor = Arc<dyn Fn(TcpStream, Arc<EnvironmentIdentity>) -> BoxFuture<'static, ()> + Send + Sync>;

/// Bytes in both directions, wherever they come from.
pub trait Bytestream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Bytestream for T {}

/// Serves what came through an environment's egress door and was meant for the platform itself, as its AWS door does.
pub type OwnDoor =
    Arc<dyn Fn(Box<dyn Bytestream>, Arc<EnvironmentIdentity>) -> BoxFuture<'static, ()> + Send + Sync>;
