//! CloudWatch Logs through the whole pipeline.

mod decisions;
mod events;
mod groups;
mod retention;

use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

/// The kit's first moment, in milliseconds.
const NOW: i64 = 1_767_225_600_000;
const ARN: &str = "arn:aws:logs:us-east-1:123456789012:log-group:g";

async fn kit() -> TestKit {
    TestKit::start(|foundation| vec![crate::service(foundation.store.clone())]).await
}

/// A call as the administrator.
async fn ask(kit: &TestKit, operation: &str, input: Value) -> Result<Value, String> {
    let answer = kit.json(&kit.administrator(), "logs", operation, &input).await;
    answer.map_err(|fault| format!("{}: {}", fault.code, fault.message))
}

/// A call that must work.
async fn ok(kit: &TestKit, operation: &str, input: Value) -> Value {
    ask(kit, operation, input.clone()).await.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

/// A call that must answer this error.
async fn fails(kit: &TestKit, operation: &str, input: Value, expected: &str) {
    let error = ask(kit, operation, input.clone()).await.expect_err(operation);
    assert!(error.contains(expected), "{operation} {input} answered {error}");
}

async fn with_stream() -> TestKit {
    let kit = kit().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    kit
}

async fn put(kit: &TestKit, stream: &str, events: &[(i64, &str)]) -> Value {
    let events: Vec<Value> =
        events.iter().map(|(time, text)| json!({"timestamp": time, "message": text})).collect();
    let input = json!({"logGroupName": "g", "logStreamName": stream, "logEvents": events});
    ok(kit, "PutLogEvents", input).await
}

fn texts(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().expect("events");
    events.iter().map(|event| event["message"].as_str().expect("a message").to_owned()).collect()
}

fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = answer[list].as_array().expect(list);
    entries.iter().map(|entry| entry[member].as_str().expect(member).to_owned()).collect()
}

fn samples() -> Vec<(&'static str, Value)> {
    let group = || json!({"logGroupName": "g"});
    let stream = || json!({"logGroupName": "g", "logStreamName": "s"});
    vec![
        ("CreateLogGroup", group()),
        ("CreateLogStream", stream()),
        ("DescribeLogGroups", json!({"logGroupNamePrefix": "g"})),
        ("ListLogGroups", json!({"logGroupNamePattern": "group"})),
        ("DescribeLogStreams", group()),
        (
            "PutLogEvents",
            json!({"logGroupName": "g", "logStreamName": "s",
                "logEvents": [{"timestamp": NOW, "message": "the application's secret"}]}),
        ),
        ("GetLogEvents", stream()),
        ("FilterLogEvents", group()),
        ("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 7})),
        ("DeleteRetentionPolicy", group()),
        ("TagResource", json!({"resourceArn": ARN, "tags": {"a": "b"}})),
        ("ListTagsForResource", json!({"resourceArn": ARN})),
        ("UntagResource", json!({"resourceArn": ARN, "tagKeys": ["a"]})),
        ("TagLogGroup", json!({"logGroupName": "g", "tags": {"a": "b"}})),
        ("ListTagsLogGroup", group()),
        ("UntagLogGroup", json!({"logGroupName": "g", "tags": ["a"]})),
        (
            "PutLogGroupDeletionProtection",
            json!({"logGroupIdentifier": "g", "deletionProtectionEnabled": false}),
        ),
        ("DeleteLogStream", stream()),
        ("DeleteLogGroup", group()),
    ]
}

service::service_compliance!(
    kit().await,
    Subject { service: "logs", samples: &samples(), open: &[], secrets: &["the application's secret"] }
);

#[tokio::test]
async fn a_function_may_write_to_its_own_group_only() {
    let kit = with_stream().await;
    ok(&kit, "CreateLogGroup", json!({"logGroupName": "other"})).await;
    ok(&kit, "CreateLogStream", json!({"logGroupName": "other", "logStreamName": "s"})).await;
    let role = kit
        .role(
            "function",
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}),
            json!([{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": format!("{ARN}:*")}]),
        )
        .await;
    let event = json!([{"timestamp": NOW, "message": "m"}]);
    let to = |group: &str| json!({"logGroupName": group, "logStreamName": "s", "logEvents": event});
    kit.json(&role, "logs", "PutLogEvents", &to("g")).await.expect("its own group");
    for group in ["other", "missing"] {
        let fault = kit.json(&role, "logs", "PutLogEvents", &to(group)).await.expect_err(group);
        assert_eq!(fault.code, "AccessDeniedException", "whether it exists is not told");
    }
    let fault =
        kit.json(&role, "logs", "GetLogEvents", &json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert!(fault.expect_err("reading").message.contains("logs:GetLogEvents on resource: "));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let clock = base::Clock::manual(service::testkit::START);
    let store = store::Store::ephemeral_at(clock.clone()).expect("a store");
    let rate = service::Rate::DEFAULT;
    let build = |foundation: &service::testkit::Foundation| vec![crate::service(foundation.store.clone())];
    let before = TestKit::over(store.clone(), clock.clone(), rate, build).await;
    ok(&before, "CreateLogGroup", json!({"logGroupName": "g"})).await;
    ok(&before, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    put(&before, "s", &[(NOW, "kept")]).await;
    drop(before);
    let after = TestKit::over(store, clock, rate, build).await;
    assert_eq!(texts(&ok(&after, "FilterLogEvents", json!({"logGroupName": "g"})).await), ["kept"]);
}
