//! Shows an imported root file system in an image: its folders bound read-only, its `/etc` copied, its devices left out.
//!
//! SECURITY: this runs with the host's root rights over names that a stranger may have chosen. Nothing is written below a folder
//! that the image did not make itself, and no link of the root is followed on the host.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::image::{attach, open_bind};

/// What every environment has of its own.
const OWN: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];
/// What functions bring or share: the folders in `/var` that are not the root's.
const OWN_IN_VAR: [&str; 4] = ["tmp", "task", "run", "lock"];
/// What is copied of an `/etc`: so many files, and so many bytes together.
const COPIED_FILES_MAX: usize = 4_096;
const COPIED_BYTES_MAX: u64 = 8 * 1024 * 1024;
const DEPTH_MAX: usize = 16;

/// Fills an image whose own folders were made before.
pub(crate) fn furnish(image: &Path, root: &Path) -> io::Result<()> {
    show_all(root, image, &|name| OWN.contains(&name) || name == "etc" || name == "var")?;
    if is_folder(&root.join("var")) {
        show_all(&root.join("var"), &image.join("var"), &|name| OWN_IN_VAR.contains(&name))?;
    }
    let mut room = Room { files: COPIED_FILES_MAX, bytes: COPIED_BYTES_MAX };
    if is_folder(&root.join("etc")) {
        room.copy(&root.join("etc"), &image.join("etc"), 0)?;
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Shows what stands in one folder of the root in one folder of the image.
fn show_all(from: &Path, to: &Path, is_own: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_none_or(is_own) {
            continue;
        }
        let (host, inside) = (entry.path(), to.join(&name));
        let kind = entry.file_type()?;
        let is_there = fs::symlink_metadata(&inside).is_ok();
        if kind.is_symlink() && !is_there {
            symlink(fs::read_link(&host)?, &inside)?;
        } else if kind.is_dir() {
            if !is_there {
                fs::create_dir(&inside)?;
            }
            attach(&open_bind(&host)?, &inside)?;
        } else if kind.is_file() && !is_there {
            fs::write(&inside, "")?;
            attach(&open_bind(&host)?, &inside)?;
        }
    }
    Ok(())
}

/// What may still be copied.
struct Room {
    files: usize,
    bytes: u64,
}

impl Room {
    /// Copies what is not there yet; a folder that is there stays one.
    fn copy(&mut self, from: &Path, to: &Path, depth: usize) -> io::Result<()> {
        if depth > DEPTH_MAX {
            return Err(io::Error::other("the root's /etc is too deep"));
        }
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (host, inside) = (entry.path(), to.join(entry.file_name()));
            let kind = entry.file_type()?;
            let there = fs::symlink_metadata(&inside);
            if kind.is_dir() {
                match there {
                    Ok(there) if there.is_dir() => {}
                    Ok(_) => continue,
                    Err(_) => fs::create_dir(&inside)?,
                }
                self.copy(&host, &inside, depth + 1)?;
                continue;
            }
            if there.is_ok() {
                continue;
            }
            let length = entry.metadata()?.len();
            let left = self.files.checked_sub(1).zip(self.bytes.checked_sub(length));
            (self.files, self.bytes) =
                left.ok_or_else(|| io::Error::other("the root's /etc is too large"))?;
            if kind.is_symlink() {
                symlink(fs::read_link(&host)?, &inside)?;
            } else if kind.is_file() {
                fs::copy(&host, &inside)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etc_is_copied_around_what_is_there_and_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (root, image, outside) =
            (dir.path().join("root"), dir.path().join("image"), dir.path().join("outside"));
        for folder in
            [root.join("etc/ssl/certs"), root.join("etc/java"), image.join("etc/ssl/certs"), outside.clone()]
        {
            fs::create_dir_all(folder).unwrap();
        }
        fs::write(root.join("etc/ssl/certs/own.pem"), "pem").unwrap();
        fs::write(root.join("etc/java/x"), "java").unwrap();
        fs::write(root.join("etc/passwd"), "theirs").unwrap();
        fs::write(image.join("etc/passwd"), "ours").unwrap();
        symlink(&outside, root.join("etc/link")).unwrap();
        let mut room = Room { files: 10, bytes: 100 };
        room.copy(&root.join("etc"), &image.join("etc"), 0).unwrap();
        let read = |path: &str| fs::read_to_string(image.join("etc").join(path)).unwrap();
        assert_eq!(
            (read("ssl/certs/own.pem"), read("java/x"), read("passwd")),
            ("pem".into(), "java".into(), "ours".into())
        );
        assert!(fs::symlink_metadata(image.join("etc/link")).unwrap().is_symlink());
        // A link where the image has a folder, and a folder where it has a link, are left out.
        fs::remove_dir_all(root.join("etc/ssl")).unwrap();
        symlink(&outside, root.join("etc/ssl")).unwrap();
        fs::remove_file(root.join("etc/link")).unwrap();
        fs::create_dir(root.join("etc/link")).unwrap();
        fs::write(root.join("etc/link/x"), "out").unwrap();
        room.copy(&root.join("etc"), &image.join("etc"), 0).unwrap();
        assert!(image.join("etc/ssl").is_dir() && fs::read_dir(&outside).unwrap().count() == 0);
        let mut none = Room { files: 0, bytes: 100 };
        fs::write(root.join("etc/more"), "").unwrap();
        assert!(none.copy(&root.join("etc"), &image.join("etc"), 0).is_err());
    }
}
