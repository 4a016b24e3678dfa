//! Functions, versions, aliases, permissions, invocations: the AWS Lambda API.
//!
//! Nouns: a *function* has a changing version `$LATEST`, numbered *versions* that never change, and *aliases* that
//! point to one version or two. A *resource policy* belongs to a function, a version or an alias. Knows no HTTP and no
//! sandbox: environments are `compute`'s, decisions are the pipeline's, output goes to the logs service as the
//! function's role.
//!
//! Invariants:
//! - whoever gives a function a role had leave to pass it (`iam:PassRole`), and the role trusts Lambda;
//! - an environment runs exactly one revision of one version of one function, with credentials of its role only;
//! - invocations and access checks read memory; memory is written from the store only, once a change is durable;
//! - a member that this platform does not act on is refused by name, never dropped.
//!
//! Differences from AWS: a function is usable as soon as its call is answered (the answer shows `Pending`, a read shows
//! `Active`); `GetFunction` gives no address of the code; S3 is not available, so that `S3Bucket` names the account's
//! artifact bucket only; asynchronous invocations that are given up go nowhere (no dead-letter queue, no destination).

mod access;
pub mod api;
mod catalog;
mod delivery;
mod error;
mod jobs;
mod model;
mod operations;
mod records;
mod roles;

use std::sync::Arc;

use base::{Clock, Region};
use compute::{
    AwsDoor, CodeStore, Compute, ComputeOptions, EventQueue, HostLimits, Launcher, LogSink, RetryTimes,
};
use identity::Directory;
use service::{Service, ServiceBuilder};
use store::Store;

pub use catalog::CatalogError;
pub use error::Error;

use catalog::Catalog;
use delivery::LogDelivery;
use operations::{
    account, aliases, concurrency, create, functions, invoke, permissions, tags, update, versions,
};
use roles::FunctionRoles;

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
}

/// What the handlers share.
pub(crate) struct Lambda {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) compute: Compute,
    pub(crate) events: EventQueue,
    pub(crate) directory: Directory,
    pub(crate) region: Region,
    pub(crate) delivery: Arc<LogDelivery>,
}

/// The service, and the compute that it runs functions with. Needs a tokio runtime.
///
/// # Errors
/// Where what is stored cannot be read.
pub fn service(parts: LambdaParts) -> Result<(Service, Compute), CatalogError> {
    let catalog = Arc::new(Catalog::load(&parts.store)?);
    remove_unused_code(&parts.code, &catalog);
    let delivery = Arc::new(LogDelivery::default());
    let roles = FunctionRoles { directory: parts.directory.clone(), clock: parts.clock.clone() };
    let compute = Compute::start(ComputeOptions {
        launcher: parts.launcher,
        code: parts.code,
        credentials: Arc::new(roles),
        logs: Arc::clone(&delivery) as Arc<dyn LogSink>,
        door: parts.door,
        egress: parts.egress,
        clock: parts.clock.clone(),
        limits: parts.limits,
    });
    let lambda = Lambda {
        catalog,
        compute: compute.clone(),
        events: EventQueue::load(parts.store, parts.clock, RetryTimes::default())?,
        directory: parts.directory,
        region: parts.region,
        delivery,
    };
    Ok((table(Arc::new(lambda)), compute))
}

/// Code that no function uses any more goes when the platform starts: nothing can be uploading then.
fn remove_unused_code(code: &CodeStore, catalog: &Catalog) {
    match code.remove_unused(|hash| catalog.uses(hash)) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "code packages that no function uses were removed"),
        Err(error) => tracing::warn!(%error, "unused code packages could not be removed"),
    }
}

/// The operations.
fn table(lambda: Arc<Lambda>) -> Service {
    let builder = ServiceBuilder::new("lambda", lambda)
        .operation::<api::AddPermission, _, _, _, _>(access::add_permission, permissions::add_permission)
        .operation::<api::CreateAlias, _, _, _, _>(access::create_alias, aliases::create_alias)
        .operation::<api::CreateFunction, _, _, _, _>(access::create_function, create::create_function)
        .operation::<api::DeleteAlias, _, _, _, _>(access::delete_alias, aliases::delete_alias)
        .operation::<api::DeleteFunction, _, _, _, _>(access::delete_function, functions::delete_function)
        .operation::<api::DeleteFunctionConcurrency, _, _, _, _>(
            access::delete_concurrency,
            concurrency::delete_concurrency,
        )
        .operation::<api::GetAccountSettings, _, _, _, _>(access::account_settings, account::account_settings)
        .operation::<api::GetAlias, _, _, _, _>(access::get_alias, aliases::get_alias)
        .operation::<api::GetFunction, _, _, _, _>(access::get_function, functions::get_function)
        .operation::<api::GetFunctionCodeSigningConfig, _, _, _, _>(
            access::get_code_signing,
            account::get_code_signing,
        )
        .operation::<api::GetFunctionConcurrency, _, _, _, _>(
            access::get_concurrency,
            concurrency::get_concurrency,
        )
        .operation::<api::GetFunctionConfiguration, _, _, _, _>(
            access::get_function_configuration,
            functions::get_function_configuration,
        )
        .operation::<api::GetPolicy, _, _, _, _>(access::get_policy, permissions::get_policy)
        .operation::<api::Invoke, _, _, _, _>(access::invoke, invoke::invoke)
        .operation::<api::ListAliases, _, _, _, _>(access::list_aliases, aliases::list_aliases)
        .operation::<api::ListFunctions, _, _, _, _>(access::list_functions, functions::list_functions)
        .operation::<api::ListTags, _, _, _, _>(access::list_tags, tags::list_tags)
        .operation::<api::ListVersionsByFunction, _, _, _, _>(access::list_versions, versions::list_versions)
        .operation::<api::PublishVersion, _, _, _, _>(access::publish_version, versions::publish_version)
        .operation::<api::PutFunctionConcurrency, _, _, _, _>(
            access::put_concurrency,
            concurrency::put_concurrency,
        )
        .operation::<api::RemovePermission, _, _, _, _>(
            access::remove_permission,
            permissions::remove_permission,
        )
        .operation::<api::TagResource, _, _, _, _>(access::tag_resource, tags::tag_resource)
        .operation::<api::UntagResource, _, _, _, _>(access::untag_resource, tags::untag_resource)
        .operation::<api::UpdateAlias, _, _, _, _>(access::update_alias, aliases::update_alias)
        .operation::<api::UpdateFunctionCode, _, _, _, _>(
            access::update_function_code,
            update::update_function_code,
        )
        .operation::<api::UpdateFunctionConfiguration, _, _, _, _>(
            access::update_function_configuration,
            update::update_function_configuration,
        );
    DECLINED
        .iter()
        .fold(builder, |builder, (reason, operations)| builder.declined(reason, operations))
        .job("environments", jobs::environments)
        .job("queued-invocations", jobs::events)
        .build()
}

/// What is not offered, and why.
const DECLINED: &[(&str, &[&str])] = &[
    ("AWS deprecated it; Invoke with InvocationType Event does the same", &["InvokeAsync"]),
    (
        "functions are not published to capacity providers here",
        &[
            "CreateCapacityProvider",
            "DeleteCapacityProvider",
            "GetCapacityProvider",
            "GetFunctionScalingConfig",
            "ListCapacityProviders",
            "ListFunctionVersionsByCapacityProvider",
            "PutFunctionScalingConfig",
            "UpdateCapacityProvider",
        ],
    ),
    (
        "durable executions are not part of this platform yet",
        &[
            "CheckpointDurableExecution",
            "GetDurableExecution",
            "GetDurableExecutionHistory",
            "GetDurableExecutionState",
            "ListDurableExecutionsByFunction",
            "SendDurableExecutionCallbackFailure",
            "SendDurableExecutionCallbackHeartbeat",
            "SendDurableExecutionCallbackSuccess",
            "StopDurableExecution",
        ],
    ),
    (
        "layers are not part of this platform yet",
        &[
            "AddLayerVersionPermission",
            "DeleteLayerVersion",
            "GetLayerVersion",
            "GetLayerVersionByArn",
            "GetLayerVersionPolicy",
            "ListLayerVersions",
            "ListLayers",
            "PublishLayerVersion",
            "RemoveLayerVersionPermission",
        ],
    ),
    (
        "there are no event sources to read from on this platform yet",
        &[
            "CreateEventSourceMapping",
            "DeleteEventSourceMapping",
            "GetEventSourceMapping",
            "ListEventSourceMappings",
            "UpdateEventSourceMapping",
        ],
    ),
    (
        "code signing is not part of this platform yet",
        &[
            "CreateCodeSigningConfig",
            "DeleteCodeSigningConfig",
            "DeleteFunctionCodeSigningConfig",
            "GetCodeSigningConfig",
            "ListCodeSigningConfigs",
            "ListFunctionsByCodeSigningConfig",
            "PutFunctionCodeSigningConfig",
            "UpdateCodeSigningConfig",
        ],
    ),
    (
        "environments are not provisioned ahead on this platform yet",
        &[
            "DeleteProvisionedConcurrencyConfig",
            "GetProvisionedConcurrencyConfig",
            "ListProvisionedConcurrencyConfigs",
            "PutProvisionedConcurrencyConfig",
        ],
    ),
    (
        "function URLs are not part of this platform yet",
        &[
            "CreateFunctionUrlConfig",
            "DeleteFunctionUrlConfig",
            "GetFunctionUrlConfig",
            "ListFunctionUrlConfigs",
            "UpdateFunctionUrlConfig",
        ],
    ),
    (
        "asynchronous invocations have Lambda's default retries and age, which cannot be changed yet",
        &[
            "DeleteFunctionEventInvokeConfig",
            "GetFunctionEventInvokeConfig",
            "ListFunctionEventInvokeConfigs",
            "PutFunctionEventInvokeConfig",
            "UpdateFunctionEventInvokeConfig",
        ],
    ),
    ("answers are not streamed on this platform yet", &["InvokeWithResponseStream"]),
    (
        "runtimes are those of the host; there are no versions of them to choose from",
        &["GetRuntimeManagementConfig", "PutRuntimeManagementConfig"],
    ),
    (
        "loops between functions are not detected on this platform yet",
        &["GetFunctionRecursionConfig", "PutFunctionRecursionConfig"],
    ),
];

/// Entry points for fuzzing.
#[doc(hidden)]
pub mod fuzz {
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
