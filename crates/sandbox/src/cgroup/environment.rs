//! The cgroups of one environment: limits, freezing, and what they saw.
//!
//! The spawner makes and removes them; the server, which is root as well, freezes and reads them.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{EventfdFlags, eventfd};
use serde::{Deserialize, Serialize};

use super::Version;
use super::files;
use crate::spec::{Assignment, CpuShare, EnvironmentSpec};

const MIB: u64 = 1_024 * 1_024;
/// Processor time is accounted in periods of this length.
const CPU_PERIOD_MICROS: u64 = 20_000;

/// What the buffers of an environment's TCP and UDP sockets may hold, in bytes, where version 1 counts them apart.
const SOCKETS_MAX: u64 = 64 * MIB;
pub(super) const SOCKETS_LIMIT: &str = "memory.kmem.tcp.limit_in_bytes";

/// A cgroup in the hierarchy of one controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(super) version: Version,
    pub(super) dir: PathBuf,
}

/// Where an environment is held, controller by controller; several may be the same folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EnvironmentCgroup {
    pub(super) memory: Option<Place>,
    pub(super) cpu: Option<Place>,
    pub(super) pids: Option<Place>,
    pub(super) freezer: Option<Place>,
}

/// What an assignment may change of an environment's limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    memory_mib: u32,
    /// It does not change.
    tmp_mib: u32,
    cpu: CpuShare,
}

impl Limits {
    /// Those that an environment is made with.
    pub(crate) const fn of(spec: &EnvironmentSpec) -> Self {
        Self { memory_mib: spec.memory_mib, tmp_mib: spec.tmp_mib, cpu: spec.cpu }
    }
}

/// Where the kernel stops it, in bytes: files in `/tmp` are charged like memory. That the rest keeps to the memory, [`crate::memory`]
/// sees to.
fn wall(memory_mib: u32, tmp_mib: u32) -> u64 {
    (u64::from(memory_mib) + u64::from(tmp_mib)) * MIB
}

/// Ways into the cgroups of an environment.
#[derive(Debug, Default)]
pub(crate) struct Entrances {
    /// The folder for `CLONE_INTO_CGROUP`.
    pub(crate) v2: Option<OwnedFd>,
    /// Files into which the child, still single-threaded, writes itself.
    pub(crate) v1: Vec<OwnedFd>,
}

impl EnvironmentCgroup {
    fn dirs(&self) -> Vec<&Path> {
        let places = [&self.memory, &self.cpu, &self.pids, &self.freezer];
        let mut dirs: Vec<&Path> = places.into_iter().flatten().map(|place| place.dir.as_path()).collect();
        dirs.sort_unstable();
        dirs.dedup();
        dirs
    }

    /// Makes the folders and sets the limits.
    pub(super) fn create(&self, spec: &EnvironmentSpec) -> io::Result<()> {
        for dir in self.dirs() {
            files::make_dir(dir)?;
        }
        self.limit_memory(spec)?;
        self.weigh(spec.cpu)?;
        self.limit_cpu(spec.cpu)?;
        if let Some(pids) = &self.pids {
            files::write(&pids.dir, "pids.max", spec.pids_max)?;
        }
        Ok(())
    }

    /// Sets the limits of an assignment, as far as they are not what they were: each takes locks that others wait for.
    /// Memory is raised or stays, never lowered.
    pub(crate) fn raise(&self, assignment: &Assignment, before: Limits) -> io::Result<()> {
        if let Some(Place { version, dir }) = &self.memory
            && assignment.memory_mib != before.memory_mib
        {
            let bytes = wall(assignment.memory_mib, before.tmp_mib);
            match version {
                Version::V1 => {
                    // The sum may never be below the part.
                    if dir.join("memory.memsw.limit_in_bytes").exists() {
                        files::write(dir, "memory.memsw.limit_in_bytes", bytes)?;
                    }
                    files::write(dir, "memory.limit_in_bytes", bytes)?;
                }
                Version::V2 => files::write(dir, "memory.max", bytes)?,
            }
        }
        self.weigh(assignment.cpu)?;
        if assignment.cpu.ceiling_millis == before.cpu.ceiling_millis {
            return Ok(());
        }
        self.limit_cpu(assignment.cpu)
    }

    fn limit_memory(&self, spec: &EnvironmentSpec) -> io::Result<()> {
        let Some(Place { version, dir }) = &self.memory else { return Ok(()) };
        let bytes = wall(spec.memory_mib, spec.tmp_mib);
        match version {
            Version::V1 => {
                files::write(dir, "memory.limit_in_bytes", bytes)?;
                // Version 2 counts sockets' buffers as memory; here they are counted apart, and only where they are limited.
                if dir.join(SOCKETS_LIMIT).exists() {
                    files::write(dir, SOCKETS_LIMIT, wall(spec.memory_mib, 0).min(SOCKETS_MAX))?;
                }
                // Memory and swap together: swap is none of the function's memory. Absent without swap accounting.
                if dir.join("memory.memsw.limit_in_bytes").exists() {
                    files::write(dir, "memory.memsw.limit_in_bytes", bytes)?;
                } else {
                    files::write(dir, "memory.swappiness", 0)?;
                }
            }
            Version::V2 => {
                files::write(dir, "memory.max", bytes)?;
                if dir.join("memory.swap.max").exists() {
                    files::write(dir, "memory.swap.max", 0)?;
                }
                files::write(dir, "memory.oom.group", 1)?;
            }
        }
        Ok(())
    }

    /// Sets its weight among others.
    fn weigh(&self, cpu: CpuShare) -> io::Result<()> {
        let Some(Place { version, dir }) = &self.cpu else { return Ok(()) };
        let weight = u64::from(cpu.weight_millis);
        match version {
            Version::V1 => files::write(dir, "cpu.shares", (weight * 1_024 / 1_000).clamp(2, 262_144)),
            Version::V2 => files::write(dir, "cpu.weight", (weight / 10).clamp(1, 10_000)),
        }
    }

    /// Sets its ceiling.
    fn limit_cpu(&self, cpu: CpuShare) -> io::Result<()> {
        let Some(Place { version, dir }) = &self.cpu else { return Ok(()) };
        let quota = u64::from(cpu.ceiling_millis) * CPU_PERIOD_MICROS / 1_000;
        match version {
            Version::V1 => {
                files::write(dir, "cpu.cfs_period_us", CPU_PERIOD_MICROS)?;
                files::write(dir, "cpu.cfs_quota_us", quota.max(1_000))
            }
            Version::V2 => files::write(dir, "cpu.max", format!("{} {CPU_PERIOD_MICROS}", quota.max(1_000))),
        }
    }

    /// What a child needs to be born into these cgroups.
    ///
    /// Neither way moves a running process from outside: that waits for every processor, which takes milliseconds.
    pub(crate) fn entrances(&self) -> io::Result<Entrances> {
        let mut entrances = Entrances::default();
        let places = [&self.memory, &self.cpu, &self.pids, &self.freezer];
        for Place { version, dir } in places.into_iter().flatten() {
            match version {
                Version::V1 => entrances.v1.push(File::options().write(true).open(dir.join("tasks"))?.into()),
                Version::V2 => entrances.v2 = Some(File::open(dir)?.into()),
            }
        }
        Ok(entrances)
    }

    /// Stops or resumes every process inside.
    pub(crate) fn freeze(&self, frozen: bool) -> io::Result<()> {
        let freezer = self.freezer.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        files::write(&freezer.dir, "cgroup.freeze", u8::from(frozen))
    }

    /// A descriptor that becomes readable when the memory here runs out; `None` where the kernel then kills all of it itself.
    ///
    /// # Errors
    /// Where the kernel does not tell.
    pub(crate) fn out_of_memory(&self) -> io::Result<Option<OwnedFd>> {
        let Some(Place { version: Version::V1, dir }) = &self.memory else { return Ok(None) };
        let told = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let control = File::open(dir.join("memory.oom_control"))?;
        let numbers = format!("{} {}", told.as_raw_fd(), control.as_raw_fd());
        files::write(dir, "cgroup.event_control", numbers)?;
        Ok(Some(told))
    }

    /// Processes that the kernel killed here for want of memory.
    pub(crate) fn oom_kills(&self) -> u64 {
        let Some(Place { version, dir }) = &self.memory else { return 0 };
        let file = match version {
            Version::V1 => "memory.oom_control",
            Version::V2 => "memory.events",
        };
        files::read_keyed(dir, file, "oom_kill").unwrap_or(0)
    }

    /// The most memory that was ever in use here, with `/tmp`.
    pub(crate) fn memory_peak_bytes(&self) -> Option<u64> {
        let Place { version, dir } = self.memory.as_ref()?;
        match version {
            Version::V1 => files::read_number(dir, "memory.max_usage_in_bytes"),
            Version::V2 => {
                files::read_number(dir, "memory.peak").or_else(|| files::read_number(dir, "memory.current"))
            }
        }
    }

    /// Removes the folders. `false` while something still lives in one.
    pub(crate) fn remove(&self) -> bool {
        let mut all = true;
        for dir in self.dirs() {
            all &= files::remove_dir(dir).is_ok();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::spec::CpuShare;

    fn spec() -> EnvironmentSpec {
        let mut spec = EnvironmentSpec::new("a", vec!["/bin/true".into()]);
        spec.memory_mib = 256;
        spec.tmp_mib = 1;
        spec.cpu = CpuShare { weight_millis: 144, ceiling_millis: 1_000 };
        spec.pids_max = 64;
        spec
    }

    fn everything(version: Version, dir: &Path) -> EnvironmentCgroup {
        let place = || Some(Place { version, dir: dir.to_path_buf() });
        EnvironmentCgroup { memory: place(), cpu: place(), pids: place(), freezer: place() }
    }

    fn written(dir: &Path, file: &str) -> String {
        fs::read_to_string(dir.join(file)).unwrap_or_default()
    }

    #[test]
    fn limits_are_written_in_version_2s_words() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("memory.swap.max"), "max").unwrap();
        let cgroup = everything(Version::V2, dir.path());
        cgroup.create(&spec()).unwrap();
        for (file, value) in [
            ("memory.max", "269484032"),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),
            ("cpu.weight", "14"),
            ("cpu.max", "20000 20000"),
            ("pids.max", "64"),
        ] {
            assert_eq!(written(dir.path(), file), value, "{file}");
        }
        cgroup.freeze(true).unwrap();
        assert_eq!(written(dir.path(), "cgroup.freeze"), "1");
        fs::write(dir.path().join("memory.events"), "low 0\noom 3\noom_kill 2\n").unwrap();
        fs::write(dir.path().join("memory.peak"), "4096\n").unwrap();
        assert_eq!((cgroup.oom_kills(), cgroup.memory_peak_bytes()), (2, Some(4_096)));
    }

    #[test]
    fn an_assignment_writes_what_it_changes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cgroup = everything(Version::V2, dir.path());
        cgroup.create(&spec()).unwrap();
        for file in ["memory.max", "cpu.max", "cpu.weight"] {
            fs::write(dir.path().join(file), "untouched").unwrap();
        }
        let cpu = CpuShare { weight_millis: 288, ceiling_millis: 1_000 };
        let mut assignment = Assignment { binds: Vec::new(), memory_mib: 256, cpu, program: None };
        cgroup.raise(&assignment, Limits::of(&spec())).unwrap();
        let seen = || ["memory.max", "cpu.max", "cpu.weight"].map(|file| written(dir.path(), file));
        assert_eq!(seen(), ["untouched", "untouched", "28"]);
        assignment.memory_mib = 512;
        assignment.cpu.ceiling_millis = 2_000;
        cgroup.raise(&assignment, Limits::of(&spec())).unwrap();
        assert_eq!(seen(), ["537919488", "40000 20000", "28"]);
    }

    #[test]
    fn limits_are_written_in_version_1s_words() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("memory.memsw.limit_in_bytes"), "").unwrap();
        fs::write(dir.path().join(SOCKETS_LIMIT), "").unwrap();
        let cgroup = everything(Version::V1, dir.path());
        cgroup.create(&spec()).unwrap();
        for (file, value) in [
            ("memory.limit_in_bytes", "269484032"),
            ("memory.memsw.limit_in_bytes", "269484032"),
            (SOCKETS_LIMIT, "67108864"),
            ("cpu.shares", "147"),
            ("cpu.cfs_quota_us", "20000"),
            ("pids.max", "64"),
        ] {
            assert_eq!(written(dir.path(), file), value, "{file}");
        }
        fs::write(dir.path().join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
            .unwrap();
        assert_eq!(cgroup.oom_kills(), 1);
    }

    #[test]
    fn without_a_freezer_freezing_is_an_error() {
        assert!(EnvironmentCgroup::default().freeze(true).is_err());
    }
}
