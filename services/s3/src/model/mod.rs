//! The rules of buckets and objects. No I/O, no wire.

pub(crate) mod condition;
pub(crate) mod list;
pub(crate) mod name;
pub(crate) mod range;
pub(crate) mod tags;
pub(crate) mod words;
