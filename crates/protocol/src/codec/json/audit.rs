//! Writes parameters and answers as the audit trail records them.
//!
//! SECURITY: nothing sensitive passes: neither shapes that the model calls sensitive, nor members that an override
//! hides. What a caller sends without bound is cut to a size.

use super::super::{HIDDEN, Redact};
use super::writer::{self, Separator, write_list, write_string};
use crate::Value;
use crate::model::{Kind, Member, Shape};

/// The most bytes that one call's parameters, or its answer, may take in the trail.
pub(in crate::codec) const AUDIT_BYTES_MAX: usize = 100 * 1024;

/// JSON as CloudTrail records it, appended to `out`: lower-camel members, sensitive ones hidden. What would be longer
/// than 100 KiB is replaced by a note of its length.
pub fn write_audit_json(shape: Shape, value: &Value, out: &mut Vec<u8>) {
    let start = out.len();
    write(shape, value, start, out);
    let length = out.len().saturating_sub(start);
    if length > AUDIT_BYTES_MAX {
        out.truncate(start);
        out.extend_from_slice(b"{\"omitted\":true,\"reason\":\"FIELD_SIZE_EXCEEDED\"}");
    }
}

fn write(shape: Shape, value: &Value, start: usize, out: &mut Vec<u8>) {
    if shape.is_sensitive() {
        return write_string(HIDDEN, out);
    }
    // The rest would be dropped anyway; the caller sees that the limit is passed.
    if out.len().saturating_sub(start) > AUDIT_BYTES_MAX {
        return out.extend_from_slice(b"null");
    }
    match (value, shape.kind()) {
        (Value::Structure(members), Kind::Structure { .. }) => {
            let mut separator = Separator::open(b'{', out);
            for (name, value) in members.iter().filter(|(name, value)| is_told(shape, name, value)) {
                separator.next(out);
                write_name(name, out);
                out.push(b':');
                match shape.member(name) {
                    Some((member, shape)) => write_member(member, shape, value, start, out),
                    // A member without a shape may be anything, so it is not shown.
                    None => write_string(HIDDEN, out),
                }
            }
            out.push(b'}');
        }
        (Value::List(items), Kind::List { member, .. }) => {
            let element = shape.of(member);
            write_list(items, out, |item, out| write_member(member, element, item, start, out));
        }
        (Value::Map(entries), Kind::Map { value: member, key, .. }) => {
            if shape.of(key).is_sensitive() {
                return write_string(HIDDEN, out);
            }
            let inside = shape.of(member);
            let mut separator = Separator::open(b'{', out);
            for (key, item) in entries {
                separator.next(out);
                write_string(key, out);
                out.push(b':');
                write_member(member, inside, item, start, out);
            }
            out.push(b'}');
        }
        (Value::Timestamp(moment), _) => write_string(&moment.iso8601_millis(), out),
        (Value::Structure(_) | Value::List(_) | Value::Map(_), _) => write_string(HIDDEN, out),
        (plain, _) => writer::write(Some(shape), None, plain, out),
    }
}

/// What is absent, and the bytes of a stream, leave no trace.
fn is_told(shape: Shape, name: &str, value: &Value) -> bool {
    let streams = || shape.member(name).is_some_and(|(_, shape)| shape.is_streaming());
    !matches!(value, Value::Null | Value::Stream(_)) && !streams()
}

fn write_member(member: &Member, shape: Shape, value: &Value, start: usize, out: &mut Vec<u8>) {
    match hides(member, shape, Redact::Sensitive) {
        true => write_string(HIDDEN, out),
        false => write(shape, value, start, out),
    }
}

/// True where a member must not be shown.
pub(in crate::codec) const fn hides(member: &Member, shape: Shape, redact: Redact) -> bool {
    matches!(redact, Redact::Sensitive) && (member.redact || shape.is_sensitive())
}

/// `TableName` is recorded as `tableName`, `SSEDescription` as `sSEDescription`.
fn write_name(name: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut bytes = name.bytes();
    out.extend(bytes.next().map(|first| first.to_ascii_lowercase()));
    out.extend(bytes);
    out.push(b'"');
}
