//! What objects say: received piece by piece, kept sealed, read in ranges. Never whole in memory, but for what is small.
//!
//! Small content stands in the store and becomes durable with its record; larger content has a file of its own, which is
//! synced before its record is written. Knows no bucket and no key.

pub(crate) mod file;
mod read;
mod receive;

pub(crate) use file::{Files, Hold};
pub(crate) use read::{Held, Piece, Source, read};
pub(crate) use receive::{Received, Wanted, bad_value, receive};

/// Content up to this size stands in the store.
pub(crate) const INLINE_BYTES_MAX: usize = 64 * 1024;
