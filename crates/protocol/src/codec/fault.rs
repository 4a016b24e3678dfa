//! Error answers in the form of each protocol.
//!
//! Maps an error shape's name to its wire code and status by the model, and the few codes that every AWS API has by
//! a table. Adds nothing to the caller's message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::bindings::add_header;
use super::json::writer::{self, Separator, write_string};
use super::query::XML;
use super::{bindings, finish, json_type, response, xml};
use crate::model::{Location, Model, OperationModel, Protocol, Shape};
use crate::{Fault, Value, WireResponse};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Codes that mean the same everywhere and are spelled differently: canonical, query, json, rest-json; each with the
/// status of that family.
type Spelling = (&'static str, u16);
const GENERIC: &[(&[&str], Spelling, Spelling, Spelling)] = &[
    (
        &["AccessDenied", "AccessDeniedException"],
        ("AccessDenied", 403),
        ("AccessDeniedException", 400),
        ("AccessDeniedException", 403),
    ),
    (
        &["Throttling", "ThrottlingException"],
        ("Throttling", 400),
        ("ThrottlingException", 400),
        ("TooManyRequestsException", 429),
    ),
    (
        &["ValidationError", "ValidationException"],
        ("ValidationError", 400),
        ("ValidationException", 400),
        ("ValidationException", 400),
    ),
    (&["InternalFailure"], ("InternalFailure", 500), ("InternalFailure", 500), ("InternalFailure", 500)),
    (
        &["ServiceUnavailable", "ServiceUnavailableException"],
        ("ServiceUnavailable", 503),
        ("ServiceUnavailableException", 503),
        ("ServiceUnavailableException", 503),
    ),
    (
        &["RequestEntityTooLarge", "RequestEntityTooLargeException"],
        ("RequestEntityTooLarge", 413),
        ("RequestEntityTooLargeException", 413),
        ("RequestEntityTooLargeException", 413),
    ),
    (
        &["SerializationException"],
        ("MalformedInput", 400),
        ("SerializationException", 400),
        ("SerializationException", 400),
    ),
    (
        &["UnknownOperationException"],
        ("InvalidAction", 400),
        ("UnknownOperationException", 400),
        ("UnknownOperationException", 404),
    ),
];

/// The same where errors stand alone: S3 has its own words.
const BARE: &[(&str, Spelling)] = &[
    ("AccessDeniedException", ("AccessDenied", 403)),
    ("InternalFailure", ("InternalError", 500)),
    ("ThrottlingException", ("SlowDown", 503)),
    ("SerializationException", ("InvalidArgument", 400)),
    ("UnknownOperationException", ("MethodNotAllowed", 405)),
];

/// What a fault is called, and with which status, on one protocol.
struct Spelled<'f> {
    code: &'f str,
    status: u16,
    shape: Option<Shape>,
}

/// An error, in the form of the model's protocol. Which operation was meant changes nothing in the protocols spoken so far.
pub fn encode_fault(
    model: &'static Model,
    _operation: Option<OperationModel>,
    fault: &Fault,
    request_id: &str,
) -> WireResponse {
    encode(Some(model), model.protocol(), fault, request_id)
}

/// An error where not even the API is known.
pub(crate) fn encode(
    model: Option<&'static Model>,
    protocol: Protocol,
    fault: &Fault,
    request_id: &str,
) -> WireResponse {
    let spelled = spell(model, protocol, fault);
    let mut answer = match protocol {
        Protocol::RestXml if model.is_some_and(Model::bare_errors) => bare(&spelled, fault, request_id),
        Protocol::Query => query(XML, model, &spelled, fault, request_id),
        Protocol::RestXml => query("application/xml", model, &spelled, fault, request_id),
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson | Protocol::Cbor => {
            json(model, protocol, &spelled, fault)
        }
    };
    for (name, value) in fault.headers.iter().flat_map(|headers| &headers.0) {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers.insert(*name, value);
        }
    }
    finish(model, &mut answer, request_id);
    answer
}

fn spell<'f>(model: Option<&'static Model>, protocol: Protocol, fault: &'f Fault) -> Spelled<'f> {
    if let Some(shape) = model.and_then(|model| model.error(&fault.code)) {
        let error = shape.error();
        let code = error.and_then(|error| error.code).unwrap_or(shape.name());
        let status = error.and_then(|error| error.status).unwrap_or(fault.status);
        return Spelled { code, status, shape: Some(shape) };
    }
    let bare =
        model.is_some_and(Model::bare_errors).then(|| BARE.iter().find(|(code, _)| *code == fault.code));
    if let Some(Some((_, (code, status)))) = bare {
        return Spelled { code, status: *status, shape: None };
    }
    let generic = GENERIC.iter().find(|(codes, ..)| codes.contains(&fault.code.as_ref()));
    let spelling = generic.map(|(_, query, json, rest)| match protocol {
        Protocol::Query | Protocol::RestXml => *query,
        Protocol::Json10 | Protocol::Json11 => *json,
        Protocol::RestJson | Protocol::Cbor => *rest,
    });
    match spelling {
        Some((code, status)) => {
            // The API may have a shape for the generic case after all, for example TooManyRequestsException.
            let shape = model.and_then(|model| model.error(code));
            Spelled { code, status, shape }
        }
        None => Spelled { code: &fault.code, status: fault.status, shape: None },
    }
}

fn query(
    content_type: &'static str,
    model: Option<&'static Model>,
    spelled: &Spelled<'_>,
    fault: &Fault,
    request_id: &str,
) -> WireResponse {
    let mut body = String::with_capacity(512);
    xml::open_root("ErrorResponse", model.and_then(|model| model.xml_namespace), &mut body);
    xml::open("Error", &mut body);
    xml::element("Type", if spelled.status < 500 { "Sender" } else { "Receiver" }, &mut body);
    xml::element("Code", spelled.code, &mut body);
    if !fault.message.is_empty() {
        xml::element("Message", &fault.message, &mut body);
    }
    let mut answer = response(spelled.status, content_type, "");
    if let Some(shape) = spelled.shape {
        let members = fault
            .members
            .iter()
            .cloned()
            .fold(crate::Structure::new(), |all, (name, value)| all.with(name, value));
        bindings::write(shape, &members, &mut answer);
        xml::write_members(shape, &Value::Structure(members), &mut body);
    }
    xml::close("Error", &mut body);
    xml::element("RequestId", request_id, &mut body);
    xml::close("ErrorResponse", &mut body);
    answer.body = body.into();
    answer
}

/// An error that stands alone, as S3 answers it.
fn bare(spelled: &Spelled<'_>, fault: &Fault, request_id: &str) -> WireResponse {
    // HTTP gives these no body.
    if matches!(spelled.status, 204 | 304) {
        return WireResponse::empty(spelled.status);
    }
    let mut body = String::with_capacity(512);
    body.push_str(xml::DECLARATION);
    xml::open("Error", &mut body);
    xml::element("Code", spelled.code, &mut body);
    xml::element("Message", &fault.message, &mut body);
    for (name, value) in &fault.members {
        match value {
            Value::String(text) => xml::element(name, text, &mut body),
            Value::Integer(number) => xml::element(name, &number.to_string(), &mut body),
            _ => {}
        }
    }
    xml::element("RequestId", request_id, &mut body);
    xml::element("HostId", &host_id(request_id), &mut body);
    xml::close("Error", &mut body);
    response(spelled.status, "application/xml", body)
}

/// The second id of an answer, which names nothing that the first does not.
pub(super) fn host_id(request_id: &str) -> String {
    STANDARD.encode(request_id)
}

fn json(
    model: Option<&'static Model>,
    protocol: Protocol,
    spelled: &Spelled<'_>,
    fault: &Fault,
) -> WireResponse {
    let mut body = Vec::with_capacity(256);
    let mut separator = Separator::open(b'{', &mut body);
    let mut name = |name: &str, body: &mut Vec<u8>| {
        separator.next(body);
        write_string(name, body);
        body.push(b':');
    };
    if protocol != Protocol::RestJson {
        name("__type", &mut body);
        write_string(&format!("{}{}", namespace(model, spelled), spelled.code), &mut body);
    }
    let message = message_name(spelled.shape);
    if let Some(message) = message.or_else(|| (!fault.message.is_empty()).then_some("message")) {
        name(message, &mut body);
        write_string(&fault.message, &mut body);
    }
    // Lambda's errors say whose fault it was in a member of their own.
    let says_type = spelled.shape.is_some_and(|shape| shape.member("Type").is_some());
    if says_type && !fault.members.iter().any(|(name, _)| *name == "Type") {
        name("Type", &mut body);
        write_string(if spelled.status < 500 { "User" } else { "Service" }, &mut body);
    }
    let mut headers = HeaderMap::new();
    for (known, value) in fault.members.iter().filter(|(_, value)| *value != Value::Null) {
        match spelled.shape.and_then(|shape| shape.member(known)) {
            Some((member, shape)) if member.location() == Location::Header => {
                add_header(member, shape, value, &mut headers);
            }
            found => {
                name(found.map_or(known, |(member, _)| member.wire_name), &mut body);
                writer::write(found.map(|(_, shape)| shape), None, value, &mut body);
            }
        }
    }
    body.push(b'}');
    let mut answer = response(spelled.status, json_type(protocol), body);
    answer.headers.extend(headers);
    if protocol == Protocol::RestJson
        && let Ok(code) = HeaderValue::from_str(spelled.code)
    {
        answer.headers.insert(ERROR_TYPE, code);
    }
    answer
}

/// What stands before the code in `__type`: the API's namespace for its own shapes, Coral's for what every API has.
fn namespace(model: Option<&'static Model>, spelled: &Spelled<'_>) -> &'static str {
    let Some(own) = model.and_then(|model| model.error_namespace) else { return "" };
    match (spelled.shape, spelled.code) {
        (Some(_), _) => own,
        (None, "ValidationException") => "com.amazon.coral.validate#",
        (None, _) => "com.amazon.coral.service#",
    }
}

/// The message goes by the name that the error's shape gives it.
fn message_name(shape: Option<Shape>) -> Option<&'static str> {
    let members = shape.map(Shape::members).unwrap_or_default();
    members.iter().find(|member| member.name.eq_ignore_ascii_case("message")).map(|member| member.wire_name)
}
