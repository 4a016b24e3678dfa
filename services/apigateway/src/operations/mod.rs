//! The operations' handlers, one file a subject.

pub(crate) mod account;
pub(crate) mod api_keys;
pub(crate) mod authorizers;
pub(crate) mod deployments;
pub(crate) mod gateway_responses;
pub(crate) mod integrations;
pub(crate) mod methods;
pub(crate) mod models;
pub(crate) mod request_validators;
pub(crate) mod resources;
pub(crate) mod rest_apis;
pub(crate) mod stages;
pub(crate) mod tags;
pub(crate) mod trials;
pub(crate) mod usage_plan_keys;
pub(crate) mod usage_plans;

use std::collections::BTreeMap;

use protocol::Entries;

use crate::Error;

const PAGE_DEFAULT: i64 = 25;
const PAGE_MAX: i64 = 500;
/// Bytes of a position that say that it is one.
const MARK_BYTES: usize = 4;

/// One page of a list sorted by `id`, and where the next begins.
///
/// # Errors
/// `BadRequestException` for a limit out of range, and for a position that no page gave.
pub(crate) fn page<T>(
    items: Vec<T>,
    id: impl Fn(&T) -> &str,
    position: Option<&str>,
    limit: Option<i64>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let limit = limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Error::bad(format!("Invalid limit: it is a number from 1 to {PAGE_MAX}")));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let after = position.map(behind).transpose()?;
    let mut rest: Vec<T> =
        items.into_iter().filter(|item| after.as_deref().is_none_or(|after| id(item) > after)).collect();
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(|last| position_behind(id(last)));
    Ok((rest, next))
}

/// The position behind an item: its id, marked so that no other text is one. What is behind it is found even where the
/// item itself is gone.
fn position_behind(id: &str) -> String {
    let marked: Vec<u8> = mark(id).into_iter().chain(id.bytes()).collect();
    hex::encode(marked)
}

/// The id that a position is behind.
fn behind(position: &str) -> Result<String, Error> {
    let read = || {
        let marked = hex::decode(position).ok()?;
        let (marks, id) = marked.split_first_chunk::<MARK_BYTES>()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        (mark(&id) == *marks).then_some(id)
    };
    read().ok_or_else(|| Error::bad("Invalid position parameter"))
}

fn mark(id: &str) -> [u8; MARK_BYTES] {
    crypto::sha256(id.as_bytes()).first_chunk().copied().unwrap_or_default()
}

/// A request's map as records keep it.
pub(crate) fn map<T>(entries: Option<Entries<T>>) -> BTreeMap<String, T> {
    entries.map(|entries| entries.into_iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_that_pages_give() {
        let items = || vec!["a", "b", "ü"];
        let (first, next) = page(items(), |id| id, None, Some(1)).unwrap();
        let (second, behind_b) = page(items(), |id| id, next.as_deref(), Some(1)).unwrap();
        let (third, end) = page(items(), |id| id, behind_b.as_deref(), Some(1)).unwrap();
        assert_eq!((first, second, third, end), (vec!["a"], vec!["b"], vec!["ü"], None));
        assert_eq!(page(vec!["a", "ü"], |id| id, behind_b.as_deref(), None).unwrap().0, ["ü"]);
        for position in ["", "junk", "b", "00", "6161616161", "ü"] {
            let message = page(items(), |id| id, Some(position), None).unwrap_err().to_string();
            assert_eq!(message, "BadRequestException: Invalid position parameter", "{position}");
        }
    }
}
