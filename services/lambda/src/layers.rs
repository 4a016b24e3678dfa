//! Every layer's versions in memory, written from the store once a change is durable.
//!
//! A function keeps the content of its layers by hash: deleting a version takes it from nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Region, Timestamp};
use compute::CodeHash;
use parking_lot::RwLock;
use policy::Policy;
use serde::{Deserialize, Serialize};
use service::Call;
use store::{Key, KeyReader, Range, Read, Store, Table};

use crate::catalog::CatalogError;
use crate::error::Error;
use crate::model::layer::LayerId;
use crate::model::permission;
use crate::records::{FunctionPolicy, Record};

/// Layer versions, by account, region, name and number.
const LAYER_VERSIONS: Table = Table::new(0x0304, "lambda-layer-versions");
/// The last number that a layer gave away, by account, region and name.
const LAYER_NUMBERS: Table = Table::new(0x0305, "lambda-layer-numbers");

/// One version of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerVersion {
    pub(crate) version: u64,
    pub(crate) description: String,
    pub(crate) license: Option<String>,
    pub(crate) runtimes: Vec<String>,
    pub(crate) architectures: Vec<String>,
    pub(crate) code: CodeHash,
    pub(crate) code_bytes: u64,
    pub(crate) unzipped_bytes: u64,
    pub(crate) created_at: Timestamp,
    pub(crate) policy: FunctionPolicy,
}

/// The last number of a layer; none is used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastNumber {
    number: u64,
}

impl Record for LayerVersion {
    const NAME: &'static str = "layer version";
}

impl Record for LastNumber {
    const NAME: &'static str = "layer number";
}

/// The resource policy of a version, where it has one.
pub(crate) fn policy(records: &dyn Read, id: &LayerId, number: u64) -> Result<Option<Policy>, Error> {
    let Some(stored) = records.read(LAYER_VERSIONS, &key(id).u64(number))? else { return Ok(None) };
    let version = LayerVersion::decode(&stored).map_err(Error::internal)?;
    Ok(permission::compile(&version.policy.statements).unwrap_or_else(|error| {
        // SECURITY: its statements only allow; without it nobody is let in by it.
        tracing::error!(layer = id.arn(), %error, "a stored resource policy does not compile");
        None
    }))
}

type Versions = BTreeMap<u64, Arc<LayerVersion>>;

/// All layers of this platform.
#[derive(Default)]
pub(crate) struct Layers(RwLock<BTreeMap<LayerId, Versions>>);

impl Layers {
    /// Reads every layer.
    pub(crate) fn load(store: &Store) -> Result<Self, CatalogError> {
        let layers = Self::default();
        for item in store.snapshot()?.iter(LAYER_VERSIONS, &Range::all()) {
            let (key, value) = item?;
            let (id, version) = (id_of(&key)?, LayerVersion::decode(&value)?);
            layers.put(id, version);
        }
        Ok(layers)
    }

    /// One version, if it exists.
    pub(crate) fn get(&self, id: &LayerId, version: u64) -> Option<Arc<LayerVersion>> {
        self.0.read().get(id)?.get(&version).cloned()
    }

    /// The versions of a layer, the newest first.
    pub(crate) fn versions(&self, id: &LayerId) -> Vec<Arc<LayerVersion>> {
        self.0.read().get(id).into_iter().flat_map(|versions| versions.values().rev()).cloned().collect()
    }

    /// The layers of an account, in the order of their names.
    pub(crate) fn of(&self, account: AccountId, region: &Region) -> Vec<LayerId> {
        let layers = self.0.read();
        layers.keys().filter(|id| id.account == account && id.region == *region).cloned().collect()
    }

    /// Every layer's package.
    pub(crate) fn code(&self) -> Vec<(AccountId, CodeHash)> {
        let layers = self.0.read();
        let versions =
            layers.iter().flat_map(|(id, versions)| versions.values().map(|layer| (id.account, layer)));
        versions.map(|(account, layer)| (account, layer.code)).collect()
    }

    /// True where some version of some layer of the account is this package.
    pub(crate) fn uses(&self, account: AccountId, code: CodeHash) -> bool {
        let layers = self.0.read();
        let mine = layers.iter().filter(|(id, _)| id.account == account);
        mine.flat_map(|(_, versions)| versions.values()).any(|layer| layer.code == code)
    }

    /// What the layers of an account take, zipped, each package once.
    pub(crate) fn packages(&self, account: AccountId) -> Vec<(CodeHash, u64)> {
        let layers = self.0.read();
        let mine = layers.iter().filter(|(id, _)| id.account == account);
        mine.flat_map(|(_, versions)| versions.values()).map(|layer| (layer.code, layer.code_bytes)).collect()
    }

    /// Makes the next version of a layer out of `draft`, whose number does not count.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        call: &Call,
        id: &LayerId,
        draft: LayerVersion,
    ) -> Result<LayerVersion, Error> {
        call.transact(|transaction| {
            let last = transaction.get(LAYER_NUMBERS, key(id))?;
            let last = last.map(|bytes| LastNumber::decode(&bytes)).transpose().map_err(Error::internal)?;
            let number = last.map_or(1, |last| last.number.saturating_add(1));
            let version = LayerVersion { version: number, ..draft };
            let encoded = LastNumber { number }.encode().map_err(Error::internal)?;
            transaction.put(LAYER_NUMBERS, key(id), encoded)?;
            let encoded = version.encode().map_err(Error::internal)?;
            transaction.put(LAYER_VERSIONS, key(id).u64(number), encoded)?;
            // It shows no tags, and others may publish under its name.
            call.made(&id.version_arn(number));
            let (layers, id, made) = (Arc::clone(self), id.clone(), version.clone());
            transaction.after_commit(move || layers.put(id, made));
            Ok(version)
        })
        .await
    }

    /// Changes the policy of a version: `work` gets what is stored and leaves what is to be stored.
    pub(crate) async fn change_policy<T: Send>(
        self: &Arc<Self>,
        call: &Call,
        id: &LayerId,
        number: u64,
        work: impl FnOnce(&mut FunctionPolicy) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        call.transact(|transaction| {
            let key = key(id).u64(number);
            let missing = || {
                Error::ResourceNotFound(format!("Layer version {} does not exist.", id.version_arn(number)))
            };
            let stored = transaction.get(LAYER_VERSIONS, &key)?.ok_or_else(missing)?;
            let mut version = LayerVersion::decode(&stored).map_err(Error::internal)?;
            let answer = work(&mut version.policy)?;
            transaction.put(LAYER_VERSIONS, key, version.encode().map_err(Error::internal)?)?;
            let (layers, id) = (Arc::clone(self), id.clone());
            transaction.after_commit(move || layers.put(id, version));
            Ok(answer)
        })
        .await
    }

    /// Deletes a version; one that is not there is no error.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        call: &Call,
        id: &LayerId,
        number: u64,
    ) -> Result<(), Error> {
        call.transact(|transaction| {
            transaction.delete(LAYER_VERSIONS, key(id).u64(number))?;
            let (layers, id) = (Arc::clone(self), id.clone());
            transaction.after_commit(move || layers.remove(&id, number));
            Ok(())
        })
        .await
    }

    fn put(&self, id: LayerId, version: LayerVersion) {
        self.0.write().entry(id).or_default().insert(version.version, Arc::new(version));
    }

    fn remove(&self, id: &LayerId, number: u64) {
        let mut layers = self.0.write();
        if let Some(versions) = layers.get_mut(id) {
            versions.remove(&number);
            if versions.is_empty() {
                layers.remove(id);
            }
        }
    }
}

fn key(id: &LayerId) -> Key {
    Key::new().str(id.account.as_str()).str(id.region.as_str()).str(&id.name)
}

fn id_of(key: &[u8]) -> Result<LayerId, CatalogError> {
    let mut reader = KeyReader::new(key);
    let mut part = || reader.str().map_err(CatalogError::record);
    let (account, region, name) = (part()?, part()?, part()?);
    let account = account.parse().map_err(CatalogError::record)?;
    let region = region.parse().map_err(CatalogError::record)?;
    Ok(LayerId { account, region, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let version = LayerVersion {
            version: 2,
            description: "d".into(),
            license: Some("MIT".into()),
            runtimes: vec!["python3.13".into()],
            architectures: Vec::new(),
            code: CodeHash::of(b""),
            code_bytes: 22,
            unzipped_bytes: 40,
            created_at: Timestamp::from_millis(1),
            policy: FunctionPolicy::default(),
        };
        let golden = concat!(
            "\u{1}",
            r#"{"version":2,"description":"d","license":"MIT","runtimes":["python3.13"],"architectures":[],"#,
            r#""code":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","code_bytes":22,"#,
            r#""unzipped_bytes":40,"created_at":1,"policy":{"revision_id":"","statements":[]}}"#
        );
        assert_eq!(String::from_utf8(version.encode().unwrap()).unwrap(), golden);
        assert_eq!(LayerVersion::decode(golden.as_bytes()).unwrap(), version);
        assert_eq!(LastNumber { number: 3 }.encode().unwrap(), b"\x01{\"number\":3}");
    }
}
