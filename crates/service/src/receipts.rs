//! What calls made for somebody's marks, written with it, until whoever set the marks has written that it is there.
//!
//! For what shows no tags: nothing else would tell whose it is. Gives nobody leave for anything; a receipt that stays
//! means that its call was answered to nobody.

use std::sync::{Mutex, PoisonError};

use store::{Key, Range, Store, StoreError, Table, Transaction};

use crate::call::{Call, Marks};

/// By the marks, and the id of what was made.
const RECEIPTS: Table = Table::new(0x0801, "receipts");

/// What one call made so far in its transaction.
#[derive(Default)]
pub(crate) struct Made(Mutex<Vec<String>>);

impl Made {
    fn list<T>(&self, work: impl FnOnce(&mut Vec<String>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets what a transaction made that came to nothing.
    pub(crate) fn begin(&self) {
        self.list(Vec::clear);
    }

    /// Writes what was made with the change that made it.
    pub(crate) fn write(&self, marks: &Marks, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        self.list(std::mem::take)
            .into_iter()
            .try_for_each(|id| transaction.put(RECEIPTS, key(marks).str(&id), Vec::new()))
    }
}

impl Call {
    /// Says, inside [`Call::transact`], that this was made. Written where somebody's marks came with the call.
    pub fn made(&self, id: &str) {
        if let Some(made) = &self.made {
            made.list(|ids| ids.push(id.to_owned()));
        }
    }
}

/// The ids of what was made for these marks and is not known yet by whoever set them.
///
/// # Errors
/// The store's.
pub fn unsettled(store: &Store, marks: &Marks) -> Result<Vec<String>, StoreError> {
    let prefix = key(marks);
    let start = prefix.as_ref().len();
    let found = store.scan_prefix(RECEIPTS, &prefix)?;
    let id = |key: &[u8]| store::KeyReader::new(key.get(start..)?).str().ok();
    Ok(found.iter().filter_map(|(key, _)| id(key)).collect())
}

/// Drops the receipts of these marks: whoever set them writes in this transaction what there is.
///
/// # Errors
/// The store's.
pub fn settle(transaction: &mut Transaction<'_>, marks: &Marks) -> Result<(), StoreError> {
    let found = transaction.scan(RECEIPTS, &Range::prefix(key(marks)))?;
    found.into_iter().try_for_each(|(key, _)| transaction.delete(RECEIPTS, key))
}

fn key(marks: &Marks) -> Key {
    marks.iter().fold(Key::new(), |key, (name, value)| key.str(name).str(value))
}
