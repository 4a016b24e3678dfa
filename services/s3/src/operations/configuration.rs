//! What a bucket is told about itself: public access, ownership, encryption.
//!
//! A setting that would be a control and is not enforced is refused.

use std::sync::Arc;

use service::{Call, Permit};

use crate::api;
use crate::encryption::check_key;
use crate::error::Error;
use crate::records::{self, BUCKETS, BucketRecord, PublicAccess, encode};
use crate::state::{Lookup as _, S3};

/// Changes a bucket's record.
pub(crate) async fn change(
    call: &Call,
    name: &str,
    expected_owner: Option<&str>,
    edit: impl FnOnce(&mut BucketRecord) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    call.view()?.bucket(name, expected_owner)?;
    call.transact(|transaction| {
        let mut record = records::bucket(transaction, name)?;
        edit(&mut record)?;
        transaction.put(BUCKETS, records::bucket_key(name), encode(&record)?)?;
        Ok(())
    })
    .await
}

pub(crate) async fn get_public_access(
    _: Arc<S3>,
    permit: Permit<api::GetPublicAccessBlock>,
) -> Result<api::GetPublicAccessBlockOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let block = bucket.public_access.ok_or_else(|| {
        let message = "The public access block configuration was not found";
        Error::no_configuration("NoSuchPublicAccessBlockConfiguration", message, &input.bucket)
    })?;
    Ok(api::GetPublicAccessBlockOutput {
        public_access_block_configuration: Some(api::PublicAccessBlockConfiguration {
            block_public_acls: Some(block.block_acls),
            ignore_public_acls: Some(block.ignore_acls),
            block_public_policy: Some(block.block_policy),
            restrict_public_buckets: Some(block.restrict),
        }),
    })
}

pub(crate) async fn put_public_access(
    _: Arc<S3>,
    permit: Permit<api::PutPublicAccessBlock>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let given = input.public_access_block_configuration;
    let block = PublicAccess {
        block_acls: given.block_public_acls.unwrap_or(false),
        ignore_acls: given.ignore_public_acls.unwrap_or(false),
        block_policy: given.block_public_policy.unwrap_or(false),
        restrict: given.restrict_public_buckets.unwrap_or(false),
    };
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), move |bucket| {
        bucket.public_access = Some(block);
        Ok(())
    })
    .await
}

pub(crate) async fn delete_public_access(
    _: Arc<S3>,
    permit: Permit<api::DeletePublicAccessBlock>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        bucket.public_access = None;
        Ok(())
    })
    .await
}

pub(crate) async fn get_ownership(
    _: Arc<S3>,
    permit: Permit<api::GetBucketOwnershipControls>,
) -> Result<api::GetBucketOwnershipControlsOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let ownership = bucket.ownership.ok_or_else(|| {
        let message = "The bucket ownership controls were not found";
        Error::no_configuration("OwnershipControlsNotFoundError", message, &input.bucket)
    })?;
    let rules = vec![api::OwnershipControlsRule { object_ownership: ownership }];
    Ok(api::GetBucketOwnershipControlsOutput { ownership_controls: Some(api::OwnershipControls { rules }) })
}

pub(crate) async fn put_ownership(
    _: Arc<S3>,
    permit: Permit<api::PutBucketOwnershipControls>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let mut rules = input.ownership_controls.rules.into_iter();
    let (Some(rule), None) = (rules.next(), rules.next()) else { return Err(Error::malformed_xml()) };
    super::buckets::check_ownership(&rule.object_ownership)?;
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), move |bucket| {
        bucket.ownership = Some(rule.object_ownership);
        Ok(())
    })
    .await
}

/// The controls are gone, and with them nothing: lists of grants do not exist here with or without them.
pub(crate) async fn delete_ownership(
    _: Arc<S3>,
    permit: Permit<api::DeleteBucketOwnershipControls>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        bucket.ownership = None;
        Ok(())
    })
    .await
}

pub(crate) async fn get_encryption(
    _: Arc<S3>,
    permit: Permit<api::GetBucketEncryption>,
) -> Result<api::GetBucketEncryptionOutput, Error> {
    let (input, call) = (permit.input, permit.call);
    let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
    let rule = api::ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(api::ServerSideEncryptionByDefault {
            sse_algorithm: if bucket.managed_key { "aws:kms" } else { "AES256" }.to_owned(),
            // As in AWS, the managed key is named only by the lack of another.
            kms_master_key_id: None,
        }),
        bucket_key_enabled: Some(bucket.bucket_key),
        blocked_encryption_types: None,
    };
    Ok(api::GetBucketEncryptionOutput {
        server_side_encryption_configuration: Some(api::ServerSideEncryptionConfiguration {
            rules: vec![rule],
        }),
    })
}

pub(crate) async fn put_encryption(
    _: Arc<S3>,
    permit: Permit<api::PutBucketEncryption>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    let mut rules = input.server_side_encryption_configuration.rules.into_iter();
    let (Some(rule), None) = (rules.next(), rules.next()) else { return Err(Error::malformed_xml()) };
    if rule.blocked_encryption_types.is_some() {
        return Err(Error::not_implemented("BlockedEncryptionTypes"));
    }
    let default = rule.apply_server_side_encryption_by_default.unwrap_or_default();
    let managed_key = match default.sse_algorithm.as_str() {
        "AES256" | "" if default.kms_master_key_id.is_none() => false,
        "AES256" => {
            let message = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms";
            return Err(Error::invalid_argument(message, "ApplyServerSideEncryptionByDefault", "AES256"));
        }
        "aws:kms" => {
            let bucket = call.view()?.bucket(&input.bucket, input.expected_bucket_owner.as_deref())?;
            check_key(&bucket, default.kms_master_key_id.as_ref().map(|key| key.expose().as_str()))?;
            true
        }
        "aws:kms:dsse" => return Err(Error::not_implemented("DSSE-KMS")),
        _ => return Err(Error::malformed_xml()),
    };
    let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), move |bucket| {
        bucket.bucket_key = bucket_key;
        bucket.managed_key = managed_key;
        Ok(())
    })
    .await
}

/// Objects are sealed with or without a configuration: what is deleted is only the wish for a key.
pub(crate) async fn delete_encryption(
    _: Arc<S3>,
    permit: Permit<api::DeleteBucketEncryption>,
) -> Result<(), Error> {
    let (input, call) = (permit.input, permit.call);
    change(&call, &input.bucket, input.expected_bucket_owner.as_deref(), |bucket| {
        bucket.bucket_key = false;
        bucket.managed_key = false;
        Ok(())
    })
    .await
}
