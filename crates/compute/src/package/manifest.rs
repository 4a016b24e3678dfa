//! What an unpacked package consists of, as text: one line a file, directory or link, sorted.
//!
//! Written beside the code when it was unpacked, and computed again before the code is used for the first time in a
//! process: a difference means the directory is not what was uploaded.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::limits::ENTRY_DEPTH_MAX;

/// What file systems give at once.
const BLOCK_BYTES: u64 = 4_096;
/// What a name takes in its folder beside itself. Such blocks are half full in the worst case, so all of it counts twice.
const NAME_BYTES: u64 = 16;

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
    file_bytes(bytes)
}

/// What a file with so many bytes takes.
pub(super) fn file_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES).max(1).saturating_mul(BLOCK_BYTES)
}

/// What layers take of a disk once more where they are laid over each other: their files are the same there, their folders, the
/// names in these, and links are made. What one layer puts in the place of another's counts as well.
pub(super) fn laid_bytes(described: &[String]) -> u64 {
    // By path: whether something of its own is made there.
    let mut paths = HashMap::new();
    for line in described.iter().flat_map(|layer| layer.lines()) {
        let (path, told) = line.rsplit_once('\0').unwrap_or((line, ""));
        *paths.entry(path).or_insert(false) |= !told.starts_with("f ");
    }
    let mut names: HashMap<&str, u64> = HashMap::new();
    for path in paths.keys() {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let bytes = u64::try_from(name.len()).unwrap_or(u64::MAX).saturating_add(NAME_BYTES);
        let all = names.entry(folder).or_default();
        *all = all.saturating_add(bytes.saturating_mul(2));
    }
    let made = u64::try_from(paths.values().filter(|is_made| **is_made).count()).unwrap_or(u64::MAX);
    // A folder has its first block by being there: the outermost one too.
    let more = names.values().map(|bytes| bytes.div_ceil(BLOCK_BYTES).saturating_sub(1));
    more.fold(made.saturating_add(1), u64::saturating_add).saturating_mul(BLOCK_BYTES)
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
    fn what_is_laid_over_takes_its_folders_names_and_links() {
        let layer = |lines: &[&str]| lines.concat();
        let first = layer(&["a\0f 644 9999999 x\n", "d\0d 755\n", "d/b\0f 644 1 x\n", "l\0l a\n"]);
        assert_eq!(laid_bytes(&[]), BLOCK_BYTES);
        assert_eq!(laid_bytes(std::slice::from_ref(&first)), 3 * BLOCK_BYTES, "the outermost, d and l");
        let second = layer(&["d\0d 755\n", "d/c\0d 755\n", "l\0f 644 1 x\n"]);
        assert_eq!(laid_bytes(&[first, second]), 4 * BLOCK_BYTES, "and d/c");
        let many: String = (0..1_000).map(|n| format!("d/{n:0>234}\0f 644 1 x\n")).collect();
        // 1,000 names of 250 bytes, twice.
        assert_eq!(laid_bytes(&[format!("d\0d 755\n{many}")]), (1 + 123) * BLOCK_BYTES);
    }

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
