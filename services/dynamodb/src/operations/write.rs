//! One change of one item inside a transaction: read what is there, check the condition, change, store.
//!
//! Every write of every operation goes through [`Write::perform`]; it knows nothing of requests or answers.

use std::sync::Arc;

use store::{Key, Transaction};

use crate::attribute::Attributes;
use crate::capacity::write_units;
use crate::error::{Cancellation, Error, condition_failed};
use crate::expression::{Condition, Update};
use crate::invalid::Invalid;
use crate::item::{self, ITEM_BYTES_MAX};
use crate::key::ItemKey;
use crate::records::ITEMS;
use crate::request::Expressions;
use crate::tables::Table;

/// What is done to an item.
#[derive(Debug)]
pub(crate) enum Change {
    /// It becomes this.
    Put {
        /// The new item.
        item: Attributes,
        /// Its stored form, made before the transaction: other writers wait for as little as possible.
        encoded: Vec<u8>,
    },
    /// It is changed; where there is none, it starts as its key.
    Update {
        /// The key attributes.
        key: Attributes,
        /// The changes; none only makes the item.
        update: Option<Update>,
    },
    /// It goes.
    Delete,
    /// It stays; only its condition matters.
    Check,
}

/// A change of one item, with the condition under which it happens.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) table: Arc<Table>,
    pub(crate) key: ItemKey,
    place: Key,
    change: Change,
    condition: Option<Condition>,
    answers_item_on_failure: bool,
    needs_before: bool,
}

/// An item before and after a write.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Where it was read, and there was one.
    pub(crate) before: Option<Attributes>,
    /// Where there is one now.
    pub(crate) after: Option<Attributes>,
}

impl Outcome {
    /// The capacity units of the write, if it was asked to read what was there before.
    pub(crate) fn write_units(&self) -> f64 {
        let bytes = |item: &Option<Attributes>| item.as_ref().map_or(0, Attributes::size_bytes);
        write_units(bytes(&self.before), bytes(&self.after))
    }
}

/// Why a write did not happen.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The item or its condition stands in the way.
    Cancelled(Cancellation),
    /// Something that is not the item's.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<store::StoreError> for Refusal {
    fn from(error: store::StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::Cancelled(Cancellation::Invalid(invalid))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Error(error) => error,
            Refusal::Cancelled(Cancellation::Invalid(invalid)) => invalid.into(),
            Refusal::Cancelled(Cancellation::Condition(item)) => condition_failed(item),
            Refusal::Cancelled(Cancellation::None) => {
                Self::Internal(service::Internal::new("a write was refused for no reason"))
            }
        }
    }
}

impl Write {
    /// A write that makes this item.
    pub(crate) fn put(
        table: Arc<Table>,
        item: Attributes,
        expressions: Expressions,
    ) -> Result<Self, Invalid> {
        let key = table.record.schema.key_of_item(&item)?;
        if item.size_bytes() > ITEM_BYTES_MAX {
            return Err(Invalid::new("Item size has exceeded the maximum allowed size"));
        }
        let encoded = item::encode(&item);
        Self::new(table, key, Change::Put { item, encoded }, expressions)
    }

    /// A write that deletes the item of this key.
    pub(crate) fn delete(
        table: Arc<Table>,
        key: &Attributes,
        expressions: Expressions,
    ) -> Result<Self, Invalid> {
        let key = table.record.schema.key_of(key)?;
        Self::new(table, key, Change::Delete, expressions)
    }

    /// A write that only checks the item of this key.
    pub(crate) fn check(
        table: Arc<Table>,
        key: &Attributes,
        expressions: Expressions,
    ) -> Result<Self, Invalid> {
        let key = table.record.schema.key_of(key)?;
        Self::new(table, key, Change::Check, expressions)
    }

    /// A write that changes the item of this key.
    pub(crate) fn update(
        table: Arc<Table>,
        attributes: Attributes,
        mut expressions: Expressions,
    ) -> Result<Self, Invalid> {
        let schema = &table.record.schema;
        let key = schema.key_of(&attributes)?;
        let update = expressions.update.take();
        let keys = update.iter().flat_map(Update::targets).map(crate::expression::Path::head);
        if let Some(name) = keys.into_iter().find(|name| schema.contains(name)) {
            return Err(Invalid::parameter(format!(
                "Cannot update attribute {name}. This attribute is part of the key"
            )));
        }
        let mut nested = Vec::new();
        if let Some(update) = &update {
            update.visit_paths(&mut |path| nested.extend(path.is_nested().then(|| path.head())));
        }
        schema.check_nested(nested)?;
        Self::new(table, key, Change::Update { key: attributes, update }, expressions)
    }

    fn new(
        table: Arc<Table>,
        key: ItemKey,
        change: Change,
        expressions: Expressions,
    ) -> Result<Self, Invalid> {
        expressions.check_key_paths(&table.record.schema)?;
        let needs_before = expressions.condition.is_some() || matches!(change, Change::Update { .. });
        Ok(Self {
            place: key.in_table(table.record.id),
            table,
            key,
            change,
            condition: expressions.condition,
            answers_item_on_failure: false,
            needs_before,
        })
    }

    /// The same write, which answers the item where its condition fails, if the caller asked for that.
    #[must_use]
    pub(crate) fn answering_on_failure(mut self, return_values: Option<&str>) -> Self {
        self.answers_item_on_failure = return_values == Some("ALL_OLD");
        self
    }

    /// The same write, whose outcome tells what was there before.
    #[must_use]
    pub(crate) const fn reading_before(mut self, is_needed: bool) -> Self {
        self.needs_before = self.needs_before || is_needed;
        self
    }

    /// Does it.
    pub(crate) fn perform(self, transaction: &mut Transaction<'_>) -> Result<Outcome, Refusal> {
        self.table.check_alive(transaction)?;
        let before = if self.needs_before { self.read(transaction)? } else { None };
        if let Some(condition) = &self.condition {
            let nothing = Attributes::new();
            if !condition.matches(before.as_ref().unwrap_or(&nothing)) {
                let item = before.filter(|_| self.answers_item_on_failure);
                return Err(Refusal::Cancelled(Cancellation::Condition(item)));
            }
        }
        let (after, encoded) = match self.change {
            Change::Put { item, encoded } => (Some(item), Some(encoded)),
            Change::Update { key, update } => {
                let item = updated(before.as_ref(), key, update.as_ref())?;
                let encoded = item::encode(&item);
                (Some(item), Some(encoded))
            }
            Change::Delete => (None, None),
            Change::Check => return Ok(Outcome { after: before.clone(), before }),
        };
        match encoded {
            Some(encoded) => transaction.put(ITEMS, &self.place, encoded)?,
            None => transaction.delete(ITEMS, &self.place)?,
        }
        let table = Arc::clone(&self.table);
        transaction.after_commit(move || table.counts.touch());
        Ok(Outcome { before, after })
    }

    fn read(&self, transaction: &Transaction<'_>) -> Result<Option<Attributes>, Error> {
        let stored = transaction.get(ITEMS, &self.place)?;
        Ok(stored.map(|bytes| item::decode(&bytes)).transpose()?)
    }
}

fn updated(
    before: Option<&Attributes>,
    key: Attributes,
    update: Option<&Update>,
) -> Result<Attributes, Invalid> {
    let base = before.cloned().unwrap_or(key);
    let Some(update) = update else {
        return Ok(base);
    };
    let item = update.apply(&base)?;
    if item.size_bytes() > ITEM_BYTES_MAX {
        return Err(Invalid::new("Item size to update has exceeded the maximum allowed size"));
    }
    Ok(item)
}
