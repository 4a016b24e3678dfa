//! Attribute values and the sorted collections of them that items are.
//!
//! Values here are already valid: [`convert`] is the one way in from a request, and refuses what DynamoDB refuses.

mod convert;
mod size;

use bytes::Bytes;

use crate::number::Number;

pub(crate) use convert::TOO_DEEP;
pub use convert::attributes_from_entries;

/// How many lists and maps may stand around a scalar in an item: 32 levels with it, as AWS counts them.
pub(crate) const NESTING_MAX: usize = 31;

/// A value of any of DynamoDB's ten types. Sets are sorted and free of duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// Text.
    S(String),
    /// A number.
    N(Number),
    /// Bytes.
    B(Bytes),
    /// A boolean.
    Bool(bool),
    /// The null value, which is not the same as an absent attribute.
    Null,
    /// Named values.
    M(Attributes),
    /// Values in order.
    L(Vec<AttributeValue>),
    /// A set of texts.
    Ss(Vec<String>),
    /// A set of numbers.
    Ns(Vec<Number>),
    /// A set of byte strings.
    Bs(Vec<Bytes>),
}

impl AttributeValue {
    /// The name of the value's type on the wire.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::M(_) => "M",
            Self::L(_) => "L",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// The order of two texts, two numbers or two byte strings; `None` for all else.
    pub fn scalar_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::S(one), Self::S(two)) => Some(one.cmp(two)),
            (Self::N(one), Self::N(two)) => Some(one.cmp(two)),
            (Self::B(one), Self::B(two)) => Some(one.cmp(two)),
            _ => None,
        }
    }

    /// True for texts, numbers and byte strings: what may be ordered, and what may be a key.
    pub(crate) const fn is_orderable(&self) -> bool {
        matches!(self, Self::S(_) | Self::N(_) | Self::B(_))
    }

    /// True where lists and maps are nested deeper than `levels`, counting this value.
    fn is_deeper_than(&self, levels: usize) -> bool {
        let below = |value: &Self| match levels.checked_sub(1) {
            Some(fewer) => value.is_deeper_than(fewer),
            None => true,
        };
        match self {
            Self::M(map) => map.iter().any(|(_, value)| below(value)),
            Self::L(list) => list.iter().any(below),
            _ => false,
        }
    }

    /// True for the three set types.
    pub(crate) const fn is_set(&self) -> bool {
        matches!(self, Self::Ss(_) | Self::Ns(_) | Self::Bs(_))
    }
}

/// Named values, sorted by name: an item, or a map inside one.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Attributes(Vec<(String, AttributeValue)>);

impl Attributes {
    /// No attributes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// From entries in any order; of entries with the same name the last one counts.
    pub fn from_entries(mut entries: Vec<(String, AttributeValue)>) -> Self {
        // Stable: equal names keep their order, and the reversal below lets the later one win.
        entries.reverse();
        entries.sort_by(|one, two| one.0.cmp(&two.0));
        entries.dedup_by(|later, earlier| later.0 == earlier.0);
        Self(entries)
    }

    /// Entries that are known to be strictly sorted; `None` where they are not.
    pub(crate) fn from_sorted(entries: Vec<(String, AttributeValue)>) -> Option<Self> {
        let is_sorted = entries.iter().zip(entries.iter().skip(1)).all(|(one, two)| one.0 < two.0);
        is_sorted.then_some(Self(entries))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(candidate, _)| candidate.as_str().cmp(name))
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        let at = self.position(name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// The value of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut AttributeValue> {
        let at = self.position(name).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Sets the value of a name.
    pub fn insert(&mut self, name: impl Into<String>, value: AttributeValue) {
        let name = name.into();
        match self.position(&name) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Takes the value of a name out.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.position(name).ok()?;
        Some(self.0.remove(at).1)
    }

    /// The attributes in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// True where lists and maps are nested deeper than DynamoDB allows.
    pub(crate) fn is_too_deep(&self) -> bool {
        self.iter().any(|(_, value)| value.is_deeper_than(NESTING_MAX))
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True where there is no attribute.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Attributes {
    type Item = (String, AttributeValue);
    type IntoIter = std::vec::IntoIter<(String, AttributeValue)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, AttributeValue)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, AttributeValue)>>(entries: I) -> Self {
        Self::from_entries(entries.into_iter().collect())
    }
}

#[cfg(test)]
pub(crate) mod tests;
