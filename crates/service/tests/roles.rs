//! Roles that services take: each is an `AssumeRole` on record, and a refusal explains itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use identity::CredentialSource as _;
use serde_json::{Value, json};
use service::RoleTaking;
use service::testkit::TestKit;

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

fn taking(role_arn: &str) -> RoleTaking<'_> {
    RoleTaking {
        service: "lambda.amazonaws.com",
        source_arn: FUNCTION,
        account: "123456789012".parse().unwrap(),
        role_arn,
        session_name: "f",
        function_arn: Some(FUNCTION),
        environment_id: Some("env-1"),
        secs: 3_600,
    }
}

async fn assumed(kit: &TestKit) -> Vec<Value> {
    kit.records().await.into_iter().filter(|record| record["eventName"] == "AssumeRole").collect()
}

#[tokio::test]
async fn a_role_that_a_service_takes_stands_in_the_trail() {
    let kit = TestKit::start(|_| Vec::new()).await;
    kit.role("own", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    let arn = "arn:aws:iam::123456789012:role/own";
    let trusting = kit.pipeline.may_take_role(&taking(arn)).unwrap();
    let (_, stored) = kit.pipeline.directory().role_by_arn(arn).unwrap().unwrap();
    assert_eq!((trusting.name, trusting.id), ("own".to_owned(), stored.role_id));
    assert!(assumed(&kit).await.is_empty(), "asking makes no session");

    let made = kit.pipeline.take_role(&taking(arn)).await.unwrap();
    let token = made.session_token.expose();
    let known =
        kit.pipeline.directory().credential(&made.access_key_id, Some(token), kit.clock.now()).unwrap();
    assert_eq!(known.principal.arn(), "arn:aws:sts::123456789012:assumed-role/own/f");
    assert_eq!(known.principal.source_environment(), Some("env-1"));
    let records = assumed(&kit).await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["userIdentity"], json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"}));
    assert_eq!(record["requestParameters"]["roleArn"], arn);
    assert_eq!(record["responseElements"]["credentials"]["accessKeyId"], made.access_key_id);
    assert_eq!(record["resources"][0]["ARN"], arn);
    let text = record.to_string();
    assert!(!text.contains(made.secret.expose()) && !text.contains(token), "{text}");
}

#[tokio::test]
async fn a_role_that_does_not_trust_the_service_is_refused_with_its_reason() {
    let kit = TestKit::start(|_| Vec::new()).await;
    kit.role("other", json!({"Service": "ec2.amazonaws.com"}), json!([])).await;
    for name in ["other", "absent"] {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        assert_eq!(kit.pipeline.may_take_role(&taking(&arn)), None);
        let fault = kit.pipeline.take_role(&taking(&arn)).await.unwrap_err();
        assert_eq!((&*fault.code, fault.status), ("AccessDenied", 403));
        let records = assumed(&kit).await;
        let record = &records[0];
        assert_eq!(record["errorCode"], "AccessDenied");
        assert_eq!(record["requestParameters"]["roleArn"], arn);
        let details = &record["additionalEventData"];
        assert_eq!(details["policyEvaluation"]["allowed"], false);
        let sealed = details["encodedAuthorizationMessage"].as_str().unwrap();
        let opened = kit.pipeline.denials().open(sealed).unwrap();
        assert!(opened.contains("aws:SourceArn") && opened.contains(FUNCTION), "{opened}");
    }
}

#[tokio::test]
async fn trust_is_asked_for_each_session_and_a_refusal_that_was_told_stands_not_in_the_trail_again() {
    let kit = TestKit::start(|_| Vec::new()).await;
    let arn = "arn:aws:iam::123456789012:role/own";
    let trusting = |service: &'static str| kit.role("own", json!({"Service": service}), json!([]));
    trusting("lambda.amazonaws.com").await;
    assert!(kit.pipeline.may_take_role(&taking(arn)).is_some());
    let never = || -> bool { panic!("nothing was refused") };
    kit.pipeline.take_role_unless_told(&taking(arn), never).await.unwrap();
    // Whoever was let once, or heard that he would be, is not let for that.
    trusting("ec2.amazonaws.com").await;
    for (is_told, recorded) in [(true, 0), (false, 1), (true, 1)] {
        let refused = kit.pipeline.take_role_unless_told(&taking(arn), || is_told).await;
        assert_eq!(refused.unwrap_err().code, "AccessDenied");
        let refusals = assumed(&kit).await.into_iter().filter(|record| record["errorCode"] == "AccessDenied");
        assert_eq!(refusals.count(), recorded);
    }
    trusting("lambda.amazonaws.com").await;
    kit.pipeline.take_role_unless_told(&taking(arn), || true).await.unwrap();
}

#[tokio::test]
async fn a_role_of_another_account_is_taken_by_no_service_and_nobody_is_told_there() {
    let kit = TestKit::start(|_| Vec::new()).await;
    let arn = "arn:aws:iam::210987654321:role/open";
    assert_eq!(kit.pipeline.may_take_role(&taking(arn)), None);
    assert_eq!(kit.pipeline.take_role(&taking(arn)).await.unwrap_err().code, "AccessDenied");
    assert!(assumed(&kit).await.is_empty());
    assert!(kit.records_of("210987654321".parse().unwrap()).await.is_empty());
}
