//! Key schemas, and the keys under which items are stored: byte strings in the order in which DynamoDB sorts.
//!
//! ```text
//! table id (8)  hash of the partition key (4)  partition key, escaped  sort key, escaped
//! ```
//! Texts sort by their UTF-8 bytes, numbers by value, binaries by unsigned bytes. The hash spreads partitions over a
//! scan's segments; within one partition the order is the sort key's. This module touches no store.

mod index;
mod range;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use store::{Key, Range};

use crate::attribute::{AttributeValue, Attributes};
use crate::expression::KeyCondition;
use crate::expression::key_condition::KeyTest;
use crate::invalid::Invalid;

use range::SortRange;
pub use range::{PartitionRange, Segment};

/// The most bytes of a partition key.
const PARTITION_BYTES_MAX: usize = 2_048;
/// The most bytes of a sort key.
const SORT_BYTES_MAX: usize = 1_024;

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

/// What a table's items are found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key.
    pub partition: KeyAttribute,
    /// The sort key, where there is one.
    pub sort: Option<KeyAttribute>,
}

/// Which of the two keys a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Partition,
    Sort,
}

/// An item's key, encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemKey {
    partition: Vec<u8>,
    sort: Option<Vec<u8>>,
}

impl KeySchema {
    /// The key attributes, the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    /// True for the names of key attributes.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    fn roles(&self) -> impl Iterator<Item = (Role, &KeyAttribute)> {
        [Role::Partition, Role::Sort].into_iter().zip(self.attributes())
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
        let mut parts = Vec::with_capacity(2);
        for (role, attribute) in self.roles() {
            let value = values.get(&attribute.name).ok_or_else(mismatch)?;
            let part = encoded(value, attribute.scalar).ok_or_else(mismatch)?;
            check_length(&part, role, value, &attribute.name)?;
            parts.push(part);
        }
        Ok(ItemKey::of(parts))
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

    /// Which part of a table a key condition asks for.
    ///
    /// # Errors
    /// It tests other attributes than the keys, in other ways than an index can answer, or with other types.
    pub fn bind(&self, condition: &KeyCondition) -> Result<PartitionRange, Invalid> {
        if self.sort.is_none() && condition.attributes().len() > 1 {
            return Err(Invalid::new("Query key condition not supported"));
        }
        let missed = |name: &str| Invalid::new(format!("Query condition missed key schema element: {name}"));
        let partition_test =
            condition.test(&self.partition.name).ok_or_else(|| missed(&self.partition.name))?;
        let sort = self.sort.as_ref().map(|attribute| (attribute, condition.test(&attribute.name)));
        if let Some((attribute, None)) = sort
            && condition.attributes().len() > 1
        {
            return Err(missed(&attribute.name));
        }
        let partition = match partition_test {
            KeyTest::Equal(value) => checked(&self.partition, Role::Partition, value)?,
            other => {
                self.check_types(&self.partition, other)?;
                return Err(Invalid::new("Query key condition not supported"));
            }
        };
        let sort = match sort {
            Some((attribute, Some(test))) => {
                self.check_types(attribute, test)?;
                Some(SortRange::of(attribute, test)?)
            }
            _ => None,
        };
        Ok(PartitionRange::new(partition, sort))
    }

    fn check_types(&self, attribute: &KeyAttribute, test: &KeyTest) -> Result<(), Invalid> {
        if test.values().any(|value| value.type_name() != attribute.scalar.name()) {
            return Err(Invalid::parameter("Condition parameter type does not match schema type"));
        }
        if attribute.scalar == ScalarType::N && matches!(test, KeyTest::BeginsWith(_)) {
            return Err(Invalid::parameter(
                "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type",
            ));
        }
        Ok(())
    }
}

/// A condition's value for a key, encoded.
fn checked(attribute: &KeyAttribute, role: Role, value: &AttributeValue) -> Result<Vec<u8>, Invalid> {
    let part = encoded(value, attribute.scalar)
        .ok_or_else(|| Invalid::parameter("Condition parameter type does not match schema type"))?;
    check_length(&part, role, value, &attribute.name)?;
    Ok(part)
}

/// The bytes of a value in the order of its type; `None` where it is of another type.
fn encoded(value: &AttributeValue, scalar: ScalarType) -> Option<Vec<u8>> {
    match (value, scalar) {
        (AttributeValue::S(text), ScalarType::S) => Some(text.as_bytes().to_vec()),
        (AttributeValue::B(bytes), ScalarType::B) => Some(bytes.to_vec()),
        (AttributeValue::N(number), ScalarType::N) => {
            let mut bytes = Vec::with_capacity(22);
            number.encode_ordered(&mut bytes);
            Some(bytes)
        }
        _ => None,
    }
}

fn check_length(part: &[u8], role: Role, value: &AttributeValue, name: &str) -> Result<(), Invalid> {
    if part.is_empty() {
        let what = if matches!(value, AttributeValue::S(_)) { "string" } else { "binary" };
        return Err(Invalid::new(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain \
             an empty {what} value. Key: {name}"
        )));
    }
    // The first message has no blank before the number: DynamoDB's has none.
    match role {
        Role::Partition if part.len() > PARTITION_BYTES_MAX => Err(Invalid::parameter(format!(
            "Size of hashkey has exceeded the maximum size limit of{PARTITION_BYTES_MAX} bytes"
        ))),
        Role::Sort if part.len() > SORT_BYTES_MAX => Err(Invalid::parameter(format!(
            "Aggregated size of all range keys has exceeded the size limit of {SORT_BYTES_MAX} bytes"
        ))),
        _ => Ok(()),
    }
}

/// How a key value stands in the condition key `dynamodb:LeadingKeys`.
pub fn leading_key(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::N(number) => Some(number.to_string()),
        AttributeValue::B(bytes) => Some(STANDARD.encode(bytes)),
        _ => None,
    }
}

impl ItemKey {
    fn of(parts: Vec<Vec<u8>>) -> Self {
        let mut parts = parts.into_iter();
        Self { partition: parts.next().unwrap_or_default(), sort: parts.next() }
    }

    /// Where the item is stored.
    pub fn in_table(&self, table: u64) -> Key {
        let key = partition_key(table, &self.partition);
        match &self.sort {
            Some(sort) => key.bytes(sort),
            None => key,
        }
    }

    /// True where both keys are of the same partition.
    pub fn shares_partition(&self, range: &PartitionRange) -> bool {
        range.is_of(&self.partition)
    }

    /// True where the hash of the key's partition belongs to a segment.
    pub fn is_in_segment(&self, segment: Segment) -> bool {
        let (start, end) = segment.hashes();
        let hash = u64::from(hash(&self.partition));
        start <= hash && hash < end
    }
}

fn partition_key(table: u64, partition: &[u8]) -> Key {
    Key::new().u64(table).u32(hash(partition)).bytes(partition)
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
