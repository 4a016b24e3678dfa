//! Managed policies, versions and attachments.

use serde_json::json;

use super::{LAMBDA_TRUST, READ, done, kit, names, policy, refused, user};

const BASIC: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

#[tokio::test]
async fn versions_are_five_at_most_and_one_is_in_force() {
    let kit = kit().await;
    let arn = policy(&kit, "p").await;
    refused(
        &kit,
        "CreatePolicy",
        json!({"PolicyName": "P", "PolicyDocument": READ}),
        "EntityAlreadyExists",
        "A policy called P already exists. Duplicate names are not allowed.",
    )
    .await;
    for at in 2..=5 {
        let made = done(
            &kit,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": READ, "SetAsDefault": at == 3}),
        )
        .await;
        assert_eq!(made["PolicyVersion"]["VersionId"], format!("v{at}"));
    }
    refused(
        &kit,
        "CreatePolicyVersion",
        json!({"PolicyArn": arn, "PolicyDocument": READ}),
        "LimitExceeded",
        "A managed policy can have up to 5 versions.",
    )
    .await;
    let told = done(&kit, "GetPolicy", json!({"PolicyArn": arn})).await;
    assert_eq!(told["Policy"]["DefaultVersionId"], "v3");
    let listed = done(&kit, "ListPolicyVersions", json!({"PolicyArn": arn})).await;
    assert_eq!(names(&listed, "Versions", "VersionId"), ["v5", "v4", "v3", "v2", "v1"]);
    let of = |id: &str| json!({"PolicyArn": arn, "VersionId": id});
    refused(
        &kit,
        "DeletePolicyVersion",
        of("v3"),
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    )
    .await;
    refused(&kit, "DeletePolicy", json!({"PolicyArn": arn}), "DeleteConflict", "more than one version").await;
    done(&kit, "SetDefaultPolicyVersion", of("v5")).await;
    for id in ["v1", "v2", "v3", "v4"] {
        done(&kit, "DeletePolicyVersion", of(id)).await;
    }
    refused(&kit, "GetPolicyVersion", of("v1"), "NoSuchEntity", "version v1").await;
    // A number is never given twice.
    let made = done(&kit, "CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": READ})).await;
    assert_eq!(made["PolicyVersion"]["VersionId"], "v6");
    done(&kit, "DeletePolicyVersion", of("v6")).await;
    done(&kit, "DeletePolicy", json!({"PolicyArn": arn})).await;
    refused(
        &kit,
        "GetPolicy",
        json!({"PolicyArn": arn}),
        "NoSuchEntity",
        &format!("Policy {arn} was not found."),
    )
    .await;
}

#[tokio::test]
async fn documents_are_checked_when_they_come() {
    let kit = kit().await;
    let make = |document: &str| json!({"PolicyName": "p", "PolicyDocument": document});
    for (document, words) in [
        ("{", "Syntax errors in policy."),
        (LAMBDA_TRUST, "Policy document should not specify a principal."),
        (&READ.replace("dynamodb:GetItem", "GetItem"), "Actions/Conditions must be prefaced by a vendor"),
        (&READ.replace(r#""Resource":"*""#, r#""Resource":"x""#), "must be in ARN format"),
    ] {
        refused(&kit, "CreatePolicy", make(document), "MalformedPolicyDocument", words).await;
    }
    let actions = vec![r#""dynamodb:GetItem""#; 400].join(",");
    let large = READ.replace(r#""dynamodb:GetItem""#, &format!("[{actions}]"));
    refused(&kit, "CreatePolicy", make(&large), "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
        .await;
    for bad in ["nonsense", "arn:aws:iam::123456789012:user/x"] {
        let arn = format!("{bad}{}", " ".repeat(20_usize.saturating_sub(bad.len())).replace(' ', "x"));
        refused(&kit, "GetPolicy", json!({"PolicyArn": arn}), "InvalidInput", "is not valid").await;
    }
}

#[tokio::test]
async fn awss_policies_are_read_and_attached_and_never_changed() {
    let kit = kit().await;
    let told = done(&kit, "GetPolicy", json!({"PolicyArn": BASIC})).await;
    assert_eq!(told["Policy"]["Path"], "/service-role/");
    let version = told["Policy"]["DefaultVersionId"].clone();
    let document = done(&kit, "GetPolicyVersion", json!({"PolicyArn": BASIC, "VersionId": version})).await;
    assert!(document["PolicyVersion"]["Document"].as_str().unwrap().contains("logs%3ACreateLogGroup"));
    for (operation, more) in [
        ("DeletePolicy", json!({})),
        ("CreatePolicyVersion", json!({"PolicyDocument": READ})),
        ("SetDefaultPolicyVersion", json!({"VersionId": "v1"})),
        ("TagPolicy", json!({"Tags": [{"Key": "k", "Value": "v"}]})),
    ] {
        let mut input = json!({"PolicyArn": BASIC});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(&kit, operation, input, "AccessDenied", "Policy is outside your own account.").await;
    }
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST})).await;
    done(&kit, "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": BASIC})).await;
    let told = done(&kit, "GetPolicy", json!({"PolicyArn": BASIC})).await;
    assert_eq!(told["Policy"]["AttachmentCount"], 1);
    let attached = done(&kit, "ListAttachedRolePolicies", json!({"RoleName": "r"})).await;
    assert_eq!(
        attached["AttachedPolicies"],
        json!([{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}])
    );
    let used = done(&kit, "ListPolicies", json!({"Scope": "AWS", "OnlyAttached": true})).await;
    assert_eq!(names(&used, "Policies", "Arn"), [BASIC]);
}

#[tokio::test]
async fn attachments_are_counted_listed_and_limited() {
    let kit = kit().await;
    user(&kit, "ana").await;
    done(&kit, "CreateGroup", json!({"GroupName": "g"})).await;
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST})).await;
    let arn = policy(&kit, "p").await;
    done(&kit, "AttachUserPolicy", json!({"UserName": "ana", "PolicyArn": arn})).await;
    done(&kit, "AttachUserPolicy", json!({"UserName": "ana", "PolicyArn": arn})).await;
    done(&kit, "AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn})).await;
    done(&kit, "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": arn})).await;
    assert_eq!(done(&kit, "GetPolicy", json!({"PolicyArn": arn})).await["Policy"]["AttachmentCount"], 3);
    let entities = done(&kit, "ListEntitiesForPolicy", json!({"PolicyArn": arn})).await;
    assert_eq!(names(&entities, "PolicyUsers", "UserName"), ["ana"]);
    assert_eq!(names(&entities, "PolicyGroups", "GroupName"), ["g"]);
    assert_eq!(names(&entities, "PolicyRoles", "RoleName"), ["r"]);
    let roles = done(&kit, "ListEntitiesForPolicy", json!({"PolicyArn": arn, "EntityFilter": "Role"})).await;
    assert!(names(&roles, "PolicyUsers", "UserName").is_empty());
    refused(
        &kit,
        "DeletePolicy",
        json!({"PolicyArn": arn}),
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    )
    .await;
    for at in 0..9 {
        let other = policy(&kit, &format!("p{at}")).await;
        done(&kit, "AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": other})).await;
    }
    refused(
        &kit,
        "AttachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": BASIC}),
        "LimitExceeded",
        "PoliciesPerRole: 10",
    )
    .await;
    for missing in [
        "arn:aws:iam::123456789012:policy/none",
        "arn:aws:iam::210987654321:policy/p",
        "arn:aws:iam::aws:policy/None",
    ] {
        let input = json!({"UserName": "ana", "PolicyArn": missing});
        refused(
            &kit,
            "AttachUserPolicy",
            input.clone(),
            "NoSuchEntity",
            "does not exist or is not attachable",
        )
        .await;
        refused(&kit, "DetachUserPolicy", input, "NoSuchEntity", "was not found").await;
    }
    let local = done(&kit, "ListPolicies", json!({"Scope": "Local", "MaxItems": 1000})).await;
    assert_eq!(local["Policies"].as_array().unwrap().len(), 10);
    let details =
        done(&kit, "GetAccountAuthorizationDetails", json!({"Filter": ["Role", "LocalManagedPolicy"]})).await;
    assert_eq!(names(&details, "RoleDetailList", "RoleName"), ["r"]);
    assert_eq!(details["RoleDetailList"][0]["AttachedManagedPolicies"].as_array().unwrap().len(), 10);
    assert_eq!(details["Policies"].as_array().unwrap().len(), 10);
    let summary = done(&kit, "GetAccountSummary", json!({})).await;
    assert_eq!(
        (&summary["SummaryMap"]["Users"], &summary["SummaryMap"]["Policies"]),
        (&json!(1), &json!(10))
    );
}

#[tokio::test]
async fn policies_have_tags_and_aliases_are_one() {
    let kit = kit().await;
    let arn = policy(&kit, "p").await;
    done(
        &kit,
        "TagPolicy",
        json!({"PolicyArn": arn, "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]}),
    )
    .await;
    done(&kit, "UntagPolicy", json!({"PolicyArn": arn, "TagKeys": ["B"]})).await;
    let tags = done(&kit, "ListPolicyTags", json!({"PolicyArn": arn})).await;
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "2"}]));
    for alias in ["acme", "acme-two"] {
        done(&kit, "CreateAccountAlias", json!({"AccountAlias": alias})).await;
        assert_eq!(done(&kit, "ListAccountAliases", json!({})).await["AccountAliases"], json!([alias]));
    }
    refused(&kit, "DeleteAccountAlias", json!({"AccountAlias": "acme"}), "NoSuchEntity", "acme").await;
    done(&kit, "DeleteAccountAlias", json!({"AccountAlias": "acme-two"})).await;
    assert_eq!(done(&kit, "ListAccountAliases", json!({})).await["AccountAliases"], json!([]));
}
