//! The service through the whole pipeline, in memory.

mod analyzers;
mod decisions;
mod findings;
mod generation;
mod organization;
mod previews;
mod unused;

use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;

async fn kit() -> TestKit {
    TestKit::start(|on| vec![crate::service(on.directory.clone())]).await
}

async fn ask(kit: &TestKit, operation: &str, input: Value) -> Result<Value, Fault> {
    kit.json(&kit.administrator(), "accessanalyzer", operation, &input).await
}

/// Calls as the administrator; the call succeeds.
async fn done(kit: &TestKit, operation: &str, input: Value) -> Value {
    let shown = input.to_string();
    ask(kit, operation, input).await.unwrap_or_else(|fault| panic!("{operation} {shown}: {fault:?}"))
}

/// Calls as the administrator; the call is refused with this code.
async fn refused(kit: &TestKit, operation: &str, input: Value, code: &str) {
    let shown = input.to_string();
    let fault = ask(kit, operation, input).await.expect_err(&format!("{operation} {shown}"));
    assert_eq!(fault.code, code, "{operation} {shown}: {}", fault.message);
}

const JOB: &str = "0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f";

fn preview(resource: &str, configuration: Value) -> Value {
    let mut configurations = json!({});
    configurations[resource] = configuration;
    json!({"analyzerArn": ARN, "configurations": configurations})
}

const ARN: &str = "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/a";

fn samples() -> Vec<(&'static str, Value)> {
    vec![
        ("ValidatePolicy", json!({"policyDocument": POLICY, "policyType": "IDENTITY_POLICY"})),
        (
            "CheckNoNewAccess",
            json!({"newPolicyDocument": POLICY, "existingPolicyDocument": POLICY, "policyType": "IDENTITY_POLICY"}),
        ),
        (
            "CheckAccessNotGranted",
            json!({"policyDocument": POLICY, "policyType": "IDENTITY_POLICY", "access": [{"actions": ["s3:PutObject"]}]}),
        ),
        (
            "CheckNoPublicAccess",
            json!({"policyDocument": POLICY.replace("\"Action\"", "\"Principal\":{\"AWS\":\"123456789012\"},\"Action\""), "resourceType": "AWS::S3::Bucket"}),
        ),
        ("CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})),
        ("GetAnalyzer", json!({"analyzerName": "a"})),
        ("ListAnalyzers", json!({})),
        ("UpdateAnalyzer", json!({"analyzerName": "a"})),
        (
            "CreateArchiveRule",
            json!({"analyzerName": "a", "ruleName": "r", "filter": {"isPublic": {"eq": ["true"]}}}),
        ),
        ("GetArchiveRule", json!({"analyzerName": "a", "ruleName": "r"})),
        ("ListArchiveRules", json!({"analyzerName": "a"})),
        (
            "UpdateArchiveRule",
            json!({"analyzerName": "a", "ruleName": "r", "filter": {"isPublic": {"eq": ["true"]}}}),
        ),
        ("ApplyArchiveRule", json!({"analyzerArn": ARN, "ruleName": "r"})),
        ("DeleteArchiveRule", json!({"analyzerName": "a", "ruleName": "r"})),
        ("TagResource", json!({"resourceArn": ARN, "tags": {"k": "v"}})),
        ("UntagResource", json!({"resourceArn": ARN, "tagKeys": ["k"]})),
        ("ListTagsForResource", json!({"resourceArn": ARN})),
        ("GetFinding", json!({"analyzerArn": ARN, "id": "i"})),
        ("ListFindings", json!({"analyzerArn": ARN})),
        ("GetFindingV2", json!({"analyzerArn": ARN, "id": "i"})),
        ("ListFindingsV2", json!({"analyzerArn": ARN})),
        ("UpdateFindings", json!({"analyzerArn": ARN, "status": "ARCHIVED", "ids": ["i"]})),
        ("GetFindingsStatistics", json!({"analyzerArn": ARN})),
        ("GetAnalyzedResource", json!({"analyzerArn": ARN, "resourceArn": "arn:aws:s3:::b"})),
        ("ListAnalyzedResources", json!({"analyzerArn": ARN})),
        ("StartResourceScan", json!({"analyzerArn": ARN, "resourceArn": "arn:aws:s3:::b"})),
        ("GenerateFindingRecommendation", json!({"analyzerArn": ARN, "id": "i"})),
        ("GetFindingRecommendation", json!({"analyzerArn": ARN, "id": "i"})),
        ("CreateAccessPreview", preview("arn:aws:s3:::b", json!({"s3Bucket": {"bucketPolicy": POLICY}}))),
        ("GetAccessPreview", json!({"analyzerArn": ARN, "accessPreviewId": JOB})),
        ("ListAccessPreviews", json!({"analyzerArn": ARN})),
        ("ListAccessPreviewFindings", json!({"analyzerArn": ARN, "accessPreviewId": JOB})),
        ("StartPolicyGeneration", generation::request(1_767_000_000, None)),
        ("GetGeneratedPolicy", json!({"jobId": JOB})),
        ("ListPolicyGenerations", json!({})),
        ("CancelPolicyGeneration", json!({"jobId": JOB})),
        ("DeleteAnalyzer", json!({"analyzerName": "a"})),
    ]
}

service::service_compliance!(
    kit().await,
    Subject { service: "accessanalyzer", samples: &samples(), open: &[], secrets: &[] }
);

#[tokio::test]
async fn findings_come_page_by_page() {
    let kit = kit().await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Alow","Action":"x","Resource":"y"}]}"#;
    let mut seen = Vec::new();
    let mut token = None;
    loop {
        let mut input = json!({"policyDocument": document, "policyType": "IDENTITY_POLICY", "maxResults": 2});
        if let Some(token) = token {
            input["nextToken"] = token;
        }
        let page = kit.json(&kit.administrator(), "accessanalyzer", "ValidatePolicy", &input).await.unwrap();
        let codes = page["findings"].as_array().unwrap().iter().map(|found| found["issueCode"].clone());
        seen.extend(codes);
        token = page.get("nextToken").filter(|token| !token.is_null()).cloned();
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["INVALID_EFFECT", "INVALID_ACTION", "INVALID_ARN_PREFIX"]);
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let kit = kit().await;
    let input = json!({"policyDocument": "{", "resourceType": "AWS::S3::Bucket"});
    let fault =
        kit.json(&kit.administrator(), "accessanalyzer", "CheckNoPublicAccess", &input).await.unwrap_err();
    assert_eq!(fault.code, "InvalidParameterException");
    let nothing = json!({"policyDocument": POLICY, "policyType": "IDENTITY_POLICY", "access": [{}]});
    let fault = kit
        .json(&kit.administrator(), "accessanalyzer", "CheckAccessNotGranted", &nothing)
        .await
        .unwrap_err();
    assert_eq!(fault.code, "ValidationException");
    for access in [
        json!([]),
        json!([{"actions": ["foo"]}]),
        json!([{"actions": ["s3:GetObjct"]}]),
        json!([{"resources": ["bucket"]}]),
    ] {
        let input = json!({"policyDocument": POLICY, "policyType": "IDENTITY_POLICY", "access": access});
        refused(&kit, "CheckAccessNotGranted", input, "InvalidParameterException").await;
    }
    let nobody = json!({"policyDocument": POLICY, "resourceType": "AWS::S3::Bucket"});
    refused(&kit, "CheckNoPublicAccess", nobody, "InvalidParameterException").await;
}
