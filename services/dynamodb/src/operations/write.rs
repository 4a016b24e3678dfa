//! One change of one item inside a transaction: read what is there, check the condition, change, store.
//!
//! Every write of every operation goes through [`Write::perform`]; it knows nothing of requests or answers. What follows
//! from a change, indexes above all, is [`super::change`]'s.

use std::sync::Arc;

use store::Transaction;

use crate::attribute::Attributes;
use crate::capacity::Usage;
use crate::error::{Cancellation, DUPLICATE, Error, condition_failed};
use crate::expression::{Condition, Update};
use crate::invalid::Invalid;
use crate::item::{self, ITEM_BYTES_MAX};
use crate::key::ItemKey;
use crate::records::ITEMS;
use crate::request::Expressions;
use crate::streams::Occasion;
use crate::tables::Table;
use crate::throughput::Direction;

use super::change::{After, Collection, store_change};

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
    change: Change,
    condition: Option<Condition>,
    answers_item_on_failure: bool,
    needs_before: bool,
    is_insert: bool,
    factor: f64,
}

/// An item before and after a write.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Where it was read, and there was one.
    pub(crate) before: Option<Attributes>,
    /// Where there is one now.
    pub(crate) after: Option<Attributes>,
    /// The capacity units of the write, if it was asked to read what was there before.
    pub(crate) usage: Usage,
    /// The items of the same partition, in a table with local indexes.
    pub(crate) collection: Option<Collection>,
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
            Refusal::Cancelled(Cancellation::Duplicate(_)) => Self::DuplicateItem(DUPLICATE.to_owned()),
            Refusal::Cancelled(Cancellation::Throttled(spent)) => spent.into(),
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
            table,
            key,
            change,
            condition: expressions.condition,
            answers_item_on_failure: false,
            needs_before,
            is_insert: false,
            factor: 1.0,
        })
    }

    /// The same write, which answers the item where its condition fails, if the caller asked for that.
    #[must_use]
    pub(crate) fn answering_on_failure(mut self, return_values: Option<&str>) -> Self {
        self.answers_item_on_failure = return_values == Some("ALL_OLD");
        self
    }

    /// The same write, whose condition is that there is no item yet.
    #[must_use]
    pub(crate) const fn inserting(mut self) -> Self {
        self.is_insert = true;
        self
    }

    /// The same write, whose outcome tells what was there before.
    #[must_use]
    pub(crate) const fn reading_before(mut self, is_needed: bool) -> Self {
        self.needs_before = self.needs_before || is_needed;
        self
    }

    /// The same write, whose units count so many times.
    #[must_use]
    pub(crate) const fn counting(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// True where the write took its units when it was performed, whether its transaction is committed or not.
    pub(crate) const fn spends_at_once(&self) -> bool {
        matches!(self.change, Change::Check)
    }

    /// About how many bytes the write stores, with index entries and stream records.
    pub(crate) fn stored_bytes(&self) -> usize {
        let copies = self.table.record.indexes.len().saturating_add(3);
        match &self.change {
            Change::Put { encoded, .. } => encoded.len().saturating_mul(copies),
            // A deletion stores no more than the old item in the stream.
            Change::Update { .. } | Change::Delete => ITEM_BYTES_MAX,
            Change::Check => 0,
        }
    }

    /// Does it.
    pub(crate) fn perform(
        self,
        transaction: &mut Transaction<'_>,
        occasion: Occasion,
    ) -> Result<Outcome, Refusal> {
        let table = self.table.current(transaction)?;
        if let Some(spent) = table.spent_for_writes(occasion.now) {
            return Err(Refusal::Cancelled(Cancellation::Throttled(spent)));
        }
        let place = self.key.in_table(table.record.id);
        let before = if self.needs_before || table.follows_changes() {
            let stored = transaction.get(ITEMS, &place)?;
            stored.map(|bytes| item::decode(&bytes)).transpose().map_err(Error::from)?
        } else {
            None
        };
        if let Some(condition) = &self.condition {
            let nothing = Attributes::new();
            if !condition.matches(before.as_ref().unwrap_or(&nothing)) {
                // Nothing is committed that could take them: to look was the work.
                let looked = checked_usage(before.as_ref()).times(self.factor);
                table.spend(Direction::Write, &looked, occasion.now);
                let item = before.filter(|_| self.answers_item_on_failure);
                return Err(Refusal::Cancelled(if self.is_insert {
                    Cancellation::Duplicate(item)
                } else {
                    Cancellation::Condition(item)
                }));
            }
        }
        let is_update = matches!(self.change, Change::Update { .. });
        let after = match self.change {
            Change::Put { item, encoded } => Some(After { item, encoded, written: None }),
            Change::Update { key, update } => {
                let item = updated(before.as_ref(), key, update.as_ref())?;
                let encoded = item::encode(&item);
                let written = update.iter().flat_map(Update::targets).map(|path| path.head().to_owned());
                Some(After { item, encoded, written: Some(written.collect()) })
            }
            Change::Delete => None,
            Change::Check => {
                let usage = checked_usage(before.as_ref()).times(self.factor);
                table.spend(Direction::Write, &usage, occasion.now);
                return Ok(Outcome { after: before.clone(), before, usage, collection: None });
            }
        };
        let (after, effects) = store_change(transaction, &table, &self.key, before.as_ref(), after, occasion)
            .map_err(|refusal| {
                match refusal {
                    // DynamoDB says less of updates than of new items.
                    Refusal::Cancelled(Cancellation::Invalid(invalid)) if is_update => {
                        said_of_updates(&invalid).into()
                    }
                    other => other,
                }
            })?;
        let usage = effects.usage.times(self.factor);
        if table.is_limited {
            let usage = usage.clone();
            transaction.after_commit(move || table.spend(Direction::Write, &usage, occasion.now));
        }
        Ok(Outcome { before, after, usage, collection: effects.collection })
    }
}

/// What is said of an update that makes a value that an index cannot have as its key.
fn said_of_updates(invalid: &Invalid) -> Invalid {
    let of_empty = |what: &str| {
        Invalid::new(format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary index key to \
             a value that is not supported. The AttributeValue for a key attribute cannot contain an empty {what} value."
        ))
    };
    match invalid.message() {
        message if message.contains("an empty string value") => of_empty("string"),
        message if message.contains("an empty binary value") => of_empty("binary"),
        message if message.contains("has exceeded the") => Invalid::new(
            "The update expression attempted to update the secondary index key beyond allowed size limits",
        ),
        _ => Invalid::new(
            "The update expression attempted to update the secondary index key to unsupported type",
        ),
    }
}

fn checked_usage(item: Option<&Attributes>) -> Usage {
    Usage::of_table(crate::capacity::write_units(0, item.map_or(0, Attributes::size_bytes)))
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
