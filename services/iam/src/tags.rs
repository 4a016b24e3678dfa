//! The rules of tags.
//!
//! A tag's key is unique without regard to case and keeps the case it was given.

use identity::records::Tag;

use crate::{Error, api, quota};

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

/// Stored tags as answers carry them; `None` where there are none.
pub(crate) fn to_api(tags: &[Tag]) -> Option<Vec<api::Tag>> {
    (!tags.is_empty()).then(|| list(tags))
}

/// Stored tags as listings carry them.
pub(crate) fn list(tags: &[Tag]) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Sets tags; one of the same key gets the new value.
pub(crate) fn add(stored: &mut Vec<Tag>, tags: Vec<api::Tag>) -> Result<(), Error> {
    let mut seen: Vec<String> = Vec::with_capacity(tags.len());
    for api::Tag { key, value } in tags {
        let lower = key.to_ascii_lowercase();
        if seen.contains(&lower) {
            return Err(Error::InvalidInput(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.".to_owned(),
            ));
        }
        if service::is_mark(&key) {
            return Err(Error::InvalidInput("Tag keys beginning with aws: are reserved.".to_owned()));
        }
        seen.push(lower);
        match stored.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(&key)) {
            Some(tag) => *tag = (key, value),
            None => stored.push((key, value)),
        }
    }
    if stored.iter().filter(|(key, _)| !service::is_mark(key)).count() > quota::TAGS_MAX {
        return Err(Error::LimitExceeded("The number of tags has reached the maximum limit.".to_owned()));
    }
    Ok(())
}

/// Takes tags away; keys that are not there are no error.
pub(crate) fn remove(stored: &mut Vec<Tag>, keys: &[String]) -> Result<(), Error> {
    if keys.iter().any(|key| service::is_mark(key)) {
        return Err(Error::InvalidInput("Tag keys beginning with aws: are reserved.".to_owned()));
    }
    stored.retain(|(key, _)| !keys.iter().any(|other| other.eq_ignore_ascii_case(key)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<api::Tag> {
        pairs.iter().map(|(key, value)| api::Tag { key: (*key).into(), value: (*value).into() }).collect()
    }

    #[test]
    fn a_later_tag_of_the_same_key_replaces_the_earlier() {
        let mut stored = from_api(Some(tags(&[("Team", "a"), ("x", "1")]))).unwrap();
        add(&mut stored, tags(&[("team", "b")])).unwrap();
        assert_eq!(stored, [("team".to_owned(), "b".to_owned()), ("x".to_owned(), "1".to_owned())]);
        remove(&mut stored, &["TEAM".to_owned(), "none".to_owned()]).unwrap();
        assert!(remove(&mut stored, &["AWS:x".to_owned()]).is_err());
        assert_eq!(stored.len(), 1);
    }

    #[test]
    fn duplicates_reserved_keys_and_too_many_are_refused() {
        assert!(from_api(Some(tags(&[("a", ""), ("A", "")]))).is_err());
        assert!(from_api(Some(tags(&[("aws:x", "")]))).is_err());
        let many: Vec<api::Tag> =
            (0..51).map(|at| api::Tag { key: at.to_string(), value: String::new() }).collect();
        assert!(matches!(from_api(Some(many)), Err(Error::LimitExceeded(_))));
    }
}
