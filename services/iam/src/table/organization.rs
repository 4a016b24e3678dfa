//! The operation table's part for organizations: what may be done in the place of root users, and reports.

use super::Builder;
use crate::access;
use crate::api;
use crate::operations::{organization_report, root_access};

pub(super) fn operations(builder: Builder) -> Builder {
    builder
        .operation(
            access::account::<api::EnableOrganizationsRootCredentialsManagement>(
                "iam:EnableOrganizationsRootCredentialsManagement",
            ),
            root_access::enable_credentials,
        )
        .operation(
            access::account::<api::DisableOrganizationsRootCredentialsManagement>(
                "iam:DisableOrganizationsRootCredentialsManagement",
            ),
            root_access::disable_credentials,
        )
        .operation(
            access::account::<api::EnableOrganizationsRootSessions>("iam:EnableOrganizationsRootSessions"),
            root_access::enable_sessions,
        )
        .operation(
            access::account::<api::DisableOrganizationsRootSessions>("iam:DisableOrganizationsRootSessions"),
            root_access::disable_sessions,
        )
        .operation(
            access::account::<api::ListOrganizationsFeatures>("iam:ListOrganizationsFeatures"),
            root_access::list,
        )
        .operation(organization_report::leave, organization_report::generate)
        .operation(
            access::account::<api::GetOrganizationsAccessReport>("iam:GetOrganizationsAccessReport"),
            organization_report::get,
        )
}
