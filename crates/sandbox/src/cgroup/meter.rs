//! Reads how much memory a cgroup holds at this moment, and of which kinds.
//!
//! The sum is one number, for those who look often; the kinds are looked up only where the sum does not tell enough. No file is kept
//! open: of a thousand environments that would be a thousand more. Decides nothing.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use super::environment::{EnvironmentCgroup, Place};
use super::{Version, files};

/// More than the kernel writes for one number.
const NUMBER_BYTES_MAX: usize = 32;

/// The memory of one environment's cgroup.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    version: Version,
    dir: PathBuf,
    sum: PathBuf,
}

/// What the memory in use consists of, in bytes; what is neither is the kernel's own, on behalf of the processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryKinds {
    /// What processes have for themselves, wherever it is kept.
    pub(crate) anonymous: u64,
    /// What is shared by name or by descriptor: files of a tmpfs, memory files, segments.
    pub(crate) shared: u64,
    /// Copies of files that can be read again: given back when anybody needs the room.
    pub(crate) cached: u64,
}

impl MemoryMeter {
    /// `None` where nobody counts the memory.
    pub(crate) fn of(cgroup: &EnvironmentCgroup) -> io::Result<Option<Self>> {
        let Some(Place { version, dir }) = cgroup.memory.clone() else { return Ok(None) };
        // With swap, where that is counted: what was written out is in use all the same. Version 2 gives none.
        let with_swap = dir.join("memory.memsw.usage_in_bytes");
        let path = match version {
            Version::V1 if with_swap.exists() => with_swap,
            Version::V1 => dir.join("memory.usage_in_bytes"),
            Version::V2 => dir.join("memory.current"),
        };
        drop(File::open(&path)?);
        Ok(Some(Self { version, sum: path, dir }))
    }

    /// All that is in use.
    pub(crate) fn used_bytes(&self) -> io::Result<u64> {
        let mut text = [0_u8; NUMBER_BYTES_MAX];
        let length = File::open(&self.sum)?.read(&mut text)?;
        let text = text.get(..length).and_then(|text| str::from_utf8(text).ok());
        text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Its kinds.
    pub(crate) fn kinds(&self) -> io::Result<MemoryKinds> {
        let text = fs::read_to_string(self.dir.join("memory.stat"))?;
        let sum = |names: &[&str]| {
            let numbers = text.lines().filter_map(|line| line.split_once(' '));
            let named = numbers.filter(|(name, _)| names.contains(name));
            named.filter_map(|(_, number)| number.trim().parse::<u64>().ok()).sum()
        };
        let anonymous = match self.version {
            Version::V1 => sum(&["rss", "swap"]),
            Version::V2 => sum(&["anon"]),
        };
        // Those of a tmpfs are on other lists than those of a disk.
        Ok(MemoryKinds { anonymous, shared: sum(&["shmem"]), cached: sum(&["inactive_file", "active_file"]) })
    }

    /// Has the kernel give back what nobody needs there: an error where it gave back less than it was asked for, too.
    pub(crate) fn reclaim(&self, bytes: u64) -> io::Result<()> {
        match self.version {
            Version::V1 => files::write(&self.dir, "memory.force_empty", 0),
            Version::V2 => files::write(&self.dir, "memory.reclaim", bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn meter(version: Version, dir: &Path) -> MemoryMeter {
        let memory = Some(Place { version, dir: dir.to_path_buf() });
        MemoryMeter::of(&EnvironmentCgroup { memory, ..EnvironmentCgroup::default() }).unwrap().unwrap()
    }

    #[test]
    fn either_version_tells_the_sum_and_the_kinds() {
        let dir = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| fs::write(dir.path().join(file), text).unwrap();
        write("memory.current", "4096\n");
        write(
            "memory.stat",
            "anon 1000\nfile 700\nshmem 30\ninactive_file 300\nactive_file 70\nanon_thp 5\n",
        );
        let found = meter(Version::V2, dir.path());
        assert_eq!(found.used_bytes().unwrap(), 4_096);
        assert_eq!(found.kinds().unwrap(), MemoryKinds { anonymous: 1_000, shared: 30, cached: 370 });
        found.reclaim(7).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("memory.reclaim")).unwrap(), "7");
        write("memory.usage_in_bytes", "5000\n");
        write("memory.stat", "cache 700\nrss 900\nshmem 40\nswap 100\ninactive_file 300\nactive_file 0\n");
        let found = meter(Version::V1, dir.path());
        assert_eq!(found.used_bytes().unwrap(), 5_000);
        assert_eq!(found.kinds().unwrap(), MemoryKinds { anonymous: 1_000, shared: 40, cached: 300 });
        write("memory.memsw.usage_in_bytes", "6000\n");
        assert_eq!(meter(Version::V1, dir.path()).used_bytes().unwrap(), 6_000);
        write("memory.memsw.usage_in_bytes", "nonsense");
        assert!(meter(Version::V1, dir.path()).used_bytes().is_err());
    }

    #[test]
    fn without_a_count_there_is_no_meter_and_an_unreadable_one_is_an_error() {
        assert!(MemoryMeter::of(&EnvironmentCgroup::default()).unwrap().is_none());
        let memory = Some(Place { version: Version::V2, dir: "/nowhere".into() });
        assert!(MemoryMeter::of(&EnvironmentCgroup { memory, ..EnvironmentCgroup::default() }).is_err());
    }
}
