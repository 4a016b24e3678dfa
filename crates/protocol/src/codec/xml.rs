//! Writes values as XML by shape, as the query and rest-xml protocols answer.
//!
//! Characters that XML 1.0 cannot carry become U+FFFD: an answer is always well-formed.

use super::scalar;
use crate::Value;
use crate::model::{Kind, Location, Member, Shape, TimestampFormat, XmlNamespace};

/// What a document of its own starts with.
pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A structure under `name` as the root, with its attributes.
pub(super) fn write_root(
    name: &str,
    namespace: Option<XmlNamespace>,
    shape: Shape,
    value: &Value,
    out: &mut String,
) {
    open_element(name, namespace, shape, value, out);
    write_members(shape, value, out);
    close(name, out);
}

/// `<name xmlns="…">`
pub(super) fn open_root(name: &str, namespace: Option<&str>, out: &mut String) {
    out.push('<');
    out.push_str(name);
    if let Some(namespace) = namespace {
        out.push_str(" xmlns=\"");
        escape(namespace, out);
        out.push('"');
    }
    out.push('>');
}

/// `<name>`
pub(super) fn open(name: &str, out: &mut String) {
    open_root(name, None, out);
}

/// `</name>`
pub(super) fn close(name: &str, out: &mut String) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// `<name>text</name>`
pub(super) fn element(name: &str, text: &str, out: &mut String) {
    open(name, out);
    escape(text, out);
    close(name, out);
}

/// The members of a structure, one element each. Attributes of the structure were written by its parent.
pub(super) fn write_members(shape: Shape, value: &Value, out: &mut String) {
    let Value::Structure(members) = value else { return };
    // In the model's order: what reads XML by sequence finds it as AWS sends it.
    for member in shape.members() {
        if let Some(value) = members.get(member.name)
            && *value != Value::Null
            && !member.xml_attribute
            && member.location == Location::Body
        {
            write(member.wire_name, member, shape.of(member), value, out);
        }
    }
}

fn write(name: &str, member: &Member, shape: Shape, value: &Value, out: &mut String) {
    match (shape.kind(), value) {
        (Kind::Structure { .. }, _) => {
            open_with_attributes(name, member, shape, value, out);
            write_members(shape, value, out);
            close(name, out);
        }
        (Kind::List { member: element, flattened, .. }, Value::List(items)) => {
            let inside = shape.of(element);
            if *flattened || member.flattened {
                // Where only the member says so, its own name is meant.
                let name = if element.has_wire_name && !member.flattened { element.wire_name } else { name };
                items.iter().for_each(|item| write(name, element, inside, item, out));
            } else {
                open_with_attributes(name, member, shape, value, out);
                let item_name = if element.has_wire_name { element.wire_name } else { "member" };
                items.iter().for_each(|item| write(item_name, element, inside, item, out));
                close(name, out);
            }
        }
        (Kind::Map { key, value: inside, flattened, .. }, Value::Map(entries)) => {
            let flat = *flattened || member.flattened;
            if !flat {
                open_with_attributes(name, member, shape, value, out);
            }
            for (text, value) in entries {
                let entry = if flat { name } else { "entry" };
                open(entry, out);
                element(if key.has_wire_name { key.wire_name } else { "key" }, text, out);
                let value_name = if inside.has_wire_name { inside.wire_name } else { "value" };
                write(value_name, inside, shape.of(inside), value, out);
                close(entry, out);
            }
            if !flat {
                close(name, out);
            }
        }
        _ => {
            open_with_attributes(name, member, shape, value, out);
            if let Some(text) = scalar::write(shape, value, member.timestamp_format, TimestampFormat::Iso8601)
            {
                escape(&text, out);
            }
            close(name, out);
        }
    }
}

fn open_with_attributes(name: &str, member: &Member, shape: Shape, value: &Value, out: &mut String) {
    let namespace = member.xml_namespace.or(shape.data.xml_namespace);
    open_element(name, namespace, shape, value, out);
}

fn open_element(name: &str, namespace: Option<XmlNamespace>, shape: Shape, value: &Value, out: &mut String) {
    out.push('<');
    out.push_str(name);
    let attribute = |name: &str, text: &str, out: &mut String| {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(text, out);
        out.push('"');
    };
    match namespace {
        Some(XmlNamespace { prefix: Some(prefix), uri }) => attribute(&format!("xmlns:{prefix}"), uri, out),
        Some(XmlNamespace { prefix: None, uri }) => attribute("xmlns", uri, out),
        None => {}
    }
    if let Value::Structure(members) = value {
        for member in shape.members().iter().filter(|member| member.xml_attribute) {
            let value = members.get(member.name);
            let text = value.and_then(|value| {
                scalar::write(shape.of(member), value, member.timestamp_format, TimestampFormat::Iso8601)
            });
            if let Some(text) = text {
                attribute(member.wire_name, &text, out);
            }
        }
    }
    out.push('>');
}

/// Text with everything escaped that XML gives a meaning.
pub(super) fn escape(text: &str, out: &mut String) {
    // Most texts are plain, and go over in one piece.
    let is_plain = |byte: u8| (b' '..0x7f).contains(&byte) && !matches!(byte, b'&' | b'<' | b'>' | b'"');
    if text.bytes().all(is_plain) {
        return out.push_str(text);
    }
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A parser would turn a bare carriage return into a line feed.
            '\r' => out.push_str("&#xD;"),
            '\t' | '\n' => out.push(char),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_well_formed() {
        let mut out = String::new();
        escape("a<b>&\"c\"\r\n\u{0}\u{1f}é", &mut out);
        assert_eq!(out, "a&lt;b&gt;&amp;&quot;c&quot;&#xD;\n\u{fffd}\u{fffd}é");
    }
}
