//! `AddPermission`, `RemovePermission`, `GetPolicy`.

use std::sync::Arc;

use identity::BindError;
use service::{Internal, Permit};

use super::{FUNCTION_API, check_revision, missing, revision, shown, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Function;
use crate::error::Error;
use crate::model::name::{LATEST, Target};
use crate::model::permission;
use crate::records::VersionRecord;

/// Users and roles that a statement names are kept by their unique ids.
fn bind(lambda: &Lambda, statement: &mut serde_json::Value) -> Result<(), Error> {
    let bound = identity::bind_statements(lambda.directory.store(), statement);
    bound.map(drop).map_err(|error| match error {
        BindError::Unknown(_) => permission::invalid_principal(),
        BindError::Directory(error) => Error::Internal(Internal::new(error)),
    })
}

/// The revision of what a policy belongs to: the function, the version or the alias.
fn revision_of<'f>(function: &'f Function, qualifier: &str) -> &'f str {
    match function.aliases.get(qualifier) {
        Some(alias) => &alias.revision_id,
        None => function.version(label(qualifier)).map_or("", VersionRecord::revision),
    }
}

/// Gives that another revision, as its policy has changed.
fn renew(function: &mut Function, qualifier: &str) {
    if let Some(alias) = function.aliases.get_mut(qualifier) {
        alias.revision_id = revision();
    } else if let Some(version) = function.version_mut(label(qualifier)) {
        version.seen_revision_id = Some(revision());
    }
}

/// The version that a policy's key stands for, where that is no alias.
fn label(qualifier: &str) -> &str {
    if qualifier.is_empty() { LATEST } else { qualifier }
}

fn check_qualifier(function: &Function, target: &Target) -> Result<(), Error> {
    match target.qualifier.as_deref() {
        None => Ok(()),
        Some(LATEST) => Err(Error::InvalidParameterValue(
            "We currently do not support adding policies for $LATEST.".to_owned(),
        )),
        Some(qualifier) if function.qualified(Some(qualifier)).is_some() => Ok(()),
        Some(qualifier) => Err(missing(target, qualifier)),
    }
}

pub(crate) async fn add_permission(
    lambda: Arc<Lambda>,
    permit: Permit<api::AddPermission>,
) -> Result<api::AddPermissionResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let mut body = permission::statement(&input, &target.arn())?;
    let statement = body.to_string();
    bind(&lambda, &mut body)?;
    lambda
        .catalog
        .change(&call, &target.id, |function| {
            let function = stored(function, &target.id)?;
            check_qualifier(function, &target)?;
            let key = target.qualifier.clone().unwrap_or_default();
            check_revision(input.revision_id.as_deref(), revision_of(function, &key), FUNCTION_API)?;
            let policy = function.record.policies.entry(key.clone()).or_default();
            permission::add(policy, &input.statement_id, body)?;
            renew(function, &key);
            Ok(())
        })
        .await?;
    Ok(api::AddPermissionResponse { statement: Some(statement) })
}

pub(crate) async fn remove_permission(
    lambda: Arc<Lambda>,
    permit: Permit<api::RemovePermission>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    lambda
        .catalog
        .change(&call, &target.id, |function| {
            let function = stored(function, &target.id)?;
            let key = target.qualifier.clone().unwrap_or_default();
            let latest = revision_of(function, &key).to_owned();
            let policy = function.record.policies.get_mut(&key).ok_or_else(|| {
                Error::ResourceNotFound("No policy is associated with the given resource.".to_owned())
            })?;
            permission::remove(policy, &input.statement_id)?;
            check_revision(input.revision_id.as_deref(), &latest, FUNCTION_API)?;
            if policy.statements.is_empty() {
                function.record.policies.remove(&key);
            }
            renew(function, &key);
            Ok(())
        })
        .await
}

pub(crate) async fn get_policy(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetPolicy>,
) -> Result<api::GetPolicyResponse, Error> {
    let (input, call) = super::parts(permit);
    let target = target(&call, &input.function_name, input.qualifier.as_deref())?;
    let loaded = shown(&lambda, &call, &target)?;
    let key = target.qualifier.as_deref().filter(|qualifier| *qualifier != LATEST).unwrap_or_default();
    let policy =
        loaded.function.record.policies.get(key).ok_or_else(|| {
            Error::ResourceNotFound("The resource you requested does not exist.".to_owned())
        })?;
    let document = permission::document(&policy.statements);
    let document = identity::show_principals(lambda.directory.store(), &document)
        .map_err(|error| Error::Internal(Internal::new(error)))?;
    let revision_id = Some(revision_of(&loaded.function, key).to_owned());
    Ok(api::GetPolicyResponse { policy: Some(document), revision_id })
}
