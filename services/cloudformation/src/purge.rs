//! Forgets stacks that were deleted long ago, with all that was written of them. AWS shows deleted stacks for 90 days.
//!
//! Touches no stack that is not deleted.

use std::sync::Arc;
use std::time::Duration;

use base::{Chain, Timestamp};
use service::{Internal, Jobs};
use store::{Key, Range, Table, Transaction};

use crate::CloudFormation;
use crate::error::Error;
use crate::model::status;
use crate::records::{CHANGE_SETS, DRIFTS, EVENTS, PULSES, RESOURCES, STACKS, StackRecord};
use crate::stacks;

/// How long a deleted stack is shown, in seconds.
const SHOWN_SECS: i64 = 90 * 86_400;
/// How often it is looked for deleted stacks.
const LOOK_EVERY: Duration = Duration::from_secs(86_400);
/// What is dropped in one transaction, at most.
const BATCH: usize = 200;
/// What is written under a stack's id.
const PARTS: [Table; 5] = [RESOURCES, EVENTS, CHANGE_SETS, DRIFTS, PULSES];

/// True for a stack that was deleted so long ago that nobody is shown it.
pub(crate) fn is_over(stack: &StackRecord, now: Timestamp) -> bool {
    let end = stack.deleted_at.map(|at| at.plus_secs(SHOWN_SECS));
    stack.status == status::DELETE_COMPLETE && end.is_some_and(|end| end <= now)
}

/// Forgets once a day, and as the platform starts.
pub(crate) async fn run(state: Arc<CloudFormation>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let now = jobs.pipeline().clock().now();
        if let Err(error) = forget(&state, now).await {
            tracing::error!(error = %Chain(&error), "deleted stacks are not forgotten");
        }
        if !jobs.pause(LOOK_EVERY).await {
            return Ok(());
        }
    }
}

/// Forgets every stack that is over at this moment.
pub(crate) async fn forget(state: &CloudFormation, now: Timestamp) -> Result<(), Error> {
    for (key, bytes) in state.store.scan(STACKS, &Range::all())? {
        let stack: StackRecord = stacks::decode(&bytes)?;
        if !is_over(&stack, now) {
            continue;
        }
        // The stack itself goes last: what a stop leaves over is found again.
        while state.store.transact(|tx| drop_parts(tx, &stack.id)).await? {}
        state.store.transact(|tx| Ok::<_, Error>(tx.delete(STACKS, key)?)).await?;
    }
    Ok(())
}

/// Drops some of what is written under a stack's id. False where nothing was left.
fn drop_parts(tx: &mut Transaction<'_>, id: &str) -> Result<bool, Error> {
    let mut dropped = false;
    for table in PARTS {
        for (key, _) in tx.scan(table, &Range::prefix(Key::new().str(id)).limit(BATCH))? {
            tx.delete(table, key)?;
            dropped = true;
        }
    }
    Ok(dropped)
}
