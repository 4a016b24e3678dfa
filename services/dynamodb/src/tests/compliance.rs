use serde_json::json;
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

use super::create;

/// What items hold is not for the audit trail.
const SECRET: &str = "open barley";
const BACKUP: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab/backup/01489173575360-b308cd7d";
const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";

fn samples() -> Vec<(&'static str, serde_json::Value)> {
    let table = json!({"TableName": "Tab"});
    let key = json!({"p": {"S": "sesame"}});
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}, "Bool": {"aws:SecureTransport": "never"}}}});
    vec![
        ("CreateTable", create("Tab", "p:S")),
        ("DescribeTable", table.clone()),
        ("UpdateTable", json!({"TableName": "Tab", "DeletionProtectionEnabled": false})),
        ("ListTables", json!({})),
        ("DescribeLimits", json!({})),
        ("DescribeEndpoints", json!({})),
        ("DescribeContinuousBackups", table.clone()),
        (
            "UpdateContinuousBackups",
            json!({"TableName": "Tab", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
        ),
        ("CreateBackup", json!({"TableName": "Tab", "BackupName": "one"})),
        ("ListBackups", json!({})),
        ("DescribeBackup", json!({"BackupArn": BACKUP})),
        ("DeleteBackup", json!({"BackupArn": BACKUP})),
        ("RestoreTableFromBackup", json!({"BackupArn": BACKUP, "TargetTableName": "New"})),
        (
            "RestoreTableToPointInTime",
            json!({"SourceTableName": "Tab", "TargetTableName": "Past", "UseLatestRestorableTime": true}),
        ),
        ("TagResource", json!({"ResourceArn": ARN, "Tags": [{"Key": "k", "Value": "v"}]})),
        ("ListTagsOfResource", json!({"ResourceArn": ARN})),
        ("UntagResource", json!({"ResourceArn": ARN, "TagKeys": ["k"]})),
        (
            "UpdateTimeToLive",
            json!({"TableName": "Tab", "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ttl"}}),
        ),
        ("DescribeTimeToLive", table.clone()),
        ("PutItem", json!({"TableName": "Tab", "Item": {"p": {"S": "sesame"}, "v": {"S": SECRET}}})),
        ("GetItem", json!({"TableName": "Tab", "Key": key})),
        (
            "UpdateItem",
            json!({"TableName": "Tab", "Key": key, "UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": {"S": SECRET}}}),
        ),
        (
            "Query",
            json!({"TableName": "Tab", "KeyConditionExpression": "p = :v", "ExpressionAttributeValues": {":v": {"S": "sesame"}}}),
        ),
        ("Scan", table.clone()),
        ("BatchGetItem", json!({"RequestItems": {"Tab": {"Keys": [key]}}})),
        (
            "BatchWriteItem",
            json!({"RequestItems": {"Tab": [{"PutRequest": {"Item": {"p": {"S": "sesame"}, "v": {"S": SECRET}}}}]}}),
        ),
        ("TransactGetItems", json!({"TransactItems": [{"Get": {"TableName": "Tab", "Key": key}}]})),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"TableName": "Tab", "Item": {"p": {"S": "sesame"}, "v": {"S": SECRET}}}}]}),
        ),
        (
            "ExecuteStatement",
            json!({"Statement": format!("INSERT INTO Tab VALUE {{'p': 'one', 'v': '{SECRET}'}}")}),
        ),
        (
            "BatchExecuteStatement",
            json!({"Statements": [{"Statement": "SELECT * FROM Tab WHERE p = ?", "Parameters": [{"S": SECRET}]}]}),
        ),
        (
            "ExecuteTransaction",
            json!({"TransactStatements": [{"Statement": "DELETE FROM Tab WHERE p = ?", "Parameters": [{"S": SECRET}]}]}),
        ),
        ("PutResourcePolicy", json!({"ResourceArn": ARN, "Policy": policy.to_string()})),
        ("GetResourcePolicy", json!({"ResourceArn": ARN})),
        ("DeleteResourcePolicy", json!({"ResourceArn": ARN})),
        ("DeleteItem", json!({"TableName": "Tab", "Key": key})),
        ("DeleteTable", table),
    ]
}

async fn kit() -> TestKit {
    TestKit::start(|foundation| {
        crate::services(&foundation.store, crate::OwnAddress::default()).unwrap().into()
    })
    .await
}

service::service_compliance!(
    kit().await,
    Subject { service: "dynamodb", samples: &samples(), open: &[], secrets: &[SECRET] }
);
