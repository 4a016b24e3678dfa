//! Everything an account grants, in one listing.
//!
//! Users, groups, roles and policies are pages of one sequence, so that a marker can stop anywhere in it.

use std::sync::Arc;

use base::AccountId;
use identity::Reads;
use identity::directory::managed::{self, AwsManagedPolicy};
use identity::principal::entity_arn;
use identity::records::{GroupRecord, InlinePolicy, ManagedPolicyRecord, RoleRecord, UserRecord, keys};
use service::Permit;

use super::attached::attached_policy;
use super::instance_profiles;
use crate::attachments::{self, Count};
use crate::entity::{self, Entity as _};
use crate::page::Paging;
use crate::{Error, Iam, api, documents, shapes};

enum Detail {
    User(api::UserDetail),
    Group(api::GroupDetail),
    Role(api::RoleDetail),
    Policy(api::ManagedPolicyDetail),
}

pub(crate) async fn get(
    _: Arc<Iam>,
    permit: Permit<api::GetAccountAuthorizationDetails>,
) -> Result<api::GetAccountAuthorizationDetailsResponse, Error> {
    let input = permit.input;
    let account = permit.call.account();
    let filter = input.filter.unwrap_or_default();
    let wanted = |kind: &str| filter.is_empty() || filter.iter().any(|other| other == kind);
    let view = permit.call.view()?;
    let mut all = Vec::new();
    if wanted("User") {
        let users = entity::all::<UserRecord>(&view, account, None)?;
        all.extend(
            users.into_iter().map(|(key, record)| (format!("1 {key}"), Detail::User(user(account, record)))),
        );
    }
    if wanted("Group") {
        let groups = entity::all::<GroupRecord>(&view, account, None)?;
        all.extend(
            groups
                .into_iter()
                .map(|(key, record)| (format!("2 {key}"), Detail::Group(group(account, record)))),
        );
    }
    if wanted("Role") {
        let roles = entity::all::<RoleRecord>(&view, account, None)?;
        for (key, record) in roles {
            all.push((format!("3 {key}"), Detail::Role(role(&view, account, &record)?)));
        }
    }
    add_policies(&mut all, &view, account, wanted("LocalManagedPolicy"), wanted("AWSManagedPolicy"))?;
    let page = Paging::new(input.marker, input.max_items).of(all)?;
    let (mut users, mut groups, mut roles, mut policies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for detail in page.items {
        match detail {
            Detail::User(detail) => users.push(detail),
            Detail::Group(detail) => groups.push(detail),
            Detail::Role(detail) => roles.push(detail),
            Detail::Policy(detail) => policies.push(detail),
        }
    }
    Ok(api::GetAccountAuthorizationDetailsResponse {
        user_detail_list: Some(users),
        group_detail_list: Some(groups),
        role_detail_list: Some(roles),
        policies: Some(policies),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// The customer's policies, and those of AWS's that are attached.
fn add_policies(
    all: &mut Vec<(String, Detail)>,
    view: &(impl Reads + ?Sized),
    account: AccountId,
    local: bool,
    aws: bool,
) -> Result<(), Error> {
    let counts = attachments::counts(view, account)?;
    if local {
        for record in view.records::<ManagedPolicyRecord>(keys::POLICIES, &keys::all_of(account))? {
            let arn = entity_arn(account, "policy", &record.path, &record.name);
            let count = counts.get(&arn).copied().unwrap_or_default();
            all.push((format!("4 {arn}"), Detail::Policy(policy(account, &record, count))));
        }
    }
    if aws {
        for policy in managed::all() {
            if let Some(count) = counts.get(&policy.arn()) {
                all.push((format!("5 {}", policy.arn()), Detail::Policy(aws_policy(policy, *count))));
            }
        }
    }
    Ok(())
}

fn inline(policies: &[InlinePolicy]) -> Option<Vec<api::PolicyDetail>> {
    let detail = |policy: &InlinePolicy| api::PolicyDetail {
        policy_name: Some(policy.name.clone()),
        policy_document: Some(documents::escaped(&policy.document)),
    };
    (!policies.is_empty()).then(|| policies.iter().map(detail).collect())
}

fn attached(arns: &[String]) -> Option<Vec<api::AttachedPolicy>> {
    Some(arns.iter().map(|arn| attached_policy(arn)).collect())
}

fn user(account: AccountId, record: UserRecord) -> api::UserDetail {
    let whole = shapes::whole_user(account, &record);
    api::UserDetail {
        path: Some(whole.path),
        user_name: Some(whole.user_name),
        user_id: Some(whole.user_id),
        arn: Some(whole.arn),
        create_date: Some(whole.create_date),
        user_policy_list: inline(&record.inline),
        group_list: Some(record.groups),
        attached_managed_policies: attached(&record.attached),
        permissions_boundary: whole.permissions_boundary,
        tags: whole.tags,
    }
}

fn group(account: AccountId, record: GroupRecord) -> api::GroupDetail {
    api::GroupDetail {
        arn: Some(record.arn(account)),
        group_policy_list: inline(&record.inline),
        attached_managed_policies: attached(&record.attached),
        create_date: Some(record.created_at),
        path: Some(record.path),
        group_name: Some(record.name),
        group_id: Some(record.group_id),
    }
}

fn role(
    view: &(impl Reads + ?Sized),
    account: AccountId,
    record: &RoleRecord,
) -> Result<api::RoleDetail, Error> {
    let profiles = instance_profiles::of_role(view, account, &record.name)?;
    let profiles: Result<_, Error> =
        profiles.iter().map(|profile| instance_profiles::shape(view, account, profile)).collect();
    let whole = shapes::whole_role(view, account, record)?;
    Ok(api::RoleDetail {
        path: Some(whole.path),
        role_name: Some(whole.role_name),
        role_id: Some(whole.role_id),
        arn: Some(whole.arn),
        create_date: Some(whole.create_date),
        assume_role_policy_document: whole.assume_role_policy_document,
        instance_profile_list: Some(profiles?),
        role_policy_list: inline(&record.inline),
        attached_managed_policies: attached(&record.attached),
        permissions_boundary: whole.permissions_boundary,
        tags: whole.tags,
        role_last_used: whole.role_last_used,
    })
}

fn detail(policy: api::Policy, versions: Vec<api::PolicyVersion>) -> api::ManagedPolicyDetail {
    api::ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: policy.description,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list: Some(versions),
    }
}

fn policy(account: AccountId, record: &ManagedPolicyRecord, count: Count) -> api::ManagedPolicyDetail {
    let versions = record.versions.iter().rev().map(|version| api::PolicyVersion {
        document: Some(documents::escaped(&version.document)),
        ..shapes::version(record, version)
    });
    detail(shapes::whole_policy(account, record, count), versions.collect())
}

fn aws_policy(policy: &AwsManagedPolicy, count: Count) -> api::ManagedPolicyDetail {
    let version = api::PolicyVersion {
        document: Some(documents::escaped(&policy.document)),
        version_id: Some(policy.version.clone()),
        is_default_version: Some(true),
        create_date: Some(policy.updated_at),
    };
    detail(shapes::aws_policy(policy, count), vec![version])
}
