//! Resolves the intrinsic functions of a property tree.
//!
//! Knows no resource: what `Ref` and `Fn::GetAtt` of one give, the caller says through [`Resources`]. A function it does
//! not know, and a dynamic reference, is an error, never left in the result.

use std::cell::Cell;

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::limits::{NODES_MAX, RESOLVED_BYTES_MAX};
use crate::parameter::scalar_text;
use crate::scope::Scope;

/// What the resources of a stack answer to references.
pub trait Resources {
    /// `Ref`.
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError>;
    /// `Fn::GetAtt`.
    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError>;
}

/// A piece of the string of an `Fn::Sub`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// The resources of a stack, and how much one resolution may still produce: functions multiply what they are given.
struct Metered<'a> {
    resources: &'a dyn Resources,
    left: Cell<usize>,
}

impl Metered<'_> {
    fn spend(&self, bytes: usize) -> Result<(), TemplateError> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(too_large()),
        }
    }

    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        self.resources.reference(logical_id)
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        self.resources.attribute(logical_id, attribute)
    }
}

fn too_large() -> TemplateError {
    TemplateError::function(format_args!("the resolved values grow beyond {RESOLVED_BYTES_MAX} bytes."))
}

/// What a value weighs, its own text and items only.
fn weight(value: Option<&Value>) -> usize {
    match value {
        Some(Value::String(text)) => text.len(),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map_or(8, str::len) + 8).sum(),
        _ => 0,
    }
}

/// Resolves a tree. `None` is `AWS::NoValue`: the member or item is left out.
pub(crate) fn resolve(
    value: &Value,
    scope: &Scope,
    resources: &dyn Resources,
) -> Result<Option<Value>, TemplateError> {
    tree(value, scope, &Metered { resources, left: Cell::new(RESOLVED_BYTES_MAX) })
}

fn tree(value: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Option<Value>, TemplateError> {
    match value {
        Value::Object(map) => match function(map) {
            Some((name, argument)) => {
                let value = call(name, argument, scope, resources)?;
                resources.spend(weight(value.as_ref()))?;
                Ok(value)
            }
            None => members(map, scope, resources).map(Some),
        },
        Value::Array(items) => {
            let resolved: Result<Vec<Value>, _> =
                items.iter().filter_map(|item| tree(item, scope, resources).transpose()).collect();
            Ok(Some(Value::Array(resolved?)))
        }
        Value::String(text) if text.contains("{{resolve:") => {
            Err(TemplateError::format("dynamic references ({{resolve:…}}) are not supported."))
        }
        scalar => Ok(Some(scalar.clone())),
    }
}

fn members(map: &Map<String, Value>, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let mut resolved = Map::new();
    for (name, value) in map {
        if name.starts_with("Fn::") {
            return Err(TemplateError::function(format_args!(
                "{name} must be the only member of its object."
            )));
        }
        if let Some(value) = tree(value, scope, resources)? {
            resolved.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(resolved))
}

/// The function that an object is, if it is one.
pub(crate) fn function(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((name, argument)), None) if name == "Ref" || name.starts_with("Fn::") => Some((name, argument)),
        _ => None,
    }
}

fn call(
    name: &str,
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Option<Value>, TemplateError> {
    let some = |value: Result<Value, TemplateError>| value.map(Some);
    match name {
        "Ref" => reference(argument, scope, resources),
        "Fn::If" => choose(argument, scope, resources),
        "Fn::GetAtt" => {
            let (logical_id, attribute) = attribute_parts(argument)?;
            let attribute = match attribute {
                Attribute::Text(text) => text.to_owned(),
                Attribute::Function(value) => text(value, scope, resources, "Fn::GetAtt")?,
            };
            some(resources.attribute(logical_id, &attribute))
        }
        "Fn::Sub" => some(substitute(argument, scope, resources)),
        "Fn::Join" => some(join(argument, scope, resources)),
        "Fn::Split" => some(split(argument, scope, resources)),
        "Fn::Select" => some(select(argument, scope, resources)),
        "Fn::FindInMap" => some(find_in_map(argument, scope, resources)),
        "Fn::Base64" => {
            let plain = text(argument, scope, resources, name)?;
            Ok(Some(base64::engine::general_purpose::STANDARD.encode(plain).into()))
        }
        "Fn::GetAZs" => {
            let region = text(argument, scope, resources, name)?;
            let region = if region.is_empty() { scope.pseudo.region.clone() } else { region };
            Ok(Some(["a", "b", "c"].map(|zone| format!("{region}{zone}")).to_vec().into()))
        }
        "Fn::ImportValue" => {
            let export = text(argument, scope, resources, name)?;
            Err(TemplateError::new(format!("No export named {export} found")))
        }
        "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
            Err(TemplateError::function(format_args!("{name} can only be used in the Conditions block.")))
        }
        _ => Err(TemplateError::function(format_args!("the function {name} is not supported."))),
    }
}

fn reference(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Option<Value>, TemplateError> {
    match argument.as_str() {
        Some("AWS::NoValue") => Ok(None),
        Some(name) => named(name, scope, resources).map(Some),
        None => Err(TemplateError::function("every Ref object must have a single String value.")),
    }
}

fn named(name: &str, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    scope.value(name).map_or_else(|| resources.reference(name), Ok)
}

/// The branch of an `Fn::If` that the conditions take.
pub(crate) fn branch<'a>(argument: &'a Value, scope: &Scope) -> Result<&'a Value, TemplateError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([Value::String(condition), yes, no]) => Ok(if scope.condition(condition)? { yes } else { no }),
        _ => Err(TemplateError::function(
            "Fn::If requires a list argument with the first element being a condition, and 2 values.",
        )),
    }
}

fn choose(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Option<Value>, TemplateError> {
    tree(branch(argument, scope)?, scope, resources)
}

/// The second argument of an `Fn::GetAtt`.
pub(crate) enum Attribute<'a> {
    Text(&'a str),
    Function(&'a Value),
}

/// The logical id and the attribute of an `Fn::GetAtt`.
pub(crate) fn attribute_parts(argument: &Value) -> Result<(&str, Attribute<'_>), TemplateError> {
    let parts = match argument {
        Value::String(text) => text.split_once('.').map(|(id, attribute)| (id, Attribute::Text(attribute))),
        Value::Array(list) => match list.as_slice() {
            [Value::String(id), Value::String(attribute)] => match id.split_once('.') {
                // The AWS CLI cuts at the first dot, other tools at the last: both spell the same reference.
                Some(_) => None,
                None => Some((id.as_str(), Attribute::Text(attribute))),
            },
            [Value::String(id), function @ Value::Object(_)] => {
                Some((id.as_str(), Attribute::Function(function)))
            }
            _ => None,
        },
        _ => None,
    };
    parts.ok_or_else(|| {
        TemplateError::function(
            "every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute",
        )
    })
}

/// Resolves to a string, or says which function wanted one.
fn text(
    value: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
    function: &str,
) -> Result<String, TemplateError> {
    tree(value, scope, resources)?.as_ref().and_then(scalar_text).ok_or_else(|| {
        TemplateError::function(format_args!("{function} requires a string where it got something else."))
    })
}

fn bounded(text: String) -> Result<Value, TemplateError> {
    if text.len() > RESOLVED_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Value::String(text))
}

/// The two arguments of an `Fn::Sub`: the string, and its own variables.
type SubParts<'a> = (&'a str, Option<&'a Map<String, Value>>);

/// Takes the arguments of an `Fn::Sub` apart.
pub(crate) fn sub_parts(argument: &Value) -> Result<SubParts<'_>, TemplateError> {
    let parts = match argument {
        Value::String(template) => Some((template.as_str(), None)),
        Value::Array(list) => match list.as_slice() {
            [Value::String(template), Value::Object(variables)] => Some((template.as_str(), Some(variables))),
            [Value::String(template)] => Some((template.as_str(), None)),
            _ => None,
        },
        _ => None,
    };
    parts.ok_or_else(|| {
        TemplateError::function(
            "One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first \
             argument, and an optional second argument to specify a mapping of values to replace in the string",
        )
    })
}

/// Cuts the string of an `Fn::Sub` at its variables. `${!literal}` is the text `${literal}`.
pub(crate) fn sub_pieces(template: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("${") {
        pieces.push(Piece::Text(before));
        let Some((name, after)) = behind.split_once('}') else {
            return Err(TemplateError::function("variable names in Fn::Sub syntax must end with a brace."));
        };
        match name.strip_prefix('!') {
            Some(literal) => pieces.extend([Piece::Text("${"), Piece::Text(literal), Piece::Text("}")]),
            None if name.trim().is_empty() || name.contains(char::is_whitespace) => {
                return Err(TemplateError::function(
                    "variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, \
                     periods, and colons",
                ));
            }
            None => pieces.push(Piece::Name(name)),
        }
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn substitute(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let (template, variables) = sub_parts(argument)?;
    let mut result = String::with_capacity(template.len());
    for piece in sub_pieces(template)? {
        let name = match piece {
            Piece::Text(text) => {
                result.push_str(text);
                continue;
            }
            Piece::Name(name) => name,
        };
        let value = match (variables.and_then(|own| own.get(name)), name.split_once('.')) {
            (Some(own), _) => tree(own, scope, resources)?.unwrap_or_default(),
            (None, Some((logical_id, attribute))) => resources.attribute(logical_id, attribute)?,
            (None, None) => named(name, scope, resources)?,
        };
        let value = scalar_text(&value).ok_or_else(|| {
            TemplateError::function(format_args!("Fn::Sub expects the variable {name} to be a string."))
        })?;
        result.push_str(&value);
        if result.len() > RESOLVED_BYTES_MAX {
            return bounded(result);
        }
    }
    bounded(result)
}

fn join(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let malformed = || {
        TemplateError::function(
            "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be \
             joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        )
    };
    let Some([Value::String(delimiter), list]) = argument.as_array().map(Vec::as_slice) else {
        return Err(malformed());
    };
    let Some(Value::Array(items)) = tree(list, scope, resources)? else { return Err(malformed()) };
    let texts: Vec<String> = items.iter().map(scalar_text).collect::<Option<_>>().ok_or_else(malformed)?;
    let size = texts.iter().map(|text| text.len() + delimiter.len()).sum::<usize>();
    if size > RESOLVED_BYTES_MAX {
        return Err(too_large());
    }
    bounded(texts.join(delimiter))
}

fn split(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([Value::String(delimiter), source]) if !delimiter.is_empty() => {
            let source = text(source, scope, resources, "Fn::Split")?;
            if source.matches(delimiter.as_str()).count() > NODES_MAX {
                return Err(too_large());
            }
            Ok(Value::from(source.split(delimiter.as_str()).collect::<Vec<_>>()))
        }
        _ => Err(TemplateError::function(
            "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a \
             function that returns a string to be split.",
        )),
    }
}

fn select(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let malformed = || {
        TemplateError::function(
            "Fn::Select requires a list argument with two elements: the first must resolve to an index, the second to a list.",
        )
    };
    let Some([index, list]) = argument.as_array().map(Vec::as_slice) else { return Err(malformed()) };
    let index = text(index, scope, resources, "Fn::Select")?;
    let position: usize = index.parse().map_err(|_| malformed())?;
    let Some(Value::Array(mut items)) = tree(list, scope, resources)? else { return Err(malformed()) };
    if position >= items.len() {
        let message = format_args!("Fn::Select cannot select nonexistent value at index {index}");
        return Err(TemplateError::function(message));
    }
    Ok(items.swap_remove(position))
}

fn find_in_map(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let Some([map, top, second]) = argument.as_array().map(Vec::as_slice) else {
        return Err(TemplateError::function(
            "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value",
        ));
    };
    let map = text(map, scope, resources, "Fn::FindInMap")?;
    let top = text(top, scope, resources, "Fn::FindInMap")?;
    let second = text(second, scope, resources, "Fn::FindInMap")?;
    let found = scope.mappings.get(&map).and_then(|map| map.get(&top)).and_then(|keys| keys.get(&second));
    found.cloned().ok_or_else(|| {
        TemplateError::function(format_args!("Unable to get mapping for {map}::{top}::{second}"))
    })
}
