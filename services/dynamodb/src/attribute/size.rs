//! How many bytes values count for: in the 400 KB limit of an item, in pages of 1 MB, and in capacity units.

use super::{AttributeValue, Attributes};

/// What a list or a map costs besides its elements.
const CONTAINER_BYTES: usize = 3;

impl AttributeValue {
    /// The bytes that this value counts for.
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size_bytes(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::M(attributes) => CONTAINER_BYTES + attributes.len() + attributes.size_bytes(),
            Self::L(items) => CONTAINER_BYTES + items.iter().map(|item| 1 + item.size_bytes()).sum::<usize>(),
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(|number| number.size_bytes()).sum(),
            Self::Bs(set) => set.iter().map(bytes::Bytes::len).sum(),
        }
    }
}

impl Attributes {
    /// The bytes that all names and values count for.
    pub fn size_bytes(&self) -> usize {
        self.iter().map(|(name, value)| name.len() + value.size_bytes()).sum()
    }
}
