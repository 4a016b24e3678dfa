//! The operation table: every operation with the leave it needs and the handler that does it.
//!
//! What is neither here nor declined answers that it is not implemented.

mod credentials;
mod federation;
mod organization;
mod reports;

use std::sync::Arc;

use identity::{Attempts, Directory};
use service::{Service, ServiceBuilder};

use crate::operations::{
    access_keys, account, attached, boundaries, details, entities, groups, inline, members, policies, roles,
    tags, users, versions,
};
use crate::simulate::Turns;
use crate::{Iam, access, api, observe};

type Builder = ServiceBuilder<Iam>;

/// The service over this directory.
pub fn service(directory: Directory) -> Service {
    let builder = ServiceBuilder::new(
        "iam",
        Arc::new(Iam { directory, attempts: Attempts::default(), simulations: Turns::default() }),
    );
    let builder = users_and_groups(builder);
    let builder = roles_and_boundaries(builder);
    let builder = managed_policies(builder);
    let builder = inline_policies(builder);
    let builder = attached_policies(builder);
    let builder = credentials::operations(builder);
    let builder = federation::operations(builder);
    let builder = reports::operations(builder);
    let builder = organization::operations(builder);
    declined(keys_and_account(builder)).build()
}

fn users_and_groups(builder: Builder) -> Builder {
    builder
        .operation(access::create_user, users::create)
        .operation(
            access::user_or_caller::<api::GetUser>("iam:GetUser", |i| i.user_name.as_deref()),
            users::get,
        )
        .operation(access::update_user, users::update)
        .operation(access::user::<api::DeleteUser>("iam:DeleteUser", |i| &i.user_name), users::delete)
        .operation(
            access::listing::<api::ListUsers>("iam:ListUsers", "user", |i| i.path_prefix.as_deref()),
            users::list,
        )
        .operation(
            access::with_tags::<api::TagUser>(
                access::user::<api::TagUser>("iam:TagUser", |i| &i.user_name),
                |i| &i.tags,
            ),
            tags::tag_user,
        )
        .operation(
            access::with_tag_keys::<api::UntagUser>(
                access::user::<api::UntagUser>("iam:UntagUser", |i| &i.user_name),
                |i| &i.tag_keys,
            ),
            tags::untag_user,
        )
        .operation(
            access::user::<api::ListUserTags>("iam:ListUserTags", |i| &i.user_name),
            tags::list_user_tags,
        )
        .operation(access::create_group, groups::create)
        .operation(access::group::<api::GetGroup>("iam:GetGroup", |i| &i.group_name), groups::get)
        .operation(access::update_group, groups::update)
        .operation(access::group::<api::DeleteGroup>("iam:DeleteGroup", |i| &i.group_name), groups::delete)
        .operation(
            access::listing::<api::ListGroups>("iam:ListGroups", "group", |i| i.path_prefix.as_deref()),
            groups::list,
        )
        .operation(
            access::group::<api::AddUserToGroup>("iam:AddUserToGroup", |i| &i.group_name),
            members::add,
        )
        .operation(
            access::group::<api::RemoveUserFromGroup>("iam:RemoveUserFromGroup", |i| &i.group_name),
            members::remove,
        )
        .operation(
            access::user::<api::ListGroupsForUser>("iam:ListGroupsForUser", |i| &i.user_name),
            members::list_groups,
        )
}

fn roles_and_boundaries(builder: Builder) -> Builder {
    builder
        .operation(
            observe::guarded::<api::CreateRole>(access::create_role, observe::by_creation),
            roles::create,
        )
        .operation(access::role::<api::GetRole>("iam:GetRole", |i| &i.role_name), roles::get)
        .operation(access::role::<api::UpdateRole>("iam:UpdateRole", |i| &i.role_name), roles::update)
        .operation(
            access::role::<api::UpdateRoleDescription>("iam:UpdateRoleDescription", |i| &i.role_name),
            roles::update_description,
        )
        .operation(
            access::role::<api::UpdateAssumeRolePolicy>("iam:UpdateAssumeRolePolicy", |i| &i.role_name),
            roles::update_trust,
        )
        .operation(access::role::<api::DeleteRole>("iam:DeleteRole", |i| &i.role_name), roles::delete)
        .operation(
            access::listing::<api::ListRoles>("iam:ListRoles", "role", |i| i.path_prefix.as_deref()),
            roles::list,
        )
        .operation(
            observe::guarded::<api::TagRole>(
                access::with_tags::<api::TagRole>(
                    access::role::<api::TagRole>("iam:TagRole", |i| &i.role_name),
                    |i| &i.tags,
                ),
                observe::by_tagging,
            ),
            tags::tag_role,
        )
        .operation(
            observe::guarded::<api::UntagRole>(
                access::with_tag_keys::<api::UntagRole>(
                    access::role::<api::UntagRole>("iam:UntagRole", |i| &i.role_name),
                    |i| &i.tag_keys,
                ),
                observe::by_untagging,
            ),
            tags::untag_role,
        )
        .operation(
            access::role::<api::ListRoleTags>("iam:ListRoleTags", |i| &i.role_name),
            tags::list_role_tags,
        )
        .operation(access::put_user_boundary, boundaries::put_user)
        .operation(
            access::user::<api::DeleteUserPermissionsBoundary>("iam:DeleteUserPermissionsBoundary", |i| {
                &i.user_name
            }),
            boundaries::delete_user,
        )
        .operation(access::put_role_boundary, boundaries::put_role)
        .operation(
            access::role::<api::DeleteRolePermissionsBoundary>("iam:DeleteRolePermissionsBoundary", |i| {
                &i.role_name
            }),
            boundaries::delete_role,
        )
}

fn managed_policies(builder: Builder) -> Builder {
    builder
        .operation(access::create_policy, policies::create)
        .operation(access::policy::<api::GetPolicy>("iam:GetPolicy", |i| &i.policy_arn), policies::get)
        .operation(
            access::policy::<api::DeletePolicy>("iam:DeletePolicy", |i| &i.policy_arn),
            policies::delete,
        )
        .operation(
            access::listing::<api::ListPolicies>("iam:ListPolicies", "policy", |i| i.path_prefix.as_deref()),
            policies::list,
        )
        .operation(
            access::policy::<api::ListEntitiesForPolicy>("iam:ListEntitiesForPolicy", |i| &i.policy_arn),
            entities::list,
        )
        .operation(
            access::policy::<api::CreatePolicyVersion>("iam:CreatePolicyVersion", |i| &i.policy_arn),
            versions::create,
        )
        .operation(
            access::policy::<api::GetPolicyVersion>("iam:GetPolicyVersion", |i| &i.policy_arn),
            versions::get,
        )
        .operation(
            access::policy::<api::DeletePolicyVersion>("iam:DeletePolicyVersion", |i| &i.policy_arn),
            versions::delete,
        )
        .operation(
            access::policy::<api::ListPolicyVersions>("iam:ListPolicyVersions", |i| &i.policy_arn),
            versions::list,
        )
        .operation(
            access::policy::<api::SetDefaultPolicyVersion>("iam:SetDefaultPolicyVersion", |i| &i.policy_arn),
            versions::set_default,
        )
        .operation(
            access::with_tags::<api::TagPolicy>(
                access::policy::<api::TagPolicy>("iam:TagPolicy", |i| &i.policy_arn),
                |i| &i.tags,
            ),
            tags::tag_policy,
        )
        .operation(
            access::with_tag_keys::<api::UntagPolicy>(
                access::policy::<api::UntagPolicy>("iam:UntagPolicy", |i| &i.policy_arn),
                |i| &i.tag_keys,
            ),
            tags::untag_policy,
        )
        .operation(
            access::policy::<api::ListPolicyTags>("iam:ListPolicyTags", |i| &i.policy_arn),
            tags::list_policy_tags,
        )
}

fn inline_policies(builder: Builder) -> Builder {
    builder
        .operation(
            access::user::<api::PutUserPolicy>("iam:PutUserPolicy", |i| &i.user_name),
            inline::put_user_policy,
        )
        .operation(
            access::user::<api::GetUserPolicy>("iam:GetUserPolicy", |i| &i.user_name),
            inline::get_user_policy,
        )
        .operation(
            access::user::<api::DeleteUserPolicy>("iam:DeleteUserPolicy", |i| &i.user_name),
            inline::delete_user_policy,
        )
        .operation(
            access::user::<api::ListUserPolicies>("iam:ListUserPolicies", |i| &i.user_name),
            inline::list_user_policies,
        )
        .operation(
            access::group::<api::PutGroupPolicy>("iam:PutGroupPolicy", |i| &i.group_name),
            inline::put_group_policy,
        )
        .operation(
            access::group::<api::GetGroupPolicy>("iam:GetGroupPolicy", |i| &i.group_name),
            inline::get_group_policy,
        )
        .operation(
            access::group::<api::DeleteGroupPolicy>("iam:DeleteGroupPolicy", |i| &i.group_name),
            inline::delete_group_policy,
        )
        .operation(
            access::group::<api::ListGroupPolicies>("iam:ListGroupPolicies", |i| &i.group_name),
            inline::list_group_policies,
        )
        .operation(
            access::role::<api::PutRolePolicy>("iam:PutRolePolicy", |i| &i.role_name),
            inline::put_role_policy,
        )
        .operation(
            access::role::<api::GetRolePolicy>("iam:GetRolePolicy", |i| &i.role_name),
            inline::get_role_policy,
        )
        .operation(
            access::role::<api::DeleteRolePolicy>("iam:DeleteRolePolicy", |i| &i.role_name),
            inline::delete_role_policy,
        )
        .operation(
            access::role::<api::ListRolePolicies>("iam:ListRolePolicies", |i| &i.role_name),
            inline::list_role_policies,
        )
}

fn attached_policies(builder: Builder) -> Builder {
    builder
        .operation(
            access::with_policy::<api::AttachUserPolicy>(
                access::user::<api::AttachUserPolicy>("iam:AttachUserPolicy", |i| &i.user_name),
                |i| &i.policy_arn,
            ),
            attached::attach_user_policy,
        )
        .operation(
            access::with_policy::<api::DetachUserPolicy>(
                access::user::<api::DetachUserPolicy>("iam:DetachUserPolicy", |i| &i.user_name),
                |i| &i.policy_arn,
            ),
            attached::detach_user_policy,
        )
        .operation(
            access::user::<api::ListAttachedUserPolicies>("iam:ListAttachedUserPolicies", |i| &i.user_name),
            attached::list_attached_user_policies,
        )
        .operation(
            access::with_policy::<api::AttachGroupPolicy>(
                access::group::<api::AttachGroupPolicy>("iam:AttachGroupPolicy", |i| &i.group_name),
                |i| &i.policy_arn,
            ),
            attached::attach_group_policy,
        )
        .operation(
            access::with_policy::<api::DetachGroupPolicy>(
                access::group::<api::DetachGroupPolicy>("iam:DetachGroupPolicy", |i| &i.group_name),
                |i| &i.policy_arn,
            ),
            attached::detach_group_policy,
        )
        .operation(
            access::group::<api::ListAttachedGroupPolicies>("iam:ListAttachedGroupPolicies", |i| {
                &i.group_name
            }),
            attached::list_attached_group_policies,
        )
        .operation(
            access::with_policy::<api::AttachRolePolicy>(
                access::role::<api::AttachRolePolicy>("iam:AttachRolePolicy", |i| &i.role_name),
                |i| &i.policy_arn,
            ),
            attached::attach_role_policy,
        )
        .operation(
            access::with_policy::<api::DetachRolePolicy>(
                access::role::<api::DetachRolePolicy>("iam:DetachRolePolicy", |i| &i.role_name),
                |i| &i.policy_arn,
            ),
            attached::detach_role_policy,
        )
        .operation(
            access::role::<api::ListAttachedRolePolicies>("iam:ListAttachedRolePolicies", |i| &i.role_name),
            attached::list_attached_role_policies,
        )
}

fn keys_and_account(builder: Builder) -> Builder {
    builder
        .operation(
            access::user_or_caller::<api::CreateAccessKey>("iam:CreateAccessKey", |i| i.user_name.as_deref()),
            access_keys::create,
        )
        .operation(
            access::user_or_caller::<api::UpdateAccessKey>("iam:UpdateAccessKey", |i| i.user_name.as_deref()),
            access_keys::update,
        )
        .operation(
            access::user_or_caller::<api::DeleteAccessKey>("iam:DeleteAccessKey", |i| i.user_name.as_deref()),
            access_keys::delete,
        )
        .operation(
            access::user_or_caller::<api::ListAccessKeys>("iam:ListAccessKeys", |i| i.user_name.as_deref()),
            access_keys::list,
        )
        .operation(access::key_last_used, access_keys::last_used)
        .operation(
            access::account::<api::CreateAccountAlias>("iam:CreateAccountAlias"),
            account::create_alias,
        )
        .operation(
            access::account::<api::DeleteAccountAlias>("iam:DeleteAccountAlias"),
            account::delete_alias,
        )
        .operation(
            access::account::<api::ListAccountAliases>("iam:ListAccountAliases"),
            account::list_aliases,
        )
        .operation(access::account::<api::GetAccountSummary>("iam:GetAccountSummary"), account::summary)
        .operation(
            access::account::<api::GetAccountAuthorizationDetails>("iam:GetAccountAuthorizationDetails"),
            details::get,
        )
}

const NO_SAML: &[&str] = &[
    "CreateSAMLProvider",
    "DeleteSAMLProvider",
    "GetSAMLProvider",
    "ListSAMLProviderTags",
    "TagSAMLProvider",
    "UntagSAMLProvider",
    "UpdateSAMLProvider",
];
const NO_CODECOMMIT: &[&str] = &[
    "DeleteSSHPublicKey",
    "GetSSHPublicKey",
    "UpdateSSHPublicKey",
    "UploadSSHPublicKey",
    "CreateServiceSpecificCredential",
    "DeleteServiceSpecificCredential",
    "ResetServiceSpecificCredential",
    "UpdateServiceSpecificCredential",
];
const NO_SOAP: &[&str] =
    &["DeleteSigningCertificate", "UpdateSigningCertificate", "UploadSigningCertificate"];
const NO_DELEGATION: &[&str] = &[
    "AcceptDelegationRequest",
    "AssociateDelegationRequest",
    "CreateDelegationRequest",
    "GetDelegationRequest",
    "GetHumanReadableSummary",
    "ListDelegationRequests",
    "RejectDelegationRequest",
    "SendDelegationToken",
    "UpdateDelegationRequest",
];

fn declined(builder: Builder) -> Builder {
    builder
        .declined(
            "identity providers speak OpenID Connect here: SAML is signed XML, and none is parsed",
            NO_SAML,
        )
        .declined("they open CodeCommit, Keyspaces and Bedrock, which are not offered here", NO_CODECOMMIT)
        .declined("they sign SOAP requests, which no API here takes", NO_SOAP)
        .declined(
            "a request for delegated access comes from one of AWS's partners, who is told of its end through SNS",
            NO_DELEGATION,
        )
}
