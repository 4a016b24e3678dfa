//! What the gateway itself answers when it does not serve a request, in API Gateway's words.
//!
//! The reason behind a refusal goes to the log and the audit trail, never into these texts.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// A request that was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: Option<String>,
    /// Denials by policy spell their member with a capital, as API Gateway does.
    capital: bool,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: Some(message.into()), capital: false }
    }

    /// No such API, stage or address. Which of them, strangers are not told.
    pub(crate) fn forbidden() -> Self {
        Self::new(403, "ForbiddenException", "Forbidden")
    }

    /// No such resource or method.
    pub(crate) fn no_such_method() -> Self {
        Self::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    /// A signature that is missing or wrong.
    pub(crate) fn unsigned(refusal: identity::sigv4::Refusal) -> Self {
        Self::new(refusal.status, refusal.code, refusal.message)
    }

    /// A caller whom policy denies.
    pub(crate) fn denied(message: String) -> Self {
        Self { capital: true, ..Self::new(403, "AccessDeniedException", message) }
    }

    /// A caller whom a function does not know.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "UnauthorizedException", "Unauthorized")
    }

    /// A function that says nothing that could be understood of a caller. API Gateway has no words for it.
    pub(crate) fn authorizer_failed() -> Self {
        Self { message: None, ..Self::new(500, "AuthorizerConfigurationException", "") }
    }

    pub(crate) fn throttled() -> Self {
        Self::new(429, "TooManyRequestsException", "Too Many Requests")
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLargeException", "Request Too Long")
    }

    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(415, "UnsupportedMediaTypeException", "Unsupported Media Type")
    }

    /// The integration could not be called.
    pub(crate) fn integration_failed() -> Self {
        Self::new(500, "InternalServerErrorException", "Internal server error")
    }

    /// The integration answered what is no answer.
    pub(crate) fn malformed_answer() -> Self {
        Self::new(502, "InternalServerErrorException", "Internal server error")
    }

    pub(crate) fn timed_out() -> Self {
        Self::new(504, "InternalServerErrorException", "Endpoint request timed out")
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The answer for the caller.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let member = if self.capital { "Message" } else { "message" };
        let mut response = Response::new(json!({ member: self.message }).to_string().into());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        response
    }
}
