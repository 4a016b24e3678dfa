//! What an account's packages take of the disk once they are unpacked, and that it is no more than the account may.
//!
//! What stands there when a process begins is counted when it is first asked for, by the manifests.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use parking_lot::Mutex;

use super::{CodeHash, manifest};

/// Bytes on the disk, by package.
type Sizes = HashMap<CodeHash, u64>;

pub(super) struct Room {
    bytes_max: u64,
    sizes: Mutex<Option<Sizes>>,
}

impl Room {
    pub(super) const fn of(bytes_max: u64) -> Self {
        Self { bytes_max, sizes: Mutex::new(None) }
    }

    /// Counts a package that is about to stand in the folder `unpacked`; false where the account would have too much then, and
    /// nothing is counted. Where it need not fit, it is counted in any case.
    pub(super) fn take(
        &self,
        unpacked: &Path,
        hash: CodeHash,
        described: &str,
        must_fit: bool,
    ) -> io::Result<bool> {
        let mut known = self.sizes.lock();
        let mut sizes = match known.take() {
            Some(sizes) => sizes,
            None => counted(unpacked)?,
        };
        let bytes = manifest::disk_bytes(described);
        let others = sizes.iter().filter(|(other, _)| **other != hash);
        let all = others.fold(bytes, |all, (_, bytes)| all.saturating_add(*bytes));
        let fits = !must_fit || all <= self.bytes_max;
        if fits {
            sizes.insert(hash, bytes);
        }
        *known = Some(sizes);
        Ok(fits)
    }

    /// A package stands there no more.
    pub(super) fn give_back(&self, hash: CodeHash) {
        if let Some(sizes) = self.sizes.lock().as_mut() {
            sizes.remove(&hash);
        }
    }
}

/// What stands there already.
fn counted(unpacked: &Path) -> io::Result<Sizes> {
    let mut sizes = Sizes::new();
    for entry in fs::read_dir(unpacked)? {
        let entry = entry?;
        let Some(hash) = entry.file_name().to_str().and_then(|name| name.parse::<CodeHash>().ok()) else {
            continue;
        };
        match fs::read_to_string(entry.path().join("manifest")) {
            Ok(described) => drop(sizes.insert(hash, manifest::disk_bytes(&described))),
            // It is made again before it is used.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{FOLDER, account, package};
    use super::super::{CodeStore, PackageError};
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
    async fn what_an_account_has_is_unpacked_again_whatever_it_may() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let hash = store.of(account(1)).put(package(b"1")).await.unwrap().hash;
        fs::remove_dir_all(data.path().join(FOLDER).join("unpacked").join(hash.to_string())).unwrap();
        let again = CodeStore::open(data.path()).unwrap().unpacking_at_most(0);
        assert!(again.of(account(1)).directory(hash).await.is_ok());
    }
}
