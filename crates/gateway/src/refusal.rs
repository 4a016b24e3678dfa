//! What the gateway itself answers when it does not serve a request, in API Gateway's words.
//!
//! The reason behind a refusal goes to the log and the audit trail, never into these texts.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use service::denial::MESSAGE_HEADER;

use crate::records::ResponseType;

/// The request line and the values of all headers together, in bytes.
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>
pub(crate) const HEAD_BYTES_MAX: usize = 10_240;

/// A request that was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    kind: ResponseType,
    status: u16,
    code: &'static str,
    message: Option<String>,
    /// Denials by policy spell their member with a capital, as API Gateway does.
    capital: bool,
    /// What a model says of a body. An API's own answers may tell it; the usual ones do not.
    validation: Option<String>,
    /// The sealed message that explains a denial, for whoever may have it opened.
    sealed: Option<Box<str>>,
}

impl Refusal {
    fn new(kind: ResponseType, status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            status,
            code,
            message: Some(message.into()),
            capital: false,
            validation: None,
            sealed: None,
        }
    }

    /// No such API, stage or address. Which of them, strangers are not told.
    pub(crate) fn forbidden() -> Self {
        Self::new(ResponseType::Default4xx, 403, "ForbiddenException", "Forbidden")
    }

    /// No such resource or method.
    pub(crate) fn no_such_method() -> Self {
        let code = "MissingAuthenticationTokenException";
        Self::new(ResponseType::MissingAuthenticationToken, 403, code, "Missing Authentication Token")
    }

    /// A signature that is missing or wrong.
    pub(crate) fn unsigned(refusal: identity::sigv4::Refusal) -> Self {
        let kind = match refusal.code {
            "MissingAuthenticationTokenException" => ResponseType::MissingAuthenticationToken,
            "ExpiredTokenException" => ResponseType::ExpiredToken,
            "InvalidSignatureException" | "IncompleteSignatureException" => ResponseType::InvalidSignature,
            _ if refusal.status == 403 => ResponseType::AccessDenied,
            _ => ResponseType::Default4xx,
        };
        Self::new(kind, refusal.status, refusal.code, refusal.message)
    }

    /// A caller whom policy denies.
    pub(crate) fn denied(message: String) -> Self {
        let code = "AccessDeniedException";
        Self { capital: true, ..Self::new(ResponseType::AccessDenied, 403, code, message) }
    }

    /// The same with its explanation.
    pub(crate) fn sealed_in(self, sealed: Option<Box<str>>) -> Self {
        Self { sealed, ..self }
    }

    /// A caller whom a function does not know.
    pub(crate) fn unauthorized() -> Self {
        Self::new(ResponseType::Unauthorized, 401, "UnauthorizedException", "Unauthorized")
    }

    /// A function that says nothing that could be understood of a caller. API Gateway has no words for it.
    pub(crate) fn authorizer_failed() -> Self {
        let kind = ResponseType::AuthorizerConfigurationError;
        Self { message: None, ..Self::new(kind, 500, "AuthorizerConfigurationException", "") }
    }

    /// A request without a key that is good for this stage. Why it is not, strangers are not told.
    pub(crate) fn bad_key() -> Self {
        Self::new(ResponseType::InvalidApiKey, 403, "ForbiddenException", "Forbidden")
    }

    pub(crate) fn throttled() -> Self {
        Self::new(ResponseType::Throttled, 429, "TooManyRequestsException", "Too Many Requests")
    }

    /// A key that has made all the requests of its time.
    pub(crate) fn quota_exceeded() -> Self {
        Self::new(ResponseType::QuotaExceeded, 429, "LimitExceededException", "Limit Exceeded")
    }

    pub(crate) fn too_large() -> Self {
        let code = "RequestEntityTooLargeException";
        Self::new(ResponseType::RequestTooLarge, 413, code, "Request Too Long")
    }

    /// A request line and headers over API Gateway's quota.
    pub(crate) fn head_too_large() -> Self {
        let message = format!("HTTP header is larger than {HEAD_BYTES_MAX} bytes.");
        Self::new(ResponseType::Default4xx, 431, "RequestHeaderFieldsTooLargeException", message)
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let code = "UnsupportedMediaTypeException";
        Self::new(ResponseType::UnsupportedMediaType, 415, code, "Unsupported Media Type")
    }

    /// Parameters that are asked for and not there.
    pub(crate) fn missing_parameters(names: &[&str]) -> Self {
        let message = format!("Missing required request parameters: [{}]", names.join(", "));
        let refusal = Self::new(ResponseType::BadRequestParameters, 400, "BadRequestException", message);
        Self { validation: Some(format!("[{}]", names.join(", "))), ..refusal }
    }

    /// A body that is not what its model asks for.
    pub(crate) fn bad_body(problems: &[String]) -> Self {
        let code = "BadRequestException";
        let refusal = Self::new(ResponseType::BadRequestBody, 400, code, "Invalid request body");
        Self { validation: Some(format!("[{}]", problems.join(", "))), ..refusal }
    }

    /// A body that a template takes for JSON, and that is none.
    pub(crate) fn no_json(reason: &str) -> Self {
        let message = format!("Could not parse request body into json: {reason}");
        Self::new(ResponseType::Default4xx, 400, "BadRequestException", message)
    }

    /// The integration could not be called.
    pub(crate) fn integration_failed() -> Self {
        Self::internal(ResponseType::ApiConfigurationError, 500, "Internal server error")
    }

    /// The integration answered what is no answer.
    pub(crate) fn malformed_answer() -> Self {
        Self::internal(ResponseType::ApiConfigurationError, 502, "Internal server error")
    }

    pub(crate) fn timed_out() -> Self {
        Self::internal(ResponseType::IntegrationTimeout, 504, "Endpoint request timed out")
    }

    fn internal(kind: ResponseType, status: u16, message: &str) -> Self {
        Self::new(kind, status, "InternalServerErrorException", message)
    }

    pub(crate) const fn kind(&self) -> ResponseType {
        self.kind
    }

    pub(crate) const fn status(&self) -> u16 {
        self.status
    }

    pub(crate) const fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// What a model says of the body.
    pub(crate) fn validation(&self) -> &str {
        self.validation.as_deref().unwrap_or_default()
    }

    /// The usual body.
    pub(crate) fn body(&self) -> Bytes {
        let member = if self.capital { "Message" } else { "message" };
        json!({ member: self.message }).to_string().into()
    }

    /// The usual answer for the caller.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        if let Some(sealed) = self.sealed.and_then(|sealed| HeaderValue::from_str(&sealed).ok()) {
            headers.insert(MESSAGE_HEADER, sealed);
        }
        response
    }
}
