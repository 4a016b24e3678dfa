//! Tags that what is made brings with it: they take the leave that tags take.

use serde_json::{Value, json};

use super::{LAMBDA_TRUST, READ, kit};

/// What makes something, what tags it, and how it is made.
fn makers() -> Vec<(&'static str, &'static str, &'static str, Value)> {
    vec![
        ("CreateUser", "TagUser", "user/n", json!({"UserName": "n"})),
        (
            "CreateRole",
            "TagRole",
            "role/n",
            json!({"RoleName": "n", "AssumeRolePolicyDocument": LAMBDA_TRUST}),
        ),
        ("CreatePolicy", "TagPolicy", "policy/n", json!({"PolicyName": "n", "PolicyDocument": READ})),
        (
            "CreateInstanceProfile",
            "TagInstanceProfile",
            "instance-profile/n",
            json!({"InstanceProfileName": "n"}),
        ),
        ("CreateVirtualMFADevice", "TagMFADevice", "mfa/n", json!({"VirtualMFADeviceName": "n"})),
        (
            "CreateOpenIDConnectProvider",
            "TagOpenIDConnectProvider",
            "oidc-provider/n.example",
            json!({"Url": "https://n.example"}),
        ),
        (
            "UploadServerCertificate",
            "TagServerCertificate",
            "server-certificate/n",
            json!({"ServerCertificateName": "n", "CertificateBody": "none", "PrivateKey": "none"}),
        ),
    ]
}

#[tokio::test]
async fn what_is_made_with_tags_takes_leave_to_tag() {
    for (operation, tagging, resource, input) in makers() {
        let kit = kit().await;
        let allow = |action: &str, condition: Value| {
            json!({"Effect": "Allow", "Action": format!("iam:{action}"), "Resource":
                format!("arn:aws:iam::123456789012:{resource}"), "Condition": condition})
        };
        let deny = json!({"Effect": "Deny", "Action": format!("iam:{tagging}"), "Resource": "*"});
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let red = json!({"StringEquals": {"aws:RequestTag/team": "red"}, "ForAllValues:StringEquals": {"aws:TagKeys": "team"}});
        let make = || allow(operation, json!({}));
        let mut tagged = input.clone();
        tagged["Tags"] = json!([{"Key": "team", "Value": "red"}]);
        let mut blue = input.clone();
        blue["Tags"] = json!([{"Key": "team", "Value": "blue"}]);
        for (name, statements, input, allowed) in [
            ("untagged", json!([make()]), &input, true),
            ("only-make", json!([make()]), &tagged, false),
            ("denied", json!([all, deny]), &tagged, false),
            ("blue", json!([make(), allow(tagging, red.clone())]), &blue, false),
            ("red", json!([make(), allow(tagging, red)]), &tagged, true),
        ] {
            let user = kit.user(name, statements).await;
            let fault = kit.json(&user, "iam", operation, input).await.err();
            let refusal = fault.filter(|fault| fault.code == "AccessDenied").map(|fault| fault.message);
            assert_eq!(refusal.is_none(), allowed, "{operation} {name}: {refusal:?}");
            let named = format!("iam:{tagging} on resource: arn:aws:iam::123456789012:{resource} ");
            assert!(refusal.is_none_or(|refusal| refusal.contains(&named)), "{operation} {name}");
        }
    }
}
