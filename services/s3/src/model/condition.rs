//! `If-Match` and its kin, for reading, for copying and for writing.
//!
//! Compares what is there with what the caller believes; looks nothing up.

use base::Timestamp;

use crate::error::Error;
use crate::records::VersionRecord;

/// What a reader, or the reader of a copy's source, believes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) matches: Option<&'a str>,
    pub(crate) none_match: Option<&'a str>,
    pub(crate) modified_since: Option<Timestamp>,
    pub(crate) unmodified_since: Option<Timestamp>,
}

/// True where a list of entity tags names this one.
fn names(list: &str, etag: &str) -> bool {
    list.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == etag)
}

/// Whole seconds, as headers carry them.
fn secs(moment: Timestamp) -> i64 {
    moment.secs()
}

impl Conditions<'_> {
    /// Ok where the object is as believed. <https://datatracker.ietf.org/doc/html/rfc7232#section-6>
    pub(crate) fn check(&self, version: &VersionRecord, reading: bool) -> Result<(), Error> {
        let unmet = |condition| Err(Error::precondition(condition));
        match self.matches {
            Some(list) if !names(list, &version.etag) => return unmet("If-Match"),
            Some(_) => {}
            None => {
                if self.unmodified_since.is_some_and(|moment| secs(version.modified) > secs(moment)) {
                    return unmet("If-Unmodified-Since");
                }
            }
        }
        let fresh = match self.none_match {
            Some(list) => names(list, &version.etag),
            None => self.modified_since.is_some_and(|moment| secs(version.modified) <= secs(moment)),
        };
        match fresh {
            true if reading => Err(Error::not_modified()),
            true => unmet(if self.none_match.is_some() { "If-None-Match" } else { "If-Modified-Since" }),
            false => Ok(()),
        }
    }
}

/// Refuses a write where the key is not as its writer believes. `current` is what a reader would find now.
pub(crate) fn check_write(
    matches: Option<&str>,
    none_match: Option<&str>,
    current: Option<&VersionRecord>,
    key: &str,
) -> Result<(), Error> {
    match none_match {
        None => {}
        Some("*") if current.is_some() => return Err(Error::precondition("If-None-Match")),
        Some("*") => {}
        Some(_) => return Err(Error::not_implemented("If-None-Match with a value other than *")),
    }
    match (matches, current) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Error::no_such_key(key)),
        (Some(list), Some(current)) if names(list, &current.etag) => Ok(()),
        (Some(_), Some(_)) => Err(Error::precondition("If-Match")),
    }
}
