//! Names of buckets, keys of objects, ids of versions, and where a copy comes from.
//!
//! Says whether a name could be one, never whether there is such a thing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;

/// The longest key, in bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;

/// Refuses a name that no bucket can have.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(crate) fn check_bucket(name: &str) -> Result<(), Error> {
    let bytes = name.as_bytes();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let fits = (3..=63).contains(&name.len())
        && bytes.iter().all(|byte| plain(*byte) || matches!(byte, b'.' | b'-'))
        && bytes.first().is_some_and(|byte| plain(*byte))
        && bytes.last().is_some_and(|byte| plain(*byte))
        && !name.contains("..")
        && !is_address(name);
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| name.starts_with(prefix))
        || ["-s3alias", "--ol-s3", ".mrap", "--x-s3"].iter().any(|suffix| name.ends_with(suffix));
    if fits && !reserved {
        return Ok(());
    }
    let shown: String = name.chars().take(128).collect();
    Err(service::error::Fault::sender("InvalidBucketName", "The specified bucket is not valid.")
        .with_member("BucketName", shown)
        .into())
}

fn is_address(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())
}

/// Refuses a key that is too long.
pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    Err(service::error::Fault::sender("KeyTooLongError", "Your key is too long")
        .with_member("Size", key.len().to_string())
        .with_member("MaxSizeAllowed", KEY_BYTES_MAX.to_string())
        .into())
}

/// The id of a version: its place among its key's versions and what nobody can guess, 32 characters as in AWS.
pub(crate) fn version_id(seq: u64) -> String {
    let mut bytes = [0; 24];
    let random: [u8; 16] = crypto::random::bytes();
    for (to, from) in bytes.iter_mut().zip(seq.to_be_bytes().into_iter().chain(random)) {
        *to = from;
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How many versions a key can ever have: ids of others' making name places beyond.
const PLACES_MAX: u64 = 1 << 40;

/// The place that an id names; `None` where it is no id of ours.
pub(crate) fn place_of(version_id: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(version_id).ok()?;
    let place =
        bytes.first_chunk::<8>().map(|place| u64::from_be_bytes(*place)).filter(|_| bytes.len() == 24)?;
    (place < PLACES_MAX).then_some(place)
}

/// Where a copy comes from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CopySource {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) version: Option<String>,
}

impl CopySource {
    /// `bucket/key?versionId=…`, or an ARN, percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
            Error::invalid_argument(message, "x-amz-copy-source", text)
        };
        let (path, version) = match text.split_once("?versionId=") {
            Some((path, version)) => (path, Some(version)),
            None => (text, None),
        };
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| wrong())
        };
        let path = decode(path)?;
        let path = path.strip_prefix("arn:aws:s3:::").unwrap_or(path.strip_prefix('/').unwrap_or(&path));
        let (bucket, key) = path.split_once('/').ok_or_else(wrong)?;
        if bucket.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        check_key(key)?;
        let version = version.map(decode).transpose()?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned(), version })
    }
}

/// The ARN of a bucket, or of an object in it.
pub(crate) fn arn(bucket: &str, key: Option<&str>) -> String {
    match key {
        Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
        None => format!("arn:aws:s3:::{bucket}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_buckets_keep_the_rules() {
        for name in ["abc", "a.b-c", "0123456789", &"a".repeat(63), "1.2.3", "my.bucket.1"] {
            assert!(check_bucket(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "ab",
            &"a".repeat(64),
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            ".abc",
            "a..b",
            "1.2.3.4",
            "xn--abc",
            "a-s3alias",
            "a/b",
            "é23",
        ] {
            assert!(check_bucket(name).is_err(), "{name}");
        }
    }

    #[test]
    fn ids_name_their_place() {
        let id = version_id(77);
        assert_eq!((id.len(), place_of(&id)), (32, Some(77)));
        assert_ne!(version_id(77), id);
        for text in ["", "null", "AAAA", &"A".repeat(33), "!", "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"] {
            assert_eq!(place_of(text), None, "{text}");
        }
    }

    #[test]
    fn copy_sources_are_decoded_once() {
        let source = |bucket: &str, key: &str, version: Option<&str>| CopySource {
            bucket: bucket.into(),
            key: key.into(),
            version: version.map(Into::into),
        };
        for (text, expected) in [
            ("b/k", source("b", "k", None)),
            ("/b/a/b%20c%2525", source("b", "a/b c%25", None)),
            ("b%2Fk?versionId=v1", source("b", "k", Some("v1"))),
            ("arn:aws:s3:::b/k", source("b", "k", None)),
        ] {
            assert_eq!(CopySource::parse(text).unwrap(), expected);
        }
        for text in ["", "b", "b/", "/b", "b/%ff"] {
            assert!(CopySource::parse(text).is_err(), "{text}");
        }
    }
}
