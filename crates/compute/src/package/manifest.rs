//! What an unpacked package consists of, as text: one line a file, directory or link, sorted.
//!
//! Written beside the code when it was unpacked, and computed again before the code is used for the first time in a
//! process: a difference means the directory is not what was uploaded.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::limits::ENTRY_DEPTH_MAX;

/// What file systems give at once.
const BLOCK_BYTES: u64 = 4_096;

/// Describes everything under `directory`.
pub(super) fn describe(directory: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    visit(directory, "", 0, &mut lines)?;
    lines.sort_unstable();
    Ok(lines.concat())
}

/// What stands under this description takes of a disk: a block for each thing at least.
pub(super) fn disk_bytes(described: &str) -> u64 {
    described.lines().fold(0, |all: u64, line| all.saturating_add(line_bytes(line)))
}

fn line_bytes(line: &str) -> u64 {
    let told = line.rsplit_once('\0').map_or("", |(_, told)| told);
    let mut words = told.split(' ');
    let bytes: u64 = match words.next() {
        Some("f") => words.nth(1).and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
        _ => 0,
    };
    bytes.div_ceil(BLOCK_BYTES).max(1).saturating_mul(BLOCK_BYTES)
}

fn visit(directory: &Path, prefix: &str, depth: usize, lines: &mut Vec<String>) -> io::Result<()> {
    if depth > ENTRY_DEPTH_MAX {
        return Err(io::Error::other("the directory is nested too deeply"));
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| io::Error::other("a name is not UTF-8"))?;
        let path = format!("{prefix}{name}");
        let metadata = fs::symlink_metadata(entry.path())?;
        let mode = metadata.permissions().mode() & 0o7777;
        let kind = metadata.file_type();
        if kind.is_dir() {
            lines.push(format!("{path}\0d {mode:o}\n"));
            visit(&entry.path(), &format!("{path}/"), depth + 1, lines)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            lines.push(format!("{path}\0l {}\n", target.display()));
        } else if kind.is_file() {
            let hash = hash_file(&entry.path())?;
            lines.push(format!("{path}\0f {mode:o} {} {hash}\n", metadata.len()));
        } else {
            return Err(io::Error::other("a special file in a package"));
        }
    }
    Ok(())
}

fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = crypto::Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let length = file.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..length).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
    }
    Ok(hash.finish().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_takes_its_blocks() {
        for (described, blocks) in [
            ("", 0),
            ("a\0f 644 0 x\n", 1),
            ("a\0f 644 4096 x\n", 1),
            ("a\0f 644 4097 x\n", 2),
            ("d\0d 755\nd/l\0l f 644 9999999 x\n", 2),
        ] {
            assert_eq!(disk_bytes(described), blocks * BLOCK_BYTES, "{described:?}");
        }
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("a"), [0; 5_000]).unwrap();
        fs::create_dir(data.path().join("d")).unwrap();
        assert_eq!(disk_bytes(&describe(data.path()).unwrap()), 3 * BLOCK_BYTES);
    }
}
