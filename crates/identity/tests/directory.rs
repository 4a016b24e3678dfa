//! The directory over a real store: bootstrap, keys, sessions, policies, and how soon a change takes effect.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use base::{AccountId, SecretString, Timestamp};
use identity::records::{
    AccessKeyRecord, GroupRecord, InlinePolicy, KeyOwner, LastUsedRecord, ManagedPolicyRecord, PolicyVersion,
    RoleRecord, UserRecord, keys,
};
use identity::{
    BootstrapError, CredentialError, CredentialSource, Directory, DirectoryError, Edit, Principal, Reads,
    RoleSession, RootKey, Session, Subject,
};
use store::Store;

const READ: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

fn directory() -> Directory {
    Directory::new(Store::ephemeral().unwrap(), crypto::RootKey::ephemeral().derive("session"))
}

async fn edit(directory: &Directory, change: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), DirectoryError>) {
    directory
        .store()
        .transact(|transaction| change(&mut directory.edit(transaction, account())))
        .await
        .unwrap();
}

fn user() -> UserRecord {
    UserRecord {
        name: "Bob".into(),
        path: "/team/".into(),
        user_id: "AIDABOB".into(),
        created_at: now(),
        tags: vec![("team".into(), "a".into())],
        inline: vec![],
        attached: vec![],
        groups: vec![],
        boundary: None,
    }
}

fn role() -> RoleRecord {
    RoleRecord {
        name: "orders".into(),
        path: "/".into(),
        role_id: "AROAORDERS".into(),
        created_at: now(),
        trust: TRUST.into(),
        description: None,
        session_secs_max: 3_600,
        tags: vec![],
        inline: vec![InlinePolicy { name: "read".into(), document: READ.into() }],
        attached: vec!["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole".into()],
        boundary: None,
    }
}

fn key_of_bob(active: bool) -> AccessKeyRecord {
    AccessKeyRecord {
        account: account(),
        owner: KeyOwner::User { name: "Bob".into(), user_id: "AIDABOB".into() },
        secret: "bobs-secret".into(),
        active,
        created_at: now(),
    }
}

async fn put_user(directory: &Directory, record: UserRecord) {
    edit(directory, |edit| edit.put(keys::USERS, &keys::named(account(), "bob"), &record)).await;
}

async fn put_key(directory: &Directory, record: AccessKeyRecord) {
    edit(directory, |edit| edit.put(keys::ACCESS_KEYS, &keys::access_key("AKIABOB"), &record)).await;
}

#[tokio::test]
async fn the_first_start_makes_one_root_key_and_later_starts_compare_it() {
    let directory = directory();
    let made = directory.bootstrap_account(account(), None, now()).await.unwrap().unwrap();
    assert_eq!(made.access_key_id.len(), 20);
    let found = directory.credential(&made.access_key_id, None, now()).unwrap();
    assert_eq!(found.secret.expose(), made.secret.expose());
    assert_eq!(found.principal.arn(), "arn:aws:iam::123456789012:root");
    assert_eq!(found.principal.access_key_id(), Some(made.access_key_id.as_str()));

    assert!(directory.bootstrap_account(account(), None, now()).await.unwrap().is_none());
    assert!(directory.bootstrap_account(account(), Some(made.clone()), now()).await.unwrap().is_none());
    let forged = RootKey { secret: SecretString::new("another-secret-key"), ..made };
    let refused = directory.bootstrap_account(account(), Some(forged), now()).await;
    assert!(matches!(refused, Err(BootstrapError::OtherKey)));
    let other = RootKey::random(account());
    assert!(matches!(
        directory.bootstrap_account(account(), Some(other), now()).await,
        Err(BootstrapError::OtherKey)
    ));
    for (id, secret) in [
        ("test", "test-test-test-test"),
        ("AKIAAAAAAAAAAAAAAAAA", "test"),
        ("AKIA AAAAAAAAAAAAAAA", "0123456789012345"),
    ] {
        let key = RootKey { access_key_id: id.into(), secret: SecretString::new(secret) };
        assert!(directory.bootstrap_account(account(), Some(key), now()).await.is_err(), "{id}");
    }
}

#[tokio::test]
async fn a_key_is_refused_the_moment_it_or_its_user_is_not_good() {
    let directory = directory();
    let find = || directory.credential("AKIABOB", None, now()).map(|found| found.principal.arn().to_owned());
    assert_eq!(find(), Err(CredentialError::Unknown));
    put_key(&directory, key_of_bob(true)).await;
    assert_eq!(find(), Err(CredentialError::Unknown), "a key without its user");
    put_user(&directory, user()).await;
    assert_eq!(find().unwrap(), "arn:aws:iam::123456789012:user/team/Bob");
    put_key(&directory, key_of_bob(false)).await;
    assert_eq!(find(), Err(CredentialError::Unknown), "inactive");
    put_key(&directory, key_of_bob(true)).await;
    assert!(find().is_ok());
    put_user(&directory, UserRecord { user_id: "AIDAOTHER".into(), ..user() }).await;
    assert_eq!(find(), Err(CredentialError::Unknown), "another user of the same name");
    put_user(&directory, user()).await;
    edit(&directory, |edit| edit.delete(keys::ACCESS_KEYS, &keys::access_key("AKIABOB"))).await;
    assert_eq!(find(), Err(CredentialError::Unknown), "deleted");
    // A long-term key takes no token.
    put_key(&directory, key_of_bob(true)).await;
    assert!(find().is_ok());
    let with_token = directory.credential("AKIABOB", Some("token"), now()).map(|_| ());
    assert_eq!(with_token, Err(CredentialError::InvalidToken));
}

#[tokio::test]
async fn policies_of_a_user_are_its_own_its_groups_and_its_boundary() {
    let directory = directory();
    put_user(&directory, user()).await;
    let principal = Principal::User(identity::User::new(account(), "/team/", "Bob", "AIDABOB", "AKIABOB"));
    assert!(directory.policies_for(&principal).unwrap().identity().is_empty());

    let policy = ManagedPolicyRecord {
        name: "Read".into(),
        path: "/p/".into(),
        policy_id: "ANPAX".into(),
        description: None,
        created_at: now(),
        updated_at: now(),
        tags: vec![],
        default_version: 1,
        newest_version: 1,
        versions: vec![PolicyVersion { number: 1, created_at: now(), document: READ.into() }],
    };
    let arn = "arn:aws:iam::123456789012:policy/p/Read".to_owned();
    let group = GroupRecord {
        name: "Team".into(),
        path: "/".into(),
        group_id: "AGPAX".into(),
        created_at: now(),
        inline: vec![InlinePolicy { name: "g".into(), document: READ.into() }],
        attached: vec!["arn:aws:iam::aws:policy/AdministratorAccess".into()],
    };
    edit(&directory, |edit| {
        edit.put(keys::POLICIES, &keys::named(account(), "read"), &policy)?;
        edit.put(keys::GROUPS, &keys::named(account(), "team"), &group)?;
        let user = UserRecord {
            attached: vec![arn.clone()],
            groups: vec!["Team".into()],
            boundary: Some(arn.clone()),
            inline: vec![InlinePolicy { name: "own".into(), document: READ.into() }],
            ..user()
        };
        edit.put(keys::USERS, &keys::named(account(), "bob"), &user)
    })
    .await;
    let policies = directory.policies_for(&principal).unwrap();
    let names: Vec<&str> = policies.identity().iter().map(|named| &*named.name).collect();
    assert_eq!(names, ["own", arn.as_str(), "g", "arn:aws:iam::aws:policy/AdministratorAccess"]);
    assert!(policies.boundary().is_some());

    // A boundary that is gone must not become no boundary.
    edit(&directory, |edit| edit.delete(keys::POLICIES, &keys::named(account(), "read"))).await;
    assert!(matches!(directory.policies_for(&principal), Err(DirectoryError::PolicyMissing(_))));
    // Neither must a policy that does not compile become no policy.
    let broken = vec![InlinePolicy { name: "own".into(), document: "{".into() }];
    put_user(&directory, UserRecord { inline: broken, ..user() }).await;
    assert!(matches!(directory.policies_for(&principal), Err(DirectoryError::Policy { .. })));
    // Another user of the same name has nothing of this one's.
    put_user(&directory, UserRecord { user_id: "AIDAOTHER".into(), inline: vec![], ..user() }).await;
    assert!(directory.policies_for(&principal).unwrap().identity().is_empty());
    assert!(!may_by_resource_policy(&directory, &principal), "gone, and named by a resource's policy");
    let heir = Principal::User(identity::User::new(account(), "/team/", "Bob", "AIDAOTHER", "AKIABOB"));
    assert!(may_by_resource_policy(&directory, &heir));
}

/// Whether a policy of a resource that names everyone and this user lets the principal in.
fn may_by_resource_policy(directory: &Directory, principal: &Principal) -> bool {
    let arn = principal.arn();
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}},
        {{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"*","Resource":"*"}}]}}"#
    );
    let resource = policy::Policy::parse(&text, policy::PolicyKind::Resource).unwrap();
    let policies = directory.policies_for(principal).unwrap();
    let request = policy::Request {
        principal: principal.policy_view(),
        action: "dynamodb:GetItem",
        resource: "arn:aws:dynamodb:us-east-1:123456789012:table/orders",
        resource_account: "123456789012",
        context: &policy::Context::new(),
    };
    let set = policy::PolicySet {
        identity: policies.identity(),
        boundary: policies.boundary(),
        session: policies.session(),
        resource: Some(&resource),
        ..policy::PolicySet::default()
    };
    matches!(policy::evaluate(&request, &set), policy::Decision::Allow(_))
}

async fn put_role(directory: &Directory, record: RoleRecord) {
    edit(directory, |edit| edit.put(keys::ROLES, &keys::named(account(), "orders"), &record)).await;
}

const ROLE_ARN: &str = "arn:aws:iam::123456789012:role/orders";

#[tokio::test]
async fn a_functions_credentials_are_its_roles_for_one_environment() {
    let directory = directory();
    assert!(directory.role_by_arn(ROLE_ARN).unwrap().is_none(), "no role");
    put_role(&directory, role()).await;
    assert!(
        directory.role_by_arn("arn:aws:iam::123456789012:role/x/orders").unwrap().is_none(),
        "another path"
    );
    let ask = || {
        let (account, role) = directory.role_by_arn(ROLE_ARN).unwrap().unwrap();
        let session = RoleSession {
            role_name: role.name,
            role_id: role.role_id,
            session_name: "f".into(),
            source_environment: Some("env-1".into()),
            ..RoleSession::default()
        };
        let subject = Subject::Role(Box::new(session));
        let expires_at = now().plus_secs(3_600);
        directory.tokens().issue(&Session { account, subject, issued_at: now(), expires_at, mfa: false })
    };

    let made = ask().unwrap();
    let token = made.session_token.expose();
    let found = directory.credential(&made.access_key_id, Some(token), now()).unwrap();
    assert_eq!(found.secret.expose(), made.secret.expose());
    assert_eq!(found.principal.arn(), "arn:aws:sts::123456789012:assumed-role/orders/f");
    assert_eq!(found.principal.source_environment(), Some("env-1"));
    assert_eq!(directory.policies_for(&found.principal).unwrap().identity().len(), 2);
    // The same again, from memory; and a token of another key, or none, is refused.
    assert!(directory.credential(&made.access_key_id, Some(token), now()).is_ok());
    let other = ask().unwrap();
    let crossed = directory.credential(&made.access_key_id, Some(other.session_token.expose()), now());
    assert_eq!(crossed.map(|_| ()), Err(CredentialError::InvalidToken));
    let bare = directory.credential(&made.access_key_id, None, now());
    assert_eq!(bare.map(|_| ()), Err(CredentialError::Unknown));
    // The end of the session, cached or not.
    let late = directory.credential(&made.access_key_id, Some(token), made.expires_at);
    assert_eq!(late.map(|_| ()), Err(CredentialError::ExpiredToken));
    let late =
        directory.credential(&other.access_key_id, Some(other.session_token.expose()), made.expires_at);
    assert_eq!(late.map(|_| ()), Err(CredentialError::ExpiredToken));

    // Role made anew under its name: the old sessions end at once.
    put_role(&directory, RoleRecord { role_id: "AROAOTHER".into(), ..role() }).await;
    let gone = directory.credential(&made.access_key_id, Some(token), now());
    assert_eq!(gone.map(|_| ()), Err(CredentialError::InvalidToken));
    assert!(directory.policies_for(&found.principal).unwrap().identity().is_empty());
}

#[tokio::test]
async fn a_narrowed_session_has_its_own_policies() {
    let directory = directory();
    put_role(&directory, role()).await;
    let session = |policies: Vec<String>| Session {
        account: account(),
        subject: Subject::Role(Box::new(RoleSession {
            role_name: "orders".into(),
            role_id: "AROAORDERS".into(),
            session_name: "s".into(),
            policies,
            ..RoleSession::default()
        })),
        issued_at: now(),
        expires_at: now().plus_secs(900),
        mfa: false,
    };
    let principal = |session: &Session| {
        let made = directory.tokens().issue(session).unwrap();
        directory.credential(&made.access_key_id, Some(made.session_token.expose()), now()).unwrap().principal
    };
    let wide = principal(&session(vec![]));
    let narrow = principal(&session(vec![READ.into()]));
    assert!(directory.policies_for(&wide).unwrap().session().is_empty());
    assert_eq!(directory.policies_for(&narrow).unwrap().session().len(), 1);
    assert!(directory.policies_for(&wide).unwrap().session().is_empty());
    let broken = principal(&session(vec!["{".into()]));
    assert!(directory.policies_for(&broken).is_err());
}

#[tokio::test]
async fn the_use_of_a_key_is_written_down_once_a_minute() {
    let directory = directory();
    put_user(&directory, user()).await;
    put_key(&directory, key_of_bob(true)).await;
    let read =
        || directory.store().record::<LastUsedRecord>(keys::LAST_USED, &keys::access_key("AKIABOB")).unwrap();
    directory.used("AKIABOB", "sts", "us-east-1", now());
    directory.store().flush().await.unwrap();
    assert_eq!(read(), None, "a key that nobody proved");
    directory.credential("AKIABOB", None, now()).unwrap();
    directory.used("AKIABOB", "sts", "us-east-1", now());
    directory.used("AKIABOB", "iam", "us-east-1", now().plus_secs(1));
    directory.store().flush().await.unwrap();
    assert_eq!(read().unwrap().service, "sts");
    directory.used("AKIABOB", "iam", "us-east-1", now().plus_secs(61));
    directory.store().flush().await.unwrap();
    assert_eq!(read().unwrap().service, "iam");
}

#[tokio::test]
async fn a_managed_policy_is_compiled_once_for_all_who_have_it_and_anew_when_it_changes() {
    let directory = directory();
    let arn = "arn:aws:iam::123456789012:policy/shared";
    let version =
        |number, document: &str| PolicyVersion { number, document: document.into(), created_at: now() };
    let policy = |versions: Vec<PolicyVersion>, default_version| ManagedPolicyRecord {
        name: "shared".into(),
        path: "/".into(),
        policy_id: "ANPASHARED".into(),
        description: None,
        created_at: now(),
        updated_at: now(),
        versions,
        default_version,
        newest_version: 2,
        tags: vec![],
    };
    let put = |record: ManagedPolicyRecord| {
        let directory = directory.clone();
        async move {
            edit(&directory, |edit| edit.put(keys::POLICIES, &keys::named(account(), "shared"), &record))
                .await;
        }
    };
    put(policy(vec![version(1, READ)], 1)).await;
    let attached = |name: &str, id: &str| UserRecord {
        name: name.into(),
        user_id: id.into(),
        attached: vec![arn.into()],
        ..user()
    };
    edit(&directory, |edit| {
        edit.put(keys::USERS, &keys::named(account(), "bob"), &attached("Bob", "AIDABOB"))?;
        edit.put(keys::USERS, &keys::named(account(), "eve"), &attached("Eve", "AIDAEVE"))
    })
    .await;
    let text_of = |name: &str, id: &str| {
        let user = identity::User::new(account(), "/team/", name, id, "");
        let policies = directory.policies_for(&Principal::User(user)).unwrap();
        let text = policies.identity()[0].policy.text();
        (text.as_ptr() as usize, text.to_owned())
    };
    let (of_bob, of_eve) = (text_of("Bob", "AIDABOB"), text_of("Eve", "AIDAEVE"));
    assert_eq!(of_bob, of_eve, "one and the same in memory");
    let write = READ.replace("GetItem", "PutItem");
    put(policy(vec![version(1, READ), version(2, &write)], 2)).await;
    assert_eq!(text_of("Bob", "AIDABOB").1, write);
    assert_eq!(text_of("Eve", "AIDAEVE").1, write);
    // Compiled as what it is used as.
    let boundary = directory.managed_policy(account(), arn, policy::PolicyKind::Boundary).unwrap().unwrap();
    assert_eq!(boundary.kind(), policy::PolicyKind::Boundary);
}
