//! Deleting objects: for good where a version is named or none are kept, under a marker otherwise.
//!
//! What is not there is deleted already.

use std::sync::Arc;

use protocol::Fault;
use service::{Call, Ground, Permit, View};
use store::Transaction;

use crate::access;
use crate::api;
use crate::error::Error;
use crate::model::name;
use crate::records::{self, BucketRecord, VersionRecord, Versioning};
use crate::state::{Lookup as _, S3, check_version_id};
use crate::versions;

/// The most objects that one request deletes.
const OBJECTS_MAX: usize = 1_000;

/// What was deleted, or put on top.
#[derive(Default)]
struct Done {
    /// The version that is gone, if it was named.
    version: Option<String>,
    /// Whether that was a marker, or the new one's id.
    removed_marker: bool,
    marker: Option<String>,
}

/// What the deleter believes of the object.
#[derive(Default)]
struct Belief {
    etag: Option<String>,
    modified: Option<base::Timestamp>,
    size: Option<i64>,
}

impl Belief {
    fn check(&self, current: Option<&VersionRecord>) -> Result<(), Error> {
        let none = self.etag.is_none() && self.modified.is_none() && self.size.is_none();
        let Some(current) = current else {
            return if none { Ok(()) } else { Err(Error::precondition("If-Match")) };
        };
        let same_tag =
            self.etag.as_deref().is_none_or(|etag| etag == "*" || etag.trim_matches('"') == current.etag);
        let same_time = self.modified.is_none_or(|moment| moment.secs() == current.modified.secs());
        let same_size =
            self.size.is_none_or(|size| u64::try_from(size).is_ok_and(|size| size == current.size));
        if same_tag && same_time && same_size { Ok(()) } else { Err(Error::precondition("If-Match")) }
    }
}

fn delete_one(
    transaction: &mut Transaction<'_>,
    call: &Call,
    bucket: &BucketRecord,
    key: &str,
    version_id: Option<&str>,
    belief: &Belief,
) -> Result<Done, Error> {
    if let Some(id) = version_id {
        let found = versions::version(transaction, &bucket.id, key, id)?;
        belief.check(found.as_ref())?;
        let removed_marker = found.as_ref().is_some_and(|version| version.marker);
        if let Some(version) = found {
            versions::remove(transaction, &bucket.id, key, &version)?;
        }
        return Ok(Done { version: Some(id.to_owned()), removed_marker, marker: None });
    }
    let newest = versions::newest(transaction, &bucket.id, key)?;
    belief.check(newest.as_ref().filter(|version| !version.marker))?;
    if bucket.versioning == Versioning::Never {
        if let Some(version) = newest {
            versions::remove(transaction, &bucket.id, key, &version)?;
        }
        return Ok(Done::default());
    }
    let marker = versions::push(transaction, bucket, key, versions::marker(call.now()))?;
    Ok(Done { marker: Some(marker.version_id().to_owned()), ..Done::default() })
}

pub(crate) async fn delete(
    _: Arc<S3>,
    permit: Permit<api::DeleteObject>,
) -> Result<api::DeleteObjectOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    name::check_key(&input.key)?;
    input.version_id.as_deref().map(check_version_id).transpose()?;
    if input.mfa.is_some() {
        return Err(Error::not_implemented("x-amz-mfa"));
    }
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let belief = Belief {
        etag: input.if_match.clone(),
        modified: input.if_match_last_modified_time,
        size: input.if_match_size,
    };
    let own = call.clone();
    let done = call
        .transact(move |transaction| {
            let now = same(transaction, &input.bucket, &bucket)?;
            delete_one(transaction, &own, &now, &input.key, input.version_id.as_deref(), &belief)
        })
        .await?;
    Ok(api::DeleteObjectOutput {
        delete_marker: (done.removed_marker || done.marker.is_some()).then_some(true),
        version_id: done.version.or(done.marker),
        ..Default::default()
    })
}

/// The bucket as it is now, if it is still the one that was found.
fn same(transaction: &Transaction<'_>, name: &str, bucket: &BucketRecord) -> Result<BucketRecord, Error> {
    let now = records::bucket(transaction, name)?;
    if now.id == bucket.id { Ok(now) } else { Err(Error::no_such_bucket(name)) }
}

pub(crate) async fn delete_many(
    _: Arc<S3>,
    permit: Permit<api::DeleteObjects>,
) -> Result<api::DeleteObjectsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let objects = input.delete.objects.unwrap_or_default();
    if objects.is_empty() || objects.len() > OBJECTS_MAX {
        return Err(Error::malformed_xml());
    }
    let (allowed, mut refused) = permitted(&call, &input.bucket, objects).await?;
    if allowed.is_empty() {
        // SECURITY: who may delete nothing learns nothing of the bucket; who is nobody, not even that he was heard.
        if matches!(**call.principal(), identity::Principal::Anonymous) {
            return Err(Error::new("AccessDenied", 403, "Access Denied"));
        }
        return Ok(api::DeleteObjectsOutput { errors: Some(refused), ..Default::default() });
    }
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let quiet = input.delete.quiet.unwrap_or(false);
    let own = call.clone();
    let bucket_name = input.bucket;
    let (deleted, mut errors) = call
        .transact(move |transaction| {
            let now = same(transaction, &bucket_name, &bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for one in &allowed {
                match one_of_many(transaction, &own, &now, one) {
                    Ok(done) => deleted.push(told(&one.object, done)),
                    Err(Error::Passed(fault)) => errors.push(refusal(&one.object, fault.0)),
                    Err(internal) => return Err(internal),
                }
            }
            Ok((deleted, errors))
        })
        .await?;
    errors.append(&mut refused);
    Ok(api::DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        request_charged: None,
    })
}

/// An object that the caller may delete, as it was when he was given leave.
struct Allowed {
    object: api::ObjectIdentifier,
    ground: Ground,
}

/// Objects that are asked for before others have their turn.
const ASKED_AT_ONCE: usize = 32;

/// The objects that the caller may delete, and the answers about the others.
async fn permitted(
    call: &Call,
    bucket: &str,
    objects: Vec<api::ObjectIdentifier>,
) -> Result<(Vec<Allowed>, Vec<api::Error>), Error> {
    let (mut allowed, mut refused) = (Vec::with_capacity(objects.len()), Vec::new());
    let mut objects = objects.into_iter().peekable();
    while objects.peek().is_some() {
        let view = call.view()?;
        for object in objects.by_ref().take(ASKED_AT_ONCE) {
            match leave(call, &view, bucket, &object) {
                Ok(ground) => allowed.push(Allowed { object, ground }),
                Err(Error::Passed(fault)) => refused.push(refusal(&object, fault.0)),
                Err(internal) => return Err(internal),
            }
        }
        drop(view);
        tokio::task::yield_now().await;
    }
    Ok((allowed, refused))
}

fn leave(call: &Call, view: &View, bucket: &str, object: &api::ObjectIdentifier) -> Result<Ground, Error> {
    let (bucket, object) = (bucket.to_owned(), object.clone());
    call.ask_on(view, move |request| {
        let (version, if_match) = (object.version_id.as_deref(), object.e_tag.as_deref());
        access::delete_one(request, &bucket, &object.key, version, if_match)
    })
}

fn refusal(object: &api::ObjectIdentifier, fault: Fault) -> api::Error {
    api::Error {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        code: Some(fault.code.into_owned()),
        message: Some(fault.message),
    }
}

/// Refusals come before anything of the object is changed, so that one of them leaves the others whole.
fn one_of_many(
    transaction: &mut Transaction<'_>,
    call: &Call,
    bucket: &BucketRecord,
    Allowed { object, ground }: &Allowed,
) -> Result<Done, Error> {
    ground.settle(&*transaction, call)?;
    name::check_key(&object.key)?;
    if let Some(id) = object.version_id.as_deref().filter(|id| check_version_id(id).is_err()) {
        return Err(Error::no_such_version(&object.key, id));
    }
    let belief =
        Belief { etag: object.e_tag.clone(), modified: object.last_modified_time, size: object.size };
    delete_one(transaction, call, bucket, &object.key, object.version_id.as_deref(), &belief)
}

fn told(object: &api::ObjectIdentifier, done: Done) -> api::DeletedObject {
    let marker_id = done.marker.clone().or_else(|| done.version.clone().filter(|_| done.removed_marker));
    api::DeletedObject {
        key: Some(object.key.clone()),
        version_id: done.version,
        delete_marker: marker_id.is_some().then_some(true),
        delete_marker_version_id: marker_id,
    }
}
