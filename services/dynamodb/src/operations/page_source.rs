//! Where a page reads from: a table, or one of its indexes.
//!
//! It decides what an index may be asked for; it reads nothing but whole items behind entries of local indexes.

use protocol::{Entries, Value};
use store::{Range, Snapshot};

use crate::attribute::Attributes;
use crate::capacity::{Usage, read_units};
use crate::error::Error;
use crate::invalid::Invalid;
use crate::item;
use crate::key::{ItemKey, KeySchema, PartitionRange};
use crate::records::{ITEMS, IndexKind, IndexRecord, IndexState, Projected};
use crate::request::Expressions;
use crate::tables::Table;

/// A table, or one of its indexes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) table: &'a Table,
    pub(crate) index: Option<&'a IndexRecord>,
    is_consistent: bool,
}

/// The place behind which a page begins.
pub(crate) struct Start {
    /// The key in the searched table or index.
    pub(crate) own: ItemKey,
    /// The stored key.
    pub(crate) place: Vec<u8>,
}

impl<'a> Source<'a> {
    /// What a request reads from.
    pub(crate) fn of(table: &'a Table, index: Option<&str>, is_consistent: bool) -> Result<Self, Invalid> {
        let Some(name) = index else { return Ok(Self { table, index: None, is_consistent }) };
        let index = table
            .record
            .index(name)
            .ok_or_else(|| Invalid::new(format!("The table does not have the specified index: {name}")))?;
        if index.kind == IndexKind::Global && is_consistent {
            return Err(Invalid::new("Consistent reads are not supported on global secondary indexes"));
        }
        if index.state == IndexState::Filling {
            return Err(Invalid::new(format!("Cannot read from backfilling global secondary index: {name}")));
        }
        Ok(Self { table, index: Some(index), is_consistent })
    }

    /// What stored keys begin with.
    pub(crate) fn id(&self) -> u64 {
        self.index.map_or(self.table.record.id, |index| index.id)
    }

    /// Where the items of a partition, or of a part of it, are stored.
    pub(crate) fn range(&self, partition: &PartitionRange) -> Range {
        // Several entries of an index share a key.
        if self.index.is_some() { partition.range(self.id()) } else { partition.range_in_table(self.id()) }
    }

    /// What is searched by.
    pub(crate) fn schema(&self) -> &'a KeySchema {
        self.index.map_or(&self.table.record.schema, |index| &index.schema)
    }

    /// The place behind `ExclusiveStartKey`.
    pub(crate) fn start(&self, key: Entries<Value>) -> Result<Start, Invalid> {
        let within = |invalid: Invalid| invalid.within("The provided starting key is invalid: ");
        self.start_at(&crate::attribute::attributes_from_entries(key).map_err(within)?)
    }

    /// The place behind this key.
    pub(crate) fn start_at(&self, key: &Attributes) -> Result<Start, Invalid> {
        let within = |invalid: Invalid| invalid.within("The provided starting key is invalid: ");
        let schema = &self.table.record.schema;
        Ok(match self.index {
            None => {
                let own = schema.key_of(key).map_err(within)?;
                Start { place: own.in_table(self.id()).into_vec(), own }
            }
            Some(index) => {
                let (own, item) = index.schema.index_start(schema, key).map_err(within)?;
                Start { place: own.in_index(index.id, &item).into_vec(), own }
            }
        })
    }

    /// `LastEvaluatedKey` behind this item.
    pub(crate) fn last_key(&self, item: &Attributes) -> Attributes {
        let schema = &self.table.record.schema;
        match self.index {
            None => schema.project(item),
            Some(index) => index.keys_of(schema, item),
        }
    }

    /// True where entries of a local index do not hold all that is asked for.
    pub(crate) fn needs_items(
        &self,
        select: Option<&str>,
        expressions: &Expressions,
    ) -> Result<bool, Invalid> {
        let Some(index) = self.index.filter(|index| index.projected != Projected::All) else {
            return Ok(false);
        };
        let selects_all = select == Some("ALL_ATTRIBUTES");
        if selects_all && index.kind == IndexKind::Global {
            return Err(Invalid::parameter(format!(
                "Select type ALL_ATTRIBUTES is not supported for global secondary index {} because its projection \
                 type is not ALL",
                index.name
            )));
        }
        let mut names = expressions.attributes();
        names.retain(|name| !index.holds(&self.table.record.schema, name));
        if index.kind == IndexKind::Global && !names.is_empty() {
            let names: Vec<_> = names.into_iter().collect();
            return Err(Invalid::parameter(format!(
                "Global secondary index {} does not project [{}]",
                index.name,
                names.join(", ")
            )));
        }
        Ok(selects_all || !names.is_empty())
    }

    /// The whole item of an entry.
    pub(crate) fn item(&self, snapshot: &Snapshot, entry: &Attributes) -> Result<Attributes, Error> {
        let schema = &self.table.record.schema;
        let key = schema.key_of(&schema.project(entry))?;
        let stored = snapshot.get(ITEMS, key.in_table(self.table.record.id))?;
        let item = stored.map(|bytes| item::decode(&bytes)).transpose()?;
        item.ok_or_else(|| Error::Internal(service::Internal::new("an index entry has no item")))
    }

    /// The units of a page of so many bytes, with more units for items behind entries.
    pub(crate) fn usage(&self, bytes: usize, fetched: f64) -> Usage {
        let units = read_units(bytes, self.is_consistent);
        match self.index {
            None => Usage::of_table(units),
            Some(index) => Usage::of_table(fetched).and_index(index, units),
        }
    }

    /// The units of reading one whole item.
    pub(crate) fn item_units(&self, item: &Attributes) -> f64 {
        read_units(item.size_bytes(), self.is_consistent)
    }
}
