//! What follows from the change of an item, in the same transaction: the stored item, its index entries, the size of its
//! collection, the record in its table's stream, what it was before in the table's history.
//!
//! Nothing else writes items, so no index and no stream can miss a change. It decides nothing about conditions.

use std::sync::Arc;

use protocol::Entries;
use store::{Key, Transaction};

use super::write::{Outcome, Refusal};
use crate::api;
use crate::attribute::Attributes;
use crate::capacity::{Usage, write_units};
use crate::error::Error;
use crate::history;
use crate::invalid::Invalid;
use crate::item;
use crate::key::ItemKey;
use crate::records::{COLLECTIONS, ITEMS, IndexKind, IndexRecord};
use crate::streams::{self, Occasion};
use crate::tables::Table;

/// The most bytes of all items of one partition in a table with local indexes.
const COLLECTION_BYTES_MAX: u64 = 10 << 30;

/// An item as it is from now on.
#[derive(Debug)]
pub(crate) struct After {
    pub(crate) item: Attributes,
    /// Its stored form.
    pub(crate) encoded: Vec<u8>,
    /// The attributes that were written; `None` where all of them were.
    pub(crate) written: Option<Vec<String>>,
}

/// What a change brought about besides itself.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) usage: Usage,
    pub(crate) collection: Option<Collection>,
}

/// The items of one partition, in a table with local indexes.
#[derive(Debug)]
pub(crate) struct Collection {
    key: Attributes,
    bytes: u64,
}

impl Collection {
    /// As `ItemCollectionMetrics` answer it: the size in whole GB, below and above.
    pub(crate) fn metrics(&self) -> api::ItemCollectionMetrics {
        let low = f64::from(u32::try_from(self.bytes >> 30).unwrap_or(u32::MAX));
        api::ItemCollectionMetrics {
            item_collection_key: Some(Entries::from(self.key.clone())),
            size_estimate_range_gb: Some(vec![low, low + 1.0]),
        }
    }
}

/// Sizes of collections by table, for operations on several items.
#[derive(Debug, Default)]
pub(crate) struct Metrics(Vec<(String, Vec<api::ItemCollectionMetrics>)>);

impl Metrics {
    /// Adds what a write tells, where the caller asked for it.
    pub(crate) fn add(&mut self, table: &str, mode: Option<&str>, outcome: &Outcome) {
        let Some(metrics) = super::items::metrics(mode, outcome) else { return };
        match self.0.iter_mut().find(|(name, _)| name == table) {
            Some((_, known)) => known.push(metrics),
            None => self.0.push((table.to_owned(), vec![metrics])),
        }
    }

    /// All of them; nothing where there are none.
    pub(crate) fn answered(self) -> Option<Entries<Vec<api::ItemCollectionMetrics>>> {
        (!self.0.is_empty()).then_some(Entries(self.0))
    }
}

/// Stores an item as it is now, or takes it out, with all that follows from that.
pub(crate) fn store_change(
    transaction: &mut Transaction<'_>,
    table: &Arc<Table>,
    key: &ItemKey,
    before: Option<&Attributes>,
    after: Option<After>,
    occasion: Occasion,
) -> Result<(Option<Attributes>, Effects), Refusal> {
    let place = key.in_table(table.record.id);
    let written = after.as_ref().and_then(|after| after.written.clone());
    let (item, encoded) = after.map(|after| (after.item, after.encoded)).unzip();
    let mut effects = Effects::default();
    if table.follows_changes() {
        let change = IndexChange { table, key, before, after: item.as_ref(), written: written.as_deref() };
        effects = change.store(transaction)?;
        streams::record(transaction, table, before, item.as_ref(), occasion)?;
        history::record(transaction, table, key, before, item.as_ref(), occasion)?;
    }
    let bytes = |item: Option<&Attributes>| item.map_or(0, Attributes::size_bytes);
    effects.usage = effects.usage.and_table(write_units(bytes(before), bytes(item.as_ref())));
    match encoded {
        Some(encoded) => transaction.put(ITEMS, &place, encoded)?,
        None => transaction.delete(ITEMS, &place)?,
    }
    let touched = Arc::clone(table);
    transaction.after_commit(move || touched.counts.touch());
    Ok((item, effects))
}

/// A change of an item, as its indexes see it.
struct IndexChange<'a> {
    table: &'a Table,
    key: &'a ItemKey,
    before: Option<&'a Attributes>,
    after: Option<&'a Attributes>,
    written: Option<&'a [String]>,
}

/// An entry of an index: where it stands, and what it holds.
type Entry = (Key, Attributes);

impl IndexChange<'_> {
    fn store(&self, transaction: &mut Transaction<'_>) -> Result<Effects, Refusal> {
        let mut usage = Usage::default();
        let mut bytes = [self.before, self.after].map(|item| item.map_or(0, Attributes::size_bytes));
        let mut has_local = false;
        let mut entries = Vec::with_capacity(self.table.record.indexes.len());
        for index in &self.table.record.indexes {
            let before = self.before.and_then(|item| entry(self.table, index, self.key, item).ok().flatten());
            let after = self.entry_after(index)?;
            if index.kind == IndexKind::Local {
                has_local = true;
                for (sum, entry) in bytes.iter_mut().zip([&before, &after]) {
                    *sum = sum.saturating_add(entry.as_ref().map_or(0, |(_, item)| item.size_bytes()));
                }
            }
            entries.push((index, before, after));
        }
        // Refused before anything is written: a batch goes on with its other writes.
        let [before, after] = bytes;
        let collection = if has_local { Some(self.collect(transaction, before, after)?) } else { None };
        for (index, before, after) in entries {
            let units = replace(transaction, before, after)?;
            if units > 0.0 {
                usage = usage.and_index(index, units);
            }
        }
        Ok(Effects { usage, collection })
    }

    fn entry_after(&self, index: &IndexRecord) -> Result<Option<Entry>, Invalid> {
        let Some(item) = self.after else { return Ok(None) };
        entry(self.table, index, self.key, item).or_else(|invalid| {
            // A value from before the index was made keeps its item out of the index; one that is written is refused, be it
            // the same again.
            let is_old = index.schema.attributes().all(|attribute| {
                self.written.is_some_and(|written| !written.contains(&attribute.name))
                    && item.get(&attribute.name) == self.before.and_then(|before| before.get(&attribute.name))
            });
            if is_old { Ok(None) } else { Err(invalid) }
        })
    }

    /// Counts the bytes of the partition.
    fn collect(
        &self,
        transaction: &mut Transaction<'_>,
        before: usize,
        after: usize,
    ) -> Result<Collection, Refusal> {
        let place = self.key.collection(self.table.record.id);
        let stored = transaction.get(COLLECTIONS, &place)?;
        let stored = stored.and_then(|bytes| Some(u64::from_be_bytes(*bytes.first_chunk::<8>()?)));
        let wide = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
        let bytes = stored.unwrap_or(0).saturating_add(wide(after)).saturating_sub(wide(before));
        if after > before && bytes > COLLECTION_BYTES_MAX {
            return Err(Refusal::Error(Error::CollectionTooLarge("Collection size exceeded.".to_owned())));
        }
        match bytes {
            0 => transaction.delete(COLLECTIONS, &place)?,
            bytes => transaction.put(COLLECTIONS, &place, bytes.to_be_bytes().to_vec())?,
        }
        let name = &self.table.record.schema.partition.name;
        let value = self.after.or(self.before).and_then(|item| item.get(name)).cloned();
        let key = value.into_iter().map(|value| (name.clone(), value)).collect();
        Ok(Collection { key, bytes })
    }
}

/// The entry that an item has in an index, if it has one.
pub(crate) fn entry(
    table: &Table,
    index: &IndexRecord,
    key: &ItemKey,
    item: &Attributes,
) -> Result<Option<Entry>, Invalid> {
    let own = index.schema.index_key_of(&index.name, item)?;
    Ok(own.map(|own| (own.in_index(index.id, key), index.project(&table.record.schema, item))))
}

/// Replaces an entry; the units that this takes.
fn replace(
    transaction: &mut Transaction<'_>,
    before: Option<Entry>,
    after: Option<Entry>,
) -> Result<f64, Refusal> {
    let is_same = before == after;
    let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, |(_, item)| item.size_bytes());
    let units = match (&before, &after) {
        _ if is_same => return Ok(0.0),
        (Some((old, _)), Some((new, _))) if old.as_ref() != new.as_ref() => {
            write_units(size(&before), 0) + write_units(0, size(&after))
        }
        _ => write_units(size(&before), size(&after)),
    };
    if let Some((old, _)) = before {
        transaction.delete(ITEMS, &old)?;
    }
    if let Some((new, item)) = after {
        transaction.put(ITEMS, &new, item::encode(&item))?;
    }
    Ok(units)
}
