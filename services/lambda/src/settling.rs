//! What follows a change of a function: environments of what it was end, and those are kept ready that are to be.
//!
//! It follows behind the answer, too, where the caller goes away while the change is on its way to the disk: nothing else would
//! end what a deleted function keeps ready.

use std::sync::Arc;

use crate::Lambda;
use crate::catalog::Loaded;
use crate::error::Error;
use crate::model::name::FunctionId;
use crate::operations::provisioned;

/// What of a function a change ends.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    Nothing,
    Version(String),
    All,
}

/// Makes a change of a function, and does what follows it.
pub(crate) async fn settled<T>(
    lambda: &Arc<Lambda>,
    id: &FunctionId,
    ends: Ends,
    change: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let before = lambda.catalog.get(id);
    let mut undecided = Undecided(Some(Change { lambda: Arc::clone(lambda), id: id.clone(), ends, before }));
    let made = change.await;
    let change = undecided.0.take();
    if made.is_ok() {
        change.into_iter().for_each(|change| change.settle());
    }
    made
}

struct Change {
    lambda: Arc<Lambda>,
    id: FunctionId,
    ends: Ends,
    before: Option<Arc<Loaded>>,
}

impl Change {
    fn settle(&self) {
        let Self { lambda, id, ends, .. } = self;
        // One after the other: what an earlier one has read must not be told to compute behind a later one.
        let _one_at_a_time = lambda.settling.lock();
        match ends {
            Ends::Nothing => {}
            Ends::Version(version) => lambda.compute.retire(&id.arn(), Some(version)),
            Ends::All => lambda.compute.retire(&id.arn(), None),
        }
        provisioned::apply(lambda, id);
        if !matches!(ends, Ends::Nothing) {
            lambda.code_changed.notify_one();
        }
    }

    fn was_made(&self) -> bool {
        match (&self.before, self.lambda.catalog.get(&self.id)) {
            (Some(before), Some(after)) => !Arc::ptr_eq(before, &after),
            (before, after) => before.is_some() != after.is_some(),
        }
    }
}

struct Undecided(Option<Change>);

impl Drop for Undecided {
    fn drop(&mut self) {
        let (Some(change), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        drop(runtime.spawn(async move {
            // Behind the change, if it was on its way.
            if change.lambda.store.flush().await.is_ok() && change.was_made() {
                change.settle();
            }
        }));
    }
}
