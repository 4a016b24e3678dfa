//! A bounded cache whose entries die the instant their account changes.
//!
//! Each account has a generation; a commit that changes it counts up before anyone is told of the commit. An entry is
//! good while its account's generation is the one that was read before the entry was.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use base::AccountId;
use parking_lot::RwLock;

const SHARDS: usize = 16;
const ENTRIES_PER_SHARD_MAX: usize = 1_024;
const GENERATIONS: usize = 64;

/// The generations of all accounts. Accounts that share a slot only invalidate each other needlessly.
#[derive(Debug)]
pub(super) struct Generations([AtomicU64; GENERATIONS]);

impl Default for Generations {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Generations {
    fn slot(&self, account: AccountId) -> Option<&AtomicU64> {
        let sum =
            account.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
        self.0.get(sum % GENERATIONS)
    }

    pub(super) fn current(&self, account: AccountId) -> u64 {
        self.slot(account).map_or(u64::MAX, |slot| slot.load(Ordering::SeqCst))
    }

    /// Ends every entry there is.
    pub(super) fn advance_all(&self) {
        for slot in &self.0 {
            slot.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Grows with every change of any account.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().fold(0, |total, slot| total.wrapping_add(slot.load(Ordering::SeqCst)))
    }

    pub(super) fn advance(&self, account: AccountId) {
        if let Some(slot) = self.slot(account) {
            slot.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A cached value and what it rests on.
#[derive(Clone, Debug)]
struct Entry<V> {
    account: AccountId,
    generation: u64,
    value: V,
}

/// The cache. A full shard is emptied: rebuilding an entry costs microseconds.
#[derive(Debug)]
pub(super) struct Cache<V> {
    shards: [RwLock<HashMap<Box<str>, Entry<V>>>; SHARDS],
    hasher: RandomState,
}

impl<V> Default for Cache<V> {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), hasher: RandomState::new() }
    }
}

impl<V: Clone> Cache<V> {
    fn shard(&self, key: &str) -> Option<&RwLock<HashMap<Box<str>, Entry<V>>>> {
        self.shards.get((self.hasher.hash_one(key) >> 60) as usize % SHARDS)
    }

    /// The value, if it is still good.
    pub(super) fn get(&self, key: &str, generations: &Generations) -> Option<V> {
        let shard = self.shard(key)?.read();
        let entry = shard.get(key)?;
        (entry.generation == generations.current(entry.account)).then(|| entry.value.clone())
    }

    /// Keeps a value that was read after `generation` was.
    pub(super) fn keep(&self, key: &str, account: AccountId, generation: u64, value: V) {
        let Some(shard) = self.shard(key) else { return };
        let mut shard = shard.write();
        if shard.len() >= ENTRIES_PER_SHARD_MAX && !shard.contains_key(key) {
            shard.clear();
        }
        shard.insert(key.into(), Entry { account, generation, value });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_its_account_ends_an_entry() {
        let (cache, generations) = (Cache::default(), Generations::default());
        let account: AccountId = "123456789012".parse().unwrap();
        let before = generations.current(account);
        cache.keep("k", account, before, 1);
        assert_eq!(cache.get("k", &generations), Some(1));
        generations.advance(account);
        assert_eq!(cache.get("k", &generations), None);
        cache.keep("k", account, before, 1);
        assert_eq!(cache.get("k", &generations), None, "read before the change, kept after it");
    }

    #[test]
    fn the_cache_is_bounded() {
        let (cache, generations) = (Cache::default(), Generations::default());
        let account: AccountId = "123456789012".parse().unwrap();
        for at in 0..SHARDS * ENTRIES_PER_SHARD_MAX * 2 {
            cache.keep(&at.to_string(), account, generations.current(account), at);
        }
        assert!(cache.shards.iter().all(|shard| shard.read().len() <= ENTRIES_PER_SHARD_MAX));
    }
}
