//! Streams of tables: the order of changes, the changes as they are stored, and the streams that readers find.
//!
//! A change is stored in the transaction of its item; sequence numbers are given out there, in the order of commits. They
//! hold the time in their upper bits, so that they go on rising over restarts and what is too old is told by its number.

mod change;
mod registry;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::Timestamp;
use service::Internal;
use store::{Key, Range, Read, Transaction};

use crate::attribute::Attributes;
use crate::error::Error;
use crate::records::{CHANGES, STREAMS, StreamRecord};
use crate::tables::Table;

pub use change::{Change, Event};
pub use registry::Streams;

/// How long records can be read.
pub const RETENTION_MILLIS: i64 = 24 * 3_600 * 1_000;

/// How many bits of a sequence number count within a millisecond.
const COUNTER_BITS: u32 = 20;
/// The digits of a sequence number behind its first one, which is always 1.
const DIGITS: usize = 20;

/// When and on whose behalf items change.
#[derive(Clone, Copy, Debug)]
pub struct Occasion {
    /// The time of the call.
    pub now: Timestamp,
    /// True where the item has expired, and no one asked for its deletion.
    pub is_expiry: bool,
}

impl Occasion {
    /// A call's.
    pub const fn of_call(now: Timestamp) -> Self {
        Self { now, is_expiry: false }
    }
}

/// The last sequence number that a table gave out.
#[derive(Debug, Default)]
pub struct Sequence(AtomicU64);

impl Sequence {
    /// The next number; called in transactions only, which run one at a time. A number whose transaction fails is missed
    /// by no one.
    pub fn next(&self, now: Timestamp) -> u64 {
        let next = self.0.load(Ordering::Relaxed).saturating_add(1).max(floor(now));
        self.0.store(next, Ordering::Relaxed);
        next
    }

    /// Goes on behind a number that was given out before.
    pub fn raise(&self, known: u64) {
        self.0.fetch_max(known, Ordering::Relaxed);
    }
}

/// The least sequence number of a time.
pub fn floor(time: Timestamp) -> u64 {
    u64::try_from(time.millis()).unwrap_or(0) << COUNTER_BITS
}

/// The least sequence number that can still be read.
pub fn horizon(now: Timestamp) -> u64 {
    floor(now.plus_millis(-RETENTION_MILLIS))
}

/// A sequence number as the API answers it.
pub fn shown(number: u64) -> String {
    format!("1{number:020}")
}

/// The sequence number that the API answered.
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('1').filter(|digits| digits.len() == DIGITS)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Where a change is stored.
pub fn place(stream: u64, number: u64) -> Key {
    Key::new().u64(stream).u64(number)
}

/// Where the changes between two sequence numbers are stored, both included.
pub fn between(stream: u64, first: u64, last: Option<u64>) -> Range {
    let end = match last.and_then(|last| last.checked_add(1)) {
        Some(end) => Some(place(stream, end).into_vec()),
        None => Range::prefix(Key::new().u64(stream)).end,
    };
    Range { start: place(stream, first).into_vec(), end, ..Range::all() }
}

/// Stores a change for the table's stream, if it has one.
///
/// # Errors
/// The store fails.
pub fn record(
    transaction: &mut Transaction<'_>,
    table: &Table,
    before: Option<&Attributes>,
    after: Option<&Attributes>,
    occasion: Occasion,
) -> Result<(), Error> {
    let Some(stream) = table.record.stream.as_ref().filter(|stream| stream.is_enabled) else { return Ok(()) };
    let Some(change) = Change::of(&table.record.schema, stream.view, before, after, occasion) else {
        return Ok(());
    };
    let number = table.sequence.next(occasion.now);
    transaction.put(CHANGES, place(stream.id, number), change.encode())?;
    Ok(())
}

/// Writes a stream and, once that is durable, shows it to all readers.
///
/// # Errors
/// The store fails.
pub fn save(
    transaction: &mut Transaction<'_>,
    streams: &Arc<Streams>,
    record: StreamRecord,
) -> Result<(), Error> {
    transaction.put(STREAMS, Key::new().u64(record.id), record.encode().map_err(Internal::new)?)?;
    let streams = Arc::clone(streams);
    transaction.after_commit(move || streams.put(record));
    Ok(())
}

/// A stream as it stands in `records`.
///
/// # Errors
/// The store fails, or the record is damaged.
pub fn stored(records: &dyn Read, id: u64) -> Result<Option<StreamRecord>, Error> {
    let bytes = records.read(STREAMS, &Key::new().u64(id))?;
    let record = bytes.map(|bytes| StreamRecord::decode(&bytes)).transpose();
    record.map_err(|damaged| Error::Internal(Internal::new(damaged)))
}

/// Ends a stream: no change is added to it any more.
///
/// # Errors
/// The store fails, or the record is damaged.
pub fn end(
    transaction: &mut Transaction<'_>,
    streams: &Arc<Streams>,
    id: u64,
    sequence: &Sequence,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(mut record) = stored(transaction, id)?.filter(|record| record.ended.is_none()) else {
        return Ok(());
    };
    record.close(sequence.next(now));
    record.ended = Some(now);
    save(transaction, streams, record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_rise_whatever_the_clock_does() {
        let sequence = Sequence::default();
        let numbers: Vec<u64> =
            [5, 5, 3, 9].into_iter().map(|millis| sequence.next(Timestamp::from_millis(millis))).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        assert_eq!(numbers[3], floor(Timestamp::from_millis(9)));
    }

    #[test]
    fn sequence_numbers_are_read_as_they_are_shown() {
        for number in [0, 1, u64::MAX] {
            assert_eq!(parse(&shown(number)), Some(number));
        }
        for text in ["", "1", "2000000000000000000001", "1+0000000000000000001", "199999999999999999999"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
