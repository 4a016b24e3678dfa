//! Adding, changing and deleting global indexes of a table that is in use.
//!
//! From the moment an index is added every write keeps it up; a job adds the entries of the items that were there.

use std::collections::BTreeSet;

use base::Timestamp;
use store::{Key, Transaction};

use super::tables::next_id;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::model::{self, Part};
use crate::records::{Billing, DOOMED, IndexKind, IndexRecord, IndexState, TableRecord};

/// What a request does to indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexChanges {
    /// True where entries have to be added.
    pub(crate) adds: bool,
    /// The index that is gone from now on.
    pub(crate) removed: Option<IndexRecord>,
}

/// Does what `GlobalSecondaryIndexUpdates` ask for.
pub(crate) fn update_indexes(
    transaction: &mut Transaction<'_>,
    record: &mut TableRecord,
    updates: &[api::GlobalSecondaryIndexUpdate],
    definitions: &[api::AttributeDefinition],
    now: Timestamp,
) -> Result<IndexChanges, Error> {
    let mut changes = IndexChanges::default();
    check_once(updates)?;
    let is_filling = record.indexes.iter().any(|index| index.state == IndexState::Filling);
    let online = updates.iter().filter(|update| update.create.is_some() || update.delete.is_some()).count();
    let creates = updates.iter().any(|update| update.create.is_some());
    if online > 1 || (creates && is_filling) {
        return Err(Error::LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    for update in updates {
        match (&update.create, &update.update, &update.delete) {
            (Some(create), None, None) => {
                let mut index = model::index_created(record, create, definitions)?;
                model::check_index_count(record)?;
                index.id = next_id(transaction)?;
                record.indexes.push(index);
                record.layout = record.layout.saturating_add(1);
                changes.adds = true;
            }
            (None, Some(update), None) => change_throughput(record, update, now)?,
            (None, None, Some(delete)) => {
                let position = position(record, &delete.index_name, "delete")?;
                let index = record.indexes.remove(position);
                transaction.put(DOOMED, Key::new().u64(index.id), Vec::new())?;
                record.layout = record.layout.saturating_add(1);
                changes.removed = Some(index);
            }
            (None, None, None) => {
                return Err(Invalid::parameter(
                    "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                     GlobalSecondaryIndexUpdate.Delete must not be null",
                )
                .into());
            }
            _ => {
                return Err(Invalid::parameter(
                    "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
                )
                .into());
            }
        }
    }
    Ok(changes)
}

/// Refuses two actions on one index.
fn check_once(updates: &[api::GlobalSecondaryIndexUpdate]) -> Result<(), Invalid> {
    let mut seen = BTreeSet::new();
    for update in updates {
        let created = update.create.as_ref().map(|it| &it.index_name);
        let changed = update.update.as_ref().map(|it| &it.index_name);
        let deleted = update.delete.as_ref().map(|it| &it.index_name);
        let Some(name) = created.or(changed).or(deleted) else { continue };
        if !seen.insert(name) {
            return Err(Invalid::parameter(format!(
                "Only one global secondary index update per index is allowed simultaneously. Index: {name}"
            )));
        }
    }
    Ok(())
}

fn position(record: &TableRecord, name: &str, what: &str) -> Result<usize, Error> {
    let position = record.indexes.iter().position(|index| index.name == name).ok_or_else(|| {
        let table = &record.name;
        Error::ResourceNotFound(format!("Requested resource not found: Index {name} for table {table}"))
    })?;
    if record.indexes.get(position).is_some_and(|index| index.kind == IndexKind::Global) {
        return Ok(position);
    }
    Err(Invalid::new(format!("Cannot {what} an index that is not a GlobalSecondaryIndex: {name}")).into())
}

fn change_throughput(
    record: &mut TableRecord,
    update: &api::UpdateGlobalSecondaryIndexAction,
    now: Timestamp,
) -> Result<(), Error> {
    let name = &update.index_name;
    let position = position(record, name, "update")?;
    let billing = record.billing;
    let Some(index) = record.indexes.get_mut(position) else { return Ok(()) };
    if let Some(units) = &update.provisioned_throughput {
        if billing == Billing::PayPerRequest {
            return Err(Invalid::parameter(format!(
                "The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to \
                 OnDemandThroughput, WarmThroughput"
            ))
            .into());
        }
        model::billing(Some("PROVISIONED"), Some(units))?;
        change_units(index, units, now)?;
    }
    let part = Part::Index(name);
    index.ceiling =
        model::changed_ceiling(index.ceiling, update.on_demand_throughput.as_ref(), part, billing)?;
    if let Some(warm) = &update.warm_throughput {
        index.warm = model::changed_warm(index.warm_throughput(), warm, part)?;
    }
    Ok(())
}

fn change_units(
    index: &mut IndexRecord,
    units: &api::ProvisionedThroughput,
    now: Timestamp,
) -> Result<(), Error> {
    let wanted = (units.read_capacity_units, units.write_capacity_units);
    if index.units == Some(wanted) {
        let (name, (read, write)) = (&index.name, wanted);
        return Err(Invalid::new(format!(
            "The provisioned throughput for the index {name} will not change. The requested value equals the current value. \
             Current ReadCapacityUnits provisioned for the index: {read}. Requested ReadCapacityUnits: {read}. Current \
             WriteCapacityUnits provisioned for the index: {write}. Requested WriteCapacityUnits: {write}. Refer to the \
             Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
        ))
        .into());
    }
    model::change_units(&mut index.changes, index.units.unwrap_or(wanted), wanted, now)?;
    index.units = Some(wanted);
    Ok(())
}
