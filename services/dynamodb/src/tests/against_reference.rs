//! Random operations with random expressions of every kind, held against [`super::reference`].

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::reference::condition::Test;
use super::reference::update::{
    Action, projected, projection_text, random_projection, random_update, update_text, updated,
};
use super::reference::{ATTRIBUTES, Any, Dice, Item, Places, item_json, read_item};
use super::{Fixture, n, s};

/// Items by partition and sort key, in the order of the latter.
type Model = BTreeMap<(String, i128), Item>;

const PARTITIONS: [&str; 3] = ["one", "two", "three"];
const SORTS: [i128; 5] = [-99_999_999_999_999_999_999_999_999_999_999_999_999, -2, 0, 3, 10_i128.pow(37)];

fn place(dice: &mut Dice) -> (String, i128) {
    (dice.word(&PARTITIONS).to_owned(), *dice.one(&SORTS))
}

fn keys((p, sort): &(String, i128)) -> Item {
    Item::from([("p".to_owned(), Any::S(p.clone())), ("s".to_owned(), Any::N(*sort))])
}

fn random_item(dice: &mut Dice, key: &(String, i128)) -> Item {
    let mut item = keys(key);
    for name in ATTRIBUTES {
        if dice.chance(60) {
            item.insert(name.to_owned(), Any::random(dice, 2));
        }
    }
    if dice.chance(60) {
        item.insert("g".to_owned(), Any::S(dice.word(&["x", "y"]).to_owned()));
    }
    item
}

async fn table() -> Fixture {
    let fixture = Fixture::new().await;
    let definition = |name: &str, kind: &str| json!({"AttributeName": name, "AttributeType": kind});
    let element = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let input = json!({"TableName": "Tab", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [definition("p", "S"), definition("s", "N"), definition("g", "S")],
        "KeySchema": [element("p", "HASH"), element("s", "RANGE")],
        "GlobalSecondaryIndexes": [{"IndexName": "by-g", "KeySchema": [element("g", "HASH"), element("s", "RANGE")],
            "Projection": {"ProjectionType": "ALL"}}]});
    fixture.ok("CreateTable", &input).await;
    fixture
}

/// One write: what is asked, and what it makes of the item, where it is let through.
struct Change {
    key: (String, i128),
    operation: &'static str,
    input: Value,
    outcome: Result<Option<Item>, &'static str>,
}

fn random_change(dice: &mut Dice, model: &Model, key: (String, i128)) -> Change {
    let before = model.get(&key);
    let (mut places, nothing) = (Places::default(), Item::new());
    let condition = dice.chance(50).then(|| Test::random(dice, 2));
    let text = condition.as_ref().map(|condition| condition.text(&mut places));
    let is_met = condition.is_none_or(|condition| condition.holds(before.unwrap_or(&nothing)));
    let mut input = json!({"TableName": "Tab"});
    let (operation, after): (_, Result<Option<Item>, &'static str>) = match dice.below(5) {
        0 => ("Delete", Ok(None)),
        1 | 2 => {
            let item = random_item(dice, &key);
            input["Item"] = item_json(&item);
            ("Put", Ok(Some(item)))
        }
        _ => {
            let actions: Vec<Action> = random_update(dice);
            input["UpdateExpression"] = json!(update_text(&actions, &mut places));
            let start = before.cloned().unwrap_or_else(|| keys(&key));
            ("Update", updated(&start, &actions).map(Some).ok_or("ValidationException"))
        }
    };
    if operation != "Put" {
        input["Key"] = item_json(&keys(&key));
    }
    if let Some(text) = text {
        input["ConditionExpression"] = json!(text);
    }
    places.fill(&mut input);
    let outcome = if is_met { after } else { Err("ConditionalCheckFailedException") };
    Change { key, operation, input, outcome }
}

fn apply(model: &mut Model, key: (String, i128), after: Option<Item>) {
    match after {
        Some(item) => model.insert(key, item),
        None => model.remove(&key),
    };
}

async fn write_one(fixture: &Fixture, model: &mut Model, change: Change) {
    let Change { key, operation, mut input, outcome } = change;
    let name = format!("{operation}Item");
    if operation == "Update" {
        input["ReturnValues"] = json!("ALL_NEW");
    }
    let answer = fixture.call(&name, &input).await;
    match (answer, outcome) {
        (Ok(answer), Ok(after)) => {
            if operation == "Update" {
                assert_eq!(Some(read_item(&answer["Attributes"])), after, "{input}");
            }
            apply(model, key, after);
        }
        (Err(fault), Err(code)) => assert_eq!(fault.code, code, "{input}: {}", fault.message),
        (answer, outcome) => panic!("{name} {input}: {answer:?}, and not {outcome:?}"),
    }
}

async fn write_together(fixture: &Fixture, model: &mut Model, changes: Vec<Change>) {
    let actions: Vec<_> = changes.iter().map(|change| json!({change.operation: change.input})).collect();
    let answer = fixture.call("TransactWriteItems", &json!({"TransactItems": actions})).await;
    let reasons: Vec<&str> = changes
        .iter()
        .map(|change| match change.outcome {
            Ok(_) => "None",
            Err("ConditionalCheckFailedException") => "ConditionalCheckFailed",
            Err(_) => "ValidationError",
        })
        .collect();
    match answer {
        Ok(_) => {
            assert!(reasons.iter().all(|reason| *reason == "None"), "{actions:?}: {reasons:?}");
            for change in changes {
                apply(model, change.key, change.outcome.unwrap());
            }
        }
        Err(fault) => {
            assert_eq!(fault.code, "TransactionCanceledException", "{actions:?}: {}", fault.message);
            assert!(
                fault.message.contains(&format!("[{}]", reasons.join(", "))),
                "{reasons:?}: {}",
                fault.message
            );
        }
    }
}

fn items(answer: &Value) -> Vec<Item> {
    answer["Items"].as_array().unwrap().iter().map(read_item).collect()
}

/// A page of the table or of its index: a key condition, a filter, a projection, a direction.
async fn read_page(fixture: &Fixture, model: &Model, dice: &mut Dice) {
    let mut places = Places::default();
    let mut input = json!({"TableName": "Tab"});
    let filter = dice.chance(50).then(|| Test::random(dice, 2));
    let projection = dice.chance(40).then(|| random_projection(dice));
    if let Some(filter) = &filter {
        input["FilterExpression"] = json!(filter.text(&mut places));
    }
    if let Some(projection) = &projection {
        input["ProjectionExpression"] = json!(projection_text(projection, &mut places));
    }
    let (kind, from) = (dice.below(3), *dice.one(&SORTS));
    let (operation, mut expected): (_, Vec<&Item>) = match kind {
        0 => ("Scan", model.values().collect()),
        kind => {
            let of_index = kind == 1;
            let value = if of_index { dice.word(&["x", "y"]) } else { dice.word(&PARTITIONS) };
            let name = if of_index { "g" } else { "p" };
            if of_index {
                input["IndexName"] = json!("by-g");
            }
            let (sort, keeps): (_, fn(i128, i128) -> bool) = match dice.below(4) {
                0 => (" AND s >= :from", |sort, from| sort >= from),
                1 => (" AND s < :from", |sort, from| sort < from),
                2 => (" AND s BETWEEN :from AND :end", |sort, from| sort >= from),
                _ => ("", |_, _| true),
            };
            places.values.insert(":part".to_owned(), s(value));
            if !sort.is_empty() {
                places.values.insert(":from".to_owned(), n(from));
            }
            if sort.contains(":end") {
                places.values.insert(":end".to_owned(), n(SORTS[4]));
            }
            input["KeyConditionExpression"] = json!(format!("{name} = :part{sort}"));
            let wanted = Any::S(value.to_owned());
            let mut found: Vec<(i128, &Item)> = model
                .iter()
                .filter(|((_, sort), item)| item.get(name) == Some(&wanted) && keeps(*sort, from))
                .map(|((_, sort), item)| (*sort, item))
                .collect();
            found.sort_by_key(|(sort, _)| *sort);
            if dice.chance(50) {
                input["ScanIndexForward"] = json!(false);
                found.reverse();
            }
            ("Query", found.into_iter().map(|(_, item)| item).collect())
        }
    };
    let scanned = expected.len();
    expected.retain(|item| filter.as_ref().is_none_or(|filter| filter.holds(item)));
    let mut expected: Vec<Item> = expected
        .into_iter()
        .map(|item| projection.as_ref().map_or_else(|| item.clone(), |ways| projected(item, ways)))
        .collect();
    places.fill(&mut input);
    let answer = fixture.ok(operation, &input).await;
    assert_eq!(answer["ScannedCount"], scanned, "{input}");
    let mut found = items(&answer);
    if kind != 2 {
        // Partitions, and items of one sort key in an index, come in no particular order.
        let text = |item: &Item| format!("{item:?}");
        found.sort_by_key(text);
        expected.sort_by_key(text);
    }
    assert_eq!(found, expected, "{operation} {input}");
}

async fn read_item_of(fixture: &Fixture, model: &Model, dice: &mut Dice) {
    let key = place(dice);
    let mut places = Places::default();
    let mut input = json!({"TableName": "Tab", "Key": item_json(&keys(&key))});
    let projection = dice.chance(60).then(|| random_projection(dice));
    if let Some(projection) = &projection {
        input["ProjectionExpression"] = json!(projection_text(projection, &mut places));
    }
    places.fill(&mut input);
    let found = fixture.ok("GetItem", &input).await;
    let found = found.get("Item").map(read_item);
    let expected = model.get(&key);
    let expected =
        expected.map(|item| projection.as_ref().map_or_else(|| item.clone(), |ways| projected(item, ways)));
    assert_eq!(found, expected, "{input}");
}

async fn step(fixture: &Fixture, model: &mut Model, dice: &mut Dice) {
    match dice.below(10) {
        0..=4 => {
            let key = place(dice);
            let change = random_change(dice, model, key);
            write_one(fixture, model, change).await;
        }
        5 | 6 => {
            let mut places: Vec<_> = (0..=dice.below(3)).map(|_| place(dice)).collect();
            places.sort_unstable();
            places.dedup();
            let changes = places.into_iter().map(|key| random_change(dice, model, key)).collect();
            write_together(fixture, model, changes).await;
        }
        7 => read_item_of(fixture, model, dice).await,
        _ => read_page(fixture, model, dice).await,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn operations_and_expressions_do_what_the_reference_does(seed in any::<u64>(), steps in 1..250_usize) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (fixture, mut model, mut dice) = (table().await, Model::new(), Dice::new(seed));
            for _ in 0..steps {
                step(&fixture, &mut model, &mut dice).await;
            }
        });
    }
}
