//! The group of a spawner: one folder in each hierarchy, under which its environments are, and a number no other has.
//!
//! A lock on the folder says that its spawner lives; what an unlocked one holds is stale and removed. The number also
//! gives the spawner its own range of user ids, so that two platforms on a host never share one.

use std::io;
use std::path::Path;

use super::claim::{Claim, claim, group_name, processes};
use super::discover::{Hierarchies, Hierarchy, discover};
use super::environment::{EnvironmentCgroup, Place, SOCKETS_LIMIT};
use super::{Version, files};
use crate::layers::{self, LayerStatus};
use crate::spec::EnvironmentSpec;

/// A spawner's own part of every hierarchy, held until this is dropped.
pub(crate) struct CgroupGroup {
    group: Hierarchies,
    claim: Option<Claim>,
}

impl CgroupGroup {
    /// Claims a number, removes what dead spawners left, and reports what can be limited.
    pub(crate) fn claim() -> (Self, Vec<LayerStatus>) {
        let mut hierarchies = discover().unwrap_or_default();
        let problems = prepare_controllers(&mut hierarchies);
        let bases: Vec<&Path> = all(&hierarchies).map(|hierarchy| hierarchy.base.as_path()).collect();
        let claimed = claim(&bases);
        let name = claimed.as_ref().map(|claim| group_name(claim.number)).map_err(io::Error::to_string);
        let mut group = Self { group: Hierarchies::default(), claim: claimed.ok() };
        let layers = group.adopt(hierarchies, &name, &problems);
        (group, layers)
    }

    /// Less than [`super::GROUPS_MAX`], and no other living spawner's.
    pub(crate) fn number(&self) -> u32 {
        self.claim.as_ref().map_or(0, |claim| claim.number)
    }

    fn adopt(
        &mut self,
        found: Hierarchies,
        name: &Result<String, String>,
        problems: &str,
    ) -> Vec<LayerStatus> {
        let mut report = Vec::new();
        let mut take = |layer, hierarchy: Option<Hierarchy>, place: &mut Option<Hierarchy>| {
            let together = (layer == layers::PIDS).then(|| processes_max(hierarchy.as_ref()));
            let outcome = adopt_one(hierarchy, name, layer).and_then(|taken| bound(taken, together));
            report.push(match &outcome {
                Ok(taken) => {
                    let bound = together.map(|max| format!(", {max} processes and threads together"));
                    let (version, base) = (taken.version, taken.base.display());
                    LayerStatus::active(layer, format!("{version:?} {base}{}", bound.unwrap_or_default()))
                }
                Err(reason) => LayerStatus::missing(layer, format!("{reason}{problems}")),
            });
            *place = outcome.ok();
        };
        take(layers::MEMORY, found.memory, &mut self.group.memory);
        take(layers::PIDS, found.pids, &mut self.group.pids);
        take(layers::CPU, found.cpu, &mut self.group.cpu);
        take(layers::FREEZER, found.freezer, &mut self.group.freezer);
        report
    }

    /// Makes the cgroups of an environment, with its limits.
    pub(crate) fn create(&self, spec: &EnvironmentSpec) -> io::Result<EnvironmentCgroup> {
        let place = |hierarchy: &Option<Hierarchy>| {
            hierarchy.as_ref().map(|group| Place { version: group.version, dir: group.base.join(&spec.id) })
        };
        let cgroup = EnvironmentCgroup {
            memory: place(&self.group.memory),
            cpu: place(&self.group.cpu),
            pids: place(&self.group.pids),
            freezer: place(&self.group.freezer),
        };
        cgroup.create(spec).inspect_err(|_| {
            cgroup.remove();
        })?;
        Ok(cgroup)
    }

    /// Removes the group with everything in it.
    pub(crate) fn remove(&self) {
        if let Some(claim) = &self.claim {
            claim.remove();
        }
    }
}

fn all(hierarchies: &Hierarchies) -> impl Iterator<Item = &Hierarchy> {
    [&hierarchies.memory, &hierarchies.pids, &hierarchies.cpu, &hierarchies.freezer].into_iter().flatten()
}

fn adopt_one(
    hierarchy: Option<Hierarchy>,
    name: &Result<String, String>,
    layer: (&str, bool),
) -> Result<Hierarchy, String> {
    let Hierarchy { version, base } = hierarchy.ok_or("no such controller is mounted")?;
    let name = name.as_ref().map_err(Clone::clone)?;
    let base = base.join(name);
    if version == Version::V2 && layer != layers::FREEZER {
        let controller = layer.0.trim_start_matches("cgroup-");
        files::write(&base, "cgroup.subtree_control", format!("+{controller}"))
            .map_err(|error| error.to_string())?;
    }
    if version == Version::V1 && base.join(SOCKETS_LIMIT).exists() {
        // The kernel rewrites its own code when the first group counts sockets and when the last one ends: not for each environment.
        files::write(&base, SOCKETS_LIMIT, -1).map_err(|error| error.to_string())?;
    }
    Ok(Hierarchy { version, base })
}

/// Processes and threads that all environments together may have: half of what this host can have, so that they cannot take the last
/// one from it, whatever their own limits add up to.
fn processes_max(hierarchy: Option<&Hierarchy>) -> u64 {
    let kernel = Path::new("/proc/sys/kernel");
    let own = hierarchy.and_then(|hierarchy| files::read_number(&hierarchy.base, "pids.max"));
    let host = [files::read_number(kernel, "pid_max"), files::read_number(kernel, "threads-max"), own];
    // What every kernel has at least.
    half_of_least(&host).unwrap_or(16_384)
}

fn half_of_least(bounds: &[Option<u64>]) -> Option<u64> {
    bounds.iter().flatten().min().map(|least| (least / 2).max(1))
}

fn bound(group: Hierarchy, processes_max: Option<u64>) -> Result<Hierarchy, String> {
    if let Some(max) = processes_max {
        files::write(&group.base, "pids.max", max).map_err(|error| error.to_string())?;
    }
    Ok(group)
}

/// Has version 2's top hand its controllers down. Processes in the top itself stand in the way inside a container:
/// they are moved into a folder of their own.
fn prepare_controllers(found: &mut Hierarchies) -> String {
    let mut problems = String::new();
    for (controller, place) in [("memory", &found.memory), ("cpu", &found.cpu), ("pids", &found.pids)] {
        let Some(Hierarchy { version: Version::V2, base }) = place else { continue };
        let control = format!("+{controller}");
        let enable = || files::write(base, "cgroup.subtree_control", &control);
        let enabled = enable().or_else(|_| move_processes_down(base).and_then(|()| enable()));
        if let Err(error) = enabled {
            problems.push_str("; ");
            problems.push_str(&error.to_string());
        }
    }
    problems
}

fn move_processes_down(base: &Path) -> io::Result<()> {
    let leaf = base.join("fastness-host");
    files::make_dir(&leaf)?;
    for pid in processes(base) {
        // Kernel threads and processes that have just ended cannot be moved, nor stand in the way.
        drop(files::write(&leaf, "cgroup.procs", pid.as_raw_nonzero()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_together_get_half_of_the_least_that_bounds_the_host() {
        assert_eq!(half_of_least(&[Some(4_194_304), Some(126_000), None]), Some(63_000));
        assert_eq!(half_of_least(&[Some(32_768), Some(126_000), Some(400)]), Some(200));
        assert_eq!(half_of_least(&[None, None]), None);
        let dir = tempfile::tempdir().unwrap();
        let hierarchy = Hierarchy { version: Version::V2, base: dir.path().to_path_buf() };
        assert!(processes_max(Some(&hierarchy)) > 1);
        std::fs::write(dir.path().join("pids.max"), "100\n").unwrap();
        assert_eq!(processes_max(Some(&hierarchy)), 50);
        assert!(bound(hierarchy.clone(), Some(50)).is_ok());
        assert_eq!(std::fs::read_to_string(dir.path().join("pids.max")).unwrap(), "50");
        let gone = Hierarchy { base: dir.path().join("gone"), ..hierarchy };
        assert!(bound(gone, Some(50)).is_err());
    }
}
