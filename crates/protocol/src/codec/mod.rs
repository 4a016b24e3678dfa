//! From HTTP messages to values and back, by the protocol of the model.
//!
//! Every codec interprets the model; none knows an operation by name. Limits hold before memory is spent.

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

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::{OperationModel, Protocol};
use crate::{Fault, Structure, Value, WireRequest, WireResponse};

pub use fault::encode_fault;
pub use json::audit::write_audit_json;
pub use tree::{value_from_json, value_to_json};

/// The deepest nesting that any codec reads.
pub const DEPTH_MAX: usize = 64;

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
        Protocol::RestXml => rest_xml::decode(),
        Protocol::Cbor => cbor::decode(),
    }
}

/// A successful answer.
pub fn encode_output(operation: OperationModel, output: &Value, request_id: &str) -> WireResponse {
    let mut response = match operation.model().protocol() {
        Protocol::Json10 | Protocol::Json11 => json::answer(operation, output),
        Protocol::Query => query::encode(operation, output, request_id),
        Protocol::RestJson => rest_json::encode(operation, output),
        Protocol::RestXml | Protocol::Cbor => {
            return encode_fault(operation.model(), Some(operation), &rest_xml::not_spoken(), request_id);
        }
    };
    finish(operation.model().crc32(), &mut response, request_id);
    response
}

/// What every answer carries, whatever its protocol.
fn finish(crc32: bool, response: &mut WireResponse, request_id: &str) {
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers.insert(REQUEST_ID, id);
    }
    if crc32 {
        response.headers.insert(CRC32, HeaderValue::from(crc32fast::hash(&response.body)));
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");

/// A response with a body of this type.
fn response(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> WireResponse {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    WireResponse { status, headers, body: body.into() }
}

/// The content type of a JSON protocol's bodies.
const fn json_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        _ => "application/json",
    }
}
