//! Session tokens of users, keys and messages.

use std::sync::Arc;

use identity::{CredentialSource as _, Principal};
use serde_json::{Value, json};
use service::Source;
use service::call::Door;
use service::testkit::TestKit;

use super::{allow, assume, kit, kit_with_role};

/// The principal that these credentials prove.
fn proven(kit: &TestKit, answer: &Value) -> Arc<Principal> {
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    let (id, token) = (text("AccessKeyId"), text("SessionToken"));
    let found = kit.pipeline.directory().credential(&id, Some(&token), kit.clock.now()).unwrap();
    assert_eq!(found.secret.expose(), text("SecretAccessKey"));
    found.principal
}

#[tokio::test]
async fn a_users_session_is_the_user_and_gets_no_further_session() {
    let kit = kit().await;
    let ana = kit.user("ana", allow("*")).await;
    let answer = kit.json(&ana, "sts", "GetSessionToken", &json!({})).await.unwrap();
    let session = proven(&kit, &answer);
    assert_eq!(session.arn(), ana.arn());
    let who = kit.json(&session, "sts", "GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!(who["Arn"], "arn:aws:iam::123456789012:user/ana");
    let again = kit.json(&session, "sts", "GetSessionToken", &json!({})).await.unwrap_err();
    assert_eq!(again.message, "Cannot call GetSessionToken with session credentials");
    // AWS lets such a session assume roles and ask who it is, and nothing else here.
    let info = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    let fault = kit.json(&session, "sts", "GetAccessKeyInfo", &info).await.unwrap_err();
    assert_eq!(fault.code, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_root_users_session_lasts_an_hour() {
    let kit = kit().await;
    let answer = kit
        .json(&kit.administrator(), "sts", "GetSessionToken", &json!({"DurationSeconds": 43_200}))
        .await
        .unwrap();
    let Principal::Root(root) = &*proven(&kit, &answer) else { panic!("not a root user") };
    let session = root.session.as_ref().unwrap();
    assert_eq!(session.expires_at.millis_since(session.issued_at), 3_600_000);
}

#[tokio::test]
async fn what_a_session_hands_on_goes_down_the_chain() {
    let kit = kit().await;
    let anyone = json!({"AWS": "123456789012"});
    let directory = kit.pipeline.directory();
    kit.role("target", anyone.clone(), allow("sts:*")).await;
    kit.role("next", anyone, json!([])).await;
    // Trust must say that tags and source identities are welcome.
    for name in ["target", "next"] {
        let key = identity::records::keys::named(kit.account, name);
        let mut record = directory.role(kit.account, name).unwrap().unwrap();
        record.trust = record
            .trust
            .replace(r#""sts:AssumeRole""#, r#"["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]"#);
        let written: Result<(), identity::DirectoryError> = kit
            .pipeline
            .store()
            .transact(|tx| directory.edit(tx, kit.account).put(identity::records::keys::ROLES, &key, &record))
            .await;
        written.unwrap();
    }
    let ana = kit.user("ana", allow("sts:*")).await;
    let first = assume(
        &kit,
        &ana,
        json!({"Tags": [{"Key": "team", "Value": "a"}, {"Key": "own", "Value": "b"}],
            "TransitiveTagKeys": ["team"], "SourceIdentity": "ana"}),
    )
    .await
    .unwrap();
    assert_eq!(first["SourceIdentity"], "ana");
    assert!(first["PackedPolicySize"].as_i64().unwrap() >= 1);
    let session = proven(&kit, &first);

    let to_next = |more: Value| {
        let mut input = json!({"RoleArn": "arn:aws:iam::123456789012:role/next"});
        for (name, value) in more.as_object().unwrap() {
            input[name] = value.clone();
        }
        input
    };
    let second = assume(&kit, &session, to_next(json!({}))).await.unwrap();
    let Principal::AssumedRole(role) = &*proven(&kit, &second) else { panic!("not a role") };
    assert!(role.chained);
    assert_eq!(role.session_tags, [("team".to_owned(), "a".to_owned())]);
    assert_eq!(role.source_identity.as_deref(), Some("ana"));
    // A role that lets nobody set tags or identities has none handed on.
    kit.role("closed", json!({"AWS": "123456789012"}), allow("sts:*")).await;
    let closed = json!({"RoleArn": "arn:aws:iam::123456789012:role/closed"});
    let fault = assume(&kit, &session, closed.clone()).await.unwrap_err();
    assert!(
        fault.message.contains("sts:TagSession on resource: arn:aws:iam::123456789012:role/closed"),
        "{}",
        fault.message
    );
    let named = assume(&kit, &ana, json!({"SourceIdentity": "ana"})).await.unwrap();
    let fault = assume(&kit, &proven(&kit, &named), closed.clone()).await.unwrap_err();
    assert!(fault.message.contains("sts:SetSourceIdentity"), "{}", fault.message);
    let own = assume(&kit, &ana, json!({"Tags": [{"Key": "own", "Value": "b"}]})).await.unwrap();
    let last = assume(&kit, &proven(&kit, &own), closed).await.unwrap();
    let Principal::AssumedRole(role) = &*proven(&kit, &last) else { panic!("not a role") };
    assert!(role.session_tags.is_empty(), "what is not transitive ends with its session");
    let changed = to_next(json!({"Tags": [{"Key": "Team", "Value": "z"}]}));
    assert_eq!(assume(&kit, &session, changed).await.unwrap_err().code, "InvalidParameterValue");
    let changed = to_next(json!({"SourceIdentity": "eve"}));
    assert_eq!(assume(&kit, &session, changed).await.unwrap_err().code, "AccessDenied");
    let long = to_next(json!({"DurationSeconds": 3_601}));
    assert!(assume(&kit, &session, long).await.unwrap_err().message.contains("role chaining"));
}

/// `AssumeRole` as it comes through the door of an environment, or of nobody's; where the session that it makes began.
async fn began_in(kit: &TestKit, who: &Arc<Principal>, environment: Option<&str>) -> Option<String> {
    let door = environment.map(|id| {
        let role_arn = super::ROLE_ARN.to_owned();
        Arc::new(Door { account: kit.account, role_arn, environment_id: id.to_owned() })
    });
    let source = Source { via: Vec::new(), door, ..Source::platform("test") };
    let model = protocol::model("sts").unwrap().operation("AssumeRole").unwrap();
    let input = json!({"RoleArn": super::ROLE_ARN, "RoleSessionName": "session"});
    let input = protocol::value_from_json(model.input().unwrap(), &input).unwrap();
    let output = kit.pipeline.invoke(Arc::clone(who), source, "sts", "AssumeRole", input).await.unwrap();
    let answer = protocol::value_to_json(model.output().unwrap(), &output, protocol::Redact::No);
    let Principal::AssumedRole(role) = &*proven(kit, &answer) else { panic!("not a role") };
    assert_eq!(role.source_environment, None);
    role.began_in.clone()
}

#[tokio::test]
async fn a_role_that_is_assumed_through_a_door_is_good_for_that_door() {
    let kit = kit().await;
    let role = kit.role("target", json!({"AWS": "123456789012"}), allow("sts:*")).await;
    let Principal::AssumedRole(mut session) = (*role).clone() else { panic!("not a role") };
    assert_eq!(began_in(&kit, &role, Some("env-1")).await.as_deref(), Some("env-1"));
    // The function's own session, or one that it assumed, used outside: nothing tells the door that it may let that in.
    session.source_environment = Some("env-1".into());
    assert_eq!(began_in(&kit, &Arc::new(Principal::AssumedRole(session.clone())), None).await, None);
    session.source_environment = None;
    session.began_in = Some("env-1".into());
    let chained = Arc::new(Principal::AssumedRole(session));
    assert_eq!(began_in(&kit, &chained, None).await, None);
    assert_eq!(began_in(&kit, &chained, Some("env-1")).await.as_deref(), Some("env-1"));
}

#[tokio::test]
async fn a_session_policy_narrows_and_never_widens() {
    let kit = kit().await;
    kit.role("target", json!({"AWS": "123456789012"}), allow("sts:GetAccessKeyInfo")).await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let info = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    let message = json!({"EncodedMessage": "abc"});
    for (action, may_info) in [("sts:*", true), ("sts:DecodeAuthorizationMessage", false)] {
        let policy = json!({"Version": "2012-10-17", "Statement": allow(action)}).to_string();
        let answer = assume(&kit, &ana, json!({"Policy": policy})).await.unwrap();
        let session = proven(&kit, &answer);
        let answered = kit.json(&session, "sts", "GetAccessKeyInfo", &info).await;
        assert_eq!(answered.is_ok(), may_info, "{action}");
        let fault = kit.json(&session, "sts", "DecodeAuthorizationMessage", &message).await.unwrap_err();
        assert_eq!(fault.code, "AccessDenied", "{action}");
    }
}

#[tokio::test]
async fn a_session_keeps_the_very_policy_that_it_was_given() {
    const ARN: &str = "arn:aws:iam::123456789012:policy/narrow";
    let kit = kit().await;
    kit.role("target", json!({"AWS": "123456789012"}), allow("sts:*")).await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let directory = kit.pipeline.directory().clone();
    let key = identity::records::keys::named(kit.account, "narrow");
    let put = async |id: &str, action: &str| {
        let document = json!({"Version": "2012-10-17", "Statement": allow(action)}).to_string();
        let version = identity::records::PolicyVersion { number: 1, created_at: kit.clock.now(), document };
        let record = identity::records::ManagedPolicyRecord {
            name: "narrow".into(),
            path: "/".into(),
            policy_id: id.into(),
            description: None,
            created_at: kit.clock.now(),
            updated_at: kit.clock.now(),
            tags: vec![],
            default_version: 1,
            newest_version: 1,
            versions: vec![version],
        };
        let written: Result<(), identity::DirectoryError> = kit
            .pipeline
            .store()
            .transact(|tx| {
                directory.edit(tx, kit.account).put(identity::records::keys::POLICIES, &key, &record)
            })
            .await;
        written.unwrap();
    };
    let info = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    let ask = async |who: &Arc<Principal>| {
        kit.json(who, "sts", "GetAccessKeyInfo", &info).await.map(|_| ()).map_err(|fault| fault.message)
    };
    put("ANPAFIRST", "sts:GetAccessKeyInfo").await;
    let more = json!({"PolicyArns": [{"arn": ARN}]});
    let session = proven(&kit, &assume(&kit, &ana, more.clone()).await.unwrap());
    assert_eq!(ask(&session).await, Ok(()));
    // It is the policy that it keeps, not its text: a new version counts.
    put("ANPAFIRST", "sts:GetCallerIdentity").await;
    let nothing = "because no session policy allows the sts:GetAccessKeyInfo action";
    assert!(ask(&session).await.unwrap_err().ends_with(nothing));
    put("ANPAFIRST", "sts:GetAccessKeyInfo").await;
    assert_eq!(ask(&session).await, Ok(()));
    // Another one of its name gives it nothing, nor does what it was given beside it.
    let wide = json!({"Version": "2012-10-17", "Statement": allow("*")}).to_string();
    let two = json!({"PolicyArns": [{"arn": ARN}], "Policy": wide});
    let beside = proven(&kit, &assume(&kit, &ana, two).await.unwrap());
    put("ANPASECOND", "*").await;
    for session in [&session, &beside] {
        let why = ask(session).await.unwrap_err();
        assert!(why.ends_with(nothing), "{why}");
    }
    // Gone altogether, likewise: the caller is told, and no call fails for it.
    let deleted: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| directory.edit(tx, kit.account).delete(identity::records::keys::POLICIES, &key))
        .await;
    deleted.unwrap();
    assert!(ask(&session).await.unwrap_err().ends_with(nothing));
    assert!(assume(&kit, &ana, more.clone()).await.unwrap_err().message.contains("does not exist"));
    // AWS's own are never made anew.
    let aws = json!({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]});
    let session = proven(&kit, &assume(&kit, &ana, aws).await.unwrap());
    assert_eq!(ask(&session).await, Ok(()));
}

#[tokio::test]
async fn sessions_end_on_time_and_with_their_role() {
    let kit = kit_with_role().await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let answer = assume(&kit, &ana, json!({"DurationSeconds": 900})).await.unwrap();
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    let (id, token) = (text("AccessKeyId"), text("SessionToken"));
    let directory = kit.pipeline.directory();
    kit.clock.advance_millis(899_999);
    assert!(directory.credential(&id, Some(&token), kit.clock.now()).is_ok());
    kit.clock.advance_millis(1);
    let late = directory.credential(&id, Some(&token), kit.clock.now());
    assert_eq!(late.map(|_| ()), Err(identity::CredentialError::ExpiredToken));
}

#[tokio::test]
async fn the_account_of_a_key_is_told() {
    let kit = kit().await;
    let ask = async |id: &str| {
        kit.json(&kit.administrator(), "sts", "GetAccessKeyInfo", &json!({"AccessKeyId": id})).await
    };
    assert_eq!(ask("ASIAQNZGKIQY56JQ7WML").await.unwrap()["Account"], "029608264753");
    assert_eq!(ask("AKIAIOSFODNN7EXAMPLE").await.unwrap_err().code, "ValidationError");
    assert!(ask("short").await.is_err());
}

#[tokio::test]
async fn older_sessions_of_a_role_can_be_revoked() {
    let kit = kit().await;
    kit.role("target", json!({"AWS": "123456789012"}), allow("sts:*")).await;
    let ana = kit.user("ana", allow("sts:AssumeRole")).await;
    let info = json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"});
    let old = proven(&kit, &assume(&kit, &ana, json!({})).await.unwrap());
    assert!(kit.json(&old, "sts", "GetAccessKeyInfo", &info).await.is_ok());
    kit.clock.advance_millis(2_000);
    // What the console's "revoke active sessions" attaches.
    let moment = kit.clock.now().iso8601_secs();
    let revoke = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}}}]});
    let directory = kit.pipeline.directory();
    let mut record = directory.role(kit.account, "target").unwrap().unwrap();
    record
        .inline
        .push(identity::records::InlinePolicy { name: "revoke".into(), document: revoke.to_string() });
    let key = identity::records::keys::named(kit.account, "target");
    let written: Result<(), identity::DirectoryError> = kit
        .pipeline
        .store()
        .transact(|tx| directory.edit(tx, kit.account).put(identity::records::keys::ROLES, &key, &record))
        .await;
    written.unwrap();
    let fault = kit.json(&old, "sts", "GetAccessKeyInfo", &info).await.unwrap_err();
    assert!(fault.message.contains("with an explicit deny"), "{}", fault.message);
    let new = proven(&kit, &assume(&kit, &ana, json!({})).await.unwrap());
    assert!(kit.json(&new, "sts", "GetAccessKeyInfo", &info).await.is_ok());
}

#[tokio::test]
async fn a_federated_user_is_narrowed_by_both_sides_and_lives_as_its_user_does() {
    let kit = kit().await;
    let rights = json!([{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]);
    let ana = kit.user("ana", rights).await;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["sts:GetAccessKeyInfo", "iam:*"], "Resource": "*"}]});
    let input =
        json!({"Name": "friend", "Policy": policy.to_string(), "Tags": [{"Key": "Team", "Value": "blue"}]});
    let answer = kit.json(&ana, "sts", "GetFederationToken", &input).await.unwrap();
    assert_eq!(answer["FederatedUser"]["FederatedUserId"], "123456789012:friend");
    let friend = proven(&kit, &answer);
    assert_eq!(friend.arn(), "arn:aws:sts::123456789012:federated-user/friend");
    let policies = kit.pipeline.directory().policies_for(&friend).unwrap();
    assert_eq!((policies.identity().len(), policies.session().len()), (1, 1));
    let context = identity::context::of(&friend, kit.clock.now());
    assert_eq!(context.values("aws:PrincipalTag/Team"), ["blue"]);
    // Without a session policy there is one that allows nothing.
    let bare = kit.json(&ana, "sts", "GetFederationToken", &json!({"Name": "bare"})).await.unwrap();
    assert_eq!(kit.pipeline.directory().policies_for(&proven(&kit, &bare)).unwrap().session().len(), 1);
    for (operation, input) in [
        ("GetFederationToken", json!({"Name": "more"})),
        ("GetSessionToken", json!({})),
        ("GetAccessKeyInfo", json!({"AccessKeyId": "AKIAQNZGKIQY56JQ7WML"})),
    ] {
        let fault = kit.json(&friend, "sts", operation, &input).await.unwrap_err();
        assert!(
            matches!(&*fault.code, "AccessDenied" | "InvalidClientTokenId"),
            "{operation}: {}",
            fault.code
        );
    }
    // A later user of the same name lends nothing to whom the first one lent.
    kit.user("ana", json!([])).await;
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    let (id, token) = (text("AccessKeyId"), text("SessionToken"));
    assert!(kit.pipeline.directory().credential(&id, Some(&token), kit.clock.now()).is_err());
    assert!(
        kit.pipeline.directory().policies_for(&friend).is_ok_and(|policies| policies.boundary().is_some())
    );
}
