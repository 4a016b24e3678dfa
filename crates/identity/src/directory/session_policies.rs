//! The policies that narrow a session: documents that it was begun with, and managed policies that it was given.
//!
//! They allow nothing by themselves. Which of them a session has is said by its token alone.

use base::AccountId;
use policy::{NamedPolicy, PolicyKind};

use super::policies::{compile, customer_policy_name, is_arn_of};
use super::{Directory, DirectoryError, Reads, managed};
use crate::records::{ManagedPolicyRecord, keys};
use crate::session::SessionPolicy;

/// A policy that allows nothing that there is, and denies nothing.
const NOTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"fastness:Nothing","Resource":"*"}}"#;

impl Directory {
    /// The managed policy of this ARN, as a session that is given it now knows it; `None` where there is none.
    ///
    /// # Errors
    /// Where the store fails, or the policy does not compile.
    pub fn session_policy(
        &self,
        account: AccountId,
        arn: &str,
    ) -> Result<Option<SessionPolicy>, DirectoryError> {
        if managed::by_arn(arn).is_some() {
            let policy = self.managed_policy(account, arn, PolicyKind::Session)?;
            return Ok(policy.map(|_| SessionPolicy::of_aws(arn)));
        }
        let given = self
            .customer_policy(account, arn)?
            .map(|record| SessionPolicy { arn: arn.to_owned(), policy_id: Some(record.policy_id) });
        match given {
            Some(given) => Ok(self.given(account, &given)?.map(|_| given)),
            None => Ok(None),
        }
    }

    /// A session's policies, compiled. Where one that it was given is gone, they allow nothing: the words are AWS's for a session
    /// policy that does not allow.
    // SECURITY: nothing, and not what the others allow: what is gone may have been a deny, and whoever may delete policies must
    // not widen sessions that others narrowed. One made anew under its name is somebody else's word.
    pub(super) fn of_session(
        &self,
        account: AccountId,
        documents: &[String],
        given: &[SessionPolicy],
    ) -> Result<Vec<NamedPolicy>, DirectoryError> {
        let mut session = Vec::new();
        for document in documents {
            let policy = compile("session policy", document, PolicyKind::Session)?;
            session.push(NamedPolicy::new("session policy", policy));
        }
        for one in given {
            match self.given(account, one)? {
                Some(policy) => session.push(policy),
                None => return Ok(vec![nothing(&format!("{} (gone)", one.arn))?]),
            }
        }
        Ok(session)
    }

    /// The very policy that a session was given, as of now.
    fn given(
        &self,
        account: AccountId,
        given: &SessionPolicy,
    ) -> Result<Option<NamedPolicy>, DirectoryError> {
        let arn = given.arn.as_str();
        let Some(id) = &given.policy_id else {
            let policy = self.managed_policy(account, arn, PolicyKind::Session)?;
            return Ok(policy.map(|policy| NamedPolicy::new(arn, policy)));
        };
        // Compiled once for all sessions that were given it.
        let (shared, key) = (&self.0, format!("given {id} {arn}"));
        if let Some(policy) = shared.managed.get(&key, &shared.generations) {
            return Ok(Some(NamedPolicy::new(arn, policy)));
        }
        let generation = shared.generations.current(account);
        let record = self.customer_policy(account, arn)?.filter(|record| record.policy_id == *id);
        let Some(record) = record else { return Ok(None) };
        let version = record.in_force().ok_or_else(|| DirectoryError::PolicyMissing(arn.to_owned()))?;
        let policy = compile(arn, &version.document, PolicyKind::Session)?;
        shared.managed.keep(&key, account, generation, policy.clone());
        Ok(Some(NamedPolicy::new(arn, policy)))
    }

    /// The record of a customer's managed policy, as seen from `account`.
    pub(super) fn customer_policy(
        &self,
        account: AccountId,
        arn: &str,
    ) -> Result<Option<ManagedPolicyRecord>, DirectoryError> {
        let Some(name) = customer_policy_name(account, arn) else { return Ok(None) };
        let record: Option<ManagedPolicyRecord> =
            self.store().record(keys::POLICIES, &keys::named(account, name))?;
        Ok(record.filter(|record| is_arn_of(account, record, arn)))
    }
}

/// A session policy that allows nothing.
pub(super) fn nothing(name: &str) -> Result<NamedPolicy, DirectoryError> {
    Ok(NamedPolicy::new(name, compile(name, NOTHING, PolicyKind::Session)?))
}
