//! S3: buckets of objects.
//!
//! Nouns: a *bucket* has a name that no other account can take, and an owner who owns everything in it; an *object* is
//! a key with versions; a *version* is bytes and what is said of them, or a *delete marker*; *content* is where the bytes
//! are, sealed in blocks. Invariants: nothing is visible before all of it has arrived, was proven and is durable; a version is
//! never changed but for its tags; content belongs to one version, and stays while somebody reads it; a decision holds for the state that
//! it was taken on (see `decision`). Deliberate differences from AWS: a bucket is as consistent
//! as the store, at once; lists of grants do not exist (`BucketOwnerEnforced`); what would be a control and is not
//! enforced here, keys other than the managed one and object lock among them, is refused by its name; a page of a listing may
//! hold fewer keys than there are, and even none, with a token behind them, where it passed over 10,000 delete markers;
//! the address that ends an upload in parts is AWS's own, not this platform's.

mod access;
pub mod api;
mod content;
mod declined;
mod encryption;
mod error;
mod jobs;
mod model;
mod operations;
mod records;
mod state;
mod stored_policies;
#[cfg(test)]
mod tests;
mod versions;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crypto::Sealer;
use service::{Service, ServiceBuilder};
use store::Store;

use operations::{
    acl, buckets, complete, configuration, copy, delete, get, list, multipart, policy, put, tagging, uploads,
};
use state::S3;
pub use stored_policies::POLICIES;

/// The service's operation table. Content that is not small has files in `folder`, sealed by `sealer`.
///
/// # Errors
/// Where the folder cannot be opened or read.
pub fn service(store: Store, folder: PathBuf, sealer: Sealer) -> io::Result<Service> {
    Ok(table(Arc::new(S3::open(store, folder, sealer)?)))
}

fn table(s3: Arc<S3>) -> Service {
    let builder = ServiceBuilder::new("s3", s3)
        .operation::<api::ListBuckets, _, _, _, _>(access::list_buckets, buckets::list)
        .operation::<api::CreateBucket, _, _, _, _>(access::create_bucket, buckets::create)
        .operation::<api::DeleteBucket, _, _, _, _>(access::delete_bucket, buckets::delete)
        .operation::<api::HeadBucket, _, _, _, _>(access::head_bucket, buckets::head)
        .operation::<api::GetBucketLocation, _, _, _, _>(access::get_location, buckets::location)
        .operation::<api::PutObject, _, _, _, _>(access::put_object, put::put)
        .operation::<api::GetObject, _, _, _, _>(access::get_object, get::get)
        .operation::<api::HeadObject, _, _, _, _>(access::head_object, get::head)
        .operation::<api::CopyObject, _, _, _, _>(access::copy_object, copy::copy)
        .operation::<api::DeleteObject, _, _, _, _>(access::delete_object, delete::delete)
        .operation::<api::DeleteObjects, _, _, _, _>(access::delete_objects, delete::delete_many)
        .operation::<api::ListObjects, _, _, _, _>(access::list_objects, list::list)
        .operation::<api::ListObjectsV2, _, _, _, _>(access::list_objects_v2, list::list_v2)
        .operation::<api::ListObjectVersions, _, _, _, _>(access::list_versions, list::versions)
        .operation::<api::PutObjectTagging, _, _, _, _>(access::put_object_tagging, tagging::put_object)
        .operation::<api::GetObjectTagging, _, _, _, _>(access::get_object_tagging, tagging::get_object)
        .operation::<api::DeleteObjectTagging, _, _, _, _>(
            access::delete_object_tagging,
            tagging::delete_object,
        )
        .operation::<api::GetObjectAcl, _, _, _, _>(access::get_object_acl, acl::get_object)
        .operation::<api::PutObjectAcl, _, _, _, _>(access::put_object_acl, acl::put_object);
    declined::decline(uploads_in_parts(bucket_settings(builder))).job("s3-files", jobs::run).build()
}

/// Uploads in parts, and what is told of objects that were made of some.
fn uploads_in_parts(builder: ServiceBuilder<S3>) -> ServiceBuilder<S3> {
    builder
        .operation::<api::CreateMultipartUpload, _, _, _, _>(access::create_upload, multipart::create)
        .operation::<api::UploadPart, _, _, _, _>(access::upload_part, multipart::upload_part)
        .operation::<api::UploadPartCopy, _, _, _, _>(access::upload_part_copy, multipart::copy_part)
        .operation::<api::CompleteMultipartUpload, _, _, _, _>(access::complete_upload, complete::complete)
        .operation::<api::AbortMultipartUpload, _, _, _, _>(access::abort_upload, multipart::abort)
        .operation::<api::ListParts, _, _, _, _>(access::list_parts, uploads::list_parts)
        .operation::<api::ListMultipartUploads, _, _, _, _>(access::list_uploads, uploads::list_uploads)
        .operation::<api::GetObjectAttributes, _, _, _, _>(access::attributes, uploads::attributes)
}

/// What a bucket is told about itself.
fn bucket_settings(builder: ServiceBuilder<S3>) -> ServiceBuilder<S3> {
    builder
        .operation::<api::PutBucketVersioning, _, _, _, _>(access::put_versioning, operations::versions::put)
        .operation::<api::GetBucketVersioning, _, _, _, _>(access::get_versioning, operations::versions::get)
        .operation::<api::PutBucketTagging, _, _, _, _>(access::put_bucket_tagging, tagging::put_bucket)
        .operation::<api::GetBucketTagging, _, _, _, _>(access::get_bucket_tagging, tagging::get_bucket)
        .operation::<api::DeleteBucketTagging, _, _, _, _>(
            access::delete_bucket_tagging,
            tagging::delete_bucket,
        )
        .operation::<api::PutBucketPolicy, _, _, _, _>(access::put_policy, policy::put)
        .operation::<api::GetBucketPolicy, _, _, _, _>(access::get_policy, policy::get)
        .operation::<api::DeleteBucketPolicy, _, _, _, _>(access::delete_policy, policy::delete)
        .operation::<api::GetBucketPolicyStatus, _, _, _, _>(access::get_policy_status, policy::status)
        .operation::<api::PutPublicAccessBlock, _, _, _, _>(
            access::put_public_access,
            configuration::put_public_access,
        )
        .operation::<api::GetPublicAccessBlock, _, _, _, _>(
            access::get_public_access,
            configuration::get_public_access,
        )
        .operation::<api::DeletePublicAccessBlock, _, _, _, _>(
            access::delete_public_access,
            configuration::delete_public_access,
        )
        .operation::<api::PutBucketOwnershipControls, _, _, _, _>(
            access::put_ownership,
            configuration::put_ownership,
        )
        .operation::<api::GetBucketOwnershipControls, _, _, _, _>(
            access::get_ownership,
            configuration::get_ownership,
        )
        .operation::<api::DeleteBucketOwnershipControls, _, _, _, _>(
            access::delete_ownership,
            configuration::delete_ownership,
        )
        .operation::<api::PutBucketEncryption, _, _, _, _>(
            access::put_encryption,
            configuration::put_encryption,
        )
        .operation::<api::GetBucketEncryption, _, _, _, _>(
            access::get_encryption,
            configuration::get_encryption,
        )
        .operation::<api::DeleteBucketEncryption, _, _, _, _>(
            access::delete_encryption,
            configuration::delete_encryption,
        )
        .operation::<api::GetBucketAcl, _, _, _, _>(access::get_bucket_acl, acl::get_bucket)
        .operation::<api::PutBucketAcl, _, _, _, _>(access::put_bucket_acl, acl::put_bucket)
}
