//! Operations that are not offered, each with its reason.
//!
//! A list that shrinks: an operation moves to the table in `lib.rs`.

use service::ServiceBuilder;

use crate::state::S3;

/// Adds the refusals to the operation table.
pub(crate) fn decline(builder: ServiceBuilder<S3>) -> ServiceBuilder<S3> {
    builder
        .declined("a setting that is not enforced here is not kept either", ENFORCED)
        .declined("there are no statistics, reports or request prices here", REPORTS)
        .declined("directory buckets and their sessions belong to another storage class", DIRECTORY)
        .declined("objects are never archived, and no query language reads them", ARCHIVE)
}

const ENFORCED: &[&str] = &[
    "DeleteBucketCors",
    "DeleteBucketLifecycle",
    "DeleteBucketReplication",
    "DeleteBucketWebsite",
    "GetBucketCors",
    "GetBucketLifecycleConfiguration",
    "GetBucketNotificationConfiguration",
    "GetBucketReplication",
    "GetBucketWebsite",
    "GetObjectLegalHold",
    "GetObjectLockConfiguration",
    "GetObjectRetention",
    "PutBucketCors",
    "PutBucketLifecycleConfiguration",
    "PutBucketNotificationConfiguration",
    "PutBucketReplication",
    "PutBucketWebsite",
    "PutObjectLegalHold",
    "PutObjectLockConfiguration",
    "PutObjectRetention",
];

const REPORTS: &[&str] = &[
    "CreateBucketMetadataConfiguration",
    "CreateBucketMetadataTableConfiguration",
    "DeleteBucketAnalyticsConfiguration",
    "DeleteBucketIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration",
    "DeleteBucketMetadataConfiguration",
    "DeleteBucketMetadataTableConfiguration",
    "DeleteBucketMetricsConfiguration",
    "GetBucketAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration",
    "GetBucketIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration",
    "GetBucketLogging",
    "GetBucketMetadataConfiguration",
    "GetBucketMetadataTableConfiguration",
    "GetBucketMetricsConfiguration",
    "GetBucketRequestPayment",
    "ListBucketAnalyticsConfigurations",
    "ListBucketIntelligentTieringConfigurations",
    "ListBucketInventoryConfigurations",
    "ListBucketMetricsConfigurations",
    "PutBucketAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration",
    "PutBucketIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration",
    "PutBucketLogging",
    "PutBucketMetricsConfiguration",
    "PutBucketRequestPayment",
    "UpdateBucketMetadataInventoryTableConfiguration",
    "UpdateBucketMetadataJournalTableConfiguration",
];

const DIRECTORY: &[&str] =
    &["CreateSession", "GetBucketAbac", "PutBucketAbac", "RenameObject", "UpdateObjectEncryption"];

const ARCHIVE: &[&str] = &["GetObjectTorrent", "RestoreObject", "SelectObjectContent"];
