//! Passwords: held against the policy, changed by whom knows the old one, never on record.

use serde_json::json;

use super::{done, kit, refused};

#[tokio::test]
async fn a_password_is_set_changed_by_its_user_and_never_recorded() {
    let kit = kit().await;
    let allow = json!([{"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "*"}]);
    let ana = kit.user("ana", allow).await;
    let create = |password: &str| json!({"UserName": "ana", "Password": password});
    refused(&kit, "CreateLoginProfile", create("short"), "PasswordPolicyViolation", "minimum length of 8")
        .await;
    done(&kit, "CreateLoginProfile", create("First-Secret-1")).await;
    refused(&kit, "CreateLoginProfile", create("First-Secret-1"), "EntityAlreadyExists", "").await;
    refused(&kit, "DeleteUser", json!({"UserName": "ana"}), "DeleteConflict", "delete policies").await;
    done(
        &kit,
        "UpdateAccountPasswordPolicy",
        json!({"MinimumPasswordLength": 10, "PasswordReusePrevention": 2}),
    )
    .await;
    let change = |old: &str, new: &str| json!({"OldPassword": old, "NewPassword": new});
    let asked = |input| {
        let (kit, ana) = (&kit, &ana);
        async move { kit.json(ana, "iam", "ChangePassword", &input).await }
    };
    let fault = asked(change("wrong", "Second-Secret-2")).await.unwrap_err();
    assert_eq!((&*fault.code, &*fault.message), ("AccessDenied", "The old password was incorrect."));
    asked(change("First-Secret-1", "Second-Secret-2")).await.unwrap();
    let fault = asked(change("Second-Secret-2", "First-Secret-1")).await.unwrap_err();
    assert_eq!(fault.message, "Password cannot be reused");
    let fault = asked(change("Second-Secret-2", "tiny")).await.unwrap_err();
    assert_eq!(fault.message, "Password should have a minimum length of 10");
    for _ in 0..5 {
        asked(change("guess", "Third-Secret-3")).await.unwrap_err();
    }
    let fault = asked(change("Second-Secret-2", "Third-Secret-3")).await.unwrap_err();
    assert!(fault.code.starts_with("EntityTemporarilyUnmodifiable"), "{fault:?}");
    let records = serde_json::to_string(&kit.records().await).unwrap();
    for secret in ["First-Secret-1", "Second-Secret-2", "argon2"] {
        assert!(!records.contains(secret), "the audit trail holds {secret}");
    }
}

#[tokio::test]
async fn only_users_change_their_own() {
    let kit = kit().await;
    let input = json!({"OldPassword": "a", "NewPassword": "b"});
    refused(&kit, "ChangePassword", input, "InvalidUserType", "Only IAM Users").await;
    refused(&kit, "GetAccountPasswordPolicy", json!({}), "NoSuchEntity", "123456789012").await;
}
