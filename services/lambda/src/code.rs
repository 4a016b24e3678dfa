//! The code that functions and layers do not use any more, which is removed: at the start, once an hour, and soon after it
//! may have lost its last user.
//!
//! What runs, or is being uploaded, is compute's to keep.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base::AccountId;
use compute::{CodeHash, CodeStore};
use service::{Internal, Jobs};

use crate::Lambda;
use crate::catalog::Catalog;
use crate::layers::Layers;

/// How often it is looked for unasked.
const PAUSE: Duration = Duration::from_secs(3_600);
/// How long after a change: several are looked at as one, and what the change ended has ended.
const DELAY: Duration = Duration::from_secs(5);

/// Removes unused code until the platform stops.
pub(crate) async fn sweep(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let goes_on = tokio::select! {
            goes_on = jobs.pause(PAUSE) => goes_on,
            () = lambda.code_changed.notified() => true,
        };
        if !goes_on || !jobs.pause(DELAY).await {
            return Ok(());
        }
        let lambda = Arc::clone(&lambda);
        let work = move || remove_unused(lambda.compute.code(), &lambda.catalog, &lambda.layers);
        tokio::task::spawn_blocking(work).await.map_err(Internal::new)?;
    }
}

/// Removes the code that no function and no layer uses. It waits for the disk.
pub(crate) fn remove_unused(code: &CodeStore, catalog: &Catalog, layers: &Layers) {
    let known: HashSet<(AccountId, CodeHash)> = catalog.code().into_iter().chain(layers.code()).collect();
    // What came to be used since then is asked for one by one: there is little of it.
    let is_used = |account, hash| {
        known.contains(&(account, hash)) || catalog.uses(account, hash) || layers.uses(account, hash)
    };
    match code.remove_unused(is_used) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "code packages that no function uses were removed"),
        Err(error) => tracing::warn!(%error, "unused code packages could not be removed"),
    }
}
