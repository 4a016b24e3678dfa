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

/// The header that says the same of a copy's source.
fn of_source(condition: &'static str) -> &'static str {
    match condition {
        "If-Match" => "x-amz-copy-source-If-Match",
        "If-None-Match" => "x-amz-copy-source-If-None-Match",
        "If-Modified-Since" => "x-amz-copy-source-If-Modified-Since",
        "If-Unmodified-Since" => "x-amz-copy-source-If-Unmodified-Since",
        other => other,
    }
}

impl Conditions<'_> {
    /// Ok where the object is as believed. A time to come is no condition: nothing was modified since then.
    /// <https://datatracker.ietf.org/doc/html/rfc9110#section-13.1.3>
    pub(crate) fn check(&self, version: &VersionRecord, reading: bool, now: Timestamp) -> Result<(), Error> {
        let unmet =
            |condition| Err(Error::precondition(if reading { condition } else { of_source(condition) }));
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
            None => self
                .modified_since
                .filter(|moment| secs(*moment) <= secs(now))
                .is_some_and(|moment| secs(version.modified) <= secs(moment)),
        };
        match fresh {
            true if reading => Err(Error::not_modified(version)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_no_condition() {
        let at = Timestamp::from_secs;
        let version = crate::versions::marker(at(999_000));
        for (since, refused) in [(998_000, false), (999_000, true), (1_000_000, true), (1_000_001, false)] {
            let conditions = Conditions { modified_since: Some(at(since)), ..Conditions::default() };
            for reading in [true, false] {
                let found = conditions.check(&version, reading, at(1_000_000)).is_err();
                assert_eq!(found, refused, "{since} {reading}");
            }
        }
    }
}
