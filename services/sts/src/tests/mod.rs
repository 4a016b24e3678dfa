//! The service through the whole pipeline: decisions as in AWS, and credentials that really sign.

mod assume_role;
mod decisions;
mod identity_tokens;
mod root_sessions;
mod sessions;
mod web_identity;
mod wire;

use std::sync::Arc;

use identity::Principal;
use identity::web_identity::Issuers;
use protocol::Fault;
use serde_json::{Value, json};
use service::testkit::TestKit;
use service::testkit::compliance::Subject;

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/target";

async fn kit() -> TestKit {
    kit_with(Issuers::default()).await
}

async fn kit_with(issuers: Issuers) -> TestKit {
    TestKit::start(|on| vec![crate::service(on.directory.clone(), issuers)]).await
}

/// A kit with a role that trusts its whole account.
async fn kit_with_role() -> TestKit {
    let kit = kit().await;
    kit.role("target", json!({"AWS": "arn:aws:iam::123456789012:root"}), json!([])).await;
    kit
}

async fn assume(kit: &TestKit, who: &Arc<Principal>, more: Value) -> Result<Value, Fault> {
    let mut input = json!({"RoleArn": ROLE_ARN, "RoleSessionName": "session"});
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    kit.json(who, "sts", "AssumeRole", &input).await
}

fn allow(action: &str) -> Value {
    json!([{"Effect": "Allow", "Action": action, "Resource": "*"}])
}

fn samples() -> Vec<(&'static str, Value)> {
    vec![
        ("AssumeRole", json!({"RoleArn": ROLE_ARN, "RoleSessionName": "session"})),
        (
            "AssumeRoleWithWebIdentity",
            json!({"RoleArn": ROLE_ARN, "RoleSessionName": "session", "WebIdentityToken": "not.a.token"}),
        ),
        (
            "AssumeRoot",
            json!({"TargetPrincipal": "210987654321",
                "TaskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"}}),
        ),
        ("DecodeAuthorizationMessage", json!({"EncodedMessage": "abc"})),
        ("GetAccessKeyInfo", json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"})),
        ("GetCallerIdentity", json!({})),
        ("GetFederationToken", json!({"Name": "friend"})),
        ("GetSessionToken", json!({"DurationSeconds": 900})),
        ("GetWebIdentityToken", json!({"Audience": ["a"], "SigningAlgorithm": "ES384"})),
    ]
}

service::service_compliance!(
    kit_with_role().await,
    Subject {
        service: "sts",
        samples: &samples(),
        // Web identities are asked for a token before any policy is; `web_identity` is about those.
        open: &["AssumeRoleWithWebIdentity", "GetCallerIdentity", "GetSessionToken"],
        secrets: &["not.a.token"],
    }
);
