//! What is decided on one state of a table is not carried out on another.

use serde_json::json;

use super::Fixture;

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
