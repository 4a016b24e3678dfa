//! A frozen view of everything that was durable when it was taken.

use std::sync::Arc;

use bytes::Bytes;

use crate::engine::{Engine, View};
use crate::error::StoreError;
use crate::range::Range;
use crate::scan::Scan;
use crate::table::Table;

/// Reads that agree with each other. Holding one keeps old versions of records on disk, so it is not kept for long.
pub struct Snapshot {
    engine: Arc<Engine>,
    view: View,
}

impl Snapshot {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let view = engine.view();
        Self { engine, view }
    }

    /// The record under this key.
    pub fn get(&self, table: Table, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, StoreError> {
        self.engine.get_at(&self.view, table, key.as_ref())
    }

    /// The records of a range, gathered.
    pub fn scan(&self, table: Table, range: &Range) -> Result<Vec<(Vec<u8>, Bytes)>, StoreError> {
        self.iter(table, range).collect()
    }

    /// The records of a range, one by one.
    pub fn iter(&self, table: Table, range: &Range) -> Scan {
        Scan::over(Arc::clone(&self.engine), &self.view, table, range, std::collections::BTreeMap::new())
    }
}
