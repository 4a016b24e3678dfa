//! Passwords of users, and what an account asks of them.

use std::fmt;

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;

/// A user's password, as a hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginProfileRecord {
    /// When the profile was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// When the password was last set.
    #[serde(rename = "changed")]
    pub changed_at: Timestamp,
    /// The Argon2id hash, with its parameters.
    pub hash: String,
    /// True where the user must choose another at the next sign-in.
    #[serde(rename = "reset", default)]
    pub reset_required: bool,
    /// Hashes of earlier passwords, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

impl fmt::Debug for LoginProfileRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginProfileRecord")
            .field("created_at", &self.created_at)
            .field("reset_required", &self.reset_required)
            .finish_non_exhaustive()
    }
}

impl Record for LoginProfileRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "login profile";
}

/// What an account asks of passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "AWS's own switches")]
pub struct PasswordPolicyRecord {
    /// In characters.
    #[serde(rename = "min")]
    pub length_min: usize,
    /// One of `! @ # $ % ^ & * ( ) _ + - = [ ] { } | '`.
    #[serde(default)]
    pub symbols: bool,
    /// One digit.
    #[serde(default)]
    pub numbers: bool,
    /// One upper-case letter.
    #[serde(default)]
    pub uppercase: bool,
    /// One lower-case letter.
    #[serde(default)]
    pub lowercase: bool,
    /// Whether users may change their own.
    #[serde(rename = "own", default)]
    pub users_may_change: bool,
    /// After how many days a password expires; `None` for never.
    #[serde(rename = "days", default, skip_serializing_if = "Option::is_none")]
    pub days_max: Option<i64>,
    /// How many earlier passwords must not come again.
    #[serde(rename = "reuse", default, skip_serializing_if = "Option::is_none")]
    pub reuse_prevention: Option<usize>,
    /// Whether an expired password can be changed by an administrator only.
    #[serde(rename = "hard", default)]
    pub hard_expiry: bool,
}

impl Record for PasswordPolicyRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "password policy";
}
