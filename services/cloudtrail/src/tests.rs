//! CloudTrail through the whole pipeline.

use std::sync::Arc;

use identity::Principal;
use proptest::prelude::*;
use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

async fn kit() -> TestKit {
    TestKit::start(|_| vec![crate::service()]).await
}

fn samples() -> Vec<(&'static str, Value)> {
    vec![(
        "LookupEvents",
        json!({"MaxResults": 1, "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "X"}]}),
    )]
}

service::service_compliance!(
    kit().await,
    Subject { service: "cloudtrail", samples: &samples(), open: &[], secrets: &[] }
);

async fn lookup(kit: &TestKit, who: &Arc<Principal>, input: Value) -> Result<Value, String> {
    kit.json(who, "cloudtrail", "LookupEvents", &input).await.map_err(|fault| fault.code.into_owned())
}

fn ids(value: &Value) -> Vec<String> {
    value["Events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["EventId"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_denied_call_is_found_with_its_reason() {
    let kit = kit().await;
    let nobody = kit.user("nobody", json!([])).await;
    assert_eq!(lookup(&kit, &nobody, json!({})).await.unwrap_err(), "AccessDeniedException");
    let by = json!({"LookupAttributes": [{"AttributeKey": "Username", "AttributeValue": "nobody"}]});
    let found = lookup(&kit, &kit.administrator(), by).await.unwrap();
    let event = &found["Events"][0];
    assert_eq!(event["EventName"], "LookupEvents");
    assert_eq!(event["EventSource"], "cloudtrail.amazonaws.com");
    assert_eq!(event["ReadOnly"], "true");
    assert_eq!(event["Username"], "nobody");
    let record: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(record["errorCode"], "AccessDeniedException");
    let reason = record["errorMessage"].as_str().unwrap();
    assert!(
        reason.contains("no identity-based policy allows the cloudtrail:LookupEvents action"),
        "{reason}"
    );
    assert_eq!(record["eventID"], event["EventId"]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let kit = kit().await;
    let administrator = kit.administrator();
    for _ in 0..7 {
        kit.clock.advance_millis(10);
        lookup(&kit, &administrator, json!({"MaxResults": 1})).await.unwrap();
    }
    let end = base::Timestamp::from_millis(kit.clock.now().millis()).iso8601_millis();
    let all = lookup(&kit, &administrator, json!({"EndTime": end})).await.unwrap();
    let mut collected = Vec::new();
    let mut input = json!({"EndTime": end, "MaxResults": 3});
    kit.clock.advance_millis(1_000);
    loop {
        let page = lookup(&kit, &administrator, input.clone()).await.unwrap();
        collected.extend(ids(&page));
        match page.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(collected.len(), 8, "seven and the one that listed them");
    assert_eq!(collected[1..], ids(&all)[..]);
}

#[tokio::test]
async fn old_events_go_with_the_background_job() {
    let kit = kit().await;
    lookup(&kit, &kit.administrator(), json!({})).await.unwrap();
    kit.pipeline.audit().flush().await.unwrap();
    kit.clock.advance_millis(91 * 86_400_000);
    assert_eq!(crate::jobs::prune_once(&kit.pipeline).await.unwrap(), 1);
    assert_eq!(lookup(&kit, &kit.administrator(), json!({})).await.unwrap()["Events"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_asked_has_its_own_error() {
    let kit = kit().await;
    let administrator = kit.administrator();
    let attribute = |key: &str, value: &str| json!({"AttributeKey": key, "AttributeValue": value});
    let cases = [
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (json!({"MaxResults": 0}), "InvalidMaxResultsException"),
        (json!({"NextToken": "nonsense"}), "InvalidNextTokenException"),
        (json!({"EventCategory": "insight"}), "InvalidEventCategoryException"),
        (json!({"LookupAttributes": [attribute("Color", "red")]}), "InvalidLookupAttributesException"),
        (json!({"LookupAttributes": [attribute("ReadOnly", "maybe")]}), "InvalidLookupAttributesException"),
        (
            json!({"LookupAttributes": [attribute("EventName", "A"), attribute("EventName", "B")]}),
            "InvalidLookupAttributesException",
        ),
        (
            json!({"StartTime": "2026-01-02T00:00:00Z", "EndTime": "2026-01-01T00:00:00Z"}),
            "InvalidTimeRangeException",
        ),
    ];
    for (input, expected) in cases {
        assert_eq!(lookup(&kit, &administrator, input.clone()).await.unwrap_err(), expected, "{input}");
    }
}

#[tokio::test]
async fn a_token_serves_its_own_query_only() {
    let kit = kit().await;
    let administrator = kit.administrator();
    for _ in 0..3 {
        lookup(&kit, &administrator, json!({})).await.unwrap();
    }
    let page = lookup(&kit, &administrator, json!({"MaxResults": 1})).await.unwrap();
    let token = page["NextToken"].clone();
    lookup(&kit, &administrator, json!({"MaxResults": 2, "NextToken": token})).await.unwrap();
    let other = json!({"NextToken": token, "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "X"}]});
    assert_eq!(lookup(&kit, &administrator, other).await.unwrap_err(), "InvalidNextTokenException");
}

proptest! {
    #[test]
    fn hostile_tokens_are_read_or_refused(text: String) {
        crate::lookup::fuzz_token(&text);
        crate::lookup::fuzz_token(&format!("{text}.0123456789abcdef"));
    }
}
