//! Listing keys: prefix, delimiter, and where a listing goes on.
//!
//! Works on any ordered run of records; each common prefix costs one step, however many keys are below it.

use bytes::Bytes;
use store::{Key, KeyReader, Range, Snapshot, Table};

use crate::error::Error;
use service::Internal;

/// Records that a walk passes before others have their turn.
const WALK_MAX: usize = 1_000;

/// What is listed.
pub(crate) struct Query<'a> {
    pub(crate) table: Table,
    pub(crate) bucket_id: &'a str,
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    /// Only what comes after this key, or after everything below it where it is a common prefix.
    pub(crate) after: Option<&'a str>,
}

/// A key with its record, or a common prefix.
pub(crate) enum Found {
    Key(String, Bytes),
    Prefix(String),
}

impl Query<'_> {
    fn whole(&self) -> Range {
        Range::prefix(Key::new().str(self.bucket_id).str_prefix(self.prefix))
    }

    /// Everything below a prefix, so that its end is where a listing goes on.
    fn below(&self, prefix: &str) -> Range {
        Range::prefix(Key::new().str(self.bucket_id).str_prefix(prefix))
    }

    /// The common prefix that stands for a key; none of a key outside what is listed.
    pub(crate) fn rolled_up<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let rest = key.strip_prefix(self.prefix)?;
        let at = rest.find(delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
    }

    fn start(&self) -> Option<Range> {
        let mut range = self.whole();
        let Some(after) = self.after else { return Some(range) };
        if self.rolled_up(after) == Some(after) {
            return skip(range, self.below(after));
        }
        let after = Key::new().str(self.bucket_id).str(after);
        range = range.after(after);
        Some(range)
    }

    /// Hands each key or common prefix to `take`, in order, until that answers false. A delete marker shows no prefix.
    /// Answers where it goes on, if it ended because it had walked far enough for one turn.
    pub(crate) fn run(
        &self,
        snapshot: &Snapshot,
        take: impl FnMut(Found) -> Result<bool, Error>,
    ) -> Result<Option<String>, Error> {
        self.walk(snapshot, false, take)
    }

    /// The same where delete markers count as much as objects.
    pub(crate) fn run_with_markers(
        &self,
        snapshot: &Snapshot,
        take: impl FnMut(Found) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        self.walk(snapshot, true, take).map(|_| ())
    }

    fn walk(
        &self,
        snapshot: &Snapshot,
        markers: bool,
        mut take: impl FnMut(Found) -> Result<bool, Error>,
    ) -> Result<Option<String>, Error> {
        let Some(mut range) = self.start() else { return Ok(None) };
        let (mut walked, mut place) = (0, None);
        'again: loop {
            for record in snapshot.iter(self.table, &range) {
                let (stored_key, value) = record?;
                // Only delete markers, which are passed over, make a walk longer than its page.
                if !markers && walked >= WALK_MAX && place.is_some() {
                    return Ok(place);
                }
                walked += 1;
                let mut reader = KeyReader::new(&stored_key);
                let key = reader.str().and_then(|_| reader.str()).map_err(Internal::new)?;
                if let Some(prefix) = self.rolled_up(&key) {
                    if !markers && !is_shown(&value)? {
                        // A place that is the prefix itself would be behind all that is below it.
                        place = Some(key.clone()).filter(|key| key != prefix);
                        continue;
                    }
                    if !take(Found::Prefix(prefix.to_owned()))? {
                        return Ok(None);
                    }
                    place = Some(prefix.to_owned());
                    match skip(range, self.below(prefix)) {
                        Some(rest) => range = rest,
                        None => return Ok(None),
                    }
                    continue 'again;
                }
                place = Some(key.clone());
                if !take(Found::Key(key, value))? {
                    return Ok(None);
                }
            }
            return Ok(None);
        }
    }
}

fn is_shown(value: &Bytes) -> Result<bool, Error> {
    #[derive(serde::Deserialize)]
    struct Marker {
        #[serde(default)]
        marker: bool,
    }
    let record: Marker = crate::records::decode(value)?;
    Ok(!record.marker)
}

/// What is left of a range behind another.
// SECURITY: never more than there was: leave to list may end at the prefix.
fn skip(mut range: Range, passed: Range) -> Option<Range> {
    range.start = passed.end?.max(range.start);
    Some(range)
}
