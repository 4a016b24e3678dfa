//! What compute is told of a function, and of one invocation of it.
//!
//! Everything here was decided by the caller: names were resolved, leave was granted, concurrency was reserved.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::{AccountId, Region, SecretString};
use bytes::Bytes;

use crate::package::CodeHash;
use crate::streamed::AnswerSink;

/// One version of a function, as it is to be run.
#[derive(Clone)]
pub struct FunctionSpec {
    /// The account that owns the function.
    pub account: AccountId,
    /// The function's region.
    pub region: Region,
    /// The function's name.
    pub name: String,
    /// The function's ARN without a qualifier.
    pub arn: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// Changes with every change of code or configuration; environments of another revision are never used.
    pub revision: String,
    /// The deployment package.
    pub code: CodeHash,
    /// The layers that stand under `/opt`, the last one on top.
    pub layers: Vec<CodeHash>,
    /// The runtime's identifier, for example `python3.13`.
    pub runtime: String,
    /// The handler, as the runtime understands it.
    pub handler: String,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The size of `/tmp`, in MiB.
    pub tmp_mib: u32,
    /// The execution role.
    pub role_arn: String,
    /// The function's own environment variables.
    pub variables: Vec<(String, SecretString)>,
    /// The CloudWatch log group of the function's output.
    pub log_group: String,
    /// How its log is written.
    pub logging: FunctionLogging,
}

/// How a function's log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FunctionLogging {
    /// The form of its lines.
    pub format: LogFormat,
    /// Of a JSON log: the least level of the function's own lines.
    pub application_level: LogLevel,
    /// Of a JSON log: the least level of the platform's lines.
    pub system_level: LogLevel,
}

/// The form of a log's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// As they are.
    #[default]
    Text,
    /// JSON objects, as far as the runtime writes them.
    Json,
}

/// How much a line matters, the least first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `TRACE`
    Trace,
    /// `DEBUG`
    Debug,
    /// `INFO`
    #[default]
    Info,
    /// `WARN`
    Warn,
    /// `ERROR`
    Error,
    /// `FATAL`
    Fatal,
}

impl LogLevel {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Trace, "TRACE"),
        (Self::Debug, "DEBUG"),
        (Self::Info, "INFO"),
        (Self::Warn, "WARN"),
        (Self::Error, "ERROR"),
        (Self::Fatal, "FATAL"),
    ];

    /// The name that the API has for it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(level, _)| *level == self).map_or("INFO", |(_, name)| name)
    }

    /// The level of this name, as the API or a line of a log says it.
    pub fn of(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let name = match upper.as_str() {
            "WARNING" => "WARN",
            "CRITICAL" => "FATAL",
            other => other,
        };
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(level, _)| *level)
    }
}

impl fmt::Debug for FunctionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arn, version, revision, .. } = self;
        f.debug_struct("FunctionSpec")
            .field("arn", arn)
            .field("version", version)
            .field("revision", revision)
            .finish_non_exhaustive()
    }
}

/// What may share an environment: exactly one revision of one version of one function.
// SECURITY: the ARN holds the account and the region; nothing less than all three parts may be a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FunctionKey {
    pub(crate) arn: String,
    pub(crate) version: String,
    pub(crate) revision: String,
}

impl FunctionKey {
    pub(crate) fn of(spec: &FunctionSpec) -> Self {
        Self { arn: spec.arn.clone(), version: spec.version.clone(), revision: spec.revision.clone() }
    }
}

/// How many executions the function and its account may have at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// The function's reservation; zero means it never runs.
    pub reserved: Option<u32>,
    /// What is kept ready of this version, and counts against nothing that is shared.
    pub provisioned: u32,
    /// What is kept ready of all versions together: only the rest of a reservation is anybody's.
    pub provisioned_in_all: u32,
    /// What the account has for all functions without a reservation together.
    pub unreserved_max: u32,
}

/// One invocation.
#[derive(Clone, Debug)]
pub struct InvokeRequest {
    /// The id under which the function and its log know it. Unpredictable.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// The ARN that the caller used, with its qualifier.
    pub invoked_arn: String,
    /// `Root=1-…;Sampled=0`
    pub trace_id: String,
    /// The client context as JSON.
    pub client_context: Option<String>,
    /// Whether the end of the log is wanted.
    pub wants_log_tail: bool,
    /// The bounds at the moment of the call.
    pub concurrency: Concurrency,
    /// Where the answer goes as it comes; `Compute::invoke_streaming` sets it.
    pub answer_sink: Option<AnswerSink>,
}

/// What came of an invocation that reached the function.
#[derive(Clone, Debug)]
pub struct InvokeOutcome {
    /// The function's answer, or a description of its failure.
    pub payload: Bytes,
    /// True where the function failed (`X-Amz-Function-Error: Unhandled`).
    pub is_function_error: bool,
    /// The end of the log, where it was wanted.
    pub log_tail: Option<Vec<u8>>,
    /// The version that ran.
    pub executed_version: String,
    /// How long the handler took.
    pub duration: Duration,
    /// How long the environment took to start, where it was started for this invocation.
    pub init_duration: Option<Duration>,
}

/// Why an invocation is refused for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttled {
    /// The function's reservation is in use, or zero.
    Reserved,
    /// The account's unreserved concurrency is in use.
    Account,
    /// This machine has no room for another environment.
    Machine,
}

/// An invocation that never reached the function.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// Too many executions at this moment.
    #[error("too many executions")]
    Throttled(Throttled),
    /// The execution role gave no credentials.
    #[error("no credentials for the function's role")]
    Role(#[source] crate::CredentialError),
    /// The code cannot be used.
    #[error("the function's code cannot be used")]
    Code(#[source] crate::PackageError),
    /// This machine has no such runtime.
    #[error("runtime `{runtime}` is not available on this machine")]
    RuntimeUnavailable {
        /// What the function asks for.
        runtime: String,
        /// What there is.
        available: Vec<String>,
    },
    /// No environment could be made.
    #[error("no environment could be made")]
    Launch(#[source] crate::LaunchError),
    /// The platform is stopping.
    #[error("the platform is stopping")]
    Stopping,
}

/// Shares a spec between its environments and invocations.
pub type SharedSpec = Arc<FunctionSpec>;
