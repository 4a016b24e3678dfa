//! Files of settings as trees: TOML, or YAML, of which JSON is a part.
//!
//! Knows no setting.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value};

use crate::Error;

/// No such file is longer.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads a file as its name's end says.
pub(super) fn read(file: &Path) -> Result<Value, Error> {
    let told = |error: &dyn std::fmt::Display| Error::from(format!("{}: {error}", file.display()));
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let parse: fn(&str) -> Result<Value, Error> = match ending {
        "toml" => of_toml,
        "yaml" | "yml" | "json" => of_yaml,
        _ => return Err(told(&"its name ends neither in .toml nor in .yaml, .yml or .json")),
    };
    let open = std::fs::File::open(file).map_err(|error| told(&error))?;
    let mut text = String::new();
    open.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| told(&error))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(told(&format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    parse(&text).map_err(|error| told(&error))
}

pub(super) fn of_toml(text: &str) -> Result<Value, Error> {
    let table: toml::Table = text.parse()?;
    Ok(value_of(toml::Value::Table(table)))
}

fn of_yaml(text: &str) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    Ok(template::Document::parse(text)?.root)
}

/// The parser's cap on depth bounds the recursion.
fn value_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(items) => items.into_iter().map(value_of).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, value_of(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_give_the_same_tree() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            read(&folder.path().join(name))
        };
        let tree = json!({"a": {"b": [1, true, "x"]}});
        assert_eq!(of("s.toml", "[a]\nb = [1, true, \"x\"]\n").unwrap(), tree);
        for name in ["s.yaml", "s.yml", "s.json"] {
            assert_eq!(of(name, "a: {b: [1, true, x]}\n").unwrap(), tree);
        }
        assert_eq!(of("e.yaml", "\n").unwrap(), json!({}));
        for (name, text, told) in
            [("s.ini", "", "ends neither"), ("b.toml", "a", "b.toml"), ("b.yaml", "a: [", "b.yaml")]
        {
            let error = of(name, text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let long = of("l.toml", &"#".repeat(FILE_BYTES_MAX as usize + 1)).unwrap_err().to_string();
        assert!(long.contains("more than"), "{long}");
    }
}
