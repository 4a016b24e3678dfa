//! What principals carry of their user's or role's record: its tags, and whether its account is in observe mode.
//!
//! Whoever shows credentials carries it as of now. Services keep principals, or make them: they carry what was, or nothing,
//! until [`Directory::renewed`].

use std::sync::Arc;

use base::AccountId;

use super::{Directory, DirectoryError, Reads};
use crate::principal::{AssumedRole, FederatedUser, Principal, PrincipalTags, User};
use crate::records::{RoleRecord, UserRecord, keys};

/// What is of the record and of no session. Of whoever is gone it is nothing, and he is denied everything.
#[derive(Debug, Default)]
pub(super) struct OwnPart {
    tags: PrincipalTags,
    observed_by_account: bool,
}

impl OwnPart {
    pub(super) fn put(&self, role: &mut AssumedRole) {
        role.role_tags.clone_from(&self.tags);
        role.observed_by_account = self.observed_by_account;
    }

    fn is_of(&self, role: &AssumedRole) -> bool {
        role.role_tags == self.tags && role.observed_by_account == self.observed_by_account
    }
}

impl Directory {
    /// The same principal with its own tags, and in observe mode or not, as of now. What a session brought stays.
    pub fn renewed(&self, principal: &Arc<Principal>) -> Result<Arc<Principal>, DirectoryError> {
        let renewed = match &**principal {
            Principal::AssumedRole(role) => self.renewed_role(role)?.map(Principal::AssumedRole),
            Principal::User(user) => self.renewed_user(user)?.map(Principal::User),
            Principal::FederatedUser(user) => self.renewed_federated(user)?.map(Principal::FederatedUser),
            Principal::Root(_) | Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => {
                None
            }
        };
        Ok(renewed.map_or_else(|| Arc::clone(principal), Arc::new))
    }

    /// `None`, here and below, where it carries what is.
    fn renewed_role(&self, role: &AssumedRole) -> Result<Option<AssumedRole>, DirectoryError> {
        let own = self.own_part_of_role(role)?;
        Ok((!own.is_of(role)).then(|| {
            let mut role = role.clone();
            own.put(&mut role);
            role
        }))
    }

    /// Its tags are those of the user who lends it his rights.
    fn renewed_federated(&self, user: &FederatedUser) -> Result<Option<FederatedUser>, DirectoryError> {
        let Some(lender) = user.lender.as_deref() else { return Ok(None) };
        Ok(self.renewed_user(lender)?.map(|lender| {
            let mut user = user.clone();
            user.lender = Some(Box::new(lender));
            user
        }))
    }

    fn renewed_user(&self, user: &User) -> Result<Option<User>, DirectoryError> {
        let own = self.own_part(user.account, &user.user_id, || {
            let key = keys::named(user.account, &user.name);
            let record = self.0.store.record::<UserRecord>(keys::USERS, &key)?;
            let tags = record.filter(|record| record.user_id == user.user_id).map(|record| record.tags);
            Ok(OwnPart { tags: tags.unwrap_or_default(), observed_by_account: false })
        })?;
        Ok((own.tags != user.tags).then(|| {
            let mut user = user.clone();
            user.tags.clone_from(&own.tags);
            user
        }))
    }

    fn own_part_of_role(&self, role: &AssumedRole) -> Result<Arc<OwnPart>, DirectoryError> {
        self.own_part(role.account, &role.role_id, || {
            let key = keys::named(role.account, &role.role_name);
            let record = self.0.store.record::<RoleRecord>(keys::ROLES, &key)?;
            match record.filter(|record| record.role_id == role.role_id) {
                Some(record) => self.read_own_part(role.account, record),
                None => Ok(OwnPart::default()),
            }
        })
    }

    /// Of a role's record, as its sessions carry it.
    pub(super) fn read_own_part(
        &self,
        account: AccountId,
        record: RoleRecord,
    ) -> Result<OwnPart, DirectoryError> {
        let observed_by_account = self.account_observes(account, &record)?;
        Ok(OwnPart { tags: record.tags, observed_by_account })
    }

    fn own_part(
        &self,
        account: AccountId,
        unique_id: &str,
        read: impl FnOnce() -> Result<OwnPart, DirectoryError>,
    ) -> Result<Arc<OwnPart>, DirectoryError> {
        let shared = &self.0;
        if let Some(own) = shared.own_parts.get(unique_id, &shared.generations) {
            return Ok(own);
        }
        // SECURITY: the generation is read before what it stands for, so that a change in between is noticed.
        let generation = shared.generations.current(account);
        let own = Arc::new(read()?);
        // SECURITY: without an id of its own a principal is not told from another; it is looked up each time.
        if !unique_id.is_empty() {
            shared.own_parts.keep(unique_id, account, generation, Arc::clone(&own));
        }
        Ok(own)
    }
}
