//! Short-form tags to long-form functions: `!GetAtt a.b` to `{"Fn::GetAtt": ["a", "b"]}`.
//!
//! A tag that names no function of CloudFormation is an error: dropping it would change what the template means.

use serde_json::{Map, Value};

/// The functions that have a short form, without their `Fn::`.
const FUNCTIONS: [&str; 19] = [
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

/// The long form of `!name value`, or `None` where no function has this name.
pub(super) fn expand(name: &str, value: Value) -> Option<Value> {
    let (function, argument) = match name {
        "Ref" | "Condition" => (name.to_owned(), value),
        "GetAtt" => ("Fn::GetAtt".to_owned(), attribute(value)),
        _ if FUNCTIONS.contains(&name) => (format!("Fn::{name}"), value),
        _ => return None,
    };
    Some(Value::Object(Map::from_iter([(function, argument)])))
}

/// `a.b.c` is the attribute `b.c` of `a`.
fn attribute(value: Value) -> Value {
    match value {
        Value::String(text) => match text.split_once('.') {
            Some((resource, attribute)) => Value::from(vec![resource, attribute]),
            None => Value::String(text),
        },
        list => list,
    }
}
