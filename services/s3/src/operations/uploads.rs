//! Listing uploads and their parts, and the attributes of an object.
//!
//! Only reads.

use std::sync::Arc;

use service::{Permit, View};
use store::{Key, KeyReader, Range, Read};

use super::list::{Spelling, page_size};
use super::multipart::find;
use super::put::{kind_of, quoted, tell_checksum, told_id};
use crate::api;
use crate::encryption::{check_not_customers, names_customer_key};
use crate::error::Error;
use crate::model::list::{Found, Query};
use crate::records::{Content, PARTS, PartRecord, UPLOADS, UploadRecord, decode, part_key};
use crate::state::{Lookup as _, S3, owner};

/// The most parts of a page.
const PAGE_MAX: usize = 1_000;

/// A page of parts: number and record, and whether there are more.
fn parts(view: &View, upload: &str, after: u32, max: usize) -> Result<(Vec<(u32, PartRecord)>, bool), Error> {
    let range = Range::prefix(Key::new().str(upload)).after(part_key(upload, after)).limit(max + 1);
    let mut parts = Vec::new();
    for (place, stored) in view.list(PARTS, &range)? {
        let mut reader = KeyReader::new(&place);
        let number = reader.str().and_then(|_| reader.u32()).map_err(service::Internal::new)?;
        parts.push((number, decode(&stored)?));
    }
    let more = parts.len() > max;
    parts.truncate(max);
    Ok((parts, more))
}

fn marker(asked: Option<i64>) -> Result<u32, Error> {
    u32::try_from(asked.unwrap_or(0)).map_err(|_| {
        let message = "Argument part-number-marker must be an integer between 0 and 2147483647";
        Error::invalid_argument(message, "part-number-marker", &asked.unwrap_or_default().to_string())
    })
}

pub(crate) async fn list_parts(
    _: Arc<S3>,
    permit: Permit<api::ListParts>,
) -> Result<api::ListPartsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let upload = find(&view, &bucket.id, &input.key, &input.upload_id)?;
    let max = page_size(input.max_parts)?.min(PAGE_MAX);
    let after = marker(input.part_number_marker)?;
    let (found, more) = parts(&view, &input.upload_id, after, max)?;
    let last = found.last().map(|(number, _)| i64::from(*number));
    let told = found.iter().map(|(number, part)| {
        let mut told = api::CopyObjectResult::default();
        tell_checksum!(told, &part.checksum);
        api::Part {
            part_number: Some(i64::from(*number)),
            last_modified: Some(part.modified),
            e_tag: Some(quoted(&part.etag)),
            size: Some(i64::try_from(part.size).unwrap_or(i64::MAX)),
            checksum_crc32: told.checksum_crc32,
            checksum_crc32_c: told.checksum_crc32_c,
            checksum_crc64_nvme: told.checksum_crc64_nvme,
            checksum_sha1: told.checksum_sha1,
            checksum_sha256: told.checksum_sha256,
            ..Default::default()
        }
    });
    let own = owner(bucket.account);
    Ok(api::ListPartsOutput {
        parts: Some(told.collect()),
        is_truncated: Some(more),
        part_number_marker: Some(i64::from(after)),
        next_part_number_marker: last.or(Some(0)),
        max_parts: Some(i64::try_from(max).unwrap_or(1_000)),
        initiator: Some(api::Initiator { id: own.id.clone(), display_name: None }),
        owner: Some(own),
        storage_class: Some("STANDARD".to_owned()),
        checksum_algorithm: upload.algorithm.map(|algorithm| algorithm.name().to_owned()),
        checksum_type: type_of(&upload),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..Default::default()
    })
}

fn type_of(upload: &UploadRecord) -> Option<String> {
    upload.algorithm.map(|_| if upload.composite { "COMPOSITE" } else { "FULL_OBJECT" }.to_owned())
}

fn told(key: String, upload: &UploadRecord, own: &api::Owner) -> api::MultipartUpload {
    api::MultipartUpload {
        upload_id: Some(upload.id.clone()),
        key: Some(key),
        initiated: Some(upload.initiated),
        storage_class: Some("STANDARD".to_owned()),
        owner: Some(own.clone()),
        initiator: Some(api::Initiator { id: own.id.clone(), display_name: None }),
        checksum_algorithm: upload.algorithm.map(|algorithm| algorithm.name().to_owned()),
        checksum_type: type_of(upload),
    }
}

pub(crate) async fn list_uploads(
    _: Arc<S3>,
    permit: Permit<api::ListMultipartUploads>,
) -> Result<api::ListMultipartUploadsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let spelling = Spelling::parse(input.encoding_type.as_deref())?;
    let max = page_size(input.max_uploads)?;
    let own = owner(bucket.account);
    let (mut uploads, mut prefixes) = (Vec::new(), Vec::new());
    let (mut last, mut next) = (None, None);
    let query = Query {
        table: UPLOADS,
        bucket_id: &bucket.id,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref(),
        after: input.key_marker.as_deref(),
    };
    let seen = input.upload_id_marker.as_deref();
    query.run_with_markers(view.snapshot(), |found| {
        let upload: Option<UploadRecord> = match &found {
            Found::Key(_, stored) => Some(decode(stored)?),
            Found::Prefix(_) => None,
        };
        // The marker's own key: only uploads behind the one that was shown last.
        if let (Found::Key(key, _), Some(upload)) = (&found, &upload)
            && input.key_marker.as_ref() == Some(key)
            && seen.is_none_or(|seen| upload.id.as_str() <= seen)
        {
            return Ok(true);
        }
        if uploads.len() + prefixes.len() == max {
            next = last.take();
            return Ok(false);
        }
        match (found, upload) {
            (Found::Key(key, _), Some(upload)) => {
                last = Some((key.clone(), Some(upload.id.clone())));
                uploads.push(told(spelling.write(&key), &upload, &own));
            }
            (Found::Prefix(prefix), _) => {
                prefixes.push(api::CommonPrefix { prefix: Some(spelling.write(&prefix)) });
                last = Some((prefix, None));
            }
            (Found::Key(..), None) => {}
        }
        Ok(true)
    })?;
    let (next_key, next_upload) = next.map_or((None, None), |(key, upload)| (Some(key), upload));
    let spelled = |text: &Option<String>| text.as_deref().map(|text| spelling.write(text));
    Ok(api::ListMultipartUploadsOutput {
        is_truncated: Some(next_key.is_some()),
        next_key_marker: spelled(&next_key),
        next_upload_id_marker: next_upload,
        key_marker: Some(spelled(&input.key_marker).unwrap_or_default()),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        prefix: Some(spelled(&input.prefix).unwrap_or_default()),
        delimiter: spelled(&input.delimiter),
        max_uploads: Some(i64::try_from(max).unwrap_or(1_000)),
        uploads: Some(uploads),
        common_prefixes: Some(prefixes),
        encoding_type: spelling.name(),
        bucket: Some(input.bucket),
        request_charged: None,
    })
}

pub(crate) async fn attributes(
    _: Arc<S3>,
    permit: Permit<api::GetObjectAttributes>,
) -> Result<api::GetObjectAttributesOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let version = view.readable(&call, &input.bucket, &bucket, &input.key, input.version_id.as_deref())?;
    check_not_customers(names_customer_key!(input))?;
    let wants = |name: &str| input.object_attributes.iter().any(|asked| asked == name);
    let checksum = version.checksum.as_ref().filter(|_| wants("Checksum")).map(|own| {
        let mut told = api::Checksum::default();
        tell_checksum!(told, &Some(own));
        told.checksum_type = Some(kind_of(own).to_owned());
        told
    });
    let mut output = api::GetObjectAttributesOutput {
        last_modified: Some(version.modified),
        version_id: told_id(&bucket, &version),
        e_tag: wants("ETag").then(|| version.etag.clone()),
        checksum,
        storage_class: wants("StorageClass").then(|| "STANDARD".to_owned()),
        object_size: wants("ObjectSize").then(|| i64::try_from(version.size).unwrap_or(i64::MAX)),
        ..Default::default()
    };
    if let (true, Content::Parts(upload), Some(total)) =
        (wants("ObjectParts"), &version.content, version.parts)
    {
        output.object_parts = Some(object_parts(&view, &input, upload, total)?);
    }
    Ok(output)
}

fn object_parts(
    view: &View,
    input: &api::GetObjectAttributesRequest,
    upload: &str,
    total: u32,
) -> Result<api::GetObjectAttributesParts, Error> {
    let max = page_size(input.max_parts)?.min(PAGE_MAX);
    let after = marker(input.part_number_marker)?;
    let (found, more) = parts(view, upload, after, max)?;
    let last = found.last().map(|(number, _)| i64::from(*number));
    let told = found.iter().map(|(number, part)| {
        let mut told = api::CopyObjectResult::default();
        tell_checksum!(told, &part.checksum);
        api::ObjectPart {
            part_number: Some(i64::from(*number)),
            size: Some(i64::try_from(part.size).unwrap_or(i64::MAX)),
            checksum_crc32: told.checksum_crc32,
            checksum_crc32_c: told.checksum_crc32_c,
            checksum_crc64_nvme: told.checksum_crc64_nvme,
            checksum_sha1: told.checksum_sha1,
            checksum_sha256: told.checksum_sha256,
            ..Default::default()
        }
    });
    Ok(api::GetObjectAttributesParts {
        total_parts_count: Some(i64::from(total)),
        part_number_marker: Some(i64::from(after)),
        next_part_number_marker: last.or(Some(0)),
        max_parts: Some(i64::try_from(max).unwrap_or(1_000)),
        is_truncated: Some(more),
        parts: Some(told.collect()),
    })
}
