//! What is stored of an account's identities: accounts, users, groups, roles, managed policies, access keys,
//! passwords, second factors, identity providers.
//!
//! The directory reads these records; the `iam` service writes them. A record is one version byte and compact JSON. A
//! version that is not known is an error, never a guess. Nothing here knows an operation of any API.

mod access_key;
mod device;
mod entity;
pub mod keys;
mod login;
mod managed_policy;
pub mod organization;
mod outbound;
mod provider;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::directory::PrincipalName;

pub use access_key::{AccessKeyRecord, KeyOwner, LastUsedRecord};
pub use device::{MfaAssignment, MfaDeviceRecord};
pub use entity::{AccountRecord, Attachable, GroupRecord, InlinePolicy, RoleRecord, Tag, UserRecord};
pub use login::{LoginProfileRecord, PasswordPolicyRecord};
pub use managed_policy::{ManagedPolicyRecord, PolicyVersion};
pub use outbound::{IssuerRecord, OutboundRecord, TokenKeyRecord};
pub use provider::OidcProviderRecord;

/// A stored record.
pub trait Record: Serialize + DeserializeOwned {
    /// The version that is written.
    const VERSION: u8;
    /// For errors.
    const NAME: &'static str;

    /// How policies name it, where it can be a principal.
    fn principal(&self) -> Option<PrincipalName<'_>> {
        None
    }

    /// The stored bytes.
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = vec![Self::VERSION];
        serde_json::to_writer(&mut bytes, self).map_err(|_| RecordError { name: Self::NAME })?;
        Ok(bytes)
    }

    /// The record from its stored bytes.
    fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        match bytes.split_first() {
            Some((version, json)) if *version == Self::VERSION => {
                serde_json::from_slice(json).map_err(|_| RecordError { name: Self::NAME })
            }
            _ => Err(RecordError { name: Self::NAME }),
        }
    }
}

/// A record could not be read or written. Its content is not repeated: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored {name} is not in a form that this version reads")]
pub struct RecordError {
    /// The kind of record.
    pub name: &'static str,
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    fn golden<R: Record + PartialEq + std::fmt::Debug>(record: &R, text: &str) {
        let bytes = record.encode().unwrap();
        assert_eq!(std::str::from_utf8(&bytes[1..]).unwrap(), text, "{} as written", R::NAME);
        assert_eq!(bytes[0], R::VERSION);
        assert_eq!(&R::decode(&bytes).unwrap(), record, "{} as read", R::NAME);
        assert!(R::decode(&[]).is_err());
        assert!(R::decode(&[&[99], &bytes[1..]].concat()).is_err(), "an unknown version is refused");
        assert!(R::decode(&bytes[..bytes.len() - 1]).is_err(), "a cut record is refused");
    }

    // The stored form: a change here needs a new version and a reader for the old one.
    const AT: Timestamp = Timestamp::from_millis(1_440_938_160_000);

    #[test]
    fn the_stored_bytes_of_users_and_groups_are_as_they_always_were() {
        let at = AT;
        golden(
            &AccountRecord { alias: Some("acme".into()), ..AccountRecord::new(at) },
            r#"{"alias":"acme","created":1440938160000}"#,
        );
        golden(
            &UserRecord {
                name: "Bob".into(),
                path: "/team/".into(),
                user_id: "AIDAX".into(),
                created_at: at,
                tags: vec![("k".into(), "v".into())],
                inline: vec![InlinePolicy { name: "p".into(), document: "{}".into() }],
                attached: vec!["arn:aws:iam::aws:policy/X".into()],
                groups: vec!["g".into()],
                boundary: None,
            },
            r#"{"name":"Bob","path":"/team/","id":"AIDAX","created":1440938160000,"tags":[["k","v"]],"inline":[{"n":"p","d":"{}"}],"attached":["arn:aws:iam::aws:policy/X"],"groups":["g"]}"#,
        );
        golden(
            &GroupRecord {
                name: "g".into(),
                path: "/".into(),
                group_id: "AGPAX".into(),
                created_at: at,
                inline: vec![],
                attached: vec![],
            },
            r#"{"name":"g","path":"/","id":"AGPAX","created":1440938160000}"#,
        );
    }

    #[test]
    fn the_stored_bytes_of_roles_policies_and_keys_are_as_they_always_were() {
        let at = AT;
        golden(
            &RoleRecord {
                name: "r".into(),
                path: "/".into(),
                role_id: "AROAX".into(),
                created_at: at,
                trust: "{}".into(),
                description: Some("d".into()),
                session_secs_max: 3600,
                tags: vec![],
                inline: vec![],
                attached: vec![],
                boundary: Some("arn:b".into()),
            },
            r#"{"name":"r","path":"/","id":"AROAX","created":1440938160000,"trust":"{}","description":"d","sessionMax":3600,"boundary":"arn:b"}"#,
        );
        golden(
            &ManagedPolicyRecord {
                name: "p".into(),
                path: "/".into(),
                policy_id: "ANPAX".into(),
                description: None,
                created_at: at,
                updated_at: at,
                tags: vec![],
                default_version: 1,
                newest_version: 2,
                versions: vec![PolicyVersion { number: 1, created_at: at, document: "{}".into() }],
            },
            r#"{"name":"p","path":"/","id":"ANPAX","created":1440938160000,"updated":1440938160000,"default":1,"newest":2,"versions":[{"n":1,"c":1440938160000,"d":"{}"}]}"#,
        );
        golden(
            &AccessKeyRecord {
                account: "123456789012".parse().unwrap(),
                owner: KeyOwner::User { name: "Bob".into(), user_id: "AIDAX".into() },
                secret: "s".into(),
                active: true,
                created_at: at,
            },
            r#"{"account":"123456789012","owner":{"User":{"name":"Bob","user_id":"AIDAX"}},"secret":"s","active":true,"created":1440938160000}"#,
        );
        golden(
            &LastUsedRecord { at, service: "sts".into(), region: "us-east-1".into() },
            r#"{"at":1440938160000,"service":"sts","region":"us-east-1"}"#,
        );
    }

    #[test]
    fn a_secret_is_not_in_debug() {
        let record = AccessKeyRecord {
            account: "123456789012".parse().unwrap(),
            owner: KeyOwner::Root,
            secret: "hunter2".into(),
            active: true,
            created_at: Timestamp::default(),
        };
        assert!(!format!("{record:?}").contains("hunter2"));
    }
}
