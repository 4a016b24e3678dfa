use std::collections::BTreeMap;

use base::Timestamp;
use policy::{Decision, DenialKind};
use serde_json::json;

use super::*;
use crate::records::Credentials;

fn verdict(effect: &str, resource: &str) -> Verdict {
    let answer = json!({ "principalId": "p", "context": { "n": 1, "b": true, "s": "x", "none": null }, "policyDocument": {
        "Version": "2012-10-17", "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }] } });
    match Answer::read(answer.to_string().as_bytes(), false) {
        Answer::Caller(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

const ARN: &str = "arn:aws:execute-api:us-east-1:111111111111:a1/prod/GET/orders";

#[test]
fn only_what_the_policy_allows_is_let_in() {
    let context = Context::default();
    let table = [
        (verdict("Allow", "arn:aws:execute-api:us-east-1:111111111111:a1/prod/GET/*"), None),
        (
            verdict("Allow", "arn:aws:execute-api:us-east-1:111111111111:a1/prod/POST/*"),
            Some(DenialKind::Implicit),
        ),
        (verdict("Deny", "*"), Some(DenialKind::Explicit)),
    ];
    for (verdict, denial) in table {
        let (request, set) = asked(&verdict, ARN, "111111111111", &context);
        let judged = match policy::evaluate(&request, &set) {
            Decision::Allow(_) => None,
            Decision::Deny(denial) => Some(denial.kind),
        };
        assert_eq!(judged, denial);
    }
}

#[test]
fn what_is_told_of_a_caller_is_text() {
    let told = Value::Object(verdict("Allow", "*").context);
    assert_eq!(told, json!({ "n": "1", "b": "true", "s": "x" }));
}

#[test]
fn answers_that_are_none_let_nobody_in() {
    for answer in [
        json!({}),
        json!("Allow"),
        json!({ "principalId": "", "policyDocument": {} }),
        json!({ "principalId": "p" }),
        json!({ "principalId": "p", "policyDocument": { "Statement": 7 } }),
        json!({ "principalId": "p", "policyDocument": { "Version": "2012-10-17", "Statement": [] }, "context": { "a": [] } }),
    ] {
        let read = Answer::read(answer.to_string().as_bytes(), false);
        assert!(matches!(read, Answer::Malformed(_)), "{answer}");
    }
    assert!(matches!(Answer::read(br#"{"errorMessage":"Unauthorized"}"#, true), Answer::Unauthorized));
    assert!(matches!(Answer::read(br#"{"errorMessage":"no"}"#, true), Answer::Malformed(_)));
}

fn request(identity: Vec<IdentitySource>) -> Authorizer {
    Authorizer {
        name: "a".into(),
        kind: AuthorizerKind::Request,
        function: "f".into(),
        credentials: Credentials::Service,
        identity,
        validation: None,
        ttl_secs: 300,
    }
}

#[test]
fn an_identity_is_whole_or_none() {
    let mut headers = HeaderMap::new();
    headers.insert("x-key", "k".parse().unwrap());
    headers.insert("x-empty", "".parse().unwrap());
    let variables = BTreeMap::from([("v".to_owned(), "var".to_owned())]);
    let context = json!({ "identity": { "sourceIp": "127.0.0.1" } });
    let sources =
        Sources { headers: &headers, query: "a=%C3%A9&b=", variables: &variables, context: &context };
    let header = |name: &str| IdentitySource::Header(name.to_owned());
    let all = request(vec![
        header("x-key"),
        IdentitySource::Query("a".into()),
        IdentitySource::Variable("v".into()),
        IdentitySource::Context("identity.sourceIp".into()),
    ]);
    assert_eq!(identity_of(&all, &sources).unwrap(), ["k", "é", "var", "127.0.0.1"]);
    for missing in [
        header("x-none"),
        header("x-empty"),
        IdentitySource::Query("b".into()),
        IdentitySource::Context("identity".into()),
    ] {
        assert_eq!(identity_of(&request(vec![header("x-key"), missing]), &sources), None);
    }
    headers.insert("x-key", "k".repeat(IDENTITY_BYTES_MAX + 1).parse().unwrap());
    let sources = Sources { headers: &headers, query: "", variables: &variables, context: &context };
    assert_eq!(identity_of(&request(vec![header("x-key")]), &sources), None);
}

#[test]
fn what_was_said_counts_for_its_time_and_its_identity() {
    let cache = Cache::default();
    let (now, until) = (Timestamp::from_secs(1), Timestamp::from_secs(301));
    let (one, other) = (["k".to_owned()], ["l".to_owned()]);
    cache.put("a", &one, verdict("Allow", "*"), until, now);
    assert!(cache.get("a", &one, now).is_some());
    assert!(cache.get("a", &other, now).is_none() && cache.get("b", &one, now).is_none());
    assert!(cache.get("a", &one, until).is_none());
}

#[test]
fn the_question_is_the_request_without_its_body() {
    let asked = question(
        AuthorizerKind::Request,
        ARN,
        &[],
        json!({ "path": "/x", "body": "b", "isBase64Encoded": false }),
    );
    assert_eq!(asked, json!({ "path": "/x", "type": "REQUEST", "methodArn": ARN }));
    let asked = question(AuthorizerKind::Token, ARN, &["t".to_owned()], json!({}));
    assert_eq!(asked, json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": "t" }));
}
