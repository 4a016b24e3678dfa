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

/// One page of a list sorted by `id`, and where the next begins.
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
    let mut rest: Vec<T> =
        items.into_iter().filter(|item| position.is_none_or(|after| id(item) > after)).collect();
    let more = rest.len() > limit;
    rest.truncate(limit);
    let next = rest.last().filter(|_| more).map(|last| id(last).to_owned());
    Ok((rest, next))
}

/// A request's map as records keep it.
pub(crate) fn map<T>(entries: Option<Entries<T>>) -> BTreeMap<String, T> {
    entries.map(|entries| entries.into_iter().collect()).unwrap_or_default()
}
