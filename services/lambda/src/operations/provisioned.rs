//! `PutProvisionedConcurrencyConfig`, `GetProvisionedConcurrencyConfig`, `ListProvisionedConcurrencyConfigs`,
//! `DeleteProvisionedConcurrencyConfig`. The environments themselves are compute's to keep.

use std::sync::Arc;

use compute::Provisioned;
use service::Permit;

use super::concurrency::{concurrency_max, unreserved_min};
use super::create::whole;
use super::{missing, page, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::{Function, Loaded};
use crate::error::Error;
use crate::model::name::{FunctionId, LATEST, Target};
use crate::records::Provision;
use crate::settling::{Ends, settled};

fn refuse<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::InvalidParameterValue(message.into()))
}

/// What who would keep `$LATEST` ready is told.
const NOT_APPLICABLE: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
/// What who asks about `$LATEST` is told.
const UNPUBLISHED: &str = "The function resource provided must be an alias or a published version.";

/// The version or alias that is meant, which is none that changes.
fn published<'t>(target: &'t Target, otherwise: &str) -> Result<&'t str, Error> {
    match target.qualifier.as_deref() {
        Some(LATEST) | None => refuse(otherwise),
        Some(qualifier) => Ok(qualifier),
    }
}

fn check_exists(function: &Function, target: &Target, qualifier: &str) -> Result<(), Error> {
    if function.qualified(Some(qualifier)).is_some() { Ok(()) } else { Err(missing(target, qualifier)) }
}

/// The version that a qualifier stands for.
fn version_of<'f>(function: &'f Function, qualifier: &str) -> Option<&'f str> {
    function.qualified(Some(qualifier)).map(|version| version.version.as_str())
}

/// Tells compute what to keep ready of a function, as its settings are now.
pub(crate) fn apply(lambda: &Lambda, id: &FunctionId) {
    if let Some(loaded) = lambda.catalog.get(id) {
        apply_to(lambda, &loaded);
    }
}

/// The same for a function that was just read.
pub(crate) fn apply_to(lambda: &Lambda, loaded: &Loaded) {
    let function = &loaded.function;
    for version in function.versions.values() {
        let Some(spec) = loaded.spec(&version.version) else { continue };
        let mine = function.record.provisioned.iter();
        let mine = mine.filter(|(qualifier, _)| version_of(function, qualifier) == Some(&version.version));
        let count = mine.fold(0_u32, |count, (_, provision)| count.saturating_add(provision.count));
        if count > 0 || lambda.compute.provisioned(spec).is_some() {
            lambda.compute.provision(spec, count);
        }
    }
}

pub(crate) async fn put(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutProvisionedConcurrencyConfig>,
) -> Result<api::PutProvisionedConcurrencyConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, Some(&input.qualifier))?;
    let qualifier = published(&target, NOT_APPLICABLE)?.to_owned();
    let count = whole(input.provisioned_concurrent_executions)?;
    let modified_at = call.now();
    let change = lambda.catalog.change(&call, &target.id, |function| {
        let function = stored(function, &target.id)?;
        check_qualifier(function, &target, &qualifier)?;
        check_count(&lambda, function, &target.id, &qualifier, count)?;
        function.record.provisioned.insert(qualifier.clone(), Provision { count, modified_at });
        Ok(())
    });
    settled(&lambda, &target.id, Ends::Nothing, change).await?;
    Ok(api::PutProvisionedConcurrencyConfigResponse {
        requested_provisioned_concurrent_executions: Some(i64::from(count)),
        available_provisioned_concurrent_executions: Some(0),
        allocated_provisioned_concurrent_executions: Some(0),
        status: Some("IN_PROGRESS".to_owned()),
        status_reason: None,
        last_modified: Some(modified_at.iso8601_millis().replace('Z', "+0000")),
    })
}

fn check_qualifier(function: &Function, target: &Target, qualifier: &str) -> Result<(), Error> {
    let version = version_of(function, qualifier).ok_or_else(|| missing(target, qualifier))?;
    if version == LATEST {
        return refuse(NOT_APPLICABLE);
    }
    // Only in this order, as on Lambda: traffic is shifted between versions under an alias that has some already.
    // <https://github.com/spinnaker-plugins/aws-lambda-deployment-plugin-spinnaker/pull/118>
    if function.aliases.get(qualifier).is_some_and(|alias| alias.routing.is_some()) {
        return refuse("Alias with weights can not be used with Provisioned Concurrency");
    }
    let others = function.record.provisioned.keys().filter(|other| *other != qualifier);
    let is_taken = others.into_iter().any(|other| version_of(function, other) == Some(version));
    match (is_taken, function.aliases.contains_key(qualifier)) {
        (false, _) => Ok(()),
        (true, true) => Err(Error::ResourceConflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
                .into(),
        )),
        (true, false) => {
            Err(Error::ResourceConflict("Version is pointed by a Provisioned Concurrency alias".into()))
        }
    }
}

fn check_count(
    lambda: &Lambda,
    function: &Function,
    id: &FunctionId,
    qualifier: &str,
    count: u32,
) -> Result<(), Error> {
    let others = function.record.provisioned.iter().filter(|(other, _)| other.as_str() != qualifier);
    let all = others.fold(count, |all, (_, provision)| all.saturating_add(provision.count));
    if let Some(reserved) = function.record.reserved_concurrency {
        if all > reserved {
            return refuse(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for \
                 function",
            );
        }
        return Ok(());
    }
    let others = lambda.catalog.reserved(id.account).saturating_add(lambda.catalog.set_aside_for_others(id));
    let unreserved = concurrency_max(lambda).saturating_sub(others);
    if all > unreserved {
        return refuse(format!(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency \
             [{unreserved}]."
        ));
    }
    let least = unreserved_min(lambda);
    if unreserved - all < least {
        return refuse(format!(
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
             minimum value of [{least}]."
        ));
    }
    Ok(())
}

/// A setting and how far it is met, in the form that lists have.
fn shape(
    lambda: &Lambda,
    loaded: &Loaded,
    id: &FunctionId,
    qualifier: &str,
    provision: &Provision,
) -> api::ProvisionedConcurrencyConfigListItem {
    let spec = version_of(&loaded.function, qualifier).and_then(|version| loaded.spec(version));
    let nothing = || Provisioned { requested: provision.count, allocated: 0, available: 0, failure: None };
    let met = spec.and_then(|spec| lambda.compute.provisioned(spec)).unwrap_or_else(nothing);
    let (status, reason) = match &met.failure {
        _ if met.allocated >= provision.count => ("READY", None),
        Some(_) => ("FAILED", Some("FUNCTION_ERROR_INIT_FAILURE".to_owned())),
        None => ("IN_PROGRESS", None),
    };
    api::ProvisionedConcurrencyConfigListItem {
        function_arn: Some(id.qualified_arn(qualifier)),
        requested_provisioned_concurrent_executions: Some(i64::from(provision.count)),
        available_provisioned_concurrent_executions: Some(i64::from(met.available)),
        allocated_provisioned_concurrent_executions: Some(i64::from(met.allocated)),
        status: Some(status.to_owned()),
        status_reason: reason,
        last_modified: Some(provision.modified_at.iso8601_millis().replace('Z', "+0000")),
    }
}

fn no_config() -> Error {
    Error::NoProvisionedConcurrency
}

pub(crate) async fn get(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetProvisionedConcurrencyConfig>,
) -> Result<api::GetProvisionedConcurrencyConfigResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, Some(&input.qualifier))?;
    let qualifier = published(&target, UNPUBLISHED)?;
    let loaded = shown(&lambda, &call, &target)?;
    check_exists(&loaded.function, &target, qualifier)?;
    let found = loaded.function.record.provisioned.get(qualifier).ok_or_else(no_config)?;
    let shown = shape(&lambda, &loaded, &target.id, qualifier, found);
    Ok(api::GetProvisionedConcurrencyConfigResponse {
        requested_provisioned_concurrent_executions: shown.requested_provisioned_concurrent_executions,
        available_provisioned_concurrent_executions: shown.available_provisioned_concurrent_executions,
        allocated_provisioned_concurrent_executions: shown.allocated_provisioned_concurrent_executions,
        status: shown.status,
        status_reason: shown.status_reason,
        last_modified: shown.last_modified,
    })
}

pub(crate) async fn list(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListProvisionedConcurrencyConfigs>,
) -> Result<api::ListProvisionedConcurrencyConfigsResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = shown(&lambda, &call, &target)?;
    let after = page::after(input.marker.as_deref())?;
    let provisioned = loaded.function.record.provisioned.iter();
    let mut found: Vec<_> =
        provisioned.filter(|(name, _)| after.as_ref().is_none_or(|after| *name > after)).collect();
    let next_marker = page::cut(&mut found, input.max_items, |(name, _)| (*name).clone());
    let items = found.into_iter().map(|(name, found)| shape(&lambda, &loaded, &target.id, name, found));
    Ok(api::ListProvisionedConcurrencyConfigsResponse {
        provisioned_concurrency_configs: Some(items.collect()),
        next_marker,
    })
}

pub(crate) async fn delete(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteProvisionedConcurrencyConfig>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, Some(&input.qualifier))?;
    let qualifier = published(&target, UNPUBLISHED)?;
    let change = lambda.catalog.change(&call, &target.id, |function| {
        let function = stored(function, &target.id)?;
        check_exists(function, &target, qualifier)?;
        // Where nothing is kept ready there is nothing to end, as on Lambda.
        function.record.provisioned.remove(qualifier);
        Ok(())
    });
    settled(&lambda, &target.id, Ends::Nothing, change).await?;
    Ok(())
}
