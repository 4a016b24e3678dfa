//! The gateway's own answers, which an API may have in words, with headers and under statuses of its own.
//!
//! It knows what an answer is about, never why one was given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What an answer of the gateway's own is about: the types of API Gateway's gateway responses.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)]
pub enum ResponseType {
    AccessDenied,
    ApiConfigurationError,
    AuthorizerConfigurationError,
    AuthorizerFailure,
    BadRequestBody,
    BadRequestParameters,
    #[serde(rename = "DEFAULT_4XX")]
    Default4xx,
    #[serde(rename = "DEFAULT_5XX")]
    Default5xx,
    ExpiredToken,
    IntegrationFailure,
    IntegrationTimeout,
    InvalidApiKey,
    InvalidSignature,
    MissingAuthenticationToken,
    QuotaExceeded,
    RequestTooLarge,
    ResourceNotFound,
    Throttled,
    Unauthorized,
    UnsupportedMediaType,
    WafFiltered,
}

impl ResponseType {
    /// All types with their names and default statuses, in the order of their names.
    pub const ALL: [(Self, &'static str, Option<u16>); 21] = [
        (Self::AccessDenied, "ACCESS_DENIED", Some(403)),
        (Self::ApiConfigurationError, "API_CONFIGURATION_ERROR", Some(500)),
        (Self::AuthorizerConfigurationError, "AUTHORIZER_CONFIGURATION_ERROR", Some(500)),
        (Self::AuthorizerFailure, "AUTHORIZER_FAILURE", Some(500)),
        (Self::BadRequestBody, "BAD_REQUEST_BODY", Some(400)),
        (Self::BadRequestParameters, "BAD_REQUEST_PARAMETERS", Some(400)),
        (Self::Default4xx, "DEFAULT_4XX", None),
        (Self::Default5xx, "DEFAULT_5XX", None),
        (Self::ExpiredToken, "EXPIRED_TOKEN", Some(403)),
        (Self::IntegrationFailure, "INTEGRATION_FAILURE", Some(504)),
        (Self::IntegrationTimeout, "INTEGRATION_TIMEOUT", Some(504)),
        (Self::InvalidApiKey, "INVALID_API_KEY", Some(403)),
        (Self::InvalidSignature, "INVALID_SIGNATURE", Some(403)),
        (Self::MissingAuthenticationToken, "MISSING_AUTHENTICATION_TOKEN", Some(403)),
        (Self::QuotaExceeded, "QUOTA_EXCEEDED", Some(429)),
        (Self::RequestTooLarge, "REQUEST_TOO_LARGE", Some(413)),
        (Self::ResourceNotFound, "RESOURCE_NOT_FOUND", Some(404)),
        (Self::Throttled, "THROTTLED", Some(429)),
        (Self::Unauthorized, "UNAUTHORIZED", Some(401)),
        (Self::UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", Some(415)),
        (Self::WafFiltered, "WAF_FILTERED", Some(403)),
    ];

    /// The type of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(kind, _, _)| *kind)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).map_or("", |(_, name, _)| name)
    }

    /// The status that it has where nobody says another; none of those that stand for many.
    pub fn status(self) -> Option<u16> {
        Self::ALL.iter().find(|(kind, _, _)| *kind == self).and_then(|(_, _, status)| *status)
    }
}

/// An answer as an API's owner wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayResponse {
    /// Its status, where it is not the one that it has anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers by name: what each is made of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderSource>,
    /// Templates by content type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub templates: BTreeMap<String, String>,
}

/// What a header of an answer is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeaderSource {
    /// A fixed text.
    #[serde(rename = "text")]
    Text(String),
    /// A variable, as it stands behind the `$` of a template: `context.requestId`.
    #[serde(rename = "variable")]
    Variable(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_records_have() {
        for (kind, name, _) in ResponseType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
            assert_eq!((ResponseType::of(name), kind.name()), (Some(kind), name));
        }
        assert_eq!(ResponseType::of("NONE"), None);
    }
}
