//! The policies that apply to a principal: its own, its groups', its boundary, its session's.
//!
//! A policy that is attached but missing, or stored but not compilable, is an error for its principal as a whole: what
//! cannot be read might have been a deny.

use std::sync::Arc;

use base::AccountId;
use policy::{NamedPolicy, Policy, PolicyKind};

use super::{Directory, DirectoryError, Reads, managed, session_policies};
use crate::principal::{AssumedRole, AssumedRoot, FederatedUser, Principal, Root, User};
use crate::records::{
    GroupRecord, InlinePolicy, ManagedPolicyRecord, PasswordPolicyRecord, RoleRecord, UserRecord, keys,
};

/// The compiled policies of a principal.
#[derive(Clone, Debug, Default)]
pub struct PrincipalPolicies {
    identity: Vec<NamedPolicy>,
    boundary: Option<NamedPolicy>,
    session: Vec<NamedPolicy>,
}

impl PrincipalPolicies {
    /// Identity policies: inline and attached, those of groups included.
    pub fn identity(&self) -> &[NamedPolicy] {
        &self.identity
    }

    /// The permissions boundary, under its ARN.
    pub const fn boundary(&self) -> Option<&NamedPolicy> {
        self.boundary.as_ref()
    }

    /// Session policies, managed ones under their ARN. Empty where the session has none.
    pub fn session(&self) -> &[NamedPolicy] {
        &self.session
    }
}

/// The root user's rights, in words.
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
/// The boundary of whoever is gone.
const NOTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

/// What an account's password policy gives each of its users, who need no policy for it; boundaries and denials hold.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_enable-user-change.html>
// SECURITY: of any resource, since `ChangePassword` knows no other user than its caller.
const OWN_PASSWORD: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iam:ChangePassword","iam:GetAccountPasswordPolicy"],"Resource":"*"}}"#;

impl PrincipalPolicies {
    // SECURITY: a deny, not merely no policies. A call that began before its user or role was deleted must not pass by
    // a resource's policy that names it, freed of the boundary and session policies that went with it.
    fn of_someone_gone() -> Result<Self, DirectoryError> {
        const NAME: &str = "boundary of someone who is gone";
        let boundary = NamedPolicy::new(NAME, compile(NAME, NOTHING, PolicyKind::Boundary)?);
        Ok(Self { boundary: Some(boundary), ..Self::default() })
    }
}

impl Directory {
    /// The policies of this principal, compiled, as of now. The root user, services and strangers have none; a user or
    /// role that is gone is denied everything.
    pub fn policies_for(&self, principal: &Principal) -> Result<Arc<PrincipalPolicies>, DirectoryError> {
        let shared = &self.0;
        let (account, key) = match principal {
            Principal::User(user) => (user.account, user.user_id.as_str()),
            // Sessions that are narrowed have policies of their own, under their own key.
            Principal::AssumedRole(role) if is_narrowed(role) => (role.account, role.access_key_id.as_str()),
            Principal::AssumedRole(role) => (role.account, role.role_id.as_str()),
            Principal::FederatedUser(user) => (user.account, user.access_key_id.as_str()),
            // SECURITY: never without the policy of its task, whatever key it came with.
            Principal::Root(Root { account, access_key_id, assumed: Some(_), .. }) => {
                (*account, access_key_id.as_str())
            }
            Principal::Root(_) | Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => {
                return Ok(Arc::default());
            }
        };
        if let Some(policies) = shared.policies.get(key, &shared.generations) {
            return Ok(policies);
        }
        let generation = shared.generations.current(account);
        let policies = Arc::new(match principal {
            Principal::User(user) => self.of_user(user)?,
            Principal::AssumedRole(role) => self.of_role(role)?,
            Principal::FederatedUser(user) => self.of_federated(user)?,
            Principal::Root(Root { account, assumed: Some(assumed), .. }) => {
                self.of_assumed_root(*account, assumed)?
            }
            Principal::Root(_) | Principal::Service(_) | Principal::WebIdentity(_) | Principal::Anonymous => {
                PrincipalPolicies::default()
            }
        });
        // SECURITY: without a key of its own a principal is not told from another; it is looked up each time.
        if !key.is_empty() {
            shared.policies.keep(key, account, generation, Arc::clone(&policies));
        }
        Ok(policies)
    }

    /// The document in force of a managed policy, customer's or AWS's, as seen from `account`.
    pub fn managed_policy(
        &self,
        account: AccountId,
        arn: &str,
        kind: PolicyKind,
    ) -> Result<Option<Policy>, DirectoryError> {
        if let Some(aws) = managed::by_arn(arn) {
            return match aws.policy() {
                Ok(policy) => Ok(Some(policy.clone())),
                Err(source) => Err(DirectoryError::Policy { name: arn.to_owned(), source: source.clone() }),
            };
        }
        // Compiled once for all to whom it is attached.
        let (shared, key) = (&self.0, format!("{kind:?} {arn}"));
        if let Some(policy) = shared.managed.get(&key, &shared.generations) {
            return Ok(Some(policy));
        }
        let generation = shared.generations.current(account);
        let Some(record) = self.customer_policy(account, arn)? else { return Ok(None) };
        let version = record.in_force().ok_or_else(|| DirectoryError::PolicyMissing(arn.to_owned()))?;
        let policy = compile(arn, &version.document, kind)?;
        shared.managed.keep(&key, account, generation, policy.clone());
        Ok(Some(policy))
    }

    fn of_user(&self, user: &User) -> Result<PrincipalPolicies, DirectoryError> {
        // One frozen view: a user and its groups from the same moment.
        let view = self.0.store.snapshot()?;
        let record = view.record::<UserRecord>(keys::USERS, &keys::named(user.account, &user.name))?;
        let Some(record) = record.filter(|record| record.user_id == user.user_id) else {
            return PrincipalPolicies::of_someone_gone();
        };
        let mut identity = Vec::new();
        self.add_own(&mut identity, user.account, &record.inline, &record.attached)?;
        for name in &record.groups {
            let group = view.record::<GroupRecord>(keys::GROUPS, &keys::named(user.account, name))?;
            if let Some(group) = group {
                let mut theirs = Vec::new();
                self.add_own(&mut theirs, user.account, &group.inline, &group.attached)?;
                identity.extend(theirs.into_iter().map(|named| named.through(name.as_str())));
            }
        }
        let passwords =
            view.record::<PasswordPolicyRecord>(keys::PASSWORD_POLICIES, &keys::all_of(user.account))?;
        if passwords.is_some_and(|passwords| passwords.users_may_change) {
            let own = compile("the account's password policy", OWN_PASSWORD, PolicyKind::Identity)?;
            identity.push(NamedPolicy::new("the account's password policy", own));
        }
        let boundary = self.boundary(user.account, record.boundary.as_deref())?;
        Ok(PrincipalPolicies { identity, boundary, session: Vec::new() })
    }

    fn of_role(&self, role: &AssumedRole) -> Result<PrincipalPolicies, DirectoryError> {
        let key = keys::named(role.account, &role.role_name);
        let record = self.0.store.record::<RoleRecord>(keys::ROLES, &key)?;
        let Some(record) = record.filter(|record| record.role_id == role.role_id) else {
            return PrincipalPolicies::of_someone_gone();
        };
        let mut identity = Vec::new();
        self.add_own(&mut identity, role.account, &record.inline, &record.attached)?;
        let boundary = self.boundary(role.account, record.boundary.as_deref())?;
        let session =
            self.of_session(role.account, &role.session_policies, &role.session_managed_policies)?;
        Ok(PrincipalPolicies { identity, boundary, session })
    }

    /// What the user who lends its rights has, and the session policies that leave some of it. The root user has all.
    fn of_federated(&self, federated: &FederatedUser) -> Result<PrincipalPolicies, DirectoryError> {
        let mut policies = match &federated.lender {
            Some(user) => self.of_user(user)?,
            None => {
                let all = compile("the root user's rights", EVERYTHING, PolicyKind::Identity)?;
                let identity = vec![NamedPolicy::new("the root user's rights", all)];
                PrincipalPolicies { identity, ..PrincipalPolicies::default() }
            }
        };
        let FederatedUser { account, session_policies, session_managed_policies, .. } = federated;
        policies.session = self.of_session(*account, session_policies, session_managed_policies)?;
        // SECURITY: without a session policy a federated user has nothing of its user's, as in AWS; no policies at all would
        // narrow nothing.
        if policies.session.is_empty() {
            policies.session.push(session_policies::nothing("no session policy")?);
        }
        Ok(policies)
    }

    /// All that a root user may, without what the policy of the task denies: which is everything else.
    fn of_assumed_root(
        &self,
        account: AccountId,
        assumed: &AssumedRoot,
    ) -> Result<PrincipalPolicies, DirectoryError> {
        const ALL: &str = "the root user's rights";
        let all = NamedPolicy::new(ALL, compile(ALL, EVERYTHING, PolicyKind::Session)?);
        let task = self.required(account, &assumed.task_policy, PolicyKind::Session)?;
        Ok(PrincipalPolicies { session: vec![all, task], ..PrincipalPolicies::default() })
    }

    fn add_own(
        &self,
        identity: &mut Vec<NamedPolicy>,
        account: AccountId,
        inline: &[InlinePolicy],
        attached: &[String],
    ) -> Result<(), DirectoryError> {
        for InlinePolicy { name, document } in inline {
            identity.push(NamedPolicy::new(name.as_str(), compile(name, document, PolicyKind::Identity)?));
        }
        for arn in attached {
            identity.push(self.required(account, arn, PolicyKind::Identity)?);
        }
        Ok(())
    }

    fn boundary(&self, account: AccountId, arn: Option<&str>) -> Result<Option<NamedPolicy>, DirectoryError> {
        arn.map(|arn| self.required(account, arn, PolicyKind::Boundary)).transpose()
    }

    // SECURITY: an attached policy that is not there is an error and never "no policy": it may have been a boundary
    // or a deny.
    fn required(
        &self,
        account: AccountId,
        arn: &str,
        kind: PolicyKind,
    ) -> Result<NamedPolicy, DirectoryError> {
        let policy = self.managed_policy(account, arn, kind)?;
        let policy = policy.ok_or_else(|| DirectoryError::PolicyMissing(arn.to_owned()))?;
        Ok(NamedPolicy::new(arn, policy))
    }
}

fn is_narrowed(role: &AssumedRole) -> bool {
    !role.session_policies.is_empty() || !role.session_managed_policies.is_empty()
}

pub(super) fn compile(name: &str, document: &str, kind: PolicyKind) -> Result<Policy, DirectoryError> {
    Policy::parse(document, kind).map_err(|source| DirectoryError::Policy { name: name.to_owned(), source })
}

/// The name in `arn:aws:iam::<account>:policy/path/name`, for a policy of this account.
pub fn customer_policy_name(account: AccountId, arn: &str) -> Option<&str> {
    let rest = arn.strip_prefix("arn:aws:iam::")?.strip_prefix(account.as_str())?;
    let full = rest.strip_prefix(":policy/")?;
    full.rsplit('/').next().filter(|name| !name.is_empty())
}

pub(super) fn is_arn_of(account: AccountId, record: &ManagedPolicyRecord, arn: &str) -> bool {
    crate::principal::entity_arn(account, "policy", &record.path, &record.name) == arn
}
