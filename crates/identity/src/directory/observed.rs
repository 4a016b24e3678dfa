//! Which accounts their organization has in observe mode, and how many roles are in it, for health: counted anew only after
//! something changed.
//!
//! It counts and names nobody: health answers strangers.

use std::collections::BTreeSet;

use base::AccountId;
use parking_lot::Mutex;
use store::{KeyReader, Range};

use super::{Directory, DirectoryError, Reads};
use crate::principal::{SERVICE_LINKED, observe_mode};
use crate::records::organization::{self, MemberRecord};
use crate::records::{Record as _, RoleRecord, keys};

/// The count, and the sum of all generations that it was counted at.
#[derive(Debug, Default)]
pub(super) struct Observed(Mutex<Option<(u64, usize)>>);

impl MemberRecord {
    /// True where the organization has all roles of the account in observe mode. It ends with the account.
    pub fn is_observed(&self) -> bool {
        self.closed_at.is_none() && observe_mode(&self.tags).unwrap_or(false)
    }
}

/// Whether the role is in observe mode, in an account that is or is not.
fn is_observed(role: &RoleRecord, by_account: bool) -> bool {
    !role.path.starts_with(SERVICE_LINKED) && observe_mode(&role.tags).unwrap_or(by_account)
}

impl Directory {
    /// True where the account puts this role in observe mode, whatever the role's own tags say.
    pub(super) fn account_observes(
        &self,
        account: AccountId,
        role: &RoleRecord,
    ) -> Result<bool, DirectoryError> {
        if role.path.starts_with(SERVICE_LINKED) {
            return Ok(false);
        }
        let key = organization::keys::member(account);
        let member: Option<MemberRecord> = self.store().record(organization::keys::MEMBERS, &key)?;
        Ok(member.is_some_and(|member| member.is_observed()))
    }

    /// The number of roles, of all accounts, that are in observe mode.
    pub fn observed_roles(&self) -> Result<usize, DirectoryError> {
        let total = self.0.generations.total();
        let mut known = self.0.observed.0.lock();
        if let Some((at, count)) = *known
            && at == total
        {
            return Ok(count);
        }
        // One frozen view: the accounts and their roles from the same moment.
        let view = self.store().snapshot()?;
        let mut accounts = BTreeSet::new();
        for (_, bytes) in view.scan(organization::keys::MEMBERS, &Range::all())? {
            let member = MemberRecord::decode(&bytes)?;
            if member.is_observed() {
                accounts.insert(member.account.to_string());
            }
        }
        let mut count = 0;
        for (key, bytes) in view.scan(keys::ROLES, &Range::all())? {
            let role = RoleRecord::decode(&bytes)?;
            let account = KeyReader::new(&key).str();
            let by_account = account.is_ok_and(|account| accounts.contains(&account));
            count += usize::from(is_observed(&role, by_account));
        }
        *known = Some((total, count));
        Ok(count)
    }
}
