//! The rest-xml protocol: what the REST protocols share, and an XML, raw or streamed body.
//!
//! An element that the model does not know is an error: what a caller configures is not half understood.

use super::xml_reader::{Element, malformed, parse};
use super::{bindings, response, scalar, xml};
use crate::model::{Kind, Location, Member, OperationModel, Shape, TimestampFormat, XmlNamespace};
use crate::{Fault, Structure, Value, WireRequest, WireResponse};

const XML: &str = "application/xml";

/// The parameters of a request. Of a streamed body only what arrived with the head is here.
pub(super) fn decode(
    operation: OperationModel,
    shape: Shape,
    request: &WireRequest<'_>,
) -> Result<Value, Fault> {
    let mut structure = body(shape, request.body)?;
    bindings::read(operation, shape, request, &mut structure)?;
    Ok(Value::Structure(structure))
}

fn body(shape: Shape, bytes: &bytes::Bytes) -> Result<Structure, Fault> {
    if bytes.is_empty() {
        return Ok(Structure::new());
    }
    let Some((member, inside)) = shape.payload() else {
        let any = shape.members().iter().any(|member| member.location == Location::Body);
        // A root of any name: requests without a payload member have no agreed one.
        return if any { structure(shape, &parse(bytes)?) } else { Ok(Structure::new()) };
    };
    let value = match inside.kind() {
        Kind::Blob => Value::Blob(bytes.clone()),
        Kind::String { .. } => {
            let text = std::str::from_utf8(bytes).map_err(|_| bindings::refuse("The body is not UTF-8"))?;
            Value::String(text.to_owned())
        }
        _ => {
            let root = parse(bytes)?;
            if ![member.wire_name, root_of(inside), inside.name()].contains(&root.name.as_str()) {
                return Err(malformed());
            }
            value(inside, member, &root)?
        }
    };
    let mut structure = Structure::new();
    structure.push(member.name, value);
    Ok(structure)
}

/// The element of a whole body of this shape.
fn root_of(shape: Shape) -> &'static str {
    shape.data.xml_name.unwrap_or(shape.name())
}

fn structure(shape: Shape, element: &Element) -> Result<Structure, Fault> {
    let mut out = Structure::new();
    let mut known = 0_usize;
    for member in shape.members().iter().filter(|member| member.location == Location::Body) {
        let inside = shape.of(member);
        if member.xml_attribute {
            if let Some(text) = element.attribute(member.wire_name) {
                out.push(member.name, plain(inside, member, text)?);
            }
            continue;
        }
        let name = child_name(member, inside);
        let found: Vec<&Element> = element.children.iter().filter(|child| child.name == name).collect();
        known += found.len();
        if let Some(value) = given(inside, member, &found)? {
            out.push(member.name, value);
        }
    }
    if known == element.children.len() { Ok(out) } else { Err(malformed()) }
}

/// The name of the elements that hold a member.
fn child_name(member: &Member, inside: Shape) -> &'static str {
    match inside.kind() {
        // Where only the member says that it is flat, its own name is meant.
        Kind::List { member: item, flattened: true, .. } if item.has_wire_name && !member.flattened => {
            item.wire_name
        }
        _ => member.wire_name,
    }
}

/// A member from all elements of its name.
fn given(inside: Shape, member: &Member, found: &[&Element]) -> Result<Option<Value>, Fault> {
    let Some(first) = found.first() else { return Ok(None) };
    match inside.kind() {
        Kind::List { member: item, flattened, .. } if *flattened || member.flattened => {
            let shape = inside.of(item);
            let items = found.iter().map(|element| value(shape, item, element));
            Ok(Some(Value::List(items.collect::<Result<_, _>>()?)))
        }
        Kind::Map { flattened, .. } if *flattened || member.flattened => {
            let entries = found.iter().map(|element| entry(inside, element));
            Ok(Some(Value::Map(entries.collect::<Result<_, _>>()?)))
        }
        _ if found.len() > 1 => Err(malformed()),
        _ => value(inside, member, first).map(Some),
    }
}

fn value(shape: Shape, member: &Member, element: &Element) -> Result<Value, Fault> {
    match shape.kind() {
        Kind::Structure { .. } => structure(shape, element).map(Value::Structure),
        Kind::List { member: item, .. } => {
            let name = if item.has_wire_name { item.wire_name } else { "member" };
            let inside = shape.of(item);
            let items = element
                .children
                .iter()
                .map(|child| if child.name == name { value(inside, item, child) } else { Err(malformed()) });
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        Kind::Map { .. } => {
            let entries = element
                .children
                .iter()
                .map(|child| if child.name == "entry" { entry(shape, child) } else { Err(malformed()) });
            Ok(Value::Map(entries.collect::<Result<_, _>>()?))
        }
        _ if !element.children.is_empty() => Err(malformed()),
        Kind::String { .. } => Ok(Value::String(element.text.clone())),
        _ => plain(shape, member, element.text.trim()),
    }
}

fn entry(map: Shape, element: &Element) -> Result<(String, Value), Fault> {
    let Kind::Map { key, value: inside, .. } = map.kind() else { return Err(malformed()) };
    let name = |member: &Member, default| if member.has_wire_name { member.wire_name } else { default };
    let (key_name, value_name) = (name(key, "key"), name(inside, "value"));
    let (mut text, mut found) = (None, None);
    for child in &element.children {
        let slot_taken = if child.name == key_name {
            text.replace(child.text.clone()).is_some()
        } else if child.name == value_name {
            found.replace(value(map.of(inside), inside, child)?).is_some()
        } else {
            true
        };
        if slot_taken {
            return Err(malformed());
        }
    }
    text.zip(found).ok_or_else(malformed)
}

fn plain(shape: Shape, member: &Member, text: &str) -> Result<Value, Fault> {
    scalar::parse(shape, text, member.timestamp_format, TimestampFormat::Iso8601).ok_or_else(malformed)
}

/// A successful answer.
pub(super) fn encode(operation: OperationModel, output: &Value) -> WireResponse {
    let (Some(shape), Value::Structure(members)) = (operation.output(), output) else {
        return WireResponse::empty(operation.status());
    };
    let mut answer = match shape.payload() {
        Some((member, inside)) => encode_payload(operation, member, inside, members),
        None => encode_members(operation, shape, output),
    };
    bindings::write(shape, members, &mut answer);
    if answer.status == 200 && answer.headers.contains_key(http::header::CONTENT_RANGE) {
        answer.status = 206; // no API says so of its own: HTTP does
    }
    answer
}

fn encode_members(operation: OperationModel, shape: Shape, output: &Value) -> WireResponse {
    let mut inside = shape.members().iter().filter(|member| member.location == Location::Body);
    let Some(first) = inside.next() else { return WireResponse::empty(operation.status()) };
    let model = operation.model().xml_namespace;
    let namespace = shape.data.xml_namespace.or(model.map(XmlNamespace::own));
    let mut body = document();
    if operation.is_unwrapped() {
        let value = if let Value::Structure(members) = output { members.get(first.name) } else { None };
        xml::open_root(first.wire_name, model, &mut body);
        if let Some(text) =
            value.and_then(|value| scalar::write(shape.of(first), value, None, TimestampFormat::Iso8601))
        {
            xml::escape(&text, &mut body);
        }
        xml::close(first.wire_name, &mut body);
    } else {
        let root = operation.output_root().unwrap_or_else(|| root_of(shape));
        xml::write_root(root, namespace, shape, output, &mut body);
    }
    response(operation.status(), XML, body)
}

fn encode_payload(
    operation: OperationModel,
    member: &Member,
    inside: Shape,
    members: &Structure,
) -> WireResponse {
    let status = operation.status();
    match members.get(member.name) {
        None | Some(Value::Null) => WireResponse::empty(status),
        Some(Value::Blob(bytes)) => response(status, "application/octet-stream", bytes.clone()),
        Some(Value::String(text)) => response(status, "text/plain", text.clone()),
        Some(Value::Stream(stream)) => {
            let mut answer = response(status, "application/octet-stream", "");
            answer.stream = Some(stream.clone());
            answer
        }
        Some(value) => {
            let root = if member.wire_name == member.name { root_of(inside) } else { member.wire_name };
            let namespace = member.xml_namespace.or(inside.data.xml_namespace);
            let mut body = document();
            let namespace = namespace.or(operation.model().xml_namespace.map(XmlNamespace::own));
            xml::write_root(root, namespace, inside, value, &mut body);
            response(status, XML, body)
        }
    }
}

fn document() -> String {
    let mut body = String::with_capacity(512);
    body.push_str(xml::DECLARATION);
    body
}
