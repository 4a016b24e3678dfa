//! Tags of buckets and objects: from a header or from XML, within S3's bounds.

use std::collections::BTreeMap;

use crate::api::Tag;
use crate::error::Error;

/// The most tags an object has.
pub(crate) const OBJECT_TAGS_MAX: usize = 10;
/// The most tags a bucket has.
pub(crate) const BUCKET_TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

fn invalid(message: &str) -> Error {
    Error::new("InvalidTag", 400, message)
}

/// Tags from XML.
pub(crate) fn from_list(list: Vec<Tag>, tags_max: usize) -> Result<Tags, Error> {
    collect(list.into_iter().map(|tag| (tag.key, tag.value)), tags_max)
}

/// `a=1&b=2`, percent-encoded.
pub(crate) fn from_header(text: &str) -> Result<Tags, Error> {
    let wrong = || {
        let message = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without \
                       tag name duplicates.";
        Error::invalid_argument(message, "x-amz-tagging", text)
    };
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8()
            .map(|text| text.into_owned())
            .map_err(|_| wrong())
    };
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decode(key)?, decode(value)?);
        if key.starts_with("aws:") {
            return Err(invalid("Your TagKey cannot be prefixed with aws:"));
        }
        pairs.push((key, value));
    }
    collect(pairs, OBJECT_TAGS_MAX)
}

fn collect(pairs: impl IntoIterator<Item = (String, String)>, tags_max: usize) -> Result<Tags, Error> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        if key.is_empty() || key.chars().count() > 128 || !allowed(&key) {
            return Err(invalid("The TagKey you have provided is invalid"));
        }
        if value.chars().count() > 256 || !allowed(&value) {
            return Err(invalid("The TagValue you have provided is invalid"));
        }
        if key.starts_with("aws:") {
            return Err(invalid("System tags cannot be added/updated by requester"));
        }
        if tags.insert(key, value).is_some() {
            return Err(invalid("Cannot provide multiple Tags with the same key"));
        }
    }
    if tags.len() > tags_max {
        let what = if tags_max == OBJECT_TAGS_MAX { "Object tags" } else { "Bucket tag count" };
        let message = format!("{what} cannot be greater than {tags_max}");
        return Err(Error::new("BadRequest", 400, message));
    }
    Ok(tags)
}

fn allowed(text: &str) -> bool {
    text.chars().all(|char| char.is_alphanumeric() || char.is_whitespace() || "_.:/=+-@".contains(char))
}

/// Tags as XML has them.
pub(crate) fn to_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_their_bounds() {
        assert_eq!(from_header("a=1&b=x+y%2B").unwrap()["b"], "x y+");
        let eleven: String = (0..11).map(|at| format!("k{at}=v&")).collect();
        for (text, code) in [
            ("a=1&a=2", "InvalidTag"),
            ("=1", "InvalidTag"),
            ("aws:x=1", "InvalidTag"),
            ("a=%ff", "InvalidArgument"),
            ("a=<", "InvalidTag"),
            (&eleven, "BadRequest"),
        ] {
            let fault = service::ServiceError::into_fault(from_header(text).unwrap_err());
            assert_eq!(fault.code, code, "{text}");
        }
    }
}
