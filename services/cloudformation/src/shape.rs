//! Template values to the shapes of a model: templates write `"10"` and `10`, `"true"` and `true` alike.
//!
//! Changes only what is meant the same. Whatever does not fit afterwards is refused by the conversion that follows.

use protocol::{Kind, Shape};
use serde_json::{Map, Value};

/// Converts scalars to the kinds that the shape has, at any depth. Null members are left out.
pub(crate) fn fit(shape: Shape, value: Value) -> Value {
    match (shape.kind(), value) {
        (Kind::Structure { members, .. }, Value::Object(entries)) => {
            let fitted = entries.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| {
                let member = members.iter().find(|member| member.name() == name);
                let value = match member {
                    Some(member) => fit(shape.of(member), value),
                    None => value,
                };
                (name, value)
            });
            Value::Object(fitted.collect::<Map<_, _>>())
        }
        (Kind::List { member, .. }, Value::Array(items)) => {
            items.into_iter().map(|item| fit(shape.of(member), item)).collect()
        }
        (Kind::Map { value: member, .. }, Value::Object(entries)) => {
            Value::Object(entries.into_iter().map(|(key, item)| (key, fit(shape.of(member), item))).collect())
        }
        (Kind::String { .. }, Value::Number(number)) => Value::String(number.to_string()),
        (Kind::String { .. }, Value::Bool(flag)) => Value::String(flag.to_string()),
        (Kind::Integer { .. }, Value::String(text)) => {
            text.parse::<i64>().map_or(Value::String(text), Value::from)
        }
        (Kind::Float { .. }, Value::String(text)) => {
            text.parse::<f64>().map_or(Value::String(text), Value::from)
        }
        (Kind::Boolean, Value::String(text)) => match text.as_str() {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            _ => Value::String(text),
        },
        (_, value) => value,
    }
}
