//! Capacity units: what `ReturnConsumedCapacity` answers, and what provisioned throughput is spent by.

use protocol::Entries;

use crate::api::{Capacity, ConsumedCapacity};
use crate::records::{IndexKind, IndexRecord};
use crate::throughput::Direction;

const READ_UNIT_BYTES: usize = 4_096;
const WRITE_UNIT_BYTES: usize = 1_024;

/// Whole units for so many bytes, at least one.
fn units(bytes: usize, unit_bytes: usize) -> f64 {
    let units = bytes.div_ceil(unit_bytes).max(1);
    f64::from(u32::try_from(units).unwrap_or(u32::MAX))
}

/// The units of a read of so many bytes.
pub(crate) fn read_units(bytes: usize, is_consistent: bool) -> f64 {
    units(bytes, READ_UNIT_BYTES) * if is_consistent { 1.0 } else { 0.5 }
}

/// The units of a write of an item that had and has so many bytes.
pub(crate) fn write_units(before_bytes: usize, after_bytes: usize) -> f64 {
    units(before_bytes.max(after_bytes), WRITE_UNIT_BYTES)
}

/// True where the caller asked for units.
pub(crate) fn is_wanted(mode: Option<&str>) -> bool {
    matches!(mode, Some("TOTAL" | "INDEXES"))
}

/// Units of one table and of its indexes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    table: f64,
    indexes: Vec<(String, IndexKind, f64)>,
}

impl Usage {
    /// Units of the table itself.
    pub(crate) const fn of_table(units: f64) -> Self {
        Self { table: units, indexes: Vec::new() }
    }

    /// The same with more units of the table itself.
    #[must_use]
    pub(crate) fn and_table(mut self, units: f64) -> Self {
        self.table += units;
        self
    }

    /// The same with more units of an index.
    #[must_use]
    pub(crate) fn and_index(mut self, index: &IndexRecord, units: f64) -> Self {
        self.add_index(&index.name, index.kind, units);
        self
    }

    fn add_index(&mut self, name: &str, kind: IndexKind, units: f64) {
        match self.indexes.iter_mut().find(|(known, ..)| known == name) {
            Some((.., sum)) => *sum += units,
            None => self.indexes.push((name.to_owned(), kind, units)),
        }
    }

    /// So many times as much.
    #[must_use]
    pub(crate) fn times(mut self, factor: f64) -> Self {
        self.table *= factor;
        self.indexes.iter_mut().for_each(|(.., units)| *units *= factor);
        self
    }

    fn add(&mut self, other: &Self) {
        self.table += other.table;
        for (name, kind, units) in &other.indexes {
            self.add_index(name, *kind, *units);
        }
    }

    /// The units of the table itself and of its local indexes, which have no throughput of their own.
    pub(crate) fn of_table_and_local(&self) -> f64 {
        let local = self.indexes.iter().filter(|(_, kind, _)| *kind == IndexKind::Local);
        self.table + local.map(|(.., units)| units).sum::<f64>()
    }

    /// The units of an index.
    pub(crate) fn of(&self, index: &str) -> f64 {
        self.indexes.iter().filter(|(name, ..)| name == index).map(|(.., units)| units).sum()
    }

    fn total(&self) -> f64 {
        self.table + self.indexes.iter().map(|(.., units)| units).sum::<f64>()
    }

    fn of_kind(&self, wanted: IndexKind) -> Option<Entries<Capacity>> {
        let named = |(name, _, units): &(String, IndexKind, f64)| (name.clone(), capacity(*units));
        let of_kind: Vec<_> = self.indexes.iter().filter(|(_, kind, _)| *kind == wanted).map(named).collect();
        (!of_kind.is_empty()).then_some(Entries(of_kind))
    }
}

fn capacity(units: f64) -> Capacity {
    Capacity { capacity_units: Some(units), ..Capacity::default() }
}

/// Units in the form that the caller asked for; nothing where none were asked for.
pub(crate) fn consumed(mode: Option<&str>, table: &str, usage: &Usage) -> Option<ConsumedCapacity> {
    let is_detailed = mode == Some("INDEXES");
    is_wanted(mode).then(|| ConsumedCapacity {
        table_name: Some(table.to_owned()),
        capacity_units: Some(usage.total()),
        table: is_detailed.then(|| capacity(usage.table)),
        local_secondary_indexes: usage.of_kind(IndexKind::Local).filter(|_| is_detailed),
        global_secondary_indexes: usage.of_kind(IndexKind::Global).filter(|_| is_detailed),
        ..ConsumedCapacity::default()
    })
}

/// Units by table, in order of first use.
#[derive(Debug, Default)]
pub(crate) struct Units(Vec<(String, Usage)>);

impl Units {
    /// Adds units of a table.
    pub(crate) fn add(&mut self, table: &str, usage: &Usage) {
        match self.0.iter_mut().find(|(name, _)| name == table) {
            Some((_, sum)) => sum.add(usage),
            None => self.0.push((table.to_owned(), usage.clone())),
        }
    }

    /// All of them in the form that the caller asked for; nothing where none were asked for.
    pub(crate) fn consumed(&self, mode: Option<&str>) -> Option<Vec<ConsumedCapacity>> {
        let all: Vec<_> = self.0.iter().filter_map(|(table, usage)| consumed(mode, table, usage)).collect();
        (!all.is_empty()).then_some(all)
    }

    /// The same of a transaction, which says of all units whether they were read or written.
    pub(crate) fn transacted(
        &self,
        mode: Option<&str>,
        direction: Direction,
    ) -> Option<Vec<ConsumedCapacity>> {
        let mut all = self.consumed(mode)?;
        for one in &mut all {
            match direction {
                Direction::Read => one.read_capacity_units = one.capacity_units,
                Direction::Write => one.write_capacity_units = one.capacity_units,
            }
            let indexes = [&mut one.local_secondary_indexes, &mut one.global_secondary_indexes];
            let indexes = indexes.into_iter().flatten().flat_map(|indexes| indexes.0.iter_mut());
            for part in one.table.iter_mut().chain(indexes.map(|(_, part)| part)) {
                match direction {
                    Direction::Read => part.read_capacity_units = part.capacity_units,
                    Direction::Write => part.write_capacity_units = part.capacity_units,
                }
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_rounded_up_and_never_none() {
        for (bytes, consistent, eventual, write) in
            [(0, 1.0, 0.5, 1.0), (1_024, 1.0, 0.5, 1.0), (1_025, 1.0, 0.5, 2.0), (4_097, 2.0, 1.0, 5.0)]
        {
            assert!((read_units(bytes, true) - consistent).abs() < f64::EPSILON);
            assert!((read_units(bytes, false) - eventual).abs() < f64::EPSILON);
            assert!((write_units(0, bytes) - write).abs() < f64::EPSILON);
        }
    }
}
