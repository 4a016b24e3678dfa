//! The group of a spawner: one folder in each hierarchy, under which its environments are, and a number no other has.
//!
//! A lock on the folder says that its spawner lives; what an unlocked one holds is stale and removed. The number also
//! gives the spawner its own range of user ids, so that two platforms on a host never share one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::discover::{Hierarchies, Hierarchy, discover};
use super::environment::{EnvironmentCgroup, Place};
use super::{Version, files};
use crate::layers::{self, LayerStatus};
use crate::spec::EnvironmentSpec;

/// Spawners that can live on a host at a time.
pub(crate) const GROUPS_MAX: u32 = 256;
const NAME_PREFIX: &str = "fastness-";
const STALE_ATTEMPTS: u32 = 50;

/// A spawner's own part of every hierarchy, held until this is dropped.
pub(crate) struct CgroupGroup {
    number: u32,
    group: Hierarchies,
    lock: Option<File>,
}

impl CgroupGroup {
    /// Claims a number, removes what dead spawners left, and reports what can be limited.
    pub(crate) fn claim() -> (Self, Vec<LayerStatus>) {
        let mut hierarchies = discover().unwrap_or_default();
        let problems = prepare_controllers(&mut hierarchies);
        let claimed = claim_number(&hierarchies);
        let (number, lock) = match claimed {
            Ok((number, lock)) => (number, Some(lock)),
            Err(_) => (0, None),
        };
        let mut group = Self { number, group: Hierarchies::default(), lock };
        let layers = group.adopt(hierarchies, &problems);
        (group, layers)
    }

    /// Less than [`GROUPS_MAX`], and no other living spawner's.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    fn adopt(&mut self, found: Hierarchies, problems: &str) -> Vec<LayerStatus> {
        let name = format!("{NAME_PREFIX}{}", self.number);
        let locked = self.lock.is_some();
        let mut report = Vec::new();
        let mut take = |layer, hierarchy: Option<Hierarchy>, place: &mut Option<Hierarchy>| {
            let outcome = adopt_one(hierarchy, &name, locked, layer);
            report.push(match &outcome {
                Ok(taken) => {
                    LayerStatus::active(layer, format!("{:?} {}", taken.version, taken.base.display()))
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
        for hierarchy in all(&self.group) {
            clean(&hierarchy.base);
        }
    }
}

fn all(hierarchies: &Hierarchies) -> impl Iterator<Item = &Hierarchy> {
    [&hierarchies.memory, &hierarchies.pids, &hierarchies.cpu, &hierarchies.freezer].into_iter().flatten()
}

fn adopt_one(
    hierarchy: Option<Hierarchy>,
    name: &str,
    locked: bool,
    layer: (&str, bool),
) -> Result<Hierarchy, String> {
    let Hierarchy { version, base } = hierarchy.ok_or("no such controller is mounted")?;
    if !locked {
        return Err(format!("{} is not writable", base.display()));
    }
    let base = base.join(name);
    files::make_dir(&base).map_err(|error| error.to_string())?;
    if version == Version::V2 && layer != layers::FREEZER {
        let controller = layer.0.trim_start_matches("cgroup-");
        files::write(&base, "cgroup.subtree_control", format!("+{controller}"))
            .map_err(|error| error.to_string())?;
    }
    Ok(Hierarchy { version, base })
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

/// The first number whose folder nobody holds a lock on. All stale ones on the way are emptied.
fn claim_number(hierarchies: &Hierarchies) -> io::Result<(u32, File)> {
    let bases: Vec<&Path> = all(hierarchies).map(|hierarchy| hierarchy.base.as_path()).collect();
    let first = bases.first().ok_or(io::ErrorKind::NotFound)?;
    for number in 0..GROUPS_MAX {
        let name = format!("{NAME_PREFIX}{number}");
        let dir = first.join(&name);
        files::make_dir(&dir)?;
        if let Some(lock) = lock(&dir)? {
            for base in &bases {
                empty(&base.join(&name));
            }
            remove_stale_after(number, &bases);
            return Ok((number, lock));
        }
    }
    Err(io::Error::other("256 platforms live on this host already"))
}

fn lock(dir: &Path) -> io::Result<Option<File>> {
    let Ok(file) = File::open(dir) else { return Ok(None) };
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    // Its last owner may have removed the folder between the opening and the lock.
    let same = fs::metadata(dir).is_ok_and(|now| file.metadata().is_ok_and(|then| now.ino() == then.ino()));
    Ok(same.then_some(file))
}

fn remove_stale_after(own: u32, bases: &[&Path]) {
    let Some(first) = bases.first() else { return };
    for number in own.saturating_add(1)..GROUPS_MAX {
        let name = format!("{NAME_PREFIX}{number}");
        let dir = first.join(&name);
        if dir.exists() && matches!(lock(&dir), Ok(Some(_))) {
            for base in bases {
                clean(&base.join(&name));
            }
        }
    }
}

/// Removes a group with everything in it.
fn clean(group: &Path) {
    empty(group);
    drop(files::remove_dir(group));
}

/// Kills what lives below `group` and removes the cgroups.
fn empty(group: &Path) {
    let Ok(entries) = fs::read_dir(group) else { return };
    let dirs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    for attempt in 0..STALE_ATTEMPTS {
        let mut left = false;
        for dir in &dirs {
            for pid in processes(dir) {
                let _ = kill_process(pid, Signal::KILL);
            }
            left |= files::remove_dir(dir).is_err();
        }
        if !left {
            return;
        }
        std::thread::sleep(Duration::from_millis(u64::from(attempt.min(10))));
    }
}

fn processes(dir: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect()
}
