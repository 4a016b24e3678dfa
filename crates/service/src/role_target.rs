//! A role that somebody asks for: what its trust policy and its tags say, as every way to a role asks about it.
//!
//! It decides nothing, and tells nobody whether there is such a role.

use std::hint::black_box;

use base::AccountId;
use identity::records::RoleRecord;
use identity::{Directory, DirectoryError, RoleName};
use policy::{Policy, PolicyKind};
use store::Read;

use crate::Access;

/// Read in the place of the trust policy of a role that is not there.
const STAND_IN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}"#;

/// What is known of the role that is asked for, and what the session is to be called.
pub struct RoleTarget<'a> {
    arn: &'a str,
    name: RoleName,
    trust: Option<Policy>,
    role: Option<RoleRecord>,
    session_name: &'a str,
}

impl<'a> RoleTarget<'a> {
    /// The role of this ARN as these records have it, there or not; `None` where that is no role's ARN.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn find(
        records: &dyn Read,
        directory: &Directory,
        arn: &'a str,
        session_name: &'a str,
    ) -> Result<Option<Self>, DirectoryError> {
        let Some(name) = RoleName::parse(arn) else { return Ok(None) };
        let role = Directory::role_in(records, arn)?.map(|(_, role)| role);
        let trust = match &role {
            Some(role) => Some(directory.trust_policy(role)?),
            None => {
                // SECURITY: who asks for a role of another account learns little from what reading one costs.
                let _ = black_box(Policy::parse(black_box(STAND_IN), PolicyKind::Trust));
                None
            }
        };
        Ok(Some(Self { arn, name, trust, role, session_name }))
    }

    /// Whose the role is.
    pub const fn account(&self) -> AccountId {
        self.name.account
    }

    /// The role's own name and id, where it is there.
    pub(crate) fn role(&self) -> Option<(&str, &str)> {
        self.role.as_ref().map(|role| (role.name.as_str(), role.role_id.as_str()))
    }

    /// Leave for this action on the role, by its trust policy.
    pub fn leave(&self, action: &'static str) -> Access {
        let mut access = Access::to(action, self.arn)
            .owned_by(self.name.account)
            .trust_policy(self.trust.clone())
            .when("sts:RoleSessionName", [self.session_name])
            .resource_tags(self.tags().iter().map(|(key, value)| (key.as_str(), value.as_str())));
        for (key, value) in self.tags() {
            access = access.when(format!("iam:ResourceTag/{key}"), [value.as_str()]);
        }
        access
    }

    fn tags(&self) -> &[(String, String)] {
        self.role.as_ref().map_or(&[], |role| &role.tags)
    }
}
