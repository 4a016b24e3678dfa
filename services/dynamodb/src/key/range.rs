//! Parts of a table as ranges of stored keys: segments, partitions, and what lies between sort keys.

use store::{Key, Range};

use super::bind::checked;
use super::encode::Encoding;
use super::{ItemKey, KeyAttribute, place, table_range};
use crate::attribute::AttributeValue;
use crate::expression::key_condition::KeyTest;
use crate::invalid::Invalid;

/// What [`Key`] writes behind the bytes of a part.
const TERMINATOR_BYTES: usize = 2;

/// One of several equal parts of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from zero.
    pub index: u32,
    /// How many there are.
    pub total: u32,
}

impl Segment {
    /// The whole table.
    pub const ALL: Self = Self { index: 0, total: 1 };

    /// The first hash of the segment, and the first behind it.
    pub(super) fn hashes(self) -> (u64, u64) {
        let space = 1_u64 << 32;
        let total = u64::from(self.total.max(1));
        let start = |index: u64| (space * index).div_ceil(total);
        (start(self.index.into()), start(u64::from(self.index) + 1))
    }

    /// Where the segment's items are stored.
    pub fn range(self, table: u64) -> Range {
        let (start, end) = self.hashes();
        let bound =
            |hash: u64| u32::try_from(hash).ok().map(|hash| Key::new().u64(table).u32(hash).into_vec());
        let whole = table_range(table);
        Range { start: bound(start).unwrap_or(whole.start), end: bound(end).or(whole.end), ..Range::all() }
    }
}

/// The items of one partition, or those of them between two sort keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRange {
    /// The partition key, and those attributes of the sort key that are equal to something.
    prefix: ItemKey,
    /// The test of the next attribute of the sort key.
    sort: Option<SortRange>,
    /// True where every attribute of the key is equal to something.
    is_whole_key: bool,
}

/// A range of encoded values of one attribute of the sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SortRange {
    /// From the first, if any, up to and without the second, if any.
    Between(Option<Bound>, Option<Bound>),
    /// All with these first bytes.
    Prefix(Vec<u8>),
}

/// A place between sort keys: just before this one, or just behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    key: Vec<u8>,
    is_behind: bool,
}

impl SortRange {
    /// The sort keys that pass a test.
    pub(super) fn of(before: &Encoding, attribute: &KeyAttribute, test: &KeyTest) -> Result<Self, Invalid> {
        let at = |value: &AttributeValue, is_behind: bool| {
            Ok(Some(Bound { key: checked(before, attribute, value)?, is_behind }))
        };
        Ok(match test {
            KeyTest::Equal(value) => Self::Between(at(value, false)?, at(value, true)?),
            KeyTest::Less(value) => Self::Between(None, at(value, false)?),
            KeyTest::LessEqual(value) => Self::Between(None, at(value, true)?),
            KeyTest::Greater(value) => Self::Between(at(value, true)?, None),
            KeyTest::GreaterEqual(value) => Self::Between(at(value, false)?, None),
            KeyTest::Between(low, high) => {
                if low.scalar_cmp(high).is_some_and(std::cmp::Ordering::is_gt) {
                    return Err(Invalid::new(
                        "The BETWEEN condition was provided a range where the lower bound is greater than \
                         the upper bound",
                    ));
                }
                Self::Between(at(low, false)?, at(high, true)?)
            }
            KeyTest::BeginsWith(start) => Self::Prefix(checked(before, attribute, start)?),
        })
    }
}

impl PartitionRange {
    /// The items whose keys begin with an encoded one.
    pub(super) const fn new(prefix: ItemKey, sort: Option<SortRange>, is_whole_key: bool) -> Self {
        Self { prefix, sort, is_whole_key }
    }

    /// True where this is the range's partition key.
    pub(super) fn is_of(&self, partition: &[u8]) -> bool {
        self.prefix.partition() == partition
    }

    /// Where the items are stored.
    pub fn range(&self, table: u64) -> Range {
        let prefix = place(table, self.prefix.hash, &self.prefix.bytes);
        let whole = Range::prefix(&prefix);
        match &self.sort {
            None => whole,
            Some(SortRange::Prefix(start)) => {
                let mut key = prefix.bytes(start).into_vec();
                key.truncate(key.len().saturating_sub(TERMINATOR_BYTES));
                Range::prefix(key)
            }
            Some(SortRange::Between(low, high)) => {
                let place = |bound: &Bound| {
                    let key = prefix.clone().bytes(&bound.key);
                    // In an index, several entries share a sort key: the keys of their items stand behind it.
                    if bound.is_behind { Range::prefix(&key).end.unwrap_or_default() } else { key.into_vec() }
                };
                let start = low.as_ref().map_or(whole.start, place);
                let end = high.as_ref().map(place).or(whole.end);
                Range { start, end, ..Range::all() }
            }
        }
    }

    /// Where they are stored in a table, whose keys are of one item each.
    pub fn range_in_table(&self, table: u64) -> Range {
        let range = self.range(table);
        if self.is_whole_key { Range::only(range.start) } else { range }
    }

    /// True where this stored key is in the range.
    pub fn contains(&self, table: u64, stored: &[u8]) -> bool {
        let range = self.range(table);
        range.start.as_slice() <= stored && range.end.is_none_or(|end| stored < end.as_slice())
    }

    /// True where the range is narrowed by the sort key.
    pub const fn is_narrowed(&self) -> bool {
        self.sort.is_some()
    }
}
