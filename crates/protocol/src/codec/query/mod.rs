//! The query protocol: a form in (body, URL, or both), XML out.
//!
//! Knows nothing of authentication parameters: names that the shape does not have are skipped, as AWS does.

mod nodes;

use std::borrow::Cow;

use nodes::{Node, Nodes};

use super::{DEPTH_MAX, VALUES_MAX, form, response, scalar, xml};
use crate::model::{Kind, Member, OperationModel, Shape, TimestampFormat};
use crate::{Fault, Structure, Value, WireRequest, WireResponse};

/// The content type of answers.
pub(super) const XML: &str = "text/xml";

/// Parameters of every request, which are no members.
const ENVELOPE: [&str; 2] = ["Action", "Version"];

/// The parameters of a request.
pub(super) fn decode(shape: Shape, request: &WireRequest<'_>) -> Result<Value, Fault> {
    let mut pairs = form::pairs(request.query.as_bytes())?;
    pairs.extend(form::pairs(request.body)?);
    let nodes = Nodes::new(&pairs)?;
    Decoder { values: VALUES_MAX }.structure(shape, &nodes.root(), 0)
}

struct Decoder {
    /// How many more values may be read.
    values: usize,
}

fn malformed_input(message: String) -> Fault {
    Fault::sender("MalformedInput", message)
}

impl Decoder {
    fn value(
        &mut self,
        shape: Shape,
        member: &Member,
        node: &Node<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        self.values = self.values.checked_sub(1).ok_or_else(|| {
            malformed_input(format!("The request consists of more than {VALUES_MAX} values"))
        })?;
        if depth > DEPTH_MAX {
            return Err(malformed_input(format!("Nesting is deeper than {DEPTH_MAX} levels")));
        }
        match shape.kind() {
            Kind::Structure { .. } => self.structure(shape, node, depth),
            Kind::List { member: element, flattened, .. } => {
                self.list(shape, element, *flattened || member.flattened, node, depth)
            }
            Kind::Map { key, value, flattened, .. } => {
                self.map(shape, (key, value), *flattened || member.flattened, node, depth)
            }
            _ => {
                let text = node.value.unwrap_or_default();
                scalar::parse(shape, text, member.timestamp_format, TimestampFormat::Iso8601).ok_or_else(
                    || {
                        malformed_input(format!(
                            "A value of {} can not be converted to {}",
                            member.name,
                            scalar::kind_name(shape)
                        ))
                    },
                )
            }
        }
    }

    fn structure(&mut self, shape: Shape, node: &Node<'_>, depth: usize) -> Result<Value, Fault> {
        let mut structure = Structure::with_capacity(shape.members().len().min(8));
        for member in shape.members() {
            let inside = shape.of(member);
            // A flattened list goes by its element's name where it has one.
            let name = match inside.kind() {
                Kind::List { member: element, flattened, .. }
                    if element.has_wire_name && *flattened && !member.flattened =>
                {
                    element.wire_name
                }
                _ => member.wire_name,
            };
            if let Some(child) = node.child(name) {
                structure.push(member.name, self.value(inside, member, &child, depth + 1)?);
            }
        }
        Ok(Value::Structure(structure))
    }

    fn list(
        &mut self,
        shape: Shape,
        element: &'static Member,
        flattened: bool,
        node: &Node<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let items = if flattened { Some(*node) } else { node.child(element_name(element, "member")) };
        // `Tags=` is an empty list.
        let Some(items) = items else { return Ok(Value::List(Vec::new())) };
        let inside = shape.of(element);
        let mut list = Vec::new();
        for item in items.numbered()? {
            list.push(self.value(inside, element, &item, depth + 1)?);
        }
        Ok(Value::List(list))
    }

    fn map(
        &mut self,
        shape: Shape,
        (key, value): (&'static Member, &'static Member),
        flattened: bool,
        node: &Node<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let entries = if flattened { Some(*node) } else { node.child("entry") };
        let Some(entries) = entries else { return Ok(Value::Map(Vec::new())) };
        let inside = shape.of(value);
        let mut map: Vec<(String, Value)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for entry in entries.numbered()? {
            let name = entry.child(element_name(key, "key")).and_then(|key| key.value).unwrap_or_default();
            if !seen.insert(name) {
                return Err(malformed_input("Duplicate key in a map".to_owned()));
            }
            let value = match entry.child(element_name(value, "value")) {
                Some(node) => self.value(inside, value, &node, depth + 1)?,
                None => Value::Null,
            };
            map.push((name.to_owned(), value));
        }
        Ok(Value::Map(map))
    }
}

fn element_name(member: &Member, default: &'static str) -> &'static str {
    if member.has_wire_name { member.wire_name } else { default }
}

/// A successful answer.
pub(super) fn encode(operation: OperationModel, output: &Value, request_id: &str) -> WireResponse {
    let mut body = String::with_capacity(512);
    let envelope = format!("{}Response", operation.name());
    xml::open_root(&envelope, operation.model().xml_namespace, &mut body);
    if let Some(shape) = operation.output() {
        let wrapper = operation
            .result_wrapper()
            .map_or_else(|| format!("{}Result", operation.name()).into(), Cow::Borrowed);
        xml::open(&wrapper, &mut body);
        xml::write_members(shape, output, &mut body);
        xml::close(&wrapper, &mut body);
    }
    xml::open("ResponseMetadata", &mut body);
    xml::element("RequestId", request_id, &mut body);
    xml::close("ResponseMetadata", &mut body);
    xml::close(&envelope, &mut body);
    response(operation.status(), XML, body)
}
