//! What is decided on one state of a group is not carried out on another.

use serde_json::{Value, json};

use super::{ARN, NOW, ok, with_stream};

fn tagging(value: &str) -> Value {
    json!({"resourceArn": ARN, "tags": {"c": value}})
}

#[tokio::test]
async fn leave_for_a_group_is_none_once_it_is_tagged_otherwise() {
    let kit = with_stream().await;
    let leave = json!({"Effect": "Allow", "Action": "logs:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let user = kit.user("pub", json!([leave])).await;
    let stream = json!({"logGroupName": "g", "logStreamName": "s"});
    let events = json!([{"timestamp": NOW, "message": "m"}]);
    let operations = [
        ("PutLogEvents", json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events})),
        ("GetLogEvents", stream.clone()),
        ("FilterLogEvents", json!({"logGroupName": "g"})),
        ("DescribeLogStreams", json!({"logGroupName": "g"})),
        ("CreateLogStream", json!({"logGroupName": "g", "logStreamName": "t"})),
        ("ListTagsForResource", json!({"resourceArn": ARN})),
        ("TagResource", tagging("pub")),
        ("UntagResource", json!({"resourceArn": ARN, "tagKeys": ["c"]})),
        ("PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 7})),
        ("DeleteRetentionPolicy", json!({"logGroupName": "g"})),
        ("DeleteLogStream", stream),
        ("DeleteLogGroup", json!({"logGroupName": "g"})),
    ];
    for (operation, input) in operations {
        ok(&kit, "TagResource", tagging("pub")).await;
        kit.refused_after(&user, ("logs", "TagResource", tagging("sec")), ("logs", operation, &input)).await;
    }
    // All of it still stands.
    ok(&kit, "TagResource", tagging("pub")).await;
    let streams = kit.json(&user, "logs", "DescribeLogStreams", &json!({"logGroupName": "g"})).await.unwrap();
    assert_eq!(streams["logStreams"].as_array().unwrap().len(), 1);
}
