//! Secrets for signature checks: of long-term keys from the store, of sessions from their tokens.
//!
//! A key is as good as its owner: the user or role must still exist under the same unique id.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use base::{AccountId, SecretString, Timestamp};

use super::{Directory, DirectoryError, Reads, named};
use crate::principal::{AssumedRole, AssumedRoot, FederatedUser, Principal, Root, SessionOfKey, User};
use crate::records::{
    AccessKeyRecord, AccountRecord, KeyOwner, LastUsedRecord, RoleRecord, UserRecord, keys,
};
use crate::session::{FederatedSession, RoleSession, RootSession, Session, Subject, TokenError};
use crate::sigv4::{Credential, CredentialError, CredentialSource};

/// A cached credential.
#[derive(Clone, Debug)]
pub(super) struct Known {
    credential: Credential,
    session: Option<Arc<KnownSession>>,
    noted_at: Arc<AtomicI64>,
}

#[derive(Debug)]
struct KnownSession {
    token: SecretString,
    expires_at: Timestamp,
}

impl CredentialSource for Directory {
    fn credential(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<Credential, CredentialError> {
        match session_token {
            None => self.long_term(access_key_id),
            Some(token) => self.temporary(access_key_id, token, now),
        }
    }

    fn used(&self, access_key_id: &str, service: &str, region: &str, now: Timestamp) {
        let shared = &self.0;
        let Some(known) = shared.credentials.get(access_key_id, &shared.generations) else { return };
        if known.session.is_none() {
            let used = LastUsedRecord { at: now, service: service.to_owned(), region: region.to_owned() };
            self.note_key(&known.noted_at, access_key_id, &used);
        }
    }
}

// SECURITY: the caller learns only that we cannot answer; why is for the operator, through the store's own health.
fn unavailable(_: DirectoryError) -> CredentialError {
    CredentialError::Unavailable
}

impl Directory {
    fn long_term(&self, access_key_id: &str) -> Result<Credential, CredentialError> {
        let shared = &self.0;
        if let Some(known) = shared.credentials.get(access_key_id, &shared.generations)
            && known.session.is_none()
        {
            return Ok(known.credential);
        }
        let key = keys::access_key(access_key_id);
        let read = || shared.store.record::<AccessKeyRecord>(keys::ACCESS_KEYS, &key).map_err(unavailable);
        let account = read()?.ok_or(CredentialError::Unknown)?.account;
        // SECURITY: the generation is read before what it stands for, so that a change in between is noticed.
        let generation = shared.generations.current(account);
        let record = read()?.filter(|record| record.active).ok_or(CredentialError::Unknown)?;
        if self.account_closed(account).map_err(unavailable)? {
            return Err(CredentialError::Unknown);
        }
        let principal = match &record.owner {
            KeyOwner::Root => Principal::Root(Root::new(account, access_key_id)),
            KeyOwner::User { name, user_id } => Principal::User(
                self.user_principal(account, name, user_id, access_key_id)
                    .map_err(unavailable)?
                    .ok_or(CredentialError::Unknown)?,
            ),
        };
        let credential = Credential {
            secret: Arc::new(SecretString::new(record.secret.as_str())),
            principal: Arc::new(principal),
        };
        let known = Known { credential: credential.clone(), session: None, noted_at: Arc::default() };
        shared.credentials.keep(access_key_id, account, generation, known);
        Ok(credential)
    }

    fn temporary(
        &self,
        access_key_id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Credential, CredentialError> {
        let shared = &self.0;
        if let Some(Known { credential, session: Some(session), .. }) =
            shared.credentials.get(access_key_id, &shared.generations)
            && crypto::constant_time_eq(session.token.expose().as_bytes(), token.as_bytes())
        {
            return if now < session.expires_at {
                Ok(credential)
            } else {
                Err(CredentialError::ExpiredToken)
            };
        }
        let (session, secret) =
            shared.tokens.open(access_key_id, token, now).map_err(|error| match error {
                TokenError::Invalid => CredentialError::InvalidToken,
                TokenError::Expired => CredentialError::ExpiredToken,
            })?;
        let generation = shared.generations.current(session.account);
        if self.account_closed(session.account).map_err(unavailable)? {
            return Err(CredentialError::InvalidToken);
        }
        let principal = self
            .session_principal(&session, access_key_id)
            .map_err(unavailable)?
            .ok_or(CredentialError::InvalidToken)?;
        let credential = Credential { secret: Arc::new(secret), principal: Arc::new(principal) };
        let known = Known {
            credential: credential.clone(),
            session: Some(Arc::new(KnownSession {
                token: SecretString::new(token),
                expires_at: session.expires_at,
            })),
            noted_at: Arc::default(),
        };
        shared.credentials.keep(access_key_id, session.account, generation, known);
        Ok(credential)
    }

    /// The user of this name, if it is still the same user.
    fn user_principal(
        &self,
        account: AccountId,
        name: &str,
        user_id: &str,
        access_key_id: &str,
    ) -> Result<Option<User>, DirectoryError> {
        let record = self.0.store.record::<UserRecord>(keys::USERS, &keys::named(account, name))?;
        Ok(record.filter(|record| record.user_id == user_id).map(|record| {
            let mut user = User::new(account, record.path, record.name, record.user_id, access_key_id);
            user.tags = record.tags;
            user
        }))
    }

    /// The user of this unique id, by whatever name it goes now: a session is bound to the user, not to the name it had.
    fn session_user(
        &self,
        account: AccountId,
        name: &str,
        user_id: &str,
        access_key_id: &str,
    ) -> Result<Option<User>, DirectoryError> {
        let now = named::user_name(&self.0.store.snapshot()?, account, user_id)?;
        self.user_principal(account, now.as_deref().unwrap_or(name), user_id, access_key_id)
    }

    fn session_principal(
        &self,
        session: &Session,
        access_key_id: &str,
    ) -> Result<Option<Principal>, DirectoryError> {
        let account = session.account;
        let of_key = || {
            let Session { issued_at, expires_at, mfa, .. } = *session;
            Some(SessionOfKey { issued_at, expires_at, mfa })
        };
        match &session.subject {
            Subject::Root => {
                let known = self.0.store.record::<AccountRecord>(keys::ACCOUNTS, &keys::account(account))?;
                Ok(known.map(|_| {
                    let mut root = Root::new(account, access_key_id);
                    root.session = of_key();
                    Principal::Root(root)
                }))
            }
            Subject::User { name, user_id } => {
                let user = self.session_user(account, name, user_id, access_key_id)?;
                Ok(user.map(|mut user| {
                    user.session = of_key();
                    Principal::User(user)
                }))
            }
            Subject::Federated(federated) => {
                let lender = match &federated.lender {
                    // SECURITY: with the user who lends them, the rights are gone.
                    Some((name, id)) => match self.session_user(account, name, id, "")? {
                        Some(user) => Some(user),
                        None => return Ok(None),
                    },
                    None => None,
                };
                Ok(Some(federated_principal(session, federated, lender, access_key_id)))
            }
            Subject::AssumedRoot(root) => {
                // SECURITY: with the organization's leave, the session is over.
                let leave = self.task_leave(account, &root.task_policy)?;
                let stands = leave.is_some_and(|organization| organization.id == root.organization);
                Ok(stands.then(|| assumed_root(account, root, of_key(), access_key_id)))
            }
            Subject::Role(role) => {
                let key = keys::named(account, &role.role_name);
                let record = self.0.store.record::<RoleRecord>(keys::ROLES, &key)?;
                let record = record.filter(|record| record.role_id == role.role_id);
                let Some(record) = record else { return Ok(None) };
                let mut principal = role_principal(session, role, &record, access_key_id);
                self.read_own_part(account, record)?.put(&mut principal);
                Ok(Some(Principal::AssumedRole(principal)))
            }
        }
    }
}

fn assumed_root(
    account: AccountId,
    root: &RootSession,
    session: Option<SessionOfKey>,
    access_key_id: &str,
) -> Principal {
    let mut principal = Root::new(account, access_key_id);
    principal.session = session;
    let RootSession { task_policy, source_identity, .. } = root.clone();
    principal.assumed = Some(AssumedRoot { task_policy, source_identity });
    Principal::Root(principal)
}

fn federated_principal(
    session: &Session,
    federated: &FederatedSession,
    lender: Option<User>,
    access_key_id: &str,
) -> Principal {
    let mut principal = FederatedUser::new(session.account, federated.name.as_str(), lender);
    principal.access_key_id = access_key_id.to_owned();
    principal.issued_at = session.issued_at;
    principal.expires_at = session.expires_at;
    principal.session_policies.clone_from(&federated.policies);
    principal.session_managed_policies.clone_from(&federated.managed_policies);
    principal.session_tags.clone_from(&federated.tags);
    Principal::FederatedUser(principal)
}

fn role_principal(
    session: &Session,
    role: &RoleSession,
    record: &RoleRecord,
    access_key_id: &str,
) -> AssumedRole {
    let mut principal = AssumedRole::new(
        session.account,
        record.path.as_str(),
        record.name.as_str(),
        record.role_id.as_str(),
        role.session_name.as_str(),
    );
    principal.access_key_id = access_key_id.to_owned();
    principal.issued_at = session.issued_at;
    principal.expires_at = session.expires_at;
    principal.mfa = session.mfa;
    principal.session_policies.clone_from(&role.policies);
    principal.session_managed_policies.clone_from(&role.managed_policies);
    principal.session_tags.clone_from(&role.tags);
    principal.transitive_tags.clone_from(&role.transitive_tags);
    principal.source_identity.clone_from(&role.source_identity);
    principal.source_environment.clone_from(&role.source_environment);
    principal.began_in.clone_from(&role.began_in);
    principal.source_function.clone_from(&role.source_function);
    principal.chained = role.chained;
    principal.federated_by.clone_from(&role.federated_by);
    principal
}
