//! The operation table's part for reports: credentials, last use, what grants a service.

use super::Builder;
use crate::access;
use crate::access::credentials as own;
use crate::api;
use crate::operations::{credential_report, granting, last_accessed};

pub(super) fn operations(builder: Builder) -> Builder {
    builder
        .operation(
            access::account::<api::GenerateCredentialReport>("iam:GenerateCredentialReport"),
            credential_report::generate,
        )
        .operation(
            access::account::<api::GetCredentialReport>("iam:GetCredentialReport"),
            credential_report::get,
        )
        .operation(
            own::simulated::<api::GenerateServiceLastAccessedDetails>(
                "iam:GenerateServiceLastAccessedDetails",
                |i| &i.arn,
            ),
            last_accessed::generate,
        )
        .operation(
            access::account::<api::GetServiceLastAccessedDetails>("iam:GetServiceLastAccessedDetails"),
            last_accessed::get,
        )
        .operation(
            access::account::<api::GetServiceLastAccessedDetailsWithEntities>(
                "iam:GetServiceLastAccessedDetailsWithEntities",
            ),
            last_accessed::get_entities,
        )
        .operation(
            own::simulated::<api::ListPoliciesGrantingServiceAccess>(
                "iam:ListPoliciesGrantingServiceAccess",
                |i| &i.arn,
            ),
            granting::list,
        )
}
