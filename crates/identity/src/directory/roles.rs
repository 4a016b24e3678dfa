//! Roles: found by ARN, and their trust policies.
//!
//! Nothing here asks a trust policy, or gives out credentials: that is the pipeline's.

use base::{AccountId, Arn};
use policy::{Policy, PolicyKind};

use super::{Directory, DirectoryError, Reads};
use crate::principal::entity_arn;
use crate::records::{RoleRecord, UserRecord, keys};

/// A role's ARN, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleName {
    /// The role's account.
    pub account: AccountId,
    /// Begins and ends with `/`.
    pub path: String,
    /// The role's name.
    pub name: String,
}

impl RoleName {
    /// From `arn:aws:iam::123456789012:role/path/name`.
    pub fn parse(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok()?;
        let resource = arn.resource.strip_prefix("role/")?;
        let (path, name) = resource.rsplit_once('/').unwrap_or(("", resource));
        let is_role = arn.partition == base::PARTITION && arn.service == "iam" && arn.region.is_empty();
        if !is_role || name.is_empty() {
            return None;
        }
        let path = if path.is_empty() { "/".to_owned() } else { format!("/{path}/") };
        Some(Self { account: arn.account.parse().ok()?, path, name: name.to_owned() })
    }
}

impl Directory {
    /// The user of this name, without regard to case.
    pub fn user(&self, account: AccountId, name: &str) -> Result<Option<UserRecord>, DirectoryError> {
        self.0.store.record(keys::USERS, &keys::named(account, name))
    }

    /// The role of this name, without regard to case.
    pub fn role(&self, account: AccountId, name: &str) -> Result<Option<RoleRecord>, DirectoryError> {
        self.0.store.record(keys::ROLES, &keys::named(account, name))
    }

    /// The role with exactly this ARN, as these records have it.
    pub fn role_in(
        from: &(impl Reads + ?Sized),
        arn: &str,
    ) -> Result<Option<(AccountId, RoleRecord)>, DirectoryError> {
        let Some(RoleName { account, name, .. }) = RoleName::parse(arn) else { return Ok(None) };
        let record: Option<RoleRecord> = from.record(keys::ROLES, &keys::named(account, &name))?;
        Ok(record
            .filter(|record| entity_arn(account, "role", &record.path, &record.name) == arn)
            .map(|record| (account, record)))
    }

    /// The role with exactly this ARN.
    pub fn role_by_arn(&self, arn: &str) -> Result<Option<(AccountId, RoleRecord)>, DirectoryError> {
        Self::role_in(&self.0.store, arn)
    }

    /// A role's compiled trust policy.
    pub fn trust_policy(&self, role: &RoleRecord) -> Result<Policy, DirectoryError> {
        Policy::parse(&role.trust, PolicyKind::Trust).map_err(|source| DirectoryError::Policy {
            name: format!("trust policy of {}", role.name),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_are_taken_apart() {
        let name = RoleName::parse("arn:aws:iam::123456789012:role/app/eu/orders").unwrap();
        assert_eq!((name.path.as_str(), name.name.as_str()), ("/app/eu/", "orders"));
        assert_eq!(RoleName::parse("arn:aws:iam::123456789012:role/orders").unwrap().path, "/");
        for bad in [
            "",
            "orders",
            "arn:aws:iam::123456789012:user/bob",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12:role/x",
            "arn:aws:sts::123456789012:role/x",
            "arn:aws-cn:iam::123456789012:role/x",
            "arn:aws:iam:us-east-1:123456789012:role/x",
        ] {
            assert_eq!(RoleName::parse(bad), None, "{bad}");
        }
    }
}
