//! Why a store does not open, and why a call on it fails.
//!
//! No variant carries a value; keys of other people's records are not shown either, only the table's name.

use std::io;
use std::path::PathBuf;

/// Why a folder was not opened. Nothing was changed in it, except where a new store was being made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the folder open.
    #[error("the store `{path}` is open elsewhere; one process at a time may use it")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder's files could not be used.
    #[error("the store `{path}` cannot be read or written")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The marker names a format that this version does not know.
    #[error("the store `{path}` has a format that this version does not read")]
    Format {
        /// The folder.
        path: PathBuf,
    },
    /// There are records, but the marker that says how many is gone or unreadable.
    #[error("the store `{path}` has lost its marker file; restore the folder from a copy")]
    Marker {
        /// The folder.
        path: PathBuf,
    },
    /// Acknowledged records are missing: the journal ends before the last group that was made durable.
    #[error(
        "the store `{path}` ends at group {found}, but group {expected} was acknowledged: its journal is damaged; \
         restore the folder from a copy"
    )]
    Cut {
        /// The folder.
        path: PathBuf,
        /// The last group that the marker remembers.
        expected: u64,
        /// The last group that is there.
        found: u64,
    },
    /// A journal that was complete when it was closed is no longer complete.
    #[error("the journal `{journal}` of the store `{path}` is damaged; restore the folder from a copy")]
    Journal {
        /// The folder.
        path: PathBuf,
        /// The journal's file name.
        journal: String,
    },
    /// The engine refuses its files.
    #[error("the store `{path}` is damaged: {reason}; restore the folder from a copy")]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The records were sealed under another key.
    #[error("the store `{path}` was not sealed under this root key, or is damaged")]
    Key {
        /// The folder.
        path: PathBuf,
    },
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A write could not be made durable, now or earlier. Nothing is accepted or served until the process restarts.
    #[error("the store has failed and is closed until the next start")]
    Failed,
    /// The disk has no room for the change; nothing of it was written, and the store goes on.
    #[error("the disk has no room for what is to be written")]
    Full,
    /// A record is there, but it is not what was written.
    #[error("a record of the table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The engine could not read.
    #[error("the table `{table}` cannot be read: {reason}")]
    Read {
        /// The table.
        table: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// A key is longer than [`crate::KEY_BYTES_MAX`].
    #[error("a key of the table `{table}` has {bytes} bytes, more than {max}", max = crate::KEY_BYTES_MAX)]
    KeyTooLong {
        /// The table.
        table: &'static str,
        /// The key's length.
        bytes: usize,
    },
    /// A value is larger than [`crate::VALUE_BYTES_MAX`].
    #[error("a value of the table `{table}` has {bytes} bytes, more than {max}", max = crate::VALUE_BYTES_MAX)]
    ValueTooLarge {
        /// The table.
        table: &'static str,
        /// The value's length.
        bytes: usize,
    },
    /// A transaction writes more than [`crate::TRANSACTION_BYTES_MAX`].
    #[error("a transaction writes more than {max} bytes", max = crate::TRANSACTION_BYTES_MAX)]
    TransactionTooLarge,
}
