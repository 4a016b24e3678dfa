//! The handlers, one file a subject, and what they share.

pub(crate) mod change_sets;
pub(crate) mod describe;
pub(crate) mod drift;
pub(crate) mod nested_sets;
pub(crate) mod outer;
pub(crate) mod protection;
pub(crate) mod resources;
pub(crate) mod rollback;
pub(crate) mod signal;
mod source;
pub(crate) mod stacks;
pub(crate) mod templates;
mod token;
pub(crate) mod update;

pub(crate) use source::{body, object};

use indexmap::IndexMap;
use service::Call;
use store::Read;

use crate::api;
use crate::error::Error;
use crate::records::{OperationKind, OperationRecord, Phase, StackRecord};
use crate::stacks as records;

/// Entries on one page of a listing.
pub(crate) const PAGE: usize = 100;

/// The stack of this name or id in the caller's account.
pub(crate) fn find(
    reader: &(impl Read + ?Sized),
    call: &Call,
    name_or_id: &str,
) -> Result<Option<StackRecord>, Error> {
    records::find(reader, call.account(), call.region(), name_or_id)
}

/// Tags as pairs.
pub(crate) fn pairs(tags: Vec<api::Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// The values that parameters have now, for `UsePreviousValue`.
pub(crate) fn previous(stack: Option<&StackRecord>) -> IndexMap<String, String> {
    let parameters = stack.into_iter().flat_map(|stack| &stack.content.parameters);
    parameters.map(|parameter| (parameter.key.clone(), parameter.value.clone())).collect()
}

/// An operation that begins with this call.
pub(crate) fn operation(call: &Call, kind: OperationKind, token: Option<String>) -> OperationRecord {
    OperationRecord {
        kind,
        phase: Phase::Forward,
        principal: (**call.principal()).clone(),
        source_ip: call.source().ip,
        is_secure: call.source().is_secure,
        token,
        before: None,
        retain: Vec::new(),
        policy: None,
        asked: None,
        from: None,
        is_led: false,
        change_set_id: None,
    }
}

/// Refuses a member that is there, since ignoring it would change what was asked.
pub(crate) fn refuse(members: &[(&str, bool)]) -> Result<(), Error> {
    match members.iter().find(|(_, present)| *present) {
        None => Ok(()),
        Some((name, _)) => Err(Error::Validation(format!("{name} is not supported here."))),
    }
}

/// A page of a list, and where the next one begins. Tokens are offsets.
pub(crate) fn page<T>(items: Vec<T>, token: Option<&String>) -> Result<(Vec<T>, Option<String>), Error> {
    page_of(items, token, None)
}

/// The same, with at most so many on a page.
pub(crate) fn page_of<T>(
    items: Vec<T>,
    token: Option<&String>,
    most: Option<usize>,
) -> Result<(Vec<T>, Option<String>), Error> {
    let invalid = || Error::Validation("The NextToken is not valid.".to_owned());
    let from: usize = token.map_or(Ok(0), |token| token.parse()).map_err(|_| invalid())?;
    let total = items.len();
    if from > total {
        return Err(invalid());
    }
    let page: Vec<T> = items.into_iter().skip(from).take(most.unwrap_or(PAGE).min(PAGE)).collect();
    let next = from + page.len();
    Ok((page, (next < total).then(|| next.to_string())))
}
