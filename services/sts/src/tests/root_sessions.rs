//! In the place of a member's root user: for one task, while the organization gives leave.

use std::sync::Arc;

use base::AccountId;
use identity::records::organization::{MemberRecord, OrganizationRecord, RootFeature, keys};
use identity::records::{AccountRecord, keys as records};
use identity::{CredentialSource as _, DirectoryError, Principal};
use serde_json::{Value, json};
use service::testkit::{START, TestKit};

use super::{allow, kit};

const MEMBER: &str = "210987654321";
const AUDIT: &str = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials";
const UNLOCK: &str = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy";

/// The kit's account manages an organization with one member, and offers this.
async fn offering(kit: &TestKit, root_features: &[RootFeature]) {
    let member: AccountId = MEMBER.parse().unwrap();
    let organization = OrganizationRecord {
        id: "o-abcdefghij".into(),
        management: kit.account,
        root: "r-ab12".into(),
        created_at: START,
        enabled: vec![],
        trusted_services: vec![("iam.amazonaws.com".into(), START)],
        root_features: root_features.to_vec(),
    };
    let seat = |account| MemberRecord {
        account,
        organization: organization.id.clone(),
        parent: organization.root.clone(),
        name: String::new(),
        email: String::new(),
        joined_at: START,
        created: account == member,
        policies: vec![],
        tags: vec![],
        delegated: vec![],
        closed_at: None,
    };
    let root = identity::records::organization::UnitRecord {
        id: organization.root.clone(),
        parent: None,
        name: "Root".into(),
        policies: vec![],
        tags: vec![],
    };
    let directory = kit.pipeline.directory();
    let written: Result<(), DirectoryError> = kit
        .pipeline
        .store()
        .transact(|transaction| {
            let mut edit = directory.edit_organization(transaction, kit.account);
            edit.put(keys::ORGANIZATIONS, &keys::organization(&organization.id), &organization)?;
            edit.put(keys::UNITS, &keys::part(&organization.id, &root.id), &root)?;
            for account in [kit.account, member] {
                edit.put(keys::MEMBERS, &keys::member(account), &seat(account))?;
            }
            let account = AccountRecord::new(START);
            edit.put(records::ACCOUNTS, &records::account(member), &account)
        })
        .await;
    written.unwrap();
}

async fn assume(kit: &TestKit, who: &Arc<Principal>, target: &str, task: &str) -> Result<Value, String> {
    let input = json!({"TargetPrincipal": target, "TaskPolicyArn": {"arn": task}});
    kit.json(who, "sts", "AssumeRoot", &input).await.map_err(|fault| fault.code.into_owned())
}

async fn tried(kit: &TestKit, who: &Arc<Principal>, target: &str, task: &str) -> Result<(), String> {
    assume(kit, who, target, task).await.map(|_| ())
}

fn proven(kit: &TestKit, answer: &Value) -> Result<Arc<Principal>, identity::CredentialError> {
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    let (id, token) = (text("AccessKeyId"), text("SessionToken"));
    let found = kit.pipeline.directory().credential(&id, Some(&token), kit.clock.now())?;
    Ok(found.principal)
}

#[tokio::test]
async fn a_feature_is_leave_for_its_own_tasks() {
    let kit = kit().await;
    let ana = kit.user("ana", allow("sts:AssumeRoot")).await;
    let refused = || Err::<(), _>("AccessDenied".to_owned());
    let (credentials, sessions) = (RootFeature::CredentialsManagement, RootFeature::Sessions);
    for (features, audits, unlocks) in [
        (vec![], false, false),
        (vec![credentials], true, false),
        (vec![sessions], false, true),
        (vec![credentials, sessions], true, true),
    ] {
        offering(&kit, &features).await;
        for (task, expected) in [(AUDIT, audits), (UNLOCK, unlocks)] {
            let answer = tried(&kit, &ana, MEMBER, task).await;
            assert_eq!(answer, if expected { Ok(()) } else { refused() }, "{features:?}: {task}");
        }
    }
    let own = kit.account.to_string();
    assert_eq!(tried(&kit, &ana, &own, AUDIT).await, refused(), "nobody stands above the management account");
    assert_eq!(
        tried(&kit, &kit.administrator(), MEMBER, AUDIT).await,
        refused(),
        "nor is a root user let in"
    );
    let bob = kit.user("bob", json!([])).await;
    assert_eq!(tried(&kit, &bob, MEMBER, AUDIT).await, refused());
}

#[tokio::test]
async fn the_session_has_what_its_task_leaves_and_ends_with_the_leave() {
    let kit = kit().await;
    offering(&kit, &[RootFeature::Sessions]).await;
    let ana = kit.user("ana", allow("sts:AssumeRoot")).await;
    let answer = assume(&kit, &ana, MEMBER, UNLOCK).await.unwrap();
    let session = proven(&kit, &answer).unwrap();
    assert!(session.is_assumed_root());
    let who = kit.json(&session, "sts", "GetCallerIdentity", &json!({})).await.unwrap();
    assert_eq!((&who["Arn"], &who["Account"]), (&json!("arn:aws:iam::210987654321:root"), &json!(MEMBER)));
    let policies = kit.pipeline.directory().policies_for(&session).unwrap();
    assert_eq!(policies.session().len(), 2, "everything, and the task that leaves some of it");
    let element: Value = serde_json::from_slice(&session.cloudtrail_identity(None)).unwrap();
    assert_eq!(element["sessionContext"]["assumedRoot"], "true");
    let context = identity::context::of(&session, kit.clock.now());
    assert_eq!(context.values("aws:AssumedRoot"), ["true"]);
    assert_eq!(assume(&kit, &session, MEMBER, UNLOCK).await, Err("AccessDenied".to_owned()));
    offering(&kit, &[RootFeature::CredentialsManagement]).await;
    assert!(proven(&kit, &answer).is_err(), "with the leave, the session is over");
    offering(&kit, &[RootFeature::Sessions]).await;
    assert!(proven(&kit, &answer).is_ok());
    kit.clock.advance_millis(900_000);
    assert!(proven(&kit, &answer).is_err());
}
