//! The operation table's part for identity providers, server certificates, service-linked roles and tokens.

use super::Builder;
use crate::access;
use crate::access::federation as own;
use crate::api;
use crate::operations::{account, certificates, linked_roles, none_held, outbound, providers, tagged};

pub(super) fn operations(builder: Builder) -> Builder {
    outbound_tokens(linked(server_certificates(oidc_providers(builder))))
}

fn outbound_tokens(builder: Builder) -> Builder {
    builder
        .operation(
            access::account::<api::EnableOutboundWebIdentityFederation>(
                "iam:EnableOutboundWebIdentityFederation",
            ),
            outbound::enable,
        )
        .operation(
            access::account::<api::DisableOutboundWebIdentityFederation>(
                "iam:DisableOutboundWebIdentityFederation",
            ),
            outbound::disable,
        )
        .operation(
            access::account::<api::GetOutboundWebIdentityFederationInfo>(
                "iam:GetOutboundWebIdentityFederationInfo",
            ),
            outbound::info,
        )
        .operation(
            access::account::<api::SetSecurityTokenServicePreferences>(
                "iam:SetSecurityTokenServicePreferences",
            ),
            account::set_token_version,
        )
}

fn oidc_providers(builder: Builder) -> Builder {
    builder
        .operation(own::create_provider, providers::create)
        .operation(
            access::account::<api::ListSAMLProviders>("iam:ListSAMLProviders"),
            none_held::saml_providers,
        )
        .operation(
            access::account::<api::ListOpenIDConnectProviders>("iam:ListOpenIDConnectProviders"),
            providers::list,
        )
        .operation(
            own::provider::<api::GetOpenIDConnectProvider>("iam:GetOpenIDConnectProvider", |i| {
                &i.open_id_connect_provider_arn
            }),
            providers::get,
        )
        .operation(
            own::provider::<api::DeleteOpenIDConnectProvider>("iam:DeleteOpenIDConnectProvider", |i| {
                &i.open_id_connect_provider_arn
            }),
            providers::delete,
        )
        .operation(
            own::provider::<api::AddClientIDToOpenIDConnectProvider>(
                "iam:AddClientIDToOpenIDConnectProvider",
                |i| &i.open_id_connect_provider_arn,
            ),
            providers::add_client_id,
        )
        .operation(
            own::provider::<api::RemoveClientIDFromOpenIDConnectProvider>(
                "iam:RemoveClientIDFromOpenIDConnectProvider",
                |i| &i.open_id_connect_provider_arn,
            ),
            providers::remove_client_id,
        )
        .operation(
            own::provider::<api::UpdateOpenIDConnectProviderThumbprint>(
                "iam:UpdateOpenIDConnectProviderThumbprint",
                |i| &i.open_id_connect_provider_arn,
            ),
            providers::update_thumbprint,
        )
        .operation(
            own::provider::<api::ListOpenIDConnectProviderTags>("iam:ListOpenIDConnectProviderTags", |i| {
                &i.open_id_connect_provider_arn
            }),
            tagged::list_provider_tags,
        )
        .operation(
            access::with_tags::<api::TagOpenIDConnectProvider>(
                own::provider::<api::TagOpenIDConnectProvider>("iam:TagOpenIDConnectProvider", |i| {
                    &i.open_id_connect_provider_arn
                }),
                |i| &i.tags,
            ),
            tagged::tag_provider,
        )
        .operation(
            access::with_tag_keys::<api::UntagOpenIDConnectProvider>(
                own::provider::<api::UntagOpenIDConnectProvider>("iam:UntagOpenIDConnectProvider", |i| {
                    &i.open_id_connect_provider_arn
                }),
                |i| &i.tag_keys,
            ),
            tagged::untag_provider,
        )
}

fn linked(builder: Builder) -> Builder {
    builder
        .operation(own::create_linked_role, linked_roles::create)
        .operation(
            access::role::<api::DeleteServiceLinkedRole>("iam:DeleteServiceLinkedRole", |i| &i.role_name),
            linked_roles::delete,
        )
        .operation(own::linked_role_deletion, linked_roles::deletion_status)
}

fn server_certificates(builder: Builder) -> Builder {
    builder
        .operation(own::upload_certificate, certificates::upload)
        .operation(own::update_certificate, certificates::update)
        .operation(
            access::listing::<api::ListServerCertificates>(
                "iam:ListServerCertificates",
                "server-certificate",
                |i| i.path_prefix.as_deref(),
            ),
            certificates::list,
        )
        .operation(
            own::certificate::<api::GetServerCertificate>("iam:GetServerCertificate", |i| {
                &i.server_certificate_name
            }),
            certificates::get,
        )
        .operation(
            own::certificate::<api::DeleteServerCertificate>("iam:DeleteServerCertificate", |i| {
                &i.server_certificate_name
            }),
            certificates::delete,
        )
        .operation(
            access::with_tags::<api::TagServerCertificate>(
                own::certificate::<api::TagServerCertificate>("iam:TagServerCertificate", |i| {
                    &i.server_certificate_name
                }),
                |i| &i.tags,
            ),
            tagged::tag_certificate,
        )
        .operation(
            access::with_tag_keys::<api::UntagServerCertificate>(
                own::certificate::<api::UntagServerCertificate>("iam:UntagServerCertificate", |i| {
                    &i.server_certificate_name
                }),
                |i| &i.tag_keys,
            ),
            tagged::untag_certificate,
        )
        .operation(
            own::certificate::<api::ListServerCertificateTags>("iam:ListServerCertificateTags", |i| {
                &i.server_certificate_name
            }),
            tagged::list_certificate_tags,
        )
}
