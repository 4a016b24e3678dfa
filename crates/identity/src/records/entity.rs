//! Accounts, users, groups and roles.

use base::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::directory::{PrincipalName, PrincipalRecordKind};

/// A tag's key and value.
pub type Tag = (String, String);

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The account's alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// The version of the session tokens of the global endpoint, where it was ever set. All tokens here are good everywhere.
    #[serde(rename = "tokens", default, skip_serializing_if = "Option::is_none")]
    pub token_version: Option<u8>,
    /// When its organization closed it: nobody of it, and nothing in it, is let in or out from then on.
    #[serde(rename = "closed", default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The region that the platform stood for when it was first started with this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

impl AccountRecord {
    /// An account without an alias.
    pub const fn new(created_at: Timestamp) -> Self {
        Self { alias: None, created_at, token_version: None, closed_at: None, region: None }
    }
}

/// A policy that is embedded in a user, group or role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// Unique within its owner.
    #[serde(rename = "n")]
    pub name: String,
    /// The document as it was given.
    #[serde(rename = "d")]
    pub document: String,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// `AIDA…`.
    #[serde(rename = "id")]
    pub user_id: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Inline policies, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached managed policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
    /// Names of the groups it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The ARN of its permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// `AGPA…`.
    #[serde(rename = "id")]
    pub group_id: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// Inline policies, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached managed policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// `AROA…`.
    #[serde(rename = "id")]
    pub role_id: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// The trust policy's document: who may assume the role.
    pub trust: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The longest session, in seconds.
    #[serde(rename = "sessionMax")]
    pub session_secs_max: i64,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Inline policies, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<InlinePolicy>,
    /// ARNs of attached managed policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
    /// The ARN of its permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

/// What policies are attached to: a user, a group or a role.
pub trait Attachable: Record {
    /// Inline policies.
    fn inline(&mut self) -> &mut Vec<InlinePolicy>;
    /// ARNs of attached managed policies.
    fn attached(&mut self) -> &mut Vec<String>;
}

macro_rules! records {
    ($($record:ty, $name:literal $(, $kind:ident, $id:ident)?;)*) => {$(
        impl Record for $record {
            const VERSION: u8 = 1;
            const NAME: &'static str = $name;

            $(fn principal(&self) -> Option<PrincipalName<'_>> {
                Some(PrincipalName { kind: PrincipalRecordKind::$kind, id: &self.$id, name: &self.name })
            })?
        }
    )*};
}

records! {
    AccountRecord, "account";
    UserRecord, "user", User, user_id;
    GroupRecord, "group";
    RoleRecord, "role", Role, role_id;
}

macro_rules! attachables {
    ($($record:ty)*) => {$(
        impl Attachable for $record {
            fn inline(&mut self) -> &mut Vec<InlinePolicy> {
                &mut self.inline
            }

            fn attached(&mut self) -> &mut Vec<String> {
                &mut self.attached
            }
        }
    )*};
}

attachables!(UserRecord GroupRecord RoleRecord);
