//! The past of a table: what each changed item was before, in the order of changes, so that any moment can be found again.
//!
//! A change is stored in the transaction of its item, and only where somebody wants the past: point-in-time recovery is
//! on, or a copy of the table is being made. To go back, changes are undone from the newest to the first that is not
//! wanted; nothing here is read by any call on items.
//!
//! ```text
//! key:    history id (8)  sequence number (8)
//! value:  version 1  length of the item's place (4)  its place without the table's id  the item before, no bytes where there was none
//! ```

use store::{Key, Range, Store, Transaction};

use base::Timestamp;
use service::Internal;

use crate::attribute::Attributes;
use crate::error::Error;
use crate::item::{self, DamagedItem};
use crate::key::ItemKey;
use crate::records::HISTORY;
use crate::streams::{Occasion, floor};
use crate::tables::{Table, Tables};

const VERSION: u8 = 1;
/// How many bytes of an item's place are the table's id.
pub(crate) const ID_BYTES: usize = 8;

/// Stores what an item was before a change, where that is wanted.
///
/// # Errors
/// The store fails.
pub(crate) fn record(
    transaction: &mut Transaction<'_>,
    table: &Table,
    key: &ItemKey,
    before: Option<&Attributes>,
    after: Option<&Attributes>,
    occasion: Occasion,
) -> Result<(), Error> {
    let Some(history) = table.record.history.as_ref().filter(|_| before != after) else { return Ok(()) };
    let number = table.sequence.next(occasion.now);
    let place = key.in_table(table.record.id);
    let place = place.as_ref().get(ID_BYTES..).unwrap_or_default();
    let item = before.map(item::encode).unwrap_or_default();
    let mut value = Vec::with_capacity(place.len().saturating_add(item.len()).saturating_add(5));
    value.push(VERSION);
    value.extend_from_slice(&u32::try_from(place.len()).unwrap_or(u32::MAX).to_be_bytes());
    value.extend_from_slice(place);
    value.extend_from_slice(&item);
    transaction.put(HISTORY, Key::new().u64(history.id).u64(number), value)?;
    Ok(())
}

/// A stored change: the item's place without its table's id, and the item's stored form before, if there was one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undo<'a> {
    pub(crate) place: &'a [u8],
    pub(crate) before: Option<&'a [u8]>,
}

impl<'a> Undo<'a> {
    /// The change in these bytes.
    ///
    /// # Errors
    /// The bytes are not a stored change.
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, DamagedItem> {
        let rest = bytes.strip_prefix(&[VERSION]).ok_or(DamagedItem)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(DamagedItem)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| DamagedItem)?;
        let (place, item) = rest.split_at_checked(length).ok_or(DamagedItem)?;
        Ok(Self { place, before: (!item.is_empty()).then_some(item) })
    }
}

/// The last change at a moment, as a sequence number: none that came later has it or a smaller one.
pub(crate) fn last_at(moment: Timestamp) -> u64 {
    floor(moment.plus_millis(1)).saturating_sub(1)
}

/// Where the changes behind a sequence number are stored.
pub(crate) fn behind(history: u64, number: u64) -> Range {
    let all = Range::prefix(Key::new().u64(history));
    Range { start: Key::new().u64(history).u64(number.saturating_add(1)).into_vec(), ..all }
}

/// Where the changes before a sequence number are stored.
pub(crate) fn before(history: u64, number: u64) -> Range {
    let end = Key::new().u64(history).u64(number).into_vec();
    Range { end: Some(end), ..Range::prefix(Key::new().u64(history)) }
}

/// Lets the sequences of tables go on behind their last stored changes.
///
/// # Errors
/// The store fails, or a key is damaged.
pub(crate) fn raise_sequences(store: &Store, tables: &Tables) -> Result<(), Internal> {
    for table in tables.all() {
        let Some(history) = &table.record.history else { continue };
        let range = Range::prefix(Key::new().u64(history.id)).reversed().limit(1);
        for (key, _) in store.scan(HISTORY, &range).map_err(Internal::new)? {
            let number = key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes));
            table.sequence.raise(number.ok_or_else(|| Internal::new("a stored change has no number"))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_changes_are_refused_and_whole_ones_read() {
        let whole = [&[VERSION, 0, 0, 0, 2][..], b"ab", b"item"].concat();
        assert_eq!(Undo::decode(&whole), Ok(Undo { place: b"ab", before: Some(b"item") }));
        assert_eq!(Undo::decode(&whole[..7]), Ok(Undo { place: b"ab", before: None }));
        for cut in 0..7 {
            assert_eq!(Undo::decode(&whole[..cut]), Err(DamagedItem));
        }
        assert_eq!(Undo::decode(&[2, 0, 0, 0, 0]), Err(DamagedItem));
    }

    #[test]
    fn a_moment_holds_its_whole_millisecond() {
        let moment = Timestamp::from_millis(5);
        assert!(floor(moment) <= last_at(moment) && last_at(moment) < floor(Timestamp::from_millis(6)));
    }
}
