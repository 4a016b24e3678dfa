//! Retention: records older than 90 days are not served, and are deleted in small steps.

use base::{AccountId, Timestamp};
use store::{Range, StoreError};

use crate::audit::query::newest_of;
use crate::audit::trail::AuditTrail;
use crate::audit::{BLOCKS, account_prefix};

/// How long records are kept.
pub const RETENTION_DAYS: i64 = 90;

/// Blocks that one transaction deletes.
const STEP_BLOCKS: usize = 512;

/// The oldest moment that is served.
pub(crate) const fn cutoff(now: Timestamp) -> Timestamp {
    now.plus_secs(-RETENTION_DAYS * 24 * 60 * 60)
}

impl AuditTrail {
    /// Deletes the blocks of all accounts that hold nothing young enough; says how many.
    pub async fn prune(&self) -> Result<usize, StoreError> {
        let oldest = cutoff(self.store().clock().now());
        let mut deleted = 0;
        let mut from = Range::all().limit(1);
        while let Some((key, _)) = self.store().scan(BLOCKS, &from)?.pop() {
            let Some(account) = account_of(&key) else {
                return Err(StoreError::Damaged { table: BLOCKS.name() });
            };
            deleted += self.prune_account(account, oldest).await?;
            let Some(behind) = Range::prefix(account_prefix(account)).end else { break };
            from.start = behind;
        }
        Ok(deleted)
    }

    async fn prune_account(&self, account: AccountId, oldest: Timestamp) -> Result<usize, StoreError> {
        let start = account_prefix(account);
        let range = Range::between(&start, start.clone().i64(oldest.millis())).limit(STEP_BLOCKS);
        let mut deleted = 0;
        loop {
            let old = self.store().scan(BLOCKS, &range)?;
            if old.is_empty() {
                return Ok(deleted);
            }
            deleted += old.len();
            self.store()
                .transact(|transaction| {
                    old.iter().try_for_each(|(key, _)| {
                        debug_assert!(newest_of(key).is_some_and(|newest| newest < oldest));
                        transaction.delete(BLOCKS, key)
                    })
                })
                .await?;
        }
    }
}

fn account_of(key: &[u8]) -> Option<AccountId> {
    std::str::from_utf8(key.get(..12)?).ok()?.parse().ok()
}
