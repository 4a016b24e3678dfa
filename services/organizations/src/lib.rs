//! Organizations: several accounts of one owner, in a tree, under policies that bind whole branches of it.
//!
//! Nouns: an *organization* has one management account, one root, units below it, and member accounts; a *control policy*
//! limits what the principals of an account (service control) or callers of its resources (resource control) may do.
//! It writes the tree; what the tree means for a call is worked out by the directory and decided by `policy`, at the next
//! call on every connection. It knows no HTTP and no other service.
//!
//! Invariants:
//! - an account that is made is a tenant of its own, and the role that it is made with is the only way into it;
//! - every level has at least one policy of each type that is enabled;
//! - no control policy binds the management account;
//! - the tag `fastness:observe=true` on an account has all of its roles in observe mode, and takes `fastness:SetObserveMode` besides;
//! - a closed account is closed for everybody, its own people, its functions and those of others, from the next call on.
//!
//! Differences from AWS: an account is made, and closed, before the caller is answered, and a closed one is kept until the
//! organization lets it go; organizations have all features; accounts are not invited; policies other than service and resource control policies are not offered.

mod access;
pub mod api;
mod error;
mod integrated;
mod model;
mod operations;
mod page;
mod shapes;
mod tags;
mod tree;

use std::sync::Arc;

use ::identity::{Directory, Edit};
use service::{Call, Service, ServiceBuilder};

pub use error::Error;
use operations::{accounts, attachments, creation, delegation, organization, policies, tagging, units};

/// What the handlers share.
pub(crate) struct Organizations {
    pub(crate) directory: Directory,
}

impl Organizations {
    /// Changes the tree: recorded, and in force everywhere before the caller is answered.
    pub(crate) async fn change<T: Send>(
        &self,
        call: &Call,
        body: impl FnOnce(&mut Edit<'_, '_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        call.transact(|transaction| body(&mut self.directory.edit_organization(transaction, call.account())))
            .await
    }
}

/// The service over this directory.
#[must_use]
pub fn service(directory: Directory) -> Service {
    let builder = ServiceBuilder::new("organizations", Arc::new(Organizations { directory }))
        .operation::<api::CreateOrganization, _, _, _, _>(access::create_organization, organization::create)
        .operation::<api::DescribeOrganization, _, _, _, _>(
            access::describe_organization,
            organization::describe,
        )
        .operation::<api::DeleteOrganization, _, _, _, _>(access::delete_organization, organization::delete)
        .operation::<api::LeaveOrganization, _, _, _, _>(access::leave_organization, organization::leave)
        .operation::<api::ListRoots, _, _, _, _>(access::list_roots, organization::roots)
        .operation::<api::EnablePolicyType, _, _, _, _>(access::enable_type, organization::enable)
        .operation::<api::DisablePolicyType, _, _, _, _>(access::disable_type, organization::disable)
        .operation::<api::CreateOrganizationalUnit, _, _, _, _>(access::create_unit, units::create)
        .operation::<api::DescribeOrganizationalUnit, _, _, _, _>(access::describe_unit, units::describe)
        .operation::<api::UpdateOrganizationalUnit, _, _, _, _>(access::update_unit, units::update)
        .operation::<api::DeleteOrganizationalUnit, _, _, _, _>(access::delete_unit, units::delete)
        .operation::<api::ListOrganizationalUnitsForParent, _, _, _, _>(access::list_units, units::list)
        .operation::<api::ListChildren, _, _, _, _>(access::list_children, units::children)
        .operation::<api::ListParents, _, _, _, _>(access::list_parents, units::parents);
    declined(policies_and_members(builder)).build()
}

fn policies_and_members(builder: ServiceBuilder<Organizations>) -> ServiceBuilder<Organizations> {
    builder
        .operation::<api::CreateAccount, _, _, _, _>(access::create_account, creation::create)
        .operation::<api::DescribeCreateAccountStatus, _, _, _, _>(
            access::describe_creation,
            creation::describe,
        )
        .operation::<api::ListCreateAccountStatus, _, _, _, _>(access::list_creations, creation::list)
        .operation::<api::DescribeAccount, _, _, _, _>(access::describe_account, accounts::describe)
        .operation::<api::ListAccounts, _, _, _, _>(access::list_accounts, accounts::list)
        .operation::<api::ListAccountsForParent, _, _, _, _>(
            access::list_accounts_below,
            accounts::list_below,
        )
        .operation::<api::MoveAccount, _, _, _, _>(access::move_account, accounts::r#move)
        .operation::<api::CloseAccount, _, _, _, _>(access::close_account, accounts::close)
        .operation::<api::RemoveAccountFromOrganization, _, _, _, _>(access::remove_account, accounts::remove)
        .operation::<api::CreatePolicy, _, _, _, _>(access::create_policy, policies::create)
        .operation::<api::DescribePolicy, _, _, _, _>(access::describe_policy, policies::describe)
        .operation::<api::UpdatePolicy, _, _, _, _>(access::update_policy, policies::update)
        .operation::<api::DeletePolicy, _, _, _, _>(access::delete_policy, policies::delete)
        .operation::<api::ListPolicies, _, _, _, _>(access::list_policies, policies::list)
        .operation::<api::AttachPolicy, _, _, _, _>(access::attach_policy, attachments::attach)
        .operation::<api::DetachPolicy, _, _, _, _>(access::detach_policy, attachments::detach)
        .operation::<api::ListPoliciesForTarget, _, _, _, _>(
            access::list_policies_for,
            attachments::of_target,
        )
        .operation::<api::ListTargetsForPolicy, _, _, _, _>(access::list_targets, attachments::targets)
        .operation::<api::TagResource, _, _, _, _>(access::tag_resource, tagging::tag)
        .operation::<api::UntagResource, _, _, _, _>(access::untag_resource, tagging::untag)
        .operation::<api::ListTagsForResource, _, _, _, _>(access::list_tags, tagging::list)
        .operation::<api::EnableAWSServiceAccess, _, _, _, _>(access::enable_service, delegation::enable)
        .operation::<api::DisableAWSServiceAccess, _, _, _, _>(access::disable_service, delegation::disable)
        .operation::<api::ListAWSServiceAccessForOrganization, _, _, _, _>(
            access::list_services,
            delegation::list_enabled,
        )
        .operation::<api::RegisterDelegatedAdministrator, _, _, _, _>(access::register, delegation::register)
        .operation::<api::DeregisterDelegatedAdministrator, _, _, _, _>(
            access::deregister,
            delegation::deregister,
        )
        .operation::<api::ListDelegatedAdministrators, _, _, _, _>(
            access::list_administrators,
            delegation::administrators,
        )
        .operation::<api::ListDelegatedServicesForAccount, _, _, _, _>(
            access::list_delegated_services,
            delegation::services,
        )
}

fn declined(builder: ServiceBuilder<Organizations>) -> ServiceBuilder<Organizations> {
    builder
        .declined(
            "an organization makes its accounts; it does not invite those of others",
            &[
                "AcceptHandshake",
                "CancelHandshake",
                "DeclineHandshake",
                "DescribeHandshake",
                "InviteAccountToOrganization",
                "ListHandshakesForAccount",
                "ListHandshakesForOrganization",
            ],
        )
        .declined("there is one partition", &["CreateGovCloudAccount"])
        .declined("every organization has all features", &["EnableAllFeatures"])
        .declined(
            "the organization's own policy is the management account's identity policies",
            &["DeleteResourcePolicy", "DescribeResourcePolicy", "PutResourcePolicy"],
        )
        .declined(
            "service and resource control policies are not merged into one document",
            &[
                "DescribeEffectivePolicy",
                "ListAccountsWithInvalidEffectivePolicy",
                "ListEffectivePolicyValidationErrors",
            ],
        )
        .declined(
            "nobody pays here",
            &[
                "DescribeResponsibilityTransfer",
                "InviteOrganizationToTransferResponsibility",
                "ListInboundResponsibilityTransfers",
                "ListOutboundResponsibilityTransfers",
                "TerminateResponsibilityTransfer",
                "UpdateResponsibilityTransfer",
            ],
        )
}

#[cfg(test)]
mod tests;
