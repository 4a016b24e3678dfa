use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Fixture, n, s};

async fn filled() -> Fixture {
    let fixture = Fixture::with_table("p:S s:N").await;
    for partition in ["a", "b"] {
        for sort in [-10, -1, 0, 2, 10, 30] {
            fixture.put(json!({"p": s(partition), "s": n(sort), "v": n(sort * sort), "t": s("x")})).await;
        }
    }
    fixture
}

fn query(condition: &str, values: Value) -> Value {
    json!({"TableName": "Tab", "KeyConditionExpression": condition, "ExpressionAttributeValues": values})
}

fn sorts(answer: &Value) -> Vec<i64> {
    let items = answer["Items"].as_array().unwrap();
    items.iter().map(|item| item["s"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn queries_answer_ranges_in_the_order_of_numbers() {
    let fixture = filled().await;
    for (condition, low, high, expected) in [
        ("p = :p", None, None, vec![-10, -1, 0, 2, 10, 30]),
        ("p = :p AND s = :l", Some(2), None, vec![2]),
        ("p = :p AND s < :l", Some(2), None, vec![-10, -1, 0]),
        ("p = :p AND s <= :l", Some(2), None, vec![-10, -1, 0, 2]),
        ("p = :p AND s > :l", Some(-1), None, vec![0, 2, 10, 30]),
        ("p = :p AND s >= :l", Some(-1), None, vec![-1, 0, 2, 10, 30]),
        ("p = :p AND s BETWEEN :l AND :h", Some(-1), Some(9), vec![-1, 0, 2]),
        ("p = :p AND s > :l", Some(30), None, vec![]),
    ] {
        let mut values = json!({":p": s("a")});
        for (name, value) in [(":l", low), (":h", high)] {
            if let Some(value) = value {
                values[name] = n(value);
            }
        }
        let mut input = query(condition, values);
        let answer = fixture.ok("Query", &input).await;
        assert_eq!(sorts(&answer), expected, "{condition}");
        assert_eq!(answer["Count"], expected.len());
        assert!(answer["LastEvaluatedKey"].is_null());
        input["ScanIndexForward"] = json!(false);
        let reversed: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(sorts(&fixture.ok("Query", &input).await), reversed, "{condition} backwards");
    }
}

#[tokio::test]
async fn pages_join_without_gap_or_overlap() {
    let fixture = filled().await;
    for is_forward in [true, false] {
        for limit in 1..=7 {
            let mut input = query("p = :p", json!({":p": s("b")}));
            input["ScanIndexForward"] = json!(is_forward);
            input["Limit"] = json!(limit);
            let mut all = Vec::new();
            loop {
                let answer = fixture.ok("Query", &input).await;
                all.extend(sorts(&answer));
                if answer["LastEvaluatedKey"].is_null() {
                    break;
                }
                input["ExclusiveStartKey"] = answer["LastEvaluatedKey"].clone();
            }
            let mut expected = vec![-10, -1, 0, 2, 10, 30];
            if !is_forward {
                expected.reverse();
            }
            assert_eq!(all, expected, "limit {limit}");
        }
    }
}

#[tokio::test]
async fn filters_apply_behind_the_limit_and_counts_stand_alone() {
    let fixture = filled().await;
    let mut input = query("p = :p", json!({":p": s("a"), ":v": n(50)}));
    input["FilterExpression"] = json!("v > :v");
    let answer = fixture.ok("Query", &input).await;
    assert_eq!(
        (sorts(&answer), &answer["Count"], &answer["ScannedCount"]),
        (vec![-10, 10, 30], &json!(3), &json!(6))
    );
    input["Limit"] = json!(2);
    let answer = fixture.ok("Query", &input).await;
    assert_eq!((sorts(&answer), &answer["ScannedCount"]), (vec![-10], &json!(2)));
    assert_eq!(answer["LastEvaluatedKey"], json!({"p": s("a"), "s": n(-1)}));
    let mut count = query("p = :p", json!({":p": s("a")}));
    count["Select"] = json!("COUNT");
    assert_eq!(fixture.ok("Query", &count).await, json!({"Count": 6, "ScannedCount": 6}));
    let mut part = query("p = :p AND s = :s", json!({":p": s("a"), ":s": n(2)}));
    part["ProjectionExpression"] = json!("v");
    assert_eq!(fixture.ok("Query", &part).await["Items"], json!([{"v": n(4)}]));
}

#[tokio::test]
async fn a_page_ends_at_one_megabyte() {
    let fixture = Fixture::with_table("p:S s:N").await;
    for sort in 0..6 {
        fixture.put(json!({"p": s("a"), "s": n(sort), "v": s(&"x".repeat(300 * 1024))})).await;
    }
    let mut input = query("p = :p", json!({":p": s("a")}));
    let first = fixture.ok("Query", &input).await;
    assert_eq!(sorts(&first), vec![0, 1, 2, 3]);
    input["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    assert_eq!(sorts(&fixture.ok("Query", &input).await), vec![4, 5]);
}

#[tokio::test]
async fn faulty_queries_are_refused_in_dynamodbs_words() {
    let fixture = filled().await;
    let with = |more: Value| {
        let mut input = query("p = :p", json!({":p": s("a")}));
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let start = "The provided starting key is invalid: The provided key element does not match the schema";
    for (input, message) in [
        (
            json!({"TableName": "Tab"}),
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ),
        (with(json!({"KeyConditionExpression": "s = :p"})), "Query condition missed key schema element: p"),
        (with(json!({"KeyConditionExpression": "p > :p"})), "Query key condition not supported"),
        (
            with(json!({"KeyConditionExpression": "p = :p AND q = :p"})),
            "Query condition missed key schema element: s",
        ),
        (
            with(json!({"FilterExpression": "s > :p"})),
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: s",
        ),
        (with(json!({"IndexName": "idx"})), "The table does not have the specified index: idx"),
        (
            with(json!({"Select": "SPECIFIC_ATTRIBUTES"})),
            "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            with(json!({"Select": "COUNT", "ProjectionExpression": "q"})),
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
        (with(json!({"ExclusiveStartKey": {"p": s("a")}})), start),
        (
            with(json!({"ExclusiveStartKey": {"p": s("b"), "s": n(1)}})),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
    ] {
        assert_eq!(fixture.invalid("Query", &input).await, message, "{input}");
    }
}

#[tokio::test]
async fn scans_see_everything_once_in_any_segments_and_pages() {
    let fixture = Fixture::with_table("p:S").await;
    for item in 0..40 {
        fixture.put(json!({"p": s(&format!("k{item}"))})).await;
    }
    for total in [1, 3, 7] {
        let mut seen = BTreeSet::new();
        for segment in 0..total {
            let mut input =
                json!({"TableName": "Tab", "Segment": segment, "TotalSegments": total, "Limit": 3});
            loop {
                let answer = fixture.ok("Scan", &input).await;
                for item in answer["Items"].as_array().unwrap() {
                    assert!(seen.insert(item["p"]["S"].as_str().unwrap().to_owned()), "seen twice");
                }
                if answer["LastEvaluatedKey"].is_null() {
                    break;
                }
                input["ExclusiveStartKey"] = answer["LastEvaluatedKey"].clone();
            }
        }
        assert_eq!(seen.len(), 40);
    }
    let filter = json!({"TableName": "Tab", "FilterExpression": "begins_with(p, :p)", "ExpressionAttributeValues": {":p": s("k1")}});
    let answer = fixture.ok("Scan", &filter).await;
    assert_eq!((&answer["Count"], &answer["ScannedCount"]), (&json!(11), &json!(40)));
    for (input, start) in [
        (json!({"TableName": "Tab", "Segment": 0}), "The TotalSegments parameter is required"),
        (json!({"TableName": "Tab", "TotalSegments": 2}), "The Segment parameter is required"),
        (
            json!({"TableName": "Tab", "Segment": 2, "TotalSegments": 2}),
            "The Segment parameter is zero-based",
        ),
    ] {
        assert!(fixture.invalid("Scan", &input).await.starts_with(start), "{input}");
    }
}

#[tokio::test]
async fn the_older_query_parameters_work_too() {
    let fixture = filled().await;
    let input = json!({"TableName": "Tab", "KeyConditions": {
        "p": {"ComparisonOperator": "EQ", "AttributeValueList": [s("a")]},
        "s": {"ComparisonOperator": "GT", "AttributeValueList": [n(0)]}},
        "QueryFilter": {"v": {"ComparisonOperator": "LT", "AttributeValueList": [n(200)]}}});
    assert_eq!(sorts(&fixture.ok("Query", &input).await), vec![2, 10]);
    let beside = json!({"TableName": "Tab", "FilterExpression": "v < :v", "ExpressionAttributeValues": {":v": n(200)},
        "KeyConditions": {"p": {"ComparisonOperator": "EQ", "AttributeValueList": [s("a")]}}});
    assert_eq!(sorts(&fixture.ok("Query", &beside).await), vec![-10, -1, 0, 2, 10]);
}
