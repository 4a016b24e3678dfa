//! Between values and JSON trees with the model's own member names: for internal callers, templates and tools.
//!
//! Stricter than the wire: an unknown member is an error, for the caller is our own code or a template that we must
//! not half understand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::json::audit::hides;
use super::{DEPTH_MAX, HIDDEN, Redact, scalar};
use crate::model::{Kind, Member, Shape, TimestampFormat};
use crate::{Fault, Structure, Value};

/// A value from JSON with the model's member names. Moments are ISO 8601 text or epoch seconds, blobs base64.
pub fn value_from_json(shape: Shape, json: &Json) -> Result<Value, Fault> {
    from(shape, json, 0)
}

fn refuse<T>(message: String) -> Result<T, Fault> {
    Err(Fault::sender("SerializationException", message))
}

fn from(shape: Shape, json: &Json, depth: usize) -> Result<Value, Fault> {
    if depth > DEPTH_MAX {
        return refuse(format!("Nesting is deeper than {DEPTH_MAX} levels"));
    }
    let found = match (shape.kind(), json) {
        (_, Json::Null) => Some(Value::Null),
        (Kind::Structure { members, .. }, Json::Object(entries)) => {
            return structure(shape, members, entries, depth).map(Value::Structure);
        }
        (Kind::List { member, .. }, Json::Array(items)) => {
            let items = items.iter().map(|item| from(shape.of(member), item, depth + 1));
            return items.collect::<Result<_, _>>().map(Value::List);
        }
        (Kind::Map { value, .. }, Json::Object(entries)) => {
            let entries =
                entries.iter().map(|(key, item)| Ok((key.clone(), from(shape.of(value), item, depth + 1)?)));
            return entries.collect::<Result<_, _>>().map(Value::Map);
        }
        (Kind::Document, json) => Some(Value::Document(json.clone())),
        (kind, Json::String(text)) => from_text(shape, kind, text),
        (Kind::Boolean, Json::Bool(value)) => Some(Value::Bool(*value)),
        (Kind::Integer { lowest, highest, .. }, Json::Number(number)) => {
            number.as_i64().filter(|number| (*lowest..=*highest).contains(number)).map(Value::Integer)
        }
        (Kind::Float { .. }, Json::Number(number)) => number.as_f64().map(Value::Float),
        (Kind::Timestamp, Json::Number(number)) => {
            number.as_f64().and_then(scalar::timestamp_from_seconds).map(Value::Timestamp)
        }
        _ => None,
    };
    found.map_or_else(|| refuse(format!("a value can not be converted to {}", scalar::kind_name(shape))), Ok)
}

fn from_text(shape: Shape, kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::String { .. } | Kind::Blob | Kind::Timestamp => {
            scalar::parse(shape, text, Some(TimestampFormat::Iso8601), TimestampFormat::Iso8601)
        }
        Kind::Float { .. } if matches!(text, "NaN" | "Infinity" | "-Infinity") => {
            scalar::float(text).map(Value::Float)
        }
        _ => None,
    }
}

fn structure(
    shape: Shape,
    members: &'static [Member],
    entries: &Map<String, Json>,
    depth: usize,
) -> Result<Structure, Fault> {
    let mut structure = Structure::with_capacity(entries.len());
    for (name, json) in entries {
        let Some(member) = members.iter().find(|member| member.name == name) else {
            return refuse(format!("{} has no member {name}", shape.name()));
        };
        match from(shape.of(member), json, depth + 1)? {
            Value::Null => {}
            value => structure.push(member.name, value),
        }
    }
    Ok(structure)
}

/// JSON with the model's member names.
pub fn value_to_json(shape: Shape, value: &Value, redact: Redact) -> Json {
    if redact == Redact::Sensitive && shape.is_sensitive() && *value != Value::Null {
        return Json::from(HIDDEN);
    }
    match (value, shape.kind()) {
        (Value::Structure(members), Kind::Structure { .. }) => {
            let present = members.iter().filter(|(_, value)| **value != Value::Null);
            let members = present.map(|(name, value)| {
                let json =
                    shape.member(name).map(|(member, shape)| member_to_json(member, shape, value, redact));
                (name.to_owned(), json.unwrap_or_else(|| Json::from(HIDDEN)))
            });
            Json::Object(members.collect())
        }
        (Value::List(items), Kind::List { member, .. }) => {
            items.iter().map(|item| member_to_json(member, shape.of(member), item, redact)).collect()
        }
        (Value::Map(entries), Kind::Map { value: member, .. }) => {
            let inside = shape.of(member);
            Json::Object(
                entries
                    .iter()
                    .map(|(key, item)| (key.clone(), member_to_json(member, inside, item, redact)))
                    .collect(),
            )
        }
        (plain, _) => plain_to_json(plain),
    }
}

fn member_to_json(member: &Member, shape: Shape, value: &Value, redact: Redact) -> Json {
    if hides(member, shape, redact) { Json::from(HIDDEN) } else { value_to_json(shape, value, redact) }
}

fn plain_to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::from(*value),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) if number.is_finite() => Json::from(*number),
        Value::Float(number) => Json::from(scalar::write_float(*number, false)),
        Value::String(text) => Json::from(text.as_str()),
        Value::Blob(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::Timestamp(moment) => Json::from(scalar::write_timestamp(*moment, TimestampFormat::Iso8601)),
        Value::Document(json) => json.clone(),
        // Not of its shape's kind: nothing that the model describes.
        Value::Null | Value::List(_) | Value::Map(_) | Value::Structure(_) | Value::Stream(_) => Json::Null,
    }
}
