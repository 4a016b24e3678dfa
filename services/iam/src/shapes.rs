//! Records as the API writes them.
//!
//! Listings leave out what AWS leaves out of listings: tags, boundaries, descriptions of policies.

use base::{AccountId, Timestamp};
use identity::Reads;
use identity::directory::managed::AwsManagedPolicy;
use identity::principal::entity_arn;
use identity::records::{
    GroupRecord, LastUsedRecord, ManagedPolicyRecord, PolicyVersion, RoleRecord, UserRecord, keys,
};

use crate::attachments::Count;
use crate::entity::Entity;
use crate::{Error, api, documents, tags};

fn boundary(arn: Option<&str>) -> Option<api::AttachedPermissionsBoundary> {
    arn.map(|arn| api::AttachedPermissionsBoundary {
        permissions_boundary_type: Some("Policy".to_owned()),
        permissions_boundary_arn: Some(arn.to_owned()),
    })
}

/// A user in a listing.
pub(crate) fn user(account: AccountId, record: &UserRecord) -> api::User {
    api::User {
        path: record.path.clone(),
        user_name: record.name.clone(),
        user_id: record.user_id.clone(),
        arn: record.arn(account),
        create_date: record.created_at,
        ..api::User::default()
    }
}

/// A user by itself.
pub(crate) fn whole_user(account: AccountId, record: &UserRecord) -> api::User {
    api::User {
        permissions_boundary: boundary(record.boundary.as_deref()),
        tags: tags::to_api(&record.tags),
        ..user(account, record)
    }
}

/// A group.
pub(crate) fn group(account: AccountId, record: &GroupRecord) -> api::Group {
    api::Group {
        path: record.path.clone(),
        group_name: record.name.clone(),
        group_id: record.group_id.clone(),
        arn: record.arn(account),
        create_date: record.created_at,
    }
}

/// A role in a listing. Its trust policy shows the ARNs of those whom it names.
pub(crate) fn role(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    record: &RoleRecord,
) -> Result<api::Role, Error> {
    let trust = identity::show_principals(from, &record.trust)?;
    Ok(api::Role {
        path: record.path.clone(),
        role_name: record.name.clone(),
        role_id: record.role_id.clone(),
        arn: record.arn(account),
        create_date: record.created_at,
        assume_role_policy_document: Some(documents::escaped(&trust)),
        description: record.description.clone(),
        max_session_duration: Some(record.session_secs_max),
        ..api::Role::default()
    })
}

/// A role by itself.
pub(crate) fn whole_role(
    from: &(impl Reads + ?Sized),
    account: AccountId,
    record: &RoleRecord,
) -> Result<api::Role, Error> {
    Ok(api::Role {
        permissions_boundary: boundary(record.boundary.as_deref()),
        tags: tags::to_api(&record.tags),
        role_last_used: Some(last_used(from, record)?),
        ..role(from, account, record)?
    })
}

/// When and where a role was last used; empty where it never was.
fn last_used(from: &(impl Reads + ?Sized), record: &RoleRecord) -> Result<api::RoleLastUsed, Error> {
    let used: Option<LastUsedRecord> = from.record(keys::ROLES_LAST_USED, &keys::unique(&record.role_id))?;
    Ok(used.map_or_else(api::RoleLastUsed::default, |used| api::RoleLastUsed {
        last_used_date: Some(Timestamp::from_secs(used.at.secs())),
        region: Some(used.region),
    }))
}

/// A customer managed policy in a listing.
pub(crate) fn policy(account: AccountId, record: &ManagedPolicyRecord, count: Count) -> api::Policy {
    api::Policy {
        policy_name: Some(record.name.clone()),
        policy_id: Some(record.policy_id.clone()),
        arn: Some(entity_arn(account, "policy", &record.path, &record.name)),
        path: Some(record.path.clone()),
        default_version_id: Some(version_id(record.default_version)),
        attachment_count: Some(count.attached),
        permissions_boundary_usage_count: Some(count.boundaries),
        is_attachable: Some(true),
        description: None,
        create_date: Some(record.created_at),
        update_date: Some(record.updated_at),
        tags: None,
    }
}

/// A customer managed policy by itself.
pub(crate) fn whole_policy(account: AccountId, record: &ManagedPolicyRecord, count: Count) -> api::Policy {
    api::Policy {
        description: record.description.clone(),
        tags: tags::to_api(&record.tags),
        ..policy(account, record, count)
    }
}

/// A policy of AWS.
pub(crate) fn aws_policy(policy: &AwsManagedPolicy, count: Count) -> api::Policy {
    api::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.policy_id()),
        arn: Some(policy.arn()),
        path: Some(policy.path.clone()),
        default_version_id: Some(policy.version.clone()),
        attachment_count: Some(count.attached),
        permissions_boundary_usage_count: Some(count.boundaries),
        is_attachable: Some(true),
        description: None,
        create_date: Some(policy.created_at),
        update_date: Some(policy.updated_at),
        tags: None,
    }
}

/// `v1`
pub(crate) fn version_id(number: u64) -> String {
    format!("v{number}")
}

/// A version in a listing.
pub(crate) fn version(record: &ManagedPolicyRecord, version: &PolicyVersion) -> api::PolicyVersion {
    api::PolicyVersion {
        document: None,
        version_id: Some(version_id(version.number)),
        is_default_version: Some(version.number == record.default_version),
        create_date: Some(version.created_at),
    }
}
