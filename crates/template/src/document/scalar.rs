//! A plain scalar's kind: booleans as YAML 1.1 spells them, and a number only where printing it gives the same text back.
//!
//! `yes` and `off` are booleans to AWS, and to the tools that write templates for it (`y` and `n` are text to all of them). But
//! `013`, `1.10` and `0x1F` stay text: an account id keeps its zeros and a version its last digit.

use serde_json::Value;

/// What an unquoted, untagged scalar means.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// The number that prints exactly as `text` does.
pub(super) fn number(text: &str) -> Option<Value> {
    let starts_like_a_number = text.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'-');
    if !starts_like_a_number || text.len() > 32 {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let printed = value.to_string();
    (value.is_number() && printed == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_are_spelled_in_many_ways_and_numbers_in_one() {
        let table = [
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("1.5", json!(1.5)),
            ("013", json!("013")),
            ("1.10", json!("1.10")),
            ("0x1F", json!("0x1F")),
            ("1_000", json!("1_000")),
            ("2012-10-17", json!("2012-10-17")),
            ("123456789012", json!(123_456_789_012_u64)),
            ("yes", json!(true)),
            ("NO", json!(false)),
            ("On", json!(true)),
            ("off", json!(false)),
            ("y", json!("y")),
            ("N", json!("N")),
            ("yEs", json!("yEs")),
            ("True", json!(true)),
            ("~", json!(null)),
        ];
        for (text, value) in table {
            assert_eq!(plain(text), value, "{text}");
        }
    }
}
