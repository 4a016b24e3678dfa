//! What is decided on one state of a table is not carried out on another.

use serde_json::json;

use super::{Fixture, create};

const ARN: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/Tab";

#[tokio::test]
async fn leave_for_a_table_is_none_once_it_is_tagged_otherwise() {
    let fixture = Fixture::with_table("p:S").await;
    let leave = json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/c": "pub"}}});
    let who = fixture.kit.user("who", json!([leave])).await;
    let tagging = |value: &str| json!({"ResourceArn": ARN, "Tags": [{"Key": "c", "Value": value}]});
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem",
        "Principal": {"AWS": "210987654321"}, "Resource": ARN}]});
    let name = json!({"TableName": "Tab"});
    let recovery =
        json!({"TableName": "Tab", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    let operations = [
        ("DescribeTable", name.clone()),
        ("ListTagsOfResource", json!({"ResourceArn": ARN})),
        ("GetResourcePolicy", json!({"ResourceArn": ARN})),
        (
            "PutResourcePolicy",
            json!({"ResourceArn": ARN, "Policy": policy.to_string(), "ConfirmRemoveSelfResourceAccess": true}),
        ),
        ("UpdateTable", json!({"TableName": "Tab", "DeletionProtectionEnabled": true})),
        ("UpdateContinuousBackups", recovery),
        ("CreateBackup", json!({"TableName": "Tab", "BackupName": "backup"})),
        ("TagResource", tagging("pub")),
        ("UntagResource", json!({"ResourceArn": ARN, "TagKeys": ["c"]})),
        ("DeleteTable", name),
    ];
    for (operation, input) in operations {
        fixture.ok("TagResource", &tagging("pub")).await;
        let meanwhile = ("dynamodb", "TagResource", tagging("sec"));
        fixture.kit.refused_after(&who, meanwhile, ("dynamodb", operation, &input)).await;
    }
}

#[tokio::test]
async fn leave_for_a_stream_is_none_once_its_policy_refuses_it() {
    let fixture = Fixture::new().await;
    let mut input = create("Tab", "p:S");
    input["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"});
    let made = fixture.ok("CreateTable", &input).await;
    let arn = made["TableDescription"]["LatestStreamArn"].as_str().unwrap();
    let who =
        fixture.kit.user("who", json!([{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}])).await;
    let refusal = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny",
        "Action": ["dynamodb:DescribeStream", "dynamodb:GetResourcePolicy", "dynamodb:DeleteResourcePolicy"],
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/who"}, "Resource": arn}]});
    let refusal =
        json!({"ResourceArn": arn, "Policy": refusal.to_string(), "ConfirmRemoveSelfResourceAccess": true});
    let operations = [
        ("dynamodbstreams", "DescribeStream", json!({"StreamArn": arn})),
        ("dynamodb", "GetResourcePolicy", json!({"ResourceArn": arn})),
        ("dynamodb", "DeleteResourcePolicy", json!({"ResourceArn": arn})),
    ];
    for (service, operation, input) in operations {
        let meanwhile = ("dynamodb", "PutResourcePolicy", refusal.clone());
        fixture.kit.refused_after(&who, meanwhile, (service, operation, &input)).await;
        fixture.ok("DeleteResourcePolicy", &json!({"ResourceArn": arn})).await;
    }
}
