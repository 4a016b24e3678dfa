//! Capacity units, as `ReturnConsumedCapacity` answers them. Nothing is throttled by them.

use crate::api::{Capacity, ConsumedCapacity};

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

/// Units of one table in the form that the caller asked for; nothing where none were asked for.
pub(crate) fn consumed(mode: Option<&str>, table: &str, units: f64) -> Option<ConsumedCapacity> {
    is_wanted(mode).then(|| ConsumedCapacity {
        table_name: Some(table.to_owned()),
        capacity_units: Some(units),
        table: (mode == Some("INDEXES"))
            .then(|| Capacity { capacity_units: Some(units), ..Capacity::default() }),
        ..ConsumedCapacity::default()
    })
}

/// Units by table, in order of first use.
#[derive(Debug, Default)]
pub(crate) struct Units(Vec<(String, f64)>);

impl Units {
    /// Adds units of a table.
    pub(crate) fn add(&mut self, table: &str, units: f64) {
        match self.0.iter_mut().find(|(name, _)| name == table) {
            Some((_, sum)) => *sum += units,
            None => self.0.push((table.to_owned(), units)),
        }
    }

    /// All of them in the form that the caller asked for; nothing where none were asked for.
    pub(crate) fn consumed(&self, mode: Option<&str>) -> Option<Vec<ConsumedCapacity>> {
        let all: Vec<_> = self.0.iter().filter_map(|(table, units)| consumed(mode, table, *units)).collect();
        (!all.is_empty()).then_some(all)
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
