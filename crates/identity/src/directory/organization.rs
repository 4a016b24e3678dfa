//! Who belongs to which organization, and what its owner gave leave for: to administer a service, and to act in the place
//! of a member's root user.
//!
//! It decides nothing about a call: whoever may act for the organization still needs leave of its own account.

use base::AccountId;

use super::{Directory, DirectoryError, Reads};
use crate::records::organization::{MemberRecord, OrganizationRecord, RootFeature, keys};

/// The name under which organizations trust IAM, and delegate it.
pub const IAM: &str = "iam.amazonaws.com";

/// The policies of AWS's that leave one task of a root user's rights, and the feature that a task belongs to.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html>
const TASKS: [(&str, RootFeature); 5] = [
    ("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials", RootFeature::CredentialsManagement),
    ("arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword", RootFeature::CredentialsManagement),
    ("arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials", RootFeature::CredentialsManagement),
    ("arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy", RootFeature::Sessions),
    ("arn:aws:iam::aws:policy/root-task/SQSUnlockQueuePolicy", RootFeature::Sessions),
];

/// True where the ARN names a policy for one of a root user's tasks.
pub fn is_root_task(policy_arn: &str) -> bool {
    feature_of(policy_arn).is_some()
}

fn feature_of(policy_arn: &str) -> Option<RootFeature> {
    TASKS.iter().find(|(arn, _)| *arn == policy_arn).map(|(_, feature)| *feature)
}

/// The organization of an account, and its membership; `None` where it belongs to none.
///
/// # Errors
/// Where the records cannot be read.
pub fn seat(
    from: &(impl Reads + ?Sized),
    account: AccountId,
) -> Result<Option<(OrganizationRecord, MemberRecord)>, DirectoryError> {
    let Some(member) = from.record::<MemberRecord>(keys::MEMBERS, &keys::member(account))? else {
        return Ok(None);
    };
    let organization = from.record(keys::ORGANIZATIONS, &keys::organization(&member.organization))?;
    Ok(organization.map(|organization| (organization, member)))
}

/// True where the account manages the organization, or administers this service for it.
pub fn administers(organization: &OrganizationRecord, member: &MemberRecord, service: &str) -> bool {
    organization.management == member.account || member.delegated.iter().any(|(name, _)| name == service)
}

impl Directory {
    /// The organization in which `by` may act in the place of `target`'s root user for this task; `None` where it may not,
    /// whatever the reason.
    ///
    /// # Errors
    /// Where the records cannot be read.
    pub fn root_access(
        &self,
        by: AccountId,
        target: AccountId,
        task_policy: &str,
    ) -> Result<Option<OrganizationRecord>, DirectoryError> {
        let Some(organization) = self.task_leave(target, task_policy)? else { return Ok(None) };
        let Some((own, member)) = seat(self.store(), by)? else { return Ok(None) };
        Ok((own.id == organization.id && administers(&own, &member, IAM)).then_some(organization))
    }

    /// The organization that lets its administrators do this task in the place of the account's root user.
    // SECURITY: never in the place of the management account's: nobody stands above that.
    pub(super) fn task_leave(
        &self,
        target: AccountId,
        task_policy: &str,
    ) -> Result<Option<OrganizationRecord>, DirectoryError> {
        let Some((organization, _)) = seat(self.store(), target)? else { return Ok(None) };
        let trusts = organization.trusted_services.iter().any(|(name, _)| name == IAM);
        let offered = feature_of(task_policy).is_some_and(|it| organization.root_features.contains(&it));
        Ok((trusts && offered && organization.management != target).then_some(organization))
    }
}
