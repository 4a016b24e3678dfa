//! What this machine promises to environments: a number of them, and memory.
//!
//! A promise is given back when the environment's record is dropped, never earlier. Whose turn it is, `shares` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::AccountId;
use parking_lot::Mutex;

use super::shares::{Holder, Room, Shares};
use crate::limits::{ENVIRONMENT_MEMORY_MIB_MAX, ENVIRONMENTS_MAX};

/// The bounds of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLimits {
    /// Environments at one time.
    pub environments_max: usize,
    /// Memory of all environments together, in MiB, by their configuration.
    pub memory_mib_max: u64,
}

impl Default for HostLimits {
    fn default() -> Self {
        Self { environments_max: ENVIRONMENTS_MAX, memory_mib_max: ENVIRONMENT_MEMORY_MIB_MAX }
    }
}

impl HostLimits {
    fn room(self) -> Room {
        let environments = u64::try_from(self.environments_max).unwrap_or(u64::MAX);
        Room { environments, memory_mib: self.memory_mib_max }
    }
}

pub(super) struct Host {
    pub(super) limits: HostLimits,
    shares: Mutex<Shares>,
    /// Whether something is used that is another one's due, for those who have no time to look at the shares.
    is_overpromised: AtomicBool,
}

/// One environment's share of the machine.
pub(crate) struct HostShare {
    host: Arc<Host>,
    holder: Option<Holder>,
    room: Room,
}

impl Host {
    pub(super) fn new(limits: HostLimits) -> Self {
        Self {
            limits,
            shares: Mutex::new(Shares::new(limits.room())),
            is_overpromised: AtomicBool::new(false),
        }
    }

    /// A share with this much memory, where there is room for who is to have it; for nobody yet where it is started ahead.
    pub(super) fn reserve(self: &Arc<Self>, holder: Option<&Holder>, memory_mib: u32) -> Option<HostShare> {
        let room = Room::one(memory_mib);
        let has_room = self.change(|shares| shares.place(holder, room));
        has_room.then(|| HostShare { host: Arc::clone(self), holder: holder.cloned(), room })
    }

    /// Whether this much can be kept free for a function beside all that was promised.
    pub(super) fn ask(&self, account: AccountId, function: &str, room: Room) -> bool {
        self.change(|shares| shares.ask(account, function, room))
    }

    /// Keeps this much free for a function, or nothing more where it is gone.
    pub(super) fn keep(&self, account: AccountId, function: &str, room: Option<Room>) {
        self.change(|shares| shares.keep(account, function, room));
    }

    /// Which of the idle ones have to end so that this one has room.
    pub(super) fn room_by_ending(
        &self,
        holder: &Holder,
        room: Room,
        idle: &[(Holder, Room)],
    ) -> Option<Vec<usize>> {
        self.shares.lock().room_by_ending(holder, room, idle)
    }

    /// Which of the idle ones have to end because others are due what they use.
    pub(super) fn beyond_due(&self, idle: &[(Holder, Room)]) -> Vec<usize> {
        self.shares.lock().beyond_due(idle)
    }

    /// True where something is used that is another one's due. Costs nothing to ask.
    pub(super) fn is_overpromised(&self) -> bool {
        self.is_overpromised.load(Ordering::Relaxed)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Shares) -> T) -> T {
        let mut shares = self.shares.lock();
        let answer = change(&mut shares);
        self.is_overpromised.store(shares.is_overpromised(), Ordering::Relaxed);
        answer
    }

    pub(super) fn environments(&self) -> usize {
        usize::try_from(self.shares.lock().environments()).unwrap_or(usize::MAX)
    }
}

impl Drop for HostShare {
    fn drop(&mut self) {
        self.host.change(|shares| shares.remove(self.holder.as_ref(), self.room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_with_the_number_or_the_memory() {
        let host = Arc::new(Host::new(HostLimits { environments_max: 2, memory_mib_max: 300 }));
        let reserve = |memory_mib| host.reserve(None, memory_mib);
        let first = reserve(128);
        assert!(first.is_some());
        assert!(reserve(256).is_none());
        let second = reserve(128);
        assert!(second.is_some());
        assert!(reserve(1).is_none());
        assert_eq!(host.environments(), 0, "no function has them");
        drop(first);
        assert!(reserve(172).is_some());
    }

    #[test]
    fn a_share_is_given_back_by_its_drop() {
        let host = Arc::new(Host::new(HostLimits { environments_max: 1, memory_mib_max: 300 }));
        let holder = Holder { account: "000000000000".parse().unwrap(), function: "f".into() };
        let share = host.reserve(Some(&holder), 128);
        assert!(share.is_some() && host.reserve(Some(&holder), 128).is_none());
        drop(share);
        assert_eq!(host.environments(), 0);
        assert!(host.reserve(Some(&holder), 128).is_some());
    }
}
