//! The policies of tables themselves, and of their streams.

use std::sync::Arc;

use base::{AccountId, Region};
use policy::{Policy, PolicyKind};
use service::{Access, Call, Internal, Permit};
use store::Transaction;

use super::tables::policy_record;
use crate::State;
use crate::api;
use crate::dynamodbstreams::is_over;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::model::PolicyOf;
use crate::records::{PolicyRecord, StreamRecord, TableRecord};
use crate::streams;
use crate::tables::{Target, save, stored};

/// The most bytes of a policy.
const POLICY_BYTES_MAX: usize = 20 * 1_024;

fn not_found(arn: &str) -> Error {
    // DynamoDB's own slip of the pen.
    let streams = || format!("Requested resource not found: ResourcArn: {arn} not found");
    Error::ResourceNotFound(match arn.rsplit_once(":table/") {
        Some((_, table)) if !table.contains('/') => {
            format!("Requested resource not found: Table: {table} not found")
        }
        _ => streams(),
    })
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

/// The name of a table or a stream, for messages.
fn name_of(arn: &str) -> &str {
    arn.rsplit_once(":table/").map_or(arn, |(_, name)| name)
}

/// Refuses a change that rests on another revision of the policy than there is.
fn check_revision(arn: &str, policy: Option<&PolicyRecord>, expected: Option<&str>) -> Result<(), Error> {
    let present = policy.map(|policy| policy.revision.as_str());
    let table = name_of(arn);
    let found = match (expected, present) {
        (None, _) | (Some("NO_POLICY"), None) => return Ok(()),
        (Some(expected), Some(present)) if expected == present => return Ok(()),
        (Some("NO_POLICY"), Some(present)) => format!(
            "Requested policy update expecting none to be present for table {table}, but a policy exists with \
             revision id {present}."
        ),
        (Some(expected), Some(present)) => format!(
            "Requested update for policy with revision id {expected}, but the policy associated to target table \
             {table} has revision id {present}."
        ),
        (Some(expected), None) => format!(
            "Requested update for policy with revision id {expected}, but no policy is associated to target table \
             {table}."
        ),
    };
    Err(Error::PolicyNotFound(format!(
        "Resource-based policy not found for the provided ResourceArn: {found}"
    )))
}

/// Refuses a policy under which its own writer could not change it any more, unless that is meant.
fn check_way_back(call: &Call, arn: &str, owner: AccountId, policy: &PolicyRecord) -> Result<(), Error> {
    let compiled = Policy::parse(&policy.text, PolicyKind::Resource);
    let compiled = compiled.map_err(|error| Error::Internal(Internal::new(error)))?;
    let access =
        Access::to("dynamodb:PutResourcePolicy", arn).owned_by(owner).resource_policy(Some(compiled));
    call.ask(&access).map_err(|_| {
        Invalid::parameter(
            "Invalid policy document: The new policy would not let you change the policy of this resource in the \
             future. Set ConfirmRemoveSelfResourceAccess to true to confirm that this is intended",
        )
        .into()
    })
}

pub(crate) async fn put_resource_policy(
    state: Arc<State>,
    permit: Permit<api::PutResourcePolicy>,
) -> Result<api::PutResourcePolicyOutput, Error> {
    let Permit { input, call, .. } = permit;
    if input.policy.len() > POLICY_BYTES_MAX {
        return Err(Error::Validation(format!("The policy is longer than {POLICY_BYTES_MAX} bytes")));
    }
    let arn = input.resource_arn.as_str();
    let is_stream = arn.contains("/stream/");
    let of = if is_stream { PolicyOf::Stream(arn) } else { PolicyOf::Table(arn) };
    let policy = policy_record(call.store(), &input.policy, of)?;
    if !input.confirm_remove_self_resource_access.unwrap_or(false) {
        let owner = arn.split(':').nth(4).and_then(|account| account.parse().ok());
        check_way_back(&call, arn, owner.ok_or_else(|| not_found(arn))?, &policy)?;
    }
    let revision = call
        .transact(|transaction| {
            let mut holder = Holder::stored(transaction, &state, arn, call.region(), call.now())?;
            check_revision(arn, holder.policy().as_ref(), input.expected_revision_id.as_deref())?;
            // The same policy again is no other revision.
            if let Some(present) = holder.policy().as_ref().filter(|present| present.text == policy.text) {
                return Ok(present.revision.clone());
            }
            let revision = policy.revision.clone();
            *holder.policy() = Some(policy);
            holder.save(transaction, &state)?;
            Ok::<_, Error>(revision)
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
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
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
            let expected = input.expected_revision_id.as_deref();
            check_revision(&input.resource_arn, holder.policy().as_ref(), expected)?;
            let Some(policy) = holder.policy().take() else {
                return Err(no_policy(&input.resource_arn));
            };
            holder.save(transaction, &state)?;
            Ok(policy.revision)
        })
        .await?;
    Ok(api::DeleteResourcePolicyOutput { revision_id: Some(revision) })
}
