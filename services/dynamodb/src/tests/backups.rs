//! Backups, and the past of tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Fixture, n, s};
use crate::jobs::{copy_all, trim_histories};
use crate::records::{COPIES, CopyPurpose, CopyRecord, DOOMED, HISTORY, ITEMS};

fn key(names: &[&str]) -> Value {
    let elements = names.iter().zip(["HASH", "RANGE"]);
    elements.map(|(name, role)| json!({"AttributeName": name, "KeyType": role})).collect()
}

/// A table `Tab` with a local and a global index, whose jobs run.
async fn running() -> (Fixture, impl Sized) {
    let fixture = Fixture::new().await;
    let definitions: Vec<_> = ["p", "s", "l", "g"]
        .into_iter()
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}))
        .collect();
    let all = json!({"ProjectionType": "ALL"});
    let input = json!({
        "TableName": "Tab", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key(&["p", "s"]),
        "AttributeDefinitions": definitions,
        "LocalSecondaryIndexes": [{"IndexName": "local", "KeySchema": key(&["p", "l"]), "Projection": all}],
        "GlobalSecondaryIndexes": [{"IndexName": "global", "KeySchema": key(&["g"]), "Projection": all}],
    });
    fixture.ok("CreateTable", &input).await;
    let (stop, stopped) = watch::channel(false);
    let jobs = fixture.kit.pipeline.start_jobs(&stopped);
    (fixture, (stop, jobs))
}

async fn wait(fixture: &Fixture, operation: &str, input: Value, path: &str, wanted: &str) -> Value {
    for _ in 0..1_000 {
        let answer = fixture.ok(operation, &input).await;
        if answer.pointer(path).and_then(Value::as_str) == Some(wanted) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{operation} {input} never answered {wanted}");
}

async fn active(fixture: &Fixture, table: &str) -> Value {
    wait(fixture, "DescribeTable", json!({"TableName": table}), "/Table/TableStatus", "ACTIVE").await
}

async fn available(fixture: &Fixture, arn: &Value) -> Value {
    let path = "/BackupDescription/BackupDetails/BackupStatus";
    wait(fixture, "DescribeBackup", json!({"BackupArn": arn}), path, "AVAILABLE").await
}

async fn scanned(fixture: &Fixture, table: &str, index: Option<&str>) -> BTreeMap<String, Value> {
    let mut input = json!({"TableName": table});
    if let Some(index) = index {
        input["IndexName"] = json!(index);
    }
    let found = fixture.ok("Scan", &input).await;
    let items = found["Items"].as_array().unwrap().iter();
    items.map(|item| (format!("{} {}", item["p"]["S"], item["s"]["S"]), item.clone())).collect()
}

/// Table and indexes hold this, and nothing else.
async fn holds(fixture: &Fixture, table: &str, expected: &BTreeMap<String, Value>) {
    assert_eq!(&scanned(fixture, table, None).await, expected, "{table}");
    for (index, name) in [("local", "l"), ("global", "g")] {
        let held: BTreeMap<_, _> = expected
            .iter()
            .filter(|(_, item)| item.get(name).is_some())
            .map(|(key, item)| (key.clone(), item.clone()))
            .collect();
        assert_eq!(scanned(fixture, table, Some(index)).await, held, "{table} {index}");
    }
}

async fn enable(fixture: &Fixture, days: Option<u32>) {
    let specification = json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days});
    let specification = match days {
        Some(_) => specification,
        None => json!({"PointInTimeRecoveryEnabled": true}),
    };
    let input = json!({"TableName": "Tab", "PointInTimeRecoverySpecification": specification});
    fixture.ok("UpdateContinuousBackups", &input).await;
}

#[tokio::test]
async fn a_backup_holds_the_table_as_it_was_and_becomes_a_table_again() {
    let (fixture, _stop) = running().await;
    for item in 0..1_200 {
        let (p, sort) = (s(&(item % 3).to_string()), s(&item.to_string()));
        fixture.put(json!({"p": p, "s": sort, "g": s("G"), "l": s(&(item % 7).to_string())})).await;
    }
    let before = scanned(&fixture, "Tab", None).await;
    let made = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
    assert_eq!(made["BackupDetails"]["BackupStatus"], "CREATING");
    let arn = made["BackupDetails"]["BackupArn"].clone();
    // What is changed while it is made is not in it.
    fixture.put(json!({"p": s("0"), "s": s("0"), "g": s("changed")})).await;
    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s("1"), "s": s("1")}})).await;
    fixture.put(json!({"p": s("new"), "s": s("new")})).await;
    let described = available(&fixture, &arn).await;
    let source = &described["BackupDescription"]["SourceTableDetails"];
    assert_eq!((source["ItemCount"].as_i64(), source["TableName"].as_str()), (Some(1_200), Some("Tab")));
    let features = &described["BackupDescription"]["SourceTableFeatureDetails"];
    assert_eq!(features["GlobalSecondaryIndexes"][0]["IndexName"], "global");
    let input = json!({"BackupArn": arn, "TargetTableName": "New"});
    let answer = fixture.ok("RestoreTableFromBackup", &input).await;
    let table = &answer["TableDescription"];
    assert_eq!(
        (table["TableStatus"].as_str(), table["RestoreSummary"]["RestoreInProgress"].as_bool()),
        (Some("CREATING"), Some(true))
    );
    assert_eq!(fixture.refused("RestoreTableFromBackup", &input).await.0, "TableAlreadyExistsException");
    let restored = active(&fixture, "New").await;
    assert_eq!(restored["Table"]["ItemCount"], 1_200);
    assert_eq!(restored["Table"]["RestoreSummary"]["SourceBackupArn"], arn);
    assert_eq!(restored["Table"]["LocalSecondaryIndexes"][0]["ItemCount"], 1_200);
    let found = scanned(&fixture, "New", None).await;
    assert_eq!(found, before);
    let query = json!({"TableName": "New", "IndexName": "global", "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": s("G")}, "Select": "COUNT"});
    assert_eq!(fixture.ok("Query", &query).await["Count"], 1_200);
    // The sizes of collections go on from what was restored.
    let put = json!({"TableName": "New", "Item": {"p": s("0"), "s": s("x")}, "ReturnItemCollectionMetrics": "SIZE"});
    let metrics = fixture.ok("PutItem", &put).await["ItemCollectionMetrics"].clone();
    assert_eq!(metrics["SizeEstimateRangeGB"], json!([0.0, 1.0]));
    let listed = fixture.ok("ListBackups", &json!({"TableName": "Tab", "BackupType": "USER"})).await;
    assert_eq!(listed["BackupSummaries"][0]["BackupArn"], arn);
    assert_eq!(fixture.ok("ListBackups", &json!({"TableName": "New"})).await["BackupSummaries"], json!([]));
    let gone = fixture.ok("DeleteBackup", &json!({"BackupArn": arn})).await;
    assert_eq!(gone["BackupDescription"]["BackupDetails"]["BackupStatus"], "DELETED");
    for operation in ["DescribeBackup", "DeleteBackup"] {
        assert_eq!(fixture.refused(operation, &json!({"BackupArn": arn})).await.0, "BackupNotFoundException");
    }
    // Nobody needs the past any more.
    let store = fixture.kit.pipeline.store();
    for _ in 0..500 {
        if store.scan(DOOMED, &store::Range::all()).unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(store.scan(HISTORY, &store::Range::all()).unwrap().is_empty());
    // Items and their entries: in the one table one item is gone, one has lost an entry, one has none; in the other one is new.
    let (source, restored) = (3 * 1_200 - 3 - 1 + 1, 3 * 1_200 + 1);
    assert_eq!(store.scan(ITEMS, &store::Range::all()).unwrap().len(), source + restored);
}

#[tokio::test]
async fn restores_leave_out_indexes_and_make_no_others() {
    let (fixture, _stop) = running().await;
    fixture.put(json!({"p": s("a"), "s": s("b"), "g": s("G"), "l": s("L")})).await;
    let made = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
    let arn = made["BackupDetails"]["BackupArn"].clone();
    available(&fixture, &arn).await;
    let all = json!({"ProjectionType": "ALL"});
    let restore = |more: Value| {
        let mut input = json!({"BackupArn": arn, "TargetTableName": "New"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let other = json!([{"IndexName": "other", "KeySchema": key(&["l"]), "Projection": all}]);
    for (more, part) in [
        (json!({"GlobalSecondaryIndexOverride": other}), "Index other does not match a secondary index"),
        (json!({"BillingModeOverride": "PROVISIONED"}), "Must override ProvisionedThroughput if BillingMode"),
        (
            json!({"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
            "PROVISIONED for index global",
        ),
        (
            json!({"OnDemandThroughputOverride": {"MaxReadRequestUnits": 0}}),
            "Invalid Request: Requested MaxReadRequestUnits for OnDemandThroughput is outside of valid range",
        ),
        (
            json!({"BillingModeOverride": "PROVISIONED", "OnDemandThroughputOverride": {"MaxWriteRequestUnits": 1}, "GlobalSecondaryIndexOverride": [],
                "ProvisionedThroughputOverride": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}}),
            "Invalid Request: Cannot override MaxWriteRequestUnits for OnDemandThroughput unless BillingModeOverride is PAY_PER_REQUEST",
        ),
        (
            json!({"SSESpecificationOverride": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/own"}}),
            "there is no key service yet",
        ),
    ] {
        let told = fixture.invalid("RestoreTableFromBackup", &restore(more)).await;
        assert!(told.contains(part), "{told}");
    }
    let bounded =
        json!({"TargetTableName": "Bounded", "OnDemandThroughputOverride": {"MaxReadRequestUnits": 7}});
    let made = fixture.ok("RestoreTableFromBackup", &restore(bounded)).await;
    assert_eq!(made["TableDescription"]["OnDemandThroughput"], json!({"MaxReadRequestUnits": 7}));
    let renamed = json!([{"IndexName": "renamed", "KeySchema": key(&["p", "l"]), "Projection": all}]);
    let more = json!({"GlobalSecondaryIndexOverride": [], "LocalSecondaryIndexOverride": renamed,
        "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}});
    fixture.ok("RestoreTableFromBackup", &restore(more)).await;
    let table = active(&fixture, "New").await["Table"].clone();
    assert_eq!(table.get("GlobalSecondaryIndexes"), None);
    assert_eq!(table["ProvisionedThroughput"]["WriteCapacityUnits"], 6);
    assert_eq!(scanned(&fixture, "New", Some("renamed")).await.len(), 1);
}

#[tokio::test]
async fn a_table_that_is_restored_is_not_there_for_items_and_takes_no_change() {
    let fixture = Fixture::with_table("p:S").await;
    fixture.put(json!({"p": s("a")})).await;
    enable(&fixture, None).await;
    let input = json!({"SourceTableName": "Tab", "TargetTableName": "New", "UseLatestRestorableTime": true});
    fixture.ok("RestoreTableToPointInTime", &input).await;
    let get = json!({"TableName": "New", "Key": {"p": s("a")}});
    let missing = json!({"TableName": "Nil", "Key": {"p": s("a")}});
    assert_eq!(fixture.refused("GetItem", &get).await, fixture.refused("GetItem", &missing).await);
    let put = json!({"TableName": "New", "Item": {"p": s("b")}});
    assert_eq!(fixture.refused("PutItem", &put).await.0, "ResourceNotFoundException");
    for (operation, more, code) in [
        ("DeleteTable", json!({}), "ResourceInUseException"),
        ("UpdateTable", json!({"DeletionProtectionEnabled": true}), "ResourceInUseException"),
        ("CreateBackup", json!({"BackupName": "one"}), "TableInUseException"),
    ] {
        let mut input = json!({"TableName": "New"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(fixture.refused(operation, &input).await.0, code, "{operation}");
    }
    // The source stays until all of it is copied.
    let told = fixture.refused("DeleteTable", &json!({"TableName": "Tab"})).await;
    assert_eq!(told.0, "ResourceInUseException");
}

#[tokio::test]
async fn moments_outside_of_the_kept_past_are_refused() {
    let fixture = Fixture::with_table("p:S").await;
    let restore = |more: Value| {
        let mut input = json!({"SourceTableName": "Tab", "TargetTableName": "New"});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let now = fixture.kit.clock.now().secs();
    let latest = restore(json!({"UseLatestRestorableTime": true}));
    let refused = fixture.refused("RestoreTableToPointInTime", &latest).await;
    assert_eq!(refused.0, "PointInTimeRecoveryUnavailableException");
    enable(&fixture, Some(2)).await;
    fixture.kit.clock.advance_millis(10_000);
    for moment in [now - 1, now + 11] {
        let input = restore(json!({"RestoreDateTime": moment}));
        let refused = fixture.refused("RestoreTableToPointInTime", &input).await;
        assert_eq!(refused.0, "InvalidRestoreTimeException", "{moment}");
    }
    for more in [json!({}), json!({"RestoreDateTime": now, "UseLatestRestorableTime": true})] {
        fixture.invalid("RestoreTableToPointInTime", &restore(more)).await;
    }
    let described = fixture.ok("DescribeContinuousBackups", &json!({"TableName": "Tab"})).await;
    let recovery = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    assert_eq!(
        (recovery["PointInTimeRecoveryStatus"].as_str(), recovery["RecoveryPeriodInDays"].as_i64()),
        (Some("ENABLED"), Some(2))
    );
    fixture.kit.clock.advance_millis(3 * 24 * 3_600 * 1_000);
    let input = restore(json!({"RestoreDateTime": now + 10}));
    let refused = fixture.refused("RestoreTableToPointInTime", &input).await;
    assert_eq!(refused.0, "InvalidRestoreTimeException", "older than the period");
}

#[tokio::test]
async fn what_no_moment_needs_is_forgotten() {
    let fixture = Fixture::with_table("p:S").await;
    enable(&fixture, Some(1)).await;
    fixture.kit.clock.advance_millis(1_000);
    for value in 0..20 {
        fixture.put(json!({"p": s("a"), "v": n(value)})).await;
    }
    let store = fixture.kit.pipeline.store().clone();
    let state = Arc::new(super::jobs::state(&fixture).await);
    let count = || store.scan(HISTORY, &store::Range::all()).unwrap().len();
    trim_histories(&state, &store, fixture.kit.clock.now()).await.unwrap();
    assert_eq!(count(), 20);
    fixture.kit.clock.advance_millis(24 * 3_600 * 1_000 + 2_000);
    fixture.put(json!({"p": s("a"), "v": n(100)})).await;
    trim_histories(&state, &store, fixture.kit.clock.now()).await.unwrap();
    assert_eq!(count(), 1);
    let off = json!({"TableName": "Tab", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}});
    fixture.ok("UpdateContinuousBackups", &off).await;
    crate::jobs::sweep_doomed(&store).await.unwrap();
    assert_eq!(count(), 0);
    fixture.put(json!({"p": s("a"), "v": n(101)})).await;
    assert_eq!(count(), 0, "nothing is kept that nobody asked for");
}

#[tokio::test]
async fn a_deleted_table_whose_past_was_kept_stays_as_a_backup() {
    let (fixture, _stop) = running().await;
    enable(&fixture, None).await;
    fixture.put(json!({"p": s("a"), "s": s("b"), "g": s("G"), "l": s("L")})).await;
    let before = scanned(&fixture, "Tab", None).await;
    fixture.ok("DeleteTable", &json!({"TableName": "Tab"})).await;
    let listed = fixture.ok("ListBackups", &json!({"BackupType": "SYSTEM"})).await;
    let backup = &listed["BackupSummaries"][0];
    assert_eq!(
        (backup["BackupName"].as_str(), backup["BackupStatus"].as_str()),
        (Some("Tab$DeletedTableBackup"), Some("AVAILABLE"))
    );
    let arn = backup["BackupArn"].clone();
    let told = fixture.invalid("DeleteBackup", &json!({"BackupArn": arn})).await;
    assert!(told.starts_with("User is not allowed to delete the system backup"), "{told}");
    fixture.ok("RestoreTableFromBackup", &json!({"BackupArn": arn, "TargetTableName": "Tab"})).await;
    active(&fixture, "Tab").await;
    holds(&fixture, "Tab", &before).await;
    fixture.kit.clock.advance_millis(36 * 24 * 3_600 * 1_000);
    assert_eq!(
        fixture.refused("DescribeBackup", &json!({"BackupArn": arn})).await.0,
        "BackupNotFoundException"
    );
}

#[tokio::test]
async fn copying_begins_again_where_it_was_interrupted() {
    let fixture = Fixture::with_table("p:S").await;
    for item in 0..40 {
        fixture.put(json!({"p": s(&item.to_string())})).await;
    }
    let made = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
    let store = fixture.kit.pipeline.store().clone();
    let waiting = store.scan(COPIES, &store::Range::all()).unwrap();
    let state = Arc::new(super::jobs::state(&fixture).await);
    copy_all(&state, &store).await.unwrap();
    // As if the end had not become durable; and half of the items had been written.
    fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": {"p": s("7")}})).await;
    let (key, record) = waiting[0].clone();
    store
        .transact(|transaction| transaction.put(COPIES, key.clone(), record.clone()))
        .await
        .map_err(|error: store::StoreError| error)
        .unwrap();
    let again = Arc::new(super::jobs::state(&fixture).await);
    copy_all(&again, &store).await.unwrap();
    assert!(store.scan(COPIES, &store::Range::all()).unwrap().is_empty());
    let arn = made["BackupDetails"]["BackupArn"].clone();
    let described = fixture.ok("DescribeBackup", &json!({"BackupArn": arn})).await;
    assert_eq!(described["BackupDescription"]["BackupDetails"]["BackupStatus"], "AVAILABLE");
}

#[tokio::test]
async fn copies_are_counted_and_made_for_each_account_by_itself() {
    let fixture = Fixture::with_table("p:S").await;
    let store = fixture.kit.pipeline.store().clone();
    let fill = |account: &'static str, first: u64| {
        let purpose = CopyPurpose::Table {
            account: account.parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: "gone".into(),
        };
        let record = CopyRecord::new(1, None, purpose).encode().unwrap();
        let store = store.clone();
        async move {
            let all = store.transact(|transaction| {
                (first..first + 50)
                    .try_for_each(|to| transaction.put(COPIES, store::Key::new().u64(to), record.clone()))
            });
            all.await.map_err(|error: store::StoreError| error).unwrap();
        }
    };
    fill("111111111111", 1_000_000).await;
    // Another account's have nothing to do with this one's, and are not waited for.
    let made = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
    let (_stop, stopped) = watch::channel(false);
    let _jobs = fixture.kit.pipeline.start_jobs(&stopped);
    available(&fixture, &made["BackupDetails"]["BackupArn"]).await;
    fill("123456789012", 2_000_000).await;
    let (code, message) =
        fixture.refused("CreateBackup", &json!({"TableName": "Tab", "BackupName": "two"})).await;
    assert_eq!(code, "LimitExceededException", "{message}");
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8, u8),
    Update(u8, u8, u8),
    Delete(u8, u8),
    Tick,
    Backup,
}

fn any_step() -> impl Strategy<Value = Step> {
    let places = || (0..3_u8, 0..4_u8);
    prop_oneof![
        4 => (places(), 0..5_u8).prop_map(|((p, s), v)| Step::Put(p, s, v)),
        4 => (places(), 0..5_u8).prop_map(|((p, s), v)| Step::Update(p, s, v)),
        2 => places().prop_map(|(p, s)| Step::Delete(p, s)),
        2 => Just(Step::Tick),
        1 => Just(Step::Backup),
    ]
}

async fn run(fixture: &Fixture, step: &Step) {
    let place = |p: u8, sort: u8| json!({"p": s(&p.to_string()), "s": s(&sort.to_string())});
    match *step {
        Step::Put(p, sort, v) => {
            let mut item = place(p, sort);
            for (name, is_there) in [("g", v % 2 == 0), ("l", v % 3 == 0)] {
                if is_there {
                    item[name] = s(&v.to_string());
                }
            }
            fixture.put(item).await;
        }
        Step::Update(p, sort, v) => {
            let input = json!({"TableName": "Tab", "Key": place(p, sort), "UpdateExpression": "SET g = :v REMOVE l",
                "ExpressionAttributeValues": {":v": s(&v.to_string())}});
            fixture.ok("UpdateItem", &input).await;
        }
        Step::Delete(p, sort) => {
            fixture.ok("DeleteItem", &json!({"TableName": "Tab", "Key": place(p, sort)})).await;
        }
        Step::Tick | Step::Backup => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn every_moment_is_found_again(steps in proptest::collection::vec(any_step(), 5..60)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (fixture, _stop) = running().await;
            for step in &steps[..3] {
                run(&fixture, step).await;
            }
            enable(&fixture, None).await;
            let mut moments = Vec::new();
            let mut backups = Vec::new();
            for step in &steps {
                run(&fixture, step).await;
                match step {
                    Step::Tick => {
                        moments.push((fixture.kit.clock.now(), scanned(&fixture, "Tab", None).await));
                        fixture.kit.clock.advance_millis(1_000);
                    }
                    Step::Backup => {
                        let made = fixture.ok("CreateBackup", &json!({"TableName": "Tab", "BackupName": "one"})).await;
                        backups.push((made["BackupDetails"]["BackupArn"].clone(), scanned(&fixture, "Tab", None).await));
                    }
                    _ => {}
                }
            }
            for (number, (moment, expected)) in moments.iter().take(4).enumerate() {
                let name = format!("Past{number}");
                let input = json!({"SourceTableName": "Tab", "TargetTableName": name, "RestoreDateTime": moment.secs()});
                fixture.ok("RestoreTableToPointInTime", &input).await;
                // Whatever is written meanwhile.
                run(&fixture, &Step::Put(0, 0, 1)).await;
                active(&fixture, &name).await;
                holds(&fixture, &name, expected).await;
            }
            for (number, (arn, expected)) in backups.iter().take(4).enumerate() {
                available(&fixture, arn).await;
                let name = format!("Kept{number}");
                fixture.ok("RestoreTableFromBackup", &json!({"BackupArn": arn, "TargetTableName": name})).await;
                active(&fixture, &name).await;
                holds(&fixture, &name, expected).await;
            }
        });
    }
}
