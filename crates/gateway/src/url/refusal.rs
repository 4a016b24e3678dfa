//! What a function URL itself answers when it does not hand a request on, in Lambda's words.
//!
//! Strangers are not told why.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// A request that was not handed on, or whose answer was none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    body: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, body: &serde_json::Value) -> Self {
        Self { status, code, body: body.to_string() }
    }

    /// No such address, or not for this caller.
    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDeniedException", &json!({ "Message": "Forbidden" }))
    }

    /// A signature that is wrong.
    pub(super) fn unsigned(refusal: &identity::sigv4::Refusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, refusal.code, &json!({ "message": refusal.message }))
    }

    pub(super) fn throttled(message: &str) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            &json!({ "Type": "User", "message": message }),
        )
    }

    pub(super) fn too_large() -> Self {
        let message = "Request must be smaller than 6291456 bytes for the InvokeFunction operation";
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &json!({ "Type": "User", "message": message }),
        )
    }

    pub(super) fn looped(message: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "RecursiveInvocationException",
            &json!({ "Type": "User", "Message": message }),
        )
    }

    /// The function failed, or its answer is none.
    pub(super) fn failed() -> Self {
        let body = "Internal Server Error".to_owned();
        Self { status: StatusCode::BAD_GATEWAY, code: "InternalServerErrorException", body }
    }

    /// Its code, for the trail.
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.code));
        response
    }
}
