//! Room for one more environment, and which idle ones end for it.
//!
//! Who may have how much is `shares`' to say; nothing here ends an environment that has an invocation.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::idle::Candidate;
use super::shares::{Holder, Room};
use super::{HostShare, Pool};
use crate::environment::Environment;
use crate::function::{InvokeError, SharedSpec, Throttled};

/// How often it is looked whether an environment that ends or was given up has made room.
const ROOM_PAUSE: Duration = Duration::from_millis(5);

impl Pool {
    /// Room for one more environment; where there is none, what was started ahead makes room, then those not used for the longest
    /// time whose end gives this account room.
    pub(super) async fn reserve_share(&self, spec: &SharedSpec) -> Result<HostShare, InvokeError> {
        let holder = Holder { account: spec.account, function: spec.arn.clone() };
        loop {
            if self.stopping.load(Ordering::Relaxed) {
                return Err(InvokeError::Stopping);
            }
            // Before the room is asked for: what came up since then has ended, or waits.
            let was_rising = self.parked.is_rising();
            if let Some(share) = self.host.reserve(Some(&holder), spec.memory_mib) {
                return Ok(share);
            }
            if self.parked.evict_one() {
                continue;
            }
            if was_rising || self.parked.is_rising() {
                self.parked.give_up_start();
                tokio::time::sleep(ROOM_PAUSE).await;
                continue;
            }
            if self.closing() > 0 {
                // Room comes within the time that an end may take.
                tokio::time::sleep(ROOM_PAUSE).await;
                continue;
            }
            let room = Room::one(spec.memory_mib);
            let ended =
                self.take_idle(|idle| self.host.room_by_ending(&holder, room, idle).unwrap_or_default());
            if ended.is_empty() {
                return Err(InvokeError::Throttled(Throttled::Machine));
            }
            ended.into_iter().for_each(|environment| self.discard(environment));
        }
    }

    /// Ends what is idle and stands where others are due room: a new account, or more that is kept for a function.
    pub(super) fn free_what_is_due(&self) {
        if self.host.is_overpromised() {
            let ended = self.take_idle(|idle| self.host.beyond_due(idle));
            ended.into_iter().for_each(|environment| self.discard(environment));
        }
    }

    /// Whether an environment, now that its invocation is over, stands where others are due room.
    pub(super) fn is_beyond_due(&self, environment: &Environment) -> bool {
        if !self.host.is_overpromised() {
            return false;
        }
        let spec = &environment.placement.spec;
        let holder = Holder { account: spec.account, function: spec.arn.clone() };
        !self.host.beyond_due(&[(holder, Room::one(spec.memory_mib))]).is_empty()
    }

    /// Takes out the idle environments that `choose` names, of those that need not be kept ready, the oldest first.
    #[allow(clippy::vec_box, reason = "environments move as pointers, not as hundreds of bytes")]
    fn take_idle(&self, choose: impl FnOnce(&[(Holder, Room)]) -> Vec<usize>) -> Vec<Box<Environment>> {
        let kept = self.provisions.counts();
        let mut idle = self.idle.lock();
        let candidates = idle.oldest_first(&kept);
        let held: Vec<(Holder, Room)> = candidates.iter().map(Candidate::held).collect();
        let chosen = choose(&held);
        let chosen = chosen.into_iter().filter_map(|at| candidates.get(at));
        chosen.filter_map(|candidate| idle.take_this(&candidate.key, &candidate.environment_id)).collect()
    }
}
