//! What nothing uses any more goes: packages, what they were unpacked to, and layers that were laid over each other.
//!
//! It knows not what uses a package. What an environment runs, or what somebody is about to make a function of, is held and
//! stays, whoever says that nothing uses it.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::shelf::{Shelf, remove_if_there};
use super::{AccountCode, CodeHash};

/// What is held, by hash; layers that lie over each other are held by the name of their folder too.
pub(super) struct Held {
    holds: Mutex<HashMap<CodeHash, Hold>>,
    /// Told where something was to go while it was held, and is held no more.
    let_go: Arc<Notify>,
}

#[derive(Default)]
struct Hold {
    /// How often.
    count: usize,
    /// Whether it was to go meanwhile.
    is_unused: bool,
}

impl Held {
    pub(super) fn telling(let_go: Arc<Notify>) -> Self {
        Self { holds: Mutex::default(), let_go }
    }
}

/// Packages that are not removed as long as this lives.
pub struct CodeLease {
    shelf: Arc<Shelf>,
    hashes: Vec<CodeHash>,
}

impl AccountCode {
    /// Keeps these where they are, whether or not they are there yet: a package, and layers with the folder in which they lie
    /// over each other.
    pub fn lease(&self, package: Option<CodeHash>, layers: &[CodeHash]) -> CodeLease {
        let mut hashes: Vec<CodeHash> = package.into_iter().chain(layers.iter().copied()).collect();
        hashes.extend(Self::laid_name(layers));
        let mut holds = self.0.held.holds.lock();
        hashes.iter().for_each(|hash| holds.entry(*hash).or_default().count += 1);
        drop(holds);
        CodeLease { shelf: Arc::clone(&self.0), hashes }
    }
}

/// What nobody finds any more, and is yet to be removed.
struct Aside {
    paths: Vec<PathBuf>,
    is_package: bool,
}

impl Aside {
    fn remove(self) -> io::Result<()> {
        for path in self.paths {
            if path.is_dir() { remove_if_there(&path)? } else { fs::remove_file(&path)? }
        }
        Ok(())
    }
}

impl CodeLease {
    /// Ends it, and removes what of it `is_used` does not name and nobody else holds. The account has that room again when this
    /// returns; the disk has it soon after.
    pub fn end(self, is_used: impl Fn(CodeHash) -> bool) {
        let (shelf, hashes) = (Arc::clone(&self.shelf), self.hashes.clone());
        drop(self);
        let mut aside = Vec::new();
        for hash in hashes {
            match shelf.set_aside(hash, &is_used) {
                Ok(found) => aside.extend(found),
                // The next sweep finds it.
                Err(error) => tracing::warn!(%error, "code that came to no use could not be removed"),
            }
        }
        in_background(move || {
            for error in aside.into_iter().filter_map(|one| one.remove().err()) {
                tracing::warn!(%error, "code that came to no use could not be removed");
            }
        });
    }
}

/// Does what waits for the disk where nobody waits for it.
fn in_background(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => drop(handle.spawn_blocking(work)),
        Err(_) => work(),
    }
}

impl Shelf {
    /// Removes everything that `is_used` does not name and nobody holds; how many packages that were.
    pub(super) fn remove_unused(&self, is_used: impl Fn(CodeHash) -> bool) -> io::Result<usize> {
        self.make_folders()?;
        let mut found = BTreeSet::new();
        for folder in [&self.packages, &self.unpacked, &self.layered, &self.laid_sizes] {
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name().into_string().unwrap_or_default();
                found.extend(name.strip_suffix(".zip").unwrap_or(&name).parse::<CodeHash>().ok());
            }
        }
        found.retain(|hash| !is_used(*hash));
        let mut removed = 0;
        for hash in found {
            let Some(aside) = self.set_aside(hash, &is_used)? else { continue };
            removed += usize::from(aside.is_package);
            aside.remove()?;
        }
        Ok(removed)
    }

    /// Takes everything of this hash out of its place, which is quick; removing it need not be.
    fn set_aside(&self, hash: CodeHash, is_used: impl Fn(CodeHash) -> bool) -> io::Result<Option<Aside>> {
        let mut holds = self.held.holds.lock();
        if is_used(hash) {
            return Ok(None);
        }
        if let Some(hold) = holds.get_mut(&hash) {
            hold.is_unused = true;
            return Ok(None);
        }
        self.verified.lock().remove(&hash);
        self.room.give_back(hash);
        let package = set_aside(&self.package_file(hash))?;
        let is_package = package.is_some();
        let mut paths = Vec::from_iter(package);
        for folder in [&self.unpacked, &self.layered, &self.laid_sizes] {
            paths.extend(set_aside(&folder.join(hash.to_string()))?);
        }
        Ok(Some(Aside { paths, is_package }))
    }
}

/// The new name of what was there. A later start removes it where this process does not.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let aside = path.with_extension(format!("tmp-{}", crypto::random::hex(8)));
    match fs::rename(path, &aside) {
        Ok(()) => Ok(Some(aside)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Drop for CodeLease {
    fn drop(&mut self) {
        let mut holds = self.shelf.held.holds.lock();
        let mut was_awaited = false;
        for hash in &self.hashes {
            let Some(hold) = holds.get_mut(hash) else { continue };
            hold.count = hold.count.saturating_sub(1);
            if hold.count == 0 {
                was_awaited |= hold.is_unused;
                holds.remove(hash);
            }
        }
        drop(holds);
        if was_awaited {
            self.shelf.held.let_go.notify_one();
        }
    }
}

impl std::fmt::Debug for CodeLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CodeLease").field(&self.hashes).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::CodeStore;
    use super::super::testing::{FOLDER, account, open, package};
    use super::*;

    fn entries(data: &Path) -> Vec<usize> {
        ["packages", "unpacked", "layered"]
            .map(|folder| fs::read_dir(data.join(FOLDER).join(folder)).unwrap().count())
            .to_vec()
    }

    #[tokio::test]
    async fn unused_packages_are_removed() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let kept = store.put(package(b"1")).await.unwrap().hash;
        let gone = store.put(package(b"2")).await.unwrap().hash;
        assert_eq!(store.0.remove_unused(|hash| hash == kept).unwrap(), 1);
        assert!(store.directory(kept).await.is_ok());
        assert!(store.directory(gone).await.is_err());
        assert_eq!(entries(data.path()), [1, 1, 0]);
        // It can come again.
        let again = store.put(package(b"2")).await.unwrap().hash;
        assert!(again == gone && store.directory(gone).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_held_stays_until_it_is_let_go() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let mut all = Vec::new();
        for content in [b"1", b"2", b"3"] {
            all.push(store.put(package(content)).await.unwrap().hash);
        }
        let laid = store.layers_directory(&all[1..]).await.unwrap().unwrap();
        let leases = [store.lease(Some(all[0]), &all[1..]), store.lease(Some(all[0]), &[])];
        assert_eq!(store.0.remove_unused(|_| false).unwrap(), 0);
        let [both, one] = leases;
        drop(both);
        assert!(laid.exists());
        assert_eq!(store.0.remove_unused(|_| false).unwrap(), 2);
        assert!(!laid.exists() && store.directory(all[0]).await.is_ok());
        assert_eq!(entries(data.path()), [1, 1, 0]);
        drop(one);
        assert_eq!(store.0.remove_unused(|_| false).unwrap(), 1);
        assert_eq!(entries(data.path()), [0, 0, 0]);
        assert!(store.0.held.holds.lock().is_empty());
    }

    #[tokio::test]
    async fn whoever_looks_for_the_unused_hears_when_what_was_held_is_let_go() {
        let data = tempfile::tempdir().unwrap();
        let store = CodeStore::open(data.path()).unwrap();
        let code = store.of(account(1));
        let hash = code.put(package(b"1")).await.unwrap().hash;
        let hears = || async { tokio::time::timeout(Duration::ZERO, store.let_go()).await.is_ok() };
        // Nobody wants what is used to go: there is nothing to hear.
        let lease = code.lease(Some(hash), &[]);
        assert_eq!(store.remove_unused(|_, _| true).unwrap(), 0);
        drop(lease);
        assert!(!hears().await);

        let leases = [code.lease(Some(hash), &[]), code.lease(Some(hash), &[])];
        assert_eq!(store.remove_unused(|_, _| false).unwrap(), 0);
        let [one, last] = leases;
        drop(one);
        assert!(!hears().await, "it is held still");
        drop(last);
        assert!(hears().await);
        assert_eq!(store.remove_unused(|_, _| false).unwrap(), 1);
        assert!(!hears().await, "once is enough");

        // Where a call ends what it held, others may hold it as well.
        let again = code.put(package(b"1")).await.unwrap().hash;
        let held = code.lease(Some(again), &[]);
        code.lease(Some(again), &[]).end(|_| false);
        drop(held);
        assert!(hears().await);
    }

    #[tokio::test]
    async fn what_is_used_by_the_time_it_would_go_stays() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let hash = store.put(package(b"1")).await.unwrap().hash;
        let asked = std::cell::Cell::new(0);
        let is_used = |_| asked.replace(asked.get() + 1) > 0;
        assert_eq!(store.0.remove_unused(is_used).unwrap(), 0);
        assert!(asked.get() == 2 && store.directory(hash).await.is_ok());
    }

    #[tokio::test]
    async fn folders_without_a_package_go_too() {
        let data = tempfile::tempdir().unwrap();
        let store = open(data.path());
        let hash = store.put(package(b"1")).await.unwrap().hash;
        fs::remove_file(data.path().join(FOLDER).join("packages").join(format!("{hash}.zip"))).unwrap();
        assert_eq!(store.0.remove_unused(|_| false).unwrap(), 0);
        assert_eq!(entries(data.path()), [0, 0, 0]);
    }
}
