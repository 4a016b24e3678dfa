//! The rules of the domain.
//!
//! No I/O, no async, no wire.

pub(crate) mod filter;
pub(crate) mod name;
pub(crate) mod value;

pub(crate) use name::{Reference, Selector};

/// The most parameters of an account in a region. <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
pub(crate) const PARAMETERS_MAX: u64 = 10_000;
/// The most versions of a parameter.
pub(crate) const VERSIONS_MAX: u64 = 100;
/// The most labels of a version.
pub(crate) const LABELS_MAX: usize = 10;
/// The most tags of a parameter.
pub(crate) const TAGS_MAX: usize = 50;
