//! What happens later: files that nothing names any more are deleted.
//!
//! Serving never waits for it: what is deleted is out of sight at once.

use std::sync::Arc;
use std::time::Duration;

use service::{Internal, Jobs};
use store::{KeyReader, Range};

use crate::error::Error;
use crate::records::DOOMED;
use crate::state::S3;

const PAUSE: Duration = Duration::from_secs(5);
/// Files that one turn deletes before it looks at the clock again.
const STEP: usize = 1_000;

/// Runs until the platform stops. A failure is left for the next turn.
pub(crate) async fn run(s3: Arc<S3>, mut jobs: Jobs) -> Result<(), Internal> {
    while jobs.pause(PAUSE).await {
        if let Err(error) = sweep(&s3).await {
            tracing::warn!(error = %base::Chain(&error), "files of deleted objects stay for now");
        }
    }
    Ok(())
}

/// Deletes the files that are doomed now. A reader that has one open reads on.
pub(crate) async fn sweep(s3: &Arc<S3>) -> Result<(), Error> {
    let doomed = s3.store.scan(DOOMED, &Range::all().limit(STEP))?;
    if doomed.is_empty() {
        return Ok(());
    }
    let own = Arc::clone(s3);
    let places: Vec<Vec<u8>> = doomed.into_iter().map(|(place, _)| place).collect();
    let deleted = tokio::task::spawn_blocking(move || {
        let gone = |place: &Vec<u8>| {
            let id = KeyReader::new(place).str();
            id.is_ok_and(|id| own.files.delete(&id).is_ok())
        };
        places.into_iter().filter(gone).collect::<Vec<_>>()
    });
    let deleted = deleted.await.map_err(Internal::new)?;
    s3.store
        .transact(|transaction| deleted.iter().try_for_each(|place| transaction.delete(DOOMED, place)))
        .await?;
    Ok(())
}
