//! What an account's packages take of the disk once they are unpacked, and once layers are laid over each other, and that it is
//! no more than the account may.
//!
//! What stands there when a process begins is counted when it is first asked for: packages by their manifests, layers by what was
//! written down of them, since they are laid over each other again.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::{CodeHash, manifest};

/// Bytes on the disk, by package.
type Sizes = HashMap<CodeHash, u64>;

pub(super) struct Room {
    bytes_max: u64,
    unpacked: PathBuf,
    laid_sizes: PathBuf,
    sizes: Mutex<Option<Sizes>>,
}

impl Room {
    pub(super) fn of(bytes_max: u64, unpacked: &Path, laid_sizes: &Path) -> Self {
        Self {
            bytes_max,
            unpacked: unpacked.to_owned(),
            laid_sizes: laid_sizes.to_owned(),
            sizes: Mutex::new(None),
        }
    }

    /// Counts what is about to stand there; false where the account would have too much then, and nothing is counted. Where it need
    /// not fit, it is counted in any case.
    pub(super) fn take(&self, hash: CodeHash, bytes: u64, must_fit: bool) -> io::Result<bool> {
        self.known(|sizes| {
            let others = sizes.iter().filter(|(other, _)| **other != hash);
            let all = others.fold(bytes, |all, (_, bytes)| all.saturating_add(*bytes));
            let fits = !must_fit || all <= self.bytes_max;
            if fits {
                sizes.insert(hash, bytes);
            }
            fits
        })
    }

    /// Whether it is counted already.
    pub(super) fn counts(&self, hash: CodeHash) -> io::Result<bool> {
        self.known(|sizes| sizes.contains_key(&hash))
    }

    fn known<T>(&self, work: impl FnOnce(&mut Sizes) -> T) -> io::Result<T> {
        let mut known = self.sizes.lock();
        let mut sizes = match known.take() {
            Some(sizes) => sizes,
            None => self.counted()?,
        };
        let answer = work(&mut sizes);
        *known = Some(sizes);
        Ok(answer)
    }

    /// It stands there no more.
    pub(super) fn give_back(&self, hash: CodeHash) {
        if let Some(sizes) = self.sizes.lock().as_mut() {
            sizes.remove(&hash);
        }
    }

    /// What stands there already, or is to stand there again.
    fn counted(&self) -> io::Result<Sizes> {
        let mut sizes = Sizes::new();
        let package = |folder: &Path| fs::read_to_string(folder.join("manifest"));
        count(&self.unpacked, package, manifest::disk_bytes, &mut sizes)?;
        let laid = |file: &Path| fs::read_to_string(file);
        // What says nothing takes all there is: no room is the safe answer.
        count(&self.laid_sizes, laid, |written| written.parse().unwrap_or(u64::MAX), &mut sizes)?;
        Ok(sizes)
    }
}

/// Counts what the entries of this folder that are named by a hash say of themselves.
fn count(
    folder: &Path,
    read: impl Fn(&Path) -> io::Result<String>,
    bytes: impl Fn(&str) -> u64,
    sizes: &mut Sizes,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Some(hash) = entry.file_name().to_str().and_then(|name| name.parse::<CodeHash>().ok()) else {
            continue;
        };
        match read(&entry.path()) {
            Ok(said) => drop(sizes.insert(hash, bytes(&said))),
            // It is made again before it is used.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use bytes::Bytes;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::testing::{FOLDER, account, package};
    use super::super::{AccountCode, CodeStore, PackageError};
    use super::*;

    /// The only file of each package.
    const ONE: u64 = 4_096;

    #[tokio::test]
    async fn an_account_unpacks_no_more_than_it_may_and_others_are_not_asked() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap().unpacking_at_most(2 * ONE);
        let (own, other) = (store.of(account(1)), store.of(account(2)));
        let first = own.put(package(b"1")).await.unwrap().hash;
        own.put(package(b"2")).await.unwrap();
        assert!(matches!(own.put(package(b"3")).await, Err(PackageError::Full)));
        own.put(package(b"1")).await.unwrap();
        let theirs = other.put(package(b"3")).await.unwrap().hash;
        assert!(matches!(own.take_over(&other, theirs).await, Err(PackageError::Full)));
        let unpacked = data.path().join(FOLDER).join("unpacked");
        assert_eq!(fs::read_dir(&unpacked).unwrap().count(), 2, "what is refused is not kept");

        let again = CodeStore::open(data.path()).unwrap().unpacking_at_most(2 * ONE);
        let own = again.of(account(1));
        assert!(matches!(own.put(package(b"3")).await, Err(PackageError::Full)), "what stood there counts");
        assert_eq!(again.remove_unused(|_, hash| hash != first).unwrap(), 1);
        own.put(package(b"3")).await.unwrap();
    }

    #[tokio::test]
    async fn what_came_to_no_use_is_given_back_by_the_end_of_its_lease() {
        let data = tempfile::tempdir().unwrap();
        let own = CodeStore::open(data.path()).unwrap().unpacking_at_most(ONE).of(account(1));
        for (content, is_used) in [(b"1", false), (b"2", false), (b"3", true)] {
            let hash = CodeHash::of(&package(content));
            let leases = [own.lease(Some(hash), &[]), own.lease(Some(hash), &[])];
            own.put(package(content)).await.unwrap();
            let [one, other] = leases;
            one.end(|_| false);
            assert!(own.directory(hash).await.is_ok(), "somebody else holds it");
            other.end(|_| is_used);
            assert_eq!(own.directory(hash).await.is_ok(), is_used);
        }
        assert!(matches!(own.put(package(b"4")).await, Err(PackageError::Full)));
    }

    /// A layer with so many folders, beside the one file that tells it from others.
    fn folders(seed: &[u8], count: usize) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("seed", SimpleFileOptions::default()).unwrap();
        writer.write_all(seed).unwrap();
        (0..count).for_each(|n| writer.add_directory(format!("{n}"), SimpleFileOptions::default()).unwrap());
        Bytes::from(writer.finish().unwrap().into_inner())
    }

    #[tokio::test]
    async fn layers_over_each_other_take_their_folders_until_they_go() {
        let data = tempfile::tempdir().unwrap();
        // Two layers with 9 folders and a file each, and, over each other, the outermost folder and 9.
        let store = CodeStore::open(data.path()).unwrap().unpacking_at_most(30 * ONE);
        let own = store.of(account(1));
        let mut layers = Vec::new();
        for seed in [b"1", b"2"] {
            layers.push(own.put(folders(seed, 9)).await.unwrap().hash);
        }
        let backwards = [layers[1], layers[0]];
        own.reserve_layers(&layers).await.unwrap();
        own.reserve_layers(&layers).await.unwrap();
        assert!(matches!(own.reserve_layers(&backwards).await, Err(PackageError::Full)));
        assert!(matches!(own.put(package(b"1")).await, Err(PackageError::Full)));
        // What a function has already is there nevertheless, and counts.
        let laid = own.layers_directory(&layers).await.unwrap().unwrap();
        assert_eq!(fs::read_dir(&laid).unwrap().count(), 10);
        own.layers_directory(&backwards).await.unwrap();
        let name = AccountCode::laid_name(&layers).unwrap();
        let other = AccountCode::laid_name(&backwards).unwrap();
        assert_eq!(store.remove_unused(|_, hash| layers.contains(&hash) || hash == other).unwrap(), 0);
        assert!(!laid.exists());
        assert!(matches!(own.put(package(b"1")).await, Err(PackageError::Full)));

        // They are laid over each other again: until then, too, they take their room.
        let again = CodeStore::open(data.path()).unwrap().unpacking_at_most(30 * ONE);
        let own = again.of(account(1));
        assert!(matches!(own.put(package(b"1")).await, Err(PackageError::Full)));
        own.reserve_layers(&backwards).await.unwrap();
        assert!(matches!(own.reserve_layers(&layers).await, Err(PackageError::Full)));
        own.lease(None, &backwards).end(|hash| layers.contains(&hash));
        own.reserve_layers(&layers).await.unwrap();
        assert_ne!(name, other);
        let sizes = data.path().join(FOLDER).join("laid-sizes");
        assert_eq!(fs::read_to_string(sizes.join(name.to_string())).unwrap(), (10 * ONE).to_string());
    }

    #[tokio::test]
    async fn what_an_account_has_is_unpacked_again_whatever_it_may() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let hash = store.of(account(1)).put(package(b"1")).await.unwrap().hash;
        fs::remove_dir_all(data.path().join(FOLDER).join("unpacked").join(hash.to_string())).unwrap();
        let again = CodeStore::open(data.path()).unwrap().unpacking_at_most(0);
        assert!(again.of(account(1)).directory(hash).await.is_ok());
    }
}
