//! A store from before principals stood in policies by unique id, for the tests of who brings its policies along.
//!
//! It holds one user; the records that name her, or somebody who is not there, each service puts in by itself.

use base::{AccountId, Timestamp};
use crypto::RootKey;
use identity::records::{UserRecord, keys};
use identity::{Directory, DirectoryError};
use store::Store;

/// The user who is there.
pub const ANA: &str = "arn:aws:iam::000000000001:user/ana";
/// Her unique id.
pub const ANA_ID: &str = "AIDAANAANAANAANAANA01";
/// A user who is not there.
pub const EVE: &str = "arn:aws:iam::000000000001:user/eve";

/// The store, and the directory over it.
pub async fn store_with_ana() -> (Store, Directory) {
    let store = Store::ephemeral().expect("an ephemeral store");
    let directory = Directory::new(store.clone(), RootKey::ephemeral().derive("session"));
    let account: AccountId = "000000000001".parse().expect("an account id");
    let ana = UserRecord {
        name: "ana".into(),
        path: "/".into(),
        user_id: ANA_ID.into(),
        created_at: Timestamp::default(),
        tags: vec![],
        inline: vec![],
        attached: vec![],
        groups: vec![],
        boundary: None,
    };
    let put: Result<(), DirectoryError> = store
        .transact(|transaction| {
            directory.edit(transaction, account).put(keys::USERS, &keys::named(account, "ana"), &ana)
        })
        .await;
    put.expect("a user");
    (store, directory)
}
