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

/// The id that a `Ref` or `Fn::GetAtt` names.
pub(super) fn referred(value: &Value) -> Option<&str> {
    match single(value)? {
        ("Ref", Value::String(id)) => Some(id),
        ("Fn::GetAtt", Value::Array(list)) => list.first()?.as_str(),
        ("Fn::GetAtt", Value::String(text)) => text.split('.').next(),
        _ => None,
    }
}

/// The three parts of an `Fn::If`, or what is wrong with it.
pub(super) fn if_parts(value: &Value) -> Option<Result<[&Value; 3], &'static str>> {
    let ("Fn::If", parts) = single(value)? else { return None };
    Some(match parts.as_array().map(Vec::as_slice) {
        Some([condition, yes, no]) => Ok([condition, yes, no]),
        _ => Err("Fn::If requires 3 arguments"),
    })
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

/// `{"Fn::GetAtt": [id, attribute]}`
pub(super) fn attribute(id: &str, attribute: &str) -> Value {
    json!({ "Fn::GetAtt": [id, attribute] })
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
    /// A text of which the published transform does not say that it should be one.
    SomeText,
    Map,
    TextOrMap,
    Flag,
    /// A flag that no function may stand for.
    PlainFlag,
    /// The same for a text.
    PlainText,
    /// The same for a map.
    PlainMap,
    /// Text or a list of text, no function.
    PlainTextOrTexts,
    /// The text `Delete` or `Retain`, no function.
    DeleteOrRetain,
    FlagOrMap,
    Integer,
    List,
    /// A list that no function may stand for.
    PlainList,
    /// A list or a map.
    ListOrMap,
    TextOrMapList,
    MapOfMaps,
    MapOfText,
    MapOfIntegers,
    /// Text, a map, or a list of both.
    Policies,
    /// Text, or a list of text and maps.
    TextOrPolicies,
    /// A map whose values may be anything.
    MapOfAny,
    /// A map or a list of maps.
    MapOrMaps,
    /// A list of texts.
    Texts,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let text_or_map = |value: &Value| value.is_string() || value.is_object();
        let all = |value: &Value, test: &dyn Fn(&Value) -> bool| {
            value.as_object().is_some_and(|map| map.values().all(test))
        };
        match self {
            Self::Any => true,
            Self::Text | Self::SomeText | Self::PlainText => value.is_string(),
            Self::Map | Self::PlainMap | Self::MapOfAny => value.is_object(),
            Self::FlagOrMap => value.is_boolean() || value.is_object(),
            Self::DeleteOrRetain => matches!(value.as_str(), Some("Delete" | "Retain")),
            Self::PlainTextOrTexts => {
                value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
            }
            Self::TextOrMap => text_or_map(value),
            Self::Flag | Self::PlainFlag => value.is_boolean(),
            // A flag is a number to Python.
            Self::Integer => value.is_i64() || value.is_u64() || value.is_boolean(),
            Self::List | Self::PlainList => value.is_array(),
            Self::ListOrMap => value.is_array() || value.is_object(),
            Self::TextOrMapList => value.as_array().is_some_and(|list| list.iter().all(text_or_map)),
            Self::MapOfMaps => all(value, &Value::is_object),
            Self::MapOfText => all(value, &Value::is_string),
            Self::MapOfIntegers => all(value, &|v| v.is_i64() || v.is_u64() || v.is_object()),
            Self::MapOrMaps => {
                value.is_object() || value.as_array().is_some_and(|list| list.iter().all(Value::is_object))
            }
            Self::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
            Self::TextOrPolicies => value.is_string() || Self::TextOrMapList.fits(value),
            Self::Policies => text_or_map(value) || Self::TextOrMapList.fits(value),
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::PlainText => Some("string"),
            Self::Map | Self::PlainMap => Some("map"),
            Self::DeleteOrRetain => Some("one of the strings: 'Delete' or 'Retain'"),
            _ => None,
        }
    }
}

/// Checks a resource's or event's properties against what it may and must have. The first problem is told, as the
/// published transform does: names that are unknown come before values that are missing or of the wrong type.
pub(super) fn check(
    id: &str,
    kind: &str,
    properties: &Map<String, Value>,
    known: &[(&str, Kind)],
    required: &[&str],
) -> Result<(), Problems> {
    let refuse = |message: String| Err(Problems::resource(id, message));
    for name in properties.keys() {
        if !known.iter().any(|(known, _)| known == name) {
            return refuse(format!("property {name} not defined for resource of type {kind}"));
        }
    }
    for (name, expected) in known {
        let Some(value) = member(properties, name) else {
            if required.contains(name) {
                return refuse(format!("Missing required property '{name}'."));
            }
            continue;
        };
        // A map of one entry may be a function: CloudFormation will see.
        let may_be_function = !matches!(
            expected,
            Kind::PlainFlag | Kind::PlainText | Kind::PlainMap | Kind::PlainList | Kind::PlainTextOrTexts
        );
        if (may_be_function && single(value).is_some()) || expected.fits(value) {
            continue;
        }
        return refuse(match expected.name() {
            Some(expected) => format!("Property '{name}' should be a {expected}."),
            None => format!("Type of property '{name}' is invalid."),
        });
    }
    Ok(())
}

/// `{"Key": …, "Value": …}` for every tag.
pub(super) fn tag_list(tags: Option<&Value>) -> Vec<Value> {
    let entries = tags.and_then(Value::as_object).into_iter().flatten();
    entries
        .map(|(key, value)| json!({ "Key": key, "Value": if value.is_null() { json!("") } else { value.clone() } }))
        .collect()
}

/// The types that take tags over from the resource that they are generated for.
const TAGGED: [&str; 22] = [
    "AWS::ApiGateway::ApiKey",
    "AWS::ApiGateway::DomainName",
    "AWS::ApiGateway::DomainNameAccessAssociation",
    "AWS::ApiGateway::DomainNameV2",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudFormation::Stack",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::DynamoDB::Table",
    "AWS::AppSync::GraphQLApi",
    "AWS::IAM::Role",
    "AWS::IoT::TopicRule",
    "AWS::Lambda::CapacityProvider",
    "AWS::Lambda::Function",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::StepFunctions::StateMachine",
];

/// `PropagateTags`: the tags in place of those that the transform sets.
pub(super) fn propagate_tags(tags: Option<&Value>, resources: &mut [(String, Value)]) {
    let Some(tags) = tags else { return };
    let tags = Value::from(tag_list(Some(tags)));
    for (_, resource) in resources {
        let tagged = resource.get("Type").and_then(Value::as_str).is_some_and(|kind| TAGGED.contains(&kind));
        if let (true, Some(properties)) =
            (tagged, resource.get_mut("Properties").and_then(Value::as_object_mut))
        {
            properties.insert("Tags".to_owned(), tags.clone());
        }
    }
}

/// The same for types whose tags are a map.
pub(super) fn propagate_flat_tags(tags: &Value, resources: &mut [(String, Value)]) {
    for (_, resource) in resources {
        let properties = resource.get_mut("Properties").and_then(Value::as_object_mut);
        if let Some(own) = properties.and_then(|properties| properties.get_mut("Tags")) {
            own.clone_from(tags);
        }
    }
}

/// Replaces `Fn::FindInMap` by what it finds, as far as its keys are known. One that is none is refused.
pub(super) fn with_mappings(value: &Value, mappings: &Map<String, Value>) -> Result<Value, Problems> {
    Ok(match value {
        Value::Array(items) => {
            items.iter().map(|item| with_mappings(item, mappings)).collect::<Result<_, _>>()?
        }
        Value::Object(map) => {
            if let Some(("Fn::FindInMap", keys)) = single(value) {
                let Some([map, top, second]) = keys.as_array().map(Vec::as_slice) else {
                    let shown = keys.as_str().map_or_else(|| printed(keys), str::to_owned);
                    return Err(Problems::structure(format_args!(
                        "Invalid FindInMap value {shown}. FindInMap expects an array with 3 values."
                    )));
                };
                if let (Some(map), Some(top), Some(second)) = (map.as_str(), top.as_str(), second.as_str())
                    && let Some(value) =
                        mappings.get(map).and_then(|map| map.get(top)).and_then(|keys| keys.get(second))
                {
                    return Ok(value.clone());
                }
            }
            let entry =
                |(name, value): (&String, &Value)| Ok((name.clone(), with_mappings(value, mappings)?));
            Value::Object(map.iter().map(entry).collect::<Result<_, Problems>>()?)
        }
        leaf => leaf.clone(),
    })
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

/// A value as the published transform prints it inside a message.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| printed(value), str::to_owned)
}

/// A value as Python's `repr` has it.
pub(super) fn printed(value: &Value) -> String {
    super::python::Py::plain(value).print()
}

/// A list of names as Python's `repr` has it.
pub(super) fn printed_list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", names.join(", "))
}
