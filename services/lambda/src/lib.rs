//! Functions, versions, aliases, permissions, invocations: the AWS Lambda API.
//!
//! Nouns: a *function* has a changing version `$LATEST`, numbered *versions* that never change, and *aliases* that
//! point to one version or two. A *resource policy* belongs to a function, a version, an alias or a layer's version. A
//! *layer* brings files that stand at `/opt`; a *mapping* runs a function with what a stream holds. Knows no HTTP and no
//! sandbox: function URLs are served by the `gateway`, environments are `compute`'s, decisions are the pipeline's, output goes to the logs service as the
//! function's role.
//!
//! Invariants:
//! - whoever gives a function a role had leave to pass it (`iam:PassRole`), and the role trusts Lambda;
//! - an environment runs exactly one revision of one version of one function, with credentials of its role only;
//! - invocations and access checks read memory; memory is written from the store only, once a change is durable;
//! - a member that this platform does not act on is refused by name, never dropped.
//!
//! Differences from AWS: a function is usable as soon as its call is answered (the answer shows `Pending`, a read shows
//! `Active`); an alias that has provisioned concurrency leads to its new version at once, not when that is ready; links in a layer's
//! `extensions` are programs, wherever they lead, and a link in the place of that folder has none;
//! `GetFunction` gives no address of the code; outcomes go to functions and, of failures, to buckets (no queue, no topic, no bus);
//! what extensions write counts as the function's; an end of the log that is asked for waits for them;
//! traces may be asked for, and none are kept: no invocation is sampled; telemetry goes to HTTP destinations only; mappings read DynamoDB streams only;
//! a version of Python or Node.js that the host does not have runs on its preferred one, which the log names and `RuntimeVersionConfig` does not, or is
//! refused (`--exact-runtimes`); a Python answer with half a surrogate pair, where answers are not escaped (from 3.12 on), is `Runtime.MarshalError`,
//! and does not end the process as it does Lambda's own; an extension in a format that is no program's ends with `Extension.Crash`; `LANG` is
//! `en_US.UTF-8` where this host lacks that locale, too: a program that asks for it by `setlocale` is refused then; what stands
//! in `/tmp` is held in this machine's memory, and an environment ends out of memory where all of them together keep more there than
//! the operator gives (`--max-environment-storage-mib`), idle ones first; Node.js's heap has Lambda's bounds, those of its worker threads have none
//! but the function's memory; of `/proc` there are processes alone, and Node.js's functions are told of processors and interfaces by the runtime;
//! what the kernel holds of connections is bounded, and under version 1 of cgroups not counted as the function's memory;
//! no program is told of changes of files (`inotify`), most of which are the host's and everybody's;
//! functions reach the stages and function URLs of their own platform by its names below `localhost` and by path, and not by AWS's names, for which
//! nothing here may vouch.

mod access;
pub mod api;
mod catalog;
mod checkpoints;
mod code;
mod delivery;
mod destinations;
mod error;
mod jobs;
mod kept;
mod layers;
mod mappings;
mod model;
mod operations;
mod poller;
mod records;
mod roles;
mod settling;
mod signing;
mod stored_policies;
mod table;

use std::sync::Arc;

use base::{Clock, Region};
use compute::limits::PACKAGE_UNZIPPED_BYTES_MAX;
use compute::{
    AwsDoor, CodeStore, Compute, ComputeOptions, CredentialSource, EventQueue, HostLimits, Launcher, LogSink,
    RetryTimes,
};
use gateway::FunctionUrls;
use identity::Directory;
use service::Service;
use store::Store;
use tokio::sync::Notify;

pub use catalog::CatalogError;
pub use error::Error;
pub use model::settings::ARCHITECTURE;

use catalog::Catalog;
use delivery::LogDelivery;
use layers::Layers;
use mappings::{Mappings, Results};
use roles::FunctionRoles;
use signing::SigningConfigs;
pub use stored_policies::POLICIES;

/// What the service is made of.
pub struct LambdaParts {
    /// All state.
    pub store: Store,
    /// Roles and their credentials.
    pub directory: Directory,
    /// The time.
    pub clock: Clock,
    /// The region of all functions.
    pub region: Region,
    /// Starts environments.
    pub launcher: Arc<dyn Launcher>,
    /// Holds the code.
    pub code: CodeStore,
    /// Serves the AWS API inside environments.
    pub door: AwsDoor,
    /// Serves what functions want of the outside.
    pub egress: Option<AwsDoor>,
    /// Bounds this machine.
    pub limits: HostLimits,
    /// Code of one account, zipped, in bytes.
    pub code_bytes_max: u64,
    /// The function URLs that the gateway serves.
    pub urls: FunctionUrls,
}

/// All code of one account, unless the operator sets another number: AWS's default quota.
pub const CODE_BYTES_MAX: u64 = 75 * 1024 * 1024 * 1024;

/// Unpacked, an account's code takes so many times that of the disk at most, or what one package may: what is written packs to
/// a third or a fifth of its size.
const UNPACKED_PER_ZIPPED: u64 = 8;

/// What the handlers share.
pub(crate) struct Lambda {
    pub(crate) store: Store,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) layers: Arc<Layers>,
    pub(crate) mappings: Arc<Mappings>,
    pub(crate) results: Results,
    pub(crate) signing: Arc<SigningConfigs>,
    pub(crate) urls: FunctionUrls,
    pub(crate) compute: Compute,
    pub(crate) events: EventQueue,
    pub(crate) directory: Directory,
    pub(crate) roles: Arc<FunctionRoles>,
    pub(crate) region: Region,
    pub(crate) delivery: Arc<LogDelivery>,
    /// Code of one account, zipped, in bytes.
    pub(crate) code_bytes_max: u64,
    /// Some code may have lost its last user.
    pub(crate) code_changed: Notify,
    /// Held while compute is told what follows a change.
    pub(crate) settling: parking_lot::Mutex<()>,
}

/// The service, and the compute that it runs functions with. Needs a tokio runtime.
///
/// # Errors
/// Where what is stored cannot be read.
pub fn service(parts: LambdaParts) -> Result<(Service, Compute), CatalogError> {
    let layers = Arc::new(Layers::load(&parts.store)?);
    let delivery = Arc::new(LogDelivery::default());
    let roles = Arc::new(FunctionRoles::new(parts.clock.clone()));
    let unpacked_bytes_max = parts.code_bytes_max.saturating_mul(UNPACKED_PER_ZIPPED);
    let unpacked_bytes_max = unpacked_bytes_max.max(PACKAGE_UNZIPPED_BYTES_MAX);
    let compute = Compute::start(ComputeOptions {
        launcher: parts.launcher,
        code: parts.code.unpacking_at_most(unpacked_bytes_max),
        credentials: Arc::clone(&roles) as Arc<dyn CredentialSource>,
        logs: Arc::clone(&delivery) as Arc<dyn LogSink>,
        door: parts.door,
        egress: parts.egress,
        clock: parts.clock.clone(),
        limits: parts.limits,
    });
    let catalog = Arc::new(Catalog::load(&parts.store, compute.clone())?);
    compute.code().adopt(catalog.code().into_iter().chain(layers.code())).map_err(CatalogError::Code)?;
    code::remove_unused(compute.code(), &catalog, &layers);
    let lambda = Lambda {
        store: parts.store.clone(),
        catalog,
        layers,
        mappings: Arc::new(Mappings::load(&parts.store)?),
        results: Results::default(),
        signing: Arc::new(SigningConfigs::load(&parts.store)?),
        urls: parts.urls,
        compute: compute.clone(),
        events: EventQueue::load(parts.store, parts.clock, RetryTimes::default())?,
        directory: parts.directory,
        roles,
        region: parts.region,
        delivery,
        code_bytes_max: parts.code_bytes_max,
        code_changed: Notify::new(),
        settling: parking_lot::Mutex::new(()),
    };
    Ok((table::table(Arc::new(lambda)), compute))
}

/// Entry points for fuzzing.
#[doc(hidden)]
pub mod fuzz {
    /// Reads any text as an event pattern, and applies it.
    pub fn fuzz_event_pattern(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(pattern) = crate::model::pattern::Pattern::parse(text) {
            let event = serde_json::from_str(text).unwrap_or_default();
            let _ = pattern.matches(&event);
        }
    }

    /// Reads any text as a function's name.
    pub fn fuzz_function_name(data: &[u8]) {
        let (Ok(account), Ok(region)) = ("000000000000".parse(), "us-east-1".parse()) else { return };
        if let Ok(text) = std::str::from_utf8(data)
            && let Ok(target) = crate::model::name::Target::parse(text, None, account, &region)
        {
            let again = crate::model::name::Target::parse(&target.arn(), None, account, &region);
            assert_eq!(again.ok(), Some(target), "an ARN names what it was made of");
        }
    }
}

#[cfg(test)]
mod tests;
