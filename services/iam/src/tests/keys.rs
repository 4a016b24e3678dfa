//! Access keys: told once, two at most, switched off at once.

use identity::{CredentialError, CredentialSource as _};
use serde_json::json;

use super::{done, kit, names, refused, user};

#[tokio::test]
async fn a_secret_is_told_once_and_never_recorded() {
    let kit = kit().await;
    user(&kit, "ana").await;
    let made = done(&kit, "CreateAccessKey", json!({"UserName": "ana"})).await;
    let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
    assert_eq!((id.len(), secret.len(), text("Status").as_str()), (20, 40, "Active"));
    let found = kit.pipeline.directory().credential(&id, None, kit.clock.now()).unwrap();
    assert_eq!(found.secret.expose(), secret);
    let records = serde_json::to_string(&kit.records().await).unwrap();
    assert!(records.contains("CreateAccessKey") && records.contains(&id));
    assert!(!records.contains(&secret), "the audit trail holds a secret");
}

#[tokio::test]
async fn two_keys_at_most_each_switched_off_at_once() {
    let kit = kit().await;
    user(&kit, "ana").await;
    user(&kit, "bob").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let made = done(&kit, "CreateAccessKey", json!({"UserName": "ana"})).await;
        ids.push(made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned());
    }
    ids.sort();
    refused(&kit, "CreateAccessKey", json!({"UserName": "ana"}), "LimitExceeded", "AccessKeysPerUser: 2")
        .await;
    let listed = done(&kit, "ListAccessKeys", json!({"UserName": "ana"})).await;
    assert_eq!(names(&listed, "AccessKeyMetadata", "AccessKeyId"), ids);
    let find = |id: &str| kit.pipeline.directory().credential(id, None, kit.clock.now()).map(|_| ());
    assert_eq!(find(&ids[0]), Ok(()));
    let of = |name: &str, status: &str| json!({"UserName": name, "AccessKeyId": ids[0], "Status": status});
    refused(&kit, "UpdateAccessKey", of("bob", "Inactive"), "NoSuchEntity", "The Access Key with id").await;
    done(&kit, "UpdateAccessKey", of("ana", "Inactive")).await;
    assert_eq!(find(&ids[0]), Err(CredentialError::Unknown));
    assert_eq!(find(&ids[1]), Ok(()));
    done(&kit, "UpdateAccessKey", of("ana", "Active")).await;
    assert_eq!(find(&ids[0]), Ok(()));
    refused(&kit, "UpdateAccessKey", of("ana", "Sleeping"), "ValidationError", "").await;
    let foreign = json!({"UserName": "bob", "AccessKeyId": ids[0]});
    refused(&kit, "DeleteAccessKey", foreign, "NoSuchEntity", "cannot be found").await;
    done(&kit, "DeleteAccessKey", json!({"UserName": "ana", "AccessKeyId": ids[0]})).await;
    assert_eq!(find(&ids[0]), Err(CredentialError::Unknown));
}

#[tokio::test]
async fn a_users_own_keys_need_no_name() {
    let kit = kit().await;
    let statements = json!([{"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::123456789012:user/${aws:username}"}]);
    let ana = kit.user("ana", statements).await;
    let made = kit.json(&ana, "iam", "CreateAccessKey", &json!({})).await.unwrap();
    assert_eq!(made["AccessKey"]["UserName"], "ana");
    let listed = kit.json(&ana, "iam", "ListAccessKeys", &json!({})).await.unwrap();
    assert_eq!(names(&listed, "AccessKeyMetadata", "AccessKeyId").len(), 1);
    user(&kit, "bob").await;
    let fault = kit.json(&ana, "iam", "CreateAccessKey", &json!({"UserName": "bob"})).await.unwrap_err();
    assert_eq!(fault.code, "AccessDenied");
    // The root user's own: the one of the first start, and one more.
    let made = done(&kit, "CreateAccessKey", json!({})).await;
    assert_eq!(
        done(&kit, "ListAccessKeys", json!({})).await["AccessKeyMetadata"].as_array().unwrap().len(),
        2
    );
    refused(&kit, "CreateAccessKey", json!({}), "LimitExceeded", "AccessKeysPerUser").await;
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
    let found = kit.pipeline.directory().credential(id, None, kit.clock.now()).unwrap();
    assert_eq!(found.principal.arn(), "arn:aws:iam::123456789012:root");
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told() {
    let kit = kit().await;
    user(&kit, "ana").await;
    let made = done(&kit, "CreateAccessKey", json!({"UserName": "ana"})).await;
    let id = made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    let ask = json!({"AccessKeyId": id});
    let told = done(&kit, "GetAccessKeyLastUsed", ask.clone()).await;
    assert_eq!(told["AccessKeyLastUsed"]["ServiceName"], "N/A");
    let directory = kit.pipeline.directory();
    directory.credential(&id, None, kit.clock.now()).unwrap();
    directory.used(&id, "dynamodb", "us-east-1", kit.clock.now());
    directory.store().flush().await.unwrap();
    let told = done(&kit, "GetAccessKeyLastUsed", ask).await;
    assert_eq!(
        (&told["UserName"], &told["AccessKeyLastUsed"]["ServiceName"]),
        (&json!("ana"), &json!("dynamodb"))
    );
    let other = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    refused(&kit, "GetAccessKeyLastUsed", other, "NoSuchEntity", "cannot be found").await;
}
