//! What is stored of the throughput of tables and global indexes besides provisioned units.
//!
//! It decides nothing: what may be asked for is [`crate::model`]'s, what is refused [`crate::tables`]'s.

use serde::{Deserialize, Serialize};

use super::{Billing, IndexKind, IndexRecord, TableRecord};

/// The most request units in a second that an on-demand table or index may use; none where nothing bounds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Read request units.
    #[serde(default)]
    pub read: Option<i64>,
    /// Write request units.
    #[serde(default)]
    pub write: Option<i64>,
}

impl Ceiling {
    /// True where something is bounded.
    pub const fn is_set(self) -> bool {
        self.read.is_some() || self.write.is_some()
    }
}

/// The units in a second that a table or an index is ready for at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warm {
    /// Read units.
    pub read: i64,
    /// Write units.
    pub write: i64,
}

impl Warm {
    /// What every on-demand table and index is ready for.
    pub const ON_DEMAND: Self = Self { read: 12_000, write: 4_000 };

    /// The larger of both, each on its own.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { read: self.read.max(other.read), write: self.write.max(other.write) }
    }
}

impl TableRecord {
    /// What it is ready for: what was asked for, and never less than it is paid for or ever was.
    pub fn warm_throughput(&self) -> Warm {
        let least = match self.billing {
            Billing::PayPerRequest => Warm::ON_DEMAND,
            Billing::Provisioned { read, write } => Warm { read, write },
        };
        self.warm.max(least)
    }

    /// Keeps what it is ready for now, with its indexes, before it changes how it is paid for.
    pub fn keep_warm(&mut self) {
        self.warm = self.warm_throughput();
        for index in self.indexes.iter_mut().filter(|index| index.kind == IndexKind::Global) {
            index.warm = index.warm_throughput();
        }
    }

    /// True where calls can be refused for the throughput that they need.
    pub fn is_limited(&self) -> bool {
        match self.billing {
            Billing::Provisioned { .. } => true,
            Billing::PayPerRequest => {
                self.ceiling.is_set() || self.indexes.iter().any(|index| index.ceiling.is_set())
            }
        }
    }
}

impl IndexRecord {
    /// What a global index is ready for.
    pub fn warm_throughput(&self) -> Warm {
        let least = self.units.map_or(Warm::ON_DEMAND, |(read, write)| Warm { read, write });
        self.warm.max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyAttribute, KeySchema, ScalarType};

    #[test]
    fn what_a_table_is_ready_for_never_gets_less() {
        let key = KeyAttribute { name: "p".to_owned(), scalar: ScalarType::S };
        let mut record = TableRecord::new(
            "000000000001".parse().unwrap(),
            "us-east-1".parse().unwrap(),
            "Tab".to_owned(),
            KeySchema::new(key, None),
            base::Timestamp::from_secs(1),
        );
        let mut become_of = |billing| {
            record.keep_warm();
            record.billing = billing;
            let warm = record.warm_throughput();
            (warm.read, warm.write)
        };
        let units = |read, write| Billing::Provisioned { read, write };
        assert_eq!(become_of(units(3, 20_000)), (12_000, 20_000), "it was on demand before");
        assert_eq!(become_of(units(1, 1)), (12_000, 20_000));
        assert_eq!(become_of(Billing::PayPerRequest), (12_000, 20_000));
    }
}
