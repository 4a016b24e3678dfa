//! Key schemas, and the keys under which items are stored: byte strings in the order in which DynamoDB sorts.
//!
//! ```text
//! table id (8)  hash of the partition key (4)  partition key, escaped  sort key, escaped
//! ```
//! The key of a global index may have up to four attributes on either side; each is escaped and closed by itself, so that
//! entries sort over one after the other. Texts sort by their UTF-8 bytes, numbers by value, binaries by unsigned bytes. The hash spreads partitions over a
//! scan's segments; within one partition the order is the sort key's. This module touches no store.

mod bind;
mod encode;
mod index;
mod range;

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::{Key, Range};

use crate::attribute::{AttributeValue, Attributes};
use crate::invalid::Invalid;

use encode::Encoding;
pub use range::{PartitionRange, Segment};

/// The most attributes on either side of a global index's key.
pub(crate) const ATTRIBUTES_MAX: usize = 4;

const MISMATCH: &str = "The provided key element does not match the schema";

/// What is said of a key that is not of its table's schema.
pub(crate) fn mismatch() -> Invalid {
    Invalid::new(MISMATCH)
}

/// The types that a key attribute can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScalarType {
    /// Text.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

impl ScalarType {
    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "S" => Some(Self::S),
            "N" => Some(Self::N),
            "B" => Some(Self::B),
            _ => None,
        }
    }

    /// The type's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        }
    }
}

impl fmt::Display for ScalarType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A key attribute: its name and its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// The attribute's name.
    pub name: String,
    /// The attribute's type.
    pub scalar: ScalarType,
}

/// What the items of a table, or the entries of an index, are found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key, or the first attribute of it.
    pub partition: KeyAttribute,
    /// The sort key, or the first attribute of it, where there is one.
    pub sort: Option<KeyAttribute>,
    /// The other attributes of the partition key of a global index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_partition: Vec<KeyAttribute>,
    /// The other attributes of the sort key of a global index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_sort: Vec<KeyAttribute>,
}

/// Which of the two keys a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Partition,
    Sort,
}

impl Role {
    /// The role's name in a key schema.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Partition => "HASH",
            Self::Sort => "RANGE",
        }
    }
}

/// An item's key, encoded: what follows the id of its table or index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    hash: u32,
    /// Every attribute, escaped and closed.
    bytes: Vec<u8>,
    /// How many of the bytes are the partition key's.
    partition: usize,
}

impl KeySchema {
    /// A key of one or two attributes.
    pub const fn new(partition: KeyAttribute, sort: Option<KeyAttribute>) -> Self {
        Self { partition, sort, more_partition: Vec::new(), more_sort: Vec::new() }
    }

    /// The attributes of the partition key.
    pub fn partitions(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.more_partition)
    }

    /// The attributes of the sort key.
    pub fn sorts(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.sort.iter().chain(&self.more_sort)
    }

    /// True where either key has several attributes.
    pub const fn is_composed(&self) -> bool {
        !self.more_partition.is_empty() || !self.more_sort.is_empty()
    }

    /// The key attributes, those of the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partitions().chain(self.sorts())
    }

    /// True for the names of key attributes.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key attributes with what each is for.
    pub(crate) fn roles(&self) -> impl Iterator<Item = (Role, &KeyAttribute)> {
        let partitions = self.partitions().map(|attribute| (Role::Partition, attribute));
        partitions.chain(self.sorts().map(|attribute| (Role::Sort, attribute)))
    }

    /// The key in a whole item.
    ///
    /// # Errors
    /// A key attribute is missing, of a wrong type, empty or too long.
    pub fn key_of_item(&self, item: &Attributes) -> Result<ItemKey, Invalid> {
        self.check_item(item)?;
        self.encoded(item)
    }

    /// Refuses an item that has not got the key attributes, or has them with other types.
    ///
    /// # Errors
    /// One of them is missing, or of a wrong type.
    pub fn check_item(&self, item: &Attributes) -> Result<(), Invalid> {
        for KeyAttribute { name, scalar } in self.attributes() {
            let value = item
                .get(name)
                .ok_or_else(|| Invalid::parameter(format!("Missing the key {name} in the item")))?;
            let actual = value.type_name();
            if actual != scalar.name() {
                return Err(Invalid::parameter(format!(
                    "Type mismatch for key {name} expected: {scalar} actual: {actual}"
                )));
            }
        }
        Ok(())
    }

    /// The key in a request's `Key`, which has to name the key attributes and nothing else.
    ///
    /// # Errors
    /// It does not match the schema, or a value is empty or too long.
    pub fn key_of(&self, key: &Attributes) -> Result<ItemKey, Invalid> {
        self.check_key(key)?;
        self.encoded(key)
    }

    /// Refuses a `Key` that does not name the key attributes, and nothing else, with their types.
    ///
    /// # Errors
    /// It does not match the schema.
    pub fn check_key(&self, key: &Attributes) -> Result<(), Invalid> {
        if self.check_item(key).is_err() || self.attributes().count() != key.len() {
            return Err(mismatch());
        }
        Ok(())
    }

    /// The key among values of the right types.
    fn encoded(&self, values: &Attributes) -> Result<ItemKey, Invalid> {
        let mut encoding = Encoding::default();
        for (role, attribute) in self.roles() {
            let value = values.get(&attribute.name).ok_or_else(mismatch)?;
            let part = encoded(value, attribute.scalar).ok_or_else(mismatch)?;
            encoding.push(role, &part, value, &attribute.name)?;
        }
        Ok(encoding.key())
    }

    /// The key attributes of an item, as `LastEvaluatedKey` answers them.
    pub fn project(&self, item: &Attributes) -> Attributes {
        let named =
            self.attributes().filter_map(|key| Some((key.name.clone(), item.get(&key.name)?.clone())));
        named.collect()
    }

    /// Refuses paths into key attributes, which are scalars.
    ///
    /// # Errors
    /// One of the attributes is a key.
    pub fn check_nested<'a>(&self, nested: impl IntoIterator<Item = &'a str>) -> Result<(), Invalid> {
        match nested.into_iter().find(|name| self.contains(name)) {
            Some(name) => Err(Invalid::new(format!(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: {name}"
            ))),
            None => Ok(()),
        }
    }
}

/// The bytes of a value in the order of its type; `None` where it is of another type.
fn encoded(value: &AttributeValue, scalar: ScalarType) -> Option<Cow<'_, [u8]>> {
    match (value, scalar) {
        (AttributeValue::S(text), ScalarType::S) => Some(Cow::Borrowed(text.as_bytes())),
        (AttributeValue::B(bytes), ScalarType::B) => Some(Cow::Borrowed(bytes)),
        (AttributeValue::N(number), ScalarType::N) => {
            let mut bytes = Vec::with_capacity(22);
            number.encode_ordered(&mut bytes);
            Some(Cow::Owned(bytes))
        }
        _ => None,
    }
}

/// How a key value stands in condition keys: `dynamodb:LeadingKeys` and its like.
pub fn condition_value(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::N(number) => Some(number.to_string()),
        AttributeValue::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

impl ItemKey {
    /// Where the item is stored.
    pub fn in_table(&self, table: u64) -> Key {
        place(table, self.hash, &self.bytes)
    }

    /// Where the size of all items of its partition is stored.
    pub fn collection(&self, table: u64) -> Key {
        Key::new().u64(table).raw(self.partition())
    }

    /// The partition key, escaped and closed.
    fn partition(&self) -> &[u8] {
        self.bytes.get(..self.partition).unwrap_or_default()
    }

    /// True where both keys are of the same partition.
    pub fn shares_partition(&self, range: &PartitionRange) -> bool {
        range.is_of(self.partition())
    }

    /// True where the hash of the key's partition belongs to a segment.
    pub fn is_in_segment(&self, segment: Segment) -> bool {
        let (start, end) = segment.hashes();
        let hash = u64::from(self.hash);
        start <= hash && hash < end
    }
}

/// Where what has these escaped and closed parts is stored.
fn place(id: u64, hash: u32, parts: &[u8]) -> Key {
    Key::new().u64(id).u32(hash).raw(parts)
}

/// Where all items of a table are stored.
pub fn table_range(table: u64) -> Range {
    Range::prefix(Key::new().u64(table))
}

/// FNV-1a with a final mix. Part of the storage format: it never changes.
fn hash(bytes: &[u8]) -> u32 {
    let mut state = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    u32::try_from(state >> 32).unwrap_or(0)
}

#[cfg(test)]
mod tests;
