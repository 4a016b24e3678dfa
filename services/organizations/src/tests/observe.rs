//! Observe mode of whole accounts: who sets it, whom it is for, and when it ends.

use std::sync::Arc;

use identity::records::{RoleRecord, keys};
use identity::{AssumedRole, CredentialSource as _, Principal, RoleSession, Session, Subject};
use serde_json::{Value, json};
use service::testkit::TestKit;

use super::{account, administrator_of, ask, done, kit, organization, text, unit};

const MODE: &str = "fastness:observe";

fn tagged(id: &str, value: &str) -> Value {
    json!({"ResourceId": id, "Tags": [{"Key": MODE, "Value": value}]})
}

/// A role of this account with these tags, below this path; answers its id.
async fn role(kit: &TestKit, account: &str, path: &str, name: &str, tags: &[(&str, &str)]) -> String {
    let account = account.parse().unwrap();
    let directory = kit.pipeline.directory();
    let (_, made) = directory
        .role_by_arn(&format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole"))
        .unwrap()
        .expect("a member's first role");
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let (path, role_id) = (path.to_owned(), format!("AROA{name}"));
    let record = RoleRecord { name: name.to_owned(), path, role_id: role_id.clone(), tags, ..made };
    let put = kit
        .pipeline
        .store()
        .transact(|tx| directory.edit(tx, account).put(keys::ROLES, &keys::named(account, name), &record));
    put.await.map_err(|error: identity::DirectoryError| error).unwrap();
    role_id
}

/// Credentials of a session of this role: their key, and their token.
fn session(kit: &TestKit, account: &str, name: &str, role_id: &str) -> (String, String) {
    let subject = RoleSession {
        role_name: name.to_owned(),
        role_id: role_id.to_owned(),
        session_name: "s".to_owned(),
        ..RoleSession::default()
    };
    let session = Session {
        account: account.parse().unwrap(),
        subject: Subject::Role(Box::new(subject)),
        issued_at: kit.clock.now(),
        expires_at: kit.clock.now().plus_secs(3_600),
        mfa: false,
    };
    let made = kit.pipeline.directory().tokens().issue(&session).unwrap();
    (made.access_key_id, made.session_token.expose().to_owned())
}

/// Whether who shows these credentials is in observe mode; `None` where nobody is let in by them.
fn is_observed(kit: &TestKit, session: &(String, String)) -> Option<bool> {
    known(kit, session).map(|principal| principal.is_observed())
}

fn known(kit: &TestKit, (key, token): &(String, String)) -> Option<Arc<Principal>> {
    let known = kit.pipeline.directory().credential(key, Some(token), kit.clock.now());
    known.ok().map(|known| known.principal)
}

/// The same of a principal that a service keeps, when it calls.
fn is_renewed_observed(kit: &TestKit, kept: &Arc<Principal>) -> bool {
    kit.pipeline.directory().renewed(kept).unwrap().is_observed()
}

fn count(kit: &TestKit) -> usize {
    kit.pipeline.directory().observed_roles().unwrap()
}

#[tokio::test]
async fn all_roles_of_an_account_are_in_the_mode_until_its_tag_goes() {
    let kit = kit().await;
    organization(&kit).await;
    let (id, other) = (account(&kit, "one").await, account(&kit, "two").await);
    let mut sessions = Vec::new();
    for (of, path, name, tags, expected) in [
        (&id, "/", "plain", &[][..], true),
        (&id, "/", "out", &[("Fastness:Observe", "false")][..], false),
        (&id, "/", "odd", &[(MODE, "yes")][..], false),
        (&id, "/aws-service-role/ecs.amazonaws.com/", "AWSServiceRoleForECS", &[][..], false),
        (
            &id,
            "/aws-service-role/tagged.amazonaws.com/",
            "AWSServiceRoleTagged",
            &[(MODE, "true")][..],
            false,
        ),
        (&other, "/", "theirs", &[][..], false),
    ] {
        let role_id = role(&kit, of, path, name, tags).await;
        let session = session(&kit, of, name, &role_id);
        let made = AssumedRole::new(of.parse().unwrap(), path, name, role_id, "made by a service");
        let kept = [known(&kit, &session).unwrap(), Arc::new(Principal::AssumedRole(made))];
        sessions.push((name, session, kept, expected));
    }
    let all = |on: bool| {
        for (name, session, kept, expected) in &sessions {
            assert_eq!(is_observed(&kit, session), Some(on && *expected), "{name}, {on}");
            for kept in kept {
                assert_eq!(is_renewed_observed(&kit, kept), on && *expected, "{name}, kept, {on}");
            }
        }
        // The one that it was made with, and the plain one.
        assert_eq!(count(&kit), if on { 2 } else { 0 });
    };
    all(false);
    for (value, on) in [("true", true), ("false", false), ("true", true), ("TRUE", false), ("true", true)] {
        done(&kit, "TagResource", tagged(&id, value)).await;
        all(on);
    }
    // Of two tags that differ by case alone, one says no.
    let other_case = json!({"ResourceId": id, "Tags": [{"Key": "Fastness:Observe", "Value": "false"}]});
    done(&kit, "TagResource", other_case).await;
    all(false);
    done(&kit, "UntagResource", json!({"ResourceId": id, "TagKeys": ["Fastness:Observe"]})).await;
    all(true);
    done(&kit, "UntagResource", json!({"ResourceId": id, "TagKeys": [MODE]})).await;
    all(false);
}

#[tokio::test]
async fn it_ends_with_the_account() {
    let kit = kit().await;
    let top = organization(&kit).await;
    let (left, closed) = (account(&kit, "left").await, account(&kit, "closed").await);
    let mut sessions = Vec::new();
    for id in [&left, &closed] {
        let role_id = role(&kit, id, "/", "app", &[]).await;
        sessions.push(session(&kit, id, "app", &role_id));
        done(&kit, "TagResource", tagged(id, "true")).await;
    }
    assert_eq!((is_observed(&kit, &sessions[0]), count(&kit)), (Some(true), 4));
    let kept = [known(&kit, &sessions[0]).unwrap(), known(&kit, &sessions[1]).unwrap()];
    assert!(kept.iter().all(|kept| is_renewed_observed(&kit, kept)));
    done(&kit, "RemoveAccountFromOrganization", json!({"AccountId": left})).await;
    assert_eq!((is_observed(&kit, &sessions[0]), count(&kit)), (Some(false), 2));
    done(&kit, "CloseAccount", json!({"AccountId": closed})).await;
    assert_eq!((is_observed(&kit, &sessions[1]), count(&kit)), (None, 0));
    assert!(!kept.iter().any(|kept| is_renewed_observed(&kit, kept)));
    // Roots, units and policies put nobody in it.
    let unit = unit(&kit, &top, "u").await;
    let id = account(&kit, "below").await;
    let moved = json!({"AccountId": id, "SourceParentId": top, "DestinationParentId": unit});
    done(&kit, "MoveAccount", moved).await;
    for place in [&top, &unit] {
        done(&kit, "TagResource", tagged(place, "true")).await;
    }
    assert_eq!(count(&kit), 0);
}

#[tokio::test]
async fn setting_it_takes_leave_of_its_own() {
    let kit = kit().await;
    organization(&kit).await;
    let id = account(&kit, "one").await;
    let all = json!([{"Effect": "Allow", "Action": "organizations:*", "Resource": "*"}]);
    let keeper = kit.user("keeper", all).await;
    let more = json!([{"Effect": "Allow", "Action": ["organizations:*", "fastness:SetObserveMode"], "Resource": "*"}]);
    let setter = kit.user("setter", more.clone()).await;
    let made = |name: &str| json!({"AccountName": name, "Email": format!("{name}@example.com"), "Tags": [{"Key": MODE, "Value": "true"}]});
    let other_case = json!({"ResourceId": id, "Tags": [{"Key": "FASTNESS:observe", "Value": "false"}]});
    for (operation, input) in [
        ("TagResource", tagged(&id, "true")),
        ("TagResource", tagged(&id, "false")),
        ("TagResource", other_case),
        ("UntagResource", json!({"ResourceId": id, "TagKeys": ["x", MODE]})),
        ("CreateAccount", made("new")),
    ] {
        let fault = kit.json(&keeper, "organizations", operation, &input).await.unwrap_err();
        assert_eq!(fault.code, "AccessDeniedException", "{operation} {input}");
        assert!(fault.message.contains("fastness:SetObserveMode"), "{operation} {input}: {}", fault.message);
        kit.json(&setter, "organizations", operation, &input).await.unwrap();
    }
    let plain = json!({"ResourceId": id, "Tags": [{"Key": "team", "Value": "red"}]});
    kit.json(&keeper, "organizations", "TagResource", &plain).await.unwrap();
    // An account that is made with the tag is in the mode from the beginning.
    let listed = done(&kit, "ListAccounts", json!({})).await;
    let new = listed["Accounts"].as_array().unwrap().iter().find(|one| one["Name"] == "new").unwrap();
    let new = text(new, "/Id");
    assert_eq!(count(&kit), 1);
    // Nobody sets it from inside: neither a member on anybody, nor a role on its own account.
    let inside = administrator_of(&kit, &new);
    for of in [&new, &id] {
        let fault = kit
            .json(&inside, "organizations", "UntagResource", &json!({"ResourceId": of, "TagKeys": [MODE]}))
            .await;
        assert_eq!(fault.unwrap_err().code, "AccessDeniedException", "{of}");
    }
    let role = kit.role("setter", json!({"AWS": "*"}), more).await;
    let own = kit.account.to_string();
    let fault = kit.json(&role, "organizations", "TagResource", &tagged(&own, "true")).await.unwrap_err();
    assert_eq!(fault.message, "A role cannot set observe mode on its own account.");
    kit.json(&role, "organizations", "TagResource", &tagged(&id, "true")).await.unwrap();
    ask(&kit, "TagResource", tagged(&own, "true")).await.unwrap();
    let root: &Principal = &Arc::clone(&kit.administrator());
    assert!(!root.is_observed() && !setter.is_observed(), "roles alone");
    let records = kit.records().await;
    let recorded =
        records.iter().filter(|record| record["eventName"] == "TagResource" && record["errorCode"].is_null());
    assert!(recorded.count() >= 4, "{records:?}");
}
