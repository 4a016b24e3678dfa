//! Tells those who listen inside the platform what was changed, as soon as the change is acknowledged.
//!
//! Nobody waits for a listener: one that falls behind is told that it missed something, and looks for itself. Nothing is
//! kept for those who listen later; the trail is.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::audit::record::{Category, Outcome, Record};
use crate::audit::trail::AuditTrail;

/// Changes that a listener may be behind.
pub(crate) const BEHIND_MAX: usize = 1_024;

/// One listener's view of what is changed from now on.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Arc<Record>>);

/// What a listener is told.
#[derive(Clone, Debug)]
pub enum Noticed {
    /// A configuration was changed by the call of this record.
    Change(Arc<Record>),
    /// There were more changes than a listener may be behind.
    Missed,
    /// The trail is closed.
    Closed,
}

impl Changes {
    /// The next change, once there is one.
    pub async fn next(&mut self) -> Noticed {
        match self.0.recv().await {
            Ok(record) => Noticed::Change(record),
            Err(broadcast::error::RecvError::Lagged(_)) => Noticed::Missed,
            Err(broadcast::error::RecvError::Closed) => Noticed::Closed,
        }
    }

    /// The next change, where there is one already.
    pub fn ready(&mut self) -> Option<Noticed> {
        match self.0.try_recv() {
            Ok(record) => Some(Noticed::Change(record)),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Noticed::Missed),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }
}

impl AuditTrail {
    /// Listens to what is changed from now on: calls that worked and were no reads, of management alone.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes(self.announcements().subscribe())
    }

    /// Tells of a call that ended.
    pub(crate) fn announce(&self, record: &Arc<Record>, outcome: &Outcome) {
        let worked = outcome.error.is_none() && !outcome.interrupted;
        if worked && !record.read_only && record.category == Category::Management {
            // Without listeners there is nobody to tell.
            let _ = self.announcements().send(Arc::clone(record));
        }
    }
}
