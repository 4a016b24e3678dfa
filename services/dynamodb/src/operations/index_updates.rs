//! Adding, changing and deleting global indexes of a table that is in use.
//!
//! From the moment an index is added every write keeps it up; a job adds the entries of the items that were there.

use base::Timestamp;
use store::{Key, Transaction};

use super::tables::next_id;
use crate::api;
use crate::error::Error;
use crate::invalid::Invalid;
use crate::model;
use crate::records::{Billing, DOOMED, IndexKind, IndexState, TableRecord};

/// What a request does to indexes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexChanges {
    /// True where entries have to be added.
    pub(crate) adds: bool,
    /// The index that is gone from now on.
    pub(crate) removed: Option<crate::records::IndexRecord>,
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
                index.id = next_id(transaction)?;
                record.indexes.push(index);
                record.layout = record.layout.saturating_add(1);
                changes.adds = true;
            }
            (None, Some(update), None) => change_units(record, update, now)?,
            (None, None, Some(delete)) => {
                let position = position(record, &delete.index_name)?;
                let index = record.indexes.remove(position);
                transaction.put(DOOMED, Key::new().u64(index.id), Vec::new())?;
                record.layout = record.layout.saturating_add(1);
                changes.removed = Some(index);
            }
            _ => {
                return Err(Invalid::parameter(
                    "Only one of GlobalSecondaryIndexUpdate.Update, Create or Delete can be specified",
                )
                .into());
            }
        }
    }
    if changes.adds || !definitions.is_empty() {
        model::check_definitions(definitions, &record.schema, &record.indexes)?;
    }
    Ok(changes)
}

fn position(record: &TableRecord, name: &str) -> Result<usize, Error> {
    let found = |index: &crate::records::IndexRecord| index.kind == IndexKind::Global && index.name == name;
    record.indexes.iter().position(found).ok_or_else(|| {
        Error::ResourceNotFound(format!("Requested resource not found: Index: {name} not found"))
    })
}

fn change_units(
    record: &mut TableRecord,
    update: &api::UpdateGlobalSecondaryIndexAction,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(units) = &update.provisioned_throughput else {
        return Err(model::unsupported("OnDemandThroughput or WarmThroughput of an index").into());
    };
    let position = position(record, &update.index_name)?;
    if record.billing == Billing::PayPerRequest {
        return Err(Invalid::parameter(format!(
            "ProvisionedThroughput should not be specified for index: {} when BillingMode is PAY_PER_REQUEST",
            update.index_name
        ))
        .into());
    }
    model::billing(Some("PROVISIONED"), Some(units))?;
    if let Some(index) = record.indexes.get_mut(position) {
        let wanted = (units.read_capacity_units, units.write_capacity_units);
        model::change_units(&mut index.changes, index.units.unwrap_or(wanted), wanted, now)?;
        index.units = Some(wanted);
    }
    Ok(())
}
