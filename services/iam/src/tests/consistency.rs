//! Whatever is done in whatever order: records and indexes say the same, and nothing dangles.

use std::collections::BTreeSet;

use identity::records::{
    AccessKeyRecord, GroupRecord, KeyOwner, ManagedPolicyRecord, RoleRecord, UserRecord, keys,
};
use identity::{Principal, Reads as _};
use proptest::prelude::*;
use serde_json::{Value, json};
use service::testkit::TestKit;
use store::{KeyReader, Range};

use super::{LAMBDA_TRUST, READ, ask, kit};

/// Few names, so that they meet; two of them differ only in case.
const NAMES: [&str; 4] = ["ana", "Ana", "bob", "eve"];

fn arn(policy: &str) -> String {
    format!("arn:aws:iam::123456789012:policy/{policy}")
}

fn steps() -> impl Strategy<Value = Vec<(u8, usize, usize)>> {
    prop::collection::vec((0_u8..19, 0..NAMES.len(), 0..NAMES.len()), 1..60)
}

fn step(kind: u8, one: &str, other: &str) -> (&'static str, Value) {
    let policy = arn(other);
    match kind {
        0 => ("CreateUser", json!({"UserName": one})),
        1 => ("DeleteUser", json!({"UserName": one})),
        2 => ("UpdateUser", json!({"UserName": one, "NewUserName": other})),
        3 => ("CreateGroup", json!({"GroupName": one})),
        4 => ("DeleteGroup", json!({"GroupName": one})),
        5 => ("UpdateGroup", json!({"GroupName": one, "NewGroupName": other})),
        6 | 7 => ("AddUserToGroup", json!({"UserName": one, "GroupName": other})),
        8 => ("RemoveUserFromGroup", json!({"UserName": one, "GroupName": other})),
        9 => ("CreatePolicy", json!({"PolicyName": one, "PolicyDocument": READ})),
        10 => ("DeletePolicy", json!({"PolicyArn": policy})),
        11 => ("AttachUserPolicy", json!({"UserName": one, "PolicyArn": policy})),
        12 => ("DetachUserPolicy", json!({"UserName": one, "PolicyArn": policy})),
        13 => ("AttachGroupPolicy", json!({"GroupName": one, "PolicyArn": policy})),
        14 => ("PutUserPermissionsBoundary", json!({"UserName": one, "PermissionsBoundary": policy})),
        15 => ("CreateAccessKey", json!({"UserName": one})),
        16 => (
            "CreateRole",
            json!({"RoleName": one, "AssumeRolePolicyDocument": LAMBDA_TRUST, "PermissionsBoundary": policy}),
        ),
        17 => ("DeleteRole", json!({"RoleName": one})),
        _ => ("AttachRolePolicy", json!({"RoleName": one, "PolicyArn": policy})),
    }
}

/// The text parts of an index's keys, without the account.
fn index(kit: &TestKit, table: store::Table, parts: usize) -> BTreeSet<Vec<String>> {
    let entries = kit.pipeline.store().scan(table, &Range::all()).unwrap();
    let read = |key: &[u8]| {
        let mut reader = KeyReader::new(key);
        reader.str().unwrap();
        (0..parts).map(|_| reader.str().unwrap()).collect()
    };
    entries.iter().map(|(key, _)| read(key)).collect()
}

fn check(kit: &TestKit) {
    let store = kit.pipeline.store();
    let of = keys::all_of(kit.account);
    let users: Vec<UserRecord> = store.records(keys::USERS, &of).unwrap();
    let groups: Vec<GroupRecord> = store.records(keys::GROUPS, &of).unwrap();
    let roles: Vec<RoleRecord> = store.records(keys::ROLES, &of).unwrap();
    let policies: Vec<ManagedPolicyRecord> = store.records(keys::POLICIES, &of).unwrap();

    let mut attached = BTreeSet::new();
    let mut add = |arns: &[String], kind: &str, name: &str| {
        attached.extend(arns.iter().map(|arn| vec![arn.clone(), kind.to_owned(), name.to_owned()]));
    };
    for user in &users {
        add(&user.attached, "User", &user.name);
        add(user.boundary.as_slice(), "UserBoundary", &user.name);
    }
    for group in &groups {
        add(&group.attached, "Group", &group.name);
    }
    for role in &roles {
        add(&role.attached, "Role", &role.name);
        add(role.boundary.as_slice(), "RoleBoundary", &role.name);
    }
    assert_eq!(index(kit, keys::ATTACHMENTS, 3), attached);
    for entry in &attached {
        assert!(policies.iter().any(|policy| arn(&policy.name) == entry[0]), "{entry:?} dangles");
    }

    let members: BTreeSet<Vec<String>> = users
        .iter()
        .flat_map(|user| user.groups.iter().map(|group| vec![group.to_lowercase(), user.name.clone()]))
        .collect();
    assert_eq!(index(kit, keys::MEMBERS, 2), members);
    for group in users.iter().flat_map(|user| &user.groups) {
        assert!(groups.iter().any(|other| other.name == *group), "the group {group} dangles");
    }

    for entry in index(kit, keys::KEYS_OF_USERS, 2).iter().filter(|entry| !entry[0].is_empty()) {
        let record: AccessKeyRecord =
            store.record(keys::ACCESS_KEYS, &keys::access_key(&entry[1])).unwrap().unwrap();
        let owner = users.iter().find(|user| user.name.to_lowercase() == entry[0]).unwrap();
        let (name, user_id) = (owner.name.clone(), owner.user_id.clone());
        assert_eq!(record.owner, KeyOwner::User { name, user_id });
    }

    for user in &users {
        let user = identity::User::new(kit.account, "/", user.name.as_str(), user.user_id.as_str(), "AKIA");
        assert!(kit.pipeline.directory().policies_for(&Principal::User(user)).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn records_and_indexes_agree_after_any_history(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let kit = kit().await;
            for (kind, one, other) in steps {
                let (operation, input) = step(kind, NAMES[one], NAMES[other]);
                if let Err(fault) = ask(&kit, operation, input).await {
                    assert!(fault.is_sender(), "{operation}: {fault:?}");
                }
            }
            check(&kit);
        });
    }
}
