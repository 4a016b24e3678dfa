//! Throughput: what a table or an index has left of it.
//!
//! Units flow in at the provisioned rate, or at the most that an on-demand table or index may use, and are kept for five
//! minutes at most, as in DynamoDB. A call begins while there is anything left and takes what it needed, below zero if it
//! must: the next ones wait for that. What nothing bounds has no bucket at all.

use std::sync::{Mutex, PoisonError};

use base::Timestamp;

/// For how long unused units are kept.
const BURST_SECS: f64 = 300.0;

/// The reads and writes that are left.
#[derive(Debug, Default)]
pub struct Throughput {
    reads: Bucket,
    writes: Bucket,
}

/// Which of the two is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// What is left, and when that was; nothing before the first use, which finds the bucket full.
#[derive(Debug, Default)]
struct Bucket(Mutex<Option<(f64, Timestamp)>>);

impl Direction {
    /// Its part in the reasons of refusals.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
        }
    }
}

impl Throughput {
    const fn bucket(&self, direction: Direction) -> &Bucket {
        match direction {
            Direction::Read => &self.reads,
            Direction::Write => &self.writes,
        }
    }

    /// True where nothing is left at `rate` units a second.
    pub fn is_spent(&self, direction: Direction, rate: i64, now: Timestamp) -> bool {
        self.bucket(direction).change(rate, now, 0.0) <= 0.0
    }

    /// Takes units, whether there are as many or not.
    pub fn take(&self, direction: Direction, rate: i64, units: f64, now: Timestamp) {
        self.bucket(direction).change(rate, now, units);
    }
}

impl Bucket {
    /// What is left at this time once so many units are taken.
    fn change(&self, rate: i64, now: Timestamp, units: f64) -> f64 {
        let rate = f64::from(u32::try_from(rate).unwrap_or(u32::MAX));
        let most = rate * BURST_SECS;
        // A lock for one table and direction, held for a few instructions.
        let mut level = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = level.unwrap_or((most, now));
        let passed = u32::try_from(now.millis_since(at).max(0)).unwrap_or(u32::MAX);
        let left = (left + rate * f64::from(passed) / 1_000.0).min(most) - units;
        *level = Some((left, if now > at { now } else { at }));
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_flow_in_at_their_rate_and_are_kept_for_five_minutes() {
        let throughput = Throughput::default();
        let at = Timestamp::from_secs;
        assert!(!throughput.is_spent(Direction::Write, 2, at(0)));
        throughput.take(Direction::Write, 2, 603.0, at(0));
        assert!(throughput.is_spent(Direction::Write, 2, at(1)));
        assert!(!throughput.is_spent(Direction::Write, 2, at(2)));
        assert!(!throughput.is_spent(Direction::Read, 2, at(1)), "reads are not writes");
        assert!(!throughput.is_spent(Direction::Write, 2, at(10_000)));
        throughput.take(Direction::Write, 2, 600.0, at(10_000));
        assert!(throughput.is_spent(Direction::Write, 2, at(10_000)), "no more than five minutes are kept");
        assert!(throughput.is_spent(Direction::Write, 2, at(9_000)), "a clock set back brings nothing");
    }
}
