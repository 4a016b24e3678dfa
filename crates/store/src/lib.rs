//! Ordered tables, snapshot reads and serializable transactions on one embedded engine.
//!
//! A transaction's body runs alone, over what is durable plus what earlier bodies wrote; its writes reach readers,
//! and its caller is answered, only after the one sync of the group they belong to. Values are sealed for the place
//! they stand in. Knows no AWS service, no account and no format of a value: bytes in, bytes out.

mod compactor;
mod engine;
mod error;
mod group;
mod journals;
mod key;
mod lock;
mod manifests;
mod marker;
mod range;
mod read;
mod scan;
mod snapshot;
mod space;
mod store;
mod table;
mod transaction;
mod writer;

pub use error::{OpenError, StoreError};
pub use group::{Batch, LaterError};
pub use key::{Key, KeyReader, MalformedKey};
pub use lock::FolderLock;
pub use range::Range;
pub use read::Read;
pub use scan::Scan;
pub use snapshot::Snapshot;
pub use store::{Store, StoreOptions};
pub use table::Table;
pub use transaction::Transaction;

/// The longest key, in encoded bytes.
pub const KEY_BYTES_MAX: usize = 16 * 1_024;
/// The largest value.
pub const VALUE_BYTES_MAX: usize = 16 * 1_024 * 1_024;
/// The most that one transaction may write, keys and values together.
pub const TRANSACTION_BYTES_MAX: usize = 32 * 1_024 * 1_024;

/// Bodies of the fuzz targets, as ordinary functions that tests call too.
#[doc(hidden)]
pub mod fuzz {
    /// Whatever the bytes, a key reader ends, and what it read encodes to what it was read from.
    pub fn fuzz_key(data: &[u8]) {
        let mut reader = crate::KeyReader::new(data);
        let mut again = crate::Key::new();
        while let Ok(part) = reader.bytes() {
            again = again.bytes(&part);
        }
        assert!(data.starts_with(again.as_ref()), "decoding and encoding disagree");
    }

    /// Whatever the bytes, a batch of a journal is taken whole or not at all.
    pub fn fuzz_journal(data: &[u8]) {
        let mut rest = data;
        while let Some(_batch) = crate::journals::take_batch(&mut rest) {}
        assert!(data.ends_with(rest), "something else was left");
    }

    /// Whatever the bytes, a marker is read or refused.
    pub fn fuzz_marker(data: &[u8]) {
        let _ = crate::marker::parse(data);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hostile_bytes_are_read_or_refused(data: Vec<u8>) {
            crate::fuzz::fuzz_key(&data);
            crate::fuzz::fuzz_marker(&data);
            crate::fuzz::fuzz_journal(&data);
            crate::fuzz::fuzz_journal(&[&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2][..], &data].concat());
        }
    }

    #[test]
    fn the_seed_corpus_is_read_or_refused() {
        let seeds: [&[u8]; 6] = [b"", b"\0", b"\0\xff", b"\0\x01", b"a\0\x01b\0\xff\0\x01", &[0xff; 4_096]];
        for seed in seeds {
            crate::fuzz::fuzz_key(seed);
            crate::fuzz::fuzz_marker(seed);
        }
    }
}
