//! User ids on the host for environments: none of them is anyone's, and no two environments share one.
//!
//! The range is the one that systemd's registry of ids leaves unused. Inside, a function has the ids it has on Lambda.
//! Only root has ids to give: without it every environment has the platform's own, which is the loss of a layer.

use std::collections::BTreeSet;

use crate::cgroup::GROUPS_MAX;

/// The function's user inside.
pub(crate) const FUNCTION_UID: u32 = 993;
/// The function's group inside.
pub(crate) const FUNCTION_GID: u32 = 990;

const HOST_FIRST: u32 = 0x7000_0000;
const HOST_END: u32 = 0x7FFE_0000;
/// Environments that one spawner can have at a time.
pub(crate) const ENVIRONMENTS_MAX: u32 = 4_096;
/// Host ids set aside for an environment; two are used.
const STRIDE: u32 = 64;

const _: () = assert!(HOST_FIRST + GROUPS_MAX * ENVIRONMENTS_MAX * STRIDE <= HOST_END);

/// The ids of one environment: its init's and its function's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdMap {
    slot: u32,
    /// What init, user 0 inside, is on the host.
    pub(crate) init: u32,
    /// What the function is on the host.
    pub(crate) function: u32,
    /// Whether both are the platform's own user, who is all that there is.
    pub(crate) is_platforms: bool,
}

impl IdMap {
    /// For `/proc/<pid>/uid_map`.
    pub(crate) fn uid_map(&self) -> String {
        self.map(FUNCTION_UID)
    }

    /// For `/proc/<pid>/gid_map`.
    pub(crate) fn gid_map(&self) -> String {
        self.map(FUNCTION_GID)
    }

    /// SECURITY: where there is one id, nobody inside is called root.
    fn map(&self, function: u32) -> String {
        if self.is_platforms {
            return format!("{function} {} 1\n", self.function);
        }
        format!("0 {} 1\n{function} {} 1\n", self.init, self.function)
    }
}

/// Hands out the ids of one spawner's range; the least recently freed ones last.
pub(crate) struct IdRange {
    first: u32,
    next: u32,
    taken: BTreeSet<u32>,
    is_platforms: bool,
}

impl IdRange {
    /// The range of the spawner with this number.
    pub(crate) fn of_group(number: u32) -> Self {
        let first = HOST_FIRST + (number % GROUPS_MAX) * ENVIRONMENTS_MAX * STRIDE;
        Self { first, next: 0, taken: BTreeSet::new(), is_platforms: false }
    }

    /// No range: the one user that a spawner without root has, who is user 0 of its own user namespace.
    pub(crate) fn of_platform() -> Self {
        Self { first: 0, next: 0, taken: BTreeSet::new(), is_platforms: true }
    }

    /// Whether environments have ids that are nobody else's.
    pub(crate) const fn is_platforms(&self) -> bool {
        self.is_platforms
    }

    /// Ids that no living environment has, or `None` when all are taken.
    pub(crate) fn take(&mut self) -> Option<IdMap> {
        let after = (0..ENVIRONMENTS_MAX).map(|step| (self.next + step) % ENVIRONMENTS_MAX);
        let slot = after.into_iter().find(|slot| !self.taken.contains(slot))?;
        self.taken.insert(slot);
        self.next = (slot + 1) % ENVIRONMENTS_MAX;
        if self.is_platforms {
            return Some(IdMap { slot, init: 0, function: 0, is_platforms: true });
        }
        let init = self.first + slot * STRIDE;
        Some(IdMap { slot, init, function: init + 1, is_platforms: false })
    }

    /// Gives back the ids of an environment of which no process is left.
    pub(crate) fn give_back(&mut self, ids: IdMap) {
        self.taken.remove(&ids.slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_spawners_do_not_meet_and_stay_within_the_unused_ids() {
        for number in 0..GROUPS_MAX {
            let mut range = IdRange::of_group(number);
            let first = range.take().unwrap();
            assert!(first.init >= HOST_FIRST && first.init + ENVIRONMENTS_MAX * STRIDE <= HOST_END);
            let neighbour = IdRange::of_group(number + 1).first;
            assert!(neighbour == HOST_FIRST || neighbour - first.init == ENVIRONMENTS_MAX * STRIDE);
        }
    }

    #[test]
    fn ids_are_unique_while_taken_and_run_out() {
        let mut range = IdRange::of_group(3);
        let all: Vec<IdMap> = std::iter::from_fn(|| range.take()).collect();
        let unique: BTreeSet<u32> = all.iter().flat_map(|ids| [ids.init, ids.function]).collect();
        assert_eq!(unique.len(), 2 * usize::try_from(ENVIRONMENTS_MAX).unwrap());
        range.give_back(all[7]);
        assert_eq!(range.take(), Some(all[7]));
        assert_eq!(range.take(), None);
    }

    #[test]
    fn nobody_inside_is_root_outside() {
        let ids = IdRange::of_group(0).take().unwrap();
        assert_eq!(ids.uid_map(), "0 1879048192 1\n993 1879048193 1\n");
        assert_eq!(ids.gid_map(), "0 1879048192 1\n990 1879048193 1\n");
    }

    #[test]
    fn where_there_is_one_id_nobody_inside_is_called_root() {
        let mut range = IdRange::of_platform();
        let (one, other) = (range.take().unwrap(), range.take().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.uid_map().as_str(), one.gid_map().as_str()), ("993 0 1\n", "990 0 1\n"));
    }
}
