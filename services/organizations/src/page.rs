//! Listings page by page.
//!
//! A token names the listing, which is the operation and all that selects what it lists, and the last item that was given out: another listing does not take it. It says nothing that its holder may not know, and gives no rights.

use crate::Error;

const PAGE_MAX: usize = 20;

/// The page of a listing out of all items of what `listing` names, given with the keys by which they are sorted, and the token of the next.
pub(crate) fn of<T>(
    listing: &[&str],
    mut items: Vec<(String, T)>,
    token: Option<String>,
    max_results: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let invalid = || {
        Error::invalid(
            "INVALID_NEXT_TOKEN",
            "You provided a value that does not match the required pattern for NextToken.",
        )
    };
    let last = match token {
        Some(token) => {
            let bytes = hex::decode(token).map_err(|_| invalid())?;
            let (of, last): (Vec<String>, String) = serde_json::from_slice(&bytes).map_err(|_| invalid())?;
            if of != listing {
                return Err(invalid());
            }
            Some(last)
        }
        None => None,
    };
    let size = max_results.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    items.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut rest = items.into_iter().filter(|(key, _)| last.as_ref().is_none_or(|last| key > last));
    let page: Vec<(String, T)> = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    let token = |(key, _): &(String, T)| hex::encode(serde_json::json!([listing, key]).to_string());
    let next = page.last().filter(|_| more).map(token);
    Ok((page.into_iter().map(|(_, item)| item).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap() {
        let items = || (0..45).map(|at| (format!("{at:02}"), at)).collect::<Vec<_>>();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = of(&["L", "root"], items(), token, Some(99)).unwrap();
            assert!(page.len() <= PAGE_MAX);
            seen.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, (0..45).collect::<Vec<_>>());
        assert!(of(&["L", "root"], items(), Some("zz".into()), None).is_err());
        let (_, next) = of(&["L", "root"], items(), None, None).unwrap();
        for other in [&["M", "root"][..], &["L", "unit"], &["L"], &["L", "root", ""], &["L,root"]] {
            assert!(of(other, items(), next.clone(), None).is_err(), "a token of another listing: {other:?}");
        }
    }
}
