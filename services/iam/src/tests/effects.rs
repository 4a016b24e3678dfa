//! What is written here is in force for the next call: granted, narrowed, withdrawn.

use std::sync::Arc;

use identity::{CredentialSource as _, FederatedSession, Principal, Session, Subject};
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{LAMBDA_TRUST, done, kit, policy, user};

fn allow(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
        .to_string()
}

/// The user as it signs with a key of its own.
async fn caller(kit: &TestKit, name: &str) -> Arc<Principal> {
    let made = done(kit, "CreateAccessKey", json!({"UserName": name})).await;
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    kit.pipeline.directory().credential(&id, None, kit.clock.now()).unwrap().principal
}

async fn may(kit: &TestKit, who: &Arc<Principal>, operation: &str, input: Value) -> bool {
    match kit.json(who, "iam", operation, &input).await {
        Ok(_) => true,
        Err(fault) if fault.code == "AccessDenied" => false,
        Err(fault) => panic!("{operation}: {fault:?}"),
    }
}

#[tokio::test]
async fn every_kind_of_grant_works_at_once_and_ends_at_once() {
    let kit = kit().await;
    user(&kit, "ana").await;
    let ana = caller(&kit, "ana").await;
    let list = || may(&kit, &ana, "ListUsers", json!({}));
    assert!(!list().await, "nothing granted");

    done(
        &kit,
        "PutUserPolicy",
        json!({"UserName": "ana", "PolicyName": "i", "PolicyDocument": allow("iam:ListUsers")}),
    )
    .await;
    assert!(list().await, "inline");
    done(&kit, "DeleteUserPolicy", json!({"UserName": "ana", "PolicyName": "i"})).await;
    assert!(!list().await, "inline withdrawn");

    let arn = policy(&kit, "p").await;
    done(&kit, "AttachUserPolicy", json!({"UserName": "ana", "PolicyArn": arn})).await;
    assert!(!list().await, "attached, and about something else");
    let version = json!({"PolicyArn": arn, "PolicyDocument": allow("iam:List*"), "SetAsDefault": true});
    done(&kit, "CreatePolicyVersion", version).await;
    assert!(list().await, "another version in force");
    done(&kit, "SetDefaultPolicyVersion", json!({"PolicyArn": arn, "VersionId": "v1"})).await;
    assert!(!list().await, "and back");
    done(&kit, "SetDefaultPolicyVersion", json!({"PolicyArn": arn, "VersionId": "v2"})).await;
    done(&kit, "DetachUserPolicy", json!({"UserName": "ana", "PolicyArn": arn})).await;
    assert!(!list().await, "detached");

    done(&kit, "CreateGroup", json!({"GroupName": "g"})).await;
    done(&kit, "AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn})).await;
    done(&kit, "AddUserToGroup", json!({"GroupName": "g", "UserName": "ana"})).await;
    assert!(list().await, "through a group");
    done(&kit, "UpdateGroup", json!({"GroupName": "g", "NewGroupName": "h"})).await;
    assert!(list().await, "through a renamed group");
    let boundary =
        done(&kit, "CreatePolicy", json!({"PolicyName": "b", "PolicyDocument": allow("s3:*")})).await;
    let boundary = boundary["Policy"]["Arn"].clone();
    done(&kit, "PutUserPermissionsBoundary", json!({"UserName": "ana", "PermissionsBoundary": boundary}))
        .await;
    assert!(!list().await, "outside its boundary");
    done(&kit, "DeleteUserPermissionsBoundary", json!({"UserName": "ana"})).await;
    assert!(list().await, "without a boundary");
    done(&kit, "RemoveUserFromGroup", json!({"GroupName": "h", "UserName": "ana"})).await;
    assert!(!list().await, "out of the group");
}

#[tokio::test]
async fn tags_of_target_and_caller_decide() {
    let kit = kit().await;
    user(&kit, "ana").await;
    user(&kit, "bob").await;
    let same_team = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}}]});
    done(
        &kit,
        "PutUserPolicy",
        json!({"UserName": "ana", "PolicyName": "i", "PolicyDocument": same_team.to_string()}),
    )
    .await;
    let tag = |name: &str, team: &str| json!({"UserName": name, "Tags": [{"Key": "team", "Value": team}]});
    let made = done(&kit, "CreateAccessKey", json!({"UserName": "ana"})).await;
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    let get = async || {
        let found = kit.pipeline.directory().credential(&id, None, kit.clock.now()).unwrap();
        may(&kit, &found.principal, "GetUser", json!({"UserName": "bob"})).await
    };
    assert!(!get().await, "no tags");
    done(&kit, "TagUser", tag("ana", "red")).await;
    done(&kit, "TagUser", tag("bob", "blue")).await;
    assert!(!get().await, "other teams");
    done(&kit, "TagUser", tag("bob", "red")).await;
    assert!(get().await, "the same team");
    done(&kit, "UntagUser", json!({"UserName": "bob", "TagKeys": ["team"]})).await;
    assert!(!get().await, "untagged");
}

#[tokio::test]
async fn leave_can_be_bound_to_the_policy_that_is_attached() {
    let kit = kit().await;
    let only = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
    let ana = kit
        .user(
            "ana",
            json!([{"Effect": "Allow", "Action": "iam:AttachRolePolicy", "Resource": "*",
            "Condition": {"ArnEquals": {"iam:PolicyARN": only}}}]),
        )
        .await;
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST})).await;
    let attach = |arn: &str| json!({"RoleName": "r", "PolicyArn": arn});
    assert!(may(&kit, &ana, "AttachRolePolicy", attach(only)).await);
    assert!(
        !may(&kit, &ana, "AttachRolePolicy", attach("arn:aws:iam::aws:policy/AdministratorAccess")).await
    );
}

#[tokio::test]
async fn a_session_of_a_users_key_cannot_make_keys() {
    let kit = kit().await;
    user(&kit, "ana").await;
    done(
        &kit,
        "AttachUserPolicy",
        json!({"UserName": "ana", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )
    .await;
    let record = kit.pipeline.directory().user(kit.account, "ana").unwrap().unwrap();
    let session = |mfa| Session {
        account: kit.account,
        subject: Subject::User { name: "ana".into(), user_id: record.user_id.clone() },
        issued_at: kit.clock.now(),
        expires_at: kit.clock.now().plus_secs(900),
        mfa,
    };
    for (mfa, allowed) in [(false, false), (true, true)] {
        let directory = kit.pipeline.directory();
        let made = directory.tokens().issue(&session(mfa)).unwrap();
        let token = made.session_token.expose();
        let who = directory.credential(&made.access_key_id, Some(token), kit.clock.now()).unwrap().principal;
        let answer = kit.json(&who, "iam", "CreateAccessKey", &json!({"UserName": "ana"})).await;
        assert_eq!(answer.is_ok(), allowed, "second factor: {mfa}");
    }
}

/// A session is the user's who got it, under whatever name; whoever takes the old name is somebody else.
#[tokio::test]
async fn sessions_go_on_where_their_user_is_renamed() {
    let kit = kit().await;
    user(&kit, "ana").await;
    let put = json!({"UserName": "ana", "PolicyName": "p", "PolicyDocument": allow("iam:*")});
    done(&kit, "PutUserPolicy", put).await;
    let directory = kit.pipeline.directory();
    let id = directory.user(kit.account, "ana").unwrap().unwrap().user_id;
    let issue = |subject| {
        let session = Session {
            account: kit.account,
            subject,
            issued_at: kit.clock.now(),
            expires_at: kit.clock.now().plus_secs(900),
            mfa: true,
        };
        directory.tokens().issue(&session).unwrap()
    };
    let own = issue(Subject::User { name: "ana".into(), user_id: id.clone() });
    let lent = issue(Subject::Federated(Box::new(FederatedSession {
        name: "friend".into(),
        lender: Some(("ana".into(), id.clone())),
        policies: vec![allow("*")],
        ..FederatedSession::default()
    })));
    let arns = || {
        [&own, &lent].map(|made| {
            let token = made.session_token.expose();
            let found = directory.credential(&made.access_key_id, Some(token), kit.clock.now());
            found.ok().map(|found| found.principal)
        })
    };
    let rename = json!({"UserName": "ana", "NewUserName": "anna", "NewPath": "/team/"});
    done(&kit, "UpdateUser", rename).await;
    for taken in [false, true] {
        if taken {
            user(&kit, "ana").await;
        }
        let [own, lent] = arns().map(Option::unwrap);
        assert_eq!(own.arn(), "arn:aws:iam::123456789012:user/team/anna");
        assert!(may(&kit, &own, "GetUser", json!({"UserName": "anna"})).await);
        assert_eq!(directory.policies_for(&lent).unwrap().identity().len(), 1);
    }
    done(&kit, "DeleteUserPolicy", json!({"UserName": "anna", "PolicyName": "p"})).await;
    done(&kit, "DeleteUser", json!({"UserName": "anna"})).await;
    assert_eq!(arns(), [None, None], "with the user they end, whoever has its name");
}

#[tokio::test]
async fn users_and_policies_outlive_a_restart() {
    use base::Clock;
    use service::testkit::START;
    let clock = Clock::manual(START);
    let store = store::Store::ephemeral_at(clock.clone()).unwrap();
    let build = |on: &service::testkit::Foundation| vec![crate::service(on.directory.clone())];
    let first = TestKit::over(store.clone(), clock.clone(), service::Rate::DEFAULT, build).await;
    user(&first, "ana").await;
    policy(&first, "p").await;
    drop(first);
    let second = TestKit::over(store, clock, service::Rate::DEFAULT, build).await;
    assert_eq!(done(&second, "GetUser", json!({"UserName": "ana"})).await["User"]["UserName"], "ana");
    done(
        &second,
        "AttachUserPolicy",
        json!({"UserName": "ana", "PolicyArn": "arn:aws:iam::123456789012:policy/p"}),
    )
    .await;
}

#[tokio::test]
async fn a_refusal_does_not_tell_what_exists() {
    let kit = kit().await;
    for (kind, extra) in [
        ("User", json!({})),
        ("Group", json!({})),
        ("Role", json!({"AssumeRolePolicyDocument": LAMBDA_TRUST})),
    ] {
        let mut input = extra;
        input[format!("{kind}Name")] = json!("known");
        input["Path"] = json!("/hidden/");
        done(&kit, &format!("Create{kind}"), input).await;
    }
    let nobody = kit.user("nobody", json!([])).await;
    for operation in
        ["GetUser", "DeleteUser", "UpdateUser", "GetRole", "DeleteRole", "GetGroup", "UpdateGroup"]
    {
        let kind =
            operation.trim_start_matches(|c: char| c.is_uppercase()).trim_start_matches(char::is_lowercase);
        let told = async |name: &str| {
            let input = json!({format!("{kind}Name"): name});
            let fault = kit.json(&nobody, "iam", operation, &input).await.unwrap_err();
            assert_eq!(fault.code, "AccessDenied");
            fault.message.replace(name, "NAME")
        };
        assert_eq!(told("known").await, told("other").await, "{operation}");
    }
}

#[tokio::test]
async fn a_group_that_is_renamed_stays_below_its_path() {
    let kit = kit().await;
    done(&kit, "CreateGroup", json!({"GroupName": "a", "Path": "/dev/"})).await;
    let dev = json!([{"Effect": "Allow", "Action": "iam:UpdateGroup", "Resource": "arn:aws:iam::*:group/dev/*"},
        {"Effect": "Deny", "Action": "iam:UpdateGroup", "Resource": "arn:aws:iam::*:group/dev/taken*"}]);
    let dev = kit.user("dev", dev).await;
    let rename = |to: &str| json!({"GroupName": "a", "NewGroupName": to});
    assert!(!may(&kit, &dev, "UpdateGroup", rename("taken-1")).await);
    assert!(may(&kit, &dev, "UpdateGroup", rename("free")).await);
}
