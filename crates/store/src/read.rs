//! Reading, wherever from: what is durable, a frozen view of that, or a transaction.

use bytes::Bytes;

use crate::error::StoreError;
use crate::key::Key;
use crate::range::Range;
use crate::snapshot::Snapshot;
use crate::store::Store;
use crate::table::Table;
use crate::transaction::Transaction;

/// Where records can be read.
pub trait Read {
    /// The record under this key.
    fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError>;

    /// The records of a range, in order, gathered.
    fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError>;
}

macro_rules! reads {
    ($($from:ty),*) => {$(
        impl Read for $from {
            fn read(&self, table: Table, key: &Key) -> Result<Option<Bytes>, StoreError> {
                self.get(table, key)
            }

            fn list(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
                self.scan(table, range)
            }
        }
    )*};
}

reads!(Store, Snapshot, Transaction<'_>);
