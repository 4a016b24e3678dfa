//! Who may assume which role, and what the session is.

use std::sync::Arc;

use identity::records::{InlinePolicy, UserRecord, keys};
use identity::{DirectoryError, Principal, User};
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{allow, assume, kit, kit_with_role};

const DENIED: &str = "User: arn:aws:iam::123456789012:user/ana is not authorized to perform: sts:AssumeRole on \
     resource: arn:aws:iam::123456789012:role/target";

#[tokio::test]
async fn trust_in_the_account_needs_leave_of_the_user_too() {
    let kit = kit_with_role().await;
    let ana = kit.user("ana", json!([])).await;
    let fault = assume(&kit, &ana, json!({})).await.unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.status), ("AccessDenied", 403));
    assert!(fault.message.starts_with(DENIED), "{}", fault.message);
    let bob = kit.user("bob", allow("sts:AssumeRole")).await;
    let answer = assume(&kit, &bob, json!({})).await.unwrap();
    assert_eq!(answer["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/target/session");
    assert!(answer["AssumedRoleUser"]["AssumedRoleId"].as_str().unwrap().ends_with(":session"));
}

#[tokio::test]
async fn trust_in_the_user_by_name_is_enough() {
    let kit = kit().await;
    kit.role("target", json!({"AWS": "arn:aws:iam::123456789012:user/ana"}), json!([])).await;
    let ana = kit.user("ana", json!([])).await;
    assert!(assume(&kit, &ana, json!({})).await.is_ok());
    let bob = kit.user("bob", allow("sts:AssumeRole")).await;
    assert_eq!(assume(&kit, &bob, json!({})).await.unwrap_err().code, "AccessDenied");
}

#[tokio::test]
async fn a_role_that_is_not_there_cannot_be_told_from_one_that_does_not_trust() {
    let kit = kit().await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let absent = assume(&kit, &ana, json!({})).await.unwrap_err();
    kit.role("target", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    let untrusting = assume(&kit, &ana, json!({})).await.unwrap_err();
    assert_eq!((absent.code, absent.message), (untrusting.code, untrusting.message));
}

#[tokio::test]
async fn root_users_assume_no_role() {
    let kit = kit_with_role().await;
    let fault = assume(&kit, &kit.administrator(), json!({})).await.unwrap_err();
    assert_eq!(fault.message, "Roles may not be assumed by root accounts.");
    assert_eq!(fault.code, "AccessDenied");
}

#[tokio::test]
async fn input_is_checked_in_awss_words() {
    let kit = kit_with_role().await;
    let ana = kit.user("ana", allow("sts:*")).await;
    let table = [
        (json!({"RoleArn": "arn:aws:iam::123456789012:user/target"}), "ValidationError", "is invalid"),
        (json!({"DurationSeconds": 899}), "ValidationError", "greater than or equal to 900"),
        (json!({"DurationSeconds": 3_601}), "ValidationError", "MaxSessionDuration set for this role"),
        (json!({"RoleSessionName": "a b"}), "ValidationError", "roleSessionName"),
        (json!({"Policy": "{"}), "MalformedPolicyDocument", ""),
        (
            json!({"PolicyArns": [{"arn": "arn:aws:iam::123456789012:policy/none"}]}),
            "ValidationError",
            "does not exist",
        ),
        (
            json!({"SerialNumber": "arn:aws:iam::123456789012:mfa/x", "TokenCode": "123456"}),
            "AccessDenied",
            "MFA",
        ),
    ];
    for (input, code, words) in table {
        let fault = assume(&kit, &ana, input.clone()).await.expect_err(&input.to_string());
        assert!(
            fault.code == code || fault.code == format!("{code}Exception"),
            "{input}: {} {}",
            fault.code,
            fault.message
        );
        assert!(fault.message.contains(words), "{input}: {}", fault.message);
    }
}

#[tokio::test]
async fn tags_and_source_identity_need_leave_of_their_own() {
    let kit = kit_with_role().await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let tagged = json!({"Tags": [{"Key": "team", "Value": "a"}]});
    let fault = assume(&kit, &ana, tagged.clone()).await.unwrap_err();
    assert!(fault.message.contains("sts:TagSession"), "{}", fault.message);
    let named = json!({"SourceIdentity": "ana"});
    let fault = assume(&kit, &ana, named).await.unwrap_err();
    assert!(fault.message.contains("sts:SetSourceIdentity"), "{}", fault.message);
}

#[tokio::test]
async fn conditions_see_the_name_and_the_external_id() {
    let kit = kit_with_role().await;
    let statement = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"StringEquals": {"sts:ExternalId": "e1", "sts:RoleSessionName": "session"}}}]);
    let ana = kit.user("ana", statement).await;
    assert!(assume(&kit, &ana, json!({"ExternalId": "e1"})).await.is_ok());
    assert!(assume(&kit, &ana, json!({"ExternalId": "e2"})).await.is_err());
    assert!(assume(&kit, &ana, json!({})).await.is_err());
    assert!(assume(&kit, &ana, json!({"ExternalId": "e1", "RoleSessionName": "other"})).await.is_err());
}

/// A user of another account, with these statements.
async fn foreigner(kit: &TestKit, name: &str, statements: Value) -> Arc<Principal> {
    let account = "210987654321".parse().unwrap();
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let record = UserRecord {
        name: name.to_owned(),
        path: "/".to_owned(),
        user_id: format!("AIDA{name}"),
        created_at: kit.clock.now(),
        tags: vec![],
        inline: vec![InlinePolicy { name: "inline".to_owned(), document }],
        attached: vec![],
        groups: vec![],
        boundary: None,
    };
    let directory = kit.pipeline.directory();
    let written: Result<(), DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| directory.edit(tx, account).put(keys::USERS, &keys::named(account, name), &record))
        .await;
    written.unwrap();
    Arc::new(Principal::User(User::new(account, "/", name, format!("AIDA{name}"), "AKIATEST")))
}

#[tokio::test]
async fn between_accounts_both_sides_must_agree() {
    let table = [
        // The trust policy's principal, the user's leave, and whether that is enough.
        (json!({"AWS": "210987654321"}), "sts:AssumeRole", true),
        (json!({"AWS": "210987654321"}), "s3:*", false),
        (json!({"AWS": "arn:aws:iam::210987654321:user/eve"}), "s3:*", false),
        (json!({"AWS": "arn:aws:iam::210987654321:user/eve"}), "sts:AssumeRole", true),
        (json!({"AWS": "arn:aws:iam::210987654321:user/other"}), "sts:AssumeRole", false),
        (json!({"AWS": "123456789012"}), "sts:*", false),
    ];
    for (trusted, action, allowed) in table {
        let kit = kit().await;
        kit.role("target", trusted.clone(), json!([])).await;
        let eve = foreigner(&kit, "eve", allow(action)).await;
        let answer = assume(&kit, &eve, json!({})).await;
        assert_eq!(answer.is_ok(), allowed, "{trusted} and {action}: {answer:?}");
    }
}

#[tokio::test]
async fn a_service_is_let_in_by_trust_alone() {
    let kit = kit().await;
    kit.role("target", json!({"Service": "lambda.amazonaws.com"}), json!([])).await;
    let service =
        |name: &str| Arc::new(Principal::service(name, "arn:aws:lambda:us-east-1:1:function:f", kit.account));
    assert!(assume(&kit, &service("lambda.amazonaws.com"), json!({})).await.is_ok());
    assert!(assume(&kit, &service("ec2.amazonaws.com"), json!({})).await.is_err());
}

#[tokio::test]
async fn roles_of_other_accounts_are_looked_at_last() {
    let kit = kit().await;
    kit.role("target", json!({"AWS": "999999999999"}), json!([])).await;
    let eve = foreigner(&kit, "eve", allow("*")).await;
    let of = |name: &str| json!({"RoleArn": format!("arn:aws:iam::123456789012:role/{name}"), "RoleSessionName": "session"});
    let both = (&of("target"), &of("absent"));
    kit.looks_alone_first(&eve, ("sts", "AssumeRole"), both, ("role/target", "role/absent"));
}
