//! What everybody of an account used, and when: from the account's audit trail, which is kept for 90 days.
//!
//! One pass over the trail for all of them. Refused calls are no use of what was asked for.

use std::collections::BTreeMap;

use analysis::unused::Uses;
use analysis::usage;
use base::{AccountId, Timestamp};
use observe::Query;
use service::{Internal, Pipeline};

/// Records of one page of the trail, and of all pages together.
const PAGE: usize = 1_000;
const RECORDS_MAX: usize = 500_000;

/// What was used, by the ARN of the user or role.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// The last use of each action, by its name in lower case.
    pub(crate) actions: BTreeMap<String, Uses>,
    /// When each role was last assumed.
    pub(crate) assumed: BTreeMap<String, i64>,
    /// True where there are more records than are read: then nothing is called unused.
    pub(crate) cut: bool,
}

impl Trail {
    /// Of one account, from a moment on.
    pub(crate) async fn read(
        pipeline: &Pipeline,
        account: AccountId,
        start: Timestamp,
    ) -> Result<Self, Internal> {
        let mut trail = Self::default();
        let (mut after, mut read) = (None, 0);
        loop {
            let query = Query { account, attribute: None, start: Some(start), end: None, limit: PAGE, after };
            let page = pipeline.audit().query(&query).await.map_err(Internal::new)?;
            read += page.events.len();
            for event in &page.events {
                if let Some(call) = usage::of_record(&event.json).filter(|call| !call.denied) {
                    trail.add(&call, event.event_time.secs());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(trail);
            }
            if read >= RECORDS_MAX {
                trail.cut = true;
                return Ok(trail);
            }
            // A long trail is not read in one breath: others want the thread, too.
            tokio::task::yield_now().await;
        }
    }

    fn add(&mut self, call: &usage::Call, at: i64) {
        let latest = |known: &mut i64| *known = at.max(*known);
        let actions = self.actions.entry(call.who.clone()).or_default();
        for (action, resource) in &call.needs {
            latest(actions.entry(action.to_ascii_lowercase()).or_insert(at));
            if action.starts_with("sts:AssumeRole") {
                latest(self.assumed.entry(resource.clone()).or_insert(at));
            }
        }
    }

    /// The last use of a role: it was assumed, or a session of it called.
    pub(crate) fn of_role(&self, arn: &str) -> Option<i64> {
        let called = self.actions.get(arn).and_then(|uses| uses.values().max().copied());
        called.max(self.assumed.get(arn).copied())
    }
}
