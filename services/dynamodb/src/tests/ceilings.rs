//! What on-demand tables and indexes may use at most, what tables are made ready for, and what an account may have.

use serde_json::{Value, json};

use super::{Fixture, create, s};

const PREFIX: &str = "One or more parameter values were invalid: ";

fn index(more: &Value) -> Value {
    let mut index = json!({"IndexName": "idx", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}});
    merge(&mut index, more);
    index
}

fn merge(into: &mut Value, more: &Value) {
    into.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
}

fn table(more: &Value, of_index: &Value) -> Value {
    let mut input = create("Tab", "p:S");
    input["AttributeDefinitions"]
        .as_array_mut()
        .unwrap()
        .push(json!({"AttributeName": "g", "AttributeType": "S"}));
    input["GlobalSecondaryIndexes"] = json!([index(of_index)]);
    merge(&mut input, more);
    input
}

fn provisioned(units: i64) -> Value {
    json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": units, "WriteCapacityUnits": units}})
}

fn ceiling(read: Option<i64>, write: Option<i64>) -> Value {
    let members = [("MaxReadRequestUnits", read), ("MaxWriteRequestUnits", write)];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect()
}

fn warm(read: i64, write: i64) -> Value {
    json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write})
}

fn update(more: Value) -> Value {
    let mut input = json!({"TableName": "Tab"});
    merge(&mut input, &more);
    input
}

fn of_index(more: &Value) -> Value {
    let mut action = json!({"IndexName": "idx"});
    merge(&mut action, more);
    json!({"GlobalSecondaryIndexUpdates": [{"Update": action}]})
}

async fn described(fixture: &Fixture) -> Value {
    fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await["Table"].clone()
}

#[tokio::test]
async fn an_on_demand_table_keeps_to_its_ceiling() {
    let fixture = Fixture::new().await;
    fixture
        .ok("CreateTable", &table(&json!({"OnDemandThroughput": ceiling(Some(1), Some(1))}), &json!({})))
        .await;
    let put = |key: &str, bytes: usize| json!({"TableName": "Tab", "Item": {"p": s(key), "v": s(&"x".repeat(bytes))}});
    fixture.ok("PutItem", &put("a", 399_000)).await;
    let fault = fixture.call("PutItem", &put("b", 1)).await.unwrap_err();
    assert_eq!(fault.code, "ThrottlingException");
    assert_eq!(
        fault.message,
        "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
    );
    let reasons = format!("{:?}", fault.members);
    assert!(reasons.contains("TableWriteMaxOnDemandThroughputExceeded"), "{reasons}");
    assert!(reasons.contains("arn:aws:dynamodb:us-east-1:123456789012:table/Tab"), "{reasons}");
    let transaction = json!({"TransactItems": [{"Put": put("t", 1)}]});
    assert!(fixture.refused("TransactWriteItems", &transaction).await.1.contains("[ThrottlingError]"));
    // A hundred units each, of three hundred.
    for _ in 0..4 {
        fixture
            .ok("GetItem", &json!({"TableName": "Tab", "Key": {"p": s("a")}, "ConsistentRead": true}))
            .await;
    }
    let batch = json!({"RequestItems": {"Tab": {"Keys": [{"p": s("a")}]}}});
    for (operation, input) in [
        ("GetItem", json!({"TableName": "Tab", "Key": {"p": s("a")}})),
        ("Scan", json!({"TableName": "Tab"})),
        ("BatchGetItem", batch),
    ] {
        assert_eq!(fixture.refused(operation, &input).await.0, "ThrottlingException", "{operation}");
    }
    // What bounds the table does not bound its index.
    fixture.ok("Scan", &json!({"TableName": "Tab", "IndexName": "idx"})).await;
    fixture.ok("UpdateTable", &update(json!({"OnDemandThroughput": ceiling(Some(-1), None)}))).await;
    fixture.ok("Scan", &json!({"TableName": "Tab"})).await;
    assert_eq!(fixture.refused("PutItem", &put("b", 1)).await.0, "ThrottlingException");
    fixture.kit.clock.advance_millis(600_000);
    fixture.ok("PutItem", &put("b", 1)).await;
}

#[tokio::test]
async fn the_ceiling_of_an_index_stops_its_reads_and_the_writes_of_its_table() {
    let fixture = Fixture::new().await;
    fixture
        .ok("CreateTable", &table(&json!({}), &json!({"OnDemandThroughput": ceiling(Some(1), Some(1))})))
        .await;
    let put = |key: &str, bytes: usize| json!({"TableName": "Tab", "Item": {"p": s(key), "g": s("g"), "v": s(&"x".repeat(bytes))}});
    fixture.ok("PutItem", &put("a", 390_000)).await;
    let fault = fixture.call("PutItem", &put("b", 1)).await.unwrap_err();
    assert_eq!(fault.code, "ThrottlingException");
    let reasons = format!("{:?}", fault.members);
    assert!(reasons.contains("IndexWriteMaxOnDemandThroughputExceeded"), "{reasons}");
    assert!(reasons.contains("table/Tab/index/idx"), "{reasons}");
    let scan = json!({"TableName": "Tab", "IndexName": "idx"});
    for _ in 0..7 {
        fixture.ok("Scan", &scan).await;
    }
    assert_eq!(fixture.refused("Scan", &scan).await.0, "ThrottlingException");
    fixture.ok("Scan", &json!({"TableName": "Tab"})).await;
    fixture
        .ok("UpdateTable", &update(of_index(&json!({"OnDemandThroughput": ceiling(Some(-1), Some(-1))}))))
        .await;
    fixture.ok("Scan", &scan).await;
    fixture.ok("PutItem", &put("b", 1)).await;
}

#[tokio::test]
async fn what_provisioned_throughput_lacks_is_named() {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    merge(&mut input, &provisioned(1));
    fixture.ok("CreateTable", &input).await;
    let put = json!({"TableName": "Tab", "Item": {"p": s("a"), "v": s(&"x".repeat(399_000))}});
    fixture.ok("PutItem", &put).await;
    let fault = fixture.call("PutItem", &put).await.unwrap_err();
    assert_eq!(fault.code, "ProvisionedThroughputExceededException");
    let (name, reasons) = &fault.members[0];
    assert_eq!(*name, "ThrottlingReasons");
    assert!(format!("{reasons:?}").contains("TableWriteProvisionedThroughputExceeded"), "{reasons:?}");
}

#[tokio::test]
async fn ceilings_are_merged_taken_away_and_described() {
    let fixture = Fixture::new().await;
    let both = json!({"OnDemandThroughput": ceiling(Some(1_000), Some(500))});
    let made = fixture.ok("CreateTable", &table(&both, &both)).await;
    assert_eq!(made["TableDescription"]["OnDemandThroughput"], both["OnDemandThroughput"]);
    assert_eq!(
        made["TableDescription"]["GlobalSecondaryIndexes"][0]["OnDemandThroughput"],
        both["OnDemandThroughput"]
    );
    for (given, answered, kept) in [
        (ceiling(Some(2_000), None), ceiling(Some(2_000), Some(500)), ceiling(Some(2_000), Some(500))),
        (ceiling(Some(-1), None), ceiling(Some(-1), Some(500)), ceiling(None, Some(500))),
        (ceiling(None, Some(-1)), ceiling(None, Some(-1)), Value::Null),
        (ceiling(None, Some(-1)), ceiling(None, Some(-1)), Value::Null),
        (ceiling(Some(7), Some(8)), ceiling(Some(7), Some(8)), ceiling(Some(7), Some(8))),
    ] {
        let given = json!({"OnDemandThroughput": given});
        let answer = fixture.ok("UpdateTable", &update(given.clone())).await["TableDescription"].clone();
        assert_eq!(answer["OnDemandThroughput"], answered);
        assert_eq!(answer["TableStatus"], "ACTIVE");
        assert_eq!(described(&fixture).await["OnDemandThroughput"], kept);
        let answer = fixture.ok("UpdateTable", &update(of_index(&given))).await["TableDescription"].clone();
        assert_eq!(answer["GlobalSecondaryIndexes"][0]["OnDemandThroughput"], answered);
        assert_eq!(described(&fixture).await["GlobalSecondaryIndexes"][0]["OnDemandThroughput"], kept);
    }
    let backup = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
    let backup =
        fixture.ok("DescribeBackup", &json!({"BackupArn": backup["BackupDetails"]["BackupArn"]})).await;
    let source = &backup["BackupDescription"];
    assert_eq!(source["SourceTableDetails"]["OnDemandThroughput"], ceiling(Some(7), Some(8)));
    let details = &source["SourceTableFeatureDetails"]["GlobalSecondaryIndexes"][0];
    assert_eq!(details["OnDemandThroughput"], ceiling(Some(7), Some(8)));
    let mut back = provisioned(5);
    merge(
        &mut back,
        &of_index(&json!({"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}})),
    );
    fixture.ok("UpdateTable", &update(back)).await;
    fixture.ok("UpdateTable", &update(json!({"BillingMode": "PAY_PER_REQUEST"}))).await;
    let table = described(&fixture).await;
    assert!(table["OnDemandThroughput"].is_null(), "gone with the mode that it was for");
    assert!(table["GlobalSecondaryIndexes"][0]["OnDemandThroughput"].is_null());
}

#[tokio::test]
async fn ceilings_that_cannot_be_are_refused_in_dynamodbs_words() {
    let fixture = Fixture::new().await;
    let given = |read, write| json!({"OnDemandThroughput": ceiling(read, write)});
    let mut mixed = provisioned(1);
    merge(&mut mixed, &given(None, Some(5)));
    let units = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}, "OnDemandThroughput": ceiling(Some(1), None)});
    for (input, message) in [
        (
            table(&given(Some(0), Some(0)), &json!({})),
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            table(&given(Some(1), Some(-1)), &json!({})),
            "Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            table(&json!({}), &given(Some(0), None)),
            "Requested MaxReadRequestUnits for OnDemandThroughput for index : idx is outside of valid range",
        ),
        (
            table(&mixed, &units),
            "MaxReadRequestUnits for OnDemandThroughput for index: idx cannot be specified when table BillingMode is PROVISIONED.",
        ),
        (
            table(&mixed, &json!({"ProvisionedThroughput": units["ProvisionedThroughput"]})),
            "MaxWriteRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.",
        ),
    ] {
        assert_eq!(fixture.invalid("CreateTable", &input).await, format!("{PREFIX}{message}"));
    }
    let (code, message) =
        fixture.refused("CreateTable", &table(&given(Some(40_001), None), &json!({}))).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "LimitExceededException",
            "Subscriber limit exceeded: Requested MaxReadRequestUnits for OnDemandThroughput for table exceeds TableMaxReadCapacityUnits of the account in region us-east-1"
        )
    );
    fixture.ok("CreateTable", &table(&json!({}), &json!({}))).await;
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut switched = provisioned(1);
    merge(&mut switched, &given(Some(1), None));
    let mut protected = given(Some(1), None);
    merge(&mut protected, &json!({"DeletionProtectionEnabled": true}));
    for (input, message) in [
        (
            given(Some(-2), None),
            "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range",
        ),
        (
            of_index(&given(None, Some(0))),
            "Requested MaxWriteRequestUnits for OnDemandThroughput for index : idx is outside of valid range",
        ),
        (
            of_index(&json!({"ProvisionedThroughput": units})),
            "The only Updates for index: idx when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput",
        ),
        (protected, "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request"),
    ] {
        assert_eq!(fixture.invalid("UpdateTable", &update(input)).await, format!("{PREFIX}{message}"));
    }
    for empty in ["OnDemandThroughput", "WarmThroughput"] {
        let mut input = json!({"TableName": "Tab"});
        input[empty] = json!({});
        assert!(
            fixture.invalid("UpdateTable", &input).await.starts_with("At least one of ProvisionedThroughput")
        );
    }
}

#[tokio::test]
async fn what_is_made_ready_is_described_and_never_gets_less() {
    let fixture = Fixture::new().await;
    let asked = json!({"WarmThroughput": warm(12_001, 4_001)});
    let made = fixture
        .ok("CreateTable", &table(&asked, &json!({"WarmThroughput": {"ReadUnitsPerSecond": 13_000}})))
        .await;
    let shown = |read: i64, write: i64, status: &str| json!({"ReadUnitsPerSecond": read, "WriteUnitsPerSecond": write, "Status": status});
    assert_eq!(made["TableDescription"]["WarmThroughput"], shown(12_001, 4_001, "UPDATING"));
    let table_now = described(&fixture).await;
    assert_eq!(table_now["WarmThroughput"], shown(12_001, 4_001, "ACTIVE"));
    assert_eq!(table_now["GlobalSecondaryIndexes"][0]["WarmThroughput"], shown(13_000, 4_000, "ACTIVE"));
    let answer =
        fixture.ok("UpdateTable", &update(json!({"WarmThroughput": {"WriteUnitsPerSecond": 5_000}}))).await;
    assert_eq!(answer["TableDescription"]["WarmThroughput"], shown(12_001, 5_000, "UPDATING"));
    let answer =
        fixture.ok("UpdateTable", &update(of_index(&json!({"WarmThroughput": warm(13_000, 6_000)})))).await;
    assert_eq!(
        answer["TableDescription"]["GlobalSecondaryIndexes"][0]["WarmThroughput"],
        shown(13_000, 6_000, "UPDATING")
    );
    let less = "is lower than current WarmThroughput, decreasing WarmThroughput is not supported";
    let mut more = json!({"WarmThroughput": warm(20_000, 20_000)});
    merge(&mut more, &json!({"TableClass": "STANDARD"}));
    let another = json!({"WarmThroughput": warm(20_000, 20_000), "GlobalSecondaryIndexUpdates": [{"Create": index(&json!({}))}]});
    for (input, message) in [
        (
            json!({"WarmThroughput": warm(12_000, 5_000)}),
            format!("Requested ReadUnitsPerSecond for WarmThroughput for table {less}"),
        ),
        (
            of_index(&json!({"WarmThroughput": warm(13_000, 1)})),
            format!("Requested WriteUnitsPerSecond for WarmThroughput for index idx {less}"),
        ),
        (more, "WarmThroughput must be the only operation in the request".to_owned()),
        (
            another,
            "Create global secondary index cannot be specified when updating WarmThroughput".to_owned(),
        ),
    ] {
        assert_eq!(fixture.invalid("UpdateTable", &update(input)).await, format!("{PREFIX}{message}"));
    }
    let (code, message) = fixture
        .refused("UpdateTable", &update(of_index(&json!({"WarmThroughput": warm(40_001, 6_000)}))))
        .await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        (
            "LimitExceededException",
            "Subscriber limit exceeded: Requested ReadUnitsPerSecond for WarmThroughput for index idx exceeds TableMaxReadCapacityUnits of the account in region us-east-1"
        )
    );
}

#[tokio::test]
async fn a_new_table_is_not_made_less_ready_than_it_is_anyway() {
    let fixture = Fixture::new().await;
    let initial = "is lower than initial throughput for OnDemand. See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html#on-demand-capacity-mode-initial";
    let asked = json!({"WarmThroughput": warm(1, 1)});
    let mut paid = provisioned(10);
    merge(&mut paid, &json!({"WarmThroughput": warm(10, 5)}));
    let units = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}});
    for (input, message) in [
        (table(&asked, &json!({})), format!("Requested ReadUnitsPerSecond for WarmThroughput for table {initial}")),
        (table(&json!({}), &asked), format!("Requested ReadUnitsPerSecond for WarmThroughput for index idx {initial}")),
        (table(&paid, &units), "Requested WriteUnitsPerSecond for WarmThroughput for table is lower than WriteCapacityUnits of ProvisionedThroughput".to_owned()),
    ] {
        assert_eq!(fixture.invalid("CreateTable", &input).await, format!("{PREFIX}{message}"));
    }
    fixture.ok("CreateTable", &table(&provisioned(10), &units)).await;
    assert_eq!(described(&fixture).await["WarmThroughput"]["ReadUnitsPerSecond"], 10);
    for units in [30, 1] {
        let mut input = provisioned(units);
        input.as_object_mut().unwrap().remove("BillingMode");
        fixture.ok("UpdateTable", &update(input)).await;
        assert_eq!(
            described(&fixture).await["WarmThroughput"]["WriteUnitsPerSecond"],
            30,
            "the most it ever had"
        );
    }
}

#[tokio::test]
async fn no_table_and_no_account_has_more_units_than_its_quota() {
    let fixture = Fixture::new().await;
    let named = |name: &str, units: i64| {
        let mut input = create(name, "p:S");
        merge(&mut input, &provisioned(units));
        input
    };
    let more =
        "Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.";
    let (code, message) = fixture.refused("CreateTable", &named("One", 40_001)).await;
    assert_eq!(code, "LimitExceededException");
    assert_eq!(
        message,
        format!(
            "The requested ReadCapacityUnits, 40001, is above the per table maximum for the account in us-east-1. Per table maximum: 40000. {more}"
        )
    );
    fixture.ok("CreateTable", &named("One", 40_000)).await;
    let units = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 40_001, "WriteCapacityUnits": 1}});
    let (code, message) = fixture.refused("CreateTable", &table(&provisioned(1), &units)).await;
    assert_eq!(code, "LimitExceededException");
    assert_eq!(
        message,
        format!(
            "The requested ReadCapacityUnits for index idx, 40001, is above the per index maximum for the account in us-east-1. Per index maximum: 40000. {more}"
        )
    );
    fixture.ok("CreateTable", &named("Two", 39_999)).await;
    let (code, message) = fixture.refused("CreateTable", &named("Three", 2)).await;
    assert_eq!(code, "LimitExceededException");
    assert_eq!(
        message,
        format!(
            "This request would have caused the ReadCapacityUnits limit to be exceeded for the account in us-east-1. Current ReadCapacityUnits reserved by the account: 79999. Limit: 80000. Requested: 2. {more}"
        )
    );
    fixture.ok("CreateTable", &named("Three", 1)).await;
    let raised = json!({"TableName": "Two", "ProvisionedThroughput": {"ReadCapacityUnits": 40_000, "WriteCapacityUnits": 1}});
    assert_eq!(fixture.refused("UpdateTable", &raised).await.0, "LimitExceededException");
    fixture.ok("CreateTable", &create("Four", "p:S")).await;
}

#[tokio::test]
async fn encryption_is_with_the_managed_key_or_refused() {
    let fixture = Fixture::new().await;
    let with = |sse: Value| {
        let mut input = create("Tab", "p:S");
        input["SSESpecification"] = sse;
        input
    };
    for (sse, message) in [
        (json!({"Enabled": true, "SSEType": "AES256"}), "SSEType AES256 is not supported"),
        (json!({"Enabled": false, "SSEType": "KMS"}), "SSEType can not be specified if Enabled is false"),
        (
            json!({"Enabled": false, "KMSMasterKeyId": "alias/own"}),
            "KMSMasterKeyId can not be specified if Enabled is false",
        ),
        (
            json!({"Enabled": true, "KMSMasterKeyId": "alias/own"}),
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
    ] {
        assert_eq!(fixture.invalid("CreateTable", &with(sse)).await, format!("{PREFIX}{message}"));
    }
    let own = json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/own"});
    let refusal = fixture.invalid("CreateTable", &with(own.clone())).await;
    assert!(
        refusal
            .starts_with("KMS validation error: Key 'alias/own' does not exist: there is no key service yet"),
        "{refusal}"
    );
    let region = "us-east-1".parse().unwrap();
    let arn = crate::managed_key::arn("123456789012".parse().unwrap(), &region);
    for sse in [
        json!({"SSEType": "KMS"}),
        json!({"Enabled": true}),
        json!({"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/aws/dynamodb"}),
    ] {
        fixture.ok("CreateTable", &with(sse)).await;
        assert_eq!(
            described(&fixture).await["SSEDescription"],
            json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn})
        );
        fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    }
    fixture.ok("CreateTable", &with(json!({"Enabled": false}))).await;
    assert!(described(&fixture).await["SSEDescription"].is_null());
    for sse in [json!({"Enabled": false}), json!({})] {
        let message = fixture.invalid("UpdateTable", &update(json!({"SSESpecification": sse}))).await;
        assert_eq!(message, format!("{PREFIX}Table is already encrypted by default"));
    }
    assert!(
        fixture
            .invalid("UpdateTable", &update(json!({"SSESpecification": own})))
            .await
            .contains("no key service")
    );
    fixture.ok("UpdateTable", &update(json!({"SSESpecification": {"Enabled": true}}))).await;
    assert_eq!(described(&fixture).await["SSEDescription"]["KMSMasterKeyArn"], arn);
    fixture.ok("UpdateTable", &update(json!({"SSESpecification": {"Enabled": false}}))).await;
    assert!(described(&fixture).await["SSEDescription"].is_null());
}

#[tokio::test]
async fn updates_of_indexes_that_cannot_be_are_refused_in_dynamodbs_words() {
    let fixture = Fixture::new().await;
    let units = json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}});
    fixture.ok("CreateTable", &table(&provisioned(1), &units)).await;
    let action = |kind: &str, name: &str, more: &Value| {
        let mut action = json!({"IndexName": name});
        merge(&mut action, more);
        json!({kind: action})
    };
    let delete = action("Delete", "idx", &json!({}));
    let both = json!({"Update": of_index(&units)["GlobalSecondaryIndexUpdates"][0]["Update"], "Delete": delete["Delete"]});
    for (updates, message) in [
        (
            json!([{}]),
            "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null",
        ),
        (
            json!([both]),
            "Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object",
        ),
        (
            json!([delete, action("Update", "idx", &units)]),
            "Only one global secondary index update per index is allowed simultaneously. Index: idx",
        ),
    ] {
        let input = update(json!({"GlobalSecondaryIndexUpdates": updates}));
        assert_eq!(fixture.invalid("UpdateTable", &input).await, format!("{PREFIX}{message}"));
    }
    assert!(fixture.invalid("UpdateTable", &update(of_index(&units))).await.starts_with(
        "The provisioned throughput for the index idx will not change. The requested value equals the current value."
    ));
    for kind in ["Update", "Delete"] {
        let more = if kind == "Update" { units.clone() } else { json!({}) };
        let input = update(json!({"GlobalSecondaryIndexUpdates": [action(kind, "none", &more)]}));
        let (code, message) = fixture.refused("UpdateTable", &input).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, "Requested resource not found: Index none for table Tab");
    }
}
