//! Forgets what is too old: changes that no moment within the recovery period needs, and backups that expire.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Timestamp;
use service::Internal;
use store::{Key, Range, Store, StoreError};

use super::CHUNK;
use crate::State;
use crate::error::Error;
use crate::history::{before, last_at};
use crate::records::{BACKUPS, BackupRecord, COPIES, CopyRecord, DOOMED, HISTORY};

/// Deletes changes that nobody can ask for any more.
pub(crate) async fn trim_histories(state: &Arc<State>, store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut needed: BTreeMap<u64, u64> = BTreeMap::new();
    for copy in copies(store)? {
        if let Some(live) = copy.live {
            let first = needed.entry(live.history).or_insert(u64::MAX);
            *first = live.last.min(*first);
        }
    }
    for table in state.tables.all() {
        let Some(history) = &table.record.history else { continue };
        let recovery = history.recovery.map(|recovery| last_at(recovery.earliest(now)));
        let least = recovery.into_iter().chain(needed.get(&history.id).copied()).min();
        if let Some(least) = least {
            trim(store, history.id, least.saturating_add(1)).await?;
        }
    }
    Ok(())
}

fn copies(store: &Store) -> Result<Vec<CopyRecord>, Error> {
    let stored = store.scan(COPIES, &Range::all())?;
    let decoded = stored.iter().map(|(_, bytes)| CopyRecord::decode(bytes)).collect::<Result<_, _>>();
    Ok(decoded.map_err(Internal::new)?)
}

async fn trim(store: &Store, history: u64, least: u64) -> Result<(), Error> {
    loop {
        let old = store.scan(HISTORY, &before(history, least).limit(CHUNK))?;
        if old.is_empty() {
            return Ok(());
        }
        let delete = |transaction: &mut store::Transaction<'_>| {
            old.iter().try_for_each(|(key, _)| transaction.delete(HISTORY, key))
        };
        store.transact(delete).await.map_err(|error: StoreError| Error::from(error))?;
        tokio::task::yield_now().await;
    }
}

/// Deletes backups whose time is over, but for those that a table is just restored from.
pub(crate) async fn forget_backups(state: &Arc<State>, store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut range = Range::all();
    loop {
        let page = store.scan(BACKUPS, &range.clone().limit(CHUNK))?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        range = range.after(last);
        for (key, bytes) in &page {
            let backup = BackupRecord::decode(bytes).map_err(Internal::new)?;
            if backup.expires.is_some_and(|expires| expires <= now) {
                forget(state, store, key, backup.items).await?;
            }
        }
    }
}

async fn forget(state: &Arc<State>, store: &Store, key: &[u8], items: u64) -> Result<(), Error> {
    store
        .transact(|transaction| {
            for (_, bytes) in transaction.scan(COPIES, &Range::all())? {
                if CopyRecord::decode(&bytes).map_err(Internal::new)?.source == items {
                    return Ok(());
                }
            }
            transaction.delete(BACKUPS, key)?;
            transaction.put(DOOMED, Key::new().u64(items), Vec::new())?;
            let ringing = Arc::clone(state);
            transaction.after_commit(move || ringing.sweep.notify_one());
            Ok(())
        })
        .await
}
