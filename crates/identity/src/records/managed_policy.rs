//! Customer managed policies and their versions.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Record, Tag};

/// A customer managed policy with all of its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedPolicyRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// `ANPA…`.
    #[serde(rename = "id")]
    pub policy_id: String,
    /// Free text; cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// When a version was last made, or the default changed.
    #[serde(rename = "updated")]
    pub updated_at: Timestamp,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The version that is in force.
    #[serde(rename = "default")]
    pub default_version: u64,
    /// The number that was given last; numbers are never given twice.
    #[serde(rename = "newest")]
    pub newest_version: u64,
    /// The versions there are, oldest first.
    pub versions: Vec<PolicyVersion>,
}

/// One version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// The `1` of `v1`.
    #[serde(rename = "n")]
    pub number: u64,
    /// When it was made.
    #[serde(rename = "c")]
    pub created_at: Timestamp,
    /// The document as it was given.
    #[serde(rename = "d")]
    pub document: String,
}

impl ManagedPolicyRecord {
    /// The version that is in force.
    pub fn in_force(&self) -> Option<&PolicyVersion> {
        self.version(self.default_version)
    }

    /// The version with this number.
    pub fn version(&self, number: u64) -> Option<&PolicyVersion> {
        self.versions.iter().find(|version| version.number == number)
    }
}

impl Record for ManagedPolicyRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "managed policy";
}
