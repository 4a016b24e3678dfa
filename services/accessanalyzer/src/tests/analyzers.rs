//! Analyzers, their rules and tags.

use super::*;

#[tokio::test]
async fn an_account_has_one_analyzer_of_a_type() {
    let kit = kit().await;
    let input = json!({"analyzerName": "a", "type": "ACCOUNT", "clientToken": "t", "tags": {"k": "v"}});
    let made = done(&kit, "CreateAnalyzer", input.clone()).await;
    assert_eq!(made["arn"], ARN);
    assert_eq!(done(&kit, "CreateAnalyzer", input).await["arn"], ARN, "the same request again");
    refused(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"}), "ConflictException")
        .await;
    let second = json!({"analyzerName": "b", "type": "ACCOUNT"});
    refused(&kit, "CreateAnalyzer", second, "ServiceQuotaExceededException").await;
    let unused = json!({"analyzerName": "u", "type": "ACCOUNT_UNUSED_ACCESS",
        "configuration": {"unusedAccess": {"unusedAccessAge": 30}}});
    done(&kit, "CreateAnalyzer", unused).await;
    let all = done(&kit, "ListAnalyzers", json!({})).await;
    assert_eq!(all["analyzers"].as_array().unwrap().len(), 2);
    let some = done(&kit, "ListAnalyzers", json!({"type": "ACCOUNT_UNUSED_ACCESS"})).await;
    assert_eq!(some["analyzers"][0]["configuration"]["unusedAccess"]["unusedAccessAge"], 30);
    let shown = done(&kit, "GetAnalyzer", json!({"analyzerName": "a"})).await;
    assert_eq!(
        (&shown["analyzer"]["status"], &shown["analyzer"]["tags"]["k"]),
        (&json!("ACTIVE"), &json!("v"))
    );
    done(&kit, "DeleteAnalyzer", json!({"analyzerName": "a"})).await;
    refused(&kit, "GetAnalyzer", json!({"analyzerName": "a"}), "ResourceNotFoundException").await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "b", "type": "ACCOUNT"})).await;
}

#[tokio::test]
async fn an_analyzer_with_tags_needs_leave_to_tag_and_the_role_needs_its_own() {
    let kit = kit().await;
    let allow = |action: &str| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    let linked = "iam:CreateServiceLinkedRole";
    let tagged = json!({"analyzerName": "a", "type": "ACCOUNT", "tags": {"k": "v"}});
    let make = json!([allow("access-analyzer:CreateAnalyzer"), allow(linked)]);
    let maker = kit.user("maker", make).await;
    let fault = kit.json(&maker, "accessanalyzer", "CreateAnalyzer", &tagged).await.unwrap_err();
    let expected = format!(
        "access-analyzer:TagResource on resource: {ARN} because no identity-based policy allows the \
         access-analyzer:TagResource action"
    );
    assert!(fault.message.ends_with(&expected), "{}", fault.message);
    // Without leave for the role that the service reads with, the refusal says why.
    let weak = kit.user("weak", json!([allow("access-analyzer:*")])).await;
    let fault = kit.json(&weak, "accessanalyzer", "CreateAnalyzer", &tagged).await.unwrap_err();
    let reason = format!("because no identity-based policy allows the {linked} action");
    assert!(fault.message.contains(linked) && fault.message.ends_with(&reason), "{}", fault.message);
    let both = kit.user("both", json!([allow("access-analyzer:*"), allow(linked)])).await;
    kit.json(&both, "accessanalyzer", "CreateAnalyzer", &tagged).await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let kit = kit().await;
    let unused = |age: i64| {
        json!({"analyzerName": "u", "type": "ACCOUNT_UNUSED_ACCESS",
            "configuration": {"unusedAccess": {"unusedAccessAge": age}}})
    };
    for input in [
        json!({"analyzerName": "a", "type": "ORGANIZATION"}),
        json!({"analyzerName": "a", "type": "ACCOUNT_INTERNAL_ACCESS"}),
        json!({"analyzerName": "a", "type": "ACCOUNT", "configuration": {"unusedAccess": {}}}),
        json!({"analyzerName": "a", "type": "ACCOUNT", "tags": {"aws:x": "y"}}),
        json!({"analyzerName": "a", "type": "ACCOUNT", "archiveRules": [{"ruleName": "r", "filter": {}}]}),
        unused(0),
        unused(366),
    ] {
        refused(&kit, "CreateAnalyzer", input, "ValidationException").await;
    }
    done(&kit, "CreateAnalyzer", unused(10)).await;
    let exclusions =
        json!({"unusedAccess": {"analysisRule": {"exclusions": [{"resourceTags": [{"team": "ops"}]}]}}});
    let changed =
        done(&kit, "UpdateAnalyzer", json!({"analyzerName": "u", "configuration": exclusions})).await;
    assert_eq!(changed["configuration"]["unusedAccess"]["unusedAccessAge"], 10);
    let another = json!({"analyzerName": "u", "configuration": {"unusedAccess": {"unusedAccessAge": 20}}});
    refused(&kit, "UpdateAnalyzer", another, "ValidationException").await;
    refused(&kit, "ListFindings", json!({"analyzerArn": ARN.replace("/a", "/u")}), "ValidationException")
        .await;
    let foreign = json!({"analyzerArn": ARN.replace("us-east-1", "eu-west-1")});
    refused(&kit, "ListFindingsV2", foreign, "ResourceNotFoundException").await;
}

#[tokio::test]
async fn the_role_is_made_only_by_who_may() {
    let kit = kit().await;
    let statement = json!([{"Effect": "Allow", "Action": "access-analyzer:*", "Resource": "*"}]);
    let bob = kit.user("bob", statement).await;
    let input = json!({"analyzerName": "a", "type": "ACCOUNT"});
    let fault = kit.json(&bob, "accessanalyzer", "CreateAnalyzer", &input).await.unwrap_err();
    assert!(fault.message.contains("iam:CreateServiceLinkedRole"), "{}", fault.message);
    done(&kit, "CreateAnalyzer", input.clone()).await;
    done(&kit, "DeleteAnalyzer", json!({"analyzerName": "a"})).await;
    kit.json(&bob, "accessanalyzer", "CreateAnalyzer", &input).await.expect("the role is there already");
}

#[tokio::test]
async fn tags_decide_where_policies_say_so() {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let statement = json!([{"Effect": "Allow", "Action": "access-analyzer:*", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "ops"}}}]);
    let bob = kit.user("bob", statement).await;
    let get = json!({"analyzerName": "a"});
    assert!(kit.json(&bob, "accessanalyzer", "GetAnalyzer", &get).await.is_err());
    done(&kit, "TagResource", json!({"resourceArn": ARN, "tags": {"team": "ops"}})).await;
    assert!(kit.json(&bob, "accessanalyzer", "GetAnalyzer", &get).await.is_ok());
    let tags = done(&kit, "ListTagsForResource", json!({"resourceArn": ARN})).await;
    assert_eq!(tags["tags"], json!({"team": "ops"}));
    done(&kit, "UntagResource", json!({"resourceArn": ARN, "tagKeys": ["team"]})).await;
    assert!(kit.json(&bob, "accessanalyzer", "GetAnalyzer", &get).await.is_err());
}

#[tokio::test]
async fn archive_rules_have_a_life() {
    let kit = kit().await;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let rule = |filter: Value| json!({"analyzerName": "a", "ruleName": "r", "filter": filter});
    let made = rule(json!({"isPublic": {"eq": ["true"]}}));
    // A stack finds it again in an analyzer that is not its own.
    assert_eq!(kit.receipts("accessanalyzer", "CreateArchiveRule", &made).await.unwrap(), ["r"]);
    refused(&kit, "CreateArchiveRule", rule(json!({"isPublic": {"eq": ["true"]}})), "ConflictException")
        .await;
    refused(&kit, "UpdateArchiveRule", rule(json!({"colour": {"eq": ["red"]}})), "ValidationException").await;
    done(&kit, "UpdateArchiveRule", rule(json!({"resource": {"contains": ["x"]}}))).await;
    let shown = done(&kit, "GetArchiveRule", json!({"analyzerName": "a", "ruleName": "r"})).await;
    assert_eq!(shown["archiveRule"]["filter"], json!({"resource": {"contains": ["x"]}}));
    let all = done(&kit, "ListArchiveRules", json!({"analyzerName": "a"})).await;
    assert_eq!(all["archiveRules"].as_array().unwrap().len(), 1);
    done(&kit, "DeleteArchiveRule", json!({"analyzerName": "a", "ruleName": "r"})).await;
    refused(
        &kit,
        "GetArchiveRule",
        json!({"analyzerName": "a", "ruleName": "r"}),
        "ResourceNotFoundException",
    )
    .await;
}

#[tokio::test]
async fn a_role_that_was_made_without_its_policy_gets_it() {
    use identity::records::{RoleRecord, keys};

    let kit = kit().await;
    let directory = kit.pipeline.directory().clone();
    let name = "AWSServiceRoleForAccessAnalyzer";
    let policies = || directory.role(kit.account, name).unwrap().unwrap().attached;
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "a", "type": "ACCOUNT"})).await;
    let whole = policies();
    assert_eq!(whole.len(), 1);
    let bare = RoleRecord { attached: Vec::new(), ..directory.role(kit.account, name).unwrap().unwrap() };
    let written: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| {
            directory.edit(tx, kit.account).put(keys::ROLES, &keys::named(kit.account, name), &bare)
        })
        .await;
    written.unwrap();
    assert!(policies().is_empty());
    done(&kit, "CreateAnalyzer", json!({"analyzerName": "u", "type": "ACCOUNT_UNUSED_ACCESS"})).await;
    assert_eq!(policies(), whole);
}
