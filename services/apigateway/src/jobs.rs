//! What goes on in the background: what was used of usage plans is written, and what stages log is delivered.
//!
//! Nothing waits for it. What was counted since the last time is lost with a `kill -9`, and with nothing else.

use std::sync::Arc;
use std::time::Duration;

use gateway::Deliverer;
use service::{Internal, Jobs};

use crate::ApiGateway;

const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the platform stops, and once more then. A failure is left for the next turn.
pub(crate) async fn write_usage(state: Arc<ApiGateway>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let goes_on = jobs.pause(PAUSE).await;
        if let Err(error) = state.stages.plans().write_used(&state.store).await {
            tracing::warn!(error = %base::Chain(&error), "what was used of usage plans is not written for now");
        }
        if !goes_on {
            return Ok(());
        }
    }
}

/// Runs until the platform stops, and once more then.
pub(crate) async fn deliver_logs(state: Arc<ApiGateway>, mut jobs: Jobs) -> Result<(), Internal> {
    let mut deliverer = Deliverer::default();
    loop {
        let goes_on = jobs.pause(PAUSE).await;
        deliverer.turn(jobs.pipeline(), &state.store, state.stages.logs()).await;
        if !goes_on {
            return Ok(());
        }
    }
}
