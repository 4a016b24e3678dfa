//! All packages of the platform: a shelf for each account, under `<data-dir>/code/<account>/`.
//!
//! Accounts share nothing here, be their packages the same to the byte: no file, no folder, no lock, no work that one has done
//! and another would not have to do.
// SECURITY: a function sees inodes, times and locks of its own code's files. Were they another account's too, they would tell
// that somebody else has the very same package, and since when.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::AccountId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::shelf::{AccountCode, Shelf, remove_if_there};
use super::{CodeHash, PackageError};

/// What versions that kept one shelf for all accounts have left behind.
const SHARED_PACKAGES: &str = "packages";
const SHARED_FOLDERS: [&str; 3] = ["unpacked", "layered", "artifacts"];

/// All packages of this platform. Cheap to clone.
#[derive(Clone)]
pub struct CodeStore {
    root: PathBuf,
    unpacked_bytes_max: u64,
    shelves: Arc<Mutex<HashMap<AccountId, Arc<Shelf>>>>,
    let_go: Arc<Notify>,
}

impl CodeStore {
    /// Opens the code folder under `data_dir`, makes it where needed, and removes what interrupted uploads left.
    ///
    /// # Errors
    /// Where the folder cannot be made or read.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let root = data_dir.join("code");
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&root)?;
        // Made again from the packages, for each account, where it is needed.
        for folder in SHARED_FOLDERS {
            remove_if_there(&root.join(folder))?;
        }
        let store =
            Self { root, unpacked_bytes_max: u64::MAX, shelves: Arc::default(), let_go: Arc::default() };
        for account in store.accounts()? {
            store.of(account).0.clean()?;
        }
        Ok(store)
    }

    /// The same store, where what each account unpacks takes so many bytes of the disk at most. For the wiring, before it is used.
    #[must_use]
    pub fn unpacking_at_most(self, bytes: u64) -> Self {
        Self { unpacked_bytes_max: bytes, shelves: Arc::default(), ..self }
    }

    /// The packages of one account.
    pub fn of(&self, account: AccountId) -> AccountCode {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.entry(account).or_insert_with(|| {
            let root = self.root.join(account.as_str());
            Arc::new(Shelf::new(&root, self.unpacked_bytes_max, Arc::clone(&self.let_go)))
        });
        AccountCode(Arc::clone(shelf))
    }

    /// Gives each account the packages that it uses out of what earlier versions kept for all together, which then goes.
    ///
    /// # Errors
    /// Where the disk fails; what is left of the shared packages stays then.
    pub fn adopt(&self, used: impl IntoIterator<Item = (AccountId, CodeHash)>) -> io::Result<()> {
        let shared = self.root.join(SHARED_PACKAGES);
        if !shared.exists() {
            return Ok(());
        }
        for (account, hash) in used {
            match self.of(account).0.take(&shared.join(format!("{hash}.zip")), hash) {
                // The account has its own already, or it is as lost as it was.
                Ok(()) | Err(PackageError::Missing(_)) => {}
                Err(PackageError::Disk(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        remove_if_there(&shared)
    }

    /// Removes everything that `is_used` does not name and nobody holds, and answers how many packages that were. It is asked
    /// again right before a package goes, while nobody can take hold of that: by then it must know what a lease that has ended
    /// was for. It waits for the disk: call it where that is no harm.
    ///
    /// # Errors
    /// Where the disk fails.
    pub fn remove_unused(&self, is_used: impl Fn(AccountId, CodeHash) -> bool) -> io::Result<usize> {
        let mut removed = 0;
        for account in self.accounts()? {
            removed += self.of(account).0.remove_unused(|hash| is_used(account, hash))?;
        }
        Ok(removed)
    }

    /// Waits until something is let go that [`Self::remove_unused`], or the end of a lease, would have removed had nobody held
    /// it. One hears of it.
    pub async fn let_go(&self) {
        self.let_go.notified().await;
    }

    fn accounts(&self) -> io::Result<Vec<AccountId>> {
        let mut accounts = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            accounts.extend(name.to_str().and_then(|name| name.parse::<AccountId>().ok()));
        }
        Ok(accounts)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use bytes::Bytes;

    use super::super::testing::{account, package};
    use super::*;

    const FILE: &str = "handler.py";

    #[tokio::test]
    async fn accounts_share_no_file_of_the_same_package() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let mut seen = Vec::new();
        for number in [1, 2] {
            let code = store.of(account(number));
            let hash = code.put(package(b"pass")).await.unwrap().hash;
            let other = code.put(package(b"layer")).await.unwrap().hash;
            let laid = code.layers_directory(&[hash, other]).await.unwrap().unwrap();
            let directory = code.directory(hash).await.unwrap();
            let inodes: Vec<u64> = [directory.clone(), directory.join(FILE), laid.clone(), laid.join(FILE)]
                .iter()
                .map(|path| fs::metadata(path).unwrap().ino())
                .collect();
            seen.push(inodes);
        }
        assert!(seen[0].iter().all(|inode| !seen[1].contains(inode)), "{seen:?}");
        // Nor does it take less, or anything away, that the other has it.
        let code = store.of(account(2));
        assert_eq!(store.remove_unused(|of, _| of == account(2)).unwrap(), 2);
        assert!(code.directory(CodeHash::of(&package(b"pass"))).await.is_ok());
        assert!(store.of(account(1)).directory(CodeHash::of(&package(b"pass"))).await.is_err());
    }

    #[tokio::test]
    async fn a_layer_of_another_account_becomes_ones_own() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let (theirs, mine) = (store.of(account(1)), store.of(account(2)));
        let hash = theirs.put(package(b"layer")).await.unwrap().hash;
        let missing = CodeHash::of(b"missing");
        assert!(matches!(mine.take_over(&theirs, missing).await, Err(PackageError::Missing(_))));
        mine.take_over(&theirs, hash).await.unwrap();
        let inode = |directory: PathBuf| fs::metadata(directory.join(FILE)).unwrap().ino();
        let own = mine.directory(hash).await.unwrap();
        assert_ne!(inode(own.clone()), inode(theirs.directory(hash).await.unwrap()));
        // It stays when the layer is gone, and can be had again.
        store.remove_unused(|of, _| of == account(2)).unwrap();
        assert!(theirs.directory(hash).await.is_err());
        fs::remove_dir_all(own.parent().unwrap()).unwrap();
        let again = CodeStore::open(data.path()).unwrap().of(account(2));
        assert_eq!(fs::read(again.directory(hash).await.unwrap().join(FILE)).unwrap(), b"layer");
        mine.take_over(&theirs, hash).await.unwrap();
    }

    #[tokio::test]
    async fn what_was_kept_for_all_is_given_to_those_who_use_it() {
        let data = tempfile::tempdir().unwrap();
        let shared = data.path().join("code/packages");
        let unpacked = data.path().join("code/unpacked/aa/task");
        fs::create_dir_all(&shared).unwrap();
        fs::create_dir_all(&unpacked).unwrap();
        let keep = |zip: &Bytes| {
            let hash = CodeHash::of(zip);
            fs::write(shared.join(format!("{hash}.zip")), zip).unwrap();
            hash
        };
        let (used, unused) = (keep(&package(b"used")), keep(&package(b"unused")));
        let store = CodeStore::open(data.path()).unwrap();
        let lost = CodeHash::of(b"lost");
        let uses = [(account(1), used), (account(2), used), (account(2), lost)];
        store.adopt(uses).unwrap();
        store.adopt(uses).unwrap();
        for number in [1, 2] {
            let code = store.of(account(number));
            let directory = code.directory(used).await.unwrap();
            assert_eq!(fs::read(directory.join(FILE)).unwrap(), b"used");
            assert!(matches!(code.directory(unused).await, Err(PackageError::Missing(_))));
        }
        assert!(store.of(account(3)).directory(used).await.is_err());
        assert!(!shared.exists() && !unpacked.exists());
    }
}
