//! Principals in policies: whom a document names is named by unique id, and shown by ARN while he is there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use base::{AccountId, Timestamp};
use identity::records::{RoleRecord, UserRecord, keys};
use identity::{
    BindError, Binder, Directory, DirectoryError, Edit, StoredPolicies, StoredPolicyError, bind_principals,
    bind_statements, show_principals,
};
use serde_json::{Value, json};
use store::{Key, Store, Table};

const BOB: &str = "arn:aws:iam::123456789012:user/team/Bob";
const ROLE: &str = "arn:aws:iam::123456789012:role/orders";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/orders/s1";

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

async fn edit(store: &Store, change: impl FnOnce(&mut Edit<'_, '_>) -> Result<(), DirectoryError>) {
    let directory = Directory::new(store.clone(), crypto::RootKey::ephemeral().derive("session"));
    store.transact(|transaction| change(&mut directory.edit(transaction, account()))).await.unwrap();
}

fn user(id: &str) -> UserRecord {
    UserRecord {
        name: "Bob".into(),
        path: "/team/".into(),
        user_id: id.into(),
        created_at: Timestamp::default(),
        tags: vec![],
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
        role_id: "AROAORDERSORDERSORDER".into(),
        created_at: Timestamp::default(),
        trust: naming(&json!(BOB)),
        description: None,
        session_secs_max: 3_600,
        tags: vec![],
        inline: vec![],
        attached: vec![],
        boundary: None,
    }
}

const FIRST: &str = "AIDABOBBOBBOBBOBBOB01";
const SECOND: &str = "AIDABOBBOBBOBBOBBOB02";

async fn store() -> Store {
    let store = Store::ephemeral().unwrap();
    edit(&store, |edit| {
        edit.put(keys::USERS, &keys::named(account(), "bob"), &user(FIRST))?;
        edit.put(keys::ROLES, &keys::named(account(), "orders"), &role())
    })
    .await;
    store
}

fn naming(principals: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": BOB, "Effect": "Allow", "Principal": {"AWS": principals}, "Action": "s3:*", "Resource": BOB},
        {"Effect": "Deny", "NotPrincipal": {"AWS": principals}, "Action": "s3:*", "Resource": "*"}]})
    .to_string()
}

#[tokio::test]
async fn users_roles_and_sessions_are_kept_by_unique_id() {
    let store = store().await;
    for (arn, id) in [(BOB, FIRST), (ROLE, "AROAORDERSORDERSORDER"), (SESSION, "AROAORDERSORDERSORDER:s1")] {
        let given = naming(&json!([arn, "123456789012", "arn:aws:iam::210987654321:root", "*"]));
        let bound = bind_principals(&store, &given).unwrap();
        let expected = naming(&json!([id, "123456789012", "arn:aws:iam::210987654321:root", "*"]));
        assert_eq!(bound, expected, "principals alone");
        assert_eq!(show_principals(&store, &bound).unwrap(), given);
        assert!(policy::Policy::parse(&bound, policy::PolicyKind::Identity).is_err());
    }
    let mut statement = json!({"Sid": "x", "Effect": "Allow", "Principal": {"AWS": BOB}});
    assert!(bind_statements(&store, &mut statement).unwrap());
    assert_eq!(statement["Principal"]["AWS"], FIRST);
    let untouched = "{ \"Statement\" : { \"Principal\" : \"*\" } }";
    assert_eq!(bind_principals(&store, untouched).unwrap(), untouched);
}

#[tokio::test]
async fn whom_nobody_made_is_no_principal() {
    let store = store().await;
    for name in [
        "arn:aws:iam::123456789012:user/Bob",
        "arn:aws:iam::123456789012:user/team/bob",
        "arn:aws:iam::123456789012:user/team/eve",
        "arn:aws:iam::123456789012:role/Orders",
        "arn:aws:iam::210987654321:role/orders",
        "arn:aws:sts::123456789012:assumed-role/none/s1",
        SECOND,
    ] {
        let refused = bind_principals(&store, &naming(&json!([BOB, name]))).unwrap_err();
        assert!(matches!(&refused, BindError::Unknown(unknown) if unknown == name), "{name}");
        assert_eq!(refused.to_string(), format!("Invalid principal in policy: \"AWS\":\"{name}\""));
    }
}

#[tokio::test]
async fn a_new_name_is_followed_and_a_new_holder_of_the_name_is_another() {
    let store = store().await;
    let bound = bind_principals(&store, &naming(&json!(BOB))).unwrap();
    let key = keys::named(account(), "bob");
    edit(&store, |edit| {
        edit.delete(keys::USERS, &key)?;
        let renamed = UserRecord { name: "Robert".into(), ..user(FIRST) };
        edit.put(keys::USERS, &keys::named(account(), "robert"), &renamed)
    })
    .await;
    let shown = show_principals(&store, &bound).unwrap();
    assert_eq!(shown, naming(&json!("arn:aws:iam::123456789012:user/team/Robert")));
    edit(&store, |edit| {
        edit.end(keys::USERS, &keys::named(account(), "robert"), &user(FIRST))?;
        edit.put(keys::USERS, &key, &user(SECOND))
    })
    .await;
    assert_eq!(show_principals(&store, &bound).unwrap(), naming(&json!(FIRST)), "of one who is gone, the id");
    assert!(bind_principals(&store, &bound).is_err(), "and he cannot be named again");
    assert_eq!(bind_principals(&store, &naming(&json!(BOB))).unwrap(), naming(&json!(SECOND)));
}

#[tokio::test]
async fn a_store_from_before_is_brought_along_at_the_next_start() {
    let store = Store::ephemeral().unwrap();
    let directory = Directory::new(store.clone(), crypto::RootKey::ephemeral().derive("session"));
    // As an earlier version left it: records, and nothing else.
    let (bob, orders) = (user(FIRST), role());
    let stored: Result<(), DirectoryError> = store
        .transact(|transaction| {
            use identity::records::{AccountRecord, Record};
            let created = AccountRecord::new(Timestamp::default());
            transaction.put(keys::ACCOUNTS, keys::account(account()), created.encode()?)?;
            transaction.put(keys::USERS, keys::named(account(), "bob"), bob.encode()?)?;
            transaction.put(keys::ROLES, keys::named(account(), "orders"), orders.encode()?)?;
            Ok(())
        })
        .await;
    stored.unwrap();
    assert_eq!(show_principals(&store, &naming(&json!(FIRST))).unwrap(), naming(&json!(FIRST)));
    for _ in 0..2 {
        directory.bootstrap_account(account(), None, Timestamp::default()).await.unwrap();
        directory.bind_stored(&[]).await.unwrap();
        assert_eq!(show_principals(&store, &naming(&json!(FIRST))).unwrap(), naming(&json!(BOB)));
        let trust = directory.role(account(), "orders").unwrap().unwrap().trust;
        assert_eq!(trust, naming(&json!(FIRST)), "trust policies name by unique id from then on");
    }
    assert!(store.get(keys::USERS, Key::new()).unwrap().is_none());
}

/// What some service keeps: a table of documents as they are.
const DOCUMENTS: Table = Table::new(0x7f01, "documents");
const STORED: StoredPolicies = StoredPolicies { table: DOCUMENTS, bind: bind_document };

fn bind_document(binder: &Binder<'_>, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut text = String::from_utf8(bytes.to_vec()).map_err(StoredPolicyError::record)?;
    Ok(binder.document(&mut text)?.then(|| text.into_bytes()))
}

#[tokio::test]
async fn who_is_made_later_inherits_nothing_from_a_policy_of_before() {
    let store = store().await;
    let directory = Directory::new(store.clone(), crypto::RootKey::ephemeral().derive("session"));
    let absent = "arn:aws:iam::123456789012:user/eve";
    let gone = "arn:aws:sts::123456789012:assumed-role/none/s1";
    let old = naming(&json!([BOB, absent, gone, SECOND, "*"]));
    let write = |key: &'static str, text: String| {
        let store = store.clone();
        async move {
            let put: Result<(), DirectoryError> =
                store.transact(|t| Ok(t.put(DOCUMENTS, Key::new().str(key), text.into_bytes())?)).await;
            put.unwrap();
        }
    };
    let read = |key: &str| -> Value {
        let bytes = store.get(DOCUMENTS, Key::new().str(key)).unwrap().unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    // More than are read at one time, so that every page is.
    let many: Result<(), DirectoryError> = store
        .transact(|t| {
            for number in 0..1_200_u32 {
                t.put(DOCUMENTS, Key::new().u32(number), naming(&json!(BOB)).into_bytes())?;
            }
            Ok(())
        })
        .await;
    many.unwrap();
    write("z", old.clone()).await;
    directory.bind_stored(&[STORED]).await.unwrap();
    for number in [0_u32, 499, 500, 1_199] {
        let bytes = store.get(DOCUMENTS, Key::new().u32(number)).unwrap().unwrap();
        assert_eq!(String::from_utf8(bytes.to_vec()).unwrap(), naming(&json!(FIRST)), "{number}");
    }
    for element in ["Principal", "NotPrincipal"] {
        let statement = usize::from(element == "NotPrincipal");
        let names = read("z")["Statement"][statement][element]["AWS"].clone();
        let name = |at: usize| names[at].as_str().unwrap().to_owned();
        assert_eq!((name(0).as_str(), name(3).as_str(), name(4).as_str()), (FIRST, SECOND, "*"));
        assert!(name(1).starts_with("AIDA") && name(1).len() == 21, "nobody has this id: {names}");
        assert!(name(2).starts_with("AROA") && name(2).ends_with(":s1"), "{names}");
        let text = naming(&names);
        assert!(
            policy::Policy::parse(
                &text.replace("\"NotPrincipal\"", "\"Principal\""),
                policy::PolicyKind::Resource
            )
            .is_ok()
        );
    }
    let shown = show_principals(&store, &read("z").to_string()).unwrap();
    assert!(shown.contains(BOB) && !shown.contains("eve"), "{shown}");
    // Once: what is written from then on is bound by who writes it.
    write("later", old.clone()).await;
    directory.bind_stored(&[STORED]).await.unwrap();
    assert_eq!(read("later"), serde_json::from_str::<Value>(&old).unwrap());
    // What does not parse stops the start, and is told.
    let broken =
        StoredPolicies { table: DOCUMENTS_TOO, bind: |_, _| Err(StoredPolicyError::record("broken")) };
    let put: Result<(), DirectoryError> =
        store.transact(|t| Ok(t.put(DOCUMENTS_TOO, Key::new().str("x"), "x")?)).await;
    put.unwrap();
    assert!(directory.bind_stored(&[broken]).await.is_err());
}

const DOCUMENTS_TOO: Table = Table::new(0x7f02, "documents too");
