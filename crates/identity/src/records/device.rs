//! Second factors: devices that make one-time codes.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Record, Tag};
use crate::totp::Progress;

/// A virtual device. The seed is in clear here; the store seals every value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaDeviceRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// What codes are made from, in base32. Told once, in the answer that makes the device.
    pub seed: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Whose it is, where it is enabled.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<MfaAssignment>,
}

/// An enabled device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MfaAssignment {
    /// `AIDA…` of the user.
    #[serde(rename = "id")]
    pub user_id: String,
    /// When it was enabled.
    #[serde(rename = "at")]
    pub enabled_at: Timestamp,
    /// How its clock goes, and which codes are used up.
    #[serde(rename = "p")]
    pub progress: Progress,
}

impl fmt::Debug for MfaDeviceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MfaDeviceRecord")
            .field("name", &self.name)
            .field("assignment", &self.assignment)
            .finish_non_exhaustive()
    }
}

impl Drop for MfaDeviceRecord {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.seed);
    }
}

impl Record for MfaDeviceRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "second factor";
}
