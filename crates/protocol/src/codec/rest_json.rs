//! The rest-json protocol: what the REST protocols share, and a JSON or raw body.
//!
//! Knows nothing of paths and headers; see `bindings`.

use super::json::{reader, writer};
use super::{bindings, response};
use crate::model::{Kind, Location, OperationModel, Shape};
use crate::{EVENT_STREAM_TYPE, Fault, Structure, Value, WireRequest, WireResponse};
use bindings::refuse;

/// The parameters of a request.
pub(super) fn decode(
    operation: OperationModel,
    shape: Shape,
    request: &WireRequest<'_>,
) -> Result<Value, Fault> {
    let mut structure = body(shape, request)?;
    bindings::read(operation, shape, request, &mut structure)?;
    Ok(Value::Structure(structure))
}

fn body(shape: Shape, request: &WireRequest<'_>) -> Result<Structure, Fault> {
    let Kind::Structure { members, payload, .. } = shape.kind() else { return Ok(Structure::new()) };
    let Some(payload) = payload.and_then(|at| members.get(at)) else {
        // A GET has no body that means anything.
        let any = members.iter().any(|member| member.location == Location::Body);
        let read = if any { reader::read(shape, request.body)? } else { Value::Null };
        return Ok(if let Value::Structure(structure) = read { structure } else { Structure::new() });
    };
    let mut structure = Structure::with_capacity(members.len());
    let inside = shape.of(payload);
    let value = match inside.kind() {
        _ if request.body.is_empty() => None,
        Kind::Blob => Some(Value::Blob(request.body.clone())),
        Kind::String { .. } => {
            let text = std::str::from_utf8(request.body).map_err(|_| refuse("The body is not UTF-8"))?;
            Some(Value::String(text.to_owned()))
        }
        Kind::Document => Some(Value::Document(
            serde_json::from_slice(request.body).map_err(|_| refuse("The body is not JSON"))?,
        )),
        _ => Some(reader::read(inside, request.body)?),
    };
    if let Some(value) = value {
        structure.push(payload.name, value);
    }
    Ok(structure)
}

/// A successful answer.
pub(super) fn encode(operation: OperationModel, output: &Value) -> WireResponse {
    let (Some(shape), Value::Structure(members)) = (operation.output(), output) else {
        return WireResponse::empty(operation.status());
    };
    let mut answer = encode_body(operation, shape, output, members);
    bindings::write(shape, members, &mut answer);
    answer
}

/// Lambda's `Invoke` answers JSON, though its model calls the payload a blob.
fn blob_type(operation: OperationModel) -> &'static str {
    match (operation.service(), operation.name()) {
        ("lambda", "Invoke") => "application/json",
        _ => "application/octet-stream",
    }
}

fn encode_body(operation: OperationModel, shape: Shape, output: &Value, members: &Structure) -> WireResponse {
    let Kind::Structure { members: shapes, payload, .. } = shape.kind() else {
        return response(operation.status(), "application/json", "{}");
    };
    let Some(payload) = payload.and_then(|at| shapes.get(at)) else {
        let any = shapes.iter().any(|member| member.location == Location::Body);
        if operation.status() == 204 || !any {
            return WireResponse::empty(operation.status());
        }
        let mut body = Vec::with_capacity(256);
        writer::write_body(shape, output, &mut body);
        return response(operation.status(), "application/json", body);
    };
    match members.get(payload.name) {
        None | Some(Value::Null) => {
            let structure = matches!(shape.of(payload).kind(), Kind::Structure { .. });
            response(operation.status(), "application/json", if structure { "{}" } else { "" })
        }
        Some(Value::Blob(bytes)) => response(operation.status(), blob_type(operation), bytes.clone()),
        Some(Value::Stream(stream)) => {
            let is_events = matches!(shape.of(payload).kind(), Kind::Structure { .. });
            let content_type = if is_events { EVENT_STREAM_TYPE } else { "application/octet-stream" };
            let mut answer = response(operation.status(), content_type, "");
            answer.stream = Some(stream.clone());
            answer
        }
        Some(Value::String(text)) => response(operation.status(), "text/plain", text.clone()),
        Some(value) => {
            let mut body = Vec::with_capacity(256);
            writer::write(Some(shape.of(payload)), payload.timestamp_format, value, &mut body);
            response(operation.status(), "application/json", body)
        }
    }
}
