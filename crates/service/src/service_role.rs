//! Service-linked roles as a service itself needs them: whether a caller may bring one about, and its making.
//!
//! They are IAM's own records, of AWS's names, with AWS's policy and trust in one service alone. Who asks IAM for one by name
//! is IAM's to answer.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>

use base::{AccountId, Timestamp};
use identity::records::{RoleRecord, keys};
use identity::{Directory, DirectoryError, Edit, Reads as _, ids};
use protocol::Fault;
use serde_json::json;

use crate::{Access, Call, Internal};

/// The longest session, in seconds.
const SESSION_SECS_MAX: i64 = 3_600;

/// The role of a service in every account that it works in.
#[derive(Clone, Copy, Debug)]
pub struct ServiceRole {
    /// Whom it trusts: `access-analyzer.amazonaws.com`.
    pub service: &'static str,
    /// `AWSServiceRoleFor…`.
    pub name: &'static str,
    /// Its path: `/aws-service-role/<service>/`.
    pub path: &'static str,
    /// The ARN of AWS's policy that it has.
    pub policy: &'static str,
}

impl ServiceRole {
    /// The role's ARN in an account.
    pub fn arn(&self, account: AccountId) -> String {
        format!("arn:aws:iam::{account}:role{}{}", self.path, self.name)
    }

    /// Whether the caller may bring the role about, where the account has none yet.
    ///
    /// # Errors
    /// The caller lacks `iam:CreateServiceLinkedRole` for it, or the directory cannot be read.
    pub fn may_make<E>(&self, directory: &Directory, call: &Call) -> Result<(), E>
    where
        E: From<Fault> + From<Internal>,
    {
        if directory.role(call.account(), self.name).map_err(Internal::new)?.is_some() {
            return Ok(());
        }
        let arn = self.arn(call.account());
        let leave = Access::to("iam:CreateServiceLinkedRole", arn.as_str())
            .when("iam:AWSServiceName", [self.service]);
        Ok(call.ask(&leave)?)
    }

    /// True for the record of this role, whole.
    pub fn is(&self, role: &RoleRecord) -> bool {
        role.path == self.path && role.attached.iter().any(|policy| policy == self.policy)
    }

    /// Makes the role where there is none, and gives it its policy where it was made without, through IAM.
    ///
    /// # Errors
    /// The records cannot be read.
    pub fn ensure(&self, edit: &mut Edit<'_, '_>, now: Timestamp) -> Result<(), DirectoryError> {
        let account = edit.account();
        let key = keys::named(account, self.name);
        let role = match edit.record::<RoleRecord>(keys::ROLES, &key)? {
            // Another role of this name is somebody else's: it is given nothing.
            Some(role) if role.path != self.path || self.is(&role) => return Ok(()),
            Some(mut role) => {
                role.attached.push(self.policy.to_owned());
                role
            }
            None => self.record(now),
        };
        edit.put(keys::ROLES, &key, &role)?;
        edit.mark(keys::ATTACHMENTS, &keys::attachment(account, self.policy, "Role", self.name))
    }

    fn record(&self, now: Timestamp) -> RoleRecord {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": self.service}, "Action": "sts:AssumeRole"}]});
        RoleRecord {
            name: self.name.to_owned(),
            path: self.path.to_owned(),
            role_id: ids::entity(ids::ROLE),
            created_at: Timestamp::from_secs(now.secs()),
            trust: trust.to_string(),
            description: None,
            session_secs_max: SESSION_SECS_MAX,
            tags: Vec::new(),
            inline: Vec::new(),
            attached: vec![self.policy.to_owned()],
            boundary: None,
        }
    }
}
