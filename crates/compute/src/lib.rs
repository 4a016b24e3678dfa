//! Runs functions: code packages, environments, invocations, the Runtime API, asynchronous events.
//!
//! Knows no IAM, no wire format of an AWS API and no service: credentials, log delivery and the AWS API behind an
//! environment's door are handed in by those who may know them. All isolation is `sandbox`'s.

mod bytecode;
mod contract;
mod egress;
mod environment;
mod events;
mod function;
pub mod limits;
mod logs;
mod package;
mod pool;
mod roots;
mod runtime_api;
mod sandboxed;
mod streamed;
#[cfg(test)]
mod testing;
#[doc(hidden)]
pub mod testkit;

pub use contract::{
    AwsDoor, Bytestream, CredentialError, CredentialSource, EnvironmentIdentity, Exit, ExitStatus,
    LaunchError, LaunchOrder, Launched, Launcher, LogEvent, LogSink, LogTarget, OwnDoor, ParkOrder,
    ParkingClass, Process, RoleCredentials, StandIn,
};
pub use egress::{
    EgressAttempt, EgressLog, EgressOutcome, EgressProxy, EgressProxyOptions, EgressRule, InvalidRule,
    Resolve, is_metadata_service, special_address,
};
pub use environment::{RESERVED_VARIABLES, runtime_version_arn};
pub use events::{
    EventAnswer, EventEnding, EventError, EventQueue, EventReport, EventTarget, EventVerdict, QueuedEvent,
    RetryTimes, Settlement,
};
pub use function::{
    Concurrency, FunctionLogging, FunctionSpec, InvokeError, InvokeOutcome, InvokeRequest, LogFormat,
    LogLevel, SharedSpec, Throttled,
};
pub use package::{
    AccountCode, CodeHash, CodeLease, CodeStore, InvalidCodeHash, PackageError, PackageKey, Refusal,
    SignatureError, StoredPackage, hex, sign, signers, unpack,
};
pub use pool::{Compute, ComputeFigures, ComputeOptions, HostLimits, Provisioned, Room};
pub use roots::{ImportError, ImportedRuntime, RuntimeRoots};
pub use sandboxed::{AUTHORITY, BUNDLE, SandboxLauncher};
pub use streamed::{AnswerSink, StreamedAnswer};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Bodies of the fuzz targets, as ordinary functions that tests call too.
#[doc(hidden)]
pub mod fuzz {
    pub use crate::runtime_api::fuzz::fuzz_runtime_api;

    /// Whatever the bytes, a request to the egress proxy is read or refused, and so is a rule.
    pub fn fuzz_egress(data: &[u8]) {
        crate::egress::fuzz_egress(data);
    }

    /// Whatever the bytes, a subscription to telemetry is read or refused.
    pub fn fuzz_subscription(data: &[u8]) {
        crate::environment::fuzz_subscription(data);
    }

    /// Whatever the bytes, a package is refused or planned, and nothing is written.
    pub fn fuzz_package(data: &[u8]) {
        let _ = crate::package::check_archive(data);
    }

    /// Whatever the bytes, a layer of a root file system is refused or planned, and nothing is written.
    pub fn fuzz_root_layer(data: &[u8]) {
        crate::roots::fuzz_layer(data);
    }
}
