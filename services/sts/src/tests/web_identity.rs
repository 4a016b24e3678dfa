//! Unsigned calls with a token: who is let in, as whom, with which tags, and how everyone else is refused.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use identity::records::{OidcProviderRecord, keys};
use identity::web_identity::{BoxFuture, FetchDocument, FetchError, Issuers};
use identity::{DirectoryError, Principal, Reads as _};
use protocol::{Fault, WireRequest};
use serde_json::{Value, json};
use service::Source;
use service::testkit::TestKit;

use super::kit_with;

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/deployer";
const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/idp.example/x";
const VECTORS: &str = include_str!("../../../../crates/identity/tests/data/web-identity.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn good() -> String {
    vectors()["good"]["RS256"].as_str().unwrap().to_owned()
}

/// Answers with the keys of the vectors.
struct Idp;

impl FetchDocument for Idp {
    fn fetch<'a>(&'a self, issuer: &'a str, url: &'a str) -> BoxFuture<'a, Result<Vec<u8>, FetchError>> {
        let document = if url.ends_with("/openid-configuration") {
            json!({"issuer": issuer, "jwks_uri": "https://idp.example/keys"})
        } else {
            vectors()["keys"].clone()
        };
        Box::pin(async move { Ok(document.to_string().into_bytes()) })
    }
}

fn trust(action: &Value, condition: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Federated": PROVIDER},
        "Action": action, "Condition": condition}]})
}

fn all_actions() -> Value {
    json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"])
}

/// A kit whose operator named the issuer, whose account registered it, and whose role trusts by this policy.
async fn kit(client_id: &str, trust: &Value) -> TestKit {
    let way: Arc<dyn FetchDocument> = Arc::new(Idp);
    let kit = kit_with(Issuers::new(["https://idp.example/x".to_owned()], &way)).await;
    kit.role("deployer", json!({"AWS": "123456789012"}), json!([])).await;
    set_trust(&kit, trust).await;
    let provider = OidcProviderRecord {
        url: "idp.example/x".to_owned(),
        client_ids: vec![client_id.to_owned()],
        thumbprints: Vec::new(),
        created_at: kit.clock.now(),
        tags: Vec::new(),
    };
    let directory = kit.pipeline.directory();
    let written: Result<(), DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| {
            let key = keys::provider(kit.account, &provider.url);
            directory.edit(tx, kit.account).put(keys::OIDC_PROVIDERS, &key, &provider)
        })
        .await;
    written.unwrap();
    kit
}

async fn set_trust(kit: &TestKit, trust: &Value) {
    let directory = kit.pipeline.directory();
    let written: Result<(), DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| {
            let mut edit = directory.edit(tx, kit.account);
            let key = keys::named(kit.account, "deployer");
            let mut role: identity::records::RoleRecord = edit.record(keys::ROLES, &key)?.unwrap();
            role.trust = trust.to_string();
            edit.put(keys::ROLES, &key, &role)
        })
        .await;
    written.unwrap();
}

async fn assume(kit: &TestKit, token: &str) -> Result<Value, Fault> {
    let input = json!({"RoleArn": ROLE_ARN, "RoleSessionName": "s1", "WebIdentityToken": token});
    kit.json(&Arc::new(Principal::Anonymous), "sts", "AssumeRoleWithWebIdentity", &input).await
}

async fn code(kit: &TestKit, token: &str) -> String {
    assume(kit, token).await.err().map_or_else(|| "let in".to_owned(), |fault| fault.code.to_string())
}

#[tokio::test]
async fn whom_the_role_trusts_gets_a_session_with_the_tokens_tags() {
    let condition = json!({"StringEquals": {"idp.example/x:aud": "sts.amazonaws.com", 
        "aws:FederatedProvider": PROVIDER, "sts:RoleSessionName": "s1"},
        "StringLike": {"idp.example/x:sub": "repo:acme/*"},
        "ForAnyValue:StringEquals": {"idp.example/x:amr": "mfa"}});
    let kit = kit("sts.amazonaws.com", &trust(&all_actions(), &condition)).await;
    let answer = assume(&kit, &good()).await.unwrap();
    assert_eq!(answer["SubjectFromWebIdentityToken"], "repo:acme/site:ref:refs/heads/main");
    assert_eq!(answer["Audience"], "sts.amazonaws.com");
    assert_eq!(answer["Provider"], PROVIDER);
    assert_eq!(answer["SourceIdentity"], "ana");
    assert_eq!(answer["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/deployer/s1");
    assert!(answer["PackedPolicySize"].as_i64().unwrap() > 0);

    let directory = kit.pipeline.directory();
    let key = answer["Credentials"]["AccessKeyId"].as_str().unwrap();
    let token = answer["Credentials"]["SessionToken"].as_str().unwrap();
    let (session, _) = directory.tokens().open(key, token, kit.clock.now()).unwrap();
    let identity::Subject::Role(session) = session.subject else { panic!("{session:?}") };
    assert_eq!(session.tags, [("Team".to_owned(), "blue".to_owned())]);
    assert_eq!(session.transitive_tags, ["Team"]);
    let by = session.federated_by.unwrap();
    assert_eq!(by.provider, PROVIDER);
    assert!(by.claims.iter().any(|(key, values)| key == "idp.example/x:sub" && values.len() == 1));

    let records = kit.records().await;
    let record = records.iter().find(|record| record["eventName"] == "AssumeRoleWithWebIdentity").unwrap();
    assert_eq!(record["userIdentity"]["type"], "WebIdentityUser");
    assert_eq!(record["userIdentity"]["userName"], "repo:acme/site:ref:refs/heads/main");
    assert_eq!(record["userIdentity"]["identityProvider"], PROVIDER);
    assert!(!serde_json::to_string(&records).unwrap().contains(&good()), "the token is on record");
}

#[tokio::test]
async fn every_leave_is_asked_and_every_condition_holds() {
    let allowed = json!({});
    let table = [
        (trust(&all_actions(), &allowed), true),
        (trust(&json!("sts:AssumeRoleWithWebIdentity"), &allowed), false),
        (trust(&json!(["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]), &allowed), false),
        (trust(&json!("sts:AssumeRole"), &allowed), false),
        (trust(&all_actions(), &json!({"StringEquals": {"idp.example/x:sub": "repo:evil/site"}})), false),
        (trust(&all_actions(), &json!({"StringEquals": {"idp.example/x:aud": "another"}})), false),
        // A claim that is not among AWS's keys is no key.
        (trust(&all_actions(), &json!({"StringEquals": {"idp.example/x:repository": "acme/site"}})), false),
        (
            trust(
                &all_actions(),
                &json!({"StringEquals": {"aws:RequestTag/Team": "blue", "sts:SourceIdentity": "ana"}}),
            ),
            true,
        ),
        (trust(&all_actions(), &json!({"StringEquals": {"aws:RequestTag/Team": "red"}})), false),
    ];
    for (trust, let_in) in table {
        let kit = kit("sts.amazonaws.com", &trust).await;
        let expected = if let_in { "let in" } else { "AccessDenied" };
        assert_eq!(code(&kit, &good()).await, expected, "{trust}");
    }
    let another = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": all_actions(),
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/other.example"}}]});
    let account = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": all_actions(),
        "Principal": {"AWS": "123456789012"}}]});
    for trust in [another, account] {
        let kit = kit("sts.amazonaws.com", &trust).await;
        let fault = assume(&kit, &good()).await.unwrap_err();
        assert_eq!(
            (&*fault.code, &*fault.message, fault.status),
            ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        );
    }
}

#[tokio::test]
async fn tokens_that_do_not_hold_prove_nobody() {
    let kit = kit("sts.amazonaws.com", &trust(&all_actions(), &json!({}))).await;
    for (name, token) in vectors()["bad"].as_object().unwrap() {
        let answer = assume(&kit, token.as_str().unwrap()).await;
        let fault = answer.err().unwrap_or_else(|| panic!("{name} was let in"));
        assert_eq!(fault.code, "InvalidIdentityTokenException", "{name}: {}", fault.message);
    }
    assert_eq!(code(&kit, "none").await, "InvalidIdentityTokenException");
    kit.clock.advance_millis(3_600_000);
    let fault = assume(&kit, &good()).await.unwrap_err();
    assert_eq!((&*fault.code, fault.status), ("ExpiredTokenException", 400));
    let expected =
        "Token expired: current date/time 1767229200 must be before the expiration date/time 1767229200";
    assert_eq!(fault.message, expected);
}

#[tokio::test]
async fn an_audience_or_a_provider_that_was_not_registered_is_refused() {
    let other = kit("another", &trust(&all_actions(), &json!({}))).await;
    let fault = assume(&other, &good()).await.unwrap_err();
    assert_eq!(
        (&*fault.code, &*fault.message),
        ("InvalidIdentityTokenException", "Incorrect token audience")
    );

    let kit = kit("sts.amazonaws.com", &trust(&all_actions(), &json!({}))).await;
    let elsewhere = "arn:aws:iam::210987654321:role/deployer";
    let input = json!({"RoleArn": elsewhere, "RoleSessionName": "s1", "WebIdentityToken": good()});
    let anyone = Arc::new(Principal::Anonymous);
    let fault = kit.json(&anyone, "sts", "AssumeRoleWithWebIdentity", &input).await.unwrap_err();
    let expected = "No OpenIDConnect provider found in your account for https://idp.example/x";
    assert_eq!((&*fault.code, &*fault.message), ("InvalidIdentityTokenException", expected));
    // The token decides who calls, whoever else signed the request.
    let input = json!({"RoleArn": ROLE_ARN, "RoleSessionName": "s1", "WebIdentityToken": "none"});
    let fault = kit.json(&kit.administrator(), "sts", "AssumeRoleWithWebIdentity", &input).await.unwrap_err();
    assert_eq!(fault.code, "InvalidIdentityTokenException");
    let gone = json!({"RoleArn": "arn:aws:iam::123456789012:role/none", "RoleSessionName": "s1",
        "WebIdentityToken": good()});
    let fault = kit.json(&anyone, "sts", "AssumeRoleWithWebIdentity", &gone).await.unwrap_err();
    assert_eq!(fault.message, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}

/// Whoever has a genuine token may be anyone: nothing in the answer, not even a length, depends on the account that refuses.
#[tokio::test]
async fn who_is_refused_cannot_tell_what_there_is() {
    let nobody = json!({"StringEquals": {"idp.example/x:sub": "nobody"}});
    let kit = kit("sts.amazonaws.com", &trust(&all_actions(), &nobody)).await;
    let mut answers = Vec::new();
    for name in ["deployer", "deplover"] {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:4566"));
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        let role = format!("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F{name}&RoleSessionName=s1");
        let token = format!("WebIdentityToken={}&Version=2011-06-15", good());
        let body = Bytes::from(format!("Action=AssumeRoleWithWebIdentity&{role}&{token}"));
        let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let answer = kit.pipeline.serve(&request, Source::platform("test")).await;
        assert_eq!(answer.headers.get("x-fastness-authorization-message"), None);
        let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        answers.push((answer.status, names, answer.body.len()));
    }
    assert_eq!((answers[0].0, &answers[0]), (403, &answers[1]));
    // The account whose role it is reads in its own trail why.
    let record = kit.records().await.swap_remove(1);
    assert_eq!(record["errorCode"], "AccessDenied");
    assert_eq!(record["additionalEventData"]["policyEvaluation"]["allowed"], false, "{record}");
    assert_eq!(record["additionalEventData"].get("encodedAuthorizationMessage"), None);
}

#[tokio::test]
async fn the_call_comes_unsigned_over_the_wire_and_no_other_does() {
    let kit = kit("sts.amazonaws.com", &trust(&all_actions(), &json!({}))).await;
    let send = async |body: String, authorization: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:4566"));
        headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(value) = authorization {
            headers.insert("authorization", HeaderValue::from_static(value));
        }
        let body = Bytes::from(body);
        let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
        let answer = kit.pipeline.serve(&request, Source::platform("test")).await;
        (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
    };
    let role =
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fdeployer&RoleSessionName=s1&Version=2011-06-15";
    let with = |action: &str, token: &str| format!("Action={action}&{role}&WebIdentityToken={token}");
    let (status, body) = send(with("AssumeRoleWithWebIdentity", &good()), None).await;
    assert_eq!(status, 200, "{body}");
    assert!(body.contains("<SessionToken>"));
    let (status, body) = send(with("AssumeRoleWithWebIdentity", &format!("{}x", good())), None).await;
    assert_eq!((status, body.contains("InvalidIdentityToken")), (400, true), "{body}");
    // A signature that is stated must be right.
    for stated in [
        "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sts/aws4_request, SignedHeaders=host, Signature=0",
        "Bearer x",
    ] {
        let (status, body) = send(with("AssumeRoleWithWebIdentity", &good()), Some(stated)).await;
        assert!(status >= 400, "{body}");
    }
    for operation in ["AssumeRole", "GetDelegatedAccessToken"] {
        let (status, body) = send(with(operation, &good()), None).await;
        assert_eq!((status, body.contains("MissingAuthenticationToken")), (403, true), "{body}");
    }
    // Clients do not sign what is declined here, and read why.
    let provider = "PrincipalArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Asaml-provider%2Fp&SAMLAssertion=aaaa";
    let saml = format!("Action=AssumeRoleWithSAML&{role}&{provider}");
    let (status, body) = send(saml.clone(), None).await;
    assert_eq!((status, body.contains("OpenID Connect here")), (501, true), "{body}");
    let (status, body) = send(saml, Some("Bearer x")).await;
    assert!(status >= 400 && !body.contains("OpenID Connect here"), "{body}");
}
