//! The operation table's part for identity providers.

use super::Builder;
use crate::access;
use crate::access::federation as own;
use crate::api;
use crate::operations::{providers, tagged};

pub(super) fn operations(builder: Builder) -> Builder {
    builder
        .operation(own::create_provider, providers::create)
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
