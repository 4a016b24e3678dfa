//! Notices when a file under a folder changes, by looking twice a second.
//!
//! Looking is dull and works on every file system; it is bounded in files and depth, and follows no links.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

const FILES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;
/// Folders whose content is made by tools, not by people.
const SKIPPED: [&str; 6] = ["node_modules", "__pycache__", ".git", ".fastness", ".aws-sam", ".venv"];

/// The files of a folder as they were at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Sight {
    /// Looks at `path`, or at every file below it that is not below `except`.
    pub(crate) fn of(path: &Path, except: &Path) -> Self {
        if path.is_file() {
            return Self::of_file(path);
        }
        let mut sight = Self::default();
        // Entries are named as the folder is: only a full name can be told from the exception's.
        let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        sight.look(&full, except, 0);
        sight
    }

    /// Looks at one file.
    pub(crate) fn of_file(file: &Path) -> Self {
        let metadata = std::fs::metadata(file).ok();
        let seen = metadata.map(|metadata| (file.to_owned(), (metadata.len(), metadata.modified().ok())));
        Self(seen.into_iter().collect())
    }

    fn look(&mut self, folder: &Path, except: &Path, depth: usize) {
        if folder == except {
            return;
        }
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if self.0.len() >= FILES_MAX {
                return;
            }
            let Ok(kind) = entry.file_type() else { continue };
            let skipped = entry.file_name().to_str().is_some_and(|name| SKIPPED.contains(&name));
            if kind.is_dir() && depth < DEPTH_MAX && !skipped {
                self.look(&entry.path(), except, depth + 1);
            } else if kind.is_file()
                && let Ok(metadata) = entry.metadata()
            {
                self.0.insert(entry.path(), (metadata.len(), metadata.modified().ok()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_a_new_file_and_a_removal_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.py");
        std::fs::write(&file, "one").unwrap();
        let data = folder.path().canonicalize().unwrap().join("data");
        let look = || Sight::of(folder.path(), &data);
        let first = look();
        assert_eq!(first, look());
        std::fs::write(&file, "three").unwrap();
        let second = look();
        assert_ne!(first, second);
        std::fs::write(folder.path().join("more.py"), "").unwrap();
        assert_ne!(second, look());
        std::fs::remove_file(folder.path().join("more.py")).unwrap();
        assert_eq!(second, look());
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("store"), "what the platform itself writes").unwrap();
        assert_eq!(second, look());
        std::fs::create_dir(folder.path().join("__pycache__")).unwrap();
        std::fs::write(folder.path().join("__pycache__/app.pyc"), "").unwrap();
        assert_eq!(second, look());
    }

    #[test]
    fn code_that_is_one_file_is_watched_too() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("code.zip");
        std::fs::write(&file, "one").unwrap();
        let first = Sight::of(&file, Path::new("/nowhere"));
        std::fs::write(&file, "three").unwrap();
        assert_ne!(first, Sight::of(&file, Path::new("/nowhere")));
    }
}
