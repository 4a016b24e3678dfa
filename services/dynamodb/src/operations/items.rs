//! One item: get, put, update, delete.

use std::sync::Arc;

use protocol::{Entries, Value};
use service::{Call, Permit};

use super::write::{Outcome, Write};
use crate::State;
use crate::access::attributes;
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Usage, consumed, is_wanted, read_units};
use crate::error::Error;
use crate::expression::Projection;
use crate::invalid::Invalid;
use crate::item;
use crate::records::ITEMS;
use crate::request::HoldsExpressions;
use crate::streams::Occasion;
use crate::throughput::Direction;

pub(crate) async fn get_item(
    state: Arc<State>,
    permit: Permit<api::GetItem>,
) -> Result<api::GetItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let key = attributes(input.key)?;
    let table = state.table(&call, &input.table_name)?;
    let schema = &table.record.schema;
    let key = schema.key_of(&key)?;
    expressions.check_key_paths(schema)?;
    table.check_read(None, call.now())?;
    let stored = call.store().get(ITEMS, key.in_table(table.record.id))?;
    let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
    let mode = input.return_consumed_capacity.as_deref();
    let consumed_capacity = if is_wanted(mode) || table.is_limited {
        let bytes = item.as_ref().map_or(0, Attributes::size_bytes);
        let units = read_units(bytes, input.consistent_read.unwrap_or(false));
        let usage = Usage::of_table(units);
        table.spend(Direction::Read, &usage, call.now());
        consumed(mode, table.told_as(&input.table_name), &usage)
    } else {
        None
    };
    let item = match &expressions.projection {
        Some(projection) => item.map(|item| projection.apply(&item)),
        None => item,
    };
    Ok(api::GetItemOutput { item: item.map(Entries::from), consumed_capacity })
}

/// The values that PutItem and DeleteItem can answer.
fn answers_old(return_values: Option<&str>) -> Result<bool, Invalid> {
    match return_values {
        None | Some("NONE") => Ok(false),
        Some("ALL_OLD") => Ok(true),
        Some(_) => Err(Invalid::new("ReturnValues can only be ALL_OLD or NONE")),
    }
}

/// Does a write in a transaction of its own.
async fn perform(call: &Call, write: Write) -> Result<Outcome, Error> {
    let occasion = Occasion::of_call(call.now());
    call.transact(|transaction| write.perform(transaction, occasion).map_err(Error::from)).await
}

fn write_capacity(mode: Option<&str>, table: &str, outcome: &Outcome) -> Option<api::ConsumedCapacity> {
    consumed(mode, table, &outcome.usage)
}

/// The size of the item's collection, where the caller asked for it.
pub(crate) fn metrics(mode: Option<&str>, outcome: &Outcome) -> Option<api::ItemCollectionMetrics> {
    let collection = outcome.collection.as_ref().filter(|_| mode == Some("SIZE"))?;
    Some(collection.metrics())
}

pub(crate) async fn put_item(
    state: Arc<State>,
    permit: Permit<api::PutItem>,
) -> Result<api::PutItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let item = attributes(input.item)?;
    let answers_old = answers_old(input.return_values.as_deref())?;
    let table = state.table(&call, &input.table_name)?;
    let name = table.told_as(&input.table_name).to_owned();
    let mode = input.return_consumed_capacity.as_deref();
    let write = Write::put(table, item, expressions)?
        .answering_on_failure(input.return_values_on_condition_check_failure.as_deref())
        .reading_before(answers_old || is_wanted(mode));
    let outcome = perform(&call, write).await?;
    Ok(api::PutItemOutput {
        consumed_capacity: write_capacity(mode, &name, &outcome),
        item_collection_metrics: metrics(input.return_item_collection_metrics.as_deref(), &outcome),
        attributes: outcome.before.filter(|_| answers_old).map(Entries::from),
    })
}

pub(crate) async fn delete_item(
    state: Arc<State>,
    permit: Permit<api::DeleteItem>,
) -> Result<api::DeleteItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let key = attributes(input.key)?;
    let answers_old = answers_old(input.return_values.as_deref())?;
    let table = state.table(&call, &input.table_name)?;
    let name = table.told_as(&input.table_name).to_owned();
    let mode = input.return_consumed_capacity.as_deref();
    let write = Write::delete(table, &key, expressions)?
        .answering_on_failure(input.return_values_on_condition_check_failure.as_deref())
        .reading_before(answers_old || is_wanted(mode));
    let outcome = perform(&call, write).await?;
    Ok(api::DeleteItemOutput {
        consumed_capacity: write_capacity(mode, &name, &outcome),
        item_collection_metrics: metrics(input.return_item_collection_metrics.as_deref(), &outcome),
        attributes: outcome.before.filter(|_| answers_old).map(Entries::from),
    })
}

pub(crate) async fn update_item(
    state: Arc<State>,
    permit: Permit<api::UpdateItem>,
) -> Result<api::UpdateItemOutput, Error> {
    let Permit { input, call, .. } = permit;
    let expressions = input.expressions()?;
    let key = attributes(input.key)?;
    let table = state.table(&call, &input.table_name)?;
    let name = table.told_as(&input.table_name).to_owned();
    let changed = expressions.update.as_ref().map(|update| Projection::of(update.targets()));
    let write = Write::update(table, key, expressions)?
        .answering_on_failure(input.return_values_on_condition_check_failure.as_deref());
    let outcome = perform(&call, write).await?;
    Ok(api::UpdateItemOutput {
        consumed_capacity: write_capacity(input.return_consumed_capacity.as_deref(), &name, &outcome),
        item_collection_metrics: metrics(input.return_item_collection_metrics.as_deref(), &outcome),
        attributes: update_answer(input.return_values.as_deref(), changed.as_ref(), outcome),
    })
}

/// The attributes that UpdateItem answers.
pub(crate) fn update_answer(
    return_values: Option<&str>,
    changed: Option<&Projection>,
    outcome: Outcome,
) -> Option<Entries<Value>> {
    let part = |item: Option<Attributes>| {
        let part = changed?.apply(&item?);
        (!part.is_empty()).then_some(part)
    };
    let attributes = match return_values {
        Some("ALL_OLD") => outcome.before,
        Some("ALL_NEW") => outcome.after,
        Some("UPDATED_OLD") => part(outcome.before),
        Some("UPDATED_NEW") => part(outcome.after),
        _ => None,
    };
    attributes.map(Entries::from)
}
