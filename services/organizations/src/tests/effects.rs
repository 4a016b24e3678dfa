//! What control policies do to calls: at the next call, to members and not to the management account.

use std::sync::Arc;

use identity::Principal;
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{account, administrator_of, done, kit, organization, text, unit};

async fn enabled(kit: &TestKit) -> String {
    let root = organization(kit).await;
    done(kit, "EnablePolicyType", json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})).await;
    root
}

async fn policy(kit: &TestKit, name: &str, statement: Value) -> String {
    let content = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let input =
        json!({"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content});
    text(&done(kit, "CreatePolicy", input).await, "/Policy/PolicySummary/Id")
}

/// Whether they may describe the organization, and if not, why.
async fn describe(kit: &TestKit, who: &Arc<Principal>) -> Result<(), String> {
    let answer = kit.json(who, "organizations", "DescribeOrganization", &json!({})).await;
    answer.map(|_| ()).map_err(|fault| fault.message)
}

#[tokio::test]
async fn what_is_made_with_tags_needs_leave_to_tag_it() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let tags = json!([{"Key": "team", "Value": "a"}]);
    let content = json!({"Version": "2012-10-17", "Statement": [deny()]}).to_string();
    let creations = [
        ("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "dev"}), "ou/o-*/ou-*"),
        ("CreateAccount", json!({"AccountName": "two", "Email": "two@example.com"}), "account/o-*/*"),
        (
            "CreatePolicy",
            json!({"Name": "p", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content}),
            "policy/o-*/service_control_policy/p-*",
        ),
    ];
    let make = json!({"Effect": "Allow", "Action": "organizations:Create*", "Resource": "*"});
    let maker = kit.user("maker", json!([make])).await;
    for (operation, mut input, resource) in creations {
        input["Tags"] = tags.clone();
        let fault = kit.json(&maker, "organizations", operation, &input).await.unwrap_err();
        let expected = "is not authorized to perform: organizations:TagResource on resource: * because no";
        assert!(fault.message.contains(expected), "{operation}: {}", fault.message);
        // Leave for other tags, or for another kind of thing, is none.
        let tag = |resource: &str, value: &str| {
            json!({"Effect": "Allow", "Action": "organizations:TagResource", "Resource": resource,
                "Condition": {"StringEquals": {"aws:RequestTag/team": value}}})
        };
        let resource = format!("arn:aws:organizations::123456789012:{resource}");
        for (at, (statement, may)) in [
            (tag(&resource, "b"), false),
            (tag("arn:aws:organizations::*:root/*", "a"), false),
            (tag(&resource, "a"), true),
        ]
        .into_iter()
        .enumerate()
        {
            let who = kit.user(&format!("{operation}-{at}"), json!([make, statement])).await;
            let answer = kit.json(&who, "organizations", operation, &input).await;
            assert_eq!(answer.is_ok(), may, "{operation} {statement}: {answer:?}");
        }
    }
    // Without tags nothing more is asked.
    let plain = json!({"ParentId": root, "Name": "plain"});
    kit.json(&maker, "organizations", "CreateOrganizationalUnit", &plain).await.unwrap();
}

fn deny() -> Value {
    json!({"Effect": "Deny", "Action": "organizations:DescribeOrganization", "Resource": "*"})
}

#[tokio::test]
async fn a_denial_anywhere_above_binds_members_only() {
    let kit = kit().await;
    let root = enabled(&kit).await;
    let dev = unit(&kit, &root, "dev").await;
    let member = account(&kit, "one").await;
    let them = administrator_of(&kit, &member);
    let no = policy(&kit, "no", deny()).await;
    for target in [&root, &dev, &member] {
        let parents = done(&kit, "ListParents", json!({"ChildId": member})).await;
        let here = text(&parents, "/Parents/0/Id");
        if here == root && *target == dev {
            let to = json!({"AccountId": member, "SourceParentId": root, "DestinationParentId": dev});
            done(&kit, "MoveAccount", to).await;
        }
        assert_eq!(describe(&kit, &them).await, Ok(()), "before it is attached to {target}");
        done(&kit, "AttachPolicy", json!({"PolicyId": no, "TargetId": target})).await;
        let why = describe(&kit, &them).await.unwrap_err();
        let arn =
            text(&done(&kit, "DescribePolicy", json!({"PolicyId": no})).await, "/Policy/PolicySummary/Arn");
        let named = format!("with an explicit deny in a service control policy: {arn}");
        assert!(why.ends_with(&named), "{target}: {why}");
        assert_eq!(describe(&kit, &kit.administrator()).await, Ok(()), "the management account");
        done(&kit, "DetachPolicy", json!({"PolicyId": no, "TargetId": target})).await;
    }
}

#[tokio::test]
async fn every_level_must_allow() {
    let kit = kit().await;
    let root = enabled(&kit).await;
    let member = account(&kit, "one").await;
    let them = administrator_of(&kit, &member);
    let other = policy(&kit, "other", json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})).await;
    for target in [&root, &member] {
        done(&kit, "AttachPolicy", json!({"PolicyId": other, "TargetId": target})).await;
        done(&kit, "DetachPolicy", json!({"PolicyId": "p-FullAWSAccess", "TargetId": target})).await;
        let why = describe(&kit, &them).await.unwrap_err();
        assert!(why.contains("because no service control policy allows"), "{why}");
        done(&kit, "AttachPolicy", json!({"PolicyId": "p-FullAWSAccess", "TargetId": target})).await;
        assert_eq!(describe(&kit, &them).await, Ok(()));
    }
}

#[tokio::test]
async fn a_closed_account_is_refused_at_the_next_call() {
    let kit = kit().await;
    organization(&kit).await;
    let member = account(&kit, "one").await;
    let them = administrator_of(&kit, &member);
    assert_eq!(describe(&kit, &them).await, Ok(()));
    done(&kit, "CloseAccount", json!({"AccountId": member})).await;
    assert_eq!(describe(&kit, &them).await, Err("The account is closed".to_owned()));
    let shown = done(&kit, "DescribeAccount", json!({"AccountId": member})).await;
    assert_eq!(shown["Account"]["Status"], "SUSPENDED");
    super::refused(&kit, "CloseAccount", json!({"AccountId": member}), "AccountAlreadyClosedException").await;
    // Ten in thirty days, whatever the size.
    for number in 1..10 {
        let next = account(&kit, &format!("n{number}")).await;
        done(&kit, "CloseAccount", json!({"AccountId": next})).await;
    }
    let more = account(&kit, "more").await;
    let too_many = json!({"AccountId": more});
    super::refused(&kit, "CloseAccount", too_many.clone(), "ConstraintViolationException").await;
    kit.clock.advance_millis(30 * 86_400_000);
    done(&kit, "CloseAccount", too_many).await;
}

#[tokio::test]
async fn service_linked_roles_are_not_bound() {
    let kit = kit().await;
    let root = enabled(&kit).await;
    let member = account(&kit, "one").await;
    let no = policy(&kit, "no", deny()).await;
    done(&kit, "AttachPolicy", json!({"PolicyId": no, "TargetId": root})).await;
    let Principal::AssumedRole(them) = &*administrator_of(&kit, &member) else { panic!("a session") };
    let linked = identity::AssumedRole::new(
        them.account,
        "/aws-service-role/x.amazonaws.com/",
        them.role_name.as_str(),
        them.role_id.as_str(),
        "s",
    );
    assert_eq!(describe(&kit, &Arc::new(Principal::AssumedRole(linked))).await, Ok(()));
    assert!(describe(&kit, &administrator_of(&kit, &member)).await.is_err());
}

#[tokio::test]
async fn the_callers_place_is_a_condition_key() {
    let kit = kit().await;
    let root = enabled(&kit).await;
    let described = done(&kit, "DescribeOrganization", json!({})).await;
    let id = text(&described, "/Organization/Id");
    let member = account(&kit, "one").await;
    let them = administrator_of(&kit, &member);
    for (name, condition, denied) in [
        ("same", json!({"StringEquals": {"aws:PrincipalOrgID": id}}), true),
        ("other", json!({"StringNotEquals": {"aws:PrincipalOrgID": id}}), false),
        (
            "path",
            json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": format!("{id}/{root}/*")}}),
            true,
        ),
        ("resource", json!({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}), true),
    ] {
        let mut statement = deny();
        statement["Condition"] = condition;
        let policy = policy(&kit, name, statement).await;
        done(&kit, "AttachPolicy", json!({"PolicyId": policy, "TargetId": member})).await;
        assert_eq!(describe(&kit, &them).await.is_err(), denied, "{name}");
        done(&kit, "DetachPolicy", json!({"PolicyId": policy, "TargetId": member})).await;
    }
}

#[tokio::test]
async fn a_new_account_shares_nothing() {
    let kit = kit().await;
    organization(&kit).await;
    let (one, two) = (account(&kit, "one").await, account(&kit, "two").await);
    assert_ne!(one, two);
    // The role of one account is nobody in another.
    let Principal::AssumedRole(them) = &*administrator_of(&kit, &one) else { panic!("a session") };
    let stolen = identity::AssumedRole::new(
        two.parse().unwrap(),
        "/",
        them.role_name.as_str(),
        them.role_id.as_str(),
        "s",
    );
    assert!(describe(&kit, &Arc::new(Principal::AssumedRole(stolen))).await.is_err());
}
