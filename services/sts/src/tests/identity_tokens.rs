//! Tokens by which an account vouches for its own: what they say, for how long, and signed with which keys.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::outbound::new_key;
use identity::records::{IssuerRecord, OutboundRecord, keys};
use identity::web_identity::{Keys, Token};
use identity::{DirectoryError, Principal};
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{allow, kit};

const ISSUER: &str = "00000000-0000-4000-8000-000000000000";

/// The kit's account is an issuer, with one key.
async fn issuing(kit: &TestKit) {
    let directory = kit.pipeline.directory();
    let key = new_key("ES384", kit.clock.now()).unwrap();
    let record = OutboundRecord { issuer: ISSUER.into(), enabled: true, keys: vec![key] };
    let written: Result<(), DirectoryError> = kit
        .pipeline
        .store()
        .transact(|transaction| {
            let mut edit = directory.edit(transaction, kit.account);
            edit.put(keys::ISSUERS, &keys::unique(ISSUER), &IssuerRecord { account: kit.account })?;
            edit.put(keys::OUTBOUND, &keys::account(kit.account), &record)
        })
        .await;
    written.unwrap();
}

async fn token(kit: &TestKit, who: &Arc<Principal>) -> String {
    let input = json!({"Audience": ["a"], "SigningAlgorithm": "ES384"});
    let answer = kit.json(who, "sts", "GetWebIdentityToken", &input).await.unwrap();
    answer["WebIdentityToken"].as_str().unwrap().to_owned()
}

fn part(token: &str, at: usize) -> Value {
    let part = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn published(kit: &TestKit) -> Vec<u8> {
    let path = format!("/_aws/tokens/{ISSUER}/.well-known/jwks.json");
    kit.pipeline.directory().published(&path).unwrap().unwrap()
}

#[tokio::test]
async fn a_key_changes_after_its_time_and_the_one_before_still_counts() {
    let kit = kit().await;
    issuing(&kit).await;
    let ana = kit.user("ana", allow("sts:GetWebIdentityToken")).await;
    let first = token(&kit, &ana).await;
    assert_eq!(part(&first, 1)["sub"], ana.arn());
    assert_eq!(part(&first, 1)["https://sts.amazonaws.com/"]["aws_account"], kit.account.as_str());
    kit.clock.advance_millis(90 * 86_400_000 - 1_000);
    assert_eq!(part(&token(&kit, &ana).await, 0), part(&first, 0), "the same key");
    kit.clock.advance_millis(1_000);
    let second = token(&kit, &ana).await;
    assert_ne!(part(&second, 0)["kid"], part(&first, 0)["kid"], "another key");
    let published = Keys::parse(&published(&kit)).unwrap();
    for text in [&first, &second] {
        assert!(Token::parse(text).unwrap().is_signed_by(&published));
    }
    assert_eq!(part(&token(&kit, &ana).await, 0), part(&second, 0), "one new key, and not one a call");
}

#[tokio::test]
async fn nobody_is_vouched_for_without_leave_or_beyond_its_session() {
    let kit = kit().await;
    let ana = kit.user("ana", allow("sts:*")).await;
    let ask = |more: Value| {
        let mut input = json!({"Audience": ["a"], "SigningAlgorithm": "ES384"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let code = async |who: &Arc<Principal>, more: Value| {
        let answer = kit.json(who, "sts", "GetWebIdentityToken", &ask(more)).await;
        answer.map(|_| ()).map_err(|fault| fault.code.into_owned())
    };
    let refused = |code: &str| Err(code.to_owned());
    assert_eq!(
        code(&ana, json!({})).await,
        refused("OutboundWebIdentityFederationDisabledException"),
        "the account is no issuer"
    );
    issuing(&kit).await;
    assert_eq!(code(&ana, json!({})).await, Ok(()));
    assert_eq!(code(&kit.user("bob", json!([])).await, json!({})).await, refused("AccessDenied"));
    assert_eq!(code(&ana, json!({"SigningAlgorithm": "none0"})).await, refused("ValidationError"));
    let mut session = identity::AssumedRole::new(kit.account, "/", "none", "AROAX", "s");
    session.expires_at = kit.clock.now().plus_secs(60);
    let gone = Arc::new(Principal::AssumedRole(session));
    assert_eq!(code(&gone, json!({})).await, refused("AccessDenied"), "a role that is not there");
}
