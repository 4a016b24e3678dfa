//! The service through the whole pipeline, in memory but for the files of contents.

use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

mod access;
pub(crate) mod decisions;
mod objects;
mod owners;
mod versions;

/// A platform with this one service, and the folder that lives as long.
pub(crate) async fn kit() -> TestKit {
    let folder = tempfile::tempdir().expect("a folder");
    let contents = folder.path().join("contents");
    let sealer = crypto::RootKey::ephemeral().derive("s3");
    TestKit::start(|foundation| {
        vec![crate::service(foundation.store.clone(), contents, sealer).expect("a folder for contents")]
    })
    .await
    .keeping(folder)
}

fn samples() -> Vec<(&'static str, Value)> {
    let bucket = json!({"Bucket": "a-bucket"});
    let object = json!({"Bucket": "a-bucket", "Key": "k"});
    let with = |base: &Value, name: &str, value: Value| {
        let mut all = base.clone();
        all[name] = value;
        all
    };
    let tags = json!({"TagSet": [{"Key": "a", "Value": "b"}]});
    let policy = json!(r#"{"Version":"2012-10-17","Statement":[]}"#);
    let rules = json!({"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]});
    let encryption = json!({"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]});
    vec![
        ("ListBuckets", json!({})),
        ("CreateBucket", bucket.clone()),
        ("DeleteBucket", bucket.clone()),
        ("HeadBucket", bucket.clone()),
        ("GetBucketLocation", bucket.clone()),
        ("PutObject", with(&object, "Body", json!("c2VjcmV0IGNvbnRlbnQ="))),
        ("GetObject", object.clone()),
        ("HeadObject", object.clone()),
        ("CopyObject", with(&object, "CopySource", json!("a-bucket/other"))),
        ("DeleteObject", object.clone()),
        ("DeleteObjects", with(&bucket, "Delete", json!({"Objects": [{"Key": "k"}]}))),
        ("ListObjects", bucket.clone()),
        ("ListObjectsV2", bucket.clone()),
        ("ListObjectVersions", bucket.clone()),
        ("PutObjectTagging", with(&object, "Tagging", tags.clone())),
        ("GetObjectTagging", object.clone()),
        ("DeleteObjectTagging", object.clone()),
        ("GetObjectAcl", object.clone()),
        ("PutObjectAcl", with(&object, "ACL", json!("private"))),
        ("CreateMultipartUpload", object.clone()),
        ("UploadPart", with(&with(&object, "UploadId", json!("u")), "PartNumber", json!(1))),
        (
            "UploadPartCopy",
            with(
                &with(&with(&object, "UploadId", json!("u")), "PartNumber", json!(1)),
                "CopySource",
                json!("a-bucket/other"),
            ),
        ),
        ("CompleteMultipartUpload", with(&object, "UploadId", json!("u"))),
        ("AbortMultipartUpload", with(&object, "UploadId", json!("u"))),
        ("ListParts", with(&object, "UploadId", json!("u"))),
        ("ListMultipartUploads", bucket.clone()),
        ("GetObjectAttributes", with(&object, "ObjectAttributes", json!(["ETag"]))),
        ("PutBucketVersioning", with(&bucket, "VersioningConfiguration", json!({"Status": "Enabled"}))),
        ("GetBucketVersioning", bucket.clone()),
        ("PutBucketTagging", with(&bucket, "Tagging", tags)),
        ("GetBucketTagging", bucket.clone()),
        ("DeleteBucketTagging", bucket.clone()),
        ("PutBucketPolicy", with(&bucket, "Policy", policy)),
        ("GetBucketPolicy", bucket.clone()),
        ("DeleteBucketPolicy", bucket.clone()),
        ("GetBucketPolicyStatus", bucket.clone()),
        ("PutPublicAccessBlock", with(&bucket, "PublicAccessBlockConfiguration", json!({}))),
        ("GetPublicAccessBlock", bucket.clone()),
        ("DeletePublicAccessBlock", bucket.clone()),
        ("PutBucketOwnershipControls", with(&bucket, "OwnershipControls", rules)),
        ("GetBucketOwnershipControls", bucket.clone()),
        ("DeleteBucketOwnershipControls", bucket.clone()),
        ("PutBucketEncryption", with(&bucket, "ServerSideEncryptionConfiguration", encryption)),
        ("GetBucketEncryption", bucket.clone()),
        ("DeleteBucketEncryption", bucket.clone()),
        ("GetBucketAcl", bucket.clone()),
        ("PutBucketAcl", with(&bucket, "ACL", json!("private"))),
    ]
}

service::service_compliance!(
    kit().await,
    Subject {
        service: "s3",
        samples: &samples(),
        open: &["DeleteObjects"],
        secrets: &["secret content", "c2VjcmV0IGNvbnRlbnQ="]
    }
);
