//! Long-term access keys.

use std::fmt;

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Record;

/// A long-term access key. The secret is in clear here; the store seals every value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeyRecord {
    /// The account.
    pub account: AccountId,
    /// Whose key it is.
    pub owner: KeyOwner,
    /// The secret access key. The signature's check needs it; no answer but that of its creation holds it.
    pub secret: String,
    /// False where it is refused.
    pub active: bool,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
}

/// Whose key it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyOwner {
    /// The account's root user.
    Root,
    /// A user.
    User {
        /// The user's name.
        name: String,
        /// `AIDA…`: a later user of the same name is another user.
        user_id: String,
    },
}

impl fmt::Debug for AccessKeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeyRecord")
            .field("account", &self.account)
            .field("owner", &self.owner)
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

impl Drop for AccessKeyRecord {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

impl Record for AccessKeyRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "access key";
}

/// When a key was last used. Written without waiting, so that a crash may lose the latest use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastUsedRecord {
    /// When.
    pub at: Timestamp,
    /// For which service.
    pub service: String,
    /// In which region.
    pub region: String,
}

impl Record for LastUsedRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "last use of an access key";
}
