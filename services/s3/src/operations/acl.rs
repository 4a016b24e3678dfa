//! Lists of grants, which do not exist here: every bucket's owner owns everything in it.
//!
//! They can be read, and say just that; setting what is so already succeeds, and all else is refused.

use std::sync::Arc;

use service::Permit;

use crate::api;
use crate::error::Error;
use crate::state::{Lookup as _, S3, owner};

/// What AWS answers where the bucket's owner owns everything.
pub(crate) fn unsupported() -> Error {
    Error::new("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")
}

fn full_control(account: base::AccountId) -> Vec<api::Grant> {
    let grantee =
        api::Grantee { id: owner(account).id, r#type: "CanonicalUser".to_owned(), ..Default::default() };
    vec![api::Grant { grantee: Some(grantee), permission: Some("FULL_CONTROL".to_owned()) }]
}

pub(crate) async fn get_bucket(
    _: Arc<S3>,
    permit: Permit<api::GetBucketAcl>,
) -> Result<api::GetBucketAclOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let grants = Some(full_control(bucket.account));
    Ok(api::GetBucketAclOutput { owner: Some(owner(bucket.account)), grants })
}

pub(crate) async fn get_object(
    _: Arc<S3>,
    permit: Permit<api::GetObjectAcl>,
) -> Result<api::GetObjectAclOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    view.readable(&call, &input.bucket, &bucket, &input.key, input.version_id.as_deref())?;
    let grants = Some(full_control(bucket.account));
    Ok(api::GetObjectAclOutput { owner: Some(owner(bucket.account)), grants, request_charged: None })
}

pub(crate) async fn put_bucket(_: Arc<S3>, permit: Permit<api::PutBucketAcl>) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let grants =
        input.grant_full_control.or(input.grant_read).or(input.grant_write).or(input.grant_write_acp);
    let other = input.access_control_policy.is_some() || grants.is_some() || input.grant_read_acp.is_some();
    if other || input.acl.as_deref() != Some("private") {
        return Err(unsupported());
    }
    Ok(())
}

pub(crate) async fn put_object(
    _: Arc<S3>,
    permit: Permit<api::PutObjectAcl>,
) -> Result<api::PutObjectAclOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let view = call.view()?;
    let bucket = view.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let grants =
        input.grant_full_control.or(input.grant_read).or(input.grant_write).or(input.grant_write_acp);
    let other = input.access_control_policy.is_some() || grants.is_some() || input.grant_read_acp.is_some();
    if other || input.acl.as_deref() != Some("bucket-owner-full-control") {
        return Err(unsupported());
    }
    view.readable(&call, &input.bucket, &bucket, &input.key, input.version_id.as_deref())?;
    Ok(api::PutObjectAclOutput::default())
}
