//! Every code signing configuration in memory, written from the store once a change is durable.
//!
//! Which function has which one is the function's record to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Timestamp};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use service::Call;
use store::{Key, Range, Store, Table};

use crate::catalog::CatalogError;
use crate::error::Error;
use crate::records::Record;

/// Configurations, by account and id.
const SIGNING_CONFIGS: Table = Table::new(0x0308, "lambda-code-signing-configs");

/// A code signing configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SigningRecord {
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) description: String,
    /// Signing profiles' ARNs.
    pub(crate) publishers: Vec<String>,
    /// `Warn` or `Enforce`.
    pub(crate) policy: String,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) modified_at: Timestamp,
}

impl Record for SigningRecord {
    const NAME: &'static str = "code signing configuration";
}

/// All configurations of this platform.
#[derive(Default)]
pub(crate) struct SigningConfigs(RwLock<BTreeMap<(AccountId, String), Arc<SigningRecord>>>);

impl SigningConfigs {
    /// Reads every configuration.
    pub(crate) fn load(store: &Store) -> Result<Self, CatalogError> {
        let configs = Self::default();
        for item in store.snapshot()?.iter(SIGNING_CONFIGS, &Range::all()) {
            let (_, value) = item?;
            configs.put(SigningRecord::decode(&value)?);
        }
        Ok(configs)
    }

    /// The configuration of this id.
    pub(crate) fn get(&self, account: AccountId, id: &str) -> Option<Arc<SigningRecord>> {
        self.0.read().get(&(account, id.to_owned())).cloned()
    }

    /// The configurations of an account, in the order of their ids.
    pub(crate) fn of(&self, account: AccountId) -> Vec<Arc<SigningRecord>> {
        self.0.read().values().filter(|record| record.account == account).cloned().collect()
    }

    /// Writes a configuration that was made or changed.
    pub(crate) async fn write(self: &Arc<Self>, call: &Call, record: SigningRecord) -> Result<(), Error> {
        call.transact(|transaction| {
            let encoded = record.encode().map_err(Error::internal)?;
            transaction.put(SIGNING_CONFIGS, key(record.account, &record.id), encoded)?;
            let configs = Arc::clone(self);
            transaction.after_commit(move || configs.put(record));
            Ok(())
        })
        .await
    }

    /// Deletes a configuration.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        call: &Call,
        account: AccountId,
        id: &str,
    ) -> Result<(), Error> {
        call.transact(|transaction| {
            transaction.delete(SIGNING_CONFIGS, key(account, id))?;
            let (configs, id) = (Arc::clone(self), id.to_owned());
            transaction.after_commit(move || drop(configs.0.write().remove(&(account, id))));
            Ok(())
        })
        .await
    }

    fn put(&self, record: SigningRecord) {
        self.0.write().insert((record.account, record.id.clone()), Arc::new(record));
    }
}

fn key(account: AccountId, id: &str) -> Key {
    Key::new().str(account.as_str()).str(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = SigningRecord {
            id: "csc-1".into(),
            account: "000000000001".parse().unwrap(),
            description: String::new(),
            publishers: vec!["p".into()],
            policy: "Warn".into(),
            tags: Vec::new(),
            modified_at: Timestamp::from_millis(1),
        };
        let bytes = record.encode().unwrap();
        let text = concat!(
            r#"{"id":"csc-1","account":"000000000001","description":"","publishers":["p"],"policy":"Warn","#,
            r#""tags":[],"modified_at":1}"#
        );
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text);
        assert_eq!(SigningRecord::decode(&bytes).unwrap(), record);
    }
}
