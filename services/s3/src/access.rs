//! The leave that each operation needs: actions, buckets and objects, bucket policies, condition keys.
//!
//! Decides nothing. A bucket that is not there is asked about as the caller's own: his policies decide, and the handler
//! tells him afterwards.

use identity::Principal;
use policy::{Policy, PolicyKind};
use service::{Access, AccessRequest, Internal};

use crate::api;
use crate::error::Error;
use crate::model::{name, tags};
use crate::records::{self, BucketRecord};
use crate::state::S3;
use crate::versions;

/// What access functions answer.
type Outcome = Result<Access, Error>;

/// The bucket's policy, as far as it speaks to this caller.
pub(crate) fn policy_of(bucket: &BucketRecord, principal: &Principal) -> Result<Option<Policy>, Error> {
    let Some(text) = &bucket.policy else { return Ok(None) };
    let restricted = bucket.public_access.is_some_and(|block| block.restrict);
    let own = principal.account() == Some(bucket.account);
    // SECURITY: where the owner restricts public buckets, a public policy lets in nobody but his own account.
    if restricted
        && !own
        && !matches!(principal, Principal::Service(_))
        && analysis::access::may_be_public(text)
    {
        return Ok(None);
    }
    Ok(Some(Policy::parse(text, PolicyKind::Resource).map_err(Internal::new)?))
}

fn ask<I>(request: &AccessRequest<'_, I>, action: &'static str, bucket: &str, key: Option<&str>) -> Outcome {
    let access = arrived(Access::to(action, name::arn(bucket, key)), request);
    let Some(record) = records::find_bucket(request.records, bucket)? else { return Ok(access) };
    let access = access.owned_by(record.account);
    let access = match request.sees(record.account) {
        true => access.resource_policy(policy_of(&record, request.principal)?),
        false => access,
    };
    Ok(access.when("s3:ResourceAccount", [record.account.as_str()]))
}

/// How the request came and how it was signed, for the last check.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html>
fn arrived<I>(mut access: Access, request: &AccessRequest<'_, I>) -> Access {
    if let Some(version) = request.source.tls_version {
        access = access.when("s3:TlsVersion", [version]);
    }
    let Some(signing) = &request.source.signing else { return access };
    let kind = if signing.presigned { "REST-QUERY-STRING" } else { "REST-HEADER" };
    // SECURITY: a signature that tells no time of its own counts as old as one may be.
    let oldest = identity::sigv4::PRESIGNED_SECS_MAX * 1_000;
    let age = signing.signed_at.map_or(oldest, |signed_at| request.now.millis_since(signed_at).max(0));
    access = access.when("s3:authType", [kind]).when("s3:signatureversion", [signing.version.policy_name()]);
    access = access.when("s3:signatureAge", [age.to_string()]);
    if signing.content_sha256.is_empty() {
        return access;
    }
    access.when("s3:x-amz-content-sha256", [signing.content_sha256.as_str()])
}

/// The same for a version of an object, with the tags it has.
fn ask_object<I>(
    request: &AccessRequest<'_, I>,
    actions: (&'static str, &'static str),
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Outcome {
    let action = if version.is_some() { actions.1 } else { actions.0 };
    let mut access = ask(request, action, bucket, Some(key))?;
    if let Some(version) = version {
        access = access.when("s3:VersionId", [version]);
    }
    Ok(existing_tags(request, bucket, key, version)?
        .iter()
        .fold(access, |access, (tag, value)| access.when(format!("s3:ExistingObjectTag/{tag}"), [value])))
}

/// The tags of a version of an object; none where it is not there.
fn existing_tags<I>(
    request: &AccessRequest<'_, I>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<std::collections::BTreeMap<String, String>, Error> {
    let from = request.records;
    let Some(record) = records::find_bucket(from, bucket)? else { return Ok(Default::default()) };
    if !request.sees(record.account) {
        return Ok(Default::default());
    }
    let found = match version {
        Some(id) => versions::version(from, &record.id, key, id)?,
        None => versions::current(from, &record.id, key)?,
    };
    Ok(found.map(|version| version.tags).unwrap_or_default())
}

/// Whether the call makes an object, or only what one may be made of; both ask for `s3:PutObject`.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html>
const CREATES: &str = "s3:ObjectCreationOperation";

/// Condition keys from what was said, where it was said.
fn said(access: Access, keys: &[(&'static str, Option<&str>)]) -> Access {
    keys.iter().fold(access, |access, (key, value)| match value {
        Some(value) => access.when(*key, [*value]),
        None => access,
    })
}

/// What a request's headers say of grants, whatever becomes of it. Those that have no `GrantWrite` cannot say it.
macro_rules! granted {
    ($access:expr, $input:expr) => {
        said(
            $access,
            &[
                ("s3:x-amz-acl", $input.acl.as_deref()),
                ("s3:x-amz-grant-full-control", $input.grant_full_control.as_deref()),
                ("s3:x-amz-grant-read", $input.grant_read.as_deref()),
                ("s3:x-amz-grant-read-acp", $input.grant_read_acp.as_deref()),
                ("s3:x-amz-grant-write-acp", $input.grant_write_acp.as_deref()),
            ],
        )
    };
}

/// The same of those that have one.
macro_rules! granted_with_write {
    ($access:expr, $input:expr) => {
        said(granted!($access, $input), &[("s3:x-amz-grant-write", $input.grant_write.as_deref())])
    };
}

fn with_request_tags(access: Access, header: Option<&str>) -> Access {
    // A header that does not read is refused by the handler: here it only has to allow nothing by mistake.
    let given = header.and_then(|header| tags::from_header(header).ok()).unwrap_or_default();
    request_tags(access, &given)
}

fn request_tags(access: Access, given: &std::collections::BTreeMap<String, String>) -> Access {
    if given.is_empty() {
        return access;
    }
    let access = given
        .iter()
        .fold(access, |access, (tag, value)| access.when(format!("s3:RequestObjectTag/{tag}"), [value]));
    access.when("s3:RequestObjectTagKeys", given.keys())
}

macro_rules! on_bucket {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &S3, request: &AccessRequest<'_, api::$request>) -> Outcome {
            ask(request, $action, &request.input.bucket, None)
        }
    )*};
}

on_bucket! {
    delete_bucket, DeleteBucketRequest, "s3:DeleteBucket";
    head_bucket, HeadBucketRequest, "s3:ListBucket";
    get_location, GetBucketLocationRequest, "s3:GetBucketLocation";
    get_versioning, GetBucketVersioningRequest, "s3:GetBucketVersioning";
    put_versioning, PutBucketVersioningRequest, "s3:PutBucketVersioning";
    get_bucket_tagging, GetBucketTaggingRequest, "s3:GetBucketTagging";
    put_bucket_tagging, PutBucketTaggingRequest, "s3:PutBucketTagging";
    delete_bucket_tagging, DeleteBucketTaggingRequest, "s3:PutBucketTagging";
    get_policy_status, GetBucketPolicyStatusRequest, "s3:GetBucketPolicyStatus";
    get_public_access, GetPublicAccessBlockRequest, "s3:GetBucketPublicAccessBlock";
    put_public_access, PutPublicAccessBlockRequest, "s3:PutBucketPublicAccessBlock";
    delete_public_access, DeletePublicAccessBlockRequest, "s3:PutBucketPublicAccessBlock";
    get_ownership, GetBucketOwnershipControlsRequest, "s3:GetBucketOwnershipControls";
    put_ownership, PutBucketOwnershipControlsRequest, "s3:PutBucketOwnershipControls";
    delete_ownership, DeleteBucketOwnershipControlsRequest, "s3:PutBucketOwnershipControls";
    get_encryption, GetBucketEncryptionRequest, "s3:GetEncryptionConfiguration";
    put_encryption, PutBucketEncryptionRequest, "s3:PutEncryptionConfiguration";
    delete_encryption, DeleteBucketEncryptionRequest, "s3:PutEncryptionConfiguration";
    get_bucket_acl, GetBucketAclRequest, "s3:GetBucketAcl";
    list_uploads, ListMultipartUploadsRequest, "s3:ListBucketMultipartUploads";
}

/// As in AWS, no bucket policy keeps the root user of its own account from the bucket policy: someone must be able to undo
/// one that locks everybody out. What binds the root user otherwise still does.
macro_rules! on_policy {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &S3, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let access = ask(request, $action, &request.input.bucket, None)?;
            let Principal::Root(root) = request.principal else { return Ok(access) };
            let bucket = records::find_bucket(request.records, &request.input.bucket)?;
            let is_own = bucket.is_some_and(|bucket| bucket.account == root.account);
            Ok(if is_own { access.resource_policy(None) } else { access })
        }
    )*};
}

on_policy! {
    get_policy, GetBucketPolicyRequest, "s3:GetBucketPolicy";
    put_policy, PutBucketPolicyRequest, "s3:PutBucketPolicy";
    delete_policy, DeleteBucketPolicyRequest, "s3:DeleteBucketPolicy";
}

macro_rules! on_object {
    ($($function:ident, $request:ident, $action:literal, $versioned:literal;)*) => {$(
        pub(crate) fn $function(_: &S3, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let input = request.input;
            ask_object(request, ($action, $versioned), &input.bucket, &input.key, input.version_id.as_deref())
        }
    )*};
}

on_object! {
    get_object, GetObjectRequest, "s3:GetObject", "s3:GetObjectVersion";
    head_object, HeadObjectRequest, "s3:GetObject", "s3:GetObjectVersion";
    get_object_tagging, GetObjectTaggingRequest, "s3:GetObjectTagging", "s3:GetObjectVersionTagging";
    delete_object_tagging, DeleteObjectTaggingRequest, "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging";
    get_object_acl, GetObjectAclRequest, "s3:GetObjectAcl", "s3:GetObjectVersionAcl";
}

pub(crate) fn put_bucket_acl(_: &S3, request: &AccessRequest<'_, api::PutBucketAclRequest>) -> Outcome {
    let input = request.input;
    Ok(granted_with_write!(ask(request, "s3:PutBucketAcl", &input.bucket, None)?, input))
}

pub(crate) fn put_object_acl(_: &S3, request: &AccessRequest<'_, api::PutObjectAclRequest>) -> Outcome {
    let input = request.input;
    let actions = ("s3:PutObjectAcl", "s3:PutObjectVersionAcl");
    let access = ask_object(request, actions, &input.bucket, &input.key, input.version_id.as_deref())?;
    Ok(granted_with_write!(access, input))
}

pub(crate) fn delete_object(_: &S3, request: &AccessRequest<'_, api::DeleteObjectRequest>) -> Outcome {
    let input = request.input;
    let (version, belief) = (input.version_id.as_deref(), input.if_match.as_deref());
    delete_one(request, &input.bucket, &input.key, version, belief)
}

pub(crate) fn put_object_tagging(
    _: &S3,
    request: &AccessRequest<'_, api::PutObjectTaggingRequest>,
) -> Outcome {
    let input = request.input;
    let actions = ("s3:PutObjectTagging", "s3:PutObjectVersionTagging");
    let access = ask_object(request, actions, &input.bucket, &input.key, input.version_id.as_deref())?;
    let given = input.tagging.tag_set.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    Ok(request_tags(access, &given))
}

pub(crate) fn list_buckets(_: &S3, request: &AccessRequest<'_, api::ListBucketsRequest>) -> Outcome {
    Ok(arrived(Access::to("s3:ListAllMyBuckets", "*"), request))
}

// The name's owner is asked by nobody: whose it would be is the caller.
pub(crate) fn create_bucket(_: &S3, request: &AccessRequest<'_, api::CreateBucketRequest>) -> Outcome {
    let input = request.input;
    let new = |action| arrived(Access::to(action, name::arn(&input.bucket, None)), request);
    let location =
        input.create_bucket_configuration.as_ref().and_then(|config| config.location_constraint.as_deref());
    let mut access = said(
        granted_with_write!(new("s3:CreateBucket"), input),
        &[
            ("s3:LocationConstraint", location),
            ("s3:x-amz-object-ownership", input.object_ownership.as_deref()),
        ],
    );
    let given = input.create_bucket_configuration.as_ref().and_then(|config| config.tags.as_ref());
    let tags = || given.into_iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    access = access.request_tags(tags());
    if tags().next().is_some() {
        access = access.and(new("s3:TagResource").request_tags(tags()));
    }
    if input.object_ownership.is_some() {
        access = access.and(new("s3:PutBucketOwnershipControls"));
    }
    Ok(access)
}

macro_rules! listing {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &S3, request: &AccessRequest<'_, api::$request>) -> Outcome {
            let input = request.input;
            let access = ask(request, $action, &input.bucket, None)?;
            let max_keys = input.max_keys.map(|keys| keys.to_string());
            Ok(said(access, &[
                ("s3:prefix", Some(input.prefix.as_deref().unwrap_or_default())),
                ("s3:delimiter", input.delimiter.as_deref()),
                ("s3:max-keys", max_keys.as_deref()),
            ]))
        }
    )*};
}

listing! {
    list_objects, ListObjectsRequest, "s3:ListBucket";
    list_objects_v2, ListObjectsV2Request, "s3:ListBucket";
    list_versions, ListObjectVersionsRequest, "s3:ListBucketVersions";
}

pub(crate) fn put_object(_: &S3, request: &AccessRequest<'_, api::PutObjectRequest>) -> Outcome {
    let input = request.input;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let access = said(
        granted!(access, input),
        &[
            ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_deref()),
            (
                "s3:x-amz-server-side-encryption-aws-kms-key-id",
                input.ssekms_key_id.as_ref().map(|key| key.expose().as_str()),
            ),
            ("s3:x-amz-storage-class", input.storage_class.as_deref()),
            ("s3:if-none-match", input.if_none_match.as_deref()),
            ("s3:if-match", input.if_match.as_deref()),
            (CREATES, Some("true")),
        ],
    );
    let access = with_request_tags(access, input.tagging.as_deref());
    match &input.tagging {
        Some(header) => {
            let tagging = ask(request, "s3:PutObjectTagging", &input.bucket, Some(&input.key))?;
            Ok(access.and(with_request_tags(tagging, Some(header))))
        }
        None => Ok(access),
    }
}

pub(crate) fn copy_object(_: &S3, request: &AccessRequest<'_, api::CopyObjectRequest>) -> Outcome {
    let input = request.input;
    let source = name::CopySource::parse(&input.copy_source)?;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let access = said(
        granted!(access, input),
        &[
            // SECURITY: what is copied, and not one of the ways to write it: a policy knows one.
            ("s3:x-amz-copy-source", Some(&format!("{}/{}", source.bucket, source.key))),
            ("s3:x-amz-metadata-directive", input.metadata_directive.as_deref()),
            ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_deref()),
            (
                "s3:x-amz-server-side-encryption-aws-kms-key-id",
                input.ssekms_key_id.as_ref().map(|key| key.expose().as_str()),
            ),
            ("s3:x-amz-storage-class", input.storage_class.as_deref()),
            ("s3:if-none-match", input.if_none_match.as_deref()),
            ("s3:if-match", input.if_match.as_deref()),
            (CREATES, Some("true")),
        ],
    );
    let access = with_request_tags(access, input.tagging.as_deref());
    let access = access.and(copy_source(request, &input.copy_source)?);
    copied_tags(request, access)
}

/// Leave to tag the copy: with the header's tags where they replace the source's, else with those that the source has,
/// which takes leave to read them.
// SECURITY: asked after the leave to read the source, so that whoever may not learns nothing of its tags.
fn copied_tags(request: &AccessRequest<'_, api::CopyObjectRequest>, mut access: Access) -> Outcome {
    let input = request.input;
    let given = if input.tagging_directive.as_deref() == Some("REPLACE") {
        input.tagging.as_deref().and_then(|header| tags::from_header(header).ok()).unwrap_or_default()
    } else {
        let source = name::CopySource::parse(&input.copy_source)?;
        let (version, actions) =
            (source.version.as_deref(), ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"));
        let tags = existing_tags(request, &source.bucket, &source.key, version)?;
        if !tags.is_empty() {
            access = access.and(ask_object(request, actions, &source.bucket, &source.key, version)?);
        }
        tags
    };
    if given.is_empty() && input.tagging.is_none() {
        return Ok(access);
    }
    let tagging = ask(request, "s3:PutObjectTagging", &input.bucket, Some(&input.key))?;
    Ok(access.and(request_tags(tagging, &given)))
}

/// Leave to read what is copied.
fn copy_source<I>(request: &AccessRequest<'_, I>, source: &str) -> Outcome {
    let source = name::CopySource::parse(source)?;
    let actions = ("s3:GetObject", "s3:GetObjectVersion");
    ask_object(request, actions, &source.bucket, &source.key, source.version.as_deref())
}

/// Leave to delete one object: by itself, or of many in a call whose access was [`delete_objects`].
pub(crate) fn delete_one<I>(
    request: &AccessRequest<'_, I>,
    bucket: &str,
    key: &str,
    version: Option<&str>,
    if_match: Option<&str>,
) -> Outcome {
    let access = ask_object(request, ("s3:DeleteObject", "s3:DeleteObjectVersion"), bucket, key, version)?;
    // As in AWS, the action on a version does not know the key.
    Ok(said(access, &[("s3:if-match", if_match.filter(|_| version.is_none()))]))
}

/// What is asked for each object, which the handler does one by one, so that the denial of one leaves the others.
// SECURITY: stands here for the record alone; nothing is deleted but what `delete_one` gave leave for. No object is looked up:
// whoever is nobody can send it.
pub(crate) fn delete_objects(_: &S3, request: &AccessRequest<'_, api::DeleteObjectsRequest>) -> Outcome {
    let input = request.input;
    let owner = records::find_bucket(request.records, &input.bucket)?.map(|bucket| bucket.account);
    let reason = "each object is asked for by itself, and refused by itself";
    Ok(input.delete.objects.iter().flatten().take(1_000).fold(Access::open(reason), |access, object| {
        let action = if object.version_id.is_some() { "s3:DeleteObjectVersion" } else { "s3:DeleteObject" };
        let one = Access::to(action, name::arn(&input.bucket, Some(&object.key)));
        access.and(match owner {
            Some(owner) => one.owned_by(owner),
            None => one,
        })
    }))
}

pub(crate) fn attributes(_: &S3, request: &AccessRequest<'_, api::GetObjectAttributesRequest>) -> Outcome {
    let input = request.input;
    let version = input.version_id.as_deref();
    let read = ("s3:GetObject", "s3:GetObjectVersion");
    let more = ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes");
    let access = ask_object(request, read, &input.bucket, &input.key, version)?;
    Ok(access.and(ask_object(request, more, &input.bucket, &input.key, version)?))
}

/// How the upload that a part or a completion belongs to was asked to be encrypted: its parts say nothing of it, and a
/// policy that wants it said is kept by what was said at the beginning.
fn begun_with<I>(
    request: &AccessRequest<'_, I>,
    access: Access,
    bucket: &str,
    key: &str,
    upload: &str,
) -> Outcome {
    let from = request.records;
    let Some(record) = records::find_bucket(from, bucket)? else { return Ok(access) };
    if !request.sees(record.account) {
        return Ok(access);
    }
    let Some(upload) = records::find_upload(from, &record.id, key, upload)? else { return Ok(access) };
    Ok(said(
        access,
        &[
            ("s3:x-amz-server-side-encryption", upload.encryption.as_deref()),
            ("s3:x-amz-server-side-encryption-aws-kms-key-id", upload.kms_key.as_deref()),
        ],
    ))
}

pub(crate) fn upload_part(_: &S3, request: &AccessRequest<'_, api::UploadPartRequest>) -> Outcome {
    let input = request.input;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let access = begun_with(request, access, &input.bucket, &input.key, &input.upload_id)?;
    Ok(said(access, &[(CREATES, Some("false"))]))
}

pub(crate) fn complete_upload(
    _: &S3,
    request: &AccessRequest<'_, api::CompleteMultipartUploadRequest>,
) -> Outcome {
    let input = request.input;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let access = begun_with(request, access, &input.bucket, &input.key, &input.upload_id)?;
    Ok(said(
        access,
        &[
            ("s3:if-none-match", input.if_none_match.as_deref()),
            ("s3:if-match", input.if_match.as_deref()),
            (CREATES, Some("true")),
        ],
    ))
}

macro_rules! on_upload {
    ($($function:ident, $request:ident, $action:literal;)*) => {$(
        pub(crate) fn $function(_: &S3, request: &AccessRequest<'_, api::$request>) -> Outcome {
            ask(request, $action, &request.input.bucket, Some(&request.input.key))
        }
    )*};
}

on_upload! {
    abort_upload, AbortMultipartUploadRequest, "s3:AbortMultipartUpload";
    list_parts, ListPartsRequest, "s3:ListMultipartUploadParts";
}

pub(crate) fn create_upload(
    _: &S3,
    request: &AccessRequest<'_, api::CreateMultipartUploadRequest>,
) -> Outcome {
    let input = request.input;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let access = said(
        granted!(access, input),
        &[
            ("s3:x-amz-server-side-encryption", input.server_side_encryption.as_deref()),
            (
                "s3:x-amz-server-side-encryption-aws-kms-key-id",
                input.ssekms_key_id.as_ref().map(|key| key.expose().as_str()),
            ),
            ("s3:x-amz-storage-class", input.storage_class.as_deref()),
            (CREATES, Some("false")),
        ],
    );
    let access = with_request_tags(access, input.tagging.as_deref());
    match &input.tagging {
        Some(header) => {
            let tagging = ask(request, "s3:PutObjectTagging", &input.bucket, Some(&input.key))?;
            Ok(access.and(with_request_tags(tagging, Some(header))))
        }
        None => Ok(access),
    }
}

pub(crate) fn upload_part_copy(_: &S3, request: &AccessRequest<'_, api::UploadPartCopyRequest>) -> Outcome {
    let input = request.input;
    let access = ask(request, "s3:PutObject", &input.bucket, Some(&input.key))?;
    let source = name::CopySource::parse(&input.copy_source)?;
    let source = format!("{}/{}", source.bucket, source.key);
    let access = begun_with(request, access, &input.bucket, &input.key, &input.upload_id)?;
    let access = said(access, &[("s3:x-amz-copy-source", Some(&source)), (CREATES, Some("false"))]);
    Ok(access.and(copy_source(request, &input.copy_source)?))
}
