//! Policies of resources that were stored before principals stood in them by unique id: brought along once, at a start.
//!
//! It knows no service's records: each says how to read its own. Nothing is served before this is done, so nobody is made
//! or deleted meanwhile.

use serde_json::Value;
use store::{Key, Range, Store, StoreError, Table};

use super::named::{PRINCIPAL_IDS, bind_or_retire};
use super::{Directory, DirectoryError};
use crate::records::{Record, RoleRecord, keys};

/// So many records are read, and at most written, at one time.
const RECORDS_AT_ONCE: usize = 500;

/// A record's bytes with its principals bound; `None` where nothing changes.
pub type BindRecord = fn(&Binder<'_>, &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError>;

/// A table whose records hold policies.
#[derive(Clone, Copy)]
pub struct StoredPolicies {
    /// The table.
    pub table: Table,
    /// How one of its records is bound.
    pub bind: BindRecord,
}

/// Why stored policies are not brought along.
#[derive(Debug, thiserror::Error)]
pub enum StoredPolicyError {
    /// The directory or the store cannot answer.
    #[error("the directory cannot answer")]
    Directory(#[from] DirectoryError),
    /// A record does not parse.
    #[error("a stored record with a policy does not parse")]
    Record(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoredPolicyError {
    /// A record that does not parse.
    pub fn record(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Record(error.into())
    }
}

impl From<StoreError> for StoredPolicyError {
    fn from(error: StoreError) -> Self {
        Self::Directory(error.into())
    }
}

/// Names by unique id whoever a stored policy names.
pub struct Binder<'s>(&'s Store);

impl Binder<'_> {
    /// Binds a document in its place. True where something changed.
    ///
    /// # Errors
    /// Where the directory cannot answer.
    pub fn document(&self, text: &mut String) -> Result<bool, DirectoryError> {
        // What is no JSON is no policy either, and lets nobody in.
        let Ok(mut value) = serde_json::from_str::<Value>(text) else { return Ok(false) };
        let changed = bind_or_retire(self.0, &mut value)?;
        if changed {
            *text = value.to_string();
        }
        Ok(changed)
    }

    /// Binds a single statement in its place. True where something changed.
    ///
    /// # Errors
    /// Where the directory cannot answer.
    pub fn statement(&self, statement: &mut Value) -> Result<bool, DirectoryError> {
        bind_or_retire(self.0, statement)
    }
}

/// The trust policies of roles.
const TRUST: StoredPolicies = StoredPolicies { table: keys::ROLES, bind: bind_trust };

fn bind_trust(binder: &Binder<'_>, bytes: &[u8]) -> Result<Option<Vec<u8>>, StoredPolicyError> {
    let mut role = RoleRecord::decode(bytes).map_err(StoredPolicyError::record)?;
    let changed = binder.document(&mut role.trust)?;
    changed.then(|| role.encode().map_err(StoredPolicyError::record)).transpose()
}

impl Directory {
    /// Binds the principals of all trust policies and of all policies in these tables, each table once in a store's life.
    ///
    /// # Errors
    /// Where a record does not parse, or the store fails. What was bound until then stays bound.
    pub async fn bind_stored(&self, stored: &[StoredPolicies]) -> Result<(), StoredPolicyError> {
        let mut done = Vec::new();
        for policies in std::iter::once(&TRUST).chain(stored) {
            if self.store().get(PRINCIPAL_IDS, mark(policies.table))?.is_none() {
                self.bind_table(policies).await?;
                done.push(mark(policies.table));
            }
        }
        if done.is_empty() {
            return Ok(());
        }
        self.store()
            .transact(|transaction| {
                done.into_iter().try_for_each(|mark| transaction.put(PRINCIPAL_IDS, mark, Vec::new()))?;
                Ok(())
            })
            .await
    }

    async fn bind_table(&self, policies: &StoredPolicies) -> Result<(), StoredPolicyError> {
        let (store, mut range) = (self.store(), Range::all().limit(RECORDS_AT_ONCE));
        loop {
            let page = store.scan(policies.table, &range)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            range = range.after(last);
            let mut changed = Vec::new();
            for (key, bytes) in &page {
                let bound = (policies.bind)(&Binder(store), bytes)?;
                changed.extend(bound.map(|bytes| (key.clone(), bytes)));
            }
            if changed.is_empty() {
                continue;
            }
            let written: Result<(), StoredPolicyError> = store
                .transact(|transaction| {
                    for (key, bytes) in changed {
                        transaction.put(policies.table, key, bytes)?;
                    }
                    Ok(())
                })
                .await;
            written?;
        }
    }
}

/// Stands where no unique id does, which are capital letters and digits.
fn mark(table: Table) -> Key {
    Key::new().str(&format!("bound {}", table.name()))
}
