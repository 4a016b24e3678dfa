//! The pipeline's order, seen from outside: a service of one real operation, and every way to be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::SecretString;
use identity::records::{RoleRecord, UserRecord, keys};
use identity::{FederatedUser, Principal, sigv4};
use protocol::{IntoValue, Operation, Value, WireRequest, WireResponse};
use serde_json::{Value as Json, json};
use service::testkit::{Members, TestKit};
use service::{Access, AccessRequest, Permit, Rate, Service, ServiceBuilder, Source, service_error};

service_error! {
    /// What the sample service answers.
    pub enum Error {
        /// For `?` on tests.
        NotAuthorized = "InvalidAuthorizationMessageException",
    }
}

struct GetCallerIdentity;

impl Operation for GetCallerIdentity {
    const SERVICE: &'static str = "sts";
    const NAME: &'static str = "GetCallerIdentity";
    type Input = Members;
    type Output = Members;
}

struct GetAccessKeyInfo;

impl Operation for GetAccessKeyInfo {
    const SERVICE: &'static str = "sts";
    const NAME: &'static str = "GetAccessKeyInfo";
    type Input = Members;
    type Output = Members;
}

/// The key id that the handler does not take.
const FAILS: &str = "AKIAIOSFODNN7FAILURE";

#[derive(Default)]
struct Sample {
    handled: AtomicUsize,
}

fn open(_: &Sample, _: &AccessRequest<'_, Members>) -> Result<Access, Error> {
    Ok(Access::open("anyone may ask who they are"))
}

fn info_access(_: &Sample, _: &AccessRequest<'_, Members>) -> Result<Access, Error> {
    Ok(Access::to("sts:GetAccessKeyInfo", "*"))
}

async fn who(sample: Arc<Sample>, permit: Permit<GetCallerIdentity>) -> Result<Members, Error> {
    sample.handled.fetch_add(1, Ordering::SeqCst);
    let arn = permit.call.principal().arn().to_owned();
    Ok(Members(protocol::Structure::new().with("Arn", arn).into_value()))
}

async fn info(sample: Arc<Sample>, permit: Permit<GetAccessKeyInfo>) -> Result<Members, Error> {
    sample.handled.fetch_add(1, Ordering::SeqCst);
    if let Value::Structure(members) = &permit.input.0
        && members.str("AccessKeyId") == Some(FAILS)
    {
        return Err(Error::NotAuthorized("it is of no use".to_owned()));
    }
    permit.call.transact(|_| Ok::<_, Error>(())).await?;
    Ok(Members(protocol::Structure::new().with("Account", permit.call.account().as_str()).into_value()))
}

fn sample(state: &Arc<Sample>) -> Service {
    ServiceBuilder::new("sts", Arc::clone(state))
        .operation(open, who)
        .operation(info_access, info)
        .declined("there is no SAML identity provider here", &["AssumeRoleWithSAML"])
        .build()
}

async fn kit() -> (TestKit, Arc<Sample>) {
    let state = Arc::new(Sample::default());
    let kit = TestKit::start(|_| vec![sample(&state)]).await;
    (kit, state)
}

fn key_info() -> Json {
    json!({"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"})
}

#[tokio::test]
async fn a_policy_decides_and_the_reason_is_told() {
    let (kit, state) = kit().await;
    let allowed = kit
        .user("allowed", json!([{"Effect": "Allow", "Action": "sts:GetAccessKeyInfo", "Resource": "*"}]))
        .await;
    let nobody = kit.user("nobody", json!([])).await;
    let answer = kit.json(&allowed, "sts", "GetAccessKeyInfo", &key_info()).await.unwrap();
    assert_eq!(answer, json!({"Account": "123456789012"}));
    let fault = kit.json(&nobody, "sts", "GetAccessKeyInfo", &key_info()).await.unwrap_err();
    assert_eq!(fault.code, "AccessDenied");
    assert_eq!(
        fault.message,
        "User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: sts:GetAccessKeyInfo on resource: * because no \
         identity-based policy allows the sts:GetAccessKeyInfo action"
    );
    assert_eq!(state.handled.load(Ordering::SeqCst), 1);
}

/// Services keep principals while they work: what a role or a user is by its own tags is as of each call.
#[tokio::test]
async fn a_kept_principal_has_the_tags_of_now() {
    let (kit, _) = kit().await;
    let red = json!([{"Effect": "Allow", "Action": "sts:GetAccessKeyInfo", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}]);
    let role = kit.role("orders", json!({"Service": "lambda.amazonaws.com"}), red.clone()).await;
    let user = kit.user("ana", red).await;
    let lender = match &*user {
        Principal::User(user) => Some(user.clone()),
        _ => None,
    };
    let mut lent = FederatedUser::new(kit.account, "guest", lender);
    lent.access_key_id = "ASIAGUEST".to_owned();
    lent.session_policies = vec![
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
            .to_string(),
    ];
    let lent = Arc::new(Principal::FederatedUser(lent));
    let mut session = match &*role {
        Principal::AssumedRole(role) => role.clone(),
        _ => panic!("a role"),
    };
    session.session_tags = vec![("team".to_owned(), "red".to_owned())];
    let session = Arc::new(Principal::AssumedRole(session));
    for (team, allowed) in [("", false), ("red", true), ("blue", false), ("red", true), ("", false)] {
        tag(&kit, team).await;
        for who in [&role, &user, &lent] {
            let answer = kit.json(who, "sts", "GetAccessKeyInfo", &key_info()).await;
            assert_eq!(answer.is_ok(), allowed, "{} {team}", who.arn());
        }
        let answer = kit.json(&session, "sts", "GetAccessKeyInfo", &key_info()).await;
        assert!(answer.is_ok(), "a session's own tag stays: {answer:?}");
    }
}

/// Gives the role `orders` and the user `ana` this team, or none.
async fn tag(kit: &TestKit, team: &str) {
    let tags = if team.is_empty() { vec![] } else { vec![("team".to_owned(), team.to_owned())] };
    let directory = kit.pipeline.directory();
    let role = RoleRecord { tags: tags.clone(), ..directory.role(kit.account, "orders").unwrap().unwrap() };
    let user = UserRecord { tags, ..directory.user(kit.account, "ana").unwrap().unwrap() };
    let written: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| {
            let mut edit = directory.edit(tx, kit.account);
            edit.put(keys::ROLES, &keys::named(kit.account, "orders"), &role)?;
            edit.put(keys::USERS, &keys::named(kit.account, "ana"), &user)
        })
        .await;
    written.unwrap();
}

#[tokio::test]
async fn what_is_not_implemented_says_so() {
    let (kit, _) = kit().await;
    let root = kit.administrator();
    let declined = kit
        .json(
            &root,
            "sts",
            "AssumeRoleWithSAML",
            &json!({"RoleArn": "arn:aws:iam::123456789012:role/r",
            "PrincipalArn": "arn:aws:iam::123456789012:saml-provider/p", "SAMLAssertion": "aaaa"}),
        )
        .await
        .unwrap_err();
    assert_eq!((&*declined.code, declined.status), ("NotImplemented", 501));
    assert!(declined.message.contains("no SAML identity provider"), "{}", declined.message);
    let absent = kit.json(&root, "sts", "GetSessionToken", &json!({})).await.unwrap_err();
    assert_eq!((&*absent.code, absent.status), ("NotImplemented", 501));
}

/// What ends before policy is asked needed no leave, and its record says so.
#[tokio::test]
async fn what_was_never_asked_needed_nothing() {
    let state = Arc::new(Sample::default());
    let rate = Rate { per_second: 1, burst: 5 };
    let kit = TestKit::start_with(rate, |_| vec![sample(&state)]).await;
    let ana = kit.user("ana", json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])).await;
    let saml = json!({"RoleArn": "arn:aws:iam::123456789012:role/r", "SAMLAssertion": "aaaa",
        "PrincipalArn": "arn:aws:iam::123456789012:saml-provider/p"});
    let info = vec![("sts:GetAccessKeyInfo".to_owned(), "*".to_owned())];
    for (operation, input, code, needed) in [
        ("GetAccessKeyInfo", json!({"AccessKeyId": "short"}), "ValidationError", vec![]),
        ("GetAccessKeyInfo", json!({}), "ValidationError", vec![]),
        ("AssumeRoleWithSAML", saml, "NotImplemented", vec![]),
        ("GetAccessKeyInfo", key_info(), "", info.clone()),
        // It was granted, and then failed.
        ("GetAccessKeyInfo", json!({"AccessKeyId": FAILS}), "InvalidAuthorizationMessageException", info),
        ("GetAccessKeyInfo", key_info(), "ThrottlingException", vec![]),
    ] {
        let answer = kit.json(&ana, "sts", operation, &input).await;
        assert_eq!(answer.err().map(|fault| fault.code.to_string()).unwrap_or_default(), code, "{input}");
        let record = kit.records().await.swap_remove(0);
        assert_eq!(record["errorCode"].as_str().unwrap_or_default(), code);
        let call = analysis::usage::of_record(&record.to_string()).unwrap();
        assert_eq!((call.needs, call.denied), (needed, false), "{code} {input}");
    }
}

#[tokio::test]
async fn every_call_leaves_its_record() {
    let (kit, _) = kit().await;
    let nobody = kit.user("nobody", json!([])).await;
    kit.json(&nobody, "sts", "GetCallerIdentity", &json!({})).await.unwrap();
    kit.json(&nobody, "sts", "GetAccessKeyInfo", &key_info()).await.unwrap_err();
    kit.json(&kit.administrator(), "sts", "GetAccessKeyInfo", &key_info()).await.unwrap();
    let records = kit.records().await;
    assert_eq!(records.len(), 3, "{records:#?}");
    let of = |name: &str, failed: bool| {
        let found = records.iter().find(|r| r["eventName"] == name && r["errorCode"].is_string() == failed);
        found.unwrap_or_else(|| panic!("no {name}: {records:#?}"))
    };
    let denied = of("GetAccessKeyInfo", true);
    assert_eq!(denied["userIdentity"]["userName"], "nobody");
    assert_eq!(denied["eventSource"], "sts.amazonaws.com");
    assert!(denied["errorMessage"].as_str().unwrap().contains("no identity-based policy"));
    assert!(denied["additionalEventData"]["encodedAuthorizationMessage"].is_string(), "{denied:#}");
    let message = denied["additionalEventData"]["encodedAuthorizationMessage"].as_str().unwrap();
    let opened: Json = serde_json::from_str(&kit.pipeline.denials().open(message).unwrap()).unwrap();
    assert_eq!(opened["context"]["action"], "sts:GetAccessKeyInfo");
    let changed: String = message.chars().rev().collect();
    assert!(kit.pipeline.denials().open(&changed).is_err());
    of("GetCallerIdentity", false);
    of("GetAccessKeyInfo", false);
}

#[tokio::test]
async fn an_account_that_calls_too_often_is_told_so() {
    let state = Arc::new(Sample::default());
    let kit = TestKit::start_with(Rate { per_second: 1, burst: 2 }, |_| vec![sample(&state)]).await;
    let root = kit.administrator();
    for _ in 0..2 {
        kit.json(&root, "sts", "GetCallerIdentity", &json!({})).await.unwrap();
    }
    let fault = kit.json(&root, "sts", "GetCallerIdentity", &json!({})).await.unwrap_err();
    assert_eq!(fault.code, "ThrottlingException");
    kit.clock.advance_millis(1_000);
    kit.json(&root, "sts", "GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!(state.handled.load(Ordering::SeqCst), 3);
}

/// A signed form post; the closure may damage it.
async fn post(kit: &TestKit, body: &str, damage: impl FnOnce(&mut http::HeaderMap)) -> WireResponse {
    let mut headers = http::HeaderMap::new();
    headers.insert("host", "127.0.0.1:4566".parse().unwrap());
    headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
    damage(&mut headers);
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    let request = WireRequest { method: "POST", path: "/", query: "", headers: &headers, body: &body };
    let source = Source { via: Vec::new(), ..Source::platform("test") };
    kit.pipeline.serve(&request, source).await
}

const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

#[tokio::test]
async fn no_handler_sees_a_request_without_a_signature() {
    let (kit, state) = kit().await;
    let answer = post(&kit, WHO, |_| ()).await;
    assert_eq!(answer.status, 403);
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(text.contains("<Code>MissingAuthenticationToken</Code>"), "{text}");
    let forged = post(&kit, WHO, |headers| {
        let credential = "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sts/aws4_request";
        let signature = "0".repeat(64);
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
        );
        headers.insert("authorization", value.parse().unwrap());
        headers.insert("x-amz-date", "20260101T000000Z".parse().unwrap());
    })
    .await;
    assert_eq!(forged.status, 403);
    assert_eq!(state.handled.load(Ordering::SeqCst), 0);
    let records = kit.records().await;
    assert_eq!(records.len(), 2, "{records:#?}");
    assert!(records.iter().all(|record| record["errorCode"].is_string()));
    assert!(records.iter().any(|record| record["userIdentity"]["accessKeyId"] == "AKIAIOSFODNN7EXAMPLE"));
}

/// Who signs nothing reaches S3's names, too, and may call what is none of them as often as it likes.
#[tokio::test]
async fn strangers_who_name_no_operation_fill_no_trail() {
    const BURST: usize = 1_000;
    let (kit, _) = kit().await;
    let mut headers = http::HeaderMap::new();
    headers.insert("host", "127.0.0.1:4566".parse().unwrap());
    let body = bytes::Bytes::new();
    let request =
        WireRequest { method: "PATCH", path: "/bucket/key", query: "", headers: &headers, body: &body };
    for _ in 0..BURST + 200 {
        let answer = kit.pipeline.serve(&request, Source::platform("test")).await;
        assert!(answer.status >= 400, "{}", answer.status);
    }
    let recorded = kit.records().await.len();
    assert!((1..=BURST).contains(&recorded), "{recorded}");
}

#[tokio::test]
async fn a_signed_request_is_answered() {
    let (kit, _) = kit().await;
    let directory = kit.pipeline.directory();
    let account = "111122223333".parse().unwrap();
    let key = identity::RootKey {
        access_key_id: "AKIATESTTESTTESTTEST".to_owned(),
        secret: SecretString::new("a-secret-of-forty-characters-is-the-rule"),
    };
    directory.bootstrap_account(account, Some(key.clone()), kit.clock.now()).await.unwrap();
    let answer = post(&kit, WHO, |headers| {
        let signer = sigv4::Signer {
            access_key_id: &key.access_key_id,
            secret: &key.secret,
            session_token: None,
            region: "us-east-1",
            service: "sts",
            s3: false,
        };
        sigv4::sign("POST", "/", "", headers, WHO.as_bytes(), &signer, kit.clock.now()).unwrap();
    })
    .await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains("<Arn>arn:aws:iam::111122223333:root</Arn>"), "{text}");
}

/// Another account's resource, with a tag and a policy that refuses.
fn foreign_access(_: &Sample, _: &AccessRequest<'_, Members>) -> Result<Access, Error> {
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "InnerName", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]});
    let policy = policy::Policy::parse(&policy.to_string(), policy::PolicyKind::Resource).unwrap();
    Ok(Access::to("sts:GetAccessKeyInfo", "arn:aws:iam::210987654321:user/theirs")
        .owned_by("210987654321".parse().unwrap())
        .resource_policy(Some(policy))
        .resource_tags([("project", "hidden-value")])
        .told_as("theirs"))
}

#[tokio::test]
async fn an_explained_denial_tells_nothing_of_another_accounts_resource() {
    let state = Arc::new(Sample::default());
    let kit = TestKit::start(|_| {
        let service = ServiceBuilder::new("sts", Arc::clone(&state));
        vec![service.operation(open, who).operation(foreign_access, info).build()]
    })
    .await;
    let root = kit.administrator();
    let begun = std::time::Instant::now();
    let fault = kit.json(&root, "sts", "GetAccessKeyInfo", &key_info()).await.unwrap_err();
    assert!(begun.elapsed() >= std::time::Duration::from_millis(5), "held, so that its work does not show");
    assert!(fault.message.contains(" on resource: theirs with an explicit deny"), "{}", fault.message);
    let records = kit.records().await;
    let sealed = records[0]["additionalEventData"]["encodedAuthorizationMessage"].as_str().unwrap();
    let opened = kit.pipeline.denials().open(sealed).unwrap();
    assert!(!opened.contains("hidden-value") && !opened.contains("InnerName"), "{opened}");
    assert!(opened.contains("aws:") && opened.contains("sts:GetAccessKeyInfo"), "{opened}");
}

/// A resource of this account, or of another one, that nobody's policy is about.
fn owned_access(_: &Sample, request: &AccessRequest<'_, Members>) -> Result<Access, Error> {
    let Value::Structure(input) = &request.input.0 else { return Ok(Access::open("no input")) };
    let access = Access::to("sts:GetAccessKeyInfo", "arn:aws:iam::210987654321:user/theirs");
    Ok(match input.str("AccessKeyId") {
        Some(id) if id.ends_with("THEIRS") => access.owned_by("210987654321".parse().unwrap()),
        _ => access,
    })
}

#[tokio::test]
async fn a_denying_policy_is_named_within_its_own_account_alone() {
    let state = Arc::new(Sample::default());
    let kit = TestKit::start(|_| {
        let service = ServiceBuilder::new("sts", Arc::clone(&state));
        vec![service.operation(open, who).operation(owned_access, info).build()]
    })
    .await;
    kit.user("ana", json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}])).await;
    let directory = kit.pipeline.directory();
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "No", "Effect": "Deny", "Action": "sts:GetAccessKeyInfo", "Resource": "*"}]});
    let policy = identity::records::ManagedPolicyRecord {
        name: "guard".into(),
        path: "/team/".into(),
        policy_id: "ANPAX".into(),
        description: None,
        created_at: kit.clock.now(),
        updated_at: kit.clock.now(),
        tags: vec![],
        default_version: 1,
        newest_version: 1,
        versions: vec![identity::records::PolicyVersion {
            number: 1,
            created_at: kit.clock.now(),
            document: document.to_string(),
        }],
    };
    let arn = format!("arn:aws:iam::{}:policy/team/guard", kit.account);
    let ana = keys::named(kit.account, "ana");
    let store = kit.pipeline.store();
    let mut user: UserRecord = identity::Reads::record(store, keys::USERS, &ana).unwrap().unwrap();
    for kind in ["an identity-based policy", "a permissions boundary"] {
        (user.attached, user.boundary) = match kind {
            "a permissions boundary" => (vec![], Some(arn.clone())),
            _ => (vec![arn.clone()], None),
        };
        let written: Result<(), identity::DirectoryError> = store
            .transact(|tx| {
                let mut edit = directory.edit(tx, kit.account);
                let key = keys::named(kit.account, "guard");
                edit.put(keys::POLICIES, &key, &policy)?;
                edit.put(keys::USERS, &ana, &user)
            })
            .await;
        written.unwrap();
        let who = Arc::new(Principal::User(identity::User::new(
            kit.account,
            "/",
            "ana",
            user.user_id.as_str(),
            "",
        )));
        for (id, told) in
            [("AKIAEXAMPLEEXAMPOURS", format!(": {arn}")), ("AKIAEXAMPLEEXATHEIRS", String::new())]
        {
            let input = json!({"AccessKeyId": id});
            let fault = kit.json(&who, "sts", "GetAccessKeyInfo", &input).await.unwrap_err();
            let expected = format!("with an explicit deny in {kind}{told}");
            assert!(fault.message.ends_with(&expected), "{id}: {}", fault.message);
        }
        // The account's own trail has the name in both cases: the policy is its own.
        let records = kit.records().await;
        let evaluation =
            |at: usize| records[at]["additionalEventData"]["policyEvaluation"]["statement"].clone();
        assert_eq!((&evaluation(0)["policy"], &evaluation(1)["policy"]), (&json!(arn), &json!(arn)));
    }
}
