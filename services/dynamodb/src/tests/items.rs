use serde_json::{Value, json};

use super::{Fixture, n, s};

#[tokio::test]
async fn an_item_of_every_type_comes_back_as_it_was() {
    let fixture = Fixture::with_table("p:S").await;
    let item = json!({
        "p": s("1"), "n": n("-1.50"), "b": {"B": "AAH/"}, "t": {"BOOL": false}, "z": {"NULL": true}, "e": s(""),
        "l": {"L": [s("x"), {"L": []}]}, "m": {"M": {"k": n(1)}}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "20"]}, "bs": {"BS": ["AA==", "AQ=="]},
    });
    fixture.put(item.clone()).await;
    let mut expected = item;
    expected["n"] = n("-1.5");
    assert_eq!(fixture.get(json!({"p": s("1")})).await, expected);
    assert_eq!(fixture.ok("GetItem", &json!({"TableName": "Tab", "Key": {"p": s("2")}})).await, json!({}));
}

#[tokio::test]
async fn reads_project_and_count_capacity() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.put(json!({"p": s("1"), "name": s("x"), "l": {"L": [n(1), n(2)]}})).await;
    let input = json!({"TableName": "Tab", "Key": {"p": s("1")}, "ProjectionExpression": "#n, l[1]",
        "ExpressionAttributeNames": {"#n": "name"}, "ReturnConsumedCapacity": "INDEXES", "ConsistentRead": true});
    let answer = fixture.ok("GetItem", &input).await;
    assert_eq!(answer["Item"], json!({"name": s("x"), "l": {"L": [n(2)]}}));
    assert_eq!(
        answer["ConsumedCapacity"],
        json!({"TableName": "Tab", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}})
    );
    let input = json!({"TableName": "Tab", "Key": {"p": s("1")}, "AttributesToGet": ["name"]});
    assert_eq!(fixture.ok("GetItem", &input).await["Item"], json!({"name": s("x")}));
}

#[tokio::test]
async fn conditions_decide_and_the_item_is_answered_on_request() {
    let fixture = Fixture::with_table("p:S").await;
    let guarded = |value: i64| {
        json!({"TableName": "Tab", "Item": {"p": s("1"), "v": n(value)}, "ConditionExpression": "attribute_not_exists(p)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD"})
    };
    fixture.ok("PutItem", &guarded(1)).await;
    let fault = fixture.call("PutItem", &guarded(2)).await.unwrap_err();
    assert_eq!(
        (&*fault.code, fault.message.as_str()),
        ("ConditionalCheckFailedException", "The conditional request failed")
    );
    assert_eq!(fault.members.len(), 1);
    assert_eq!(fixture.get(json!({"p": s("1")})).await["v"], n(1));
    let delete = json!({"TableName": "Tab", "Key": {"p": s("1")}, "ConditionExpression": "v > :v",
        "ExpressionAttributeValues": {":v": n(5)}});
    let fault = fixture.call("DeleteItem", &delete).await.unwrap_err();
    assert_eq!((&*fault.code, fault.members.len()), ("ConditionalCheckFailedException", 0));
    let delete = json!({"TableName": "Tab", "Key": {"p": s("1")}, "ReturnValues": "ALL_OLD"});
    assert_eq!(fixture.ok("DeleteItem", &delete).await["Attributes"], json!({"p": s("1"), "v": n(1)}));
    assert_eq!(fixture.ok("DeleteItem", &delete).await, json!({}));
}

#[tokio::test]
async fn put_answers_the_old_item() {
    let fixture = Fixture::with_table("p:S").await;
    let put =
        |v: i64| json!({"TableName": "Tab", "Item": {"p": s("1"), "v": n(v)}, "ReturnValues": "ALL_OLD"});
    assert_eq!(fixture.ok("PutItem", &put(1)).await, json!({}));
    assert_eq!(fixture.ok("PutItem", &put(2)).await, json!({"Attributes": {"p": s("1"), "v": n(1)}}));
    let mut bad = put(3);
    bad["ReturnValues"] = json!("ALL_NEW");
    assert_eq!(fixture.invalid("PutItem", &bad).await, "ReturnValues can only be ALL_OLD or NONE");
}

fn update(expression: &str, values: Value, returned: &str) -> Value {
    json!({"TableName": "Tab", "Key": {"p": s("1")}, "UpdateExpression": expression,
        "ExpressionAttributeValues": values, "ReturnValues": returned})
}

#[tokio::test]
async fn updates_make_change_and_answer() {
    let fixture = Fixture::with_table("p:S").await;
    let first = update(
        "SET a = :a, m = :m ADD c :a",
        json!({":a": n(1), ":m": {"M": {"x": n(1), "y": n(2)}}}),
        "ALL_NEW",
    );
    let item = json!({"p": s("1"), "a": n(1), "c": n(1), "m": {"M": {"x": n(1), "y": n(2)}}});
    assert_eq!(fixture.ok("UpdateItem", &first).await["Attributes"], item);
    for (expression, returned, attributes) in [
        ("SET m.x = m.x + :a", "UPDATED_NEW", json!({"m": {"M": {"x": n(2)}}})),
        ("SET m.x = m.x + :a", "UPDATED_OLD", json!({"m": {"M": {"x": n(2)}}})),
        (
            "ADD c :a",
            "ALL_OLD",
            json!({"p": s("1"), "a": n(1), "c": n(1), "m": {"M": {"x": n(3), "y": n(2)}}}),
        ),
        ("ADD c :a", "NONE", Value::Null),
        ("SET fresh = :a", "UPDATED_OLD", Value::Null),
    ] {
        let answer = fixture.ok("UpdateItem", &update(expression, json!({":a": n(1)}), returned)).await;
        assert_eq!(answer["Attributes"], attributes, "{expression} {returned}");
    }
    assert_eq!(fixture.get(json!({"p": s("1")})).await["c"], n(3));
    fixture.ok("UpdateItem", &json!({"TableName": "Tab", "Key": {"p": s("2")}})).await;
    assert_eq!(fixture.get(json!({"p": s("2")})).await, json!({"p": s("2")}));
}

#[tokio::test]
async fn the_older_parameters_work_too() {
    let fixture = Fixture::with_table("p:S").await;
    let input = json!({"TableName": "Tab", "Key": {"p": s("1")}, "AttributeUpdates": {
        "a": {"Value": n(1), "Action": "PUT"}, "c": {"Value": n(2), "Action": "ADD"}, "l": {"Value": {"L": [n(1)]}, "Action": "ADD"}, "x": {"Action": "DELETE"}}});
    fixture.ok("UpdateItem", &input).await;
    assert_eq!(
        fixture.get(json!({"p": s("1")})).await,
        json!({"p": s("1"), "a": n(1), "c": n(2), "l": {"L": [n(1)]}})
    );
    for (expected, holds) in [
        (json!({"a": {"Value": n(1)}}), true),
        (json!({"a": {"Value": n(2)}}), false),
        (json!({"x": {"Exists": false}}), true),
        (json!({"a": {"Exists": false}}), false),
        (json!({"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [n(0), n(3)]}}), true),
        (json!({"a": {"ComparisonOperator": "NULL"}}), false),
    ] {
        let put = json!({"TableName": "Tab", "Item": {"p": s("1"), "a": n(1)}, "Expected": expected});
        let answer = fixture.call("PutItem", &put).await;
        assert_eq!(answer.is_ok(), holds, "{expected} {answer:?}");
    }
    let either = json!({"TableName": "Tab", "Item": {"p": s("1")}, "ConditionalOperator": "OR",
        "Expected": {"a": {"Value": n(9)}, "p": {"ComparisonOperator": "NOT_NULL"}}});
    fixture.ok("PutItem", &either).await;
    for (expected, words) in [
        (json!({}), "cannot be used without Filter or Expected"),
        (json!({"a": {"Value": n(1)}}), "can only be used when Filter or Expected has two or more elements"),
    ] {
        let put = json!({"TableName": "Tab", "Item": {"p": s("1")}, "ConditionalOperator": "OR", "Expected": expected});
        assert_eq!(
            fixture.invalid("PutItem", &put).await,
            format!("One or more parameter values were invalid: ConditionalOperator {words}")
        );
    }
    let mixed = json!({"TableName": "Tab", "Item": {"p": s("1")}, "Expected": {"a": {"Exists": false}}, "ConditionExpression": "attribute_exists(p)"});
    assert_eq!(
        fixture.invalid("PutItem", &mixed).await,
        "Can not use both expression and non-expression parameters in the same request: \
         Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"
    );
}

#[tokio::test]
async fn faulty_requests_are_refused_in_dynamodbs_words() {
    let fixture = Fixture::with_table("p:S").await;
    let put = |more: Value| {
        let mut input = json!({"TableName": "Tab", "Item": {"p": s("1")}});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let big = "x".repeat(400 * 1024);
    let prefix = "One or more parameter values were invalid: ";
    for (operation, input, message) in [
        ("PutItem", put(json!({"Item": {"q": s("1")}})), format!("{prefix}Missing the key p in the item")),
        ("PutItem", put(json!({"Item": {"p": n(1)}})), format!("{prefix}Type mismatch for key p expected: S actual: N")),
        ("PutItem", put(json!({"Item": {"p": s("1"), "n": n("1e400")}})), "Number overflow. Attempting to store a number with magnitude larger than supported range".to_owned()),
        ("PutItem", put(json!({"Item": {"p": s("1"), "v": s(&big)}})), "Item size has exceeded the maximum allowed size".to_owned()),
        ("PutItem", put(json!({"ConditionExpression": ""})), "Invalid ConditionExpression: The expression can not be empty;".to_owned()),
        ("PutItem", put(json!({"ExpressionAttributeNames": {"#a": "a"}})), "ExpressionAttributeNames can only be specified when using expressions".to_owned()),
        ("PutItem", put(json!({"ExpressionAttributeValues": {":a": s("a")}})), "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null".to_owned()),
        ("PutItem", put(json!({"ConditionExpression": "attribute_exists(p)", "ExpressionAttributeNames": {"#a": "a"}})), "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}".to_owned()),
        ("PutItem", put(json!({"ConditionExpression": "attribute_exists(p.x)"})), "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: p".to_owned()),
        ("GetItem", json!({"TableName": "Tab", "Key": {"q": s("1")}}), "The provided key element does not match the schema".to_owned()),
        ("GetItem", json!({"TableName": "Tab", "Key": {"p": s("")}}), "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: p".to_owned()),
        ("UpdateItem", update("SET p = :v", json!({":v": s("2")}), "NONE"), format!("{prefix}Cannot update attribute p. This attribute is part of the key")),
        ("UpdateItem", update("SET a = b", json!({":v": s("2")}), "NONE"), "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}".to_owned()),
        ("UpdateItem", update("SET v = :v", json!({":v": s(&big)}), "NONE"), "Item size to update has exceeded the maximum allowed size".to_owned()),
        ("UpdateItem", json!({"TableName": "Tab", "Key": {"p": s("1")}, "UpdateExpression": "SET a = b"}), "The provided expression refers to an attribute that does not exist in the item".to_owned()),
    ] {
        assert_eq!(fixture.invalid(operation, &input).await, message, "{operation}");
    }
    assert!(fixture.get(json!({"p": s("1")})).await.is_null(), "nothing was written");
}

#[tokio::test]
async fn writes_count_capacity_by_the_larger_item() {
    let fixture = Fixture::with_table("p:S").await;
    let put = |size: usize| json!({"TableName": "Tab", "Item": {"p": s("1"), "v": s(&"x".repeat(size))}, "ReturnConsumedCapacity": "TOTAL"});
    for (size, units) in [(10, 1.0), (3_000, 3.0), (10, 3.0), (10, 1.0)] {
        let answer = fixture.ok("PutItem", &put(size)).await;
        assert_eq!(answer["ConsumedCapacity"], json!({"TableName": "Tab", "CapacityUnits": units}));
    }
}

#[tokio::test]
async fn many_writers_of_one_counter_lose_nothing() {
    let fixture = std::sync::Arc::new(Fixture::with_table("p:S").await);
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let fixture = std::sync::Arc::clone(&fixture);
        writers.spawn(async move {
            for _ in 0..5 {
                fixture.ok("UpdateItem", &update("ADD c :one", json!({":one": n(1)}), "NONE")).await;
            }
        });
    }
    writers.join_all().await;
    assert_eq!(fixture.get(json!({"p": s("1")})).await["c"], n(160));
}
