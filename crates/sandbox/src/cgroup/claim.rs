//! Claims a number among the platforms of a host, and removes what dead ones left.
//!
//! A group's folders are its own while it holds the lock on every one of them. Nothing is killed or removed without
//! holding those locks: a platform that starts at the same moment would lose its environments.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use super::files;

/// Spawners that can live on a host at a time.
pub(crate) const GROUPS_MAX: u32 = 256;
const STALE_ATTEMPTS: u32 = 50;

/// The locks on a group's folders, one in each hierarchy.
pub(super) struct Claim {
    pub(super) number: u32,
    dirs: Vec<PathBuf>,
    _locks: Vec<File>,
}

/// The name of a group's folder in every hierarchy.
pub(super) fn group_name(number: u32) -> String {
    format!("fastness-{number}")
}

/// The first number whose folders nobody holds a lock on, emptied; dead platforms' folders are removed on the way.
pub(super) fn claim(bases: &[&Path]) -> io::Result<Claim> {
    if bases.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no cgroups are mounted"));
    }
    for number in 0..GROUPS_MAX {
        if let Some(claim) = try_claim(bases, number)? {
            claim.dirs.iter().for_each(|dir| empty(dir));
            remove_stale(bases, number.saturating_add(1));
            return Ok(claim);
        }
    }
    Err(io::Error::other("256 platforms live on this host already"))
}

impl Claim {
    /// Removes the folders with everything in them.
    pub(super) fn remove(&self) {
        for dir in &self.dirs {
            empty(dir);
            // What is left is removed by the next platform.
            drop(files::remove_dir(dir));
        }
    }
}

/// Makes and locks the folders of one number in every hierarchy, or none.
fn try_claim(bases: &[&Path], number: u32) -> io::Result<Option<Claim>> {
    let mut claim = Claim { number, dirs: Vec::new(), _locks: Vec::new() };
    for base in bases {
        let dir = base.join(group_name(number));
        if claim.dirs.contains(&dir) {
            continue;
        }
        files::make_dir(&dir)?;
        let Some(lock) = lock(&dir) else {
            // Ours by their locks: a dead platform's, or made a moment ago.
            claim.remove();
            return Ok(None);
        };
        claim.dirs.push(dir);
        claim._locks.push(lock);
    }
    Ok(Some(claim))
}

fn lock(dir: &Path) -> Option<File> {
    let file = File::open(dir).ok()?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
    // Its last owner may have removed the folder between the opening and the lock.
    let same = fs::metadata(dir).is_ok_and(|now| file.metadata().is_ok_and(|then| now.ino() == then.ino()));
    same.then_some(file)
}

fn remove_stale(bases: &[&Path], first: u32) {
    for number in first..GROUPS_MAX {
        let name = group_name(number);
        if bases.iter().any(|base| base.join(&name).is_dir())
            && let Ok(Some(stale)) = try_claim(bases, number)
        {
            stale.remove();
        }
    }
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

/// The processes of a cgroup.
pub(super) fn processes(dir: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_claimed_once_in_every_hierarchy() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let bases: Vec<&Path> = dirs.iter().map(tempfile::TempDir::path).collect();
        let first = claim(&bases).unwrap();
        let second = claim(&bases).unwrap();
        assert_eq!((first.number, second.number), (0, 1));
        // Another platform that shares only one of the hierarchies.
        let other = tempfile::tempdir().unwrap();
        let third = claim(&[other.path(), bases[1]]).unwrap();
        assert_eq!(third.number, 2);
        assert!(!other.path().join("fastness-0").exists());
        first.remove();
        drop(first);
        assert_eq!(claim(&bases).unwrap().number, 0);
    }

    #[test]
    fn what_the_living_hold_is_not_removed_and_what_the_dead_left_is() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path();
        let living: Vec<Claim> = (0..3).map(|_| claim(&[base]).unwrap()).collect();
        fs::create_dir(base.join("fastness-1/environment")).unwrap();
        fs::create_dir_all(base.join("fastness-9/environment")).unwrap();
        let next = claim(&[base]).unwrap();
        assert_eq!(next.number, 3);
        assert!(base.join("fastness-1/environment").exists());
        assert!(!base.join("fastness-9").exists());
        drop(living);
        assert_eq!(claim(&[base]).unwrap().number, 0);
        assert!(!base.join("fastness-1").exists());
        assert!(base.join("fastness-3").exists());
    }

    #[test]
    fn without_cgroups_there_is_an_error() {
        assert!(claim(&[]).is_err());
    }

    #[test]
    fn platforms_that_start_and_end_at_once_never_hurt_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let claim = claim(&[base]).unwrap();
                        let mark = base.join(group_name(claim.number)).join("environment");
                        fs::create_dir(&mark).expect("nobody else is in a claimed folder");
                        std::thread::yield_now();
                        assert!(mark.exists(), "somebody removed what was claimed");
                        claim.remove();
                    }
                });
            }
        });
    }
}
