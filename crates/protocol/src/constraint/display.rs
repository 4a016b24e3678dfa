//! A refused value, as AWS quotes it back: `'x'`, `'[a, b]'`, `'{k=v}'`, `null`.
//!
//! SECURITY: a sensitive value is never quoted, at whatever depth; and what is quoted has an end.

use crate::Value;
use crate::model::{Kind, Member, Shape};

/// The most characters that are quoted.
const QUOTED_MAX: usize = 2_048;

/// The value with its quotes and a space behind it; nothing where it is sensitive.
pub(super) fn value(shape: Shape, value: &Value) -> String {
    if *value == Value::Null {
        return "null ".to_owned();
    }
    if shape.is_sensitive() {
        return String::new();
    }
    let mut text = String::new();
    write(shape, value, &mut text);
    if text.chars().count() > QUOTED_MAX {
        text = text.chars().take(QUOTED_MAX).chain("...".chars()).collect();
    }
    format!("'{text}' ")
}

fn write(shape: Shape, value: &Value, out: &mut String) {
    if shape.is_sensitive() {
        return out.push_str("***Sensitive Data Redacted***");
    }
    if out.len() > 4 * QUOTED_MAX {
        return;
    }
    match (value, shape.kind()) {
        (Value::String(text), _) => out.push_str(text),
        (Value::Integer(number), _) => out.push_str(&number.to_string()),
        (Value::Float(number), _) => out.push_str(&number.to_string()),
        (Value::Bool(value), _) => out.push_str(&value.to_string()),
        (Value::Timestamp(moment), _) => out.push_str(&moment.to_string()),
        (Value::Blob(bytes), _) => {
            out.push_str(&format!("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.len()))
        }
        (Value::List(items), Kind::List { member, .. }) => {
            let items = items.iter().map(|item| (None, shape, member, item));
            sequence(items, ('[', ']'), out);
        }
        (Value::Map(entries), Kind::Map { value: member, .. }) => {
            let entries = entries.iter().map(|(key, item)| (Some(key.clone()), shape, member, item));
            sequence(entries, ('{', '}'), out);
        }
        (Value::Structure(present), Kind::Structure { members, .. }) => {
            out.push_str(shape.name());
            let present = members.iter().filter_map(|member| {
                let mut chars = member.name.chars();
                let name =
                    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect();
                Some((Some(name), shape, member, present.get(member.name)?))
            });
            sequence(present, ('(', ')'), out);
        }
        _ => out.push_str("null"),
    }
}

type Item<'a> = (Option<String>, Shape, &'static Member, &'a Value);

fn sequence<'a>(items: impl Iterator<Item = Item<'a>>, (open, close): (char, char), out: &mut String) {
    out.push(open);
    for (at, (name, shape, member, item)) in items.enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        if let Some(name) = name {
            out.push_str(&name);
            out.push('=');
        }
        if member.redact {
            out.push_str("***Sensitive Data Redacted***")
        } else {
            write(shape.of(member), item, out)
        }
    }
    out.push(close);
}
