//! What stays the owner's, whomever a bucket's policy lets in; and what parts of uploads inherit of their beginning.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};

use super::kit;

fn policy(statement: &Value) -> Value {
    let text = json!({"Version": "2012-10-17", "Statement": [statement]});
    json!({"Bucket": "bbb", "Policy": text.to_string()})
}

#[tokio::test]
async fn the_bucket_policy_is_the_owners_alone() {
    let kit = kit().await;
    let root = kit.administrator();
    kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    let other = Arc::new(Principal::root("999999999999".parse().unwrap()));
    let bucket = json!({"Bucket": "bbb"});
    let all = policy(&json!({"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "s3:*",
        "Resource": ["arn:aws:s3:::bbb", "arn:aws:s3:::bbb/*"]}));
    let operations =
        [("GetBucketPolicy", &bucket), ("PutBucketPolicy", &all), ("DeleteBucketPolicy", &bucket)];
    for (operation, input) in operations {
        let refused = kit.json(&other, "s3", operation, input).await.unwrap_err();
        assert_eq!(refused.code, "AccessDenied", "{operation} without leave");
    }
    kit.json(&root, "s3", "PutBucketPolicy", &all).await.unwrap();
    kit.json(&other, "s3", "PutObject", &json!({"Bucket": "bbb", "Key": "k", "Body": "eA=="})).await.unwrap();
    for (operation, input) in operations {
        let refused = kit.json(&other, "s3", operation, input).await.unwrap_err();
        assert_eq!((refused.code.as_ref(), refused.status), ("MethodNotAllowed", 405), "{operation}");
    }
    for (operation, input) in operations {
        kit.json(&root, "s3", operation, input).await.unwrap();
    }
}

#[tokio::test]
async fn an_upload_that_began_encrypted_passes_a_policy_that_wants_it() {
    let kit = kit().await;
    let root = kit.administrator();
    kit.json(&root, "s3", "CreateBucket", &json!({"Bucket": "bbb"})).await.unwrap();
    let begin = json!({"Bucket": "bbb", "Key": "k"});
    let plain = kit.json(&root, "s3", "CreateMultipartUpload", &begin).await.unwrap()["UploadId"].clone();
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::bbb/*",
        "Condition": {"Null": {"s3:x-amz-server-side-encryption": "true"}}});
    kit.json(&root, "s3", "PutBucketPolicy", &policy(&deny)).await.unwrap();
    assert_eq!(
        kit.json(&root, "s3", "CreateMultipartUpload", &begin).await.unwrap_err().code,
        "AccessDenied"
    );
    let part = |upload: &Value| json!({"Bucket": "bbb", "Key": "k", "UploadId": upload, "PartNumber": 1, "Body": "eA=="});
    for upload in [&plain, &json!("made-up")] {
        let refused = kit.json(&root, "s3", "UploadPart", &part(upload)).await.unwrap_err();
        assert_eq!(refused.code, "AccessDenied", "{upload}: begun without, or never");
    }
    let mut encrypted = begin.clone();
    encrypted["ServerSideEncryption"] = "AES256".into();
    let upload =
        kit.json(&root, "s3", "CreateMultipartUpload", &encrypted).await.unwrap()["UploadId"].clone();
    let tag = kit.json(&root, "s3", "UploadPart", &part(&upload)).await.unwrap()["ETag"].clone();
    let copy =
        json!({"Bucket": "bbb", "Key": "k", "UploadId": upload, "PartNumber": 2, "CopySource": "bbb/none"});
    assert_eq!(kit.json(&root, "s3", "UploadPartCopy", &copy).await.unwrap_err().code, "NoSuchKey");
    let complete = json!({"Bucket": "bbb", "Key": "k", "UploadId": upload,
        "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}});
    kit.json(&root, "s3", "CompleteMultipartUpload", &complete).await.unwrap();
}

#[tokio::test]
async fn ones_own_bucket_is_made_again_and_stays_as_it_is() {
    let kit = kit().await;
    let root = kit.administrator();
    let bucket = json!({"Bucket": "bbb"});
    kit.json(&root, "s3", "CreateBucket", &bucket).await.unwrap();
    kit.json(&root, "s3", "PutObject", &json!({"Bucket": "bbb", "Key": "k", "Body": "eA=="})).await.unwrap();
    let tagged =
        json!({"Bucket": "bbb", "CreateBucketConfiguration": {"Tags": [{"Key": "k", "Value": "v"}]}});
    kit.json(&root, "s3", "CreateBucket", &tagged).await.unwrap();
    kit.json(&root, "s3", "HeadObject", &json!({"Bucket": "bbb", "Key": "k"})).await.unwrap();
    assert_eq!(kit.json(&root, "s3", "GetBucketTagging", &bucket).await.unwrap_err().code, "NoSuchTagSet");
    let other = Arc::new(Principal::root("999999999999".parse().unwrap()));
    let refused = kit.json(&other, "s3", "CreateBucket", &bucket).await.unwrap_err();
    assert_eq!((refused.code.as_ref(), refused.status), ("BucketAlreadyExists", 409));
}
