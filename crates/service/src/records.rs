//! The stored form of records: JSON.

use serde::{Deserialize, Serialize};

use crate::error::Internal;

/// A record's stored form.
///
/// # Errors
/// It has no form in JSON.
pub fn encode(record: &impl Serialize) -> Result<Vec<u8>, Internal> {
    serde_json::to_vec(record).map_err(Internal::new)
}

/// A record from its stored form.
///
/// # Errors
/// It is none: damaged, or of a later version of the platform.
pub fn decode<'a, T: Deserialize<'a>>(stored: &'a [u8]) -> Result<T, Internal> {
    serde_json::from_slice(stored).map_err(Internal::new)
}
