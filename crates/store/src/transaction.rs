//! The body of a transaction sees its own writes, then those not durable yet, then the engine.
//!
//! It runs alone and must be short: no waiting, no input or output but through this type.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::engine::{Engine, Writes};
use crate::error::StoreError;
use crate::group::{Callback, Pending};
use crate::range::Range;
use crate::scan::Scan;
use crate::table::Table;
use crate::{KEY_BYTES_MAX, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX};

/// Reads and writes of one serializable transaction. Dropped without success, it leaves nothing.
pub struct Transaction<'a> {
    engine: &'a Arc<Engine>,
    pending: &'a Pending,
    writes: Writes,
    bytes: usize,
    callbacks: Vec<Callback>,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(engine: &'a Arc<Engine>, pending: &'a Pending) -> Self {
        Self { engine, pending, writes: Writes::new(), bytes: 0, callbacks: Vec::new() }
    }

    pub(crate) fn into_parts(self) -> (Writes, usize, Vec<Callback>) {
        (self.writes, self.bytes, self.callbacks)
    }

    /// The record under this key.
    pub fn get(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, StoreError> {
        let full = table.engine_key(key.as_ref());
        match self.layers().find_map(|layer| layer.get(&full)) {
            Some(written) => Ok(written.clone()),
            None => self.engine.get(table, key.as_ref()),
        }
    }

    /// Writes a record.
    pub fn put(
        &mut self,
        table: Table,
        key: impl AsRef<[u8]>,
        value: impl Into<Bytes>,
    ) -> Result<(), StoreError> {
        let value = value.into();
        if value.len() > VALUE_BYTES_MAX {
            return Err(StoreError::ValueTooLarge { table: table.name(), bytes: value.len() });
        }
        self.write(table, key.as_ref(), Some(value))
    }

    /// Deletes a record; one that is not there is deleted already.
    pub fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) -> Result<(), StoreError> {
        self.write(table, key.as_ref(), None)
    }

    /// The records of a range, gathered.
    pub fn scan(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.iter(table, range).collect()
    }

    /// The records of a range, one by one, as they were when this was called.
    pub fn iter(&self, table: Table, range: &Range) -> Scan {
        let mut changes = BTreeMap::new();
        if let Some((start, end)) = range.engine_bounds(table) {
            let bounds = (Bound::Included(start), end);
            for layer in self.layers() {
                for (key, value) in layer.range(bounds.clone()) {
                    changes.entry(key.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        Scan::over(Arc::clone(self.engine), &self.engine.view(), table, range, changes)
    }

    /// Runs once this transaction is durable, before its caller is answered, in the order of commits; never where it
    /// fails. Caches are invalidated here. It must be short and must not begin a transaction.
    pub fn after_commit(&mut self, callback: impl FnOnce() + Send + 'static) {
        self.callbacks.push(Box::new(callback));
    }

    fn write(&mut self, table: Table, key: &[u8], value: Option<Bytes>) -> Result<(), StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StoreError::KeyTooLong { table: table.name(), bytes: key.len() });
        }
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        if self.bytes > TRANSACTION_BYTES_MAX {
            return Err(StoreError::TransactionTooLarge);
        }
        self.writes.insert(table.engine_key(key), value);
        Ok(())
    }

    /// What is not in the engine, newest first.
    fn layers(&self) -> impl Iterator<Item = &Writes> {
        std::iter::once(&self.writes).chain(self.pending.layers())
    }
}
