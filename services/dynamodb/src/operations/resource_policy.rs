//! The policies of tables themselves.

use std::sync::Arc;

use service::{Internal, Permit};

use super::tables::policy_record;
use crate::State;
use crate::api;
use crate::error::Error;
use crate::records::TableRecord;
use crate::tables::{Target, save, stored};

/// The most bytes of a table's policy.
const POLICY_BYTES_MAX: usize = 20 * 1_024;

fn not_found(arn: &str) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: ResourcArn: {arn} not found"))
}

fn no_policy(arn: &str) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {arn}"))
}

/// Refuses a change that rests on another revision of the policy than there is.
fn check_revision(record: &TableRecord, expected: Option<&str>) -> Result<(), Error> {
    let present = record.policy.as_ref().map(|policy| policy.revision.as_str());
    match expected {
        None => Ok(()),
        Some("NO_POLICY") if present.is_none() => Ok(()),
        Some(expected) if Some(expected) == present => Ok(()),
        Some(_) => Err(Error::PolicyNotFound(
            "The revision of the resource-based policy is not the expected one".to_owned(),
        )),
    }
}

pub(crate) async fn put_resource_policy(
    state: Arc<State>,
    permit: Permit<api::PutResourcePolicy>,
) -> Result<api::PutResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    if input.policy.len() > POLICY_BYTES_MAX {
        return Err(Error::Validation(format!("The policy is longer than {POLICY_BYTES_MAX} bytes")));
    }
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    let policy = policy_record(call.store(), &input.policy)?;
    let revision = policy.revision.clone();
    call.transact(|transaction| {
        let mut record = stored(transaction, &target)?.ok_or_else(|| not_found(&input.resource_arn))?;
        check_revision(&record, input.expected_revision_id.as_deref())?;
        record.policy = Some(policy);
        save(transaction, &state, record).map(drop)
    })
    .await?;
    Ok(api::PutResourcePolicyOutput { revision_id: Some(revision) })
}

pub(crate) async fn get_resource_policy(
    state: Arc<State>,
    permit: Permit<api::GetResourcePolicy>,
) -> Result<api::GetResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    let table = state.tables.find(&target).ok_or_else(|| not_found(&input.resource_arn))?;
    let policy = table.record.policy.clone().ok_or_else(|| no_policy(&input.resource_arn))?;
    let text = identity::show_principals(call.store(), &policy.text)
        .map_err(|error| Error::Internal(Internal::new(error)))?;
    Ok(api::GetResourcePolicyOutput { policy: Some(text), revision_id: Some(policy.revision) })
}

pub(crate) async fn delete_resource_policy(
    state: Arc<State>,
    permit: Permit<api::DeleteResourcePolicy>,
) -> Result<api::DeleteResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::of_arn(&input.resource_arn, call.region())?;
    let revision = call
        .transact(|transaction| {
            let mut record = stored(transaction, &target)?.ok_or_else(|| not_found(&input.resource_arn))?;
            check_revision(&record, input.expected_revision_id.as_deref())?;
            let Some(policy) = record.policy.take() else {
                return Err(no_policy(&input.resource_arn));
            };
            save(transaction, &state, record)?;
            Ok(policy.revision)
        })
        .await?;
    Ok(api::DeleteResourcePolicyOutput { revision_id: Some(revision) })
}
