//! The records of one table in memory, by account and id: written from the store alone, once a change is durable.
//!
//! It never runs ahead of the store, and knows nothing of what the records are.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::AccountId;
use parking_lot::RwLock;
use service::Call;
use store::{Key, Range, Read, Store, StoreError, Table, Transaction};
use tokio::sync::Notify;

use crate::catalog::CatalogError;
use crate::error::Error;
use crate::records::Record;

/// A record that has an account and an id of its own.
pub(crate) trait Row: Record + Clone + Send + Sync + 'static {
    /// Where it is stored.
    const TABLE: Table;
    /// The record with what is made of it once.
    type View: From<Self> + Send + Sync + 'static;

    fn account(&self) -> AccountId;
    fn id(&self) -> &str;

    /// The record of this id, as it is stored.
    fn stored(records: &dyn Read, account: AccountId, id: &str) -> Result<Option<Self>, Error> {
        let stored = records.read(Self::TABLE, &key(account, id))?;
        stored.map(|stored| Self::decode(&stored)).transpose().map_err(Error::internal)
    }
}

/// Views by account and id.
type Views<V> = BTreeMap<(AccountId, String), Arc<V>>;

/// All records of one table.
pub(crate) struct Kept<R: Row> {
    views: RwLock<Views<R::View>>,
    /// Woken by every change.
    pub(crate) changed: Notify,
}

impl<R: Row> Kept<R> {
    /// Reads every record.
    pub(crate) fn load(store: &Store) -> Result<Self, CatalogError> {
        let kept = Self { views: RwLock::default(), changed: Notify::new() };
        for item in store.snapshot()?.iter(R::TABLE, &Range::all()) {
            let (_, value) = item?;
            kept.put(R::decode(&value)?);
        }
        Ok(kept)
    }

    /// The record of this id.
    pub(crate) fn get(&self, account: AccountId, id: &str) -> Option<Arc<R::View>> {
        self.views.read().get(&(account, id.to_owned())).cloned()
    }

    /// The records of an account, in the order of their ids.
    pub(crate) fn of(&self, account: AccountId) -> Vec<Arc<R::View>> {
        let from = (account, String::new());
        let views = self.views.read();
        views
            .range(from..)
            .take_while(|((own, _), _)| *own == account)
            .map(|(_, view)| Arc::clone(view))
            .collect()
    }

    /// The records of all accounts.
    pub(crate) fn all(&self) -> Vec<Arc<R::View>> {
        self.views.read().values().cloned().collect()
    }

    /// Writes a record that was made.
    pub(crate) async fn write(self: &Arc<Self>, call: &Call, record: R) -> Result<(), Error> {
        call.transact(|transaction| self.store(transaction, record)).await
    }

    /// Changes what is stored under an id; `None` where there is nothing.
    pub(crate) async fn change(
        self: &Arc<Self>,
        call: &Call,
        account: AccountId,
        id: &str,
        work: impl FnOnce(&mut R) -> Result<(), Error> + Send,
    ) -> Result<Option<R>, Error> {
        call.transact(|transaction| {
            let Some(mut record) = R::stored(&*transaction, account, id)? else { return Ok(None) };
            work(&mut record)?;
            self.store(transaction, record.clone())?;
            Ok(Some(record))
        })
        .await
    }

    /// Deletes a record, and in the same transaction what `with` deletes.
    pub(crate) async fn delete(
        self: &Arc<Self>,
        call: &Call,
        account: AccountId,
        id: &str,
        with: impl FnOnce(&mut Transaction<'_>) -> Result<(), StoreError> + Send,
    ) -> Result<(), Error> {
        call.transact(|transaction| {
            transaction.delete(R::TABLE, key(account, id))?;
            with(transaction)?;
            let (kept, id) = (Arc::clone(self), id.to_owned());
            transaction.after_commit(move || kept.remove(account, id));
            Ok(())
        })
        .await
    }

    fn store(self: &Arc<Self>, transaction: &mut Transaction<'_>, record: R) -> Result<(), Error> {
        let encoded = record.encode().map_err(Error::internal)?;
        transaction.put(R::TABLE, key(record.account(), record.id()), encoded)?;
        let kept = Arc::clone(self);
        transaction.after_commit(move || kept.put(record));
        Ok(())
    }

    fn put(&self, record: R) {
        let key = (record.account(), record.id().to_owned());
        self.views.write().insert(key, Arc::new(record.into()));
        self.changed.notify_one();
    }

    fn remove(&self, account: AccountId, id: String) {
        self.views.write().remove(&(account, id));
        self.changed.notify_one();
    }
}

/// Where a record stands in its table.
pub(crate) fn key(account: AccountId, id: &str) -> Key {
    Key::new().str(account.as_str()).str(id)
}
