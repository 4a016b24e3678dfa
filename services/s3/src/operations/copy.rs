//! Copying an object: a read and a write, with the leave for both.
//!
//! The bytes are read and sealed anew: no two objects share content.

use std::sync::Arc;

use super::put::{about, chosen, extras, kind_of, quoted, told_id};
use crate::api;
use crate::content::{Held, Wanted, receive};
use crate::encryption::{check_caller, check_not_customers, tell_encryption};
use crate::error::Error;
use crate::model::condition::Conditions;
use crate::model::{name, tags};
use crate::records::{BucketRecord, VersionRecord};
use crate::state::{Lookup as _, S3};
use crate::versions;
use crypto::checksum::Algorithm;
use service::{Call, Permit, View};

pub(crate) async fn copy(
    s3: Arc<S3>,
    permit: Permit<api::CopyObject>,
) -> Result<api::CopyObjectOutput, Error> {
    let (mut input, call) = (permit.input, permit.call);
    name::check_key(&input.key)?;
    extras!(input).check()?;
    let source = name::CopySource::parse(&input.copy_source)?;
    let replaces = directive(input.metadata_directive.as_deref(), "x-amz-metadata-directive")?;
    let retags = directive(input.tagging_directive.as_deref(), "x-amz-tagging-directive")?;
    let target = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let source_owner = input.expected_source_bucket_owner.as_deref();
    let ((bucket, from, found), held) = look(&s3, &call, target, &source, source_owner)?;
    check_not_customers(
        input.copy_source_sse_customer_algorithm.is_some()
            || input.copy_source_sse_customer_key.is_some()
            || input.copy_source_sse_customer_key_md5.is_some(),
    )?;
    if found.managed_key {
        check_caller(&call, &from)?;
    }
    let managed_key = chosen!(input, &call, &bucket)?;
    let conditions = Conditions {
        matches: input.copy_source_if_match.as_deref(),
        none_match: input.copy_source_if_none_match.as_deref(),
        modified_since: input.copy_source_if_modified_since,
        unmodified_since: input.copy_source_if_unmodified_since,
    };
    conditions.check(&found, false, call.now())?;
    check_changes(&input, &source, replaces || retags)?;
    if found.size > super::put::PUT_BYTES_MAX {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(Error::invalid_request(message));
    }
    let algorithm = match input.checksum_algorithm.as_deref() {
        Some(named) => {
            Some(Algorithm::parse(named).ok_or_else(|| Error::not_implemented("this checksum algorithm"))?)
        }
        None => found.checksum.as_ref().map(|checksum| checksum.algorithm),
    };
    let wanted = Wanted { algorithm, bytes_max: found.size, ..Wanted::default() };
    let received = receive(&s3.files, &s3.bytes(held, 0, found.size), &wanted).await?;
    let about = if replaces { about!(input)? } else { found.about.clone() };
    let tags = match (retags, input.tagging.as_deref()) {
        (true, Some(header)) => tags::from_header(header)?,
        (true, None) => std::collections::BTreeMap::new(),
        (false, _) => found.tags.clone(),
    };
    let version = VersionRecord { managed_key, ..super::put::version(&call, &received, about, tags) };
    let conditions = (input.if_match.take(), input.if_none_match.take());
    let (bucket, version) =
        super::put::write(&call, &input.bucket, &bucket, &input.key, version, received, conditions).await?;
    let mut result = api::CopyObjectResult {
        e_tag: Some(quoted(&version.etag)),
        last_modified: Some(version.modified),
        ..Default::default()
    };
    super::put::tell_checksum!(result, &version.checksum);
    result.checksum_type = version.checksum.as_ref().map(|checksum| kind_of(checksum).to_owned());
    let mut output = api::CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: told_id(&from, &found),
        version_id: told_id(&bucket, &version),
        ..Default::default()
    };
    tell_encryption!(output, &bucket, version.managed_key);
    Ok(output)
}

/// The buckets and the version of a copy.
type Looked = (BucketRecord, BucketRecord, VersionRecord);

/// The bucket that a copy goes to, the one it comes from, and what is copied, with its content; owners are as expected.
pub(super) fn look(
    s3: &S3,
    call: &Call,
    target: (&str, Option<&str>),
    source: &name::CopySource,
    source_owner: Option<&str>,
) -> Result<(Looked, Held), Error> {
    let find = |view: &View| {
        let bucket = view.bucket(target.0, target.1)?;
        let from = view.bucket(&source.bucket, source_owner)?;
        if let Some(id) = &source.version
            && versions::version(view, &from.id, &source.key, id)?.is_some_and(|version| version.marker)
        {
            return Err(Error::invalid_request(
                "The source of a copy request may not specifically refer to a delete marker by version id.",
            ));
        }
        let found = view.readable(call, &source.bucket, &from, &source.key, source.version.as_deref())?;
        Ok((bucket, from, found))
    };
    s3.look(call, find, |(_, _, found)| found)
}

/// Refuses to copy an object to itself as it is.
fn check_changes(
    input: &api::CopyObjectRequest,
    source: &name::CopySource,
    is_retold: bool,
) -> Result<(), Error> {
    let same = source.bucket == input.bucket && source.key == input.key && source.version.is_none();
    let changes = is_retold || input.storage_class.is_some() || input.server_side_encryption.is_some();
    if !same || changes {
        return Ok(());
    }
    Err(Error::invalid_request(
        "This copy request is illegal because it is trying to copy an object to itself without changing the \
         object's metadata, storage class, website redirect location or encryption attributes.",
    ))
}

/// True for `REPLACE`.
fn directive(text: Option<&str>, header: &'static str) -> Result<bool, Error> {
    match text {
        None | Some("COPY") => Ok(false),
        Some("REPLACE") => Ok(true),
        Some(other) => Err(Error::invalid_argument("Unknown metadata directive.", header, other)),
    }
}
