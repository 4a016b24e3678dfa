//! Events: put, get, filter.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{NOW, fails, kit, ok, put, texts, with_stream};

#[tokio::test]
async fn a_batch_that_breaks_a_rule_is_refused_as_a_whole() {
    let kit = with_stream().await;
    let batch = |events: Value| json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
    let at = |offset: i64| json!({"timestamp": NOW + offset, "message": "m"});
    for (events, expected) in [
        (json!([at(1), at(0)]), "must be in chronological order"),
        (json!([at(-86_400_001), at(0)]), "cannot span more than 24 hours"),
        (json!([]), "InvalidParameterException"),
        (json!([{"timestamp": NOW, "message": ""}]), "InvalidParameterException"),
        (json!([{"timestamp": -1, "message": "m"}]), "InvalidParameterException"),
        (
            json!([{"timestamp": NOW, "message": "x".repeat(1_048_551)}]),
            "Upload too large: 1048577 bytes exceeds limit of 1048576",
        ),
    ] {
        fails(&kit, "PutLogEvents", batch(events), expected).await;
    }
    let mut missing = batch(json!([at(0)]));
    missing["logStreamName"] = json!("nowhere");
    fails(&kit, "PutLogEvents", missing.clone(), "The specified log stream does not exist").await;
    missing["logGroupName"] = json!("nowhere");
    fails(&kit, "PutLogEvents", missing, "The specified log group does not exist").await;
    let got = ok(&kit, "GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert!(texts(&got).is_empty());
}

#[tokio::test]
async fn events_too_old_or_too_new_are_left_out_and_counted() {
    let kit = with_stream().await;
    let hour = 3_600_000;
    let answer = put(&kit, "s", &[(NOW - 14 * 24 * hour - 1, "old"), (NOW - 14 * 24 * hour, "just")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({"tooOldLogEventEndIndex": 1}));
    let answer = put(&kit, "s", &[(NOW, "now"), (NOW + 2 * hour, "soon"), (NOW + 2 * hour + 1, "new")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({"tooNewLogEventStartIndex": 2}));
    assert_eq!(answer["nextSequenceToken"].as_str().unwrap().len(), 56);
    let got = ok(&kit, "GetLogEvents", json!({"logGroupName": "g", "logStreamName": "s"})).await;
    assert_eq!(texts(&got), ["just", "now", "soon"]);
}

#[tokio::test]
async fn the_largest_batch_is_taken_and_read_back() {
    let kit = with_stream().await;
    let events: Vec<Value> =
        (0..10_000).map(|n| json!({"timestamp": NOW + n, "message": format!("line {n}")})).collect();
    let batch = json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
    ok(&kit, "PutLogEvents", batch).await;
    let input = json!({"logGroupName": "g", "logStreamName": "s", "startFromHead": true});
    let got = ok(&kit, "GetLogEvents", input).await;
    assert_eq!(texts(&got).len(), 10_000);
    assert_eq!(got["events"][9_999]["message"], "line 9999");
    let size =
        ok(&kit, "DescribeLogGroups", json!({})).await["logGroups"][0]["storedBytes"].as_i64().unwrap();
    assert_eq!(size, (0..10_000).map(|n| format!("line {n}").len() as i64 + 26).sum::<i64>());
}

#[tokio::test]
async fn tokens_lead_on_and_stay_at_the_ends() {
    let kit = with_stream().await;
    put(&kit, "s", &[(NOW, "a"), (NOW, "b"), (NOW + 1, "c"), (NOW + 2, "d")]).await;
    let get = async |more: Value| {
        let mut input = json!({"logGroupName": "g", "logStreamName": "s", "limit": 2});
        more.as_object().unwrap().iter().for_each(|(key, value)| input[key] = value.clone());
        ok(&kit, "GetLogEvents", input).await
    };
    let tail = get(json!({})).await;
    assert_eq!(texts(&tail), ["c", "d"]);
    let before = get(json!({"nextToken": tail["nextBackwardToken"]})).await;
    assert_eq!(texts(&before), ["a", "b"]);
    let start = get(json!({"nextToken": before["nextBackwardToken"]})).await;
    assert!(texts(&start).is_empty());
    assert_eq!(start["nextBackwardToken"], before["nextBackwardToken"], "the end keeps its token");
    assert_eq!(texts(&get(json!({"nextToken": start["nextForwardToken"]})).await), ["a", "b"]);
    let end = get(json!({"nextToken": tail["nextForwardToken"]})).await;
    assert!(texts(&end).is_empty());
    assert_eq!(end["nextForwardToken"], tail["nextForwardToken"], "the end keeps its token");
    assert_eq!(texts(&get(json!({"nextToken": end["nextBackwardToken"]})).await), ["c", "d"]);
    put(&kit, "s", &[(NOW + 3, "e")]).await;
    assert_eq!(texts(&get(json!({"nextToken": end["nextForwardToken"]})).await), ["e"], "following goes on");
    assert_eq!(texts(&get(json!({"startFromHead": true})).await), ["a", "b"]);
    assert_eq!(
        texts(&get(json!({"startTime": NOW + 1, "endTime": NOW + 2})).await),
        ["c"],
        "the end is exclusive"
    );
    for token in ["nonsense", "f/1/s", "x/00000000000000000000000000000000000000000000000000000000/s"] {
        let input = json!({"logGroupName": "g", "logStreamName": "s", "nextToken": token});
        fails(&kit, "GetLogEvents", input, "The specified nextToken is invalid").await;
    }
}

#[tokio::test]
async fn a_search_covers_streams_in_the_order_of_time() {
    let kit = with_stream().await;
    for name in ["a", "b"] {
        ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": name})).await;
    }
    put(&kit, "b", &[(NOW, "ERROR b0"), (NOW + 5, "ok b5")]).await;
    put(&kit, "a", &[(NOW, "ERROR a0"), (NOW + 2, "{\"level\": \"ERROR\", \"n\": 7}")]).await;
    let filter = async |more: Value| {
        let mut input = json!({"logGroupName": "g"});
        more.as_object().unwrap().iter().for_each(|(key, value)| input[key] = value.clone());
        ok(&kit, "FilterLogEvents", input).await
    };
    let json_line = "{\"level\": \"ERROR\", \"n\": 7}";
    for (more, expected) in [
        (json!({}), vec!["ERROR a0", "ERROR b0", json_line, "ok b5"]),
        (json!({"filterPattern": "ERROR"}), vec!["ERROR a0", "ERROR b0", json_line]),
        (json!({"filterPattern": "ERROR -b0"}), vec!["ERROR a0", json_line]),
        (json!({"filterPattern": "{ $.n > 6 }"}), vec![json_line]),
        (json!({"filterPattern": "[level = ERROR, name = b*]"}), vec!["ERROR b0"]),
        (json!({"filterPattern": "%^ERROR [ab]%"}), vec!["ERROR a0", "ERROR b0"]),
        (json!({"logStreamNames": ["b"]}), vec!["ERROR b0", "ok b5"]),
        (json!({"logStreamNamePrefix": "a"}), vec!["ERROR a0", json_line]),
        (json!({"startTime": NOW + 1, "endTime": NOW + 5}), vec![json_line, "ok b5"]),
        (json!({"logGroupName": null, "logGroupIdentifier": super::ARN, "limit": 1}), vec!["ERROR a0"]),
    ] {
        assert_eq!(texts(&filter(more.clone()).await), expected, "{more}");
    }
    let found = filter(json!({"limit": 1})).await;
    let event = &found["events"][0];
    assert_eq!((&event["logStreamName"], &event["timestamp"]), (&json!("a"), &json!(NOW)));
    assert_eq!(event["eventId"].as_str().unwrap().len(), 56);
    for (more, expected) in [
        (json!({"logGroupName": "g", "filterPattern": "[a, b"}), "Invalid filter pattern"),
        (json!({"logGroupName": "g", "nextToken": "x"}), "nextToken is invalid"),
        (json!({"logGroupName": "g", "logStreamNames": ["zz"]}), "log stream does not exist"),
        (json!({"logGroupName": "g", "logStreamNames": ["a"], "logStreamNamePrefix": "a"}), "cannot both"),
        (json!({"logGroupName": "g", "startTime": 2, "endTime": 1}), "endTime"),
        (json!({"logGroupName": "g", "logGroupIdentifier": "g"}), "Exactly one of"),
        (json!({}), "Exactly one of"),
        (json!({"logGroupName": "nowhere"}), "log group does not exist"),
    ] {
        fails(&kit, "FilterLogEvents", more, expected).await;
    }
}

/// Pages through an operation until its token is gone or stays.
async fn pages(kit: &TestKit, operation: &str, mut input: Value, token: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let page = ok(kit, operation, input.clone()).await;
        let next = page.get(token).cloned();
        if next.is_none() || next.as_ref() == input.get("nextToken") || texts(&page).is_empty() {
            pages.push(texts(&page));
            return pages;
        }
        pages.push(texts(&page));
        input["nextToken"] = next.unwrap_or_default();
    }
}

/// Batches for two streams: where they begin, and the distances between their events.
fn batches() -> impl Strategy<Value = Vec<(bool, i64, Vec<i64>)>> {
    let step = prop_oneof![4 => Just(0_i64), 4 => 1_i64..50, 1 => 30_000_i64..100_000];
    let start = prop_oneof![0_i64..100, 0_i64..500_000];
    prop::collection::vec((any::<bool>(), start, prop::collection::vec(step, 1..12)), 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_is_read_in_order_in_both_directions(batches in batches(), limit in 1_i64..20) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let kit = kit().await;
            ok(&kit, "CreateLogGroup", json!({"logGroupName": "g"})).await;
            for name in ["s0", "s1"] {
                ok(&kit, "CreateLogStream", json!({"logGroupName": "g", "logStreamName": name})).await;
            }
            // By time, stream, batch and index: the order in which everything is served.
            let mut model: BTreeMap<(i64, usize, usize, usize), String> = BTreeMap::new();
            for (number, (stream, start, steps)) in batches.into_iter().enumerate() {
                let mut time = NOW - 600_000 + start;
                let mut events = Vec::new();
                for (index, step) in steps.into_iter().enumerate() {
                    time += step;
                    let text = format!("{number}.{index}");
                    model.insert((time, usize::from(stream), number, index), text.clone());
                    events.push((time, text));
                }
                let events: Vec<(i64, &str)> = events.iter().map(|(time, text)| (*time, text.as_str())).collect();
                put(&kit, if stream { "s1" } else { "s0" }, &events).await;
            }
            for (stream, name) in ["s0", "s1"].into_iter().enumerate() {
                let expected: Vec<String> =
                    model.iter().filter(|(key, _)| key.1 == stream).map(|(_, text)| text.clone()).collect();
                let input = json!({"logGroupName": "g", "logStreamName": name, "limit": limit, "startFromHead": true});
                let forward = pages(&kit, "GetLogEvents", input, "nextForwardToken").await;
                assert_eq!(forward.concat(), expected);
                let input = json!({"logGroupName": "g", "logStreamName": name, "limit": limit});
                let mut backward = pages(&kit, "GetLogEvents", input, "nextBackwardToken").await;
                backward.reverse();
                assert_eq!(backward.concat(), expected);
            }
            let input = json!({"logGroupName": "g", "limit": limit});
            let found = pages(&kit, "FilterLogEvents", input, "nextToken").await.concat();
            assert_eq!(found, model.into_values().collect::<Vec<_>>());
        });
    }
}
