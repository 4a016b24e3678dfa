//! Retention, and what the background job deletes.

use serde_json::json;
use service::testkit::TestKit;
use store::{Range, Table};

use super::{NOW, fails, ok, put, texts, with_stream};
use crate::records::{CHUNKS, DOOMED, SIZES, STREAMS};
use crate::{Logs, jobs};

const DAY: i64 = 86_400_000;

fn count(kit: &TestKit, table: Table) -> usize {
    kit.pipeline.store().scan(table, &Range::all()).unwrap().len()
}

async fn sweep(kit: &TestKit) {
    let logs = Logs { store: kit.pipeline.store().clone() };
    jobs::sweep(&logs, kit.clock.now()).await.unwrap();
}

fn stored_bytes(described: &serde_json::Value) -> i64 {
    described["logGroups"][0]["storedBytes"].as_i64().unwrap()
}

#[tokio::test]
async fn expired_events_are_neither_taken_nor_served_and_go_away() {
    let kit = with_stream().await;
    put(&kit, "s", &[(NOW - 2 * DAY, "old")]).await;
    put(&kit, "s", &[(NOW - DAY / 2, "young"), (NOW, "now")]).await;
    fails(&kit, "PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 2}), "InvalidParameter")
        .await;
    ok(&kit, "PutRetentionPolicy", json!({"logGroupName": "g", "retentionInDays": 1})).await;
    let described = ok(&kit, "DescribeLogGroups", json!({})).await;
    assert_eq!(described["logGroups"][0]["retentionInDays"], 1);
    let answer = put(&kit, "s", &[(NOW - DAY - 1, "late"), (NOW - DAY, "just")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({"expiredLogEventEndIndex": 1}));
    let get = json!({"logGroupName": "g", "logStreamName": "s"});
    assert_eq!(texts(&ok(&kit, "GetLogEvents", get.clone()).await), ["just", "young", "now"]);
    assert_eq!(
        texts(&ok(&kit, "FilterLogEvents", json!({"logGroupName": "g"})).await),
        ["just", "young", "now"]
    );
    assert_eq!(stored_bytes(&described), 29 + 31 + 29);

    assert_eq!(count(&kit, CHUNKS), 4);
    sweep(&kit).await;
    assert_eq!(count(&kit, CHUNKS), 3, "the chunk that only holds expired events went");
    assert_eq!(stored_bytes(&ok(&kit, "DescribeLogGroups", json!({})).await), 30 + 31 + 29);

    kit.clock.advance_millis(2 * DAY);
    assert!(texts(&ok(&kit, "GetLogEvents", get.clone()).await).is_empty());
    ok(&kit, "DeleteRetentionPolicy", json!({"logGroupName": "g"})).await;
    assert_eq!(texts(&ok(&kit, "GetLogEvents", get).await).len(), 3, "nothing was deleted yet");
}

#[tokio::test]
async fn what_was_deleted_leaves_nothing_behind() {
    let kit = with_stream().await;
    ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": "t"})).await;
    for stream in ["s", "t"] {
        for minute in 0..5 {
            put(&kit, stream, &[(NOW - minute * 60_000, "m")]).await;
        }
    }
    ok(&kit, "DeleteLogStream", json!({"logGroupName": "g", "logStreamName": "t"})).await;
    assert_eq!((count(&kit, CHUNKS), count(&kit, DOOMED)), (10, 1));
    sweep(&kit).await;
    assert_eq!((count(&kit, CHUNKS), count(&kit, DOOMED)), (5, 0));
    assert_eq!(stored_bytes(&ok(&kit, "DescribeLogGroups", json!({})).await), 5 * 27);
    ok(&kit, "DeleteLogGroup", json!({"logGroupName": "g"})).await;
    sweep(&kit).await;
    for table in [CHUNKS, STREAMS, SIZES, DOOMED] {
        assert_eq!(count(&kit, table), 0, "{}", table.name());
    }
}
