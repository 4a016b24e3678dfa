//! From HTTP messages to values and back, by the protocol of the model.
//!
//! Every codec interprets the model; none knows an operation by name. Limits hold before memory is spent.

mod bindings;
mod cbor;
pub(crate) mod fault;
pub(crate) mod form;
mod json;
mod query;
mod rest_json;
mod rest_xml;
#[cfg(test)]
mod roundtrip;
mod scalar;
mod tree;
mod xml;
mod xml_reader;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::{Model, OperationModel, Protocol, Shape};
use crate::{ByteStream, Fault, Structure, Value, WireRequest, WireResponse};

pub use fault::encode_fault;
pub use json::audit::write_audit_json;
pub use tree::{value_from_json, value_to_json};

/// The deepest nesting that any codec reads. DynamoDB's 32 levels take two each, and its requests' frame some more: what is
/// deeper than an item may be is its to refuse.
pub const DEPTH_MAX: usize = 80;

/// The most values that one request may consist of, whatever its size in bytes.
pub const VALUES_MAX: usize = 500_000;

/// What stands in the place of a sensitive member, as in CloudTrail.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Whether sensitive members are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redact {
    /// Everything is shown: for answering and for internal calls.
    No,
    /// Sensitive members become [`HIDDEN`].
    Sensitive,
}

/// The parameters of a request: a structure, decoded but not yet validated.
pub fn decode_input(operation: OperationModel, request: &WireRequest<'_>) -> Result<Value, Fault> {
    let Some(shape) = operation.input() else { return Ok(Value::Structure(Structure::new())) };
    match operation.model().protocol() {
        Protocol::Json10 | Protocol::Json11 => json::reader::read(shape, request.body),
        Protocol::Query => query::decode(shape, request),
        Protocol::RestJson => rest_json::decode(operation, shape, request),
        Protocol::RestXml => rest_xml::decode(operation, shape, request),
        Protocol::Cbor => cbor::decode(),
    }
}

/// The parameters of a request whose body, `body`, is still on its way.
pub fn decode_streamed_input(
    operation: OperationModel,
    request: &WireRequest<'_>,
    body: ByteStream,
) -> Result<Value, Fault> {
    let mut input = decode_input(operation, &WireRequest { body: &Bytes::new(), ..*request })?;
    let payload = operation.input().and_then(Shape::payload);
    if let (Value::Structure(members), Some((member, _))) = (&mut input, payload) {
        members.push(member.name, Value::Stream(body));
    }
    Ok(input)
}

/// A successful answer.
pub fn encode_output(operation: OperationModel, output: &Value, request_id: &str) -> WireResponse {
    let mut response = match operation.model().protocol() {
        Protocol::Json10 | Protocol::Json11 => json::answer(operation, output),
        Protocol::Query => query::encode(operation, output, request_id),
        Protocol::RestJson => rest_json::encode(operation, output),
        Protocol::RestXml => rest_xml::encode(operation, output),
        Protocol::Cbor => {
            return encode_fault(operation.model(), Some(operation), &cbor::not_spoken(), request_id);
        }
    };
    finish(Some(operation.model()), &mut response, request_id);
    response
}

/// What every answer carries, whatever its protocol.
fn finish(model: Option<&'static Model>, response: &mut WireResponse, request_id: &str) {
    let bare = model.is_some_and(Model::bare_errors);
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers.insert(if bare { BARE_REQUEST_ID } else { REQUEST_ID }, id);
    }
    if bare && let Ok(id) = HeaderValue::from_str(&fault::host_id(request_id)) {
        response.headers.insert(HOST_ID, id);
    }
    if model.is_some_and(Model::crc32) {
        response.headers.insert(CRC32, HeaderValue::from(crc32fast::hash(&response.body)));
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const BARE_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const HOST_ID: HeaderName = HeaderName::from_static("x-amz-id-2");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");

/// A response with a body of this type.
fn response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> WireResponse {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    WireResponse { status, headers, body: body.into(), stream: None }
}

/// The content type of a JSON protocol's bodies.
const fn json_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        _ => "application/json",
    }
}
