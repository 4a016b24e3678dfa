//! What is stored of a secondary index, and which of an item's attributes it holds.
//!
//! It knows no store: where entries go is [`crate::key`]'s.

use serde::{Deserialize, Serialize};

use crate::attribute::Attributes;
use crate::key::KeySchema;

/// The two kinds of secondary indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexKind {
    /// Of the table's partition key and another sort key; made with the table.
    Local,
    /// Of any keys; made and deleted at any time.
    Global,
}

/// What an index holds besides the keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Projected {
    /// `ALL`
    All,
    /// `KEYS_ONLY`
    KeysOnly,
    /// `INCLUDE`, with the names.
    Include(Vec<String>),
}

/// Whether an index can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IndexState {
    /// It holds all that it should.
    Active,
    /// Writes keep it up, but items from before it was made are still being added.
    Filling,
}

/// A secondary index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexRecord {
    /// Names its entries; given out like the ids of tables.
    pub id: u64,
    /// The name.
    pub name: String,
    /// Local or global.
    pub kind: IndexKind,
    /// What its entries are found by.
    pub schema: KeySchema,
    /// What its entries hold.
    pub projected: Projected,
    /// Whether it can be read.
    pub state: IndexState,
    /// Provisioned read and write units of a global index.
    pub units: Option<(i64, i64)>,
    /// When those were changed.
    #[serde(default)]
    pub changes: super::UnitChanges,
    /// What a global index may use at most while its table is paid for by request.
    #[serde(default)]
    pub ceiling: super::Ceiling,
    /// What a global index was made ready for.
    #[serde(default)]
    pub warm: super::Warm,
}

impl IndexRecord {
    /// True where an attribute is in every entry that its item has.
    pub fn holds(&self, table: &KeySchema, name: &str) -> bool {
        match &self.projected {
            Projected::All => true,
            Projected::KeysOnly => self.is_key(table, name),
            Projected::Include(names) => {
                self.is_key(table, name) || names.iter().any(|included| included == name)
            }
        }
    }

    fn is_key(&self, table: &KeySchema, name: &str) -> bool {
        self.schema.contains(name) || table.contains(name)
    }

    /// What the index holds of an item.
    pub fn project(&self, table: &KeySchema, item: &Attributes) -> Attributes {
        if self.projected == Projected::All {
            return item.clone();
        }
        let held = item.iter().filter(|(name, _)| self.holds(table, name));
        held.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// The keys of index and table of an item, as `LastEvaluatedKey` answers them.
    pub fn keys_of(&self, table: &KeySchema, item: &Attributes) -> Attributes {
        let keys = item.iter().filter(|(name, _)| self.is_key(table, name));
        keys.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// The index's own ARN.
    pub fn arn(&self, table: &str) -> String {
        format!("{table}/index/{}", self.name)
    }
}
