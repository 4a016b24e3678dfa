//! What the REST protocols share: path labels, query, headers, and the status.
//!
//! SECURITY: a header value that HTTP cannot carry is left out, never split into another header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::form::{self, Pair};
use super::scalar;
use crate::model::{Kind, Location, Member, OperationModel, Shape, TimestampFormat};
use crate::{Fault, Structure, Value, WireRequest, WireResponse};

/// Adds the members of a request that stand outside its body.
pub(super) fn read(
    operation: OperationModel,
    shape: Shape,
    request: &WireRequest<'_>,
    structure: &mut Structure,
) -> Result<(), Fault> {
    let labels =
        operation.uri().labels(request.path).ok_or_else(|| refuse("The path is not UTF-8 once decoded"))?;
    let pairs = form::pairs(request.query.as_bytes()).map_err(|fault| refuse(&fault.message))?;
    for member in shape.members() {
        let inside = shape.of(member);
        let value = match member.location {
            Location::Body | Location::Status => None,
            Location::Uri => {
                let label = labels.iter().find(|(name, _)| *name == member.wire_name);
                label.map(|(_, text)| one(inside, member, text, TimestampFormat::Iso8601)).transpose()?
            }
            Location::Query => query(member, inside, &pairs)?,
            Location::Header => header(member, inside, request.headers)?,
            Location::Headers => Some(prefixed(member, request.headers)),
        };
        if let Some(value) = value {
            structure.push(member.name, value);
        }
    }
    Ok(())
}

/// Adds what an answer says outside its body.
pub(super) fn write(shape: Shape, members: &Structure, answer: &mut WireResponse) {
    for member in shape.members() {
        let Some(value) = members.get(member.name) else { continue };
        match member.location {
            Location::Status => {
                if let Value::Integer(status) = value {
                    answer.status = u16::try_from(*status).unwrap_or(answer.status);
                }
            }
            Location::Header => add_header(member, shape.of(member), value, &mut answer.headers),
            Location::Headers => add_prefixed(member, value, &mut answer.headers),
            Location::Body | Location::Uri | Location::Query => {}
        }
    }
}

pub(super) fn refuse(message: &str) -> Fault {
    Fault::sender("SerializationException", message)
}

fn one(shape: Shape, member: &Member, text: &str, protocol: TimestampFormat) -> Result<Value, Fault> {
    scalar::parse(shape, text, member.timestamp_format, protocol).ok_or_else(|| {
        refuse(&format!("A value of {} can not be converted to {}", member.name, scalar::kind_name(shape)))
    })
}

fn query(member: &Member, inside: Shape, pairs: &[Pair<'_>]) -> Result<Option<Value>, Fault> {
    let mut given = pairs.iter().filter(|(name, _)| name == member.wire_name).map(|(_, value)| value);
    match inside.kind() {
        Kind::List { member: element, .. } => {
            let element_shape = inside.of(element);
            let items: Vec<Value> = given
                .map(|text| one(element_shape, element, text, TimestampFormat::Iso8601))
                .collect::<Result<_, _>>()?;
            Ok((!items.is_empty()).then_some(Value::List(items)))
        }
        Kind::Map { value, .. } => Ok(whole_query(inside, value, pairs)),
        _ => {
            let Some(text) = given.next() else { return Ok(None) };
            if given.next().is_some() {
                return Err(refuse(&format!("{} is given twice", member.wire_name)));
            }
            one(inside, member, text, TimestampFormat::Iso8601).map(Some)
        }
    }
}

/// A map in the query takes every parameter, also those that have members of their own.
fn whole_query(inside: Shape, value: &'static Member, pairs: &[Pair<'_>]) -> Option<Value> {
    let listed = matches!(inside.of(value).kind(), Kind::List { .. });
    let mut map: Vec<(String, Value)> = Vec::new();
    for (name, text) in pairs {
        let text = Value::String(text.clone().into_owned());
        match map.iter_mut().find(|(known, _)| known == name) {
            Some((_, Value::List(items))) => items.push(text),
            Some(_) => {}
            None if listed => map.push((name.clone().into_owned(), Value::List(vec![text]))),
            None => map.push((name.clone().into_owned(), text)),
        }
    }
    (!map.is_empty()).then_some(Value::Map(map))
}

fn header(member: &Member, inside: Shape, headers: &HeaderMap) -> Result<Option<Value>, Fault> {
    let mut values = headers.get_all(member.wire_name).iter().map(|value| {
        value.to_str().map_err(|_| refuse(&format!("The header {} is not ASCII", member.wire_name)))
    });
    let Some(first) = values.next().transpose()? else { return Ok(None) };
    if let Kind::List { member: element, .. } = inside.kind() {
        let element_shape = inside.of(element);
        let mut items = Vec::new();
        for text in std::iter::once(Ok(first)).chain(values) {
            let dates = matches!(element_shape.kind(), Kind::Timestamp);
            for item in split_list(text?, dates) {
                items.push(one(element_shape, element, &item, TimestampFormat::Http)?);
            }
        }
        return Ok(Some(Value::List(items)));
    }
    if values.next().is_some() {
        return Err(refuse(&format!("The header {} is given twice", member.wire_name)));
    }
    if member.json_value {
        let text = STANDARD.decode(first).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        return text.map(|text| Some(Value::String(text))).ok_or_else(|| refuse("A header is not base64"));
    }
    one(inside, member, first.trim(), TimestampFormat::Http).map(Some)
}

/// `a, "b,c", d`. A date has a comma of its own.
fn split_list(text: &str, dates: bool) -> Vec<String> {
    let mut items = Vec::new();
    if text.trim().is_empty() {
        return items;
    }
    let mut item = String::new();
    let mut quoted = false;
    let mut commas = 0_usize;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' if quoted => item.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' if !quoted && (!dates || commas % 2 == 1) => {
                commas += 1;
                items.push(std::mem::take(&mut item).trim().to_owned());
            }
            ',' => {
                commas += usize::from(!quoted);
                item.push(char);
            }
            other => item.push(other),
        }
    }
    items.push(item.trim().to_owned());
    items
}

fn prefixed(member: &Member, headers: &HeaderMap) -> Value {
    let prefix = if member.has_wire_name { member.wire_name.to_ascii_lowercase() } else { String::new() };
    let entries = headers.keys().filter_map(|name| {
        let rest = name.as_str().strip_prefix(prefix.as_str())?;
        // As they stand in the signature's canonical form: of one name one list, and nothing is lost of what was proven.
        let values: Vec<String> =
            headers.get_all(name).iter().map(|value| text_of(value.as_bytes())).collect();
        Some((rest.to_owned(), Value::String(values.join(","))))
    });
    Value::Map(entries.collect())
}

/// A header's value: UTF-8, or else what HTTP once said that it is, ISO 8859-1.
fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

pub(super) fn add_header(member: &Member, shape: Shape, value: &Value, headers: &mut HeaderMap) {
    let text = match (shape.kind(), value) {
        (Kind::List { member: element, .. }, Value::List(items)) => {
            let element_shape = shape.of(element);
            let items: Vec<String> = items
                .iter()
                .filter_map(|item| {
                    scalar::write(element_shape, item, element.timestamp_format, TimestampFormat::Http)
                })
                .map(|text| quote(text, element_shape))
                .collect();
            Some(items.join(", ")).filter(|text| !text.is_empty())
        }
        (_, Value::String(text)) if member.json_value => Some(STANDARD.encode(text)),
        _ => scalar::write(shape, value, member.timestamp_format, TimestampFormat::Http),
    };
    let name = HeaderName::from_bytes(member.wire_name.as_bytes());
    if let (Some(text), Ok(name)) = (text, name)
        && let Ok(value) = HeaderValue::from_str(&text)
    {
        headers.insert(name, value);
    }
}

fn quote(text: String, shape: Shape) -> String {
    let special = matches!(shape.kind(), Kind::String { .. }) && text.contains([',', '"']);
    if special { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) } else { text }
}

fn add_prefixed(member: &Member, value: &Value, headers: &mut HeaderMap) {
    let Value::Map(entries) = value else { return };
    let prefix = if member.has_wire_name { member.wire_name } else { "" };
    for (key, value) in entries {
        let name = HeaderName::from_bytes(format!("{prefix}{key}").as_bytes());
        if let (Ok(name), Value::String(text)) = (name, value)
            && let Ok(text) = HeaderValue::from_str(text)
        {
            // A map that holds as many names as a header map can is cut there, and never panics.
            if headers.try_insert(name, text).is_err() {
                return;
            }
        }
    }
}
