//! Small questions about template trees: is it a function, is it of this type, what is true of it.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::error::Problems;

/// True for `{"Ref": …}`, `{"Condition": …}` and `{"Fn::…": …}`.
pub(super) fn is_intrinsic(value: &Value) -> bool {
    single(value).is_some_and(|(name, _)| name == "Ref" || name == "Condition" || name.starts_with("Fn::"))
}

/// The only entry of a map of one entry.
pub(super) fn single(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().map(|(name, value)| (name.as_str(), value))
}

/// True for `{"Ref": "AWS::NoValue"}`.
pub(super) fn is_no_value(value: &Value) -> bool {
    single(value) == Some(("Ref", &Value::from("AWS::NoValue")))
}

/// True where Python's `if value:` is.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// A member that is there and not null.
pub(super) fn member<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| !value.is_null())
}

/// A member that is there and truthy.
pub(super) fn truthy<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| is_truthy(value))
}

/// `{"Ref": id}`
pub(super) fn reference(id: &str) -> Value {
    json!({ "Ref": id })
}

/// What a property may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Text,
    Map,
    TextOrMap,
    Flag,
    /// A flag that no function may stand for.
    PlainFlag,
    Integer,
    List,
    TextOrMapList,
    MapOfMaps,
    MapOfText,
    MapOfIntegers,
    /// Text, a map, or a list of both.
    Policies,
    /// Known to the published transform, not to this one.
    Unsupported,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let text_or_map = |value: &Value| value.is_string() || value.is_object();
        let all = |value: &Value, test: &dyn Fn(&Value) -> bool| {
            value.as_object().is_some_and(|map| map.values().all(test))
        };
        match self {
            Self::Any | Self::Unsupported => true,
            Self::Text => value.is_string(),
            Self::Map => value.is_object(),
            Self::TextOrMap => text_or_map(value),
            Self::Flag | Self::PlainFlag => value.is_boolean(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::List => value.is_array(),
            Self::TextOrMapList => value.as_array().is_some_and(|list| list.iter().all(text_or_map)),
            Self::MapOfMaps => all(value, &Value::is_object),
            Self::MapOfText => all(value, &Value::is_string),
            Self::MapOfIntegers => all(value, &|v| v.is_i64() || v.is_u64() || v.is_object()),
            Self::Policies => text_or_map(value) || Self::TextOrMapList.fits(value),
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("string"),
            Self::Map => Some("map"),
            Self::Flag | Self::PlainFlag => Some("boolean"),
            Self::Integer => Some("integer"),
            Self::List => Some("list"),
            _ => None,
        }
    }
}

/// Checks a resource's or event's properties against what it may have. Every problem is told.
pub(super) fn check(
    id: &str,
    kind: &str,
    properties: &Map<String, Value>,
    known: &[(&str, Kind)],
) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (name, value) in properties {
        let result = match known.iter().find(|(known, _)| known == name).map(|(_, kind)| *kind) {
            None => Err(format!("property {name} not defined for resource of type {kind}")),
            Some(Kind::Unsupported) => Err(format!("Property '{name}' is not supported by this platform.")),
            Some(_) if value.is_null() => Ok(()),
            // A map of one entry may be a function: CloudFormation will see.
            Some(expected) if expected != Kind::PlainFlag && single(value).is_some() => Ok(()),
            Some(expected) if expected.fits(value) => Ok(()),
            Some(expected) => Err(match expected.name() {
                Some(expected) => format!("Property '{name}' should be a {expected}."),
                None => format!("Type of property '{name}' is invalid."),
            }),
        };
        problems.collect(result.map_err(|message| Problems::resource(id, message)));
    }
    problems.into_result()
}

/// `{"Key": …, "Value": …}` for every tag.
pub(super) fn tag_list(tags: Option<&Value>) -> Vec<Value> {
    let entries = tags.and_then(Value::as_object).into_iter().flatten();
    entries
        .map(|(key, value)| json!({ "Key": key, "Value": if value.is_null() { json!("") } else { value.clone() } }))
        .collect()
}

/// Replaces references to parameters by their values, as far as the transform itself needs to look at a value.
pub(super) fn with_parameters(value: &Value, parameters: &IndexMap<String, Value>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| with_parameters(item, parameters)).collect(),
        Value::Object(map) => match single(value) {
            Some(("Ref", Value::String(name))) => parameters.get(name).unwrap_or(value).clone(),
            Some(("Fn::Sub", Value::String(text))) => json!({ "Fn::Sub": substituted(text, parameters) }),
            Some(("Fn::Sub", Value::Array(list))) => {
                let mut list: Vec<Value> =
                    list.iter().map(|item| with_parameters(item, parameters)).collect();
                if let Some(Value::String(text)) = list.first_mut() {
                    *text = substituted(text, parameters);
                }
                json!({ "Fn::Sub": list })
            }
            _ => {
                let entries =
                    map.iter().map(|(name, value)| (name.clone(), with_parameters(value, parameters)));
                Value::Object(entries.collect())
            }
        },
        leaf => leaf.clone(),
    }
}

fn substituted(text: &str, parameters: &IndexMap<String, Value>) -> String {
    super::references::rewrite(text, |name| parameters.get(name)?.as_str().map(str::to_owned))
}
