//! The operations, one file a subject.

mod backup_shapes;
pub(crate) mod backups;
pub(crate) mod batch;
pub(crate) mod change;
pub(crate) mod describe;
pub(crate) mod index_updates;
pub(crate) mod items;
pub(crate) mod limits;
pub(crate) mod page_source;
pub(crate) mod pages;
pub(crate) mod partiql;
pub(crate) mod recovery;
pub(crate) mod resource_policy;
pub(crate) mod restore;
pub(crate) mod stream_updates;
pub(crate) mod tables;
pub(crate) mod tags;
pub(crate) mod time_to_live;
pub(crate) mod transactions;
pub(crate) mod write;

use std::sync::Arc;

use service::Call;

use crate::State;
use crate::error::Error;
use crate::managed_key;
use crate::tables::{Table, Target, not_found};

impl State {
    /// The table whose items a call works on; one that is being restored has none yet.
    pub(crate) fn table(&self, call: &Call, name: &str) -> Result<Arc<Table>, Error> {
        let target = Target::parse(name, call.account(), call.region())?;
        let table = self.tables.find(&target).filter(|table| !table.record.is_restoring());
        let table = table.ok_or_else(not_found)?;
        if table.record.is_encryption_requested {
            managed_key::check_caller(call, target.account, &target.region)?;
        }
        Ok(table)
    }
}
