use serde_json::{Value, json};

use super::{Fixture, create, n, s};

#[tokio::test]
async fn batches_write_and_read_several_tables() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.ok("CreateTable", &create("Two", "k:N")).await;
    let put = |item: Value| json!({"PutRequest": {"Item": item}});
    let write = json!({"RequestItems": {"Tab": [put(json!({"p": s("1"), "v": n(1)})), put(json!({"p": s("2")}))], "Two": [put(json!({"k": n(1)}))]}, "ReturnConsumedCapacity": "TOTAL"});
    let answer = fixture.ok("BatchWriteItem", &write).await;
    assert_eq!(answer["UnprocessedItems"], json!({}));
    let units: f64 = answer["ConsumedCapacity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["CapacityUnits"].as_f64().unwrap())
        .sum();
    assert!((units - 3.0).abs() < f64::EPSILON);
    let read = json!({"RequestItems": {"Tab": {"Keys": [{"p": s("1")}, {"p": s("3")}], "ProjectionExpression": "v"}, "Two": {"Keys": [{"k": n("1.0")}]}}});
    let answer = fixture.ok("BatchGetItem", &read).await;
    assert_eq!(answer["Responses"], json!({"Tab": [{"v": n(1)}], "Two": [{"k": n(1)}]}));
    assert_eq!(answer["UnprocessedKeys"], json!({}));
    let delete = json!({"RequestItems": {"Tab": [{"DeleteRequest": {"Key": {"p": s("1")}}}]}});
    fixture.ok("BatchWriteItem", &delete).await;
    assert!(fixture.get(json!({"p": s("1")})).await.is_null());
}

#[tokio::test]
async fn batches_have_limits() {
    let fixture = Fixture::with_table("p:S").await;
    let keys = |count: usize| (0..count).map(|i| json!({"p": s(&i.to_string())})).collect::<Vec<_>>();
    let puts = |count: usize| {
        keys(count).into_iter().map(|item| json!({"PutRequest": {"Item": item}})).collect::<Vec<_>>()
    };
    fixture.ok("BatchWriteItem", &json!({"RequestItems": {"Tab": puts(25)}})).await;
    fixture.ok("BatchGetItem", &json!({"RequestItems": {"Tab": {"Keys": keys(100)}}})).await;
    let mut twice = puts(2);
    twice.push(json!({"DeleteRequest": {"Key": {"p": s("0")}}}));
    let message = fixture.invalid("BatchWriteItem", &json!({"RequestItems": {"Tab": twice}})).await;
    assert_eq!(message, "Provided list of item keys contains duplicates");
    let repeated = json!({"RequestItems": {"Tab": {"Keys": [{"p": s("1")}, {"p": s("1")}]}}});
    assert_eq!(
        fixture.invalid("BatchGetItem", &repeated).await,
        "Provided list of item keys contains duplicates"
    );
    let (code, _) = fixture.refused("BatchWriteItem", &json!({"RequestItems": {"Nil": puts(1)}})).await;
    assert_eq!(code, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_large_answer_leaves_keys_unprocessed() {
    let fixture = Fixture::with_table("p:S").await;
    for item in 0..50 {
        fixture.put(json!({"p": s(&item.to_string()), "v": s(&"x".repeat(390 * 1024))})).await;
    }
    let keys: Vec<_> = (0..50).map(|i| json!({"p": s(&i.to_string())})).collect();
    let answer = fixture.ok("BatchGetItem", &json!({"RequestItems": {"Tab": {"Keys": keys}}})).await;
    let read = answer["Responses"]["Tab"].as_array().unwrap().len();
    let rest = answer["UnprocessedKeys"]["Tab"]["Keys"].as_array().unwrap().len();
    assert_eq!(read + rest, 50);
    assert!(rest > 0 && read >= 40, "{read} {rest}");
}

fn transact(items: Value) -> Value {
    json!({"TransactItems": items})
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.put(json!({"p": s("from"), "v": n(10)})).await;
    let moved = |amount: i64| {
        transact(json!([
            {"Update": {"TableName": "Tab", "Key": {"p": s("from")}, "UpdateExpression": "SET v = v - :a", "ConditionExpression": "v >= :a",
                "ExpressionAttributeValues": {":a": n(amount)}, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}},
            {"Update": {"TableName": "Tab", "Key": {"p": s("to")}, "UpdateExpression": "ADD v :a", "ExpressionAttributeValues": {":a": n(amount)}}},
            {"ConditionCheck": {"TableName": "Tab", "Key": {"p": s("other")}, "ConditionExpression": "attribute_not_exists(p)"}},
            {"Put": {"TableName": "Tab", "Item": {"p": s(&format!("log{amount}"))}}},
        ]))
    };
    fixture.ok("TransactWriteItems", &moved(4)).await;
    let fault = fixture.call("TransactWriteItems", &moved(7)).await.unwrap_err();
    assert_eq!(fault.code, "TransactionCanceledException");
    assert_eq!(
        fault.message,
        "Transaction cancelled, please refer cancellation reasons for specific reasons [ConditionalCheckFailed, None, None, None]"
    );
    let get = |key: &str| json!({"Get": {"TableName": "Tab", "Key": {"p": s(key)}}});
    let read = transact(json!([get("from"), get("to"), get("log4"), get("log7")]));
    let answer = fixture.ok("TransactGetItems", &read).await;
    assert_eq!(
        answer["Responses"],
        json!([{"Item": {"p": s("from"), "v": n(6)}}, {"Item": {"p": s("to"), "v": n(4)}}, {"Item": {"p": s("log4")}}, {}])
    );
}

#[tokio::test]
async fn a_client_token_counts_once_for_ten_minutes() {
    let fixture = Fixture::with_table("p:S").await;
    let add = |amount: i64| {
        let mut input = transact(
            json!([{"Update": {"TableName": "Tab", "Key": {"p": s("1")}, "UpdateExpression": "ADD v :a",
            "ExpressionAttributeValues": {":a": n(amount)}}}]),
        );
        input["ClientRequestToken"] = json!("token");
        input
    };
    fixture.ok("TransactWriteItems", &add(1)).await;
    fixture.ok("TransactWriteItems", &add(1)).await;
    assert_eq!(fixture.get(json!({"p": s("1")})).await["v"], n(1));
    let (code, _) = fixture.refused("TransactWriteItems", &add(2)).await;
    assert_eq!(code, "IdempotentParameterMismatchException");
    fixture.kit.clock.advance_millis(10 * 60 * 1_000);
    fixture.ok("TransactWriteItems", &add(2)).await;
    assert_eq!(fixture.get(json!({"p": s("1")})).await["v"], n(3));
}

#[tokio::test]
async fn faulty_transactions_are_refused() {
    let fixture = Fixture::with_table("p:S").await;
    let put = json!({"Put": {"TableName": "Tab", "Item": {"p": s("1")}}});
    let message = fixture.invalid("TransactWriteItems", &transact(json!([put, put]))).await;
    assert_eq!(message, "Transaction request cannot include multiple operations on one item");
    let two = json!({"Put": put["Put"], "Delete": {"TableName": "Tab", "Key": {"p": s("2")}}});
    let message = fixture.invalid("TransactWriteItems", &transact(json!([two]))).await;
    assert_eq!(message, "TransactItems can only contain one of Check, Put, Update or Delete");
    let wrong =
        json!({"Update": {"TableName": "Tab", "Key": {"p": s("1")}, "UpdateExpression": "SET a = b"}});
    let fault = fixture.call("TransactWriteItems", &transact(json!([wrong]))).await.unwrap_err();
    assert!(fault.message.ends_with("[ValidationError]"), "{}", fault.message);
}

#[tokio::test]
async fn a_table_named_by_its_arn_is_told_by_it() {
    let fixture = Fixture::with_table("p:S").await;
    let described = fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await;
    let arn = described["Table"]["TableArn"].as_str().unwrap().to_owned();
    for name in ["Tab", &arn] {
        let key = json!({"p": s("1")});
        let with = |more: Value| {
            let mut input = json!({"TableName": name, "ReturnConsumedCapacity": "TOTAL"});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            input
        };
        for (operation, input) in [
            ("PutItem", with(json!({"Item": key}))),
            ("UpdateItem", with(json!({"Key": key}))),
            ("GetItem", with(json!({"Key": key}))),
            ("DeleteItem", with(json!({"Key": key}))),
            ("Scan", with(json!({}))),
        ] {
            let told = fixture.ok(operation, &input).await["ConsumedCapacity"]["TableName"].clone();
            assert_eq!(told, name, "{operation}");
        }
        let get = json!({"RequestItems": {name: {"Keys": [key]}}, "ReturnConsumedCapacity": "TOTAL"});
        let put = json!({"RequestItems": {name: [{"PutRequest": {"Item": key}}]}, "ReturnConsumedCapacity": "TOTAL"});
        for (operation, input) in [("BatchGetItem", get), ("BatchWriteItem", put)] {
            let told = fixture.ok(operation, &input).await["ConsumedCapacity"][0]["TableName"].clone();
            assert_eq!(told, name, "{operation}");
        }
    }
}
