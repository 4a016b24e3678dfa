//! `AWS::S3::BucketPolicy`: the one policy of a bucket.
//!
//! Refuses a bucket that has a policy already: that one is somebody else's, and it may be what keeps others out.

use serde_json::{Value, json};

use super::document::to_text;
use super::reading::{Reading, document};
use super::{Answer, Failure, Property, Provider, Work, gone, is_absent, required, text};
use crate::drift::Rules;
use crate::records::Physical;

pub(super) struct BucketPolicy;

const PROPERTIES: [Property; 2] = [required("Bucket").fixed(), required("PolicyDocument")];

impl Provider for BucketPolicy {
    fn kind(&self) -> &'static str {
        "AWS::S3::BucketPolicy"
    }

    fn needs(&self) -> Option<(&'static str, &'static str)> {
        Some(("s3", "PutBucketPolicy"))
    }

    fn properties(&self) -> &'static [Property] {
        &PROPERTIES
    }

    fn of_receipt(&self, planned: &Physical, id: String) -> Option<Physical> {
        (id == text(planned.properties.get("Bucket"))).then(|| planned.clone())
    }

    /// Puts once more what it put before: meanwhile the bucket is not without it.
    // SECURITY: by the receipt alone. Somebody else's policy may say the very same, and be what keeps others out.
    fn take_over<'a>(&'a self, work: &'a Work) -> Answer<'a, Option<Physical>> {
        Box::pin(async move {
            let bucket = work.text("Bucket");
            if !work.has_receipt(&bucket)? {
                return Ok(None);
            }
            let made = work.made(bucket, Value::Null);
            put(work).await.map(Some).map_err(|failure| failure.after(&made))
        })
    }

    fn comparison(&self) -> Option<&'static Rules> {
        const RULES: Rules = Rules { unread: &[], whole: &["/PolicyDocument"], ordered: &[] };
        Some(&RULES)
    }

    fn read<'a>(&'a self, work: &'a Work, of: &'a Physical) -> Answer<'a, Reading> {
        Box::pin(async move {
            Ok(shown(work, &of.id).await?.map(|document| {
                let mut now = work.pick(&["Bucket"]);
                now.insert("PolicyDocument".to_owned(), document);
                now
            }))
        })
    }

    fn create<'a>(&'a self, work: &'a Work) -> Answer<'a, Physical> {
        Box::pin(async move {
            let bucket = work.text("Bucket");
            if shown(work, &bucket).await?.is_some() {
                return Err(Failure::exists(format_args!(
                    "The bucket policy already exists on bucket {bucket}."
                )));
            }
            put(work).await
        })
    }

    fn update<'a>(&'a self, work: &'a Work, _: &'a Physical) -> Answer<'a, Physical> {
        Box::pin(put(work))
    }

    fn delete<'a>(&'a self, work: &'a Work, old: &'a Physical) -> Answer<'a, ()> {
        Box::pin(async move {
            let bucket = text(old.properties.get("Bucket"));
            match work.call("s3", "DeleteBucketPolicy", json!({ "Bucket": bucket })).await {
                Err(fault) if fault.code == "NoSuchBucket" => Ok(()),
                answer => gone(answer),
            }
        })
    }
}

async fn put(work: &Work) -> Result<Physical, Failure> {
    let bucket = work.text("Bucket");
    let input = json!({ "Bucket": bucket, "Policy": to_text(work.get("PolicyDocument")) });
    work.call("s3", "PutBucketPolicy", input).await?;
    Ok(work.made(bucket, Value::Null))
}

/// The policy that a bucket has.
async fn shown(work: &Work, bucket: &str) -> Result<Option<Value>, Failure> {
    match work.call("s3", "GetBucketPolicy", json!({ "Bucket": bucket })).await {
        Err(fault) if is_absent(&fault) || fault.code.starts_with("NoSuchBucket") => Ok(None),
        Err(fault) => Err(fault.into()),
        Ok(shown) => Ok(Some(document(shown.get("Policy")))),
    }
}
