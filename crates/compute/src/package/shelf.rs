//! Where an account's packages stand: `<data-dir>/code/<account>/packages/<hash>.zip`, and unpacked under `unpacked/<hash>/` beside it.
//!
//! The zip file is the truth and is durable before it is acknowledged; the unpacked directory is made from it, is
//! verified before a process uses it for the first time, and is made again where it does not match.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::entry::Refusal;
use super::room::Room;
use super::sweep::Held;
use super::{CodeHash, extract, manifest};
use crate::limits::OBJECT_BYTES_MAX;

/// A package was not kept or cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The package itself is not acceptable: the uploader's to mend.
    #[error("the package was refused")]
    Refused(#[from] Refusal),
    /// No package has this hash.
    #[error("package {0} is not there")]
    Missing(CodeHash),
    /// The account would have more unpacked than it may.
    #[error("the account has no room for more code")]
    Full,
    /// What is on disk is not what was uploaded.
    #[error("package {0} does not match its hash")]
    Corrupt(CodeHash),
    /// The disk failed.
    #[error("the code folder failed")]
    Disk(#[from] io::Error),
}

/// A package that is kept and unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPackage {
    /// Its name.
    pub hash: CodeHash,
    /// Its size, zipped.
    pub size_bytes: u64,
}

/// The packages of one account. Cheap to clone.
#[derive(Clone)]
pub struct AccountCode(pub(super) Arc<Shelf>);

pub(super) struct Shelf {
    pub(super) packages: PathBuf,
    pub(super) unpacked: PathBuf,
    pub(super) layered: PathBuf,
    /// What each of those folders takes, by its name: it outlasts them.
    pub(super) laid_sizes: PathBuf,
    pub(super) room: Room,
    /// What must not be removed.
    pub(super) held: Held,
    /// Held while layers are laid over each other.
    pub(super) laying: Mutex<()>,
    /// Directories that this process unpacked or verified.
    pub(super) verified: Mutex<HashSet<CodeHash>>,
    /// Held while a directory is verified or made again, so that two callers do not do it at once.
    repair: Mutex<()>,
    /// Held while a package that was unpacked is put in its place.
    placing: Mutex<()>,
}

impl AccountCode {
    /// Checks, keeps and unpacks a package. It is durable when this returns; it stays as long as something uses or leases it.
    ///
    /// # Errors
    /// Where the package is refused or the disk fails; nothing is kept then.
    pub async fn put(&self, zip: Bytes) -> Result<StoredPackage, PackageError> {
        self.blocking(move |shelf| shelf.put(&zip)).await
    }

    /// The directory with the unpacked code, verified since this process started.
    ///
    /// # Errors
    /// Where there is no such package, or it is corrupt.
    pub async fn directory(&self, hash: CodeHash) -> Result<PathBuf, PackageError> {
        if self.0.verified.lock().contains(&hash) {
            return Ok(self.0.task_directory(hash));
        }
        self.blocking(move |shelf| shelf.directory(hash)).await
    }

    /// The zip file as it was uploaded.
    ///
    /// # Errors
    /// Where there is no such package, or it is corrupt.
    pub async fn package(&self, hash: CodeHash) -> Result<Bytes, PackageError> {
        self.blocking(move |shelf| shelf.package(hash).map(Bytes::from)).await
    }

    /// Makes a package of another account, whose layer it is, this account's own, and unpacks it. It stays as `put`'s do.
    ///
    /// # Errors
    /// Where neither has such a package, or it is corrupt.
    pub async fn take_over(&self, owner: &Self, hash: CodeHash) -> Result<(), PackageError> {
        let theirs = owner.0.package_file(hash);
        self.blocking(move |shelf| {
            shelf.take(&theirs, hash)?;
            shelf.found_or_made(hash, true).map(drop)
        })
        .await
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, PackageError> + Send + 'static,
    ) -> Result<T, PackageError> {
        let shelf = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&shelf))
            .await
            .unwrap_or_else(|panic| Err(io::Error::other(panic).into()))
    }
}

impl Shelf {
    /// The shelf in this folder, which need not be there yet.
    pub(super) fn new(root: &Path, unpacked_bytes_max: u64, let_go: Arc<Notify>) -> Self {
        let (unpacked, laid_sizes) = (root.join("unpacked"), root.join("laid-sizes"));
        Self {
            packages: root.join("packages"),
            layered: root.join("layered"),
            room: Room::of(unpacked_bytes_max, &unpacked, &laid_sizes),
            unpacked,
            laid_sizes,
            held: Held::telling(let_go),
            laying: Mutex::new(()),
            verified: Mutex::default(),
            repair: Mutex::new(()),
            placing: Mutex::new(()),
        }
    }

    /// Removes what an interrupted process left, and what is made again from the packages where it is needed.
    pub(super) fn clean(&self) -> io::Result<()> {
        remove_if_there(&self.layered)?;
        self.make_folders()?;
        [&self.packages, &self.unpacked, &self.laid_sizes]
            .into_iter()
            .try_for_each(|folder| remove_leftovers(folder))
    }

    pub(super) fn make_folders(&self) -> io::Result<()> {
        for folder in [&self.packages, &self.unpacked, &self.layered, &self.laid_sizes] {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        fs::set_permissions(&self.packages, fs::Permissions::from_mode(0o700))
    }

    /// Keeps the package that stands in this file as one's own, unless there is one already.
    // A package is never written to again, and no function sees it: it may have two names.
    pub(super) fn take(&self, from: &Path, hash: CodeHash) -> Result<(), PackageError> {
        let own = self.package_file(hash);
        if own.exists() {
            return Ok(());
        }
        self.make_folders()?;
        match fs::hard_link(from, &own) {
            Ok(()) => Ok(File::open(&self.packages)?.sync_all()?),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(PackageError::Missing(hash)),
            // Another file system, or too many names already.
            Err(_) => Ok(write_durably(&own, &fs::read(from)?)?),
        }
    }

    fn put(&self, zip: &[u8]) -> Result<StoredPackage, PackageError> {
        if zip.len() > OBJECT_BYTES_MAX {
            return Err(Refusal::ZippedTooLarge(OBJECT_BYTES_MAX).into());
        }
        let hash = CodeHash::of(zip);
        let stored = StoredPackage { hash, size_bytes: u64::try_from(zip.len()).unwrap_or(u64::MAX) };
        let file = self.package_file(hash);
        if !(file.exists() && self.verified.lock().contains(&hash)) {
            self.make_folders()?;
            // Unpacked first: a package that cannot be unpacked is never kept.
            self.unpack(hash, zip, true)?;
            write_durably(&file, zip)?;
        }
        Ok(stored)
    }

    /// What the account has already is unpacked again, whatever else it has.
    pub(super) fn directory(&self, hash: CodeHash) -> Result<PathBuf, PackageError> {
        self.found_or_made(hash, false)
    }

    fn found_or_made(&self, hash: CodeHash, must_fit: bool) -> Result<PathBuf, PackageError> {
        let _one_at_a_time = self.repair.lock();
        if self.verified.lock().contains(&hash) {
            return Ok(self.task_directory(hash));
        }
        if self.matches_manifest(hash) {
            self.verified.lock().insert(hash);
            return Ok(self.task_directory(hash));
        }
        let zip = self.package(hash)?;
        remove_if_there(&self.unpacked.join(hash.to_string()))?;
        self.unpack(hash, &zip, must_fit)?;
        Ok(self.task_directory(hash))
    }

    fn matches_manifest(&self, hash: CodeHash) -> bool {
        let written = self.manifest(hash);
        let found = manifest::describe(&self.task_directory(hash));
        matches!((written, found), (Ok(written), Ok(found)) if written == found)
    }

    fn package(&self, hash: CodeHash) -> Result<Vec<u8>, PackageError> {
        let zip = match fs::read(self.package_file(hash)) {
            Ok(zip) => zip,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(PackageError::Missing(hash)),
            Err(error) => return Err(error.into()),
        };
        if CodeHash::of(&zip) == hash { Ok(zip) } else { Err(PackageError::Corrupt(hash)) }
    }

    fn unpack(&self, hash: CodeHash, zip: &[u8], must_fit: bool) -> Result<(), PackageError> {
        let making = self.unpacked.join(format!("{hash}.tmp-{}", crypto::random::hex(8)));
        let made = self.unpack_into(&making, hash, zip, must_fit);
        if made.is_err() {
            let _ = remove_if_there(&making);
        }
        made
    }

    fn unpack_into(
        &self,
        making: &Path,
        hash: CodeHash,
        zip: &[u8],
        must_fit: bool,
    ) -> Result<(), PackageError> {
        let task = making.join("task");
        fs::create_dir_all(&task)?;
        fs::set_permissions(making, fs::Permissions::from_mode(0o755))?;
        fs::set_permissions(&task, fs::Permissions::from_mode(0o755))?;
        extract::extract(zip, &task)?;
        let described = manifest::describe(&task)?;
        write_durably(&making.join("manifest"), described.as_bytes())?;
        let place = self.unpacked.join(hash.to_string());
        // The same package may come twice at once: what one has put there, and may use already, the other leaves.
        let _one_at_a_time = self.placing.lock();
        if !self.room.take(hash, manifest::disk_bytes(&described), must_fit)? {
            return Err(PackageError::Full);
        }
        if place.exists() && self.matches_manifest(hash) {
            remove_if_there(making)?;
        } else {
            remove_if_there(&place)?;
            fs::rename(making, &place)?;
        }
        self.verified.lock().insert(hash);
        Ok(())
    }

    pub(super) fn package_file(&self, hash: CodeHash) -> PathBuf {
        self.packages.join(format!("{hash}.zip"))
    }

    pub(super) fn layered_directory(&self, name: CodeHash) -> PathBuf {
        self.layered.join(name.to_string())
    }

    /// What a package that was verified consists of.
    pub(super) fn manifest(&self, hash: CodeHash) -> io::Result<String> {
        fs::read_to_string(self.unpacked.join(hash.to_string()).join("manifest"))
    }

    fn task_directory(&self, hash: CodeHash) -> PathBuf {
        self.unpacked.join(hash.to_string()).join("task")
    }
}

/// Writes a file so that it is either whole or absent after a crash.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().ok_or_else(|| io::Error::other("a file without a directory"))?;
    let making = path.with_extension(format!("tmp-{}", crypto::random::hex(8)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&making)?;
    let written =
        file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&making, path));
    if written.is_err() {
        let _ = fs::remove_file(&making);
    }
    written?;
    File::open(directory)?.sync_all()
}

pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_leftovers(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_leftover = entry.file_name().to_string_lossy().contains(".tmp-");
        if is_leftover && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else if is_leftover {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FOLDER, open, package};
    use super::*;

    #[tokio::test]
    async fn a_package_is_unpacked_once_and_survives_a_restart() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let zip = package(b"pass");
        let stored = store.put(zip.clone()).await.unwrap();
        assert_eq!(store.put(zip.clone()).await.unwrap(), stored);
        let directory = store.directory(stored.hash).await.unwrap();
        assert_eq!(fs::read(directory.join("handler.py")).unwrap(), b"pass");
        let again = open(data.path());
        assert_eq!(again.directory(stored.hash).await.unwrap(), directory);
        assert_eq!(again.package(stored.hash).await.unwrap(), zip);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn one_package_may_come_many_times_at_once() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        for round in 0..40_u32 {
            let zip = package(&round.to_be_bytes());
            let puts: Vec<_> = (0..8)
                .map(|_| {
                    let (store, zip) = (store.clone(), zip.clone());
                    tokio::spawn(async move {
                        let hash = store.put(zip).await?.hash;
                        let directory = store.directory(hash).await?;
                        // Whoever was told that it is there finds it there.
                        Ok::<_, PackageError>(fs::read(directory.join("handler.py"))?)
                    })
                })
                .collect();
            for put in puts {
                assert_eq!(put.await.unwrap().unwrap(), round.to_be_bytes());
            }
        }
    }

    #[tokio::test]
    async fn a_changed_directory_is_made_again_from_the_package() {
        let data = tempfile::tempdir().unwrap();
        let hash = open(data.path()).put(package(b"pass")).await.unwrap().hash;
        let code = data.path().join(FOLDER).join("unpacked").join(hash.to_string()).join("task");
        type Change = fn(&Path);
        let changes: [Change; 4] = [
            |code| fs::write(code.join("handler.py"), "evil").unwrap(),
            |code| fs::write(code.join("extra.py"), "evil").unwrap(),
            |code| fs::remove_file(code.join("handler.py")).unwrap(),
            |code| fs::set_permissions(code.join("handler.py"), fs::Permissions::from_mode(0o755)).unwrap(),
        ];
        for change in changes {
            change(&code);
            let directory = open(data.path()).directory(hash).await.unwrap();
            assert_eq!(fs::read(directory.join("handler.py")).unwrap(), b"pass");
            assert!(!directory.join("extra.py").exists());
        }
    }

    #[tokio::test]
    async fn a_corrupt_or_missing_package_is_an_error() {
        let data = tempfile::tempdir().unwrap();
        let hash = open(data.path()).put(package(b"pass")).await.unwrap().hash;
        let root = data.path().join(FOLDER);
        fs::write(root.join("packages").join(format!("{hash}.zip")), b"rotten").unwrap();
        fs::remove_dir_all(root.join("unpacked").join(hash.to_string())).unwrap();
        let store = open(data.path());
        assert!(matches!(store.directory(hash).await, Err(PackageError::Corrupt(_))));
        let other = CodeHash::of(b"another");
        assert!(matches!(store.directory(other).await, Err(PackageError::Missing(_))));
    }

    #[tokio::test]
    async fn refused_packages_and_interrupted_uploads_leave_nothing() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        assert!(matches!(store.put(Bytes::from_static(b"no zip")).await, Err(PackageError::Refused(_))));
        let unpacked = data.path().join(FOLDER).join("unpacked");
        fs::create_dir(unpacked.join("aa.tmp-bb")).unwrap();
        let _ = open(data.path());
        assert_eq!(fs::read_dir(unpacked).unwrap().count(), 0);
        assert_eq!(fs::read_dir(data.path().join(FOLDER).join("packages")).unwrap().count(), 0);
    }
}
