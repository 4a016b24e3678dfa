//! Whether the disk has room for what is to be written.
//!
//! A journal that finds no room closes the store, for readers too. So room is asked for before: what is refused here leaves
//! the store open, and goes through again once there is room. Of two reserves the first is for what makes room, that is
//! deletes something, the second for what was accepted already, for the engine's own files, and for records that nobody
//! waits for.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// With less room than this, only what also deletes is written.
const TIGHT_BYTES: u64 = 256 * 1_024 * 1_024;
/// With less than this, nothing is.
const FULL_BYTES: u64 = 128 * 1_024 * 1_024;
/// Of a small disk the first reserve is this part, and the second one half of that.
const PART: u64 = 8;
/// What a transaction may write that deletes something, while there is little room.
const TIGHT_WRITE_BYTES_MAX: usize = 64 * 1_024;
/// How long an answer of the system's is good.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// The bytes of a disk, and those of them that may still be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disk {
    pub(crate) all_bytes: u64,
    pub(crate) free_bytes: u64,
    /// Of those, what the engine needs to put its files in order.
    pub(crate) kept_bytes: u64,
}

/// How to learn of a folder's disk.
pub(crate) type Ask = Box<dyn Fn(&Path) -> io::Result<Disk> + Send + Sync>;

/// Watches the room on the disk of a folder.
pub(crate) struct Space {
    folder: PathBuf,
    ask: Ask,
    known: Mutex<Option<(Instant, Room)>>,
}

/// How much may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Enough,
    Tight,
    None,
}

impl Space {
    /// Watches the disk on which this folder is. `kept` is asked what the engine needs of so much that is free.
    pub(crate) fn of(folder: &Path, kept: impl Fn(u64) -> u64 + Send + Sync + 'static) -> Self {
        let ask = move |folder: &Path| {
            let disk = system(folder)?;
            Ok(Disk { kept_bytes: kept(disk.free_bytes), ..disk })
        };
        Self::asking(folder, Box::new(ask))
    }

    pub(crate) fn asking(folder: &Path, ask: Ask) -> Self {
        Self { folder: folder.to_owned(), ask, known: Mutex::new(None) }
    }

    /// True where so many bytes may be written by someone who also deletes something, or does not.
    pub(crate) fn takes(&self, bytes: usize, deletes: bool) -> bool {
        match self.room() {
            Room::Enough => true,
            Room::Tight => deletes && bytes <= TIGHT_WRITE_BYTES_MAX,
            Room::None => false,
        }
    }

    fn room(&self) -> Room {
        let mut known = self.known.lock();
        if let Some((_, room)) = known.filter(|(at, _)| at.elapsed() < ASKED_EVERY) {
            return room;
        }
        // A disk that does not tell is written to until it refuses.
        let room = (self.ask)(&self.folder).map_or(Room::Enough, Room::of);
        let before = known.replace((Instant::now(), room)).map_or(Room::Enough, |(_, room)| room);
        drop(known);
        if room != before {
            match room {
                Room::Enough => tracing::info!("the disk has room again: everything is written"),
                Room::Tight => {
                    tracing::error!("the disk is nearly full: only what deletes something is written")
                }
                Room::None => tracing::error!("the disk is full: nothing is written until there is room"),
            }
        }
        room
    }
}

impl Room {
    fn of(disk: Disk) -> Self {
        let tight = TIGHT_BYTES.min(disk.all_bytes / PART);
        let full = FULL_BYTES.min(disk.all_bytes / PART / 2);
        if disk.free_bytes < full {
            Self::None
        } else if disk.free_bytes.saturating_sub(disk.kept_bytes) < tight {
            Self::Tight
        } else {
            Self::Enough
        }
    }
}

pub(crate) fn system(folder: &Path) -> io::Result<Disk> {
    let told = rustix::fs::statvfs(folder)?;
    Ok(Disk {
        all_bytes: told.f_blocks.saturating_mul(told.f_frsize),
        free_bytes: told.f_bavail.saturating_mul(told.f_frsize),
        kept_bytes: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserves_are_parts_of_small_disks() {
        let room = |all_mib: u64, free_mib: u64| {
            Room::of(Disk { all_bytes: all_mib << 20, free_bytes: free_mib << 20, kept_bytes: 0 })
        };
        let kept = Disk { all_bytes: 100_000 << 20, free_bytes: 1_255 << 20, kept_bytes: 1_000 << 20 };
        assert_eq!(Room::of(kept), Room::Tight, "deletions go on: what they leave is less");
        assert_eq!(
            [
                room(60, 8),
                room(60, 7),
                room(60, 3),
                room(100_000, 256),
                room(100_000, 255),
                room(100_000, 127)
            ],
            [Room::Enough, Room::Tight, Room::None, Room::Enough, Room::Tight, Room::None]
        );
    }

    #[test]
    fn the_system_tells_of_a_folder() {
        let disk = system(&std::env::temp_dir()).unwrap();
        assert!(disk.all_bytes > 0 && disk.free_bytes <= disk.all_bytes, "{disk:?}");
    }
}
