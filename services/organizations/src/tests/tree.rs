//! The tree: what may be made, moved, attached and deleted.

use protocol::Fault;
use serde_json::json;

use super::{account, administrator_of, ask, done, kit, organization, refused, text, unit};

const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;

#[tokio::test]
async fn units_and_accounts_have_one_place() {
    let kit = kit().await;
    refused(&kit, "DescribeOrganization", json!({}), "AWSOrganizationsNotInUseException").await;
    let root = organization(&kit).await;
    refused(&kit, "CreateOrganization", json!({}), "AlreadyInOrganizationException").await;
    let (dev, prod) = (unit(&kit, &root, "dev").await, unit(&kit, &root, "prod").await);
    let again = json!({"ParentId": root, "Name": "dev"});
    refused(&kit, "CreateOrganizationalUnit", again, "DuplicateOrganizationalUnitException").await;
    let member = account(&kit, "one").await;
    let to = |from: &str, to: &str| json!({"AccountId": member, "SourceParentId": from, "DestinationParentId": to});
    done(&kit, "MoveAccount", to(&root, &dev)).await;
    refused(&kit, "MoveAccount", to(&root, &prod), "SourceParentNotFoundException").await;
    refused(&kit, "MoveAccount", to(&dev, "ou-ab12-00000000"), "DestinationParentNotFoundException").await;
    refused(&kit, "MoveAccount", to(&dev, &dev), "DuplicateAccountException").await;
    let id = json!({"OrganizationalUnitId": dev});
    refused(&kit, "DeleteOrganizationalUnit", id, "OrganizationalUnitNotEmptyException").await;
    done(&kit, "DeleteOrganizationalUnit", json!({"OrganizationalUnitId": prod})).await;
    let parents = done(&kit, "ListParents", json!({"ChildId": member})).await;
    assert_eq!(parents["Parents"], json!([{"Id": dev, "Type": "ORGANIZATIONAL_UNIT"}]));
    let children = done(&kit, "ListChildren", json!({"ParentId": dev, "ChildType": "ACCOUNT"})).await;
    assert_eq!(children["Children"], json!([{"Id": member, "Type": "ACCOUNT"}]));
    refused(&kit, "DeleteOrganization", json!({}), "OrganizationNotEmptyException").await;
    done(&kit, "RemoveAccountFromOrganization", json!({"AccountId": member})).await;
    let gone = json!({"AccountId": member});
    refused(&kit, "DescribeAccount", gone, "AccountNotFoundException").await;
    done(&kit, "DeleteOrganization", json!({})).await;
    refused(&kit, "ListRoots", json!({}), "AWSOrganizationsNotInUseException").await;
}

#[tokio::test]
async fn an_organization_needs_leave_for_its_service_linked_role() {
    let kit = kit().await;
    let allow = |action: &str| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    let (linked, role) = ("iam:CreateServiceLinkedRole", "AWSServiceRoleForOrganizations");
    let weak = kit.user("weak", json!([allow("organizations:*")])).await;
    let fault = kit.json(&weak, "organizations", "CreateOrganization", &json!({})).await.unwrap_err();
    assert!(fault.message.contains(linked) && fault.message.contains(role), "{}", fault.message);
    refused(&kit, "DescribeOrganization", json!({}), "AWSOrganizationsNotInUseException").await;
    let both = json!([allow("organizations:*"), allow(linked)]);
    let maker = kit.user("maker", both).await;
    kit.json(&maker, "organizations", "CreateOrganization", &json!({})).await.unwrap();
    let made = kit.pipeline.directory().role(kit.account, role).unwrap().unwrap();
    assert_eq!(made.path, "/aws-service-role/organizations.amazonaws.com/");
    let member = account(&kit, "one").await.parse().unwrap();
    assert!(kit.pipeline.directory().role(member, role).unwrap().is_some());
}

fn reason(fault: &Fault) -> &str {
    let reason = fault.members.iter().find(|(name, _)| *name == "Reason");
    match reason {
        Some((_, protocol::Value::String(reason))) => reason,
        _ => panic!("{fault:?} has no reason"),
    }
}

#[tokio::test]
async fn a_refused_value_says_which_rule_it_breaks() {
    let kit = kit().await;
    let root = organization(&kit).await;
    for (operation, input, expected) in [
        ("TagResource", json!({"ResourceId": "zz", "Tags": []}), "INVALID_PATTERN"),
        ("CreateOrganizationalUnit", json!({"ParentId": root, "Name": ""}), "MIN_LENGTH_EXCEEDED"),
        ("CreateOrganizationalUnit", json!({"ParentId": root}), "INPUT_REQUIRED"),
        ("ListCreateAccountStatus", json!({"MaxResults": 21}), "MAX_VALUE_EXCEEDED"),
        (
            "AttachPolicy",
            json!({"PolicyId": "p-examplepolicyid111", "TargetId": "xx"}),
            "INVALID_PATTERN_TARGET_ID",
        ),
        ("ListPolicies", json!({"Filter": "NONE"}), "INVALID_ENUM_POLICY_TYPE"),
        ("ListAccounts", json!({"NextToken": "zz"}), "INVALID_NEXT_TOKEN"),
        (
            "CreateAccount",
            json!({"AccountName": "a", "Email": "a@example.com", "RoleName": "AWSServiceRoleForFoo"}),
            "INVALID_ROLE_NAME",
        ),
    ] {
        let fault = refused(&kit, operation, input, "InvalidInputException").await;
        assert_eq!(reason(&fault), expected, "{operation}");
    }
}

#[tokio::test]
async fn a_page_follows_in_its_own_listing_alone() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let other = unit(&kit, &root, "one").await;
    unit(&kit, &root, "two").await;
    unit(&kit, &other, "three").await;
    account(&kit, "four").await;
    let of = |parent: &str| json!({"ParentId": parent, "ChildType": "ORGANIZATIONAL_UNIT", "MaxResults": 1});
    for operation in ["ListOrganizationalUnitsForParent", "ListChildren"] {
        let mut asked = of(&root);
        if operation != "ListChildren" {
            asked.as_object_mut().unwrap().remove("ChildType");
        }
        let first = done(&kit, operation, asked.clone()).await;
        asked["NextToken"] = first["NextToken"].clone();
        let second = done(&kit, operation, asked.clone()).await;
        assert!(second["NextToken"].is_null() && first != second, "{second}");
        let mut elsewhere = vec![("ParentId", other.as_str())];
        if operation == "ListChildren" {
            elsewhere.push(("ChildType", "ACCOUNT"));
        }
        for (name, value) in elsewhere {
            let mut changed = asked.clone();
            changed[name] = json!(value);
            let fault = refused(&kit, operation, changed, "InvalidInputException").await;
            assert_eq!(reason(&fault), "INVALID_NEXT_TOKEN", "{operation} {name}");
        }
    }
}

#[tokio::test]
async fn units_end_five_levels_down() {
    let kit = kit().await;
    let mut parent = organization(&kit).await;
    for level in 0..5 {
        parent = unit(&kit, &parent, &format!("level-{level}")).await;
    }
    let deeper = json!({"ParentId": parent, "Name": "x"});
    refused(&kit, "CreateOrganizationalUnit", deeper, "ConstraintViolationException").await;
    // The deepest place is still one that an account can stand in and that its policies are found for.
    let member = account(&kit, "deep").await;
    let roots = done(&kit, "ListRoots", json!({})).await;
    let root = text(&roots, "/Roots/0/Id");
    let input = json!({"AccountId": member, "SourceParentId": root, "DestinationParentId": parent});
    done(&kit, "MoveAccount", input).await;
    let governance = kit.pipeline.directory().governance(member.parse().unwrap()).unwrap();
    assert!(governance.organization().is_some());
}

#[tokio::test]
async fn policies_are_attached_while_their_type_is_enabled() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let scp = "SERVICE_CONTROL_POLICY";
    let made = json!({"Name": "no-s3", "Description": "d", "Type": scp, "Content": DENY});
    let policy = text(&done(&kit, "CreatePolicy", made.clone()).await, "/Policy/PolicySummary/Id");
    refused(&kit, "CreatePolicy", made, "DuplicatePolicyException").await;
    let bad = json!({"Name": "bad", "Description": "", "Type": scp, "Content": "{}"});
    refused(&kit, "CreatePolicy", bad, "MalformedPolicyDocumentException").await;
    let attach = json!({"PolicyId": policy, "TargetId": root});
    refused(&kit, "AttachPolicy", attach.clone(), "PolicyTypeNotEnabledException").await;
    let kind = json!({"RootId": root, "PolicyType": scp});
    done(&kit, "EnablePolicyType", kind.clone()).await;
    refused(&kit, "EnablePolicyType", kind.clone(), "PolicyTypeAlreadyEnabledException").await;
    done(&kit, "AttachPolicy", attach.clone()).await;
    refused(&kit, "AttachPolicy", attach.clone(), "DuplicatePolicyAttachmentException").await;
    refused(&kit, "DeletePolicy", json!({"PolicyId": policy}), "PolicyInUseException").await;
    let full = json!({"PolicyId": "p-FullAWSAccess", "TargetId": root});
    done(&kit, "DetachPolicy", full.clone()).await;
    refused(&kit, "DetachPolicy", attach.clone(), "ConstraintViolationException").await;
    refused(&kit, "DetachPolicy", full, "PolicyNotAttachedException").await;
    let targets = done(&kit, "ListTargetsForPolicy", json!({"PolicyId": policy})).await;
    assert_eq!(targets["Targets"][0]["Type"], "ROOT");
    done(&kit, "DisablePolicyType", kind).await;
    done(&kit, "DeletePolicy", json!({"PolicyId": policy})).await;
}

/// AWS's numbers of May 2026: ten service control policies on one target, five resource control policies.
#[tokio::test]
async fn so_many_policies_are_attached_to_one_target() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let resource = DENY.replace(r#""Action""#, r#""Principal":"*","Action""#);
    for (kind, content, most) in
        [("SERVICE_CONTROL_POLICY", DENY, 10), ("RESOURCE_CONTROL_POLICY", &*resource, 5)]
    {
        done(&kit, "EnablePolicyType", json!({"RootId": root, "PolicyType": kind})).await;
        for at in 1..=most {
            let made =
                json!({"Name": format!("{kind}-{at}"), "Description": "", "Type": kind, "Content": content});
            let policy = text(&done(&kit, "CreatePolicy", made).await, "/Policy/PolicySummary/Id");
            let attach = json!({"PolicyId": policy, "TargetId": root});
            // AWS's own policy is one of them.
            match at < most {
                true => drop(done(&kit, "AttachPolicy", attach).await),
                false => drop(refused(&kit, "AttachPolicy", attach, "ConstraintViolationException").await),
            }
        }
    }
}

#[tokio::test]
async fn an_address_makes_one_account() {
    let kit = kit().await;
    organization(&kit).await;
    account(&kit, "one").await;
    let again = json!({"AccountName": "two", "Email": "ONE@example.com"});
    let status = done(&kit, "CreateAccount", again).await;
    assert_eq!(status["CreateAccountStatus"]["State"], "FAILED");
    assert_eq!(status["CreateAccountStatus"]["FailureReason"], "EMAIL_ALREADY_EXISTS");
    let failed = done(&kit, "ListCreateAccountStatus", json!({"States": ["FAILED"]})).await;
    assert_eq!(failed["CreateAccountStatuses"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn members_change_nothing_and_read_what_was_delegated() {
    let kit = kit().await;
    let root = organization(&kit).await;
    let member = account(&kit, "one").await;
    let them = administrator_of(&kit, &member);
    let theirs = |operation: &'static str, input| {
        let (kit, them) = (&kit, &them);
        async move { kit.json(them, "organizations", operation, &input).await }
    };
    assert!(theirs("DescribeOrganization", json!({})).await.is_ok());
    for (operation, input) in [
        ("ListAccounts", json!({})),
        ("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "x"})),
        ("CreateAccount", json!({"AccountName": "two", "Email": "two@example.com"})),
        ("RemoveAccountFromOrganization", json!({"AccountId": member})),
        ("EnablePolicyType", json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})),
    ] {
        assert_eq!(theirs(operation, input).await.unwrap_err().code, "AccessDeniedException", "{operation}");
    }
    let service = json!({"AccountId": member, "ServicePrincipal": "access-analyzer.amazonaws.com"});
    let untrusted =
        refused(&kit, "RegisterDelegatedAdministrator", service.clone(), "ConstraintViolationException")
            .await;
    assert_eq!(reason(&untrusted), "SERVICE_ACCESS_NOT_ENABLED");
    let trusted = json!({"ServicePrincipal": "access-analyzer.amazonaws.com"});
    done(&kit, "EnableAWSServiceAccess", trusted).await;
    let unknown = json!({"ServicePrincipal": "nonsense.amazonaws.com"});
    let unknown = refused(&kit, "EnableAWSServiceAccess", unknown, "InvalidInputException").await;
    assert_eq!(reason(&unknown), "UNRECOGNIZED_SERVICE_PRINCIPAL");
    let closed = account(&kit, "closed").await;
    done(&kit, "CloseAccount", json!({"AccountId": closed})).await;
    let closed = json!({"AccountId": closed, "ServicePrincipal": "access-analyzer.amazonaws.com"});
    let closed =
        refused(&kit, "RegisterDelegatedAdministrator", closed, "ConstraintViolationException").await;
    assert_eq!(reason(&closed), "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR");
    done(&kit, "RegisterDelegatedAdministrator", service.clone()).await;
    refused(&kit, "RegisterDelegatedAdministrator", service.clone(), "AccountAlreadyRegisteredException")
        .await;
    assert!(theirs("ListAccounts", json!({})).await.is_ok());
    let made = theirs("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "x"})).await;
    assert_eq!(made.unwrap_err().code, "AccessDeniedException");
    let left = theirs("LeaveOrganization", json!({})).await;
    assert_eq!(left.unwrap_err().code, "ConstraintViolationException");
    done(&kit, "DeregisterDelegatedAdministrator", service).await;
    assert!(theirs("LeaveOrganization", json!({})).await.is_ok());
    assert_eq!(
        ask(&kit, "LeaveOrganization", json!({})).await.unwrap_err().code,
        "MasterCannotLeaveOrganizationException"
    );
}
