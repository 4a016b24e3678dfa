//! The code that functions and layers do not use: removed at the start, once an hour, soon after it may have lost its last user
//! or the last environment that ran it has ended, and at once where it came with a call and has come to no use by the end of that.
//!
//! What runs, or is being uploaded, is compute's to keep.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::AccountId;
use compute::{CodeHash, CodeLease, CodeStore};
use service::{Internal, Jobs};

use crate::Lambda;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::layers::Layers;

/// How often it is looked for unasked.
const PAUSE: Duration = Duration::from_secs(3_600);
/// How long after a change: several are looked at as one, and what the change ended has ended.
const DELAY: Duration = Duration::from_secs(5);

/// Code that came with a call. It stays until the call has ended, however that ends, and goes then unless something uses it: what a
/// call leaves nothing of takes no room of its account's.
#[derive(Clone)]
pub(crate) struct Incoming(Arc<Held>);

struct Held {
    lambda: Arc<Lambda>,
    account: AccountId,
    lease: Option<CodeLease>,
    /// Whether a change is under way by which something comes to use it.
    is_undecided: AtomicBool,
}

impl Incoming {
    /// Holds a package, and layers, whether or not they are there yet.
    pub(crate) fn of(
        lambda: &Arc<Lambda>,
        account: AccountId,
        package: Option<CodeHash>,
        layers: &[CodeHash],
    ) -> Self {
        let lease = Some(lambda.compute.code_of(account).lease(package, layers));
        Self(Arc::new(Held {
            lambda: Arc::clone(lambda),
            account,
            lease,
            is_undecided: AtomicBool::new(false),
        }))
    }

    /// Does what brings it here. That goes on where the caller goes away, and what it brought goes behind it.
    pub(crate) async fn bring<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Error> {
        let held = self.clone();
        let work = tokio::spawn(async move {
            let brought = work.await;
            drop(held);
            brought
        });
        work.await.map_err(Error::internal)
    }

    /// Makes the change by which something comes to use it.
    // A caller who goes away does not undo a change that is on its way to the disk, and nobody knows it before it is there.
    pub(crate) async fn during<T>(&self, change: impl Future<Output = T>) -> T {
        self.0.is_undecided.store(true, Ordering::Relaxed);
        let changed = change.await;
        self.0.is_undecided.store(false, Ordering::Relaxed);
        changed
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let (lambda, account) = (Arc::clone(&self.lambda), self.account);
        if !*self.is_undecided.get_mut() {
            release(&lambda, account, lease);
            return;
        }
        // Nobody knows the change before it is on the disk. Until then this is all that holds what it is to use.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if lambda.store.flush().await.is_ok() {
                    release(&lambda, account, lease);
                }
            })),
            // The platform stops: the next start looks.
            Err(_) => drop(lease),
        }
    }
}

/// Lets go of what a call brought, and removes what of it nothing has come to use.
// SECURITY: a store that failed may have written what nobody was told of: nothing goes before the next start has read it.
fn release(lambda: &Lambda, account: AccountId, lease: CodeLease) {
    if lambda.store.is_well() {
        lease.end(|hash| lambda.catalog.uses(account, hash) || lambda.layers.uses(account, hash));
    }
}

/// Removes unused code until the platform stops.
pub(crate) async fn sweep(lambda: Arc<Lambda>, mut jobs: Jobs) -> Result<(), Internal> {
    loop {
        let goes_on = tokio::select! {
            goes_on = jobs.pause(PAUSE) => goes_on,
            () = lambda.code_changed.notified() => true,
            // What environments ran that have ended.
            () = lambda.compute.code().let_go() => true,
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
