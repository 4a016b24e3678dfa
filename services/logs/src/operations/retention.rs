//! How long a group keeps its events.

use std::sync::Arc;

use service::Permit;

use crate::Logs;
use crate::api::{DeleteRetentionPolicy, PutRetentionPolicy};
use crate::error::Error;
use crate::model;
use crate::operations::{groups, own};

pub(crate) async fn put(_: Arc<Logs>, permit: Permit<PutRetentionPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    let days = model::retention(input.retention_in_days)?;
    groups::change(&call, &own(&call, &input.log_group_name), |record| {
        record.retention_days = Some(days);
        Ok(())
    })
    .await
}

pub(crate) async fn delete(_: Arc<Logs>, permit: Permit<DeleteRetentionPolicy>) -> Result<(), Error> {
    let Permit { input, call, .. } = permit;
    groups::change(&call, &own(&call, &input.log_group_name), |record| {
        record.retention_days = None;
        Ok(())
    })
    .await
}
