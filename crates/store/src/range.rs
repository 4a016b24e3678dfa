//! Which keys of a table a scan visits, in which direction, and how many.

use std::ops::Bound;

use crate::KEY_BYTES_MAX;
use crate::table::{TABLE_BYTES, Table};

/// A range of a table's keys: `start` inclusive, `end` exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first key that belongs to it.
    pub start: Vec<u8>,
    /// The first key behind it; `None` reaches to the table's end.
    pub end: Option<Vec<u8>>,
    /// Largest key first.
    pub reverse: bool,
    /// At most so many records.
    pub limit: usize,
}

impl Range {
    /// The whole table.
    #[must_use]
    pub const fn all() -> Self {
        Self { start: Vec::new(), end: None, reverse: false, limit: usize::MAX }
    }

    /// Every key that starts with these bytes.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let prefix = prefix.as_ref();
        Self { start: prefix.to_vec(), end: successor(prefix), ..Self::all() }
    }

    /// This key alone: the engine is asked for it as [`get`](crate::Snapshot::get) asks, whose price does not grow with the
    /// engine's levels.
    pub fn only(key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        Self { start: key.to_vec(), end: Some(behind(key)), ..Self::all() }
    }

    /// From `start`, inclusive, to `end`, exclusive.
    pub fn between(start: impl AsRef<[u8]>, end: impl AsRef<[u8]>) -> Self {
        Self { start: start.as_ref().to_vec(), end: Some(end.as_ref().to_vec()), ..Self::all() }
    }

    /// Only keys greater than this one: where a forward listing goes on.
    #[must_use]
    pub fn after(mut self, key: impl AsRef<[u8]>) -> Self {
        let next = behind(key.as_ref());
        if next > self.start {
            self.start = next;
        }
        self
    }

    /// Only keys less than this one: where a reverse listing goes on.
    #[must_use]
    pub fn before(mut self, key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        if self.end.as_deref().is_none_or(|end| key < end) {
            self.end = Some(key.to_vec());
        }
        self
    }

    /// Largest key first.
    #[must_use]
    pub const fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most so many records.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The only key that can be in the range; `None` where more can.
    pub(crate) fn only_key(&self) -> Option<&[u8]> {
        let last = self.end.as_deref()?.strip_suffix(&[0])?;
        (last == self.start).then_some(last)
    }

    /// The range in the engine's keys; `None` where nothing can be in it.
    pub(crate) fn engine_bounds(&self, table: Table) -> Option<(Vec<u8>, Bound<Vec<u8>>)> {
        let start = cut(table.engine_key(&self.start));
        let end = self.end.as_ref().map(|end| cut(table.engine_key(end))).or_else(|| table.engine_end());
        match end {
            Some(end) if end <= start => None,
            Some(end) => Some((start, Bound::Excluded(end))),
            None => Some((start, Bound::Unbounded)),
        }
    }
}

/// The key that follows next.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// A bound longer than any key, in the length that the engine takes: the same keys are before it and behind it.
fn cut(mut bound: Vec<u8>) -> Vec<u8> {
    const LONGEST: usize = TABLE_BYTES + KEY_BYTES_MAX;
    if bound.len() > LONGEST {
        bound.truncate(LONGEST);
        bound.push(0);
    }
    bound
}

/// The least key that is greater than every key with this prefix; `None` where there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let kept = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut next: Vec<u8> = prefix.iter().copied().take(kept + 1).collect();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_its_successor() {
        let cases: [(&[u8], Option<&[u8]>); 4] =
            [(b"", None), (b"a", Some(b"b")), (b"a\xff", Some(b"b")), (b"\xff\xff", None)];
        for (prefix, end) in cases {
            assert_eq!(Range::prefix(prefix).end.as_deref(), end, "{prefix:?}");
        }
    }

    #[test]
    fn a_listing_goes_on_where_it_stopped() {
        let range = Range::prefix("a").after("ab");
        assert_eq!((range.start.as_slice(), range.end.as_deref()), (&b"ab\0"[..], Some(&b"b"[..])));
        assert_eq!(
            Range::prefix("b").after("a").start,
            b"b",
            "a token from before the range changes nothing"
        );
        assert_eq!(Range::prefix("a").before("z").end.unwrap(), b"b");
        assert_eq!(Range::prefix("a").before("ab").end.unwrap(), b"ab");
    }

    #[test]
    fn an_empty_range_has_no_bounds() {
        let table = Table::new(7, "t");
        assert!(Range::between("b", "a").engine_bounds(table).is_none());
        assert!(Range::between("a", "a").engine_bounds(table).is_none());
        assert!(Range::all().engine_bounds(Table::new(u16::MAX, "last")).is_some());
    }
}
