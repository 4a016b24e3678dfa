//! What this service alone keeps: instance profiles and server certificates.
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
/// Account, certificate name → [`ServerCertificateRecord`].
pub(crate) const SERVER_CERTIFICATES: Table = Table::new(0x0133, "server certificates");

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

/// A server certificate. The key is in clear here; the store seals every value.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerCertificateRecord {
    /// The name as it was given; unique in its account without regard to case.
    pub(crate) name: String,
    /// Begins and ends with `/`.
    pub(crate) path: String,
    /// `ASCA…`.
    #[serde(rename = "id")]
    pub(crate) certificate_id: String,
    /// PEM, as given.
    pub(crate) body: String,
    /// PEM, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) chain: Option<String>,
    /// PEM, as given. No answer holds it.
    #[serde(rename = "key")]
    pub(crate) private_key: String,
    /// When it was uploaded.
    #[serde(rename = "uploaded")]
    pub(crate) uploaded_at: Timestamp,
    /// When it ends.
    #[serde(rename = "expires")]
    pub(crate) expires_at: Timestamp,
    /// Tags, in the order in which they were set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<Tag>,
}

impl std::fmt::Debug for ServerCertificateRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerCertificateRecord").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for ServerCertificateRecord {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.private_key);
    }
}

impl Record for ServerCertificateRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "server certificate";
}

impl Tagged for ServerCertificateRecord {
    const TABLE: Table = SERVER_CERTIFICATES;

    fn load(from: &(impl Reads + ?Sized), account: AccountId, id: &str) -> Result<Self, Error> {
        let record: Option<Self> = from.record(SERVER_CERTIFICATES, &keys::named(account, id))?;
        let found = record.filter(|record| record.name == id);
        found.ok_or_else(|| {
            Error::NoSuchEntity(format!("The Server Certificate with name {id} cannot be found."))
        })
    }

    fn key(&self, account: AccountId) -> Key {
        keys::named(account, &self.name)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

/// What tags are put on besides users, roles and policies.
pub(crate) trait Tagged: Record {
    /// Where its records stand.
    const TABLE: Table;

    /// The record that a request means by this name, ARN or serial number.
    fn load(from: &(impl Reads + ?Sized), account: AccountId, id: &str) -> Result<Self, Error>;

    /// Its key.
    fn key(&self, account: AccountId) -> Key;

    /// Its tags.
    fn tags(&mut self) -> &mut Vec<Tag>;
}

impl Tagged for InstanceProfileRecord {
    const TABLE: Table = INSTANCE_PROFILES;

    fn load(from: &(impl Reads + ?Sized), account: AccountId, id: &str) -> Result<Self, Error> {
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
    fn the_stored_bytes_of_a_certificate_are_as_they_always_were() {
        let record = ServerCertificateRecord {
            name: "c".into(),
            path: "/".into(),
            certificate_id: "ASCAX".into(),
            body: "b".into(),
            chain: None,
            private_key: "hunter2".into(),
            uploaded_at: Timestamp::from_secs(1),
            expires_at: Timestamp::from_secs(2),
            tags: Vec::new(),
        };
        let bytes = record.encode().unwrap();
        assert_eq!(
            std::str::from_utf8(&bytes[1..]).unwrap(),
            r#"{"name":"c","path":"/","id":"ASCAX","body":"b","key":"hunter2","uploaded":1000,"expires":2000}"#
        );
        assert_eq!(ServerCertificateRecord::decode(&bytes).unwrap(), record);
        assert!(!format!("{record:?}").contains("hunter2"));
    }

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
