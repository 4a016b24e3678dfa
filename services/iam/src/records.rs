//! What this service alone keeps: instance profiles.
//!
//! What decides about calls is kept by `identity`, which reads it at every call.

use base::{AccountId, Timestamp};
use identity::Reads;
use identity::records::{Record, Tag, keys};
use serde::{Deserialize, Serialize};
use store::{Key, Table};

use crate::Error;

/// Account, profile name → [`InstanceProfileRecord`].
pub(crate) const INSTANCE_PROFILES: Table = Table::new(0x0130, "instance profiles");

/// A role in the wrapping that virtual machines ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InstanceProfileRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub(crate) name: String,
    /// Begins and ends with `/`.
    pub(crate) path: String,
    /// `AIPA…`.
    #[serde(rename = "id")]
    pub(crate) profile_id: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    /// The role's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Tag>,
}

impl Record for InstanceProfileRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "instance profile";
}

/// What tags are put on besides users, roles and policies.
pub(crate) trait Tagged: Record {
    /// Where its records stand.
    const TABLE: Table;

    /// The record that a request means by this name, ARN or serial number.
    fn load(from: &impl Reads, account: AccountId, id: &str) -> Result<Self, Error>;

    /// Its key.
    fn key(&self, account: AccountId) -> Key;

    /// Its tags.
    fn tags(&mut self) -> &mut Vec<Tag>;
}

impl Tagged for InstanceProfileRecord {
    const TABLE: Table = INSTANCE_PROFILES;

    fn load(from: &impl Reads, account: AccountId, id: &str) -> Result<Self, Error> {
        let record: Option<Self> = from.record(INSTANCE_PROFILES, &keys::named(account, id))?;
        let found = record.filter(|record| record.name == id);
        found.ok_or_else(|| Error::NoSuchEntity(format!("Instance Profile {id} cannot be found.")))
    }

    fn key(&self, account: AccountId) -> Key {
        keys::named(account, &self.name)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let record = InstanceProfileRecord {
            name: "p".into(),
            path: "/".into(),
            profile_id: "AIPAX".into(),
            created_at: Timestamp::from_secs(1),
            role: Some("r".into()),
            tags: Vec::new(),
        };
        let bytes = record.encode().unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes[1..]).unwrap(),
            r#"{"name":"p","path":"/","id":"AIPAX","created":1000,"role":"r"}"#
        );
        assert_eq!(InstanceProfileRecord::decode(&bytes).unwrap(), record);
    }
}
