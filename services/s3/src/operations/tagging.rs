//! Tags of buckets and of versions of objects.
//!
//! A set of tags is replaced whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use service::{Call, Permit};

use super::configuration::change;
use super::put::told_id;
use crate::api;
use crate::error::Error;
use crate::model::tags;
use crate::records;
use crate::state::{Lookup as _, S3};
use crate::versions;

pub(crate) async fn get_bucket(
    _: Arc<S3>,
    permit: Permit<api::GetBucketTagging>,
) -> Result<api::GetBucketTaggingOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    if bucket.tags.is_empty() {
        return Err(Error::no_configuration("NoSuchTagSet", "The TagSet does not exist", &input.bucket));
    }
    Ok(api::GetBucketTaggingOutput { tag_set: tags::to_list(&bucket.tags) })
}

/// The platform's own tags stay when a set is replaced.
fn keep_marks(tags: &mut BTreeMap<String, String>) {
    tags.retain(|key, _| service::is_mark(key));
}

pub(crate) async fn put_bucket(_: Arc<S3>, permit: Permit<api::PutBucketTagging>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let given = tags::from_list(input.tagging.tag_set, tags::BUCKET_TAGS_MAX)?;
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), move |bucket| {
        keep_marks(&mut bucket.tags);
        bucket.tags.extend(given);
        Ok(())
    })
    .await
}

pub(crate) async fn delete_bucket(_: Arc<S3>, permit: Permit<api::DeleteBucketTagging>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        keep_marks(&mut bucket.tags);
        Ok(())
    })
    .await
}

pub(crate) async fn get_object(
    _: Arc<S3>,
    permit: Permit<api::GetObjectTagging>,
) -> Result<api::GetObjectTaggingOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let version = view.readable(&call, &input.bucket, &bucket, &input.key, input.version_id.as_deref())?;
    Ok(api::GetObjectTaggingOutput {
        version_id: told_id(&bucket, &version),
        tag_set: tags::to_list(&version.tags),
    })
}

/// Which version of which object is tagged.
struct Target<'a> {
    bucket: &'a str,
    key: &'a str,
    version_id: Option<&'a str>,
    expected_owner: Option<&'a str>,
}

async fn retag(
    call: &Call,
    target: Target<'_>,
    given: BTreeMap<String, String>,
) -> Result<Option<String>, Error> {
    let view = call.view()?;
    let bucket = view.bucket(target.bucket, target.expected_owner)?;
    view.readable(call, target.bucket, &bucket, target.key, target.version_id)?;
    drop(view);
    call.transact(|transaction| {
        let now = records::bucket(transaction, target.bucket)?;
        let version = match target.version_id {
            Some(id) => versions::version(transaction, &now.id, target.key, id)?,
            None => versions::current(transaction, &now.id, target.key)?,
        };
        let mut version = version
            .filter(|version| !version.marker && now.id == bucket.id)
            .ok_or_else(|| Error::no_such_key(target.key))?;
        version.tags = given;
        versions::replace(transaction, &bucket.id, target.key, &version)?;
        Ok(told_id(&now, &version))
    })
    .await
}

pub(crate) async fn put_object(
    _: Arc<S3>,
    permit: Permit<api::PutObjectTagging>,
) -> Result<api::PutObjectTaggingOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let given = tags::from_list(input.tagging.tag_set, tags::OBJECT_TAGS_MAX)?;
    let target = Target {
        bucket: &input.bucket,
        key: &input.key,
        version_id: input.version_id.as_deref(),
        expected_owner: input.expected_bucket_owner.as_deref(),
    };
    Ok(api::PutObjectTaggingOutput { version_id: retag(&call, target, given).await? })
}

pub(crate) async fn delete_object(
    _: Arc<S3>,
    permit: Permit<api::DeleteObjectTagging>,
) -> Result<api::DeleteObjectTaggingOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let target = Target {
        bucket: &input.bucket,
        key: &input.key,
        version_id: input.version_id.as_deref(),
        expected_owner: input.expected_bucket_owner.as_deref(),
    };
    Ok(api::DeleteObjectTaggingOutput { version_id: retag(&call, target, BTreeMap::new()).await? })
}
