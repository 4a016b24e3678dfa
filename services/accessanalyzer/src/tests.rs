//! The service through the whole pipeline, in memory.

use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}"#;

async fn kit() -> TestKit {
    TestKit::start(|_| vec![crate::service()]).await
}

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
        ("CheckNoPublicAccess", json!({"policyDocument": POLICY, "resourceType": "AWS::S3::Bucket"})),
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
}
