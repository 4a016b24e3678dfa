use std::sync::Arc;

use serde_json::json;
use service::Source;

use super::{Fixture, create, n, s};

const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";

#[tokio::test]
async fn a_table_is_made_described_listed_and_deleted() {
    let fixture = Fixture::new().await;
    let made = fixture.ok("CreateTable", &create("Tab", "p:S s:N")).await;
    let table = fixture.ok("DescribeTable", &json!({"TableName": "Tab"})).await["Table"].clone();
    let mut made = made["TableDescription"].clone();
    assert_eq!(made["TableStatus"], "CREATING");
    made["TableStatus"] = json!("ACTIVE");
    // Told of from the first description on, unless it was asked for.
    made["WarmThroughput"] =
        json!({"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"});
    assert_eq!(made, table);
    assert_eq!(table["TableStatus"], "ACTIVE");
    assert_eq!(table["TableArn"], ARN);
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(
        table["KeySchema"],
        json!([{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}])
    );
    assert_eq!(fixture.ok("DescribeTable", &json!({"TableName": ARN})).await["Table"], table);
    assert_eq!(fixture.ok("ListTables", &json!({})).await, json!({"TableNames": ["Tab"]}));
    let (code, message) = fixture.refused("CreateTable", &create("Tab", "p:S")).await;
    assert_eq!((code.as_str(), message.as_str()), ("ResourceInUseException", "Table already exists: Tab"));
    let gone = fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    assert_eq!(gone["TableDescription"]["TableStatus"], "DELETING");
    for operation in ["DescribeTable", "DeleteTable", "DescribeTimeToLive"] {
        let (code, message) = fixture.refused(operation, &json!({"TableName": "Tab"})).await;
        assert_eq!(code, "ResourceNotFoundException");
        assert_eq!(message, "Requested resource not found: Table: Tab not found");
    }
    let (code, message) = fixture.refused("DescribeContinuousBackups", &json!({"TableName": "Tab"})).await;
    assert_eq!((code.as_str(), message.as_str()), ("TableNotFoundException", "Table not found: Tab"));
    let (code, message) =
        fixture.refused("GetItem", &json!({"TableName": "Tab", "Key": {"p": s("1")}})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ResourceNotFoundException", "Requested resource not found")
    );
}

#[tokio::test]
async fn a_table_made_again_has_no_old_items() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.put(json!({"p": s("1")})).await;
    fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    fixture.ok("CreateTable", &create("Tab", "p:S")).await;
    assert!(fixture.get(json!({"p": s("1")})).await.is_null());
}

#[tokio::test]
async fn faulty_descriptions_are_refused() {
    let fixture = Fixture::new().await;
    let with = |name: &str, value: serde_json::Value| {
        let mut input = create("Tab", "p:S");
        input[name] = value;
        input
    };
    let prefix = "One or more parameter values were invalid: ";
    let index = json!([{"IndexName": "idx", "KeySchema": [{"AttributeName": "p", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}]);
    for (input, message) in [
        (with("TableName", json!("ab")), "TableName must be at least 3 characters long and at most 255 characters long".to_owned()),
        (with("TableName", json!("a b c")), "1 validation error detected: Value 'a b c' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+".to_owned()),
        (with("BillingMode", json!("PROVISIONED")), format!("{prefix}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")),
        (with("ProvisionedThroughput", json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1})), format!("{prefix}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")),
        (with("LocalSecondaryIndexes", index), format!("{prefix}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")),
        (with("StreamSpecification", json!({"StreamEnabled": true})), format!("{prefix}Table is being created with a stream enabled, UpdateViewType is required")),
        (with("ResourcePolicy", json!("{}")), String::new()),
    ] {
        let refusal = fixture.invalid("CreateTable", &input).await;
        assert!(message.is_empty() || refusal == message, "{refusal}");
    }
}

#[tokio::test]
async fn a_protected_table_is_not_deleted() {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    input["DeletionProtectionEnabled"] = json!(true);
    fixture.ok("CreateTable", &input).await;
    assert!(
        fixture
            .invalid("DeleteTable", &json!({"TableName": "Tab"}))
            .await
            .contains("protected against deletion")
    );
    fixture.ok("UpdateTable", &json!({"TableName": "Tab", "DeletionProtectionEnabled": false})).await;
    fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
}

#[tokio::test]
async fn tables_are_listed_in_pages() {
    let fixture = Fixture::new().await;
    for name in ["Tab-c", "Tab-a", "Tab-b"] {
        fixture.ok("CreateTable", &create(name, "p:S")).await;
    }
    let first = fixture.ok("ListTables", &json!({"Limit": 2})).await;
    assert_eq!(first, json!({"TableNames": ["Tab-a", "Tab-b"], "LastEvaluatedTableName": "Tab-b"}));
    let rest = fixture.ok("ListTables", &json!({"Limit": 2, "ExclusiveStartTableName": "Tab-b"})).await;
    assert_eq!(rest, json!({"TableNames": ["Tab-c"]}));
}

#[tokio::test]
async fn billing_can_be_changed() {
    let fixture = Fixture::with_table("p:S").await;
    let units = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 6});
    let input = json!({"TableName": "Tab", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units});
    let table = fixture.ok("UpdateTable", &input).await["TableDescription"].clone();
    assert_eq!(table["ProvisionedThroughput"]["ReadCapacityUnits"], 5);
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    assert!(
        fixture.invalid("UpdateTable", &json!({"TableName": "Tab"})).await.starts_with("At least one of")
    );
}

#[tokio::test]
async fn tags_are_kept_counted_and_paged() {
    let fixture = Fixture::with_table("p:S").await;
    let tags: Vec<_> = (10..22).map(|i| json!({"Key": format!("k{i}"), "Value": i.to_string()})).collect();
    fixture.ok("TagResource", &json!({"ResourceArn": ARN, "Tags": tags})).await;
    let first = fixture.ok("ListTagsOfResource", &json!({"ResourceArn": ARN})).await;
    assert_eq!(first["Tags"].as_array().unwrap().len(), 10);
    let rest = json!({"ResourceArn": ARN, "NextToken": first["NextToken"]});
    assert_eq!(fixture.ok("ListTagsOfResource", &rest).await, json!({"Tags": &tags[10..]}));
    fixture.ok("UntagResource", &json!({"ResourceArn": ARN, "TagKeys": ["k10", "nothing"]})).await;
    assert_eq!(fixture.ok("ListTagsOfResource", &json!({"ResourceArn": ARN})).await["Tags"][0]["Key"], "k11");
    let many: Vec<_> = (0..50).map(|i| json!({"Key": format!("m{i}"), "Value": ""})).collect();
    assert!(
        fixture
            .invalid("TagResource", &json!({"ResourceArn": ARN, "Tags": many}))
            .await
            .starts_with("Number of Tags exceed the current limit for the provided ResourceArn")
    );
    for (tags, message) in [
        (json!([{"Key": "aws:x", "Value": ""}]), "Tag Key cannot be prefixed with aws:, Key: aws:x"),
        (
            json!([{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]),
            "Duplicate Tag Keys provided as input: Duplicate Tag Key found x",
        ),
    ] {
        assert_eq!(fixture.invalid("TagResource", &json!({"ResourceArn": ARN, "Tags": tags})).await, message);
    }
    let ours = json!({"ResourceArn": ARN, "TagKeys": ["aws:x"]});
    assert_eq!(
        fixture.invalid("UntagResource", &ours).await,
        "Tag Key cannot be prefixed with aws:, Key: aws:x"
    );
    let other = "arn:aws:dynamodb:us-east-1:123456789012:table/Other";
    let (code, _) = fixture.refused("ListTagsOfResource", &json!({"ResourceArn": other})).await;
    assert_eq!(code, "ResourceNotFoundException");
    for bad in ["Tab", "arn:aws:s3:::Tab", "arn:aws:dynamodb:eu-west-1:123456789012:table/Tab"] {
        let message = fixture.invalid("ListTagsOfResource", &json!({"ResourceArn": bad})).await;
        assert!(message.starts_with("Invalid TableArn"), "{message}");
    }
}

#[tokio::test]
async fn a_restart_keeps_tables_items_and_settings() {
    use base::Clock;
    use service::Rate;
    use service::testkit::{START, TestKit};
    use store::Store;

    let clock = Clock::manual(START);
    let store = Store::ephemeral_at(clock.clone()).unwrap();
    let build = |foundation: &service::testkit::Foundation| {
        crate::services(&foundation.store, crate::OwnAddress::default()).unwrap().into()
    };
    let kit = TestKit::over(store.clone(), clock.clone(), Rate::DEFAULT, build).await;
    let root = kit.administrator();
    kit.json(&root, "dynamodb", "CreateTable", &create("Tab", "p:S")).await.unwrap();
    let put = json!({"TableName": "Tab", "Item": {"p": s("1"), "v": n(7)}});
    kit.json(&root, "dynamodb", "PutItem", &put).await.unwrap();
    let before = kit.json(&root, "dynamodb", "DescribeTable", &json!({"TableName": "Tab"})).await.unwrap();
    drop(kit);
    let loaded = crate::tables::Tables::load(&store).unwrap();
    let target = crate::tables::Target::of_arn(ARN, &"us-east-1".parse().unwrap()).unwrap();
    let table = loaded.find(&target).unwrap();
    assert_eq!(table.record.uuid, before["Table"]["TableId"]);
    let items = store.scan(crate::records::ITEMS, &crate::key::table_range(table.record.id)).unwrap();
    assert_eq!(items.len(), 1);
}

#[tokio::test]
async fn the_endpoint_that_is_told_is_the_platforms_own() {
    let address = crate::OwnAddress::default();
    let told = address.clone();
    let kit = service::testkit::TestKit::start(|foundation| {
        crate::services(&foundation.store, address).unwrap().into()
    })
    .await;
    told.served_at("http://localhost:9000");
    let answer = kit.json(&kit.administrator(), "dynamodb", "DescribeEndpoints", &json!({})).await.unwrap();
    let endpoint = json!({"Address": "http://localhost:9000", "CachePeriodInMinutes": 1_440});
    assert_eq!(answer, json!({"Endpoints": [endpoint]}));
}

#[tokio::test]
async fn time_to_live_and_streams_are_refused_in_dynamodbs_words() {
    let fixture = Fixture::with_table("p:S").await;
    let live = |attribute: &str, enabled: bool| json!({"TableName": "Tab", "TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}});
    assert_eq!(
        fixture.invalid("UpdateTimeToLive", &live("t", false)).await,
        "TimeToLive is already disabled"
    );
    fixture.ok("UpdateTimeToLive", &live("t", true)).await;
    for (input, message) in [
        (live("t", true), "TimeToLive is already enabled"),
        (live("u", true), "TimeToLive is active on a different AttributeName: current AttributeName is t"),
        (live("u", false), "TimeToLive is active on a different AttributeName: current AttributeName is t"),
    ] {
        assert_eq!(fixture.invalid("UpdateTimeToLive", &input).await, message);
    }
    let again = "Time to live has been modified multiple times within a fixed interval";
    for enabled in [false, true] {
        assert_eq!(fixture.invalid("UpdateTimeToLive", &live("t", enabled)).await, again);
        fixture.kit.clock.advance_millis(3_599_000);
        assert_eq!(fixture.invalid("UpdateTimeToLive", &live("t", enabled)).await, again);
        fixture.kit.clock.advance_millis(1_000);
        fixture.ok("UpdateTimeToLive", &live("t", enabled)).await;
    }
    // A stack can always go back.
    let operation = protocol::model("dynamodb").unwrap().operation("UpdateTimeToLive").unwrap();
    let marks = [("aws:cloudformation:stack-id".to_owned(), "s".to_owned())];
    let source = Source { marks: Some(Arc::new(marks)), ..Source::platform("cloudformation.amazonaws.com") };
    let input = protocol::value_from_json(operation.input().unwrap(), &live("t", false)).unwrap();
    let who = fixture.kit.administrator();
    fixture.kit.pipeline.invoke(who, source, "dynamodb", "UpdateTimeToLive", input).await.unwrap();
    let stream =
        |specification: serde_json::Value| json!({"TableName": "Tab", "StreamSpecification": specification});
    let prefix = "One or more parameter values were invalid: ";
    for (specification, message) in [
        (json!({"StreamEnabled": false}), "Table has no stream to disable: TableName: Tab".to_owned()),
        (
            json!({"StreamEnabled": true}),
            format!("{prefix}If stream is being enabled then UpdateViewType is required"),
        ),
        (
            json!({"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"}),
            format!("{prefix}If stream is being disabled, then UpdateViewType must not be specified"),
        ),
    ] {
        assert_eq!(fixture.invalid("UpdateTable", &stream(specification)).await, message);
    }
}
