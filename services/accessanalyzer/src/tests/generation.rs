//! Policies from the trail.

use std::sync::Arc;

use service::testkit::START;

use super::*;
use crate::scan::generation;
use crate::state::Analyzers;

const SUBJECT: &str = "arn:aws:iam::123456789012:user/alice";
const ACCESS_ROLE: &str = "arn:aws:iam::123456789012:role/reads-the-trail";

pub(super) fn request(start: i64, end: Option<i64>) -> Value {
    let mut details = json!({"trails": [{"cloudTrailArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/t", "allRegions": true}],
        "accessRole": ACCESS_ROLE, "startTime": start});
    if let Some(end) = end {
        details["endTime"] = json!(end);
    }
    json!({"policyGenerationDetails": {"principalArn": SUBJECT}, "cloudTrailDetails": details})
}

fn wanted() -> Value {
    request(START.secs() - 3_600, Some(START.secs() + 60))
}

async fn kit_with_role(actions: &str) -> TestKit {
    let kit = kit().await;
    let statements = json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
    kit.role("reads-the-trail", json!({"Service": "access-analyzer.amazonaws.com"}), statements).await;
    kit
}

/// With CloudTrail's one operation in the kit there would be a second service; without, the job says that it failed.
async fn work(kit: &TestKit) {
    let analyzers = Arc::new(Analyzers::new(kit.pipeline.directory().clone()));
    generation::work(&analyzers, &kit.pipeline).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let kit = kit_with_role("*").await;
    let now = START.secs();
    let change = |path: &str, value: Value| {
        let mut input = wanted();
        *input.pointer_mut(path).unwrap() = value;
        input
    };
    let foreign = "arn:aws:iam::222222222222:user/alice";
    for input in [
        json!({"policyGenerationDetails": {"principalArn": SUBJECT}}),
        change("/policyGenerationDetails/principalArn", json!(foreign)),
        change("/cloudTrailDetails/trails", json!([])),
        change(
            "/cloudTrailDetails/trails/0/cloudTrailArn",
            json!("arn:aws:cloudtrail:us-east-1:222222222222:trail/t"),
        ),
        change(
            "/cloudTrailDetails/trails/0",
            json!({"cloudTrailArn": "arn:aws:cloudtrail:us-east-1:123456789012:trail/t", "regions": ["eu-west-1"]}),
        ),
        change("/cloudTrailDetails/accessRole", json!("arn:aws:iam::123456789012:role/nobody")),
        change("/cloudTrailDetails/startTime", json!(now + 600)),
        request(now - 91 * 86_400, Some(now)),
        request(now, Some(now - 1)),
    ] {
        refused(&kit, "StartPolicyGeneration", input, "ValidationException").await;
    }
    refused(&kit, "GetGeneratedPolicy", json!({"jobId": "x"}), "ValidationException").await;
}

#[tokio::test]
async fn a_role_that_trusts_another_service_is_refused() {
    let kit = kit().await;
    kit.role("reads-the-trail", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    refused(&kit, "StartPolicyGeneration", wanted(), "ValidationException").await;
}

#[tokio::test]
async fn who_may_not_pass_the_role_starts_nothing() {
    let kit = kit_with_role("*").await;
    let bob =
        kit.user("bob", json!([{"Effect": "Allow", "Action": "access-analyzer:*", "Resource": "*"}])).await;
    let fault = kit.json(&bob, "accessanalyzer", "StartPolicyGeneration", &wanted()).await.unwrap_err();
    assert!(fault.message.contains("iam:PassRole"), "{}", fault.message);
}

#[tokio::test]
async fn one_is_generated_at_a_time_and_may_be_called_off() {
    let kit = kit_with_role("cloudtrail:LookupEvents").await;
    let mut input = wanted();
    input["clientToken"] = json!("t");
    let job = done(&kit, "StartPolicyGeneration", input.clone()).await["jobId"].clone();
    assert_eq!(done(&kit, "StartPolicyGeneration", input).await["jobId"], job, "the same request again");
    refused(&kit, "StartPolicyGeneration", wanted(), "ServiceQuotaExceededException").await;
    let shown = done(&kit, "GetGeneratedPolicy", json!({"jobId": job})).await;
    assert_eq!(shown["jobDetails"]["status"], "IN_PROGRESS");
    done(&kit, "CancelPolicyGeneration", json!({"jobId": job})).await;
    work(&kit).await;
    let listed = done(&kit, "ListPolicyGenerations", json!({"principalArn": SUBJECT})).await;
    assert_eq!(listed["policyGenerations"][0]["status"], "CANCELED");
    for _ in 0..4 {
        let job = done(&kit, "StartPolicyGeneration", wanted()).await["jobId"].clone();
        done(&kit, "CancelPolicyGeneration", json!({"jobId": job})).await;
    }
    refused(&kit, "StartPolicyGeneration", wanted(), "ServiceQuotaExceededException").await;
    kit.clock.advance_millis(25 * 3_600_000);
    done(&kit, "StartPolicyGeneration", wanted()).await;
}

#[tokio::test]
async fn a_job_that_cannot_read_fails_and_tells_why() {
    let kit = kit_with_role("cloudtrail:LookupEvents").await;
    let job = done(&kit, "StartPolicyGeneration", wanted()).await["jobId"].clone();
    work(&kit).await;
    let shown = done(&kit, "GetGeneratedPolicy", json!({"jobId": job})).await;
    assert_eq!(shown["jobDetails"]["status"], "FAILED");
    assert_eq!(shown["jobDetails"]["jobError"]["code"], "SERVICE_ERROR", "{shown}");
    assert!(shown["generatedPolicyResult"].get("generatedPolicies").is_none_or(Value::is_null));
}

#[tokio::test]
async fn the_access_role_is_taken_for_the_principal_and_its_refusal_is_explained() {
    let kit = kit().await;
    kit.role("reads-the-trail", json!({"Service": "ec2.amazonaws.com"}), json!([])).await;
    let root = kit.administrator();
    let fault = kit.json(&root, "accessanalyzer", "StartPolicyGeneration", &wanted()).await.unwrap_err();
    assert_eq!(fault.code, "ValidationException");
    let records = kit.records().await;
    let taken = records.iter().find(|record| record["eventName"] == "AssumeRole").unwrap();
    assert_eq!(taken["userIdentity"]["invokedBy"], "access-analyzer.amazonaws.com");
    assert_eq!(taken["errorCode"], "AccessDenied");
    let sealed = taken["additionalEventData"]["encodedAuthorizationMessage"].as_str().unwrap();
    let opened: Value = serde_json::from_str(&kit.pipeline.denials().open(sealed).unwrap()).unwrap();
    let items = opened.pointer("/context/conditions/items").unwrap().as_array().unwrap();
    let source = items.iter().find(|item| item["key"] == "aws:SourceArn").unwrap();
    assert_eq!(source.pointer("/values/items/0/value").unwrap(), SUBJECT, "on whose behalf");
}
