//! From signed bytes to answered bytes: the credentials this service makes really sign.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use identity::ids;
use identity::records::{AccessKeyRecord, KeyOwner, keys};
use identity::sigv4::{Signer, sign};
use protocol::{WireRequest, WireResponse};
use serde_json::json;
use service::Source;
use service::testkit::TestKit;

use super::{allow, kit_with_role};

async fn send(kit: &TestKit, body: &str, signer: Option<&Signer<'_>>) -> WireResponse {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("sts.localhost"));
    headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    if let Some(signer) = signer {
        sign("POST", "/", "", &mut headers, body.as_bytes(), signer, kit.clock.now()).unwrap();
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
    kit.pipeline.serve(&request, Source::platform("test")).await
}

fn text(response: &WireResponse) -> String {
    String::from_utf8(response.body.to_vec()).unwrap()
}

fn between<'a>(text: &'a str, tag: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<{tag}>")).unwrap_or_else(|| panic!("no {tag} in {text}"));
    rest.split_once(&format!("</{tag}>")).unwrap().0
}

/// A long-term key for a user of the kit.
async fn key(kit: &TestKit, name: &str) -> (String, base::SecretString) {
    let directory = kit.pipeline.directory();
    let user = directory.user(kit.account, name).unwrap().unwrap();
    let (id, secret) = (ids::access_key(ids::LONG_TERM, kit.account), ids::secret());
    let record = AccessKeyRecord {
        account: kit.account,
        owner: KeyOwner::User { name: user.name.clone(), user_id: user.user_id.clone() },
        secret: secret.expose().to_owned(),
        active: true,
        created_at: kit.clock.now(),
    };
    let written: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| {
            directory.edit(tx, kit.account).put(keys::ACCESS_KEYS, &keys::access_key(&id), &record)
        })
        .await;
    written.unwrap();
    (id, secret)
}

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

#[tokio::test]
async fn from_a_long_term_key_to_a_role_over_signed_bytes() {
    let kit = kit_with_role().await;
    kit.user("ana", allow("sts:AssumeRole")).await;
    let (id, secret) = key(&kit, "ana").await;
    let signer = Signer {
        access_key_id: &id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "sts",
        s3: false,
    };
    let answer = send(&kit, WHO, Some(&signer)).await;
    assert_eq!(answer.status, 200, "{}", text(&answer));
    assert_eq!(between(&text(&answer), "Arn"), "arn:aws:iam::123456789012:user/ana");

    let assume = "Action=AssumeRole&Version=2011-06-15&RoleSessionName=s1&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ftarget";
    let answer = text(&send(&kit, assume, Some(&signer)).await);
    let secret = base::SecretString::new(between(&answer, "SecretAccessKey"));
    let session = Signer {
        access_key_id: between(&answer, "AccessKeyId"),
        secret: &secret,
        session_token: Some(between(&answer, "SessionToken")),
        ..signer
    };
    let who = text(&send(&kit, WHO, Some(&session)).await);
    assert_eq!(between(&who, "Arn"), "arn:aws:sts::123456789012:assumed-role/target/s1");
    assert!(between(&who, "UserId").ends_with(":s1"));
    // The same key without its token, and the token's key with another secret.
    let bare = send(&kit, WHO, Some(&Signer { session_token: None, ..session })).await;
    assert_eq!((bare.status, between(&text(&bare), "Code")), (403, "InvalidClientTokenId"));
    let forged = base::SecretString::new("x");
    let forged = send(&kit, WHO, Some(&Signer { secret: &forged, ..session })).await;
    assert_eq!((forged.status, between(&text(&forged), "Code")), (403, "SignatureDoesNotMatch"));
    // Nothing secret is on record.
    let records = serde_json::to_string(&kit.records().await).unwrap();
    assert!(!records.contains(secret.expose()) && !records.contains(session.session_token.unwrap()));
    assert!(records.contains(session.access_key_id));
}

#[tokio::test]
async fn strangers_are_told_nothing_but_that_they_are() {
    let kit = kit_with_role().await;
    let unsigned = send(&kit, WHO, None).await;
    assert_eq!((unsigned.status, between(&text(&unsigned), "Code")), (403, "MissingAuthenticationToken"));
    let secret = base::SecretString::new("x");
    let signer = Signer {
        access_key_id: "AKIAQNZGKIQY56JQ7WML",
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "sts",
        s3: false,
    };
    let unknown = send(&kit, WHO, Some(&signer)).await;
    assert_eq!((unknown.status, between(&text(&unknown), "Code")), (403, "InvalidClientTokenId"));
    let elsewhere = send(&kit, WHO, Some(&Signer { region: "eu-west-9", ..signer })).await;
    assert_eq!((elsewhere.status, between(&text(&elsewhere), "Code")), (403, "SignatureDoesNotMatch"));
}

#[tokio::test]
async fn the_message_of_a_denial_is_opened_by_those_who_may() {
    let kit = kit_with_role().await;
    kit.user("ana", json!([])).await;
    let (id, secret) = key(&kit, "ana").await;
    let signer = Signer {
        access_key_id: &id,
        secret: &secret,
        session_token: None,
        region: "us-east-1",
        service: "sts",
        s3: false,
    };
    let info = "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAQNZGKIQY56JQ7WML";
    let denied = send(&kit, info, Some(&signer)).await;
    assert_eq!((denied.status, between(&text(&denied), "Code")), (403, "AccessDenied"));
    let message = denied.headers[service::denial::MESSAGE_HEADER].to_str().unwrap().to_owned();
    let input = json!({"EncodedMessage": message});
    let bob = kit.user("bob", allow("sts:DecodeAuthorizationMessage")).await;
    let answer = kit.json(&bob, "sts", "DecodeAuthorizationMessage", &input).await.unwrap();
    let decoded: serde_json::Value =
        serde_json::from_str(answer["DecodedMessage"].as_str().unwrap()).unwrap();
    assert_eq!(decoded["allowed"], false);
    assert_eq!(decoded["context"]["action"], "sts:GetAccessKeyInfo");
    let changed = json!({"EncodedMessage": format!("AAAA{}", message.split_at(4).1)});
    let fault = kit.json(&bob, "sts", "DecodeAuthorizationMessage", &changed).await.unwrap_err();
    assert_eq!(fault.code, "InvalidAuthorizationMessageException");
}

#[tokio::test]
async fn what_comes_unsigned_and_is_declined_says_why() {
    let kit = kit_with_role().await;
    let arns = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr&PrincipalArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Asaml-provider%2Fp";
    let saml = format!("Action=AssumeRoleWithSAML&Version=2011-06-15&{arns}&SAMLAssertion=PHNhbWw%2B");
    let answer = send(&kit, &saml, None).await;
    assert_eq!((answer.status, between(&text(&answer), "Code")), (501, "NotImplemented"));
    assert!(text(&answer).contains("SAML is signed XML"), "{}", text(&answer));
    // Others that are declined are for whoever signs.
    let answer = send(&kit, "Action=GetDelegatedAccessToken&Version=2011-06-15&TradeInToken=x", None).await;
    assert_eq!((answer.status, between(&text(&answer), "Code")), (403, "MissingAuthenticationToken"));
}
