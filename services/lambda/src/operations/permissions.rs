//! `AddPermission`, `RemovePermission`, `GetPolicy`.

use std::sync::Arc;

use identity::BindError;
use service::{Internal, Permit};

use super::{check_revision, existing, not_found, revision, stored, target};
use crate::Lambda;
use crate::api;
use crate::catalog::Function;
use crate::error::Error;
use crate::model::name::{LATEST, Target};
use crate::model::permission;

/// The API that tells the latest revision.
const READ_API: &str = "GetPolicy";

/// Users and roles that a statement names are kept by their unique ids.
fn bind(lambda: &Lambda, statement: &mut serde_json::Value) -> Result<(), Error> {
    let bound = identity::bind_statements(lambda.directory.store(), statement);
    bound.map(drop).map_err(|error| match error {
        BindError::Unknown(_) => permission::invalid_principal(),
        BindError::Directory(error) => Error::Internal(Internal::new(error)),
    })
}

fn check_qualifier(function: &Function, target: &Target) -> Result<(), Error> {
    match target.qualifier.as_deref() {
        None => Ok(()),
        Some(LATEST) => Err(Error::InvalidParameterValue(
            "We currently do not support adding policies for $LATEST.".to_owned(),
        )),
        qualifier if function.qualified(qualifier).is_some() => Ok(()),
        Some(alias) if !alias.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(Error::ResourceNotFound(format!("Cannot find alias arn: {}", target.arn())))
        }
        _ => Err(not_found(&target.arn())),
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
            let policy = function.record.policies.entry(key).or_default();
            check_revision(input.revision_id.as_deref(), &policy.revision_id, READ_API)?;
            permission::add(policy, &input.statement_id, body)?;
            policy.revision_id = revision();
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
            let policy = function.record.policies.get_mut(&key).ok_or_else(|| {
                Error::ResourceNotFound("No policy is associated with the given resource.".to_owned())
            })?;
            check_revision(input.revision_id.as_deref(), &policy.revision_id, READ_API)?;
            permission::remove(policy, &input.statement_id)?;
            policy.revision_id = revision();
            if policy.statements.is_empty() {
                function.record.policies.remove(&key);
            }
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
    let loaded = existing(&lambda, &target)?;
    let key = target.qualifier.as_deref().unwrap_or_default();
    let policy =
        loaded.function.record.policies.get(key).ok_or_else(|| {
            Error::ResourceNotFound("The resource you requested does not exist.".to_owned())
        })?;
    let document = permission::document(&policy.statements);
    let document = identity::show_principals(lambda.directory.store(), &document)
        .map_err(|error| Error::Internal(Internal::new(error)))?;
    Ok(api::GetPolicyResponse { policy: Some(document), revision_id: Some(policy.revision_id.clone()) })
}
