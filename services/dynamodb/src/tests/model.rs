//! Random operations through the service, compared with a map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fixture, n, s};

#[derive(Clone, Debug)]
enum Step {
    Put(u8, i8, i64),
    PutNew(u8, i8, i64),
    Add(u8, i8, i64),
    AddIfMore(u8, i8, i64),
    Delete(u8, i8),
    Get(u8, i8),
    Query(u8, i8, bool),
    QueryOne(u8, i8, bool),
    Scan,
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || (0..3_u8, -3..4_i8);
    let amount = || -5..6_i64;
    prop_oneof![
        (key(), amount()).prop_map(|((p, s), v)| Step::Put(p, s, v)),
        (key(), amount()).prop_map(|((p, s), v)| Step::PutNew(p, s, v)),
        (key(), amount()).prop_map(|((p, s), v)| Step::Add(p, s, v)),
        (key(), amount()).prop_map(|((p, s), v)| Step::AddIfMore(p, s, v)),
        key().prop_map(|(p, s)| Step::Delete(p, s)),
        key().prop_map(|(p, s)| Step::Get(p, s)),
        (key(), any::<bool>()).prop_map(|((p, s), forward)| Step::Query(p, s, forward)),
        (key(), any::<bool>()).prop_map(|((p, s), forward)| Step::QueryOne(p, s, forward)),
        Just(Step::Scan),
    ]
}

type Model = BTreeMap<(u8, i8), i64>;

fn key(p: u8, sort: i8) -> Value {
    json!({"p": s(&p.to_string()), "s": n(sort)})
}

fn item(((p, sort), v): (&(u8, i8), &i64)) -> Value {
    json!({"p": s(&p.to_string()), "s": n(sort), "v": n(v)})
}

async fn write(fixture: &Fixture, operation: &str, input: Value, expected: bool) {
    match fixture.call(operation, &input).await {
        Ok(_) => assert!(expected, "{operation} {input} was let through"),
        Err(fault) => {
            assert_eq!(fault.code, "ConditionalCheckFailedException", "{}", fault.message);
            assert!(!expected, "{operation} {input} was refused");
        }
    }
}

async fn run(fixture: &Fixture, model: &mut Model, step: Step) {
    let update = |p, sort, v: i64, condition: Option<&str>| {
        let mut input = json!({"TableName": "Tab", "Key": key(p, sort), "UpdateExpression": "ADD v :v",
            "ExpressionAttributeValues": {":v": n(v)}});
        if let Some(condition) = condition {
            input["ConditionExpression"] = json!(condition);
        }
        input
    };
    match step {
        Step::Put(p, sort, v) => {
            model.insert((p, sort), v);
            fixture.put(item((&(p, sort), &v))).await;
        }
        Step::PutNew(p, sort, v) => {
            let is_new = !model.contains_key(&(p, sort));
            model.entry((p, sort)).or_insert(v);
            let input = json!({"TableName": "Tab", "Item": item((&(p, sort), &v)), "ConditionExpression": "attribute_not_exists(p)"});
            write(fixture, "PutItem", input, is_new).await;
        }
        Step::Add(p, sort, v) => {
            *model.entry((p, sort)).or_default() += v;
            write(fixture, "UpdateItem", update(p, sort, v, None), true).await;
        }
        Step::AddIfMore(p, sort, v) => {
            let is_more = model.get(&(p, sort)).is_some_and(|present| *present > v);
            if is_more {
                *model.entry((p, sort)).or_default() += v;
            }
            write(fixture, "UpdateItem", update(p, sort, v, Some("v > :v")), is_more).await;
        }
        Step::Delete(p, sort) => {
            let old = model.remove(&(p, sort));
            let input = json!({"TableName": "Tab", "Key": key(p, sort), "ReturnValues": "ALL_OLD"});
            let answer = fixture.ok("DeleteItem", &input).await;
            assert_eq!(answer["Attributes"], old.map_or(Value::Null, |v| item((&(p, sort), &v))));
        }
        Step::Get(p, sort) => {
            let expected = model.get(&(p, sort)).map_or(Value::Null, |v| item((&(p, sort), v)));
            assert_eq!(fixture.get(key(p, sort)).await, expected);
        }
        Step::Query(p, from, is_forward) => {
            let mut expected: Vec<_> = model.range((p, from)..=(p, i8::MAX)).map(item).collect();
            if !is_forward {
                expected.reverse();
            }
            let input = json!({"TableName": "Tab", "KeyConditionExpression": "p = :p AND s >= :s", "ScanIndexForward": is_forward,
                "ExpressionAttributeValues": {":p": s(&p.to_string()), ":s": n(from)}});
            assert_eq!(fixture.ok("Query", &input).await["Items"], Value::Array(expected));
        }
        Step::QueryOne(p, sort, is_forward) => {
            let expected: Vec<_> = model.range((p, sort)..=(p, sort)).map(item).collect();
            let input = json!({"TableName": "Tab", "KeyConditionExpression": "p = :p AND s = :s", "ScanIndexForward": is_forward,
                "ExpressionAttributeValues": {":p": s(&p.to_string()), ":s": n(sort)}, "Limit": 1});
            let answer = fixture.ok("Query", &input).await;
            assert_eq!(answer["Items"], Value::Array(expected));
            if let Value::Object(last) = &answer["LastEvaluatedKey"] {
                let mut next = input;
                next["ExclusiveStartKey"] = last.clone().into();
                assert_eq!(fixture.ok("Query", &next).await["Items"], json!([]));
            }
        }
        Step::Scan => {
            let answer = fixture.ok("Scan", &json!({"TableName": "Tab"})).await;
            let mut items: Vec<_> =
                answer["Items"].as_array().unwrap().iter().map(Value::to_string).collect();
            let mut expected: Vec<_> = model.iter().map(|entry| item(entry).to_string()).collect();
            items.sort_unstable();
            expected.sort_unstable();
            assert_eq!(items, expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_service_behaves_as_a_map(steps in proptest::collection::vec(any_step(), 1..60)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let fixture = Fixture::with_table("p:S s:N").await;
            let mut model = Model::new();
            for step in steps {
                run(&fixture, &mut model, step).await;
            }
        });
    }
}
