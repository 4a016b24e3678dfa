//! The rules of tags. Keys are unique, with regard to case.
//!
//! What carries tags is not known here.

use identity::records::Tag;

use crate::model::TAGS_MAX;
use crate::{Error, api};

/// Tags of a request as they are stored.
pub(crate) fn from_api(tags: Option<Vec<api::Tag>>) -> Result<Vec<Tag>, Error> {
    let mut stored = Vec::new();
    add(&mut stored, tags.unwrap_or_default())?;
    Ok(stored)
}

/// The tags of what a call makes: the request's, and those that the platform adds.
pub(crate) fn of_new(tags: Option<Vec<api::Tag>>, call: &service::Call) -> Result<Vec<Tag>, Error> {
    let mut stored = from_api(tags)?;
    stored.extend(call.marks());
    Ok(stored)
}

/// Takes tags away, never the platform's own; keys that are not there are no error.
pub(crate) fn remove(stored: &mut Vec<Tag>, keys: &[String]) {
    stored.retain(|(key, _)| service::is_mark(key) || !keys.contains(key));
}

/// Sets tags; one of the same key gets the new value.
pub(crate) fn add(stored: &mut Vec<Tag>, tags: Vec<api::Tag>) -> Result<(), Error> {
    for (at, api::Tag { key, .. }) in tags.iter().enumerate() {
        if service::is_mark(key) {
            return Err(Error::invalid(
                "INVALID_SYSTEM_TAGS_PARAMETER",
                "Tag keys beginning with aws: are reserved.",
            ));
        }
        if tags.iter().take(at).any(|other| other.key == *key) {
            return Err(Error::invalid("DUPLICATE_TAG_KEY", "Duplicate tag keys are not allowed."));
        }
    }
    for api::Tag { key, value } in tags {
        match stored.iter_mut().find(|(other, _)| *other == key) {
            Some(tag) => tag.1 = value,
            None => stored.push((key, value)),
        }
    }
    let own = stored.iter().filter(|(key, _)| !service::is_mark(key)).count();
    if own > TAGS_MAX { Err(Error::quota("MAX_TAG_LIMIT_EXCEEDED", "tags", TAGS_MAX)) } else { Ok(()) }
}
