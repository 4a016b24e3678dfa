//! Writes values as JSON by shape, straight to bytes.
//!
//! Absent and null members are left out. A value that is not of its shape's kind is written as what it is: the types
//! that services answer with are generated from the same model.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::scalar;
use crate::Value;
use crate::model::{Kind, Location, Member, Shape, TimestampFormat};

/// Writes the members of a structure that stand in the body.
pub(in crate::codec) fn write_body(shape: Shape, value: &Value, out: &mut Vec<u8>) {
    write(Some(shape), None, value, out);
}

/// Writes any value; without a shape, by its own kind.
pub(in crate::codec) fn write(
    shape: Option<Shape>,
    format: Option<TimestampFormat>,
    value: &Value,
    out: &mut Vec<u8>,
) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => drop(write!(out, "{number}")),
        Value::Float(number) => write_float(shape, *number, out),
        Value::String(text) => write_string(text, out),
        Value::Blob(bytes) => write_string(&STANDARD.encode(bytes), out),
        Value::Timestamp(moment) => {
            let wire = TimestampFormat::Epoch;
            let format = shape.map_or(wire, |shape| scalar::format_of(shape, format, wire));
            let text = scalar::write_timestamp(*moment, format);
            if format == wire { out.extend_from_slice(text.as_bytes()) } else { write_string(&text, out) }
        }
        Value::List(items) => {
            let element = shape.and_then(element_of);
            write_list(items, out, |item, out| {
                write(
                    element.map(|(_, shape)| shape),
                    element.and_then(|(member, _)| member.timestamp_format),
                    item,
                    out,
                );
            });
        }
        Value::Map(entries) => write_map(shape, entries, out),
        Value::Structure(members) => {
            let mut separator = Separator::open(b'{', out);
            for (name, value) in members.iter() {
                let member = shape.and_then(|shape| shape.member(name));
                let elsewhere = member.is_some_and(|(member, _)| member.location != Location::Body);
                if elsewhere || *value == Value::Null {
                    continue;
                }
                separator.next(out);
                write_string(member.map_or(name, |(member, _)| member.wire_name), out);
                out.push(b':');
                let format = member.and_then(|(member, _)| member.timestamp_format);
                write(member.map(|(_, shape)| shape), format, value, out);
            }
            out.push(b'}');
        }
        Value::Document(json) => drop(serde_json::to_writer(&mut *out, json)),
        // No JSON protocol streams, and no record shows what one would.
        Value::Stream(_) => out.extend_from_slice(b"null"),
    }
}

fn element_of(shape: Shape) -> Option<(&'static Member, Shape)> {
    match shape.kind() {
        Kind::List { member, .. } => Some((member, shape.of(member))),
        _ => None,
    }
}

fn write_map(shape: Option<Shape>, entries: &[(String, Value)], out: &mut Vec<u8>) {
    let value = shape.and_then(|shape| match shape.kind() {
        Kind::Map { value, .. } => Some((value, shape.of(value))),
        _ => None,
    });
    let mut separator = Separator::open(b'{', out);
    for (key, item) in entries {
        separator.next(out);
        write_string(key, out);
        out.push(b':');
        write(
            value.map(|(_, shape)| shape),
            value.and_then(|(member, _)| member.timestamp_format),
            item,
            out,
        );
    }
    out.push(b'}');
}

pub(super) fn write_list(items: &[Value], out: &mut Vec<u8>, mut item_to: impl FnMut(&Value, &mut Vec<u8>)) {
    let mut separator = Separator::open(b'[', out);
    for item in items {
        separator.next(out);
        item_to(item, out);
    }
    out.push(b']');
}

fn write_float(shape: Option<Shape>, number: f64, out: &mut Vec<u8>) {
    let single = shape.is_some_and(|shape| matches!(shape.kind(), Kind::Float { single: true }));
    let text = scalar::write_float(number, single);
    // JSON has no digits for NaN and the infinities; AWS writes their names as strings.
    if number.is_finite() { out.extend_from_slice(text.as_bytes()) } else { write_string(&text, out) }
}

/// Writes a JSON string.
pub(in crate::codec) fn write_string(text: &str, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    drop(serde_json::to_writer(&mut *out, text));
}

/// Puts commas between what is written.
pub(in crate::codec) struct Separator(bool);

impl Separator {
    pub(in crate::codec) fn open(bracket: u8, out: &mut Vec<u8>) -> Self {
        out.push(bracket);
        Self(false)
    }

    pub(in crate::codec) fn next(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.0, true) {
            out.push(b',');
        }
    }
}
