//! What tags a function, a mapping or a configuration may carry.

use crate::error::Error;

/// The most tags of one thing.
const TAGS_MAX: usize = 50;
/// The longest key.
const KEY_CHARS_MAX: usize = 128;
/// The longest value.
const VALUE_CHARS_MAX: usize = 256;

/// Puts tags over those that are there.
pub(crate) fn set(
    tags: &mut Vec<(String, String)>,
    added: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Error> {
    for (key, value) in added {
        check(&key, &value)?;
        match tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => tags.push((key, value)),
        }
    }
    if tags.iter().filter(|(key, _)| !service::is_mark(key)).count() > TAGS_MAX {
        return Err(Error::InvalidParameterValue(format!("A resource has at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

fn check(key: &str, value: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_alphanumeric() || " +-=._:/@".contains(c);
    let refuse = |message: String| Err(Error::InvalidParameterValue(message));
    if key.is_empty() || key.chars().count() > KEY_CHARS_MAX || !key.chars().all(allowed) {
        return refuse("A tag key is 1 to 128 letters, digits, spaces and + - = . _ : / @".to_owned());
    }
    if value.chars().count() > VALUE_CHARS_MAX || !value.chars().all(allowed) {
        return refuse(format!("The value of tag `{key}` is not valid."));
    }
    if service::is_mark(key) {
        return refuse("Tag keys that begin with aws: are reserved.".to_owned());
    }
    Ok(())
}

/// Refuses to take away what only the platform writes.
pub(crate) fn check_removal(keys: &[String]) -> Result<(), Error> {
    if keys.iter().any(|key| service::is_mark(key)) {
        return Err(Error::InvalidParameterValue("Tag keys that begin with aws: are reserved.".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_replaced_and_bounded() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let mut tags = vec![pair("a", "1")];
        set(&mut tags, [pair("a", "2"), pair("b", "3")]).unwrap();
        assert_eq!(tags, [pair("a", "2"), pair("b", "3")]);
        for bad in [pair("", "x"), pair("aws:x", "x"), pair("AWS:x", "x"), pair("a<", "x"), pair("a", "<")] {
            assert!(set(&mut tags.clone(), [bad]).is_err());
        }
        assert!(set(&mut tags, (0..50).map(|n| (n.to_string(), String::new()))).is_err());
    }
}
