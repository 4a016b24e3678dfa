//! Findings of unused access, from what a test says was seen.

use super::*;
use crate::records::{Details, UnusedService};
use crate::scan::testing;

const UNUSED: &str = "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/u";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

async fn analyzer() -> TestKit {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "u", "type": "ACCOUNT_UNUSED_ACCESS"})).await;
    kit
}

async fn findings(kit: &TestKit, status: &str) -> Vec<Value> {
    let filter = json!({"status": {"eq": [status]}});
    let answer = done(kit, "ListFindingsV2", json!({"analyzerArn": UNUSED, "filter": filter})).await;
    answer["findings"].as_array().unwrap().clone()
}

#[tokio::test]
async fn unused_access_is_told_until_it_is_used() {
    let kit = analyzer().await;
    let service = |namespace: &str, actions: &[&str]| UnusedService {
        namespace: namespace.into(),
        last: None,
        actions: actions.iter().map(|action| ((*action).to_owned(), None)).collect(),
    };
    let permissions =
        Details::Permissions { services: vec![service("s3", &["s3:GetObject"]), service("sqs", &[])] };
    let key = Details::AccessKey { id: "AKIAEXAMPLE".into(), last: None };
    let user = "arn:aws:iam::123456789012:user/u";
    testing::unused(&kit, vec![(ROLE, permissions), (user, key.clone())]).await;
    let found = findings(&kit, "ACTIVE").await;
    assert_eq!(found.len(), 2);
    let of = |kind: &str| found.iter().find(|it| it["findingType"] == kind).unwrap()["id"].clone();
    let shown = done(
        &kit,
        "GetFindingV2",
        json!({"analyzerArn": UNUSED, "id": of("UnusedPermission"), "maxResults": 1}),
    )
    .await;
    assert_eq!(shown["findingDetails"][0]["unusedPermissionDetails"]["actions"][0]["action"], "s3:GetObject");
    let next = json!({"analyzerArn": UNUSED, "id": of("UnusedPermission"), "nextToken": shown["nextToken"]});
    let rest = done(&kit, "GetFindingV2", next).await;
    assert_eq!(rest["findingDetails"][0]["unusedPermissionDetails"]["serviceNamespace"], "sqs");
    let statistics = done(&kit, "GetFindingsStatistics", json!({"analyzerArn": UNUSED})).await;
    let unused = &statistics["findingsStatistics"][0]["unusedAccessFindingsStatistics"];
    assert_eq!(unused["totalActiveFindings"], 2);
    assert_eq!(unused["topAccounts"][0]["numberOfActiveFindings"], 2);
    let wrong = json!({"analyzerArn": UNUSED, "id": of("UnusedIAMUserAccessKey")});
    refused(&kit, "GenerateFindingRecommendation", wrong, "ValidationException").await;
    let early = json!({"analyzerArn": UNUSED, "id": of("UnusedPermission")});
    refused(&kit, "GetFindingRecommendation", early, "ResourceNotFoundException").await;

    testing::unused(&kit, vec![(user, key.clone())]).await;
    assert_eq!((findings(&kit, "ACTIVE").await.len(), findings(&kit, "RESOLVED").await.len()), (1, 1));
    done(
        &kit,
        "CreateArchiveRule",
        json!({"analyzerName": "u", "ruleName": "r", "filter": {"findingType": {"eq": ["UnusedIAMRole"]}}}),
    )
    .await;
    testing::unused(&kit, vec![(user, key), (ROLE, Details::Role { last: None })]).await;
    assert_eq!(findings(&kit, "ARCHIVED").await.len(), 1);
}
