//! Files of sealed blocks: each block is bound to its file, its place in it, and to being the last or not.
//!
//! A block that was altered, moved, or cut off does not open, and neither does a file that ends early. Files are never
//! changed once they are written. Where they are is all that this module knows of them.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto::{SEAL_OVERHEAD_BYTES, Sealer};

/// Plain bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;
const SEALED_BYTES: u64 = (BLOCK_BYTES + SEAL_OVERHEAD_BYTES) as u64;

/// The folder of all files. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Files(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    sealer: Sealer,
    room: Room,
    /// How many read which content just now. Locked for a moment only.
    held: Mutex<HashMap<String, usize>>,
}

/// Whether the disk takes more.
struct Room(Box<dyn Fn() -> bool + Send + Sync>);

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Room(…)")
    }
}

/// While there is one, what it names is not swept away.
#[derive(Debug)]
pub(crate) struct Hold {
    files: Files,
    id: String,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.files.held();
        if let Some(count) = held.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.id);
            }
        }
    }
}

impl Files {
    /// Opens the folder, or makes it. Nothing is written while `room` says that the disk takes no more.
    pub(crate) fn open(
        path: PathBuf,
        sealer: Sealer,
        room: impl Fn() -> bool + Send + Sync + 'static,
    ) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self(Arc::new(Folder { path, sealer, room: Room(Box::new(room)), held: Mutex::default() })))
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.path.join(id.get(..2).unwrap_or("__")).join(id)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a file, or the parts of an upload, for a reader. Whoever holds what is doomed already holds nothing: he looks
    /// for that afterwards.
    pub(crate) fn hold(&self, id: &str) -> Hold {
        *self.held().entry(id.to_owned()).or_default() += 1;
        Hold { files: self.clone(), id: id.to_owned() }
    }

    /// True while somebody reads it.
    pub(crate) fn is_held(&self, id: &str) -> bool {
        self.held().contains_key(id)
    }

    /// A new file. It is gone again unless it is kept.
    pub(crate) fn create(&self) -> io::Result<Writing> {
        let id = crypto::random::hex(16);
        let path = self.path(&id);
        if let Some(parent) = path.parent()
            && !parent.is_dir()
        {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            sync_folder(&self.0.path)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Writing { files: self.clone(), id, path, file: Some(file), block: 0, plain: Vec::new() })
    }

    /// Opens a file for reading.
    pub(crate) fn read(&self, id: &str) -> io::Result<Reading> {
        let file = File::open(self.path(id))?;
        Ok(Reading { sealer: self.0.sealer.clone(), id: id.to_owned(), file })
    }

    /// Deletes a file; one that is not there is deleted already.
    pub(crate) fn delete(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The ids of all files there are.
    pub(crate) fn ids(&self) -> io::Result<Vec<String>> {
        let mut ids = Vec::new();
        for folder in fs::read_dir(&self.0.path)? {
            let folder = folder?.path();
            if folder.is_dir() {
                for file in fs::read_dir(folder)? {
                    ids.extend(file?.file_name().into_string().ok());
                }
            }
        }
        Ok(ids)
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What a block is bound to.
fn context(id: &str, block: u64, last: bool) -> Vec<u8> {
    [b"s3 block ".as_slice(), id.as_bytes(), &block.to_be_bytes(), &[u8::from(last)]].concat()
}

/// A file while it is written.
pub(crate) struct Writing {
    files: Files,
    id: String,
    path: PathBuf,
    file: Option<File>,
    block: u64,
    plain: Vec<u8>,
}

impl Writing {
    /// Appends bytes. Blocks: call it where that is allowed.
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        // The last block may be full, so that a full one waits until more comes.
        while !bytes.is_empty() {
            if self.plain.len() == BLOCK_BYTES {
                self.flush(false)?;
            }
            let (taken, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.plain.len()));
            self.plain.extend_from_slice(taken);
            bytes = rest;
        }
        Ok(())
    }

    fn flush(&mut self, last: bool) -> io::Result<()> {
        // The rest is for the store: without it, nothing could be deleted any more.
        if !(self.files.0.room.0)() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let sealed = self.files.0.sealer.seal(&context(&self.id, self.block, last), &self.plain);
        self.plain.clear();
        self.block += 1;
        match &mut self.file {
            Some(file) => file.write_all(&sealed),
            None => Err(io::Error::other("the file was kept already")),
        }
    }

    /// Writes the last block and waits until the disk has everything.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.flush(true)?;
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Leaves the file where it is: something durable names it now.
    pub(crate) fn keep(mut self) {
        self.file = None;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if self.file.is_some()
            && let Err(error) = fs::remove_file(&self.path)
        {
            // The next start finds it.
            tracing::warn!(%error, "an unfinished s3 file stays for now");
        }
    }
}

/// A file while it is read.
pub(crate) struct Reading {
    sealer: Sealer,
    id: String,
    file: File,
}

impl Reading {
    /// The plain bytes of these blocks; `size` is that of the whole content. Blocks: call it where that is allowed.
    pub(crate) fn blocks(&self, first: u64, count: u64, size: u64) -> io::Result<Vec<u8>> {
        let last = size.saturating_sub(1) / BLOCK_BYTES as u64;
        let mut plain = Vec::with_capacity(usize::try_from(count).unwrap_or(0) * BLOCK_BYTES);
        for block in first..first.saturating_add(count).min(last + 1) {
            let length = if block == last {
                size - block * BLOCK_BYTES as u64 + SEAL_OVERHEAD_BYTES as u64
            } else {
                SEALED_BYTES
            };
            let mut sealed = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            self.file.read_exact_at(&mut sealed, block * SEALED_BYTES)?;
            let opened = self.sealer.open(&context(&self.id, block, block == last), &sealed);
            plain.extend_from_slice(&opened.map_err(io::Error::other)?);
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = in_folder(&folder, || true);
        (folder, files)
    }

    fn in_folder(folder: &tempfile::TempDir, room: impl Fn() -> bool + Send + Sync + 'static) -> Files {
        let sealer = crypto::RootKey::ephemeral().derive("s3");
        Files::open(folder.path().join("s3"), sealer, room).unwrap()
    }

    #[test]
    fn nothing_is_written_where_the_disk_takes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let files = in_folder(&folder, || false);
        let mut writing = files.create().unwrap();
        let full = writing.write(&bytes(3 * BLOCK_BYTES)).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        drop(writing);
        assert!(files.ids().unwrap().is_empty());
    }

    fn written(files: &Files, bytes: &[u8]) -> String {
        let mut writing = files.create().unwrap();
        bytes.chunks(10_007).for_each(|piece| writing.write(piece).unwrap());
        writing.finish().unwrap();
        let id = writing.id().to_owned();
        writing.keep();
        id
    }

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 % 251) as u8).collect()
    }

    #[test]
    fn what_was_written_is_read_in_any_range() {
        let (_folder, files) = files();
        for length in [1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES] {
            let plain = bytes(length);
            let reading = files.read(&written(&files, &plain)).unwrap();
            assert_eq!(reading.blocks(0, 100, length as u64).unwrap(), plain);
            let from_second = reading.blocks(1, 1, length as u64).unwrap();
            let rest = plain.get(BLOCK_BYTES..).unwrap_or_default();
            assert_eq!(from_second, &rest[..rest.len().min(BLOCK_BYTES)]);
        }
    }

    #[test]
    fn moved_cut_and_changed_blocks_do_not_open() {
        let (_folder, files) = files();
        let size = (3 * BLOCK_BYTES) as u64;
        let id = written(&files, &bytes(3 * BLOCK_BYTES));
        let path = files.path(&id);
        let whole = fs::read(&path).unwrap();
        assert!(!whole.windows(16).any(|window| window == &bytes(16)[..]), "nothing stands in clear");
        let block = SEALED_BYTES as usize;
        let swapped = [&whole[block..2 * block], &whole[..block], &whole[2 * block..]].concat();
        let mut changed = whole.clone();
        changed[block + 100] ^= 1;
        for (name, damaged) in
            [("swapped", &swapped[..]), ("changed", &changed), ("cut", &whole[..2 * block])]
        {
            fs::write(&path, damaged).unwrap();
            assert!(files.read(&id).unwrap().blocks(0, 3, size).is_err(), "{name}");
        }
        // A record that says less does not make a cut file whole.
        fs::write(&path, &whole[..2 * block]).unwrap();
        assert!(files.read(&id).unwrap().blocks(0, 2, 2 * BLOCK_BYTES as u64).is_err());
        let other = written(&files, b"x");
        fs::write(files.path(&other), &whole).unwrap();
        assert!(files.read(&other).unwrap().blocks(0, 3, size).is_err(), "another file's blocks");
    }

    #[test]
    fn a_file_that_is_not_kept_is_gone() {
        let (_folder, files) = files();
        let mut writing = files.create().unwrap();
        writing.write(b"abc").unwrap();
        writing.finish().unwrap();
        assert_eq!(files.ids().unwrap().len(), 1);
        drop(writing);
        assert!(files.ids().unwrap().is_empty());
        let id = written(&files, b"abc");
        files.delete(&id).unwrap();
        files.delete(&id).unwrap();
        assert!(files.ids().unwrap().is_empty() && files.read(&id).is_err());
    }
}
