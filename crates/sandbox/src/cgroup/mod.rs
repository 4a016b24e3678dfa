//! Limits of memory, processors and processes, and the freezer: one group of cgroups a spawner, one cgroup an environment.
//!
//! Version 2 where its controllers are, version 1 otherwise, controller by controller. Freezing is done by version 2
//! only, for which every kernel offers it without a controller: what version 1 has frozen cannot be killed, so that a
//! dead platform would leave frozen orphans.

mod claim;
mod discover;
mod environment;
mod files;
mod group;
mod meter;

pub(crate) use claim::GROUPS_MAX;
pub(crate) use environment::{Entrances, EnvironmentCgroup, Limits};
pub(crate) use group::CgroupGroup;
pub(crate) use meter::{MemoryKinds, MemoryMeter};

use serde::{Deserialize, Serialize};

/// Which of the two interfaces a controller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Version {
    V1,
    V2,
}
