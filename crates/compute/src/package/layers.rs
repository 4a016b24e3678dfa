//! Layers, laid over each other as the one read-only directory that stands at `/opt`.
//!
//! A later layer's file replaces an earlier one's. Nothing is written through a link, and no link is followed: a link of
//! one layer is a name like any other to the next. What is made here is made again by the next process. What it takes of the
//! account's room is counted before, when a function is to have these layers.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::shelf::{Shelf, remove_if_there, write_durably};
use super::{AccountCode, CodeHash, PackageError, manifest};
use crate::limits::ENTRY_DEPTH_MAX;

impl AccountCode {
    /// The directory with the content of these layers, the last one on top; `None` where there are none.
    ///
    /// # Errors
    /// Where a layer's package is missing or corrupt, or the disk fails.
    pub async fn layers_directory(&self, layers: &[CodeHash]) -> Result<Option<PathBuf>, PackageError> {
        match layers {
            [] => Ok(None),
            [one] => self.directory(*one).await.map(Some),
            several => {
                let several = several.to_vec();
                self.blocking(move |shelf| shelf.laid_over(&several)).await.map(Some)
            }
        }
    }

    /// Counts what these layers take where they lie over each other, as long as something uses or leases that.
    ///
    /// # Errors
    /// Where the account would have too much then, a layer's package is missing or corrupt, or the disk fails.
    pub async fn reserve_layers(&self, layers: &[CodeHash]) -> Result<(), PackageError> {
        let layers = layers.to_vec();
        self.blocking(move |shelf| {
            shelf.make_folders()?;
            match Self::laid_name(&layers) {
                Some(name) if !shelf.room.counts(name)? => shelf.count_laid(name, &layers, true).map(drop),
                _ => Ok(()),
            }
        })
        .await
    }

    /// The name of the folder in which these layers lie over each other; `None` where one or none needs no such folder.
    pub fn laid_name(layers: &[CodeHash]) -> Option<CodeHash> {
        let several = layers.len() > 1;
        several.then(|| CodeHash::of(layers.iter().map(CodeHash::to_string).collect::<String>().as_bytes()))
    }

    /// What a package takes once it is unpacked, in bytes.
    ///
    /// # Errors
    /// Where there is no such package, or it is corrupt.
    pub async fn unzipped_bytes(&self, hash: CodeHash) -> Result<u64, PackageError> {
        self.blocking(move |shelf| Ok(bytes_under(&shelf.directory(hash)?, 0)?)).await
    }
}

impl Shelf {
    fn laid_over(&self, layers: &[CodeHash]) -> Result<PathBuf, PackageError> {
        let name =
            AccountCode::laid_name(layers).ok_or_else(|| io::Error::other("one layer lies on nothing"))?;
        let place = self.layered_directory(name);
        // One at a time, and whole or not at all: a directory that is there is finished.
        let _one_at_a_time = self.laying.lock();
        if place.exists() {
            return Ok(place);
        }
        let sources: Vec<PathBuf> =
            layers.iter().map(|layer| self.directory(*layer)).collect::<Result<_, _>>()?;
        self.make_folders()?;
        // What functions have already is laid over each other again, whatever else their account has.
        let bytes = self.count_laid(name, layers, false)?;
        let making = place.with_extension(format!("tmp-{}", crypto::random::hex(8)));
        let made = self.lay(&sources, &making, name, bytes).and_then(|()| Ok(fs::rename(&making, &place)?));
        if made.is_err() {
            let _ = remove_if_there(&making);
        }
        made?;
        Ok(place)
    }

    fn lay(
        &self,
        sources: &[PathBuf],
        making: &Path,
        name: CodeHash,
        bytes: u64,
    ) -> Result<(), PackageError> {
        make_directory(making)?;
        let mut copied = 0;
        for source in sources {
            lay_over(source, making, 0, &mut copied)?;
        }
        if copied > 0 && !self.take_laid(name, bytes.saturating_add(copied), true)? {
            return Err(PackageError::Full);
        }
        Ok(())
    }

    /// Counts the folder of this name, in which these layers lie or are to lie over each other; how many bytes.
    fn count_laid(&self, name: CodeHash, layers: &[CodeHash], must_fit: bool) -> Result<u64, PackageError> {
        let mut described = Vec::new();
        for layer in layers {
            self.directory(*layer)?;
            described.push(self.manifest(*layer)?);
        }
        let bytes = manifest::laid_bytes(&described);
        if self.take_laid(name, bytes, must_fit)? { Ok(bytes) } else { Err(PackageError::Full) }
    }

    fn take_laid(&self, name: CodeHash, bytes: u64, must_fit: bool) -> io::Result<bool> {
        let fits = self.room.take(name, bytes, must_fit)?;
        if fits {
            write_durably(&self.laid_sizes.join(name.to_string()), bytes.to_string().as_bytes())?;
        }
        Ok(fits)
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o755).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

fn too_deep() -> io::Error {
    io::Error::other("the directory is nested too deeply")
}

/// Puts everything under `from` into `onto`, in the place of what has the same name there, and adds what had to be copied.
// SECURITY: `onto` holds only directories that were made here, never a link to one: a link that stands where a directory
// is to be is removed first.
fn lay_over(from: &Path, onto: &Path, depth: usize, copied: &mut u64) -> io::Result<()> {
    if depth > ENTRY_DEPTH_MAX {
        return Err(too_deep());
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), onto.join(entry.file_name()));
        let kind = entry.file_type()?;
        let there = fs::symlink_metadata(&target).ok().map(|metadata| metadata.file_type());
        let goes_on = there.is_some_and(|there| there.is_dir() && kind.is_dir());
        match there {
            Some(_) if goes_on => {}
            Some(there) if there.is_dir() => fs::remove_dir_all(&target)?,
            Some(_) => fs::remove_file(&target)?,
            None => {}
        }
        if kind.is_dir() {
            if !goes_on {
                make_directory(&target)?;
            }
            lay_over(&source, &target, depth + 1, copied)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source)?, &target)?;
        } else if fs::hard_link(&source, &target).is_err() {
            // Another file system, or too many names already.
            let bytes = fs::copy(&source, &target)?;
            *copied = copied.saturating_add(manifest::file_bytes(bytes));
        }
    }
    Ok(())
}

fn bytes_under(directory: &Path, depth: usize) -> io::Result<u64> {
    if depth > ENTRY_DEPTH_MAX {
        return Err(too_deep());
    }
    let mut bytes: u64 = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        bytes = bytes.saturating_add(match kind {
            kind if kind.is_dir() => bytes_under(&entry.path(), depth + 1)?,
            kind if kind.is_file() => entry.metadata()?.len(),
            _ => 0,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use bytes::Bytes;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::testing::{FOLDER, open};
    use super::*;

    /// A package of these files; what begins with `->` is a link.
    fn package(files: &[(&str, &str)]) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            match content.strip_prefix("->") {
                Some(target) => writer.add_symlink(*name, target, SimpleFileOptions::default()).unwrap(),
                None => {
                    writer.start_file(*name, SimpleFileOptions::default()).unwrap();
                    writer.write_all(content.as_bytes()).unwrap();
                }
            }
        }
        Bytes::from(writer.finish().unwrap().into_inner())
    }

    async fn laid(packages: &[Bytes]) -> (tempfile::TempDir, AccountCode, Vec<CodeHash>, PathBuf) {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let mut layers = Vec::new();
        for package in packages {
            layers.push(store.put(package.clone()).await.unwrap().hash);
        }
        let directory = store.layers_directory(&layers).await.unwrap().unwrap();
        (data, store, layers, directory)
    }

    #[tokio::test]
    async fn a_later_layer_lies_on_top() {
        let first = package(&[("python/a.py", "1"), ("python/b.py", "1"), ("bin", "->python")]);
        let second = package(&[("python/a.py", "2"), ("lib/c.so", "2"), ("bin", "file")]);
        let (_data, store, layers, directory) = laid(&[first, second]).await;
        let read = |path: &str| fs::read_to_string(directory.join(path)).unwrap();
        assert_eq!(["python/a.py", "python/b.py", "lib/c.so", "bin"].map(read), ["2", "1", "2", "file"]);
        let backwards = [layers[1], layers[0]];
        let other = store.layers_directory(&backwards).await.unwrap().unwrap();
        assert_ne!(other, directory);
        assert_eq!(fs::read_to_string(other.join("python/a.py")).unwrap(), "1");
        assert_eq!(store.layers_directory(&layers).await.unwrap().unwrap(), directory);
        assert_eq!(store.layers_directory(&[]).await.unwrap(), None);
        assert_eq!(store.unzipped_bytes(layers[0]).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn nothing_is_written_through_a_link_of_an_earlier_layer() {
        let first = package(&[("real/keep", "1"), ("way", "->real")]);
        let second = package(&[("way/keep", "2")]);
        let (_data, store, layers, directory) = laid(&[first, second]).await;
        assert_eq!(fs::read_to_string(directory.join("real/keep")).unwrap(), "1");
        assert_eq!(fs::read_to_string(directory.join("way/keep")).unwrap(), "2");
        let package = store.directory(layers[0]).await.unwrap();
        assert_eq!(fs::read_to_string(package.join("real/keep")).unwrap(), "1");
        assert!(fs::symlink_metadata(package.join("way")).unwrap().file_type().is_symlink());
    }

    #[tokio::test]
    async fn no_link_that_leads_out_is_followed_on_the_host() {
        let outside = tempfile::tempdir().unwrap();
        let theirs = outside.path().join("theirs");
        fs::write(&theirs, "x".repeat(100_000)).unwrap();
        let (folder, file) = (format!("->{}", outside.path().display()), format!("->{}", theirs.display()));
        // A link to a folder becomes a folder, a folder a link, a link to a file a file, a file a link.
        let first = package(&[("way", &folder), ("real/keep", "1"), ("theirs", &file), ("own", "1")]);
        let second = package(&[("way/theirs", "2"), ("real", &folder), ("theirs", "2"), ("own", &file)]);
        let third = package(&[("real/theirs", "3"), ("again", &folder)]);
        let (data, store, layers, directory) = laid(&[first, second, third]).await;
        let read = |path: &str| fs::read_to_string(directory.join(path)).unwrap();
        assert_eq!(["way/theirs", "real/theirs", "theirs"].map(read), ["2", "3", "2"]);
        assert_eq!(fs::read_link(directory.join("own")).unwrap(), theirs);
        assert_eq!(fs::read_link(directory.join("again")).unwrap(), outside.path());
        assert_eq!(store.unzipped_bytes(layers[0]).await.unwrap(), 2, "links are no bytes of the layer");
        let described = store.0.manifest(layers[0]).unwrap();
        assert_eq!(manifest::disk_bytes(&described), 5 * manifest::file_bytes(1), "{described}");
        // What stands there is the same after a restart, and goes without what the links lead to.
        let again = open(data.path());
        assert!(again.0.directory(layers[0]).is_ok());
        drop(directory);
        assert_eq!(again.0.remove_unused(|_| false).unwrap(), 3);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&theirs).unwrap().len(), 100_000);
    }

    #[tokio::test]
    async fn a_missing_layer_is_an_error_and_leaves_nothing() {
        let (data, store, layers, _) = laid(&[package(&[("a", "1")]), package(&[("b", "1")])]).await;
        let missing = [layers[0], CodeHash::of(b"missing")];
        assert!(matches!(store.layers_directory(&missing).await, Err(PackageError::Missing(_))));
        assert_eq!(fs::read_dir(data.path().join(FOLDER).join("layered")).unwrap().count(), 1);
    }
}
