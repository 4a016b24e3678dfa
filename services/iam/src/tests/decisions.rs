//! What is decided on one state of a user, role or policy is not carried out on another.

use serde_json::{Value, json};

use super::{LAMBDA_TRUST, done, kit, policy, user};

fn with(mut target: Value, more: &Value) -> Value {
    target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    target
}

fn tags(value: &str) -> Value {
    json!({"Tags": [{"Key": "c", "Value": value}]})
}

#[tokio::test]
async fn leave_for_a_principal_is_none_once_it_is_tagged_otherwise() {
    let kit = kit().await;
    let leave = json!({"Effect": "Allow", "Action": "iam:*", "Resource": "*",
        "Condition": {"StringEquals": {"iam:ResourceTag/c": "pub"}}});
    let who = kit.user("who", json!([leave])).await;
    user(&kit, "u").await;
    done(&kit, "CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": LAMBDA_TRUST})).await;
    let arn = policy(&kit, "p").await;
    let (u, r, p) = (json!({"UserName": "u"}), json!({"RoleName": "r"}), json!({"PolicyArn": arn}));
    let operations = [
        ("GetUser", "TagUser", &u, json!({})),
        ("ListUserTags", "TagUser", &u, json!({})),
        ("AttachUserPolicy", "TagUser", &u, json!({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
        ("CreateAccessKey", "TagUser", &u, json!({})),
        ("TagUser", "TagUser", &u, tags("pub")),
        ("DeleteUser", "TagUser", &u, json!({})),
        ("GetRole", "TagRole", &r, json!({})),
        ("UpdateAssumeRolePolicy", "TagRole", &r, json!({"PolicyDocument": LAMBDA_TRUST})),
        ("DeleteRole", "TagRole", &r, json!({})),
        ("GetPolicy", "TagPolicy", &p, json!({})),
        ("DeletePolicy", "TagPolicy", &p, json!({})),
    ];
    for (operation, tagging, target, more) in operations {
        done(&kit, tagging, with(target.clone(), &tags("pub"))).await;
        let meanwhile = ("iam", tagging, with(target.clone(), &tags("sec")));
        kit.refused_after(&who, meanwhile, ("iam", operation, &with(target.clone(), &more))).await;
    }
}
