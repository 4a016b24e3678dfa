//! `PutFunctionEventInvokeConfig`, `UpdateFunctionEventInvokeConfig`, `GetFunctionEventInvokeConfig`,
//! `ListFunctionEventInvokeConfigs`, `DeleteFunctionEventInvokeConfig`.

use std::sync::Arc;

use service::{Call, Permit};

use super::{page, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Function;
use crate::destinations::{check_bucket, check_function};
use crate::error::Error;
use crate::model::destination::Destination;
use crate::model::event_config::{Asked, check_destinations, shape};
use crate::model::name::{LATEST, Target};
use crate::records::EventConfig;

/// The version or alias whose settings these are.
fn qualifier(target: &Target) -> &str {
    target.qualifier.as_deref().unwrap_or(LATEST)
}

fn arn(target: &Target) -> String {
    target.id.qualified_arn(qualifier(target))
}

fn no_function() -> Error {
    Error::ResourceNotFound("The function doesn't exist.".to_owned())
}

fn no_config(target: &Target) -> Error {
    Error::ResourceNotFound(format!("The function {} doesn't have an EventInvokeConfig", arn(target)))
}

/// The function, where it has the version or alias that is meant.
fn qualified<'f>(function: &'f mut Option<Function>, target: &Target) -> Result<&'f mut Function, Error> {
    let found = function.as_mut().filter(|found| found.qualified(Some(qualifier(target))).is_some());
    found.ok_or_else(no_function)
}

pub(crate) async fn put_event_config(
    lambda: Arc<Lambda>,
    permit: Permit<api::PutFunctionEventInvokeConfig>,
) -> Result<api::FunctionEventInvokeConfig, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let asked = Asked {
        retries_max: input.maximum_retry_attempts,
        age_max_secs: input.maximum_event_age_in_seconds,
        destinations: input.destination_config,
    };
    write(&lambda, &call, &target, asked, false).await
}

pub(crate) async fn update_event_config(
    lambda: Arc<Lambda>,
    permit: Permit<api::UpdateFunctionEventInvokeConfig>,
) -> Result<api::FunctionEventInvokeConfig, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let asked = Asked {
        retries_max: input.maximum_retry_attempts,
        age_max_secs: input.maximum_event_age_in_seconds,
        destinations: input.destination_config,
    };
    write(&lambda, &call, &target, asked, true).await
}

async fn write(
    lambda: &Lambda,
    call: &Call,
    target: &Target,
    asked: Asked,
    updates: bool,
) -> Result<api::FunctionEventInvokeConfig, Error> {
    asked.check()?;
    let loaded = lambda.catalog.get(&target.id).ok_or_else(no_function)?;
    let destinations = check_destinations(asked.destinations.as_ref(), &target.id, |destination| {
        let found = lambda.catalog.get(&destination.id);
        // Another account's functions are not told to exist: whether one may be sent to is seen when it is.
        destination.id.account != target.id.account || found.is_some()
    })?;
    let version = loaded.function.qualified(Some(qualifier(target))).ok_or_else(no_function)?;
    for (arn, destination) in destinations {
        match destination {
            Destination::Bucket(bucket) => {
                check_bucket(lambda, call, &target.id, &version.role, &bucket).await?;
            }
            Destination::Function(_) => check_function(lambda, call, &target.id, &version.role, &arn).await?,
        }
    }
    let made = lambda
        .catalog
        .change(call, &target.id, |function| {
            let configs = &mut qualified(function, target)?.record.event_configs;
            let old = match configs.get(qualifier(target)) {
                Some(old) if updates => old.clone(),
                None if updates => return Err(no_config(target)),
                None => {
                    call.made(&arn(target));
                    EventConfig::default()
                }
                Some(_) => EventConfig::default(),
            };
            let made = asked.over(old, call.now());
            configs.insert(qualifier(target).to_owned(), made.clone());
            Ok(made)
        })
        .await?;
    Ok(shape(arn(target), &made))
}

pub(crate) async fn get_event_config(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionEventInvokeConfig>,
) -> Result<api::FunctionEventInvokeConfig, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let loaded = lambda.catalog.get(&target.id);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let loaded = loaded.ok_or_else(|| no_config(&target))?;
    let found = loaded.function.record.event_configs.get(qualifier(&target));
    Ok(shape(arn(&target), found.ok_or_else(|| no_config(&target))?))
}

pub(crate) async fn list_event_configs(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListFunctionEventInvokeConfigs>,
) -> Result<api::ListFunctionEventInvokeConfigsResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, None)?;
    let loaded = lambda.catalog.get(&target.id);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let loaded = loaded.ok_or_else(no_function)?;
    let after = page::after(input.marker.as_deref())?;
    let mut found: Vec<(&String, &EventConfig)> = loaded
        .function
        .record
        .event_configs
        .iter()
        .filter(|(qualifier, _)| after.as_ref().is_none_or(|after| *qualifier > after))
        .collect();
    let next_marker = page::cut(&mut found, input.max_items, |(qualifier, _)| (*qualifier).clone());
    let configs = found.into_iter().map(|(name, config)| shape(target.id.qualified_arn(name), config));
    Ok(api::ListFunctionEventInvokeConfigsResponse {
        function_event_invoke_configs: Some(configs.collect()),
        next_marker,
    })
}

pub(crate) async fn delete_event_config(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteFunctionEventInvokeConfig>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    lambda
        .catalog
        .change(&call, &target.id, |function| {
            let removed = function
                .as_mut()
                .and_then(|function| function.record.event_configs.remove(qualifier(&target)));
            removed.map(drop).ok_or_else(|| no_config(&target))
        })
        .await
}
