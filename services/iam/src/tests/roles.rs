//! Roles, their trust, and inline policies.

use serde_json::json;

use super::{LAMBDA_TRUST, READ, done, kit, names, policy, refused, user};

fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

#[tokio::test]
async fn a_role_is_told_as_it_was_made() {
    let kit = kit().await;
    let made = done(
        &kit,
        "CreateRole",
        json!({"RoleName": "orders", "Path": "/app/", "AssumeRolePolicyDocument": LAMBDA_TRUST, "Description": "d",
            "MaxSessionDuration": 7_200}),
    )
    .await;
    assert_eq!(made["Role"]["Arn"], "arn:aws:iam::123456789012:role/app/orders");
    let told = done(&kit, "GetRole", json!({"RoleName": "orders"})).await;
    let document = told["Role"]["AssumeRolePolicyDocument"].as_str().unwrap();
    assert!(document.starts_with("%7B%22Version%22%3A"), "{document}");
    assert_eq!(unescaped(document), LAMBDA_TRUST);
    assert_eq!(
        (&told["Role"]["MaxSessionDuration"], &told["Role"]["Description"]),
        (&json!(7_200), &json!("d"))
    );
    done(&kit, "UpdateRole", json!({"RoleName": "orders", "MaxSessionDuration": 3_600})).await;
    done(&kit, "UpdateRoleDescription", json!({"RoleName": "orders", "Description": "e"})).await;
    let told = done(&kit, "GetRole", json!({"RoleName": "orders"})).await;
    assert_eq!(
        (&told["Role"]["MaxSessionDuration"], &told["Role"]["Description"]),
        (&json!(3_600), &json!("e"))
    );
    assert_eq!(names(&done(&kit, "ListRoles", json!({})).await, "Roles", "RoleName"), ["orders"]);
}

#[tokio::test]
async fn trust_is_checked_when_it_comes() {
    let kit = kit().await;
    let role = |trust: &str| json!({"RoleName": "r", "AssumeRolePolicyDocument": trust});
    for (trust, words) in [
        ("{", "policy"),
        (READ, ""),
        (
            &LAMBDA_TRUST.replace("sts:AssumeRole", "s3:GetObject"),
            "AssumeRole policy may only specify STS AssumeRole",
        ),
        (
            &LAMBDA_TRUST.replace(
                r#""Service":"lambda.amazonaws.com""#,
                r#""AWS":"arn:aws:iam::123456789012:user/none""#,
            ),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::123456789012:user/none\"",
        ),
    ] {
        refused(&kit, "CreateRole", role(trust), "MalformedPolicyDocument", words).await;
    }
    let long = LAMBDA_TRUST.replace("lambda.", &format!("{}.", "a".repeat(2_048)));
    refused(&kit, "CreateRole", role(&long), "LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
        .await;
    user(&kit, "ana").await;
    let ana = LAMBDA_TRUST
        .replace(r#""Service":"lambda.amazonaws.com""#, r#""AWS":"arn:aws:iam::123456789012:user/ana""#);
    done(&kit, "CreateRole", role(&ana)).await;
    refused(
        &kit,
        "UpdateAssumeRolePolicy",
        json!({"RoleName": "r", "PolicyDocument": "{"}),
        "MalformedPolicyDocument",
        "",
    )
    .await;
    done(&kit, "UpdateAssumeRolePolicy", json!({"RoleName": "r", "PolicyDocument": LAMBDA_TRUST})).await;
    let duration =
        json!({"RoleName": "x", "AssumeRolePolicyDocument": LAMBDA_TRUST, "MaxSessionDuration": 43_201});
    refused(&kit, "CreateRole", duration, "ValidationError", "maxSessionDuration").await;
}

#[tokio::test]
async fn inline_policies_come_back_escaped_and_fill_up() {
    let kit = kit().await;
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST})).await;
    let put =
        |name: &str, document: &str| json!({"RoleName": "r", "PolicyName": name, "PolicyDocument": document});
    done(&kit, "PutRolePolicy", put("b", READ)).await;
    done(&kit, "PutRolePolicy", put("a", READ)).await;
    let names = done(&kit, "ListRolePolicies", json!({"RoleName": "r"})).await;
    assert_eq!(names["PolicyNames"], json!(["a", "b"]));
    let told = done(&kit, "GetRolePolicy", json!({"RoleName": "r", "PolicyName": "a"})).await;
    assert_eq!(unescaped(told["PolicyDocument"].as_str().unwrap()), READ);
    refused(&kit, "PutRolePolicy", put("c", LAMBDA_TRUST), "MalformedPolicyDocument", "").await;
    let actions = vec![r#""dynamodb:GetItem""#; 600].join(",");
    let large = READ.replace(r#""dynamodb:GetItem""#, &format!("[{actions}]"));
    refused(
        &kit,
        "PutRolePolicy",
        put("c", &large),
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role r",
    )
    .await;
    refused(&kit, "DeleteRole", json!({"RoleName": "r"}), "DeleteConflict", "must delete policies first")
        .await;
    let missing = json!({"RoleName": "r", "PolicyName": "none"});
    refused(
        &kit,
        "GetRolePolicy",
        missing.clone(),
        "NoSuchEntity",
        "The role policy with name none cannot be found.",
    )
    .await;
    refused(&kit, "DeleteRolePolicy", missing, "NoSuchEntity", "none").await;
    for name in ["a", "b"] {
        done(&kit, "DeleteRolePolicy", json!({"RoleName": "r", "PolicyName": name})).await;
    }
    done(&kit, "DeleteRole", json!({"RoleName": "r"})).await;
}

#[tokio::test]
async fn boundaries_are_set_shown_and_taken_away() {
    let kit = kit().await;
    let (one, two) = (policy(&kit, "one").await, policy(&kit, "two").await);
    done(
        &kit,
        "CreateRole",
        json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST, "PermissionsBoundary": one}),
    )
    .await;
    done(&kit, "PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": two})).await;
    let told = done(&kit, "GetRole", json!({"RoleName": "r"})).await;
    assert_eq!(told["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"], two);
    let counted = done(&kit, "GetPolicy", json!({"PolicyArn": two})).await;
    assert_eq!(counted["Policy"]["PermissionsBoundaryUsageCount"], 1);
    assert_eq!(counted["Policy"]["AttachmentCount"], 0);
    done(&kit, "DeletePolicy", json!({"PolicyArn": one})).await;
    refused(&kit, "DeletePolicy", json!({"PolicyArn": two}), "DeleteConflict", "attached to entities").await;
    done(&kit, "DeleteRolePermissionsBoundary", json!({"RoleName": "r"})).await;
    refused(&kit, "DeleteRolePermissionsBoundary", json!({"RoleName": "r"}), "NoSuchEntity", "boundary")
        .await;
    done(&kit, "DeletePolicy", json!({"PolicyArn": two})).await;
}

#[tokio::test]
async fn trust_follows_a_user_and_is_not_inherited_by_its_name() {
    let kit = kit().await;
    let made = done(&kit, "CreateUser", json!({"UserName": "ana"})).await;
    let id = made["User"]["UserId"].as_str().unwrap();
    let trust = LAMBDA_TRUST.replace(
        r#""Service":"lambda.amazonaws.com""#,
        r#""AWS":["arn:aws:iam::123456789012:user/ana","123456789012"]"#,
    );
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust})).await;
    let shown = async || {
        let told = done(&kit, "GetRole", json!({"RoleName": "r"})).await;
        unescaped(told["Role"]["AssumeRolePolicyDocument"].as_str().unwrap())
    };
    done(&kit, "UpdateUser", json!({"UserName": "ana", "NewUserName": "bea", "NewPath": "/p/"})).await;
    assert_eq!(shown().await, trust.replace("user/ana", "user/p/bea"));
    done(&kit, "DeleteUser", json!({"UserName": "bea"})).await;
    assert_eq!(shown().await, trust.replace("arn:aws:iam::123456789012:user/ana", id));
    // A later user of the same name and path is not the one that was trusted.
    done(&kit, "CreateUser", json!({"UserName": "bea", "Path": "/p/"})).await;
    assert!(!shown().await.contains("bea"));
}
