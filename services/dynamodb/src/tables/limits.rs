//! Refuses calls on tables and indexes whose provisioned throughput is spent, and spends it.

use base::Timestamp;

use super::Table;
use crate::capacity::Usage;
use crate::error::Error;
use crate::records::{Billing, IndexKind, IndexRecord};
use crate::throughput::Direction;

const TABLE_SPENT: &str = "The level of configured provisioned throughput for the table was exceeded. Consider \
                           increasing your provisioning level with the UpdateTable API.";
const INDEX_SPENT: &str = "The level of configured provisioned throughput for one or more global secondary indexes of \
                           the table was exceeded. Consider increasing your provisioning level for the \
                           under-provisioned global secondary indexes with the UpdateTable API";

impl Table {
    /// True where the table has a throughput that can be exceeded.
    pub const fn is_provisioned(&self) -> bool {
        matches!(self.record.billing, Billing::Provisioned { .. })
    }

    fn rate(&self, direction: Direction) -> Option<i64> {
        match (self.record.billing, direction) {
            (Billing::PayPerRequest, _) => None,
            (Billing::Provisioned { read, .. }, Direction::Read) => Some(read),
            (Billing::Provisioned { write, .. }, Direction::Write) => Some(write),
        }
    }

    fn is_spent(&self, id: u64, direction: Direction, rate: Option<i64>, now: Timestamp) -> bool {
        let throughput = self.throughput.get(&id).zip(rate);
        throughput.is_some_and(|(throughput, rate)| throughput.is_spent(direction, rate, now))
    }

    fn take(&self, id: u64, direction: Direction, rate: Option<i64>, units: f64, now: Timestamp) {
        if let Some((throughput, rate)) = self.throughput.get(&id).zip(rate) {
            throughput.take(direction, rate, units, now);
        }
    }

    /// Refuses a read of the table, or of one of its indexes.
    ///
    /// # Errors
    /// Nothing is left of the throughput.
    pub(crate) fn check_read(&self, index: Option<&IndexRecord>, now: Timestamp) -> Result<(), Error> {
        let (id, rate, message) = match index.filter(|index| index.kind == IndexKind::Global) {
            None => (self.record.id, self.rate(Direction::Read), TABLE_SPENT),
            Some(index) => (index.id, rate_of(index, Direction::Read), INDEX_SPENT),
        };
        if self.is_spent(id, Direction::Read, rate, now) {
            return Err(Error::Throttled(message.to_owned()));
        }
        Ok(())
    }

    /// Why a write has to wait: the table, or one of its indexes, has nothing left.
    pub(crate) fn spent_for_writes(&self, now: Timestamp) -> Option<&'static str> {
        if !self.is_provisioned() {
            return None;
        }
        if self.is_spent(self.record.id, Direction::Write, self.rate(Direction::Write), now) {
            return Some(TABLE_SPENT);
        }
        let mut indexes = self.record.indexes.iter();
        let is_spent = |index: &IndexRecord| {
            self.is_spent(index.id, Direction::Write, rate_of(index, Direction::Write), now)
        };
        indexes.any(is_spent).then_some(INDEX_SPENT)
    }

    /// Takes what a call has used.
    pub(crate) fn spend(&self, direction: Direction, usage: &Usage, now: Timestamp) {
        if !self.is_provisioned() {
            return;
        }
        self.take(self.record.id, direction, self.rate(direction), usage.of_table_and_local(), now);
        for index in self.record.indexes.iter().filter(|index| index.kind == IndexKind::Global) {
            self.take(index.id, direction, rate_of(index, direction), usage.of(&index.name), now);
        }
    }
}

/// The rate of a global index; a local one has none.
fn rate_of(index: &IndexRecord, direction: Direction) -> Option<i64> {
    let (read, write) = index.units?;
    Some(match direction {
        Direction::Read => read,
        Direction::Write => write,
    })
}
