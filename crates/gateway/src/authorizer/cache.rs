//! What authorizers said, for as long as it counts.
//!
//! Holds digests of identities, never identities; bounded, and gone with its stage's deployment.

use std::collections::HashMap;

use base::Timestamp;
use parking_lot::Mutex;

use super::Verdict;

/// The most callers of one stage that are remembered at a time.
const CALLERS_MAX: usize = 4_096;

/// One stage's.
#[derive(Default)]
pub(crate) struct Cache(Mutex<HashMap<[u8; 32], (Timestamp, Verdict)>>);

impl Cache {
    /// What was said of this identity, if it counts still.
    pub(crate) fn get(&self, authorizer: &str, identity: &[String], now: Timestamp) -> Option<Verdict> {
        let known = self.0.lock();
        known
            .get(&key(authorizer, identity))
            .filter(|(until, _)| now < *until)
            .map(|(_, verdict)| verdict.clone())
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Remembers what was said until then.
    pub(crate) fn put(
        &self,
        authorizer: &str,
        identity: &[String],
        verdict: Verdict,
        until: Timestamp,
        now: Timestamp,
    ) {
        let mut known = self.0.lock();
        if known.len() >= CALLERS_MAX {
            known.retain(|_, (until, _)| now < *until);
        }
        // Where all of it counts still, the newest is not remembered: it is asked about again.
        if known.len() < CALLERS_MAX {
            known.insert(key(authorizer, identity), (until, verdict));
        }
    }
}

fn key(authorizer: &str, identity: &[String]) -> [u8; 32] {
    let mut all = Vec::new();
    for part in std::iter::once(authorizer).chain(identity.iter().map(String::as_str)) {
        all.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    crypto::sha256(&all)
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cache(…)")
    }
}
