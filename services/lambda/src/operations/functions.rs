//! `GetFunction`, `GetFunctionConfiguration`, `ListFunctions`, `DeleteFunction`.

use std::sync::Arc;

use protocol::Entries;
use service::Permit;

use super::shape::{Moment, configuration};
use super::{not_found, page, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::name::{LATEST, Target};
use crate::settling::{Ends, settled};

/// The configuration of what a target names.
fn of(loaded: &Loaded, target: &Target) -> Result<api::FunctionConfiguration, Error> {
    let version = loaded.function.qualified(target.qualifier.as_deref());
    let version = version.ok_or_else(|| not_found(&target.arn()))?;
    Ok(configuration(&target.id, target.arn(), version, Moment::Settled))
}

pub(crate) async fn get_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunction>,
) -> Result<api::GetFunctionResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let loaded = shown(&lambda, &call, &target)?;
    let record = &loaded.function.record;
    let tags: Entries<String> = record.tags.iter().cloned().collect();
    let concurrency = record
        .reserved_concurrency
        .map(|reserved| api::Concurrency { reserved_concurrent_executions: Some(i64::from(reserved)) });
    // No address: nothing here hands code out over HTTP.
    let code = api::FunctionCodeLocation {
        repository_type: Some("S3".to_owned()),
        ..api::FunctionCodeLocation::default()
    };
    Ok(api::GetFunctionResponse {
        configuration: Some(of(&loaded, &target)?),
        code: Some(code),
        tags: (!tags.is_empty()).then_some(tags),
        concurrency,
        ..api::GetFunctionResponse::default()
    })
}

pub(crate) async fn get_function_configuration(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetFunctionConfiguration>,
) -> Result<api::FunctionConfiguration, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    of(&*shown(&lambda, &call, &target)?, &target)
}

pub(crate) async fn list_functions(
    lambda: Arc<Lambda>,
    permit: Permit<api::ListFunctions>,
) -> Result<api::ListFunctionsResponse, Error> {
    let (input, call) = super::parts(permit);
    let after = page::after(input.marker.as_deref())?;
    let mut functions = lambda.catalog.list(call.account(), call.region(), after.as_deref());
    let next_marker = page::cut(&mut functions, input.max_items, |(id, _)| id.name.clone());
    let all = input.function_version.as_deref() == Some("ALL");
    let mut listed = Vec::new();
    for (id, loaded) in functions {
        if all {
            let versions = loaded.function.all_versions();
            listed.extend(versions.map(|version| {
                configuration(&id, id.qualified_arn(&version.version), version, Moment::Listed)
            }));
        } else {
            listed.push(configuration(&id, id.arn(), &loaded.function.record.latest, Moment::Listed));
        }
    }
    Ok(api::ListFunctionsResponse { next_marker, functions: Some(listed) })
}

pub(crate) async fn delete_function(
    lambda: Arc<Lambda>,
    permit: Permit<api::DeleteFunction>,
) -> Result<api::DeleteFunctionResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let id = &target.id;
    let qualifier = target.qualifier.as_deref();
    if qualifier == Some(LATEST) {
        return Err(Error::InvalidParameterValue(
            "$LATEST version cannot be deleted without deleting the function.".to_owned(),
        ));
    }
    if qualifier.is_some_and(|name| !name.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Error::InvalidParameterValue(
            "Deletion of aliases is not currently supported.".to_owned(),
        ));
    }
    let change = lambda.catalog.change_with(&call, id, |transaction, function| {
        let present = stored(function, id)?;
        let Some(version) = qualifier else {
            *function = None;
            for url in lambda.urls.stored(transaction, &id.arn())? {
                lambda.urls.delete(transaction, &url)?;
            }
            return Ok(());
        };
        let uses = |alias: &&crate::records::AliasRecord| {
            alias.version == version || alias.routing.as_ref().is_some_and(|(other, _)| other == version)
        };
        let users: Vec<&str> =
            present.aliases.values().filter(uses).map(|alias| alias.name.as_str()).collect();
        if !users.is_empty() {
            return Err(Error::ResourceConflict(format!(
                "Unable to delete version because the following aliases reference it: [{}]",
                users.join(", ")
            )));
        }
        // As on Lambda, a version that is not there is as one that was deleted.
        if let Ok(number) = version.parse::<u64>() {
            present.versions.remove(&number);
        }
        present.record.policies.remove(version);
        present.record.event_configs.remove(version);
        present.record.provisioned.remove(version);
        Ok(())
    });
    let ends = qualifier.map_or(Ends::All, |version| Ends::Version(version.to_owned()));
    settled(&lambda, id, ends, change).await?;
    Ok(api::DeleteFunctionResponse { status_code: Some(204) })
}
