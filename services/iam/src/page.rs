//! Listings page by page.
//!
//! A marker names the last item that was given out, so that a listing goes on rightly while items come and go. It
//! says nothing that its holder may not know, and gives no rights.

use crate::{Error, quota};

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

    fn last(&self) -> Result<Option<String>, Error> {
        let Some(marker) = &self.marker else { return Ok(None) };
        let bytes = hex::decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.map(Some).ok_or_else(|| Error::ValidationError("Invalid Marker.".to_owned()))
    }

    fn size(&self) -> usize {
        let asked = self.max_items.and_then(|max| usize::try_from(max).ok());
        asked.unwrap_or(quota::PAGE_DEFAULT).clamp(1, quota::PAGE_MAX)
    }

    /// The page out of all items, given with the keys by which they are sorted.
    pub(crate) fn of<T>(self, mut items: Vec<(String, T)>) -> Result<Page<T>, Error> {
        let (last, size) = (self.last()?, self.size());
        items.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut rest = items.into_iter().filter(|(key, _)| last.as_ref().is_none_or(|last| key > last));
        let page: Vec<(String, T)> = rest.by_ref().take(size).collect();
        let more = rest.next().is_some();
        let marker = page.last().filter(|_| more).map(|(key, _)| hex::encode(key));
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
    fn a_marker_survives_the_end_of_its_item() {
        let page = Paging::new(None, Some(2)).of(items()).unwrap();
        let rest: Vec<_> = items().into_iter().filter(|(key, _)| key != "b").collect();
        assert_eq!(Paging::new(page.marker, None).of(rest).unwrap().items, ['c', 'd']);
    }

    #[test]
    fn a_marker_that_was_not_given_out_is_refused() {
        assert!(matches!(Paging::new(Some("zz".into()), None).of(items()), Err(Error::ValidationError(_))));
    }
}
