//! Provisioned throughput is enforced, on tables and on indexes.

use serde_json::{Value, json};

use super::{Fixture, create, s};

async fn provisioned(read: i64, write: i64) -> Fixture {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    input["BillingMode"] = json!("PROVISIONED");
    input["ProvisionedThroughput"] = json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write});
    fixture.ok("CreateTable", &input).await;
    fixture
}

fn put(key: &str, bytes: usize) -> Value {
    json!({"TableName": "Tab", "Item": {"p": s(key), "v": s(&"x".repeat(bytes))}})
}

#[tokio::test]
async fn what_is_spent_comes_back_with_time() {
    let fixture = provisioned(1, 1).await;
    for number in 0..4 {
        fixture.ok("PutItem", &put(&number.to_string(), 90_000)).await;
    }
    let (code, message) = fixture.refused("PutItem", &put("5", 1)).await;
    assert_eq!(code, "ProvisionedThroughputExceededException");
    assert!(
        message.starts_with("The level of configured provisioned throughput for the table was exceeded.")
    );
    fixture.ok("GetItem", &json!({"TableName": "Tab", "Key": {"p": s("1")}})).await;
    let batch = json!({"RequestItems": {"Tab": [{"PutRequest": {"Item": {"p": s("b")}}}]}});
    assert_eq!(fixture.refused("BatchWriteItem", &batch).await.0, "ProvisionedThroughputExceededException");
    let transaction = json!({"TransactItems": [{"Put": put("t", 1)}]});
    assert!(
        fixture
            .refused("TransactWriteItems", &transaction)
            .await
            .1
            .contains("[ProvisionedThroughputExceeded]")
    );
    fixture.kit.clock.advance_millis(60_000);
    fixture.ok("PutItem", &put("5", 1)).await;
    let faster = json!({"TableName": "Tab", "BillingMode": "PAY_PER_REQUEST"});
    fixture.ok("UpdateTable", &faster).await;
    for number in 0..4 {
        fixture.ok("PutItem", &put(&number.to_string(), 300_000)).await;
    }
}

#[tokio::test]
async fn what_fails_its_condition_is_paid_for_like_a_write_of_what_is_there() {
    let spent = "ProvisionedThroughputExceededException";
    // 88 units of 300 to put it, and as many to find that it is there.
    let fixture = provisioned(1, 1).await;
    fixture.ok("PutItem", &put("k", 90_000)).await;
    let mut new = put("k", 1);
    new["ConditionExpression"] = json!("attribute_not_exists(p)");
    for _ in 0..3 {
        assert_eq!(fixture.refused("PutItem", &new).await.0, "ConditionalCheckFailedException");
    }
    assert_eq!(fixture.refused("PutItem", &new).await.0, spent);
    // Twice as many for a check in a transaction, whether it holds or not, and for what it keeps from being put.
    for (condition, more, times) in [
        ("attribute_exists(p)", 1, 2),
        ("attribute_not_exists(p)", 1, 2),
        ("attribute_not_exists(p)", 90_000, 1),
    ] {
        let fixture = provisioned(1, 1).await;
        fixture.ok("PutItem", &put("k", 90_000)).await;
        let check = json!({"TableName": "Tab", "Key": {"p": s("k")}, "ConditionExpression": condition});
        let both = json!({"TransactItems": [{"Put": put("other", more)}, {"ConditionCheck": check}]});
        for _ in 0..times {
            let answer = fixture.call("TransactWriteItems", &both).await;
            let throttled = answer.is_err_and(|fault| fault.message.contains("Throughput"));
            assert!(!throttled, "{condition} {more}");
        }
        assert_eq!(fixture.refused("PutItem", &put("p", 1)).await.0, spent, "{condition} {more}");
    }
}

#[tokio::test]
async fn transactions_count_twice() {
    let fixture = provisioned(1, 1).await;
    let transaction =
        json!({"TransactItems": [{"Put": put("t", 160 * 1_024)}], "ReturnConsumedCapacity": "TOTAL"});
    let answer = fixture.ok("TransactWriteItems", &transaction).await;
    assert_eq!(answer["ConsumedCapacity"][0]["CapacityUnits"], 322.0);
    assert_eq!(fixture.refused("PutItem", &put("p", 1)).await.0, "ProvisionedThroughputExceededException");
}

#[tokio::test]
async fn a_batch_leaves_undone_what_has_to_wait() {
    let fixture = provisioned(1, 1).await;
    fixture.ok("CreateTable", &create("Free", "p:S")).await;
    fixture.ok("PutItem", &put("big", 350_000)).await;
    let batch = json!({"RequestItems": {"Tab": [{"PutRequest": {"Item": {"p": s("b")}}}], "Free": [{"PutRequest": {"Item": {"p": s("b")}}}]}});
    let answer = fixture.ok("BatchWriteItem", &batch).await;
    assert_eq!(answer["UnprocessedItems"], json!({"Tab": [{"PutRequest": {"Item": {"p": s("b")}}}]}));
    // Half of 86 units each, of 300.
    for _ in 0..7 {
        fixture.ok("GetItem", &json!({"TableName": "Tab", "Key": {"p": s("big")}})).await;
    }
    let get =
        json!({"RequestItems": {"Tab": {"Keys": [{"p": s("big")}]}, "Free": {"Keys": [{"p": s("b")}]}}});
    let answer = fixture.ok("BatchGetItem", &get).await;
    assert_eq!(answer["UnprocessedKeys"]["Tab"]["Keys"], json!([{"p": s("big")}]));
    assert_eq!(answer["Responses"]["Free"], json!([{"p": s("b")}]));
    assert_eq!(
        fixture.refused("Scan", &json!({"TableName": "Tab"})).await.0,
        "ProvisionedThroughputExceededException"
    );
}

#[tokio::test]
async fn an_index_has_its_own_throughput_and_stops_the_writes_of_its_table() {
    let fixture = provisioned(1_000, 1_000).await;
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let update = json!({"TableName": "Tab", "AttributeDefinitions": [{"AttributeName": "p", "AttributeType": "S"}, {"AttributeName": "g", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": {"IndexName": "idx", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units}}]});
    fixture.ok("UpdateTable", &update).await;
    fixture
        .ok(
            "PutItem",
            &json!({"TableName": "Tab", "Item": {"p": s("1"), "g": s("G"), "v": s(&"x".repeat(350_000))}}),
        )
        .await;
    let (code, message) =
        fixture.refused("PutItem", &json!({"TableName": "Tab", "Item": {"p": s("2"), "g": s("G")}})).await;
    assert_eq!(code, "ProvisionedThroughputExceededException");
    assert!(message.contains("global secondary indexes"));
}

#[tokio::test]
async fn billing_is_changed_by_dynamodbs_rules() {
    let fixture = provisioned(1, 2).await;
    let same = json!({"TableName": "Tab", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}});
    assert!(
        fixture
            .invalid("UpdateTable", &same)
            .await
            .starts_with("The provisioned throughput for the table will not change.")
    );
    let made = fixture.ok("CreateTable", &create("Other", "p:S")).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING");
    let described = fixture.ok("DescribeTable", &json!({"TableName": "Other"})).await;
    assert_eq!(described["Table"]["TableStatus"], "ACTIVE");
}
