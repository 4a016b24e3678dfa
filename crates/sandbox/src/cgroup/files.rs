//! Reads and writes the small files that cgroups are made of.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;

/// Writes one value; the error names the file.
pub(super) fn write(dir: &Path, file: &str, value: impl Display) -> io::Result<()> {
    let path = dir.join(file);
    fs::write(&path, format!("{value}"))
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

/// A file that holds one number.
pub(super) fn read_number(dir: &Path, file: &str) -> Option<u64> {
    fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
}

/// The number behind `key` in a file of `key number` lines.
pub(super) fn read_keyed(dir: &Path, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(dir.join(file)).ok()?;
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.filter(|(name, _)| *name == key).find_map(|(_, number)| number.trim().parse().ok())
}

/// Makes a folder that may exist already.
pub(super) fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.kind(), format!("{}: {error}", dir.display())))
        }
        _ => Ok(()),
    }
}

/// Removes a cgroup that may be gone already.
pub(super) fn remove_dir(dir: &Path) -> io::Result<()> {
    match fs::remove_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
