//! Lists page by page.
//!
//! A token names the last item that was given out. It says nothing that its holder may not know, and gives no rights.

use crate::Error;

/// The largest page, and the one that is given where none is asked for.
const PAGE_MAX: usize = 100;

/// Which page is asked for.
pub(crate) struct Paging {
    after: Option<String>,
    size: usize,
}

impl Paging {
    /// From a request's members.
    pub(crate) fn new(token: Option<String>, max_results: Option<i64>) -> Result<Self, Error> {
        let invalid = || Error::validation("The next token is not valid.");
        let after = match token {
            Some(token) => {
                let bytes = hex::decode(token).map_err(|_| invalid())?;
                Some(String::from_utf8(bytes).map_err(|_| invalid())?)
            }
            None => None,
        };
        let size = match max_results {
            None => PAGE_MAX,
            Some(asked) => {
                let asked = usize::try_from(asked).ok().filter(|asked| *asked > 0);
                asked.ok_or_else(|| Error::validation("maxResults must be at least 1."))?.min(PAGE_MAX)
            }
        };
        Ok(Self { after, size })
    }

    /// The page of items that are sorted by their keys, which are unique, and the token of the next.
    pub(crate) fn of<T>(self, mut items: Vec<(String, T)>, descending: bool) -> (Vec<T>, Option<String>) {
        items.sort_by(|(left, _), (right, _)| if descending { right.cmp(left) } else { left.cmp(right) });
        let follows = |key: &String| match &self.after {
            None => true,
            Some(after) if descending => key < after,
            Some(after) => key > after,
        };
        let mut rest = items.into_iter().filter(|(key, _)| follows(key));
        let page: Vec<(String, T)> = rest.by_ref().take(self.size).collect();
        let next = page.last().filter(|_| rest.next().is_some()).map(|(key, _)| hex::encode(key));
        (page.into_iter().map(|(_, item)| item).collect(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap() {
        for descending in [false, true] {
            let items = || (0..25).map(|at| (format!("{at:02}"), at)).collect::<Vec<_>>();
            let (mut seen, mut token) = (Vec::new(), None);
            loop {
                let (page, next) = Paging::new(token, Some(7)).unwrap().of(items(), descending);
                seen.extend(page);
                token = next;
                if token.is_none() {
                    break;
                }
            }
            let mut expected: Vec<_> = (0..25).collect();
            if descending {
                expected.reverse();
            }
            assert_eq!(seen, expected);
        }
        assert!(Paging::new(Some("zz".into()), None).is_err());
        assert!(Paging::new(None, Some(0)).is_err());
    }
}
