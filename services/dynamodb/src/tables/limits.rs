//! Refuses calls on tables and indexes whose throughput is spent, and spends it.
//!
//! What is provisioned bounds itself; what is paid for by request is bounded where its owner set a ceiling.

use base::Timestamp;

use super::Table;
use crate::capacity::Usage;
use crate::error::{Error, Spent};
use crate::records::{Billing, Ceiling, IndexKind, IndexRecord};
use crate::throughput::Direction;

impl Table {
    /// The rate of the table; none where nothing bounds it.
    const fn rate(&self, direction: Direction) -> Option<i64> {
        match (self.record.billing, direction) {
            (Billing::PayPerRequest, _) => ceiling(self.record.ceiling, direction),
            (Billing::Provisioned { read, .. }, Direction::Read) => Some(read),
            (Billing::Provisioned { write, .. }, Direction::Write) => Some(write),
        }
    }

    /// The rate of a global index; a local one has none.
    fn rate_of(&self, index: &IndexRecord, direction: Direction) -> Option<i64> {
        if self.record.billing == Billing::PayPerRequest {
            return ceiling(index.ceiling, direction);
        }
        let (read, write) = index.units?;
        Some(match direction {
            Direction::Read => read,
            Direction::Write => write,
        })
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

    fn spent(&self, index: Option<&IndexRecord>, direction: Direction) -> Spent {
        Spent {
            is_on_demand: self.record.billing == Billing::PayPerRequest,
            is_index: index.is_some(),
            direction,
            resource: index.map_or_else(|| self.arn.clone(), |index| index.arn(&self.arn)),
        }
    }

    /// Why a read of the table, or of one of its indexes, has to wait.
    pub(crate) fn spent_for_reads(&self, index: Option<&IndexRecord>, now: Timestamp) -> Option<Spent> {
        if !self.is_limited {
            return None;
        }
        let index = index.filter(|index| index.kind == IndexKind::Global);
        let (id, rate) = match index {
            None => (self.record.id, self.rate(Direction::Read)),
            Some(index) => (index.id, self.rate_of(index, Direction::Read)),
        };
        self.is_spent(id, Direction::Read, rate, now).then(|| self.spent(index, Direction::Read))
    }

    /// Refuses a read of the table, or of one of its indexes.
    ///
    /// # Errors
    /// Nothing is left of the throughput.
    pub(crate) fn check_read(&self, index: Option<&IndexRecord>, now: Timestamp) -> Result<(), Error> {
        self.spent_for_reads(index, now).map_or(Ok(()), |spent| Err(spent.into()))
    }

    /// Why a write has to wait: the table, or one of its indexes, has nothing left.
    pub(crate) fn spent_for_writes(&self, now: Timestamp) -> Option<Spent> {
        if !self.is_limited {
            return None;
        }
        if self.is_spent(self.record.id, Direction::Write, self.rate(Direction::Write), now) {
            return Some(self.spent(None, Direction::Write));
        }
        let mut indexes = self.record.indexes.iter();
        let is_spent = |index: &&IndexRecord| {
            self.is_spent(index.id, Direction::Write, self.rate_of(index, Direction::Write), now)
        };
        indexes.find(is_spent).map(|index| self.spent(Some(index), Direction::Write))
    }

    /// Takes what a call has used.
    pub(crate) fn spend(&self, direction: Direction, usage: &Usage, now: Timestamp) {
        if !self.is_limited {
            return;
        }
        self.take(self.record.id, direction, self.rate(direction), usage.of_table_and_local(), now);
        for index in self.record.indexes.iter().filter(|index| index.kind == IndexKind::Global) {
            self.take(index.id, direction, self.rate_of(index, direction), usage.of(&index.name), now);
        }
    }
}

const fn ceiling(ceiling: Ceiling, direction: Direction) -> Option<i64> {
    match direction {
        Direction::Read => ceiling.read,
        Direction::Write => ceiling.write,
    }
}
