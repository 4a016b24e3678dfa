//! The API on the wire: what a client sends reaches the right operation, and what it gets back is where it looks.

use http::HeaderMap;
use protocol::{Bytes, Fault, IntoValue, Sensitive, Value, WireRequest};
use service::ServiceError;

use crate::api;
use crate::error::Error;

fn decode(method: &str, path: &str, query: &str, headers: &HeaderMap, body: &str) -> (&'static str, Value) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let request = WireRequest { method, path, query, headers, body: &body };
    let operation = protocol::route(Some("lambda"), &request).unwrap();
    (operation.name(), protocol::decode_input(operation, &request).unwrap())
}

#[test]
fn an_invocation_is_read_from_path_query_headers_and_body() {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-invocation-type", "Event".parse().unwrap());
    headers.insert("x-amz-log-type", "Tail".parse().unwrap());
    let path =
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Aorders/invocations";
    let (name, value) = decode("POST", path, "Qualifier=live", &headers, r#"{"a":1}"#);
    assert_eq!(name, "Invoke");
    let input = <api::InvocationRequest as protocol::FromValue>::from_value(value).unwrap();
    assert_eq!(input.function_name, "arn:aws:lambda:us-east-1:123456789012:function:orders");
    assert_eq!(input.qualifier.as_deref(), Some("live"));
    assert_eq!(input.invocation_type.as_deref(), Some("Event"));
    assert_eq!(input.payload.unwrap().expose().as_ref(), br#"{"a":1}"#);
}

#[test]
fn an_answer_carries_its_payload_bare_and_the_rest_in_headers() {
    let output = api::InvocationResponse {
        status_code: Some(202),
        function_error: Some("Unhandled".into()),
        log_result: Some("bG9n".into()),
        executed_version: Some("3".into()),
        payload: Some(Sensitive::new(Bytes::from_static(b"[1]"))),
        ..Default::default()
    };
    let operation = protocol::model("lambda").unwrap().operation("Invoke").unwrap();
    let response = protocol::encode_output(operation, &output.into_value(), "id");
    assert_eq!((response.status, response.body.as_ref()), (202, b"[1]".as_ref()));
    let header = |name: &str| response.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(header("x-amz-function-error").as_deref(), Some("Unhandled"));
    assert_eq!(header("x-amz-log-result").as_deref(), Some("bG9n"));
    assert_eq!(header("x-amz-executed-version").as_deref(), Some("3"));
}

#[test]
fn errors_have_the_status_and_the_members_of_their_shapes() {
    let model = protocol::model("lambda").unwrap();
    let encode = |error: Error| {
        let fault: Fault = error.into_fault();
        let operation = model.operation("Invoke");
        let response = protocol::encode_fault(model, operation, &fault, "id");
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        let waits = response.headers.get("retry-after").map(|secs| secs.to_str().unwrap());
        assert_eq!(waits, (response.status == 429).then_some("1"), "when to try again is a number");
        (response.status, response.headers["x-amzn-errortype"].to_str().unwrap().to_owned(), body)
    };
    let text = || "m".to_owned();
    for (error, status, kind) in [
        (Error::ResourceNotFound(text()), 404, "ResourceNotFoundException"),
        (Error::ResourceConflict(text()), 409, "ResourceConflictException"),
        (Error::InvalidParameterValue(text()), 400, "InvalidParameterValueException"),
        (Error::InvalidRequestContent(text()), 400, "InvalidRequestContentException"),
        (Error::RequestTooLarge(text()), 413, "RequestTooLargeException"),
        (Error::RequestEntityTooLarge(text()), 413, "RequestEntityTooLargeException"),
        (Error::PreconditionFailed(text()), 412, "PreconditionFailedException"),
        (Error::PolicyLengthExceeded(text()), 400, "PolicyLengthExceededException"),
        (Error::AccessDenied(text()), 403, "AccessDeniedException"),
        (Error::InvalidRuntime(text()), 502, "InvalidRuntimeException"),
        (Error::Unavailable, 503, "ServiceUnavailableException"),
        (Error::TooManyRequests { reason: "R", message: text() }, 429, "TooManyRequestsException"),
    ] {
        let (seen, code, body) = encode(error);
        assert_eq!((seen, code.split(':').next().unwrap()), (status, kind), "{body}");
        let message = body.get("message").or_else(|| body.get("Message"));
        assert!(message.is_some_and(serde_json::Value::is_string), "{body}");
    }
    let (_, _, body) = encode(Error::TooManyRequests { reason: "R", message: text() });
    assert_eq!((&body["Reason"], &body["Type"]), (&serde_json::json!("R"), &serde_json::json!("User")));
}

#[test]
fn every_operation_finds_its_way() {
    let headers = HeaderMap::new();
    for (method, path, body, name) in [
        ("GET", "/2015-03-31/functions", "", "ListFunctions"),
        ("GET", "/2015-03-31/functions/", "", "ListFunctions"),
        ("GET", "/2015-03-31/functions/f", "", "GetFunction"),
        ("DELETE", "/2015-03-31/functions/f", "", "DeleteFunction"),
        ("GET", "/2015-03-31/functions/f/configuration", "", "GetFunctionConfiguration"),
        ("POST", "/2015-03-31/functions/f/versions", "{}", "PublishVersion"),
        ("GET", "/2015-03-31/functions/f/aliases/live", "", "GetAlias"),
        ("GET", "/2015-03-31/functions/f/policy", "", "GetPolicy"),
        ("GET", "/2019-09-30/functions/f/concurrency", "", "GetFunctionConcurrency"),
        ("GET", "/2016-08-19/account-settings", "", "GetAccountSettings"),
        ("GET", "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:f", "", "ListTags"),
    ] {
        assert_eq!(decode(method, path, "", &headers, body).0, name, "{method} {path}");
    }
}
