//! Listings page by page.
//!
//! A marker names the last item that was given out, so that a listing goes on rightly while items come and go. It
//! says nothing that its holder may not know, and gives no rights.

use crate::{Error, quota};

/// The longest marker that IAM takes, in characters.
const MARKER_MAX: usize = 320;
/// So many bytes of a longer key stand in its marker,
const BEGINNING_BYTES: usize = 112;
/// beside so many of the key's hash, behind this character.
const HASH_BYTES: usize = 16;
const HASHED: char = '.';

fn invalid() -> Error {
    Error::ValidationError("Invalid Marker.".to_owned())
}

/// The last item that was given out.
#[derive(Debug, PartialEq, Eq)]
enum Last {
    Key(Vec<u8>),
    /// How its key begins, and the hash of all of it.
    Hashed(Vec<u8>, Vec<u8>),
}

fn hash(key: &str) -> Vec<u8> {
    crypto::sha256(key.as_bytes()).into_iter().take(HASH_BYTES).collect()
}

/// The marker of an item.
fn marker(key: &str) -> String {
    let whole = hex::encode(key);
    if whole.len() <= MARKER_MAX {
        return whole;
    }
    let beginning: Vec<u8> = key.bytes().take(BEGINNING_BYTES).collect();
    format!("{}{HASHED}{}", hex::encode(beginning), hex::encode(hash(key)))
}

/// The key of the item at this place of one listing.
fn item_key(listing: &str, at: usize) -> String {
    format!("{listing}{at:08}")
}

impl Last {
    /// Of a marker; `None` for what is none.
    fn parse(marker: &str) -> Option<Self> {
        match marker.split_once(HASHED) {
            None => hex::decode(marker).ok().map(Self::Key),
            Some((beginning, hash)) => {
                Some(Self::Hashed(hex::decode(beginning).ok()?, hex::decode(hash).ok()?))
            }
        }
    }

    /// How many of the keys, in their order, come before the next page.
    fn given_out<'k>(&self, keys: impl Iterator<Item = &'k str> + Clone) -> usize {
        match self {
            Self::Key(last) => keys.take_while(|key| key.as_bytes() <= last.as_slice()).count(),
            Self::Hashed(beginning, last) => {
                let is_last = |key: &str| key.as_bytes().starts_with(beginning) && hash(key) == *last;
                let found = keys.clone().position(is_last).map(|at| at + 1);
                // Where it is gone, those that begin like it come again: none is left out.
                found.unwrap_or_else(|| keys.take_while(|key| key.as_bytes() < beginning.as_slice()).count())
            }
        }
    }
}

/// Which page is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paging {
    pub(crate) marker: Option<String>,
    pub(crate) max_items: Option<i64>,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) is_truncated: Option<bool>,
    pub(crate) marker: Option<String>,
}

impl Paging {
    pub(crate) const fn new(marker: Option<String>, max_items: Option<i64>) -> Self {
        Self { marker, max_items }
    }

    fn last(&self) -> Result<Option<Last>, Error> {
        let Some(marker) = &self.marker else { return Ok(None) };
        Last::parse(marker).map(Some).ok_or_else(invalid)
    }

    fn size(&self) -> usize {
        let asked = self.max_items.and_then(|max| usize::try_from(max).ok());
        asked.unwrap_or(quota::PAGE_DEFAULT).clamp(1, quota::PAGE_MAX)
    }

    /// The page out of items that stand in this order in one listing alone: a marker of any other is none of it.
    pub(crate) fn within<T>(self, listing: &str, items: impl Iterator<Item = T>) -> Result<Page<T>, Error> {
        let is_own = |last: &Last| matches!(last, Last::Key(key) if key.starts_with(listing.as_bytes()));
        if self.last()?.is_some_and(|last| !is_own(&last)) {
            return Err(invalid());
        }
        self.of(items.enumerate().map(|(at, item)| (item_key(listing, at), item)).collect())
    }

    /// The page of what is made of such items: it ends after the first of which it is said that nothing goes on after it.
    pub(crate) fn made<T, R>(
        self,
        listing: &str,
        items: impl Iterator<Item = T>,
        mut make: impl FnMut(T) -> (R, bool),
    ) -> Result<Page<R>, Error> {
        let page = self.within(listing, items.enumerate())?;
        let asked = page.items.len();
        let mut made = Vec::new();
        for (at, item) in page.items {
            let (result, goes_on) = make(item);
            made.push(result);
            if !goes_on && made.len() < asked {
                let marker = Some(marker(&item_key(listing, at)));
                return Ok(Page { items: made, is_truncated: Some(true), marker });
            }
        }
        Ok(Page { items: made, is_truncated: page.is_truncated, marker: page.marker })
    }

    /// The page out of all items, given with the keys by which they are sorted.
    pub(crate) fn of<T>(self, mut items: Vec<(String, T)>) -> Result<Page<T>, Error> {
        let (last, size) = (self.last()?, self.size());
        items.sort_by(|(left, _), (right, _)| left.cmp(right));
        let keys = items.iter().map(|(key, _)| key.as_str());
        let given_out = last.map_or(0, |last| last.given_out(keys));
        let mut rest = items.into_iter().skip(given_out);
        let page: Vec<(String, T)> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let marker = page.last().filter(|_| more).map(|(key, _)| marker(key));
        Ok(Page { items: page.into_iter().map(|(_, item)| item).collect(), is_truncated: Some(more), marker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<(String, char)> {
        "dcab".chars().map(|letter| (letter.to_string(), letter)).collect()
    }

    #[test]
    fn pages_follow_each_other_in_order_without_gap() {
        let mut seen = String::new();
        let mut marker = None;
        loop {
            let page = Paging::new(marker, Some(3)).of(items()).unwrap();
            seen.extend(&page.items);
            assert_eq!(page.is_truncated, Some(page.marker.is_some()));
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, "abcd");
    }

    #[test]
    fn a_marker_of_another_listing_is_refused() {
        let page = |listing: &str, marker| Paging::new(marker, Some(2)).within(listing, "abcd".chars());
        let first = page("one.", None).unwrap();
        assert_eq!(page("one.", first.marker.clone()).unwrap().items, ['c', 'd']);
        assert!(matches!(page("two.", first.marker), Err(Error::ValidationError(_))));
        let elsewhere = Paging::new(None, Some(2)).of(items()).unwrap();
        assert!(matches!(page("one.", elsewhere.marker), Err(Error::ValidationError(_))));
    }

    #[test]
    fn a_page_ends_where_nothing_goes_on_and_the_next_goes_on_there() {
        let page = |marker| {
            Paging::new(marker, Some(3))
                .made("one.", "abcdefg".chars(), |letter| (letter, !"ab".contains(letter)))
                .unwrap()
        };
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let Page { items, is_truncated, marker: next } = page(marker);
            assert_eq!(is_truncated, Some(next.is_some()));
            seen.push(items.into_iter().collect::<String>());
            marker = next;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "cde", "fg"]);
        let last = Paging::new(None, None).made("one.", "a".chars(), |letter| (letter, false)).unwrap();
        assert_eq!((last.is_truncated, last.marker), (Some(false), None));
    }

    #[test]
    fn a_marker_survives_the_end_of_its_item() {
        let page = Paging::new(None, Some(2)).of(items()).unwrap();
        let rest: Vec<_> = items().into_iter().filter(|(key, _)| key != "b").collect();
        assert_eq!(Paging::new(page.marker, None).of(rest).unwrap().items, ['c', 'd']);
    }

    /// Keys as long as keys get, which begin alike.
    fn long() -> Vec<(String, usize)> {
        (0..30).map(|at| (format!("{}{at:02}", "語".repeat(260)), at)).collect()
    }

    #[test]
    fn markers_of_long_keys_are_short_and_lead_on() {
        for size in [1, 7] {
            let (mut seen, mut marker) = (Vec::new(), None);
            loop {
                let page = Paging::new(marker, Some(size)).of(long()).unwrap();
                seen.extend(page.items);
                marker = page.marker;
                let Some(marker) = &marker else { break };
                assert!(marker.len() <= MARKER_MAX && marker.is_ascii(), "{marker}");
            }
            assert_eq!(seen, (0..30).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_left_out_where_a_long_key_is_gone() {
        let page = Paging::new(None, Some(10)).of(long()).unwrap();
        let rest: Vec<_> = long().into_iter().filter(|(_, at)| *at != 9).collect();
        let next = Paging::new(page.marker, None).of(rest).unwrap().items;
        assert!((10..30).all(|at| next.contains(&at)), "{next:?}");
    }

    #[test]
    fn a_marker_that_was_not_given_out_is_refused() {
        for marker in ["zz", "61.zz", "zz.61", "語"] {
            let answer = Paging::new(Some(marker.into()), None).of(items());
            assert!(matches!(answer, Err(Error::ValidationError(_))), "{marker}");
        }
    }
}
