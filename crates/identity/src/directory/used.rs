//! When keys and roles were last used: written down behind the call, and seldom.
//!
//! It is only ever a hint: a full queue costs one remark, and nobody waits for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use base::Timestamp;
use store::{Key, Table};

use super::Directory;
use crate::principal::Principal;
use crate::records::{LastUsedRecord, Record as _, keys};

/// How often the use of one key or role is written down.
const MILLIS_MIN: i64 = 60_000;

/// True for one of those who note a use at the same moment, where none was noted for a while.
fn is_due(noted_at: &AtomicI64, now: Timestamp) -> bool {
    let noted = noted_at.load(Ordering::Relaxed);
    now.millis() - noted >= MILLIS_MIN
        && noted_at.compare_exchange(noted, now.millis(), Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

impl Directory {
    /// Notes that a long-term key signed a request.
    pub(super) fn note_key(&self, noted_at: &AtomicI64, access_key_id: &str, used: &LastUsedRecord) {
        if is_due(noted_at, used.at) {
            self.note(keys::LAST_USED, &keys::access_key(access_key_id), used);
        }
    }

    /// Notes that a session of a role calls; of whoever else calls, nothing.
    pub fn role_used(&self, principal: &Principal, service: &str, region: &str, now: Timestamp) {
        let Principal::AssumedRole(role) = principal else { return };
        let shared = &self.0;
        let noted_at = shared.roles_used.get(&role.role_id, &shared.generations).unwrap_or_else(|| {
            let fresh: Arc<AtomicI64> = Arc::default();
            let generation = shared.generations.current(role.account);
            shared.roles_used.keep(&role.role_id, role.account, generation, Arc::clone(&fresh));
            fresh
        });
        if is_due(&noted_at, now) {
            let used = LastUsedRecord { at: now, service: service.to_owned(), region: region.to_owned() };
            self.note(keys::ROLES_LAST_USED, &keys::unique(&role.role_id), &used);
        }
    }

    fn note(&self, table: Table, key: &Key, used: &LastUsedRecord) {
        if let Ok(bytes) = used.encode() {
            let mut batch = store::Batch::new();
            batch.put(table, key, bytes);
            drop(self.store().write_later(batch));
        }
    }
}
