//! Roles that Lambda takes are on record: one for each set of credentials, and its refusals say why.

use identity::Principal;
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{ARN, Fixture, ROLE, create_input};
use crate::model::name::FunctionId;
use crate::roles::FunctionRoles;

async fn assumed(kit: &TestKit) -> Vec<Value> {
    kit.records().await.into_iter().filter(|record| record["eventName"] == "AssumeRole").collect()
}

#[tokio::test]
async fn each_environment_has_one_record_and_warm_invocations_none() {
    let fixture = Fixture::start().await;
    let made = assumed(&fixture.kit).await;
    assert_eq!(made.len(), 1, "CreateFunction asked whether Lambda may: {made:?}");
    let service = json!({"type": "AWSService", "invokedBy": "lambda.amazonaws.com"});
    let mut keys = Vec::new();
    for _ in 0..3 {
        let answer = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
        keys.push(answer["Payload"]["key"].as_str().unwrap().to_owned());
    }
    let records = assumed(&fixture.kit).await;
    assert_eq!(records.len(), 2, "one environment ran all three");
    assert_eq!(records[0]["userIdentity"], service);
    assert_eq!(records[0]["requestParameters"]["roleArn"], ROLE);
    assert_eq!(records[0]["responseElements"]["credentials"]["accessKeyId"], keys[0]);
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
}

#[tokio::test]
async fn a_role_that_does_not_trust_lambda_is_refused_with_its_reason() {
    let fixture = Fixture::empty().await;
    let role = ROLE.replace("orders-role", "stranger-role");
    let mut input = create_input();
    input["Role"] = json!(role);
    let (_, message) = fixture.refused("CreateFunction", input).await;
    assert_eq!(message, "The role defined for the function cannot be assumed by Lambda.");
    let records = fixture.kit.records().await;
    for event in ["AssumeRole", "CreateFunction20150331"] {
        let record = records.iter().find(|record| record["eventName"] == event).unwrap();
        let details = &record["additionalEventData"];
        assert_eq!(details["policyEvaluation"]["action"], "sts:AssumeRole", "{event}: {record}");
        let sealed = details["encodedAuthorizationMessage"].as_str().unwrap();
        let opened = fixture.kit.pipeline.denials().open(sealed).unwrap();
        assert!(opened.contains(ARN), "whose function it is: {opened}");
    }
}

/// How many refusals are on record after some more invocations.
async fn refused(fixture: &Fixture) -> usize {
    for _ in 0..5 {
        fixture.refused("Invoke", json!({"FunctionName": "orders"})).await;
    }
    let records = assumed(&fixture.kit).await;
    records.iter().filter(|record| record["errorCode"].is_string()).count()
}

#[tokio::test]
async fn a_refused_role_is_recorded_once_for_a_while_and_taken_at_once_where_it_is_let_again() {
    let fixture = Fixture::start().await;
    let trusting =
        |service: &'static str| fixture.kit.role("orders-role", json!({"Service": service}), json!([]));
    trusting("ec2.amazonaws.com").await;
    assert_eq!(refused(&fixture).await, 1, "whoever may invoke does not fill the trail");
    fixture.kit.clock.advance_millis(31_000);
    assert_eq!(refused(&fixture).await, 1);
    fixture.kit.clock.advance_millis(31_000);
    assert_eq!(refused(&fixture).await, 2, "it goes on to tell, however often it is asked meanwhile");
    trusting("lambda.amazonaws.com").await;
    let answer = fixture.invoke(json!({"FunctionName": "orders"}), &json!({})).await;
    assert_eq!(answer["StatusCode"], 200);
}

#[tokio::test]
async fn what_lambda_does_for_a_function_is_recorded_once_and_in_the_very_role_that_trusts_it() {
    let fixture = Fixture::start().await;
    let roles = FunctionRoles::new(fixture.kit.clock.clone());
    roles.open(&fixture.kit.pipeline);
    let function = FunctionId {
        account: fixture.kit.account,
        region: "us-east-1".parse().unwrap(),
        name: "orders".into(),
    };
    let directory = fixture.kit.pipeline.directory().clone();
    let id_of_role = || directory.role_by_arn(ROLE).unwrap().unwrap().1.role_id;
    let before = assumed(&fixture.kit).await.len();
    for _ in 0..3 {
        let Principal::AssumedRole(session) = roles.session(ROLE, &function).await.unwrap() else { panic!() };
        assert_eq!((session.role_id, session.role_name), (id_of_role(), "orders-role".to_owned()));
    }
    assert_eq!(assumed(&fixture.kit).await.len(), before + 1);
    fixture.kit.role("orders-role", json!({"Service": "ec2.amazonaws.com"}), json!([])).await;
    for _ in 0..3 {
        assert!(roles.session(ROLE, &function).await.is_none());
    }
    assert_eq!(assumed(&fixture.kit).await.len(), before + 2, "a refusal is recorded once for a while");
    fixture.kit.role("orders-role", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    for _ in 0..3 {
        assert!(roles.session(ROLE, &function).await.is_some(), "it is taken at once where it is let again");
    }
    assert_eq!(assumed(&fixture.kit).await.len(), before + 3);
}
