//! Writes a root file system that was worked out before: folders, then files, then links.
//!
//! SECURITY: every path is a name below the new folder, no part of which is a link while anything is written; no bit beyond
//! `rwxr-xr-x` is set, and nothing but files, folders and links is made.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::ImportError;
use super::source::Origin;
use super::tree::{Node, Source, Tree};

/// Writes all of a tree into a folder that is there and empty.
pub(super) fn write(tree: &Tree, origin: &Origin, folder: &Path) -> Result<(), ImportError> {
    let mut wanted: BTreeMap<Source, Vec<&str>> = BTreeMap::new();
    let mut modes: HashMap<Source, (bool, u64)> = HashMap::new();
    for (path, node) in tree.nodes() {
        match node {
            Node::Folder => {
                fs::create_dir(folder.join(path))?;
                fs::set_permissions(folder.join(path), fs::Permissions::from_mode(0o755))?;
            }
            Node::File { source, is_executable, bytes } => {
                wanted.entry(*source).or_default().push(path);
                modes.insert(*source, (*is_executable, *bytes));
            }
            Node::Link(_) => {}
        }
    }
    for layer in 0..origin.layers() {
        let mut at = 0;
        origin.each(layer, |entry, content| {
            let source = Source { layer, entry: at };
            at += 1;
            let (Some(paths), Some((is_executable, bytes))) = (wanted.get(&source), modes.get(&source))
            else {
                return Ok(());
            };
            let Some((first, others)) = paths.split_first() else { return Ok(()) };
            if entry.bytes != *bytes {
                return Err(ImportError::Changed);
            }
            let first = folder.join(first);
            let mode = if *is_executable { 0o755 } else { 0o644 };
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&first)?;
            content.copy_to(&mut file)?;
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            others.iter().try_for_each(|other| Ok(fs::hard_link(&first, folder.join(other))?))
        })?;
    }
    for (path, node) in tree.nodes() {
        if let Node::Link(target) = node {
            symlink(target, folder.join(path))?;
        }
    }
    Ok(())
}
