//! Tables: named ranges of the one ordered key space.

/// A table. Each crate declares its own as constants; the id is part of every key and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    id: u16,
    name: &'static str,
}

impl Table {
    /// Declares a table. Ids are given out by crate: the high byte names the crate.
    #[must_use]
    pub const fn new(id: u16, name: &'static str) -> Self {
        Self { id, name }
    }

    /// The table's name, for operators.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The engine's key of this table's key.
    pub(crate) fn engine_key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(2 + key.len());
        full.extend_from_slice(&self.id.to_be_bytes());
        full.extend_from_slice(key);
        full
    }

    /// The first engine key behind this table.
    pub(crate) fn engine_end(self) -> Option<Vec<u8>> {
        self.id.checked_add(1).map(|next| next.to_be_bytes().to_vec())
    }
}

/// How many bytes of an engine key name its table.
pub(crate) const TABLE_BYTES: usize = 2;

/// What the store keeps about itself.
pub(crate) const OWN: Table = Table::new(0x0000, "store");
