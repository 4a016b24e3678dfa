//! Streams: what is written into them, how they are read, how they end.

use serde_json::{Value, json};

use super::{Fixture, create, n, s};
use crate::jobs::tend_streams;

async fn streaming(view: &str) -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": view});
    let made = fixture.ok("CreateTable", &input).await;
    let arn = made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
    (fixture, arn)
}

async fn describe(fixture: &Fixture, arn: &str) -> Value {
    fixture.streams("DescribeStream", &json!({"StreamArn": arn})).await.unwrap()["StreamDescription"].clone()
}

async fn iterator(fixture: &Fixture, arn: &str, shard: &str, kind: &str, number: Option<&str>) -> String {
    let mut input = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": kind});
    if let Some(number) = number {
        input["SequenceNumber"] = json!(number);
    }
    let answer = fixture.streams("GetShardIterator", &input).await.unwrap();
    answer["ShardIterator"].as_str().unwrap().to_owned()
}

async fn records(fixture: &Fixture, iterator: &str) -> (Vec<Value>, Option<String>) {
    let answer = fixture.streams("GetRecords", &json!({"ShardIterator": iterator})).await.unwrap();
    let next = answer["NextShardIterator"].as_str().map(str::to_owned);
    (answer["Records"].as_array().unwrap().clone(), next)
}

async fn only_shard(fixture: &Fixture, arn: &str) -> String {
    describe(fixture, arn).await["Shards"][0]["ShardId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn changes_are_read_in_order_and_nothing_else() {
    let (fixture, arn) = streaming("NEW_AND_OLD_IMAGES").await;
    let shard = only_shard(&fixture, &arn).await;
    fixture.put(json!({"p": s("a"), "v": n(1)})).await;
    let latest = iterator(&fixture, &arn, &shard, "LATEST", None).await;
    fixture.put(json!({"p": s("a"), "v": n(1)})).await;
    fixture.put(json!({"p": s("a"), "v": n(2)})).await;
    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s("a")}})).await;
    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s("a")}})).await;
    let start = iterator(&fixture, &arn, &shard, "TRIM_HORIZON", None).await;
    let (all, next) = records(&fixture, &start).await;
    let events: Vec<_> = all.iter().map(|record| record["eventName"].as_str().unwrap()).collect();
    assert_eq!(events, ["INSERT", "MODIFY", "REMOVE"]);
    assert_eq!(all[1]["dynamodb"]["OldImage"], json!({"p": s("a"), "v": n(1)}));
    assert_eq!(all[1]["dynamodb"]["NewImage"], json!({"p": s("a"), "v": n(2)}));
    assert_eq!(all[1]["dynamodb"]["Keys"], json!({"p": s("a")}));
    assert!(all[2]["dynamodb"]["NewImage"].is_null() && all[2]["userIdentity"].is_null());
    assert!(records(&fixture, &next.unwrap()).await.0.is_empty());
    assert_eq!(records(&fixture, &latest).await.0, all[1..]);
    let second = all[1]["dynamodb"]["SequenceNumber"].as_str();
    let at = iterator(&fixture, &arn, &shard, "AT_SEQUENCE_NUMBER", second).await;
    assert_eq!(records(&fixture, &at).await.0, all[1..]);
    let after = iterator(&fixture, &arn, &shard, "AFTER_SEQUENCE_NUMBER", second).await;
    assert_eq!(records(&fixture, &after).await.0, all[2..]);
}

#[tokio::test]
async fn shards_follow_each_other_and_old_changes_go() {
    let (fixture, arn) = streaming("KEYS_ONLY").await;
    let first = only_shard(&fixture, &arn).await;
    fixture.put(json!({"p": s("old")})).await;
    let store = fixture.kit.pipeline.store().clone();
    let tend = async |hours: i64| {
        fixture.kit.clock.advance_millis(hours * 3_600 * 1_000);
        let state = std::sync::Arc::new(super::jobs::state(&fixture).await);
        tend_streams(&state, &store, fixture.kit.clock.now()).await.unwrap();
        describe_state(&state, &arn)
    };
    let shards = tend(5).await;
    assert_eq!(shards.len(), 2);
    assert_eq!((shards[0].id.as_str(), shards[1].parent.as_deref()), (first.as_str(), Some(first.as_str())));
    assert_eq!(shards[0].end.map(|end| end + 1), Some(shards[1].start));
    assert_eq!(store.scan(crate::records::CHANGES, &store::Range::all()).unwrap().len(), 1);
    let shards = tend(26).await;
    assert!(shards.iter().all(|shard| shard.id != first));
    assert!(store.scan(crate::records::CHANGES, &store::Range::all()).unwrap().is_empty());
}

fn describe_state(state: &crate::State, arn: &str) -> Vec<crate::records::Shard> {
    state.streams.find(arn).unwrap().shards.clone()
}

#[tokio::test]
async fn a_stream_is_read_to_its_end_after_its_table_is_gone() {
    let (fixture, arn) = streaming("NEW_IMAGE").await;
    let shard = only_shard(&fixture, &arn).await;
    fixture.put(json!({"p": s("a")})).await;
    fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    assert_eq!(describe(&fixture, &arn).await["StreamStatus"], "DISABLED");
    let start = iterator(&fixture, &arn, &shard, "TRIM_HORIZON", None).await;
    let (all, next) = records(&fixture, &start).await;
    assert_eq!((all.len(), next), (1, None));
    fixture.kit.clock.advance_millis(25 * 3_600 * 1_000);
    let gone = fixture.streams("DescribeStream", &json!({"StreamArn": arn})).await.unwrap_err();
    assert_eq!(gone.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn streams_are_switched_and_listed() {
    let fixture = Fixture::with_table("p:S").await;
    let switch = |enabled: bool| {
        let view = if enabled { json!("NEW_IMAGE") } else { Value::Null };
        json!({"TableName": "Tab", "StreamSpecification": {"StreamEnabled": enabled, "StreamViewType": view}})
    };
    fixture.put(json!({"p": s("before")})).await;
    fixture.ok("UpdateTable", &switch(true)).await;
    assert!(fixture.invalid("UpdateTable", &switch(true)).await.contains("already has an enabled stream"));
    fixture.put(json!({"p": s("during")})).await;
    let listed = fixture.streams("ListStreams", &json!({"TableName": "Tab"})).await.unwrap();
    let arn = listed["Streams"][0]["StreamArn"].as_str().unwrap().to_owned();
    fixture
        .ok("UpdateTable", &json!({"TableName": "Tab", "StreamSpecification": {"StreamEnabled": false}}))
        .await;
    fixture.put(json!({"p": s("after")})).await;
    let table = fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await["Table"].clone();
    assert!(table["StreamSpecification"].is_null());
    assert_eq!(table["LatestStreamArn"], json!(arn));
    let shard = only_shard(&fixture, &arn).await;
    let start = iterator(&fixture, &arn, &shard, "TRIM_HORIZON", None).await;
    let (all, next) = records(&fixture, &start).await;
    assert_eq!((all.len(), all[0]["dynamodb"]["Keys"].clone(), next), (1, json!({"p": s("during")}), None));
}

#[tokio::test]
async fn what_is_not_a_place_in_a_stream_is_refused() {
    let (fixture, arn) = streaming("NEW_IMAGE").await;
    let shard = only_shard(&fixture, &arn).await;
    let base = json!({"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "LATEST"});
    for (change, code) in [
        (json!({"StreamArn": arn.replace("Tab", "Bat")}), "ResourceNotFoundException"),
        (json!({"ShardId": "shardId-00000000000000000000-00000000"}), "ResourceNotFoundException"),
        (json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER"}), "ValidationException"),
        (
            json!({"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": "100000000000000000001"}),
            "ValidationException",
        ),
    ] {
        let mut input = base.clone();
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refused = fixture.streams("GetShardIterator", &input).await.unwrap_err();
        assert_eq!(refused.code, code, "{input}");
    }
    let start = iterator(&fixture, &arn, &shard, "LATEST", None).await;
    fixture.kit.clock.advance_millis(16 * 60 * 1_000);
    for (iterator, code) in [("nothing", "ValidationException"), (start.as_str(), "ExpiredIteratorException")]
    {
        let refused = fixture.streams("GetRecords", &json!({"ShardIterator": iterator})).await.unwrap_err();
        assert_eq!(refused.code, code);
    }
}

#[tokio::test]
async fn only_leave_for_the_stream_opens_it() {
    let (fixture, arn) = streaming("NEW_IMAGE").await;
    let shard = only_shard(&fixture, &arn).await;
    let start = iterator(&fixture, &arn, &shard, "TRIM_HORIZON", None).await;
    let reader = json!([{"Effect": "Allow", "Action": ["dynamodb:GetRecords"], "Resource": arn}]);
    let other = json!([{"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": arn.split("/stream").next().unwrap()}]);
    let reader = fixture.kit.user("reader", reader).await;
    let other = fixture.kit.user("other", other).await;
    let input = json!({"ShardIterator": start});
    fixture.kit.json(&reader, "dynamodbstreams", "GetRecords", &input).await.unwrap();
    for (who, operation, input) in [
        (&other, "GetRecords", input.clone()),
        (&reader, "DescribeStream", json!({"StreamArn": arn})),
        (&reader, "ListStreams", json!({})),
    ] {
        let refused = fixture.kit.json(who, "dynamodbstreams", operation, &input).await.unwrap_err();
        assert!(refused.code.starts_with("AccessDenied"), "{operation}");
    }
}
