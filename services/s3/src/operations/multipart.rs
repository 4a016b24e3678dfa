//! Uploads in parts: begun, filled in any order, and completed into one object without copying a byte.
//!
//! Parts are visible to whoever lists them and to nobody else; an upload that is aborted leaves nothing.

use std::sync::Arc;

use protocol::ByteStream;
use store::{Read, Transaction};

use super::put::{Stated, about, chosen, extras, quoted, stated_checksums, tell_checksum, wanted};
use crate::api;
use crate::content::{Received, Wanted, receive};
use crate::encryption::{check_caller, tell_encryption};
use crate::error::Error;
use crate::model::condition::Conditions;
use crate::model::{name, range, tags};
use crate::records::{
    self, BucketRecord, Checksum, Content, PARTS, PartRecord, UPLOADS, UploadRecord, decode, encode,
    part_key, upload_key,
};
use crate::state::{Lookup as _, S3};
use crate::versions;
use crypto::checksum::{self, Algorithm};
use service::{Call, Permit};

/// The highest number of a part.
pub(crate) const PARTS_MAX: i64 = 10_000;

/// The upload, or that there is none.
pub(crate) fn find(
    from: &(impl Read + ?Sized),
    bucket_id: &str,
    key: &str,
    upload: &str,
) -> Result<UploadRecord, Error> {
    records::find_upload(from, bucket_id, key, upload)?.ok_or_else(|| Error::no_such_upload(upload))
}

pub(crate) async fn create(
    _: Arc<S3>,
    permit: Permit<api::CreateMultipartUpload>,
) -> Result<api::CreateMultipartUploadOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    name::check_key(&input.key)?;
    extras!(input).check()?;
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let managed_key = chosen!(input, &call, &bucket)?;
    let (algorithm, composite) = kind(input.checksum_algorithm.as_deref(), input.checksum_type.as_deref())?;
    let id = crypto::random::alphanumeric(64);
    let record = UploadRecord {
        v: 1,
        id: id.clone(),
        initiated: call.now(),
        about: about!(input)?,
        tags: input.tagging.as_deref().map(tags::from_header).transpose()?.unwrap_or_default(),
        algorithm,
        composite,
        managed_key,
        encryption: input.server_side_encryption.clone(),
        kms_key: input.ssekms_key_id.as_ref().map(|key| key.expose().clone()),
    };
    let told = bucket.clone();
    let place = upload_key(&bucket.id, &input.key, &id);
    let bucket_name = input.bucket.clone();
    call.transact(move |transaction| {
        if records::bucket(transaction, &bucket_name)?.id != bucket.id {
            return Err(Error::no_such_bucket(&bucket_name));
        }
        transaction.put(UPLOADS, place, encode(&record)?)?;
        Ok(())
    })
    .await?;
    let mut output = api::CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: algorithm.map(|algorithm| algorithm.name().to_owned()),
        checksum_type: algorithm.map(|_| if composite { "COMPOSITE" } else { "FULL_OBJECT" }.to_owned()),
        ..Default::default()
    };
    tell_encryption!(output, &told, managed_key);
    Ok(output)
}

/// Which checksum the whole object will have, and whether it is made of the parts' checksums.
fn kind(algorithm: Option<&str>, kind: Option<&str>) -> Result<(Option<Algorithm>, bool), Error> {
    let Some(named) = algorithm else {
        return match kind {
            None => Ok((None, false)),
            Some(_) => Err(Error::invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let algorithm = Algorithm::parse(&named.to_ascii_uppercase())
        .ok_or_else(|| Error::not_implemented("this checksum algorithm"))?;
    let is_sum = !matches!(algorithm, Algorithm::Sha1 | Algorithm::Sha256);
    let composite = match kind {
        None => algorithm != Algorithm::Crc64Nvme,
        Some("COMPOSITE") => true,
        Some("FULL_OBJECT") => false,
        Some(other) => {
            let message = "Value for x-amz-checksum-type header is invalid.";
            return Err(Error::invalid_argument(message, "x-amz-checksum-type", other));
        }
    };
    if composite && algorithm == Algorithm::Crc64Nvme || !composite && !is_sum {
        let kind = if composite { "COMPOSITE" } else { "FULL_OBJECT" };
        let message = format!(
            "The {kind} checksum type cannot be used with the {} checksum algorithm.",
            named.to_lowercase()
        );
        return Err(Error::invalid_request(message));
    }
    Ok((Some(algorithm), composite))
}

/// Which part of which upload.
struct Target<'a> {
    bucket_name: &'a str,
    bucket: &'a BucketRecord,
    key: &'a str,
    upload: &'a str,
    number: u32,
}

fn number(asked: i64) -> Result<u32, Error> {
    u32::try_from(asked).ok().filter(|_| (1..=PARTS_MAX).contains(&asked)).ok_or_else(|| {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        Error::invalid_argument(message, "partNumber", &asked.to_string())
    })
}

/// Takes a part in and puts it in the place of the one of its number.
async fn fill(
    s3: &S3,
    call: &Call,
    target: Target<'_>,
    body: &ByteStream,
    mut wanted: Wanted,
) -> Result<(PartRecord, bool), Error> {
    let upload = find(&call.view()?, &target.bucket.id, target.key, target.upload)?;
    if upload.managed_key {
        check_caller(call, target.bucket)?;
    }
    match (upload.algorithm, wanted.algorithm) {
        (Some(expected), Some(actual)) if expected != actual => {
            return Err(Error::invalid_request(format!(
                "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                expected.name().to_lowercase(),
                actual.name().to_lowercase()
            )));
        }
        (expected, actual) => wanted.algorithm = actual.or(expected),
    }
    let received = receive(&s3.files, body, &wanted).await?;
    let part = place(call, &target, &received).await?;
    received.keep();
    Ok((part, upload.managed_key))
}

async fn place(call: &Call, target: &Target<'_>, received: &Received) -> Result<PartRecord, Error> {
    call.transact(|transaction| {
        // Completed or aborted while the part was on its way: it is nobody's.
        if records::bucket(transaction, target.bucket_name)?.id != target.bucket.id {
            return Err(Error::no_such_bucket(target.bucket_name));
        }
        find(transaction, &target.bucket.id, target.key, target.upload)?;
        let key = part_key(target.upload, target.number);
        if let Some(stored) = transaction.get(PARTS, &key)? {
            let before: PartRecord = decode(&stored)?;
            versions::release(transaction, &before.content)?;
        }
        let part = PartRecord {
            v: 1,
            size: received.size,
            etag: hex::encode(received.md5),
            modified: call.now(),
            content: received.place(transaction)?,
            checksum: Some(Checksum {
                algorithm: received.algorithm,
                value: checksum::encode(&received.checksum),
                composite: false,
            }),
        };
        transaction.put(PARTS, &key, encode(&part)?)?;
        Ok(part)
    })
    .await
}

pub(crate) async fn upload_part(
    s3: Arc<S3>,
    permit: Permit<api::UploadPart>,
) -> Result<api::UploadPartOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    if input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some() {
        return Err(Error::not_implemented("SSE-C"));
    }
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let stated: Stated<'_> = stated_checksums!(input);
    let algorithm = input.checksum_algorithm.as_deref();
    let wanted = wanted(&stated, algorithm, input.content_md5.as_deref(), super::put::PUT_BYTES_MAX)?;
    let target = Target {
        bucket_name: &input.bucket,
        bucket: &bucket,
        key: &input.key,
        upload: &input.upload_id,
        number: number(input.part_number)?,
    };
    let body = super::put::body(input.body.take())?;
    let wanted = wanted.announced_by(&body);
    let (part, managed_key) = fill(&s3, &call, target, &body, wanted).await?;
    let mut told = Told::default();
    tell_checksum!(told, &part.checksum);
    let mut output = api::UploadPartOutput {
        e_tag: Some(quoted(&part.etag)),
        checksum_crc32: told.checksum_crc32,
        checksum_crc32_c: told.checksum_crc32_c,
        checksum_crc64_nvme: told.checksum_crc64_nvme,
        checksum_sha1: told.checksum_sha1,
        checksum_sha256: told.checksum_sha256,
        ..Default::default()
    };
    tell_encryption!(output, &bucket, managed_key);
    Ok(output)
}

/// A checksum on its way to an answer that does not tell its type.
type Told = api::CopyObjectResult;

pub(crate) async fn copy_part(
    s3: Arc<S3>,
    permit: Permit<api::UploadPartCopy>,
) -> Result<api::UploadPartCopyOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    if input.sse_customer_algorithm.is_some() || input.copy_source_sse_customer_algorithm.is_some() {
        return Err(Error::not_implemented("SSE-C"));
    }
    let source = name::CopySource::parse(&input.copy_source)?;
    let target = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let source_owner = input.expected_source_bucket_owner.as_deref();
    let ((bucket, from, found), held) = super::copy::look(&s3, &call, target, &source, source_owner)?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.as_deref(),
        none_match: input.copy_source_if_none_match.as_deref(),
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    conditions.check(&found, false, call.now())?;
    if found.managed_key {
        check_caller(&call, &from)?;
    }
    let (first, end) = match input.copy_source_range.as_deref() {
        Some(text) => range::of_copy(text, found.size)?,
        None => (0, found.size),
    };
    let wanted = Wanted { bytes_max: super::put::PUT_BYTES_MAX, ..Wanted::default() };
    let target = Target {
        bucket_name: &input.bucket,
        bucket: &bucket,
        key: &input.key,
        upload: &input.upload_id,
        number: number(input.part_number)?,
    };
    let (part, managed_key) = fill(&s3, &call, target, &s3.bytes(held, first, end), wanted).await?;
    let mut told = Told::default();
    tell_checksum!(told, &part.checksum);
    let mut output = api::UploadPartCopyOutput {
        copy_source_version_id: super::put::told_id(&from, &found),
        copy_part_result: Some(api::CopyPartResult {
            e_tag: Some(quoted(&part.etag)),
            last_modified: Some(part.modified),
            checksum_crc32: told.checksum_crc32,
            checksum_crc32_c: told.checksum_crc32_c,
            checksum_crc64_nvme: told.checksum_crc64_nvme,
            checksum_sha1: told.checksum_sha1,
            checksum_sha256: told.checksum_sha256,
            ..Default::default()
        }),
        ..Default::default()
    };
    tell_encryption!(output, &bucket, managed_key);
    Ok(output)
}

pub(crate) async fn abort(
    _: Arc<S3>,
    permit: Permit<api::AbortMultipartUpload>,
) -> Result<api::AbortMultipartUploadOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    call.transact(move |transaction| {
        let upload = find(transaction, &bucket.id, &input.key, &input.upload_id)?;
        if input.if_match_initiated_time.is_some_and(|moment| moment.secs() != upload.initiated.secs()) {
            return Err(Error::precondition("x-amz-if-match-initiated-time"));
        }
        forget(transaction, &bucket.id, &input.key, &input.upload_id)?;
        versions::release(transaction, &Content::Parts(input.upload_id.clone()))
    })
    .await?;
    Ok(api::AbortMultipartUploadOutput::default())
}

/// The upload is over; its parts are another's business.
pub(super) fn forget(
    transaction: &mut Transaction<'_>,
    bucket_id: &str,
    key: &str,
    upload: &str,
) -> Result<(), Error> {
    Ok(transaction.delete(UPLOADS, upload_key(bucket_id, key, upload))?)
}
