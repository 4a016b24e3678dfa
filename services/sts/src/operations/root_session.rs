//! Temporary credentials in the place of a member's root user, for one task.
//!
//! That the organization lets the caller's account do it, and that account the caller, was decided before. The session has
//! what the task's policy leaves of a root user's rights, and ends with the organization's leave.

use std::sync::Arc;

use ::identity::{DirectoryError, Principal, RootSession, Session, Subject, organization, principal};
use base::{AccountId, Arn};
use service::Permit;

use super::{credentials, moment};
use crate::api::{AssumeRoot, AssumeRootRequest, AssumeRootResponse};
use crate::{Error, Sts};

/// The default and the longest length of such a session; the model refuses more.
const SECS_MAX: i64 = 900;

/// Whose root user, and for which task.
pub(crate) struct Asked<'i> {
    /// The member's account.
    pub(crate) target: AccountId,
    /// The ARN of the task's policy.
    pub(crate) task_policy: &'i str,
}

impl<'i> Asked<'i> {
    /// From a request: an account's id or the ARN of its root user, and one of AWS's policies for tasks.
    pub(crate) fn of(input: &'i AssumeRootRequest) -> Result<Self, Error> {
        let target = account(&input.target_principal).ok_or_else(|| {
            Error::ValidationError(format!(
                "{} is neither an account id nor the ARN of a root user",
                input.target_principal
            ))
        })?;
        let task_policy = input.task_policy_arn.arn.as_deref().unwrap_or_default();
        if !organization::is_root_task(task_policy) {
            return Err(Error::ValidationError(
                "TaskPolicyArn must be one of the AWS managed policies for privileged root tasks.".to_owned(),
            ));
        }
        Ok(Self { target, task_policy })
    }

    /// The ARN of the root user.
    pub(crate) fn arn(&self) -> String {
        principal::root_arn(self.target)
    }

    /// The words for whoever may not.
    pub(crate) fn refused(&self, caller: &Principal) -> Error {
        Error::denied(&format!(
            "User: {} is not authorized to perform: sts:AssumeRoot on resource: {}",
            caller.arn(),
            self.arn()
        ))
    }
}

fn account(text: &str) -> Option<AccountId> {
    if let Ok(account) = text.parse() {
        return Some(account);
    }
    let arn: Arn = text.parse().ok()?;
    let account = arn.account.parse().ok()?;
    (principal::root_arn(account) == text).then_some(account)
}

pub(crate) async fn assume_root(
    sts: Arc<Sts>,
    permit: Permit<AssumeRoot>,
) -> Result<AssumeRootResponse, Error> {
    let Permit { input, call, .. } = permit;
    let asked = Asked::of(&input)?;
    let leave = sts.directory.root_access(call.account(), asked.target, asked.task_policy)?;
    // Taken back between decision and work: the same words as if it had never been given.
    let leave = leave.ok_or_else(|| asked.refused(call.principal()))?;
    let source_identity = match &**call.principal() {
        Principal::AssumedRole(role) => role.source_identity.clone(),
        _ => None,
    };
    let session = Session {
        account: asked.target,
        subject: Subject::AssumedRoot(Box::new(RootSession {
            organization: leave.id,
            task_policy: asked.task_policy.to_owned(),
            source_identity: source_identity.clone(),
        })),
        issued_at: moment(&call),
        expires_at: moment(&call).plus_secs(input.duration_seconds.unwrap_or(SECS_MAX)),
        mfa: false,
    };
    let made = sts.directory.tokens().issue(&session).map_err(DirectoryError::from)?;
    Ok(AssumeRootResponse { credentials: Some(credentials(&made)), source_identity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_account_or_its_root_user() {
        for (text, known) in [
            ("123456789012", true),
            ("arn:aws:iam::123456789012:root", true),
            ("arn:aws:iam::123456789012:user/root", false),
            ("arn:aws:sts::123456789012:root", false),
            ("arn:aws:iam::12:root", false),
            ("12345678901x", false),
        ] {
            assert_eq!(account(text).is_some(), known, "{text}");
        }
    }
}
