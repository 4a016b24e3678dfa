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

/// Describes everything under `directory`.
pub(super) fn describe(directory: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    visit(directory, "", 0, &mut lines)?;
    lines.sort_unstable();
    Ok(lines.concat())
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
