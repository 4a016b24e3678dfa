//! An analyzer's zone of trust: its account, or its organization with all members.
//!
//! It reads who belongs together, and changes nothing. An organization is looked into only by its management account or
//! one that it named for this, and only while it trusts this service.

use std::collections::BTreeSet;

use base::AccountId;
use identity::records::Record as _;
use identity::records::organization::{MemberRecord, OrganizationRecord, keys};
use identity::{DirectoryError, Reads};
use store::Range;

use crate::records::Kind;

/// This service's name among principals.
pub(crate) const PRINCIPAL: &str = "access-analyzer.amazonaws.com";

/// Whose resources are looked at, and who is inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    pub(crate) accounts: BTreeSet<AccountId>,
    pub(crate) organization: Option<String>,
}

/// Why an organization is not looked into, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    NoOrganization,
    NotTrusted,
    NotAdministrator,
}

impl Closed {
    /// The code of an analyzer's `statusReason`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NoOrganization => "ORGANIZATION_DELETED",
            Self::NotTrusted => "AWS_SERVICE_ACCESS_DISABLED",
            Self::NotAdministrator => "DELEGATED_ADMINISTRATOR_DEREGISTERED",
        }
    }

    /// For who asks for such an analyzer.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::NoOrganization => "The account is not a member of an organization.",
            Self::NotTrusted => {
                "Trusted access for access-analyzer.amazonaws.com is not enabled in the organization."
            }
            Self::NotAdministrator => {
                "The account is neither the management account nor a delegated administrator for IAM Access Analyzer."
            }
        }
    }
}

impl Zone {
    /// Of an analyzer of this account.
    pub(crate) fn of(
        from: &(impl Reads + ?Sized),
        account: AccountId,
        kind: Kind,
    ) -> Result<Result<Self, Closed>, DirectoryError> {
        if !kind.is_organization() {
            return Ok(Ok(Self { accounts: [account].into(), organization: None }));
        }
        let member: Option<MemberRecord> = from.record(keys::MEMBERS, &keys::member(account))?;
        let Some(member) = member else { return Ok(Err(Closed::NoOrganization)) };
        let key = keys::organization(&member.organization);
        let organization: Option<OrganizationRecord> = from.record(keys::ORGANIZATIONS, &key)?;
        let Some(organization) = organization else { return Ok(Err(Closed::NoOrganization)) };
        let names = |list: &[(String, base::Timestamp)]| list.iter().any(|(name, _)| name == PRINCIPAL);
        if !names(&organization.trusted_services) {
            return Ok(Err(Closed::NotTrusted));
        }
        if organization.management != account && !names(&member.delegated) {
            return Ok(Err(Closed::NotAdministrator));
        }
        let mut accounts = BTreeSet::new();
        for (_, bytes) in from.list(keys::MEMBERS, &Range::all())? {
            let other = MemberRecord::decode(&bytes)?;
            if other.organization == organization.id {
                accounts.insert(other.account);
            }
        }
        Ok(Ok(Self { accounts, organization: Some(organization.id) }))
    }

    /// True where the account with this id is inside.
    pub(crate) fn has(&self, account: &str) -> bool {
        account.parse().is_ok_and(|account: AccountId| self.accounts.contains(&account))
    }

    /// As policies are held against it.
    pub(crate) fn trust(&self) -> analysis::access::Zone {
        analysis::access::Zone {
            accounts: self.accounts.iter().map(|account| account.as_str().to_owned()).collect(),
            organization: self.organization.clone(),
        }
    }
}
