//! An account as an issuer: what strangers read, and what they never do.

use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{done, kit, refused};

fn published(kit: &TestKit, path: &str) -> Option<Value> {
    let found = kit.pipeline.directory().published(path).unwrap();
    found.map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn what_is_published_is_what_was_switched_on() {
    let kit = kit().await;
    let made = done(&kit, "EnableOutboundWebIdentityFederation", json!({})).await;
    let issuer = made["IssuerIdentifier"].as_str().unwrap().to_owned();
    let base = issuer.strip_prefix("http://localhost:4566").unwrap();
    let description = published(&kit, &format!("{base}/.well-known/openid-configuration")).unwrap();
    assert_eq!(description["issuer"], issuer.as_str());
    let keys = published(&kit, &format!("{base}/.well-known/jwks.json")).unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(!issuer.contains(kit.account.as_str()), "an address tells no account");
    let nobody = "00000000-0000-4000-8000-000000000000";
    for path in [
        "/_aws/tokens/",
        "/_aws/tokens",
        base,
        &format!("{base}/"),
        &format!("{base}/.well-known/jwks.jsonx"),
        &format!("{base}//.well-known/jwks.json"),
        &format!("/_aws/tokens/{nobody}/.well-known/jwks.json"),
        &format!("/_aws/tokens/{}ä/.well-known/jwks.json", "a".repeat(35)),
        &base.replace("/_aws/tokens/", "/"),
    ] {
        assert_eq!(published(&kit, path), None, "{path}");
    }
    refused(&kit, "EnableOutboundWebIdentityFederation", json!({}), "FeatureEnabled", "already enabled")
        .await;
    done(&kit, "DisableOutboundWebIdentityFederation", json!({})).await;
    assert_eq!(published(&kit, &format!("{base}/.well-known/jwks.json")), None);
    refused(&kit, "GetOutboundWebIdentityFederationInfo", json!({}), "FeatureDisabled", "not enabled").await;
    let again = done(&kit, "EnableOutboundWebIdentityFederation", json!({})).await;
    assert_eq!(again, made, "the account's issuer for ever");
    let others = published(&kit, &format!("{base}/.well-known/jwks.json")).unwrap();
    assert_ne!(others, keys, "with other keys");
    let records = serde_json::to_string(&kit.records().await).unwrap();
    assert!(records.contains("EnableOutboundWebIdentityFederation") && !records.contains("PRIVATE"));
}
