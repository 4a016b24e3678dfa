//! Secondary indexes: what they hold, how they are read, how they come and go.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fixture, n, s};

fn key(names: &[&str]) -> Value {
    let elements = names.iter().zip(["HASH", "RANGE"]);
    elements.map(|(name, role)| json!({"AttributeName": name, "KeyType": role})).collect()
}

fn projection(kind: &str, names: &[&str]) -> Value {
    if names.is_empty() {
        json!({"ProjectionType": kind})
    } else {
        json!({"ProjectionType": kind, "NonKeyAttributes": names})
    }
}

fn definitions(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| json!({"AttributeName": name, "AttributeType": if *name == "i" { "N" } else { "S" }}))
        .collect()
}

/// A table `Tab` of `p` and `s`, with a local index on `l` and global ones on `g`, and on `g` and `i`.
async fn indexed() -> Fixture {
    let fixture = Fixture::new().await;
    let input = json!({
        "TableName": "Tab", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key(&["p", "s"]),
        "AttributeDefinitions": definitions(&["p", "s", "l", "g", "i"]),
        "LocalSecondaryIndexes": [
            {"IndexName": "local", "KeySchema": key(&["p", "l"]), "Projection": projection("KEYS_ONLY", &[])}],
        "GlobalSecondaryIndexes": [
            {"IndexName": "all", "KeySchema": key(&["g"]), "Projection": projection("ALL", &[])},
            {"IndexName": "some", "KeySchema": key(&["g", "i"]), "Projection": projection("INCLUDE", &["x"])}],
    });
    fixture.ok("CreateTable", &input).await;
    fixture
}

async fn scan(fixture: &Fixture, index: &str) -> Vec<Value> {
    let found = fixture.ok("Scan", &json!({"TableName": "Tab", "IndexName": index})).await;
    found["Items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn entries_follow_their_items() {
    let fixture = indexed().await;
    let item =
        json!({"p": s("a"), "s": s("1"), "l": s("z"), "g": s("G"), "i": n(1), "x": s("X"), "y": s("Y")});
    fixture.put(item.clone()).await;
    fixture.put(json!({"p": s("a"), "s": s("2")})).await;
    assert_eq!(scan(&fixture, "all").await, vec![item]);
    let some = json!({"p": s("a"), "s": s("1"), "g": s("G"), "i": n(1), "x": s("X")});
    assert_eq!(scan(&fixture, "some").await, vec![some]);
    assert_eq!(scan(&fixture, "local").await, vec![json!({"p": s("a"), "s": s("1"), "l": s("z")})]);
    let update = json!({"TableName": "Tab", "Key": {"p": s("a"), "s": s("1")}, "UpdateExpression": "SET g = :g REMOVE i",
        "ExpressionAttributeValues": {":g": s("H")}, "ReturnConsumedCapacity": "INDEXES", "ReturnItemCollectionMetrics": "SIZE"});
    let updated = fixture.ok("UpdateItem", &update).await;
    let units = &updated["ConsumedCapacity"];
    assert_eq!(units["CapacityUnits"], 4.0, "{units}");
    assert_eq!(units["GlobalSecondaryIndexes"]["all"]["CapacityUnits"], 2.0);
    assert_eq!(units["GlobalSecondaryIndexes"]["some"]["CapacityUnits"], 1.0);
    assert_eq!(
        updated["ItemCollectionMetrics"],
        json!({"ItemCollectionKey": {"p": s("a")}, "SizeEstimateRangeGB": [0.0, 1.0]})
    );
    assert_eq!(scan(&fixture, "all").await[0]["g"], s("H"));
    assert!(scan(&fixture, "some").await.is_empty());
    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s("a"), "s": s("1")}})).await;
    for index in ["all", "some", "local"] {
        assert!(scan(&fixture, index).await.is_empty(), "{index}");
    }
}

#[tokio::test]
async fn an_index_is_queried_in_its_order_page_by_page() {
    let fixture = indexed().await;
    for number in [3, 1, 2, 1] {
        for sort in ["a", "b"] {
            fixture
                .put(json!({"p": s(&format!("p{number}")), "s": s(sort), "g": s("G"), "i": n(number)}))
                .await;
        }
    }
    for (forward, condition, expected) in [
        (true, "g = :g", vec!["1a", "1b", "2a", "2b", "3a", "3b"]),
        (false, "g = :g", vec!["3b", "3a", "2b", "2a", "1b", "1a"]),
        (true, "g = :g AND i > :i", vec!["2a", "2b", "3a", "3b"]),
        (true, "g = :g AND i <= :i", vec!["1a", "1b"]),
        (false, "g = :g AND i = :i", vec!["1b", "1a"]),
    ] {
        let mut found = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut values = json!({":g": s("G")});
            if condition.contains(":i") {
                values[":i"] = n(1);
            }
            let mut input = json!({"TableName": "Tab", "IndexName": "some", "KeyConditionExpression": condition,
                "ExpressionAttributeValues": values, "Limit": 1, "ScanIndexForward": forward});
            if !start.is_null() {
                input["ExclusiveStartKey"] = start;
            }
            let page = fixture.ok("Query", &input).await;
            for item in page["Items"].as_array().unwrap() {
                found.push(format!(
                    "{}{}",
                    item["i"]["N"].as_str().unwrap(),
                    item["s"]["S"].as_str().unwrap()
                ));
            }
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                break;
            }
            assert_eq!(start.as_object().unwrap().len(), 4, "{start}");
        }
        assert_eq!(found, expected, "{condition} {forward}");
    }
}

#[tokio::test]
async fn what_an_index_cannot_answer_is_refused_or_fetched() {
    let fixture = indexed().await;
    fixture.put(json!({"p": s("a"), "s": s("1"), "l": s("z"), "g": s("G"), "i": n(1), "y": s("Y")})).await;
    let query = |extra: Value| {
        let mut input = json!({"TableName": "Tab", "IndexName": "some", "KeyConditionExpression": "g = :g",
            "ExpressionAttributeValues": {":g": s("G")}});
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        input
    };
    for (extra, message) in [
        (json!({"IndexName": "none"}), "The table does not have the specified index: none"),
        (json!({"ConsistentRead": true}), "Consistent reads are not supported on global secondary indexes"),
        (
            json!({"Select": "ALL_ATTRIBUTES"}),
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index some because its projection type is not ALL",
        ),
        (
            json!({"ProjectionExpression": "y"}),
            "One or more parameter values were invalid: Global secondary index some does not project [y]",
        ),
        (
            json!({"ExclusiveStartKey": {"g": s("G"), "i": n(1)}}),
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            json!({"FilterExpression": "i = :g"}),
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: i",
        ),
    ] {
        assert_eq!(fixture.invalid("Query", &query(extra)).await, message);
    }
    let local = json!({"TableName": "Tab", "IndexName": "local", "KeyConditionExpression": "p = :p", "Select": "ALL_ATTRIBUTES",
        "ExpressionAttributeValues": {":p": s("a")}, "ConsistentRead": true, "ReturnConsumedCapacity": "INDEXES"});
    let found = fixture.ok("Query", &local).await;
    assert_eq!(found["Items"][0]["y"], s("Y"));
    assert_eq!(found["ConsumedCapacity"]["Table"]["CapacityUnits"], 1.0);
    assert_eq!(found["ConsumedCapacity"]["LocalSecondaryIndexes"]["local"]["CapacityUnits"], 1.0);
}

#[tokio::test]
async fn values_that_cannot_be_index_keys_are_refused() {
    let fixture = indexed().await;
    let put = |extra: (&str, Value)| json!({"TableName": "Tab", "Item": {"p": s("a"), "s": s("1"), extra.0: extra.1}});
    for (extra, message) in [
        (
            ("g", n(1)),
            "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: all",
        ),
        (
            ("g", s("")),
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: all, IndexKey: g",
        ),
    ] {
        assert_eq!(fixture.invalid("PutItem", &put(extra)).await, message);
    }
    let update = json!({"TableName": "Tab", "Key": {"p": s("a"), "s": s("1")}, "UpdateExpression": "SET g = :g", "ExpressionAttributeValues": {":g": n(1)}});
    assert!(fixture.invalid("UpdateItem", &update).await.ends_with("to unsupported type"));
    for (value, message) in [
        (
            s(""),
            "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.",
        ),
        (
            s(&"x".repeat(2_049)),
            "The update expression attempted to update the secondary index key beyond allowed size limits",
        ),
    ] {
        let mut update = update.clone();
        update["ExpressionAttributeValues"][":g"] = value;
        assert_eq!(fixture.invalid("UpdateItem", &update).await, message);
    }
}

#[tokio::test]
async fn a_global_index_is_added_filled_and_removed() {
    let fixture = Fixture::with_table("p:S").await;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    for item in 0..1_100 {
        fixture.put(json!({"p": s(&item.to_string()), "g": s(&(item % 2).to_string())})).await;
    }
    fixture.put(json!({"p": s("odd"), "g": n(1)})).await;
    let update = |update: Value| json!({"TableName": "Tab", "AttributeDefinitions": definitions(&["p", "g"]), "GlobalSecondaryIndexUpdates": [update]});
    let create = json!({"Create": {"IndexName": "late", "KeySchema": key(&["g"]), "Projection": projection("KEYS_ONLY", &[])}});
    let answer = fixture.ok("UpdateTable", &update(create.clone())).await;
    let index = &answer["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (index["IndexStatus"].as_str(), index["Backfilling"].as_bool()),
        (Some("CREATING"), Some(true))
    );
    for _ in 0..500 {
        let table = fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await;
        if table["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(fixture.invalid("UpdateTable", &update(create)).await.contains("already exists"));
    let query = json!({"TableName": "Tab", "IndexName": "late", "KeyConditionExpression": "g = :g", "ExpressionAttributeValues": {":g": s("1")}, "Select": "COUNT"});
    assert_eq!(fixture.ok("Query", &query).await["Count"], 550);
    // An item whose value was there before the index can be written as long as the value is not.
    fixture
        .ok(
            "UpdateItem",
            &json!({"TableName": "Tab", "Key": {"p": s("odd")}, "UpdateExpression": "SET x = g"}),
        )
        .await;
    // Written again, it is refused like a new one.
    let same = json!({"TableName": "Tab", "Key": {"p": s("odd")}, "UpdateExpression": "SET g = :g",
        "ExpressionAttributeValues": {":g": n(1)}});
    assert!(fixture.invalid("UpdateItem", &same).await.contains("unsupported type"));
    let whole = json!({"TableName": "Tab", "Item": {"p": s("odd"), "g": n(1)}});
    let refused = fixture.invalid("PutItem", &whole).await;
    assert!(refused.contains("Type mismatch for Index Key g Expected: S Actual: N"), "{refused}");
    let gone = fixture
        .ok(
            "UpdateTable",
            &json!({"TableName": "Tab", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "late"}}]}),
        )
        .await;
    assert_eq!(gone["TableDescription"]["GlobalSecondaryIndexes"][0]["IndexStatus"], "DELETING");
    assert!(fixture.invalid("Query", &query).await.contains("does not have the specified index"));
    let (code, _) = fixture
        .refused(
            "UpdateTable",
            &json!({"TableName": "Tab", "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "late"}}]}),
        )
        .await;
    assert_eq!(code, "ResourceNotFoundException");
}

/// One random write.
#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8, Option<u8>, Option<u8>),
    Move(u8, u8, u8),
    Delete(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..3_u8, 0..3_u8);
    prop_oneof![
        (key(), proptest::option::of(0..3_u8), proptest::option::of(0..3_u8))
            .prop_map(|((p, s), g, i)| Step::Put(p, s, g, i)),
        (key(), 0..3_u8).prop_map(|((p, s), g)| Step::Move(p, s, g)),
        key().prop_map(|(p, s)| Step::Delete(p, s)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn indexes_hold_what_a_simple_model_holds(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let fixture = indexed().await;
            let mut model: BTreeMap<(u8, u8), (Option<u8>, Option<u8>)> = BTreeMap::new();
            for step in steps {
                let place = |p: u8, q: u8| json!({"p": s(&p.to_string()), "s": s(&q.to_string())});
                match step {
                    Step::Put(p, q, g, i) => {
                        let mut item = place(p, q);
                        if let Some(g) = g { item["g"] = s(&g.to_string()); }
                        if let Some(i) = i { item["i"] = n(i); }
                        fixture.put(item).await;
                        model.insert((p, q), (g, i));
                    }
                    Step::Move(p, q, g) => {
                        fixture.ok("UpdateItem", &json!({"TableName": "Tab", "Key": place(p, q), "UpdateExpression": "SET g = :g",
                            "ExpressionAttributeValues": {":g": s(&g.to_string())}})).await;
                        model.entry((p, q)).or_default().0 = Some(g);
                    }
                    Step::Delete(p, q) => {
                        fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": place(p, q)})).await;
                        model.remove(&(p, q));
                    }
                }
            }
            for g in 0..3_u8 {
                let query = json!({"TableName": "Tab", "IndexName": "some", "KeyConditionExpression": "g = :g",
                    "ExpressionAttributeValues": {":g": s(&g.to_string())}});
                let found = fixture.ok("Query", &query).await;
                let shown: Vec<(u8, String, String)> = found["Items"].as_array().unwrap().iter().map(|item| {
                    let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
                    (item["i"]["N"].as_str().unwrap().parse().unwrap(), text("p"), text("s"))
                }).collect();
                let expected: BTreeSet<(u8, String, String)> = model.iter()
                    .filter_map(|((p, q), (own, i))| Some((i.filter(|_| *own == Some(g))?, p.to_string(), q.to_string())))
                    .collect();
                assert_eq!(shown, expected.into_iter().collect::<Vec<_>>());
            }
            assert_eq!(scan(&fixture, "all").await.len(), model.values().filter(|(g, _)| g.is_some()).count());
        });
    }
}
