//! Organizations: the tree, its members, and the policies that bind them.
//!
//! Control policies are kept as they were given; what they mean for an account is worked out by the directory.

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Record;
use super::entity::Tag;

/// The control policy that AWS attaches to everything: without it (or another that allows) an account may do nothing.
pub const FULL_ACCESS: &str = "p-FullAWSAccess";
/// Its sister for resources. It cannot be detached.
pub const RESOURCE_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// The kinds of control policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlKind {
    /// Limits what a member's principals may do.
    #[serde(rename = "SERVICE_CONTROL_POLICY")]
    Service,
    /// Limits what may be done with a member's resources.
    #[serde(rename = "RESOURCE_CONTROL_POLICY")]
    Resource,
}

impl ControlKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Service, Self::Resource];

    /// AWS's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "SERVICE_CONTROL_POLICY",
            Self::Resource => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// The policy of this kind that allows everything, and is attached wherever the kind is enabled.
    pub const fn full_access(self) -> &'static str {
        match self {
            Self::Service => FULL_ACCESS,
            Self::Resource => RESOURCE_FULL_ACCESS,
        }
    }

    /// The kind of AWS's own policy with this id.
    pub fn of_aws_policy(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.full_access() == id)
    }
}

/// What an organization's administrators may do in the place of its members' root users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RootFeature {
    /// See, make and delete their credentials.
    #[serde(rename = "RootCredentialsManagement")]
    CredentialsManagement,
    /// Take away policies that lock everybody out.
    #[serde(rename = "RootSessions")]
    Sessions,
}

impl RootFeature {
    /// AWS's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CredentialsManagement => "RootCredentialsManagement",
            Self::Sessions => "RootSessions",
        }
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRecord {
    /// `o-…`
    pub id: String,
    /// The account that made it. No control policy binds it.
    pub management: AccountId,
    /// `r-…`: the top of the tree.
    pub root: String,
    /// When it was made.
    #[serde(rename = "created")]
    pub created_at: Timestamp,
    /// The kinds of control policies that are in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enabled: Vec<ControlKind>,
    /// The services that may act in all members, and since when.
    #[serde(rename = "services", default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_services: Vec<(String, Timestamp)>,
    /// What may be done in the place of members' root users, in AWS's order.
    #[serde(rename = "rootFeatures", default, skip_serializing_if = "Vec::is_empty")]
    pub root_features: Vec<RootFeature>,
}

/// The root or an organizational unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// `r-…` or `ou-…`
    pub id: String,
    /// What it hangs below; `None` for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Unique below its parent.
    pub name: String,
    /// The ids of attached control policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// An account's membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// The account.
    pub account: AccountId,
    /// The organization.
    #[serde(rename = "org")]
    pub organization: String,
    /// What it hangs below.
    pub parent: String,
    /// The account's name.
    pub name: String,
    /// The address of its owner.
    pub email: String,
    /// When it became a member.
    #[serde(rename = "joined")]
    pub joined_at: Timestamp,
    /// True where the organization made it.
    pub created: bool,
    /// The ids of attached control policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The services that it administers for the organization, and since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated: Vec<(String, Timestamp)>,
    /// When the organization closed it.
    #[serde(rename = "closed", default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// A control policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlPolicyRecord {
    /// `p-…`
    pub id: String,
    /// Unique in its organization among those of its kind.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What it limits.
    pub kind: ControlKind,
    /// The document as it was given.
    pub document: String,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl ControlPolicyRecord {
    /// The ARN of a control policy, AWS's own ones among them.
    pub fn arn(organization: &OrganizationRecord, kind: ControlKind, id: &str) -> String {
        let name = kind.name().to_ascii_lowercase();
        if ControlKind::of_aws_policy(id).is_some() {
            return format!("arn:aws:organizations::aws:policy/{name}/{id}");
        }
        format!("arn:aws:organizations::{}:policy/{}/{name}/{id}", organization.management, organization.id)
    }
}

/// How the making of an account went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationRecord {
    /// `car-…`
    pub id: String,
    /// The name that was asked for.
    pub name: String,
    /// The account; `None` where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When it was asked for, and done or given up.
    #[serde(rename = "at")]
    pub requested_at: Timestamp,
    /// Why it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

macro_rules! records {
    ($($record:ty, $name:literal;)*) => {$(
        impl Record for $record {
            const VERSION: u8 = 1;
            const NAME: &'static str = $name;
        }
    )*};
}

records! {
    OrganizationRecord, "organization";
    UnitRecord, "organizational unit";
    MemberRecord, "membership";
    ControlPolicyRecord, "control policy";
    CreationRecord, "creation of an account";
}

/// Where they stand in the store.
pub mod keys {
    use base::AccountId;
    use store::{Key, Table};

    /// Organization id → [`super::OrganizationRecord`].
    pub const ORGANIZATIONS: Table = Table::new(0x0C01, "organizations");
    /// Organization id, unit id → [`super::UnitRecord`].
    pub const UNITS: Table = Table::new(0x0C02, "organizational units");
    /// Account → [`super::MemberRecord`].
    pub const MEMBERS: Table = Table::new(0x0C03, "memberships");
    /// Organization id, policy id → [`super::ControlPolicyRecord`].
    pub const CONTROL_POLICIES: Table = Table::new(0x0C05, "control policies");
    /// Organization id, creation id → [`super::CreationRecord`].
    pub const CREATIONS: Table = Table::new(0x0C06, "creations of accounts");

    /// The key of an organization's own record, and what all of its parts begin with.
    pub fn organization(id: &str) -> Key {
        Key::new().str(id)
    }

    /// The key of a part of an organization: a unit, a policy, a creation.
    pub fn part(organization: &str, id: &str) -> Key {
        Key::new().str(organization).str(id)
    }

    /// The key of a membership.
    pub fn member(account: AccountId) -> Key {
        Key::new().str(account.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The stored form: a change here needs a new version and a reader for the old one.
    #[test]
    fn the_stored_bytes_are_as_they_always_were() {
        let at = Timestamp::from_millis(1_440_938_160_000);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes[1..].to_vec()).unwrap();
        let organization = OrganizationRecord {
            id: "o-abcdefghij".into(),
            management: "123456789012".parse().unwrap(),
            root: "r-ab12".into(),
            created_at: at,
            enabled: vec![ControlKind::Service],
            trusted_services: vec![("sso.amazonaws.com".into(), at)],
            root_features: vec![RootFeature::CredentialsManagement, RootFeature::Sessions],
        };
        assert_eq!(
            text(organization.encode().unwrap()),
            r#"{"id":"o-abcdefghij","management":"123456789012","root":"r-ab12","created":1440938160000,"enabled":["SERVICE_CONTROL_POLICY"],"services":[["sso.amazonaws.com",1440938160000]],"rootFeatures":["RootCredentialsManagement","RootSessions"]}"#
        );
        let member = MemberRecord {
            account: "210987654321".parse().unwrap(),
            organization: "o-abcdefghij".into(),
            parent: "r-ab12".into(),
            name: "dev".into(),
            email: "dev@example.com".into(),
            joined_at: at,
            created: true,
            policies: vec![FULL_ACCESS.into()],
            tags: vec![],
            delegated: vec![],
            closed_at: None,
        };
        assert_eq!(
            text(member.encode().unwrap()),
            r#"{"account":"210987654321","org":"o-abcdefghij","parent":"r-ab12","name":"dev","email":"dev@example.com","joined":1440938160000,"created":true,"policies":["p-FullAWSAccess"]}"#
        );
        let policy = ControlPolicyRecord {
            id: "p-x".into(),
            name: "n".into(),
            description: String::new(),
            kind: ControlKind::Resource,
            document: "{}".into(),
            tags: vec![("k".into(), "v".into())],
        };
        assert_eq!(
            text(policy.encode().unwrap()),
            r#"{"id":"p-x","name":"n","description":"","kind":"RESOURCE_CONTROL_POLICY","document":"{}","tags":[["k","v"]]}"#
        );
        assert_eq!(ControlPolicyRecord::decode(&policy.encode().unwrap()).unwrap(), policy);
    }
}
