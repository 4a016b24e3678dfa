//! Retention: events that are older than 90 days are deleted, an hour at a time.

use std::time::Duration;

use service::{Internal, Jobs, Pipeline};

const PAUSE: Duration = Duration::from_secs(60 * 60);

/// Runs until the platform stops. A failure is left for the next turn.
pub(crate) async fn prune(mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(PAUSE).await {
        match prune_once(jobs.pipeline()).await {
            Ok(blocks) => tracing::debug!(blocks, "old audit records are deleted"),
            Err(error) => tracing::warn!(error = %base::Chain(&error), "old audit records stay for now"),
        }
    }
    Ok(())
}

/// Deletes what is old now; says how many blocks of records went.
pub(crate) async fn prune_once(pipeline: &Pipeline) -> Result<usize, Internal> {
    pipeline.audit().prune().await.map_err(Internal::new)
}
