//! A tree as YAML text that parses to the same tree.
//!
//! Block style; text that could be read as anything else is quoted. Functions keep their long form.

use std::fmt::Write as _;

use serde_json::Value;

use super::scalar;

/// The YAML text of a tree.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => write(value, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write(value, 0, &mut out),
        leaf => {
            scalar_text(leaf, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(level: usize, out: &mut String) {
    out.push_str(&"  ".repeat(level));
}

/// The document's depth cap bounds the recursion.
fn write(value: &Value, level: usize, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (at, (name, value)) in map.iter().enumerate() {
                // The first entry of a list's map stands behind the dash.
                if at > 0 || !out.ends_with("- ") {
                    indent(level, out);
                }
                text(name, out);
                out.push(':');
                inside(value, level + 1, out);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 || !out.ends_with("- ") {
                    indent(level, out);
                }
                out.push_str("- ");
                match item {
                    Value::Object(map) if !map.is_empty() => write(item, level + 1, out),
                    Value::Array(items) if !items.is_empty() => write(item, level + 1, out),
                    leaf => {
                        scalar_text(leaf, out);
                        out.push('\n');
                    }
                }
            }
        }
        _ => {}
    }
}

fn inside(value: &Value, level: usize, out: &mut String) {
    let nested = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        return write(value, level, out);
    }
    out.push(' ');
    scalar_text(value, out);
    out.push('\n');
}

fn scalar_text(value: &Value, out: &mut String) {
    match value {
        Value::String(plain) => text(plain, out),
        other => out.push_str(&other.to_string()),
    }
}

fn text(plain: &str, out: &mut String) {
    let starts = plain.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@-".contains(&byte);
    let is_text = scalar::plain(plain).is_string();
    if starts && is_text && plain.bytes().all(allowed) && !plain.ends_with(':') {
        out.push_str(plain);
    } else {
        // A JSON string is a YAML double-quoted one.
        for c in Value::from(plain).to_string().chars() {
            if is_shown(c) {
                out.push(c);
            } else {
                // Beyond the first plane all is shown.
                // Writing to a text does not fail.
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
        }
    }
}

/// True for what stands in YAML as it is: what it calls printable, but for what ends a line, stands before a text or turns the
/// writing of those who read it.
fn is_shown(c: char) -> bool {
    let is_printable =
        matches!(c, '\x20'..='\x7E' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    let moves = matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    is_printable && !moves
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Document;

    #[test]
    fn what_is_written_parses_to_the_same_tree() {
        let table = [
            json!({"a": [], "b": {}, "c": [[1, [2]], {"x": 1, "y": [true, null]}], "d": "yes", "e": "true", "f": "12"}),
            json!({"Fn::Sub": "a: b", "x-y": "# no", "s": "two\nlines\tand \"quotes\" ü", "": "~", "u": "a:b:", "v": "-"}),
            json!({"a": {"b": {"c": [{"d": {"e": "f"}}]}}, "n": -1.5, "z": "1.10", "w": " padded "}),
        ];
        for tree in table {
            let text = yaml(&tree);
            assert_eq!(Document::parse(&text).unwrap().root, tree, "{text}");
        }
    }

    #[test]
    fn what_readers_do_not_take_or_terminals_follow_is_written_out() {
        for c in "\0\u{1B}\u{7F}\u{80}\u{85}\u{9B}\u{9F}\u{61C}\u{200E}\u{2028}\u{2029}\u{202E}\u{2066}\u{FEFF}\u{FFFE}\u{FFFF}".chars() {
            let tree = json!({ format!("k{c}"): [format!("{c}v")] });
            let text = yaml(&tree);
            assert!(!text.contains(c), "{:X}", u32::from(c));
            assert_eq!(Document::parse(&text).unwrap().root, tree, "{text}");
        }
        assert_eq!(yaml(&json!(["ü €\u{1F600}\u{A0}\u{FFFD}"])), "- \"ü €\u{1F600}\u{A0}\u{FFFD}\"\n");
    }
}
