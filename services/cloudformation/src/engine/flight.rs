//! Work on several resources at a time, by logical id. A panic in one is that one's end and nobody else's.
//!
//! Knows nothing of what the work is.

use std::collections::HashMap;

use base::Chain;
use tokio::task::{Id, JoinError, JoinSet};

use crate::error::Error;

/// What is under way.
pub(super) struct Flight<T> {
    tasks: JoinSet<T>,
    ids: HashMap<Id, String>,
}

impl<T: Send + 'static> Flight<T> {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), ids: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn spawn(&mut self, id: String, work: impl Future<Output = T> + Send + 'static) {
        let task = self.tasks.spawn(work);
        self.ids.insert(task.id(), id);
    }

    /// The next to end, and what it answered: nothing where it panicked.
    pub(super) async fn next(&mut self) -> Option<(String, Option<T>)> {
        let ended = self.tasks.join_next_with_id().await?;
        Some(self.told(ended).await)
    }

    /// The same, if one has ended already.
    pub(super) async fn ended(&mut self) -> Option<(String, Option<T>)> {
        let ended = self.tasks.try_join_next_with_id()?;
        Some(self.told(ended).await)
    }

    async fn told(&mut self, ended: Result<(Id, T), JoinError>) -> (String, Option<T>) {
        let (task, outcome) = match ended {
            Ok((task, outcome)) => (task, Some(outcome)),
            Err(error) => {
                let task = error.id();
                let error = panicked(error).await;
                tracing::error!(error = %Chain(&error), "work on a resource of a stack panicked");
                (task, None)
            }
        };
        (self.ids.remove(&task).unwrap_or_default(), outcome)
    }
}

/// The error that a panic is.
pub(super) async fn panicked(error: JoinError) -> Error {
    if error.is_cancelled() {
        // Nobody cancels these tasks but the end of the process: what is written then is for the next start to go on with.
        std::future::pending::<()>().await;
    }
    Error::Internal(service::Internal::new(error))
}
