//! Global indexes whose keys have several attributes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fixture, n, s};

/// `a:hS b:rN` and the like.
fn keys(text: &str) -> (Value, Value) {
    let mut elements = Vec::new();
    let mut definitions = Vec::new();
    for key in text.split(' ') {
        let (name, kind) = key.split_once(':').unwrap();
        let (role, scalar) = match kind.strip_prefix('h') {
            Some(scalar) => ("HASH", scalar),
            None => ("RANGE", kind.trim_start_matches('r')),
        };
        elements.push(json!({"AttributeName": name, "KeyType": role}));
        definitions.push(json!({"AttributeName": name, "AttributeType": scalar}));
    }
    (Value::Array(elements), Value::Array(definitions))
}

fn index(name: &str, keys_text: &str, projection: &str) -> Value {
    json!({"IndexName": name, "KeySchema": keys(keys_text).0, "Projection": {"ProjectionType": projection}})
}

const WIDE: &str = "h:hS a:rS b:rS c:rS d:rS";
const PAIR: &str = "x:hS y:hN z:rN";

fn table() -> Value {
    let mut definitions = vec![json!({"AttributeName": "p", "AttributeType": "S"})];
    for text in [WIDE, PAIR] {
        definitions.extend(keys(text).1.as_array().unwrap().clone());
    }
    json!({"TableName": "Tab", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions,
        "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [index("wide", WIDE, "ALL"), index("pair", PAIR, "KEYS_ONLY")]})
}

/// The table whose answers were recorded from DynamoDB: `p6` has no `c`.
async fn orders() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.ok("CreateTable", &table()).await;
    for (p, a, b, c, d) in [
        ("p1", "T", "live", Some("b"), "r1"),
        ("p2", "T", "live", Some("a"), "r2"),
        ("p3", "T", "live", Some("a"), "r1"),
        ("p4", "T", "draft", Some("c"), "r1"),
        ("p5", "F", "live", Some("a"), "r0"),
        ("p6", "T", "live", None, "r1"),
    ] {
        let mut item = json!({"p": s(p), "h": s("o1"), "a": s(a), "b": s(b), "d": s(d)});
        if let Some(c) = c {
            item["c"] = s(c);
        }
        fixture.put(item).await;
    }
    fixture
}

fn query(condition: &str, values: &[(&str, &str)]) -> Value {
    let values: serde_json::Map<String, Value> =
        values.iter().map(|(name, value)| (format!(":{name}"), s(value))).collect();
    json!({"TableName": "Tab", "IndexName": "wide", "KeyConditionExpression": condition, "ExpressionAttributeValues": values})
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Items"].as_array().unwrap().iter().map(|item| item["p"]["S"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn entries_are_found_by_any_beginning_of_the_sort_key() {
    let fixture = orders().await;
    let (h, a, b) = (("h", "o1"), ("a", "T"), ("b", "live"));
    for (condition, values, expected) in [
        ("h = :h", vec![h], vec!["p5", "p4", "p3", "p2", "p1"]),
        ("h = :h AND a = :a", vec![h, a], vec!["p4", "p3", "p2", "p1"]),
        ("b = :b AND h = :h AND a = :a", vec![h, a, b], vec!["p3", "p2", "p1"]),
        ("h = :h AND a = :a AND b < :b", vec![h, a, b], vec!["p4"]),
        ("h = :h AND a = :a AND b = :b AND c > :c", vec![h, a, b, ("c", "a")], vec!["p1"]),
        (
            "h = :h AND a = :a AND b = :b AND c = :c AND begins_with(d, :d)",
            vec![h, a, b, ("c", "a"), ("d", "r")],
            vec!["p3", "p2"],
        ),
        (
            "h = :h AND a = :a AND b = :b AND c = :c AND d BETWEEN :d AND :d",
            vec![h, a, b, ("c", "a"), ("d", "r1")],
            vec!["p3"],
        ),
    ] {
        let mut input = query(condition, &values);
        assert_eq!(names(&fixture.ok("Query", &input).await), expected, "{condition}");
        input["ScanIndexForward"] = json!(false);
        let reversed: Vec<_> = expected.into_iter().rev().collect();
        assert_eq!(names(&fixture.ok("Query", &input).await), reversed, "{condition}");
    }
    let scanned = fixture.ok("Scan", &json!({"TableName": "Tab", "IndexName": "wide"})).await;
    assert_eq!(names(&scanned), ["p5", "p4", "p3", "p2", "p1"]);
}

#[tokio::test]
async fn a_page_ends_with_every_key_attribute() {
    let fixture = orders().await;
    let mut input = query("h = :h AND a = :a", &[("h", "o1"), ("a", "T")]);
    input["Limit"] = json!(2);
    let first = fixture.ok("Query", &input).await;
    assert_eq!(names(&first), ["p4", "p3"]);
    let last = json!({"p": s("p3"), "h": s("o1"), "a": s("T"), "b": s("live"), "c": s("a"), "d": s("r1")});
    assert_eq!(first["LastEvaluatedKey"], last);
    input["ExclusiveStartKey"] = last.clone();
    let second = fixture.ok("Query", &input).await;
    assert_eq!(names(&second), ["p2", "p1"]);
    let mut cut = last.clone();
    cut.as_object_mut().unwrap().remove("d");
    input["ExclusiveStartKey"] = cut;
    assert_eq!(
        fixture.invalid("Query", &input).await,
        "The provided starting key is invalid: The provided key element does not match the schema"
    );
    let mut elsewhere = last;
    elsewhere["a"] = s("F");
    input["ExclusiveStartKey"] = elsewhere;
    assert!(fixture.invalid("Query", &input).await.contains("does not match the range key predicate"));
}

#[tokio::test]
async fn what_does_not_name_the_key_is_refused() {
    let fixture = orders().await;
    for (condition, values, message) in [
        (
            "a = :a",
            vec![("a", "T")],
            "HASH key attributes h must have equality conditions specified in the query",
        ),
        (
            "h = :h AND d = :d",
            vec![("h", "o1"), ("d", "r1")],
            "RANGE key attributes a, b, c must have equality conditions specified in the query because a condition is present on key attribute d",
        ),
    ] {
        assert_eq!(fixture.invalid("Query", &query(condition, &values)).await, message);
    }
    let filtered = json!({"TableName": "Tab", "IndexName": "wide", "KeyConditionExpression": "h = :h", "FilterExpression": "d = :h",
        "ExpressionAttributeValues": {":h": s("o1")}});
    assert_eq!(
        fixture.invalid("Query", &filtered).await,
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: d"
    );
    let wrong = json!({"TableName": "Tab", "Item": {"p": s("w"), "h": s("o1"), "a": s("T"), "b": s("b"), "c": n(1), "d": s("d")}});
    assert_eq!(
        fixture.invalid("PutItem", &wrong).await,
        "One or more parameter values were invalid: Type mismatch for Index Key c Expected: S Actual: N IndexName: wide"
    );
    let select = json!({"Statement": "SELECT * FROM \"Tab\".\"pair\" WHERE x = 'a'"});
    assert_eq!(
        fixture.invalid("ExecuteStatement", &select).await,
        "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys."
    );
}

#[tokio::test]
async fn a_partition_key_of_two_attributes_compares_numbers_by_value() {
    let fixture = orders().await;
    for (p, y, z) in [("q1", "1", "-5"), ("q2", "1", "10"), ("q3", "1.0", "2.5"), ("q4", "2", "7")] {
        fixture.put(json!({"p": s(p), "x": s("g"), "y": n(y), "z": n(z)})).await;
    }
    let input = json!({"TableName": "Tab", "IndexName": "pair", "KeyConditionExpression": "y = :y AND x = :x",
        "ExpressionAttributeValues": {":x": s("g"), ":y": n(1)}, "ReturnConsumedCapacity": "INDEXES"});
    let found = fixture.ok("Query", &input).await;
    assert_eq!(names(&found), ["q1", "q3", "q2"]);
    assert_eq!(found["Items"][1], json!({"p": s("q3"), "x": s("g"), "y": n("1"), "z": n("2.5")}));
    assert_eq!(found["ConsumedCapacity"]["GlobalSecondaryIndexes"]["pair"]["CapacityUnits"], 0.5);
    fixture
        .ok(
            "UpdateItem",
            &json!({"TableName": "Tab", "Key": {"p": s("q1")}, "UpdateExpression": "SET y = :y", "ExpressionAttributeValues": {":y": n(2)}}),
        )
        .await;
    assert_eq!(names(&fixture.ok("Query", &input).await), ["q3", "q2"]);
}

#[tokio::test]
async fn the_key_is_described_as_it_was_given_and_can_be_added_later() {
    let fixture = orders().await;
    let described = fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await;
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][0]["KeySchema"], keys(WIDE).0);
    assert_eq!(described["Table"]["GlobalSecondaryIndexes"][1]["KeySchema"], keys(PAIR).0);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    let late = "h:hS b:hS d:rS a:rS";
    // What other indexes are made of need not be said again, and what nothing is made of does no harm.
    let update = json!({"TableName": "Tab", "AttributeDefinitions": keys("h:hS b:hS d:rS a:rS unused:rB").1,
        "GlobalSecondaryIndexUpdates": [{"Create": index("late", late, "KEYS_ONLY")}]});
    fixture.ok("UpdateTable", &update).await;
    let input = json!({"TableName": "Tab", "IndexName": "late", "KeyConditionExpression": "h = :h AND b = :b",
        "ExpressionAttributeValues": {":h": s("o1"), ":b": s("live")}});
    for _ in 0..500 {
        if fixture.call("Query", &input).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // The sixth item has all that this index asks for; equal keys go by the item's own.
    assert_eq!(names(&fixture.ok("Query", &input).await), ["p5", "p1", "p3", "p6", "p2"]);
    let none =
        json!({"TableName": "Tab", "GlobalSecondaryIndexUpdates": [{"Create": index("more", late, "ALL")}]});
    assert_eq!(
        fixture.invalid("UpdateTable", &none).await,
        "One or more parameter values were invalid: AttributeDefinitions is not specified for index: more"
    );
}

type Sorts = (Option<u8>, Option<i8>, Option<u8>);

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn a_composed_index_holds_what_a_simple_model_holds(
        writes in proptest::collection::vec((0..6_u8, 0..2_u8, (proptest::option::of(0..3_u8), proptest::option::of(-2..3_i8), proptest::option::of(0..3_u8)), any::<bool>()), 1..40),
        (low, number) in (0..3_u8, -2..3_i8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let fixture = Fixture::new().await;
            let (elements, mut definitions) = keys("h:hS g:hN a:rS b:rN c:rS");
            definitions.as_array_mut().unwrap().push(json!({"AttributeName": "p", "AttributeType": "S"}));
            let input = json!({"TableName": "Tab", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": definitions,
                "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}],
                "GlobalSecondaryIndexes": [{"IndexName": "idx", "KeySchema": elements, "Projection": {"ProjectionType": "ALL"}}]});
            fixture.ok("CreateTable", &input).await;
            let mut model: BTreeMap<u8, (u8, Sorts)> = BTreeMap::new();
            for (p, g, sorts, is_deletion) in writes {
                if is_deletion && model.contains_key(&p) {
                    model.remove(&p);
                    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s(&p.to_string())}})).await;
                    continue;
                }
                model.insert(p, (g, sorts));
                let mut item = json!({"p": s(&p.to_string()), "h": s("h"), "g": n(g)});
                let (a, b, c) = sorts;
                if let Some(a) = a { item["a"] = s(&a.to_string()); }
                if let Some(b) = b { item["b"] = n(b); }
                if let Some(c) = c { item["c"] = s(&c.to_string()); }
                fixture.put(item).await;
            }
            let mut entries: Vec<(u8, i8, u8, u8)> = model.iter()
                .filter_map(|(p, (g, (a, b, c)))| Some(((*a)?, (*b)?, (*c)?, *p)).filter(|_| *g == 1))
                .collect();
            entries.sort_unstable();
            type Passes = Box<dyn Fn(&(u8, i8, u8, u8)) -> bool>;
            let conditions: [(&str, Passes); 4] = [
                ("h = :h AND g = :g", Box::new(|_| true)),
                ("h = :h AND g = :g AND a >= :a", Box::new(move |(a, ..)| *a >= low)),
                ("h = :h AND g = :g AND a = :a AND b > :b", Box::new(move |(a, b, ..)| *a == low && *b > number)),
                ("h = :h AND g = :g AND a = :a AND b = :b AND c <= :a", Box::new(move |(a, b, c, _)| *a == low && *b == number && *c <= low)),
            ];
            for (condition, passes) in conditions {
                let mut values = json!({":h": s("h"), ":g": n(1)});
                if condition.contains(":a") { values[":a"] = s(&low.to_string()); }
                if condition.contains(":b") { values[":b"] = n(number); }
                let mut input = json!({"TableName": "Tab", "IndexName": "idx", "KeyConditionExpression": condition,
                    "ExpressionAttributeValues": values, "Limit": 2});
                let mut found = Vec::new();
                loop {
                    let page = fixture.ok("Query", &input).await;
                    found.extend(names(&page).into_iter().map(|p| p.parse::<u8>().unwrap()));
                    if page["LastEvaluatedKey"].is_null() { break; }
                    input["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
                }
                let expected: Vec<u8> = entries.iter().filter(|entry| passes(entry)).map(|(.., p)| *p).collect();
                assert_eq!(found, expected, "{condition}");
            }
        });
    }
}
