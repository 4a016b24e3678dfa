//! Access previews. Policies are given: what there is already is read from outside.

use super::*;
use crate::scan::testing;
use crate::scan::{Policy, Seen};

const BUCKET: &str = "arn:aws:s3:::b";

fn policy(principal: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]})
    .to_string()
}

fn bucket(policy: &str) -> Value {
    let block = json!({"ignorePublicAcls": false, "restrictPublicBuckets": false});
    preview(BUCKET, json!({"s3Bucket": {"bucketPolicy": policy, "bucketPublicAccessBlock": block}}))
}

async fn findings(kit: &TestKit, id: &Value, filter: Value) -> Vec<Value> {
    let input = json!({"analyzerArn": ARN, "accessPreviewId": id, "filter": filter});
    done(kit, "ListAccessPreviewFindings", input).await["findings"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_preview_tells_what_would_change() {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let two = json!({"AWS": ["222222222222", "333333333333"]});
    let seen = Seen {
        arn: BUCKET.to_owned(),
        resource_type: "AWS::S3::Bucket",
        policy: Policy::Text(policy(&two)),
        shielded: false,
    };
    testing::settle(&kit, "123456789012", BUCKET, &[seen]).await;
    let made =
        done(&kit, "CreateAccessPreview", bucket(&policy(&json!({"AWS": ["222222222222", "444444444444"]}))))
            .await;
    let shown =
        done(&kit, "GetAccessPreview", json!({"analyzerArn": ARN, "accessPreviewId": made["id"]})).await;
    assert_eq!(shown["accessPreview"]["status"], "COMPLETED");
    assert!(shown["accessPreview"]["configurations"][BUCKET]["s3Bucket"]["bucketPolicy"].is_string());
    let change = |change: &str| json!({"changeType": {"eq": [change]}});
    let same = findings(&kit, &made["id"], change("UNCHANGED")).await;
    assert_eq!((same.len(), &same[0]["principal"]["AWS"]), (1, &json!("222222222222")));
    let new = findings(&kit, &made["id"], change("NEW")).await;
    assert_eq!((new.len(), &new[0]["principal"]["AWS"]), (1, &json!("444444444444")));
    let gone = findings(&kit, &made["id"], change("CHANGED")).await;
    assert_eq!(
        (&gone[0]["principal"]["AWS"], &gone[0]["status"]),
        (&json!("333333333333"), &json!("RESOLVED"))
    );
    assert_eq!(gone[0]["existingFindingStatus"], "ACTIVE");
    let listed = done(&kit, "ListAccessPreviews", json!({"analyzerArn": ARN})).await;
    assert_eq!(listed["accessPreviews"].as_array().unwrap().len(), 1);
    kit.clock.advance_millis(25 * 3_600_000);
    done(&kit, "CreateAccessPreview", bucket(&policy(&json!("*")))).await;
    let listed = done(&kit, "ListAccessPreviews", json!({"analyzerArn": ARN})).await;
    assert_eq!(listed["accessPreviews"].as_array().unwrap().len(), 1, "yesterday's is gone");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let trust = json!({"iamRole": {"trustPolicy": POLICY}});
    let mut both = bucket(POLICY);
    both["configurations"]["arn:aws:iam::123456789012:role/r"] = trust.clone();
    for input in [
        json!({"analyzerArn": ARN, "configurations": {}}),
        both,
        preview(BUCKET, trust.clone()),
        preview("arn:aws:iam::222222222222:role/r", trust),
        preview("arn:aws:sqs:us-east-1:123456789012:q", json!({"sqsQueue": {"queuePolicy": POLICY}})),
        preview(
            BUCKET,
            json!({"s3Bucket": {"bucketPolicy": POLICY, "bucketAclGrants": [{"permission": "READ", "grantee": {"id": "x"}}]}}),
        ),
    ] {
        refused(&kit, "CreateAccessPreview", input, "ValidationException").await;
    }
    let made = done(&kit, "CreateAccessPreview", bucket("nonsense")).await;
    let input = json!({"analyzerArn": ARN, "accessPreviewId": made["id"]});
    let shown = done(&kit, "GetAccessPreview", input.clone()).await;
    assert_eq!(shown["accessPreview"]["statusReason"]["code"], "INVALID_CONFIGURATION");
    refused(&kit, "ListAccessPreviewFindings", input, "ConflictException").await;
    let none = json!({"analyzerArn": ARN, "accessPreviewId": JOB});
    refused(&kit, "GetAccessPreview", none, "ResourceNotFoundException").await;
}
