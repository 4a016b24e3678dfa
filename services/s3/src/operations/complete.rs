//! Completing an upload: its parts become an object, in one transaction.
//!
//! What was uploaded and is not named goes; a completion that is asked for again answers the same.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use store::{Key, KeyReader, Range, Transaction};

use super::multipart::{find, forget};
use super::put::{quoted, stated_checksums, tell_checksum, told_id};
use crate::api;
use crate::encryption::{check_caller, check_not_customers, names_customer_key, tell_encryption};
use crate::error::Error;
use crate::model::{condition, name};
use crate::records::{
    self, BucketRecord, Checksum, Content, PARTS, PartRecord, UploadRecord, VersionRecord, decode,
};
use crate::state::{Lookup as _, S3};
use crate::versions;
use crypto::checksum::{self, Algorithm, Hasher};
use service::Permit;

/// The smallest part but for the last: 5 MiB.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;
/// The largest object: 5 TiB.
const OBJECT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024 * 1024;

pub(crate) async fn complete(
    _: Arc<S3>,
    permit: Permit<api::CompleteMultipartUpload>,
) -> Result<api::CompleteMultipartUploadOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    name::check_key(&input.key)?;
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let named = input.multipart_upload.clone().and_then(|upload| upload.parts).unwrap_or_default();
    if named.is_empty() || named.len() > 10_000 {
        return Err(Error::malformed_xml());
    }
    let own = call.clone();
    let asked = input.clone();
    let (bucket, version) = call
        .transact(move |transaction| {
            let now = records::bucket(transaction, &asked.bucket)?;
            if now.id != bucket.id {
                return Err(Error::no_such_bucket(&asked.bucket));
            }
            let current = versions::current(transaction, &now.id, &asked.key)?;
            if let Some(done) = already(current.as_ref(), &asked.upload_id) {
                return Ok((now, done));
            }
            let upload = find(transaction, &now.id, &asked.key, &asked.upload_id)?;
            check_not_customers(names_customer_key!(asked))?;
            if upload.managed_key {
                check_caller(&own, &now)?;
            }
            let (matches, none) = (asked.if_match.as_deref(), asked.if_none_match.as_deref());
            condition::check_write(matches, none, current.as_ref(), &asked.key)?;
            check_stated_of_parts(&upload, &named)?;
            let parts = choose(transaction, &asked.upload_id, &named)?;
            let version = version(own.now(), &asked, upload, &parts)?;
            forget(transaction, &now.id, &asked.key, &asked.upload_id)?;
            let written = versions::push(transaction, &now, &asked.key, version)?;
            Ok::<(BucketRecord, VersionRecord), Error>((now, written))
        })
        .await?;
    let mut output = api::CompleteMultipartUploadOutput {
        location: Some(address(&input.bucket, &input.key, call.region().as_str())),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(quoted(&version.etag)),
        version_id: told_id(&bucket, &version),
        ..Default::default()
    };
    tell_encryption!(output, &bucket, version.managed_key);
    tell_checksum!(output, &version.checksum);
    Ok(output)
}

/// What the address of an object leaves of its key as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The object's address, in AWS's words: slashes of its key are encoded too.
fn address(bucket: &str, key: &str, region: &str) -> String {
    format!("https://{bucket}.s3.{region}.amazonaws.com/{}", utf8_percent_encode(key, UNRESERVED))
}

/// The object that this upload became, where it is still what readers find.
fn already(current: Option<&VersionRecord>, upload: &str) -> Option<VersionRecord> {
    current.filter(|version| matches!(&version.content, Content::Parts(id) if id == upload)).cloned()
}

/// The named parts, in order; all others of the upload are released.
fn choose(
    transaction: &mut Transaction<'_>,
    upload: &str,
    named: &[api::CompletedPart],
) -> Result<Vec<PartRecord>, Error> {
    let mut chosen = Vec::with_capacity(named.len());
    let mut wanted = named.iter().peekable();
    let mut previous = 0;
    for part in named {
        let number = part.part_number.ok_or_else(Error::malformed_xml)?;
        if number <= previous {
            return Err(Error::part_order(upload));
        }
        previous = number;
    }
    for (place, stored) in transaction.scan(PARTS, &Range::prefix(Key::new().str(upload)))? {
        let mut reader = KeyReader::new(&place);
        let number = reader.str().and_then(|_| reader.u32()).map_err(service::Internal::new)?;
        let part: PartRecord = decode(&stored)?;
        match wanted.next_if(|wanted| wanted.part_number == Some(i64::from(number))) {
            Some(wanted) => {
                if !is_as_named(wanted, &part) {
                    return Err(Error::invalid_part(upload, wanted));
                }
                chosen.push(part);
            }
            None => {
                versions::release(transaction, &part.content)?;
                transaction.delete(PARTS, place)?;
            }
        }
    }
    if let Some(missing) = wanted.peek() {
        return Err(Error::invalid_part(upload, missing));
    }
    let mut before_last = named.iter().zip(&chosen).rev().skip(1).rev();
    if let Some((named, part)) = before_last.find(|(_, part)| part.size < PART_BYTES_MIN) {
        return Err(Error::part_too_small(named.part_number.unwrap_or_default(), part, PART_BYTES_MIN));
    }
    Ok(chosen)
}

/// Where the upload was begun with a checksum of its parts' checksums, each part's is stated again, and no part is left out.
fn check_stated_of_parts(upload: &UploadRecord, named: &[api::CompletedPart]) -> Result<(), Error> {
    let Some(algorithm) = upload.algorithm.filter(|_| upload.composite) else { return Ok(()) };
    for (part, place) in named.iter().zip(1..) {
        let stated = stated_checksums!(part);
        let is_stated = |(own, value): (Algorithm, Option<&str>)| own == algorithm && value.is_some();
        let number = part.part_number.unwrap_or_default();
        if !Algorithm::ALL.into_iter().zip(stated.values).any(is_stated) {
            let name = algorithm.name().to_ascii_lowercase();
            return Err(Error::invalid_request(format!(
                "The upload was created using a {name} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request."
            )));
        }
        if number != place {
            return Err(Error::part_order(&upload.id));
        }
    }
    Ok(())
}

fn is_as_named(wanted: &api::CompletedPart, part: &PartRecord) -> bool {
    let same_tag = wanted.e_tag.as_deref().is_some_and(|etag| etag.trim_matches('"') == part.etag);
    let stated = stated_checksums!(wanted);
    let mut values = Algorithm::ALL.into_iter().zip(stated.values);
    same_tag
        && values.all(|(algorithm, value)| match (value, &part.checksum) {
            (None, _) => true,
            (Some(value), Some(own)) => own.algorithm == algorithm && own.value == value,
            (Some(_), None) => false,
        })
}

/// The object that the parts make.
fn version(
    now: base::Timestamp,
    asked: &api::CompleteMultipartUploadRequest,
    upload: UploadRecord,
    parts: &[PartRecord],
) -> Result<VersionRecord, Error> {
    let size = parts.iter().fold(0_u64, |size, part| size.saturating_add(part.size));
    if size > OBJECT_BYTES_MAX {
        return Err(Error::new(
            "EntityTooLarge",
            400,
            "Your proposed upload exceeds the maximum allowed object size.",
        ));
    }
    if asked.mpu_object_size.is_some_and(|stated| u64::try_from(stated).is_ok_and(|stated| stated != size)) {
        return Err(Error::invalid_request(
            "The provided 'x-amz-mp-object-size' header value does not match the size of the object.",
        ));
    }
    let mut md5 = crypto::Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.etag).map_err(service::Internal::new)?);
    }
    let checksum = whole_checksum(&upload, parts)?;
    check_stated(asked, checksum.as_ref())?;
    Ok(VersionRecord {
        marker: false,
        size,
        etag: format!("{}-{}", hex::encode(md5.finish()), parts.len()),
        content: Content::Parts(asked.upload_id.clone()),
        managed_key: upload.managed_key,
        about: upload.about,
        tags: upload.tags,
        checksum,
        parts: u32::try_from(parts.len()).ok(),
        ..versions::marker(now)
    })
}

/// The checksum of the whole, from those of its parts; `None` where they have nothing in common.
fn whole_checksum(upload: &UploadRecord, parts: &[PartRecord]) -> Result<Option<Checksum>, Error> {
    let own = |part: &PartRecord| part.checksum.as_ref().map(|checksum| checksum.algorithm);
    let Some(algorithm) = upload.algorithm.or_else(|| parts.first().and_then(own)) else { return Ok(None) };
    if parts.iter().any(|part| own(part) != Some(algorithm)) {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        let text = part.checksum.as_ref().map(|checksum| checksum.value.as_str()).unwrap_or_default();
        let value = checksum::decode(algorithm, text);
        values.push((
            value.ok_or_else(|| service::Internal::new("a part's checksum does not read"))?,
            part.size,
        ));
    }
    if upload.composite {
        let mut hasher = Hasher::new(algorithm);
        values.iter().for_each(|(value, _)| hasher.update(value));
        let value = format!("{}-{}", checksum::encode(&hasher.finish()), parts.len());
        return Ok(Some(Checksum { algorithm, value, composite: true }));
    }
    let mut values = values.into_iter();
    let Some((first, _)) = values.next() else { return Ok(None) };
    let whole = values.try_fold(first, |whole, (value, size)| algorithm.combine(&whole, &value, size));
    Ok(whole.map(|whole| Checksum { algorithm, value: checksum::encode(&whole), composite: false }))
}

/// What the caller says of the whole must be so.
fn check_stated(
    asked: &api::CompleteMultipartUploadRequest,
    checksum: Option<&Checksum>,
) -> Result<(), Error> {
    let stated = stated_checksums!(asked);
    if stated.unknown {
        return Err(Error::not_implemented("this checksum algorithm"));
    }
    for (algorithm, value) in Algorithm::ALL.into_iter().zip(stated.values) {
        let Some(value) = value else { continue };
        let same = checksum.is_some_and(|own| {
            let bare = own.value.split_once('-').map_or(own.value.as_str(), |(bare, _)| bare);
            own.algorithm == algorithm && (own.value == value || bare == value)
        });
        if !same {
            let message =
                format!("The {} you specified did not match the calculated checksum.", algorithm.name());
            return Err(Error::new("BadDigest", 400, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_uris() {
        let told = address("b", "a/é x+~.bin", "eu-west-1");
        assert_eq!(told, "https://b.s3.eu-west-1.amazonaws.com/a%2F%C3%A9%20x%2B~.bin");
    }
}
