//! Making, changing, listing and deleting tables.
//!
//! A table is usable as soon as its creation is answered, and gone as soon as its deletion is; the items of a deleted
//! table go later, in the background.

use std::ops::Bound;
use std::sync::Arc;

use identity::BindError;
use policy::{Policy, PolicyKind};
use service::{Call, Internal, Permit};
use store::{Key, Store, Transaction};

use super::backups::keep_at_deletion;
use super::describe::{Status, describe, describe_without};
use super::index_updates::{IndexChanges, update_indexes};
use super::stream_updates::{self, Moment, update_stream};
use crate::State;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::managed_key;
use crate::model::{self, Part};
use crate::records::{Billing, DOOMED, PolicyRecord, SEQUENCE, TABLES, TableRecord};
use crate::streams::{self, Sequence};
use crate::tables::{Table, Target, save, stored, stored_idle, table_not_found};

/// How many names one page of tables has at most.
const PAGE_MAX: usize = 100;

pub(crate) async fn create_table(
    state: Arc<State>,
    permit: Permit<api::CreateTable>,
) -> Result<api::CreateTableOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    if target.account != call.account() {
        return Err(Error::Validation("A table can only be created in the account of the caller".to_owned()));
    }
    let mut record = new_record(&input, &target, &call)?;
    record.tags.extend(call.marks());
    record.tags.sort();
    let view = input.stream_specification.as_ref();
    let view = view.map(|stream| stream_updates::wanted(stream, Moment::Creation)).transpose()?.flatten();
    check_room(&state, &target)?;
    model::check_quotas(&record)?;
    check_reserve(&state, &target, &record)?;
    let table = call
        .transact(|transaction| {
            if stored(transaction, &target)?.is_some() {
                return Err(Error::ResourceInUse(format!("Table already exists: {}", target.name)));
            }
            record.id = next_id(transaction)?;
            if let Some(view) = view {
                stream_updates::enable(
                    transaction,
                    &state,
                    &mut record,
                    view,
                    &Sequence::default(),
                    call.now(),
                )?;
            }
            for index in &mut record.indexes {
                index.id = next_id(transaction)?;
            }
            save(transaction, &state, record)
        })
        .await?;
    Ok(api::CreateTableOutput { table_description: Some(describe(&table, Status::Creating, call.now())) })
}

/// Refuses one table too many.
pub(crate) fn check_room(state: &State, target: &Target) -> Result<(), Error> {
    let names = state.tables.names(target.account, &target.region);
    if names.is_some_and(|names| names.len() >= model::TABLES_MAX) {
        let max = model::TABLES_MAX;
        return Err(Error::LimitExceeded(format!(
            "Subscriber limit exceeded: There is a limit of {max} tables per subscriber"
        )));
    }
    Ok(())
}

/// Refuses units that the account has not got left.
pub(crate) fn check_reserve(state: &State, target: &Target, record: &TableRecord) -> Result<(), Error> {
    let names = state.tables.names(target.account, &target.region).unwrap_or_default();
    let others = names.values().filter(|table| table.record.name != record.name);
    let others = others
        .map(|table| model::reserved(&table.record))
        .fold((0_i64, 0_i64), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)));
    model::check_account(others, record)
}

fn new_record(input: &api::CreateTableInput, target: &Target, call: &Call) -> Result<TableRecord, Error> {
    model::check_offered(input)?;
    let billing = model::billing(input.billing_mode.as_deref(), input.provisioned_throughput.as_ref())?;
    let definitions = input.attribute_definitions.as_deref().unwrap_or_default();
    let schema = model::key_schema(input.key_schema.as_deref().unwrap_or_default(), definitions)?;
    let indexes = model::indexes(input, &schema, billing)?;
    model::check_definitions(definitions, &schema, &indexes)?;
    let mut record =
        TableRecord::new(target.account, target.region.clone(), target.name.clone(), schema, call.now());
    record.indexes = indexes;
    record.billing = billing;
    record.settled.on_demand = (billing == Billing::PayPerRequest).then_some(call.now());
    record.is_protected = input.deletion_protection_enabled.unwrap_or(false);
    record.class = input.table_class.clone();
    record.is_encryption_requested =
        managed_key::is_wanted(input.sse_specification.as_ref(), target.account, &target.region)?;
    let units = match billing {
        Billing::PayPerRequest => None,
        Billing::Provisioned { read, write } => Some((read, write)),
    };
    record.ceiling = model::new_ceiling(input.on_demand_throughput.as_ref(), Part::Table, billing)?;
    record.warm = model::new_warm(input.warm_throughput.as_ref(), Part::Table, units)?;
    record.tags = model::tagged(&[], input.tags.as_deref().unwrap_or_default())?;
    let policy = input.resource_policy.as_deref();
    let arn = record.arn();
    let of = model::PolicyOf::Table(&arn);
    record.policy = policy.map(|text| policy_record(call.store(), text, of)).transpose()?;
    Ok(record)
}

/// A resource policy that parses and names what is its own, with a new revision. Users and roles that it names are kept by
/// their unique ids.
pub(crate) fn policy_record(
    store: &Store,
    text: &str,
    of: model::PolicyOf<'_>,
) -> Result<PolicyRecord, Error> {
    let invalid =
        |error: &dyn std::fmt::Display| Invalid::parameter(format!("Invalid policy document: {error}"));
    Policy::parse(text, PolicyKind::Resource).map_err(|error| invalid(&error))?;
    of.check(text)?;
    let text = identity::bind_principals(store, text).map_err(|error| match error {
        BindError::Unknown(_) => Error::from(invalid(&error)),
        BindError::Directory(error) => Error::Internal(Internal::new(error)),
    })?;
    Ok(PolicyRecord { text, revision: crypto::random::uuid() })
}

/// Ids are given out once, so that a new table never finds the items of an old one of its name.
pub(crate) fn next_id(transaction: &mut Transaction<'_>) -> Result<u64, Error> {
    let last = transaction.get(SEQUENCE, Key::new())?;
    let last = match last.as_deref() {
        None => 0,
        Some(bytes) => {
            let bytes = <[u8; 8]>::try_from(bytes)
                .map_err(|_| Error::Internal(Internal::new("the sequence of table ids is damaged")))?;
            u64::from_be_bytes(bytes)
        }
    };
    let next = last
        .checked_add(1)
        .ok_or_else(|| Error::Internal(Internal::new("the sequence of table ids has ended")))?;
    transaction.put(SEQUENCE, Key::new(), next.to_be_bytes().to_vec())?;
    Ok(next)
}

pub(crate) async fn delete_table(
    state: Arc<State>,
    permit: Permit<api::DeleteTable>,
) -> Result<api::DeleteTableOutput, Error> {
    let Permit { input, call, .. } = permit;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    let table = call
        .transact(|transaction| {
            let record = stored_idle(transaction, &target)?;
            if record.history.as_ref().is_some_and(|history| history.copies > 0) {
                return Err(Error::ResourceInUse(format!(
                    "Attempt to change a resource which is still in use: Table is being copied: {}",
                    record.name
                )));
            }
            if record.is_protected {
                return Err(Error::Validation(
                    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion \
                     protection first."
                        .to_owned(),
                ));
            }
            transaction.delete(TABLES, record.key())?;
            let kept = keep_at_deletion(transaction, &state, &target, &record, call.now())?;
            let parts = record.indexes.iter().map(|index| index.id);
            let parts = parts.chain(record.history.as_ref().map(|history| history.id));
            for id in parts.chain((!kept).then_some(record.id)) {
                transaction.put(DOOMED, Key::new().u64(id), Vec::new())?;
            }
            if let Some(stream) = record.stream.as_ref().filter(|stream| stream.is_enabled) {
                let sequence = sequence_of(&state, &target);
                streams::end(transaction, &state.streams, stream.id, &sequence, call.now())?;
            }
            let table = Table::new(record)?;
            let (shown, gone) = (Arc::clone(&state), table.record.clone());
            transaction.after_commit(move || {
                shown.tables.remove(&gone);
                shown.sweep.notify_one();
            });
            Ok(table)
        })
        .await?;
    Ok(api::DeleteTableOutput { table_description: Some(describe(&table, Status::Deleting, call.now())) })
}

pub(crate) async fn describe_table(
    state: Arc<State>,
    permit: Permit<api::DescribeTable>,
) -> Result<api::DescribeTableOutput, Error> {
    let table = named(&state, &permit.call, &permit.input.table_name)?;
    let status = if table.record.is_restoring() { Status::Creating } else { Status::Active };
    Ok(api::DescribeTableOutput { table: Some(describe(&table, status, permit.call.now())) })
}

/// The sequence of the table that calls see. One that is not shown yet has given out no number.
pub(crate) fn sequence_of(state: &State, target: &Target) -> Arc<Sequence> {
    state.tables.find(target).map(|table| Arc::clone(&table.sequence)).unwrap_or_default()
}

/// The table of this name, for operations on tables.
pub(crate) fn named(state: &State, call: &Call, name: &str) -> Result<Arc<Table>, Error> {
    let target = Target::parse(name, call.account(), call.region())?;
    let found = state.tables.find(&target);
    // SECURITY: behind the look, so that what was found is what leave was given for.
    call.view()?;
    found.ok_or_else(|| table_not_found(&target.name))
}

pub(crate) async fn list_tables(
    state: Arc<State>,
    permit: Permit<api::ListTables>,
) -> Result<api::ListTablesOutput, Error> {
    let Permit { input, call, .. } = permit;
    let limit =
        input.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let names = state.tables.names(call.account(), call.region()).unwrap_or_default();
    let start = match &input.exclusive_start_table_name {
        Some(start) => Bound::Excluded(start.clone()),
        None => Bound::Unbounded,
    };
    let mut behind = names.range((start, Bound::Unbounded)).map(|(name, _)| name.clone());
    let page: Vec<String> = behind.by_ref().take(limit).collect();
    let has_more = behind.next().is_some();
    Ok(api::ListTablesOutput {
        last_evaluated_table_name: page.last().filter(|_| has_more).cloned(),
        table_names: Some(page),
    })
}

pub(crate) async fn update_table(
    state: Arc<State>,
    permit: Permit<api::UpdateTable>,
) -> Result<api::UpdateTableOutput, Error> {
    let Permit { input, call, .. } = permit;
    check_update(&input)?;
    let target = Target::parse(&input.table_name, call.account(), call.region())?;
    let (table, changes) = call
        .transact(|transaction| {
            let mut record = stored_idle(transaction, &target)?;
            record.keep_warm();
            if input.billing_mode.is_some() || input.provisioned_throughput.is_some() {
                let throughput = input.provisioned_throughput.as_ref();
                let billing = model::rebilled(record.billing, input.billing_mode.as_deref(), throughput)?;
                model::settle(&mut record.settled, record.billing, billing, call.now())?;
                record.billing = billing;
            }
            if let Some(is_protected) = input.deletion_protection_enabled {
                record.is_protected = is_protected;
            }
            if input.table_class.is_some() {
                record.class.clone_from(&input.table_class);
            }
            if input.sse_specification.is_some() {
                let is_encrypted =
                    managed_key::is_wanted(input.sse_specification.as_ref(), target.account, &target.region)?;
                if !is_encrypted && !record.is_encryption_requested {
                    return Err(Invalid::parameter("Table is already encrypted by default").into());
                }
                record.is_encryption_requested = is_encrypted;
            }
            let ceiling = input.on_demand_throughput.as_ref();
            record.ceiling = model::changed_ceiling(record.ceiling, ceiling, Part::Table, record.billing)?;
            if let Some(warm) = &input.warm_throughput {
                record.warm = model::changed_warm(record.warm_throughput(), warm, Part::Table)?;
            }
            let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
            let definitions = input.attribute_definitions.as_deref().unwrap_or_default();
            let changes = update_indexes(transaction, &mut record, updates, definitions, call.now())?;
            model::settle_units(&mut record)?;
            if changes_throughput(&input) {
                model::check_quotas(&record)?;
                check_reserve(&state, &target, &record)?;
            }
            if let Some(specification) = &input.stream_specification {
                let sequence = sequence_of(&state, &target);
                update_stream(transaction, &state, &mut record, specification, &sequence, call.now())?;
            }
            let table = save(transaction, &state, record)?;
            if changes != IndexChanges::default() {
                let ringing = Arc::clone(&state);
                transaction.after_commit(move || {
                    ringing.backfill.notify_one();
                    ringing.sweep.notify_one();
                });
            }
            Ok::<_, Error>((table, changes))
        })
        .await?;
    let is_changing = changes != IndexChanges::default();
    let status = if is_changing { Status::Updating } else { Status::Active };
    let mut description = describe_without(&table, status, changes.removed.as_ref(), call.now());
    show_asked_for(&mut description, &input);
    Ok(api::UpdateTableOutput { table_description: Some(description) })
}

/// True where a change can go beyond a quota.
fn changes_throughput(input: &api::UpdateTableInput) -> bool {
    input.provisioned_throughput.is_some()
        || input.on_demand_throughput.is_some()
        || input.warm_throughput.is_some()
        || input.global_secondary_index_updates.is_some()
}

/// The answer to a change repeats the values that took a ceiling away, and says of what is made ready that it is not yet.
fn show_asked_for(description: &mut api::TableDescription, input: &api::UpdateTableInput) {
    const UPDATING: &str = "UPDATING";
    show_removed(&mut description.on_demand_throughput, input.on_demand_throughput.as_ref());
    if let (Some(shown), Some(_)) = (&mut description.warm_throughput, &input.warm_throughput) {
        shown.status = Some(UPDATING.to_owned());
    }
    let updates = input.global_secondary_index_updates.iter().flatten();
    for update in updates.filter_map(|update| update.update.as_ref()) {
        let mut indexes = description.global_secondary_indexes.iter_mut().flatten();
        let Some(shown) = indexes.find(|shown| shown.index_name.as_ref() == Some(&update.index_name)) else {
            continue;
        };
        show_removed(&mut shown.on_demand_throughput, update.on_demand_throughput.as_ref());
        if let (Some(shown), Some(_)) = (&mut shown.warm_throughput, &update.warm_throughput) {
            shown.status = Some(UPDATING.to_owned());
        }
    }
}

fn show_removed(shown: &mut Option<api::OnDemandThroughput>, given: Option<&api::OnDemandThroughput>) {
    let removed = |value: Option<i64>| value.filter(|value| *value < 0);
    let Some(given) = given else { return };
    let (read, write) = (removed(given.max_read_request_units), removed(given.max_write_request_units));
    if read.is_none() && write.is_none() {
        return;
    }
    let shown = shown.get_or_insert_default();
    shown.max_read_request_units = read.or(shown.max_read_request_units);
    shown.max_write_request_units = write.or(shown.max_write_request_units);
}

fn check_update(input: &api::UpdateTableInput) -> Result<(), Invalid> {
    let refused = [
        (input.replica_updates.as_ref().is_some_and(|list| !list.is_empty()), "ReplicaUpdates"),
        (input.multi_region_consistency.is_some(), "MultiRegionConsistency"),
        (input.global_table_witness_updates.is_some(), "GlobalTableWitnessUpdates"),
        (input.global_table_settings_replication_mode.is_some(), "GlobalTableSettingsReplicationMode"),
    ];
    if let Some((_, name)) = refused.into_iter().find(|(is_given, _)| *is_given) {
        return Err(model::unsupported(name));
    }
    let indexes = input.global_secondary_index_updates.as_deref();
    // In DynamoDB an empty one of these two is a fault of its own.
    let has_ceiling = input.on_demand_throughput.as_ref().is_some_and(|given| *given != Default::default());
    let has_warm = input.warm_throughput.as_ref().is_some_and(|given| *given != Default::default());
    let others = [
        input.provisioned_throughput.is_some(),
        indexes.is_some_and(|list| !list.is_empty()),
        input.sse_specification.is_some(),
        input.table_class.is_some(),
        input.stream_specification.is_some(),
        input.deletion_protection_enabled.is_some(),
    ];
    let has_others = others.contains(&true);
    if !has_others && !has_ceiling && !has_warm && input.billing_mode.is_none() {
        return Err(Invalid::new(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates, \
             SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, \
             DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or TableClass is required",
        ));
    }
    if indexes.is_some_and(<[_]>::is_empty) {
        return Err(Invalid::parameter("List of GlobalSecondaryIndexUpdates is empty"));
    }
    if has_warm && indexes.is_some_and(|list| list.iter().any(|update| update.create.is_some())) {
        return Err(Invalid::parameter(
            "Create global secondary index cannot be specified when updating WarmThroughput",
        ));
    }
    if has_warm && (has_others || has_ceiling || input.billing_mode.is_some()) {
        return Err(Invalid::parameter("WarmThroughput must be the only operation in the request"));
    }
    if has_ceiling && has_others {
        return Err(Invalid::parameter(
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request",
        ));
    }
    Ok(())
}
