//! Signing keys, derived once per secret, day, region and service.
//!
//! Only keys of requests that were proven are kept, so a stranger cannot push anything out. Bounded; split into shards
//! so that no lock is shared by all requests. An entry remembers the secret that it came from: a key id that comes
//! back with another secret never meets the old signing key.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use base::{SecretBytes, SecretString};
use parking_lot::RwLock;

const SHARDS: usize = 16;
const KEYS_PER_SHARD_MAX: usize = 512;

/// The cache. One for the whole process.
#[derive(Debug)]
pub struct SigningKeys {
    shards: [RwLock<Shard>; SHARDS],
    hasher: RandomState,
}

type Shard = HashMap<u64, Entry>;

#[derive(Debug)]
struct Entry {
    scope: String,
    secret: SecretBytes,
    key: SecretBytes,
}

impl Default for SigningKeys {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), hasher: RandomState::new() }
    }
}

/// What a signing key is bound to, besides the secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyScope<'a> {
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl SigningKeys {
    /// The signing key, and whether it was kept: else it was derived now.
    pub(super) fn get(
        &self,
        access_key_id: &str,
        secret: &SecretString,
        scope: KeyScope<'_>,
    ) -> ([u8; 32], bool) {
        let hash = self.hash(access_key_id, scope);
        let kept = self.cached(hash, access_key_id, secret, scope);
        kept.map_or_else(|| (derive(secret, scope), false), |key| (key, true))
    }

    /// Keeps the key of a request that was proven.
    pub(super) fn keep(
        &self,
        access_key_id: &str,
        secret: &SecretString,
        scope: KeyScope<'_>,
        key: &[u8; 32],
    ) {
        let hash = self.hash(access_key_id, scope);
        let Some(shard) = self.shard(hash) else { return };
        let entry = Entry {
            scope: label(access_key_id, scope),
            secret: SecretBytes::new(secret.expose().as_bytes().to_vec()),
            key: SecretBytes::new(key.to_vec()),
        };
        let mut shard = shard.write();
        if shard.len() >= KEYS_PER_SHARD_MAX {
            shard.clear(); // rare: 8,192 keys in one day; deriving again costs four HMACs each
        }
        shard.insert(hash, entry);
    }

    fn cached(
        &self,
        hash: u64,
        access_key_id: &str,
        secret: &SecretString,
        scope: KeyScope<'_>,
    ) -> Option<[u8; 32]> {
        let shard = self.shard(hash)?.read();
        let entry = shard.get(&hash)?;
        let same = is_label(&entry.scope, access_key_id, scope)
            && crypto::constant_time_eq(entry.secret.expose(), secret.expose().as_bytes());
        same.then(|| entry.key.expose().try_into().ok()).flatten()
    }

    fn shard(&self, hash: u64) -> Option<&RwLock<Shard>> {
        self.shards.get((hash >> 60) as usize % SHARDS)
    }

    fn hash(&self, access_key_id: &str, scope: KeyScope<'_>) -> u64 {
        self.hasher.hash_one((access_key_id, scope.date, scope.region, scope.service))
    }
}

// None of the parts holds a newline: they come from one header line or one query value without escapes.
fn label(access_key_id: &str, scope: KeyScope<'_>) -> String {
    format!("{access_key_id}\n{}\n{}\n{}", scope.date, scope.region, scope.service)
}

fn is_label(label: &str, access_key_id: &str, scope: KeyScope<'_>) -> bool {
    label.split('\n').eq([access_key_id, scope.date, scope.region, scope.service])
}

/// The signing key: four HMACs from the secret through day, region and service.
pub(super) fn derive(secret: &SecretString, scope: KeyScope<'_>) -> [u8; 32] {
    let seed = SecretString::new(format!("AWS4{}", secret.expose()));
    let day = crypto::hmac_sha256(seed.expose().as_bytes(), scope.date.as_bytes());
    let region = crypto::hmac_sha256(&day, scope.region.as_bytes());
    let service = crypto::hmac_sha256(&region, scope.service.as_bytes());
    crypto::hmac_sha256(&service, b"aws4_request")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: KeyScope<'static> = KeyScope { date: "20150830", region: "us-east-1", service: "iam" };

    #[test]
    fn the_derivation_gives_the_published_key() {
        // The worked example of AWS's own documentation.
        let secret = SecretString::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let key = derive(&secret, SCOPE);
        assert_eq!(hex::encode(key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn a_key_id_with_another_secret_never_meets_the_old_key() {
        let keys = SigningKeys::default();
        let (old, new) = (SecretString::new("old"), SecretString::new("new"));
        let (key, is_kept) = keys.get("AKIA", &old, SCOPE);
        assert!(!is_kept);
        keys.keep("AKIA", &old, SCOPE, &key);
        assert_eq!(keys.get("AKIA", &old, SCOPE), (key, true));
        let (other, is_kept) = keys.get("AKIA", &new, SCOPE);
        assert!(other != key && !is_kept);
    }

    #[test]
    fn the_cache_is_bounded() {
        let keys = SigningKeys::default();
        let secret = SecretString::new("s");
        for at in 0..(SHARDS * KEYS_PER_SHARD_MAX * 2) {
            keys.keep(&format!("AKIA{at}"), &secret, SCOPE, &[0; 32]);
        }
        assert!(keys.shards.iter().all(|shard| shard.read().len() <= KEYS_PER_SHARD_MAX));
    }
}
