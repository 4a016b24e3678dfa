//! Roles: found by ARN, their trust policies, and credentials for a function's own role.
//!
//! Nothing here gives out credentials without the role's trust policy having said yes.

use std::sync::Arc;

use base::{AccountId, Arn, Timestamp};
use policy::{Decision, Policy, PolicyKind, PolicySet, Request};

use super::governance::Whose;
use super::{Directory, DirectoryError, Reads};
use crate::principal::{Principal, entity_arn};
use crate::records::{RoleRecord, UserRecord, keys};
use crate::session::{RoleSession, Session, Subject, TemporaryCredentials};

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

/// What a function's credentials are for.
#[derive(Clone, Debug)]
pub struct FunctionSource {
    /// The function's ARN: `aws:SourceArn` for the trust policy, `lambda:SourceFunctionArn` afterwards.
    pub function_arn: String,
    /// The account that owns the function.
    pub account: AccountId,
    /// The execution environment. Its door accepts these credentials and no others.
    pub environment_id: String,
}

/// Why a function gets no credentials.
#[derive(Debug, thiserror::Error)]
pub enum RoleCredentialsError {
    /// No such role, or one of another account, or one that does not trust the service. Which of these is not told.
    #[error("The role defined for the function cannot be assumed by Lambda.")]
    NotAssumable,
    /// The directory cannot answer.
    #[error("the directory cannot answer")]
    Directory(#[from] DirectoryError),
}

/// How long a function's credentials last.
const FUNCTION_SESSION_SECS: i64 = 12 * 3_600;

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

    /// True where the role's trust policy lets `service` assume it on behalf of `source`.
    pub fn trusts_service(
        &self,
        role_arn: &str,
        role: &RoleRecord,
        service: &Principal,
        now: Timestamp,
    ) -> Result<bool, DirectoryError> {
        let trust = self.trust_policy(role)?;
        let account = RoleName::parse(role_arn).map(|name| name.account);
        let mut context = crate::context::of(service, now)
            .with("aws:CurrentTime", now.iso8601_secs())
            .with("aws:EpochTime", now.secs().to_string());
        let governance = match account {
            Some(account) => self.governance(account)?,
            None => Arc::default(),
        };
        if governance.is_closed() {
            return Ok(false);
        }
        governance.describe(&mut context, Whose::Resource);
        if let Some(source) = service.account() {
            self.governance(source)?.describe(&mut context, Whose::Source);
        }
        let resource_control = governance.resource_control(service, "sts:AssumeRole");
        let request = Request {
            principal: service.policy_view(),
            action: "sts:AssumeRole",
            resource: role_arn,
            resource_account: account.as_ref().map_or("", AccountId::as_str),
            context: &context,
        };
        let set =
            PolicySet { resource: Some(&trust), resource_control: &resource_control, ..PolicySet::default() };
        Ok(matches!(policy::evaluate(&request, &set), Decision::Allow(_)))
    }

    /// Credentials of a function's own role for one execution environment. The role must be of the function's account
    /// and trust Lambda.
    // SECURITY: the only internal way to a role's credentials; it asks the same trust policy as `sts:AssumeRole`.
    pub fn role_credentials(
        &self,
        role_arn: &str,
        session_name: &str,
        source: &FunctionSource,
        now: Timestamp,
    ) -> Result<TemporaryCredentials, RoleCredentialsError> {
        let (account, role) = self.role_by_arn(role_arn)?.ok_or(RoleCredentialsError::NotAssumable)?;
        let lambda = Principal::service("lambda.amazonaws.com", &source.function_arn, source.account);
        if account != source.account || !self.trusts_service(role_arn, &role, &lambda, now)? {
            return Err(RoleCredentialsError::NotAssumable);
        }
        let session = Session {
            account,
            subject: Subject::Role(Box::new(RoleSession {
                role_name: role.name,
                role_id: role.role_id,
                session_name: session_name.to_owned(),
                source_environment: Some(source.environment_id.clone()),
                source_function: Some(source.function_arn.clone()),
                ..RoleSession::default()
            })),
            issued_at: now,
            expires_at: now.plus_secs(FUNCTION_SESSION_SECS),
            mfa: false,
        };
        Ok(self.tokens().issue(&session).map_err(DirectoryError::from)?)
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
