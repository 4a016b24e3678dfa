//! Reading an object: whole, in a range, or only what is said of it.
//!
//! Bytes are answered as the reader takes them; what does not open is never answered.

use std::sync::Arc;

use protocol::Entries;
use service::{Call, Permit, View};
use store::{Key, Range, Read};

use super::put::{quoted, tell_checksum, told_id};
use crate::api;
use crate::encryption::{check_caller, check_not_customers, names_customer_key, tell_encryption};
use crate::error::Error;
use crate::model::condition::Conditions;
use crate::model::{range, words};
use crate::records::{BucketRecord, Content, PARTS, PartRecord, VersionRecord, decode};
use crate::state::{Lookup as _, S3};

/// What a reader asks for, of `GetObject` and `HeadObject` alike.
struct Asked<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    expected_owner: Option<&'a str>,
    conditions: Conditions<'a>,
    range: Option<&'a str>,
    part: Option<i64>,
    names_customer_key: bool,
}

/// What is found, and which bytes of it are wanted.
struct Found {
    bucket: BucketRecord,
    version: VersionRecord,
    from: u64,
    to: u64,
    partial: bool,
}

macro_rules! asked {
    ($input:expr) => {
        Asked {
            bucket: &$input.bucket,
            key: &$input.key,
            version_id: $input.version_id.as_deref(),
            expected_owner: $input.expected_bucket_owner.as_deref(),
            conditions: Conditions {
                matches: $input.if_match.as_deref(),
                none_match: $input.if_none_match.as_deref(),
                modified_since: $input.if_modified_since,
                unmodified_since: $input.if_unmodified_since,
            },
            range: $input.range.as_deref(),
            part: $input.part_number,
            names_customer_key: names_customer_key!($input),
        }
    };
}

fn find(call: &Call, view: &View, asked: &Asked<'_>) -> Result<Found, Error> {
    let bucket = view.bucket(asked.bucket, asked.expected_owner)?;
    let version = view.readable(call, asked.bucket, &bucket, asked.key, asked.version_id)?;
    check_not_customers(asked.names_customer_key)?;
    asked.conditions.check(&version, true, call.now())?;
    let size = version.size;
    let wanted = match (asked.range, asked.part) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid_request(
                "Cannot specify both Range header and partNumber query parameter",
            ));
        }
        (Some(text), None) => range::parse(text, size)?,
        (None, Some(number)) => part(view, &version, number)?,
        (None, None) => None,
    };
    let (from, to) = wanted.unwrap_or((0, size));
    Ok(Found { bucket, version, from, to, partial: wanted.is_some() })
}

/// The bytes of one part; all of them where there never were parts.
fn part(view: &View, version: &VersionRecord, number: i64) -> Result<Option<(u64, u64)>, Error> {
    let invalid = || {
        let message = "The requested partnumber is not satisfiable";
        Error::new("InvalidPartNumber", 416, message)
    };
    let number = u32::try_from(number).ok().filter(|number| *number > 0).ok_or_else(invalid)?;
    let Content::Parts(upload) = &version.content else {
        return if number == 1 {
            Ok((version.size > 0).then_some((0, version.size)))
        } else {
            Err(invalid())
        };
    };
    let mut from = 0;
    let parts = view.list(PARTS, &Range::prefix(Key::new().str(upload)))?;
    for (at, (_, stored)) in parts.iter().enumerate() {
        let part: PartRecord = decode(stored)?;
        if at + 1 == number as usize {
            return Ok(Some((from, from + part.size)));
        }
        from += part.size;
    }
    Err(invalid())
}

/// What both operations tell, member by member.
macro_rules! tell {
    ($output:ident, $input:expr, $found:expr) => {{
        let (version, about) = (&$found.version, &$found.version.about);
        $output.accept_ranges = Some("bytes".to_owned());
        $output.last_modified = Some(version.modified);
        $output.content_length = Some(i64::try_from($found.to - $found.from).unwrap_or(i64::MAX));
        $output.e_tag = Some(quoted(&version.etag));
        $output.version_id = told_id(&$found.bucket, version);
        let or = |asked: &Option<String>, own: &Option<String>| asked.clone().or_else(|| own.clone());
        $output.content_type = or(&$input.response_content_type, &about.content_type);
        $output.cache_control = or(&$input.response_cache_control, &about.cache_control);
        $output.content_disposition = or(&$input.response_content_disposition, &about.content_disposition);
        $output.content_encoding = or(&$input.response_content_encoding, &about.content_encoding);
        $output.content_language = or(&$input.response_content_language, &about.content_language);
        $output.expires =
            $input.response_expires.map(|moment| moment.http_date()).or_else(|| about.expires.clone());
        let told = about.metadata.iter().map(|(name, value)| (name.clone(), words::encoded(value)));
        $output.metadata = Some(told.collect::<Entries<String>>());
        tell_encryption!($output, &$found.bucket, version.managed_key);
        $output.tag_count = (!version.tags.is_empty()).then(|| version.tags.len() as i64);
        $output.parts_count = version.parts.filter(|_| $input.part_number.is_some()).map(i64::from);
        if $found.partial {
            let last = $found.to.saturating_sub(1);
            $output.content_range = Some(format!("bytes {}-{last}/{}", $found.from, version.size));
        }
        if $input.checksum_mode.is_some() && !$found.partial {
            tell_checksum!($output, &version.checksum);
        }
    }};
}

pub(crate) async fn get(s3: Arc<S3>, permit: Permit<api::GetObject>) -> Result<api::GetObjectOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    refuse_overrides(&call, &input)?;
    let asked = asked!(input);
    let (found, held) = s3.look(&call, |view| find(&call, view, &asked), |found| &found.version)?;
    if found.version.managed_key {
        check_caller(&call, &found.bucket)?;
    }
    let mut output =
        api::GetObjectOutput { body: Some(s3.bytes(held, found.from, found.to)), ..Default::default() };
    tell!(output, input, found);
    Ok(output)
}

// SECURITY: who signs nothing does not choose how a browser takes a public object.
fn refuse_overrides(call: &Call, input: &api::GetObjectRequest) -> Result<(), Error> {
    let any = input.response_content_type.is_some()
        || input.response_cache_control.is_some()
        || input.response_content_disposition.is_some()
        || input.response_content_encoding.is_some()
        || input.response_content_language.is_some()
        || input.response_expires.is_some();
    if any && matches!(**call.principal(), identity::Principal::Anonymous) {
        return Err(Error::invalid_request(
            "Request specific response headers cannot be used for anonymous GET requests.",
        ));
    }
    Ok(())
}

pub(crate) async fn head(
    _: Arc<S3>,
    permit: Permit<api::HeadObject>,
) -> Result<api::HeadObjectOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let found = find(&call, &call.view()?, &asked!(input))?;
    let mut output = api::HeadObjectOutput::default();
    tell!(output, input, found);
    Ok(output)
}
