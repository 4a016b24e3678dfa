//! The one way to change an account's records: every change takes the cached answers of its account along.
//!
//! It knows the records' form and not the rules of any API; those are the `iam` service's.

use std::sync::Arc;

use base::AccountId;
use bytes::Bytes;
use store::{Key, Range, Read, StoreError, Table, Transaction};

use super::{Directory, DirectoryError, named};
use crate::records::Record;

/// The records of identities, wherever they are read from.
pub trait Reads: Read {
    /// The record under a key.
    fn record<R: Record>(&self, table: Table, key: &Key) -> Result<Option<R>, DirectoryError> {
        let bytes = self.read(table, key)?;
        Ok(bytes.map(|bytes| R::decode(&bytes)).transpose()?)
    }

    /// All records whose keys begin with `prefix`.
    fn records<R: Record>(&self, table: Table, prefix: &Key) -> Result<Vec<R>, DirectoryError> {
        let entries = self.list(table, &Range::prefix(prefix))?;
        entries.iter().map(|(_, bytes)| Ok(R::decode(bytes)?)).collect()
    }
}

impl<T: Read + ?Sized> Reads for T {}

/// A change of one account's records inside a transaction.
pub struct Edit<'e, 't> {
    transaction: &'e mut Transaction<'t>,
    account: AccountId,
}

impl Directory {
    /// Begins a change of `account`. What is cached of the account ends when the transaction is durable, before its
    /// caller is told.
    // SECURITY: this is where a deleted key, a detached policy and a changed trust policy take effect.
    pub fn edit<'e, 't>(&self, transaction: &'e mut Transaction<'t>, account: AccountId) -> Edit<'e, 't> {
        let shared = Arc::clone(&self.0);
        transaction.after_commit(move || shared.generations.advance(account));
        Edit { transaction, account }
    }
}

impl Edit<'_, '_> {
    /// The account whose records these are.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Writes a record. That of a user or role is found by its unique id from then on.
    pub fn put<R: Record>(&mut self, table: Table, key: &Key, record: &R) -> Result<(), DirectoryError> {
        let bytes = record.encode()?;
        self.index(record)?;
        Ok(self.transaction.put(table, key, bytes)?)
    }

    pub(super) fn index<R: Record>(&mut self, record: &R) -> Result<(), DirectoryError> {
        let Some(principal) = record.principal() else { return Ok(()) };
        let entry = principal.entry(self.account).encode()?;
        Ok(self.transaction.put(named::PRINCIPAL_IDS, principal.key(), entry)?)
    }

    /// Deletes the record of a user or role for good: its unique id leads nowhere from then on.
    pub fn end<R: Record>(&mut self, table: Table, key: &Key, record: &R) -> Result<(), DirectoryError> {
        if let Some(principal) = record.principal() {
            self.transaction.delete(named::PRINCIPAL_IDS, principal.key())?;
        }
        self.delete(table, key)
    }

    /// Writes an entry of an index: a key without a value.
    pub fn mark(&mut self, table: Table, key: &Key) -> Result<(), DirectoryError> {
        Ok(self.transaction.put(table, key, Vec::new())?)
    }

    /// Deletes a record or an entry of an index.
    pub fn delete(&mut self, table: Table, key: &Key) -> Result<(), DirectoryError> {
        Ok(self.transaction.delete(table, key)?)
    }
}

impl Read for Edit<'_, '_> {
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
        self.transaction.get(table, key)
    }

    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.transaction.scan(table, range)
    }
}
