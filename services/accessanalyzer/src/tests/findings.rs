//! The life of a finding, from what was seen to what is told. The reads themselves are tested from outside.

use super::*;
use crate::scan::testing;
use crate::scan::{Policy, Seen};

const OWN: &str = "123456789012";
const BUCKET: &str = "arn:aws:s3:::b";

fn bucket(principal: &Value) -> Seen {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]});
    Seen {
        arn: BUCKET.to_owned(),
        resource_type: "AWS::S3::Bucket",
        policy: Policy::Text(policy.to_string()),
        shielded: false,
    }
}

async fn findings(kit: &TestKit, filter: Value) -> Vec<Value> {
    let answer = done(kit, "ListFindings", json!({"analyzerArn": ARN, "filter": filter})).await;
    answer["findings"].as_array().unwrap().clone()
}

async fn analyzer(rules: Value) -> TestKit {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT", "archiveRules": rules}))
        .await;
    kit
}

#[tokio::test]
async fn a_finding_lives_as_long_as_the_access() {
    let kit = analyzer(json!([])).await;
    testing::settle(&kit, OWN, BUCKET, &[bucket(&json!("*"))]).await;
    let found = findings(&kit, json!({})).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["principal"], json!({"AWS": "*"}));
    assert_eq!((&found[0]["isPublic"], &found[0]["status"]), (&json!(true), &json!("ACTIVE")));
    assert_eq!(found[0]["sources"], json!([{"type": "POLICY"}]));
    let id = found[0]["id"].clone();
    let resource = json!({"analyzerArn": ARN, "resourceArn": BUCKET});
    assert_eq!(done(&kit, "GetAnalyzedResource", resource.clone()).await["resource"]["isPublic"], true);

    testing::settle(&kit, OWN, BUCKET, &[bucket(&json!({"AWS": "222222222222"}))]).await;
    let active = findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await;
    assert_eq!((active.len(), &active[0]["principal"]), (1, &json!({"AWS": "222222222222"})));
    let over = done(&kit, "GetFinding", json!({"analyzerArn": ARN, "id": id})).await;
    assert_eq!(over["finding"]["status"], "RESOLVED");

    testing::settle(&kit, OWN, BUCKET, &[bucket(&json!("*"))]).await;
    let back = done(&kit, "GetFindingV2", json!({"analyzerArn": ARN, "id": id})).await;
    assert_eq!((&back["status"], &back["findingType"]), (&json!("ACTIVE"), &json!("ExternalAccess")));
    assert_eq!(back["findingDetails"][0]["externalAccessDetails"]["isPublic"], true);

    testing::settle(&kit, OWN, BUCKET, &[]).await;
    assert!(findings(&kit, json!({"status": {"neq": ["RESOLVED"]}})).await.is_empty());
    refused(&kit, "GetAnalyzedResource", resource, "ResourceNotFoundException").await;
    kit.clock.advance_millis(91 * 24 * 60 * 60 * 1_000);
    testing::settle(&kit, OWN, BUCKET, &[]).await;
    assert!(findings(&kit, json!({})).await.is_empty(), "what is over is kept for 90 days");
}

#[tokio::test]
async fn what_its_owner_decided_stays() {
    let kit =
        analyzer(json!([{"ruleName": "r", "filter": {"principal.AWS": {"eq": ["333333333333"]}}}])).await;
    let seen = [bucket(&json!({"AWS": ["222222222222", "333333333333"]}))];
    testing::settle(&kit, OWN, BUCKET, &seen).await;
    let archived = findings(&kit, json!({"status": {"eq": ["ARCHIVED"]}})).await;
    assert_eq!((archived.len(), &archived[0]["principal"]), (1, &json!({"AWS": "333333333333"})));
    let active = findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await;
    let update = |status: &str, id: &Value| json!({"analyzerArn": ARN, "status": status, "ids": [id]});
    done(&kit, "UpdateFindings", update("ARCHIVED", &active[0]["id"])).await;
    done(&kit, "UpdateFindings", update("ACTIVE", &archived[0]["id"])).await;
    testing::settle(&kit, OWN, BUCKET, &seen).await;
    let now = findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await;
    assert_eq!((now.len(), &now[0]["id"]), (1, &archived[0]["id"]));
    done(&kit, "ApplyArchiveRule", json!({"analyzerArn": ARN, "ruleName": "r"})).await;
    assert!(findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await.is_empty());
    done(&kit, "UpdateFindings", json!({"analyzerArn": ARN, "status": "ACTIVE", "resourceArn": BUCKET}))
        .await;
    assert_eq!(findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await.len(), 2);
    for bad in [
        json!({"analyzerArn": ARN, "status": "ACTIVE"}),
        json!({"analyzerArn": ARN, "status": "ACTIVE", "ids": ["x"], "resourceArn": BUCKET}),
    ] {
        refused(&kit, "UpdateFindings", bad, "ValidationException").await;
    }
    refused(&kit, "UpdateFindings", update("ACTIVE", &json!("nobody")), "ResourceNotFoundException").await;
}

#[tokio::test]
async fn what_cannot_be_read_and_what_is_shielded() {
    let kit = analyzer(json!([])).await;
    let mut seen = bucket(&json!("*"));
    seen.policy = Policy::Unreadable("ACCESS_DENIED");
    testing::settle(&kit, OWN, BUCKET, &[seen]).await;
    let found = findings(&kit, json!({"error": {"exists": true}})).await;
    assert_eq!((found.len(), &found[0]["error"]), (1, &json!("ACCESS_DENIED")));
    assert!(found[0].get("principal").is_none_or(Value::is_null));
    let shielded = Seen { shielded: true, ..bucket(&json!("*")) };
    testing::settle(&kit, OWN, BUCKET, &[shielded]).await;
    assert!(findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await.is_empty());
    let narrow = Seen { shielded: true, ..bucket(&json!({"AWS": "222222222222"})) };
    testing::settle(&kit, OWN, BUCKET, &[narrow]).await;
    assert_eq!(findings(&kit, json!({"status": {"eq": ["ACTIVE"]}})).await.len(), 1);
    let statistics = done(&kit, "GetFindingsStatistics", json!({"analyzerArn": ARN})).await;
    let external = &statistics["findingsStatistics"][0]["externalAccessFindingsStatistics"];
    assert_eq!(
        (&external["totalActiveFindings"], &external["totalResolvedFindings"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(external["resourceTypeStatistics"]["AWS::S3::Bucket"]["totalActiveCrossAccount"], 1);
}

#[tokio::test]
async fn findings_come_sorted_page_by_page() {
    let kit = analyzer(json!([])).await;
    for at in 0..5 {
        let arn = format!("arn:aws:s3:::b{at}");
        let seen = Seen { arn: arn.clone(), ..bucket(&json!("*")) };
        testing::settle(&kit, OWN, &arn, &[seen]).await;
    }
    let mut names = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input = json!({"analyzerArn": ARN, "maxResults": 2, "sort": {"attributeName": "resource", "orderBy": "ASC"}});
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let page = done(&kit, "ListFindingsV2", input).await;
        names.extend(page["findings"].as_array().unwrap().iter().map(|it| it["resource"].clone()));
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(names, (0..5).map(|at| json!(format!("arn:aws:s3:::b{at}"))).collect::<Vec<_>>());
    let by_colour = json!({"analyzerArn": ARN, "sort": {"attributeName": "colour"}});
    refused(&kit, "ListFindingsV2", by_colour, "ValidationException").await;
    let all =
        done(&kit, "ListAnalyzedResources", json!({"analyzerArn": ARN, "resourceType": "AWS::S3::Bucket"}))
            .await;
    assert_eq!(all["analyzedResources"].as_array().unwrap().len(), 5);
    let resource = json!({"analyzerArn": ARN, "resourceArn": "arn:aws:sqs:us-east-1:123456789012:q"});
    refused(&kit, "StartResourceScan", resource, "ValidationException").await;
    let foreign = json!({"analyzerArn": ARN, "resourceArn": "arn:aws:iam::222222222222:role/r"});
    refused(&kit, "StartResourceScan", foreign, "ResourceNotFoundException").await;
}
