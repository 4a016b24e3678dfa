//! How fast the attempts of one environment that come to nothing are answered, because each of them leaves a record.
//!
//! Nothing is dropped: who asks too often waits. Bounded by the environments there are.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::{EGRESS_REFUSALS_BURST, EGRESS_REFUSALS_PER_SECOND};

/// Entries beyond which those that say nothing any more are removed.
const ENTRIES: usize = 1_024;

/// When each environment's next refusal would be due, at an even pace.
#[derive(Default)]
pub(super) struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// Counts one refusal, and says how long its answer waits.
    pub(super) fn next(&self, environment_id: &str, now: Instant) -> Duration {
        let step = Duration::from_secs(1) / EGRESS_REFUSALS_PER_SECOND;
        let mut due = self.0.lock();
        if due.len() > ENTRIES {
            due.retain(|_, at| *at > now);
        }
        let at = due.entry(environment_id.to_owned()).or_insert(now);
        *at = (*at).max(now) + step;
        at.saturating_duration_since(now + step * EGRESS_REFUSALS_BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_each_waits_its_turn() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..EGRESS_REFUSALS_BURST {
            assert_eq!(pace.next("a", now), Duration::ZERO);
        }
        let step = Duration::from_secs(1) / EGRESS_REFUSALS_PER_SECOND;
        assert_eq!(pace.next("a", now), step);
        assert_eq!(pace.next("a", now), step * 2);
        assert_eq!(pace.next("b", now), Duration::ZERO);
        assert_eq!(pace.next("a", now + Duration::from_secs(60)), Duration::ZERO);
    }

    #[test]
    fn environments_that_are_gone_are_forgotten() {
        let (pace, now) = (Pace::default(), Instant::now());
        for id in 0..=ENTRIES {
            pace.next(&id.to_string(), now);
        }
        pace.next("last", now + Duration::from_secs(60));
        assert_eq!(pace.0.lock().len(), 1);
    }
}
