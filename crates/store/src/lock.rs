//! The lock file: one store at a time has a folder open.
//!
//! The kernel releases the lock when the process ends, however it ends, so a lock is never stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::OpenError;

/// Held while a store is open, or while nobody is to open it.
#[derive(Debug)]
pub struct FolderLock {
    /// Closing the file gives the lock back.
    _file: File,
}

impl FolderLock {
    /// Takes the lock of a store's folder, which exists, or says that another has it.
    ///
    /// # Errors
    /// `Locked` where another has it; where the lock's file cannot be opened.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: folder.to_owned(), source };
        let mut options = OpenOptions::new();
        let file =
            options.create(true).truncate(false).write(true).open(folder.join("LOCK")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
