//! What is decided on one state of a role is not carried out on another.

use identity::records::{RoleRecord, keys};
use identity::{DirectoryError, Reads as _};
use serde_json::json;
use service::testkit::between::{Moment, is_over, then};

use super::{allow, assume, kit_with_role};

#[tokio::test]
async fn who_a_role_does_not_trust_any_more_gets_no_session_of_it() {
    let kit = kit_with_role().await;
    let who = kit.user("who", allow("sts:AssumeRole")).await;
    assume(&kit, &who, json!({})).await.unwrap();
    let (store, directory, account) =
        (kit.pipeline.store().clone(), kit.pipeline.directory().clone(), kit.account);
    then(Moment::Work, move || {
        let written: Result<(), DirectoryError> = store.transact_blocking(|transaction| {
            let key = keys::named(account, "target");
            let mut role: RoleRecord = transaction.record(keys::ROLES, &key)?.expect("the role");
            role.trust = role.trust.replace("Allow", "Deny");
            directory.edit(transaction, account).put(keys::ROLES, &key, &role)
        });
        written.unwrap();
    });
    let fault = assume(&kit, &who, json!({})).await.expect_err("a session of a role that trusts nobody");
    assert!(is_over());
    assert_eq!(fault.code, "AccessDenied", "{fault:?}");
}
