//! What is stored: analyzers with their archive rules, what they looked at, and what they found.
//!
//! Findings are worked out again from policies at any time; what people decided about them (archived or not) is not.

pub(crate) mod jobs;

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use identity::records::Record;
use serde::{Deserialize, Serialize};
use store::{Key, Table};

/// Account, analyzer name → [`AnalyzerRecord`].
pub(crate) const ANALYZERS: Table = Table::new(0x0D01, "analyzers");
/// Analyzer id, finding id → [`FindingRecord`].
pub(crate) const FINDINGS: Table = Table::new(0x0D02, "analyzer findings");
/// Analyzer id, ARN → [`ResourceRecord`].
pub(crate) const RESOURCES: Table = Table::new(0x0D03, "analyzed resources");

/// What all analyzers of an account begin with.
pub(crate) fn analyzers_of(account: AccountId) -> Key {
    Key::new().str(account.as_str())
}

/// One analyzer.
pub(crate) fn analyzer(account: AccountId, name: &str) -> Key {
    analyzers_of(account).str(name)
}

/// What all findings, or all resources, of an analyzer begin with.
pub(crate) fn of_analyzer(id: &str) -> Key {
    Key::new().str(id)
}

/// One finding (by id), or one resource (by ARN), of an analyzer.
pub(crate) fn part(id: &str, part: &str) -> Key {
    of_analyzer(id).str(part)
}

/// What an analyzer looks for, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[serde(rename = "ACCOUNT")]
    Account,
    #[serde(rename = "ORGANIZATION")]
    Organization,
    #[serde(rename = "ACCOUNT_UNUSED_ACCESS")]
    AccountUnused,
    #[serde(rename = "ORGANIZATION_UNUSED_ACCESS")]
    OrganizationUnused,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Account, Self::Organization, Self::AccountUnused, Self::OrganizationUnused];

    /// AWS's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Organization => "ORGANIZATION",
            Self::AccountUnused => "ACCOUNT_UNUSED_ACCESS",
            Self::OrganizationUnused => "ORGANIZATION_UNUSED_ACCESS",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// True where it looks for access that nobody uses.
    pub(crate) const fn is_unused(self) -> bool {
        matches!(self, Self::AccountUnused | Self::OrganizationUnused)
    }

    /// True where its zone is an organization.
    pub(crate) const fn is_organization(self) -> bool {
        matches!(self, Self::Organization | Self::OrganizationUnused)
    }
}

/// An analyzer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnalyzerRecord {
    /// Unlike the name, never given out twice.
    pub(crate) id: String,
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    /// The token of the request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) rules: BTreeMap<String, RuleRecord>,
    /// Of analyzers of unused access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unused: Option<UnusedSettings>,
    /// The resource that was looked at last, and when.
    #[serde(rename = "last", default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_analyzed: Option<(String, Timestamp)>,
}

/// When access counts as unused, and whose is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnusedSettings {
    /// In days.
    pub(crate) age: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclusions: Vec<Exclusion>,
}

/// Users and roles that are left out: of these accounts, or with one of these sets of tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exclusion {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<BTreeMap<String, String>>,
}

/// New findings that fit are archived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleRecord {
    pub(crate) filter: Filter,
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    #[serde(rename = "updated")]
    pub(crate) updated_at: Timestamp,
}

/// Criteria by key; all must hold.
pub(crate) type Filter = BTreeMap<String, Criterion>;

/// What a property must be; all that are given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Criterion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eq: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) neq: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) contains: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exists: Option<bool>,
}

/// Where a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    #[serde(rename = "ACTIVE")]
    Active,
    #[serde(rename = "ARCHIVED")]
    Archived,
    #[serde(rename = "RESOLVED")]
    Resolved,
}

impl Status {
    /// AWS's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Archived => "ARCHIVED",
            Self::Resolved => "RESOLVED",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FindingRecord {
    pub(crate) id: String,
    /// The ARN of what it is about.
    pub(crate) resource: String,
    /// `AWS::S3::Bucket`
    #[serde(rename = "type")]
    pub(crate) resource_type: String,
    /// The resource's account.
    pub(crate) owner: String,
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    #[serde(rename = "analyzed")]
    pub(crate) analyzed_at: Timestamp,
    #[serde(rename = "updated")]
    pub(crate) updated_at: Timestamp,
    pub(crate) status: Status,
    /// Why the resource could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) details: Details,
}

/// What was found, by type of finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Details {
    /// A principal outside the zone of trust is let in.
    External(External),
    /// A role that nobody assumed.
    Role { last: Option<Timestamp> },
    /// An access key that signed nothing.
    AccessKey { id: String, last: Option<Timestamp> },
    /// A password with which nobody came in.
    Password { last: Option<Timestamp> },
    /// Permissions of which no use was made, by service.
    Permissions { services: Vec<UnusedService> },
}

/// A service, or some of its actions, that is granted and not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UnusedService {
    /// `dynamodb`
    pub(crate) namespace: String,
    /// The last use of anything of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Timestamp>,
    /// The actions that are not used, with their last use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<(String, Option<Timestamp>)>,
}

/// Who is let in to what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct External {
    /// `AWS`, `Federated`, `CanonicalUser`; empty where the policy could not be read.
    pub(crate) kind: String,
    pub(crate) principal: String,
    pub(crate) actions: Vec<String>,
    pub(crate) conditions: BTreeMap<String, String>,
    pub(crate) public: bool,
    /// `NOT_APPLICABLE` or `APPLICABLE`
    pub(crate) rcp: String,
}

impl Details {
    /// AWS's name of the type of finding.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::External(_) => "ExternalAccess",
            Self::Role { .. } => "UnusedIAMRole",
            Self::AccessKey { .. } => "UnusedIAMUserAccessKey",
            Self::Password { .. } => "UnusedIAMUserPassword",
            Self::Permissions { .. } => "UnusedPermission",
        }
    }

    /// What tells a finding from others about the same resource, for as long as it is the same finding.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::External(external) => {
                format!("{} {} {:?}", external.kind, external.principal, external.conditions)
            }
            Self::AccessKey { id, .. } => format!("{} {id}", self.name()),
            _ => self.name().to_owned(),
        }
    }

    /// What external access is about.
    pub(crate) const fn external(&self) -> Option<&External> {
        match self {
            Self::External(external) => Some(external),
            _ => None,
        }
    }
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResourceRecord {
    pub(crate) arn: String,
    #[serde(rename = "type")]
    pub(crate) resource_type: String,
    pub(crate) owner: String,
    #[serde(rename = "created")]
    pub(crate) created_at: Timestamp,
    #[serde(rename = "analyzed")]
    pub(crate) analyzed_at: Timestamp,
    #[serde(rename = "updated")]
    pub(crate) updated_at: Timestamp,
    pub(crate) public: bool,
    /// What outsiders may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) actions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
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
    AnalyzerRecord, "analyzer";
    FindingRecord, "finding";
    ResourceRecord, "analyzed resource";
}

#[cfg(test)]
mod tests;
