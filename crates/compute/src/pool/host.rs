//! What this machine promises to environments: a number of them, and memory.
//!
//! A promise is given back when the environment's record is dropped, never earlier.

use std::sync::Arc;

use parking_lot::Mutex;

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

pub(super) struct Host {
    limits: HostLimits,
    promised: Mutex<Promised>,
}

#[derive(Default)]
struct Promised {
    environments: usize,
    memory_mib: u64,
}

/// One environment's share of the machine.
pub(crate) struct HostShare {
    host: Arc<Host>,
    memory_mib: u64,
}

impl Host {
    pub(super) fn new(limits: HostLimits) -> Self {
        Self { limits, promised: Mutex::default() }
    }

    /// A share with this much memory, where there is room.
    pub(super) fn reserve(self: &Arc<Self>, memory_mib: u32) -> Option<HostShare> {
        let memory_mib = u64::from(memory_mib);
        let mut promised = self.promised.lock();
        let has_room = promised.environments < self.limits.environments_max
            && promised.memory_mib.saturating_add(memory_mib) <= self.limits.memory_mib_max;
        has_room.then(|| {
            promised.environments += 1;
            promised.memory_mib += memory_mib;
            HostShare { host: Arc::clone(self), memory_mib }
        })
    }

    pub(super) fn environments(&self) -> usize {
        self.promised.lock().environments
    }
}

impl Drop for HostShare {
    fn drop(&mut self) {
        let mut promised = self.host.promised.lock();
        promised.environments = promised.environments.saturating_sub(1);
        promised.memory_mib = promised.memory_mib.saturating_sub(self.memory_mib);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_with_the_number_or_the_memory() {
        let host = Arc::new(Host::new(HostLimits { environments_max: 2, memory_mib_max: 300 }));
        let first = host.reserve(128);
        assert!(first.is_some());
        assert!(host.reserve(256).is_none());
        let second = host.reserve(128);
        assert!(second.is_some());
        assert!(host.reserve(1).is_none());
        drop(first);
        assert!(host.reserve(172).is_some());
    }
}
