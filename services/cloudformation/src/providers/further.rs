//! Types beside the common ones: of analyzers, organizations and parameters, and the rarer ones of the other services.
//!
//! A list and nothing else.

use super::{
    Provider, analyzer, analyzer_rules, dynamodb_global_table, iam_certificate, iam_linked_role,
    iam_mfa_device, iam_oidc, organizations_account, organizations_policy, organizations_types, plain_types,
    ssm_parameter,
};

/// In the order of their names.
pub(super) static FURTHER: &[&dyn Provider] = &[
    &analyzer::Analyzer,
    &analyzer_rules::ArchiveRule,
    &plain_types::BACKUP,
    &dynamodb_global_table::GlobalTable,
    &iam_oidc::OidcProvider,
    &iam_certificate::ServerCertificate,
    &iam_linked_role::ServiceLinkedRole,
    &iam_mfa_device::VirtualMfaDevice,
    &plain_types::CODE_SIGNING_CONFIG,
    &organizations_account::Account,
    &organizations_types::Organization,
    &organizations_types::ORGANIZATIONAL_UNIT,
    &organizations_policy::Policy,
    &ssm_parameter::Parameter,
];
