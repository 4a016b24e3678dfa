//! `AddLayerVersionPermission`, `RemoveLayerVersionPermission`, `GetLayerVersionPolicy`.

use std::sync::Arc;

use service::Permit;

use super::layers::number;
use super::{check_revision, revision};
use crate::Lambda;
use crate::api;
use crate::error::Error;
use crate::model::layer::LayerId;
use crate::model::permission;

/// The API that tells the latest revision.
const READ_API: &str = "GetLayerVersionPolicy";

fn no_policy() -> Error {
    Error::ResourceNotFound("No policy is associated with the given resource.".to_owned())
}

pub(crate) async fn add(
    lambda: Arc<Lambda>,
    permit: Permit<api::AddLayerVersionPermission>,
) -> Result<api::AddLayerVersionPermissionResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    let version = number(input.version_number)?;
    let body = permission::layer_statement(&input, &id.version_arn(version))?;
    let statement = body.to_string();
    let revision_id = lambda
        .layers
        .change_policy(&call, &id, version, |policy| {
            check_revision(input.revision_id.as_deref(), &policy.revision_id, READ_API)?;
            permission::add(policy, &input.statement_id, body)?;
            policy.revision_id = revision();
            Ok(policy.revision_id.clone())
        })
        .await?;
    Ok(api::AddLayerVersionPermissionResponse { statement: Some(statement), revision_id: Some(revision_id) })
}

pub(crate) async fn remove(
    lambda: Arc<Lambda>,
    permit: Permit<api::RemoveLayerVersionPermission>,
) -> Result<(), Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    lambda
        .layers
        .change_policy(&call, &id, number(input.version_number)?, |policy| {
            if policy.statements.is_empty() {
                return Err(no_policy());
            }
            check_revision(input.revision_id.as_deref(), &policy.revision_id, READ_API)?;
            permission::remove(policy, &input.statement_id)?;
            policy.revision_id = revision();
            Ok(())
        })
        .await
}

pub(crate) async fn policy(
    lambda: Arc<Lambda>,
    permit: Permit<api::GetLayerVersionPolicy>,
) -> Result<api::GetLayerVersionPolicyResponse, Error> {
    let (input, call) = super::parts(permit);
    let id = LayerId::parse(&input.layer_name, call.account(), call.region())?;
    let version = number(input.version_number)?;
    let found = lambda.layers.get(&id, version);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    let found = found.ok_or_else(|| {
        Error::ResourceNotFound(format!("Layer version {} does not exist.", id.version_arn(version)))
    })?;
    let policy = &found.policy;
    if policy.statements.is_empty() {
        return Err(no_policy());
    }
    Ok(api::GetLayerVersionPolicyResponse {
        policy: Some(permission::document(&policy.statements)),
        revision_id: Some(policy.revision_id.clone()),
    })
}
