//! JSON as Python's `json.dumps` writes it, since ids and definitions follow the text.
//!
//! All but ASCII escaped.

use std::fmt::Write as _;

use serde_json::Value;

/// Without spaces, keys sorted.
pub(super) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, &mut out);
    out
}

/// On one line, keys in their own order.
pub(super) fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let key = |name: &str| spaced(&Value::from(name));
            let entries: Vec<String> =
                map.iter().map(|(name, value)| format!("{}: {}", key(name), spaced(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        leaf => {
            let mut out = String::new();
            ascii(leaf, &mut out);
            out
        }
    }
}

/// A line an entry, four spaces a level, keys sorted.
pub(super) fn indented(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(0), &mut out);
    out
}

fn open_line(level: Option<usize>, out: &mut String) {
    if let Some(level) = level {
        out.push('\n');
        out.push_str(&"    ".repeat(level));
    }
}

/// The document's depth cap bounds the recursion.
fn write(value: &Value, level: Option<usize>, out: &mut String) {
    let inside = level.map(|level| level + 1);
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, value)) in entries.into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                open_line(inside, out);
                ascii(&Value::from(name.as_str()), out);
                out.push_str(if level.is_some() { ": " } else { ":" });
                write(value, inside, out);
            }
            open_line(level, out);
            out.push('}');
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                open_line(inside, out);
                write(item, inside, out);
            }
            open_line(level, out);
            out.push(']');
        }
        leaf => ascii(leaf, out),
    }
}

fn ascii(leaf: &Value, out: &mut String) {
    let mut units = [0_u16; 2];
    for character in leaf.to_string().chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}
