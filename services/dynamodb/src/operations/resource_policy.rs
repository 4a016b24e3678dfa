//! The policies of tables themselves, and of their streams.

use std::sync::Arc;

use base::Region;
use service::{Internal, Permit};
use store::Transaction;

use super::tables::policy_record;
use crate::State;
use crate::api;
use crate::dynamodbstreams::is_over;
use crate::error::Error;
use crate::records::{PolicyRecord, StreamRecord, TableRecord};
use crate::streams;
use crate::tables::{Target, save, stored};

/// The most bytes of a policy.
const POLICY_BYTES_MAX: usize = 20 * 1_024;

fn not_found(arn: &str) -> Error {
    Error::ResourceNotFound(format!("Requested resource not found: ResourcArn: {arn} not found"))
}

fn no_policy(arn: &str) -> Error {
    Error::PolicyNotFound(format!("Resource-based policy not found for the provided ResourceArn: {arn}"))
}

/// What a policy is attached to, as a transaction sees it.
enum Holder {
    Table(Box<TableRecord>),
    Stream(Box<StreamRecord>),
}

impl Holder {
    fn stored(
        transaction: &Transaction<'_>,
        state: &State,
        arn: &str,
        region: &Region,
        now: base::Timestamp,
    ) -> Result<Self, Error> {
        let missing = || not_found(arn);
        if !arn.contains("/stream/") {
            let record = stored(transaction, &Target::of_arn(arn, region)?)?;
            return Ok(Self::Table(Box::new(record.ok_or_else(missing)?)));
        }
        let stream = state.streams.find(arn).ok_or_else(missing)?;
        let record = streams::stored(transaction, stream.id)?.filter(|stream| !is_over(stream, now));
        Ok(Self::Stream(Box::new(record.ok_or_else(missing)?)))
    }

    const fn policy(&mut self) -> &mut Option<PolicyRecord> {
        match self {
            Self::Table(table) => &mut table.policy,
            Self::Stream(stream) => &mut stream.policy,
        }
    }

    fn save(self, transaction: &mut Transaction<'_>, state: &Arc<State>) -> Result<(), Error> {
        match self {
            Self::Table(table) => save(transaction, state, *table).map(drop),
            Self::Stream(stream) => streams::save(transaction, &state.streams, *stream),
        }
    }
}

/// Refuses a change that rests on another revision of the policy than there is.
fn check_revision(policy: Option<&PolicyRecord>, expected: Option<&str>) -> Result<(), Error> {
    let present = policy.map(|policy| policy.revision.as_str());
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
    let policy = policy_record(call.store(), &input.policy)?;
    let revision = policy.revision.clone();
    call.transact(|transaction| {
        let mut holder = Holder::stored(transaction, &state, &input.resource_arn, call.region(), call.now())?;
        check_revision(holder.policy().as_ref(), input.expected_revision_id.as_deref())?;
        *holder.policy() = Some(policy);
        holder.save(transaction, &state)
    })
    .await?;
    Ok(api::PutResourcePolicyOutput { revision_id: Some(revision) })
}

pub(crate) async fn get_resource_policy(
    state: Arc<State>,
    permit: Permit<api::GetResourcePolicy>,
) -> Result<api::GetResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    let arn = &input.resource_arn;
    let policy = if arn.contains("/stream/") {
        let stream = state.streams.find(arn).filter(|stream| !is_over(stream, call.now()));
        stream.ok_or_else(|| not_found(arn))?.policy.clone()
    } else {
        let table = state.tables.find(&Target::of_arn(arn, call.region())?);
        table.ok_or_else(|| not_found(arn))?.record.policy.clone()
    };
    let policy = policy.ok_or_else(|| no_policy(arn))?;
    let text = identity::show_principals(call.store(), &policy.text)
        .map_err(|error| Error::Internal(Internal::new(error)))?;
    Ok(api::GetResourcePolicyOutput { policy: Some(text), revision_id: Some(policy.revision) })
}

pub(crate) async fn delete_resource_policy(
    state: Arc<State>,
    permit: Permit<api::DeleteResourcePolicy>,
) -> Result<api::DeleteResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    let revision = call
        .transact(|transaction| {
            let mut holder =
                Holder::stored(transaction, &state, &input.resource_arn, call.region(), call.now())?;
            check_revision(holder.policy().as_ref(), input.expected_revision_id.as_deref())?;
            let Some(policy) = holder.policy().take() else {
                return Err(no_policy(&input.resource_arn));
            };
            holder.save(transaction, &state)?;
            Ok(policy.revision)
        })
        .await?;
    Ok(api::DeleteResourcePolicyOutput { revision_id: Some(revision) })
}
