//! Resolves the intrinsic functions of a property tree.
//!
//! Knows no resource and no other stack: what `Ref`, `Fn::GetAtt` and `Fn::ImportValue` give, the caller says through
//! [`Resources`]. A function it does not know is an error, never left in the result; a dynamic reference is left
//! to whoever can read what it names, and one that nobody can is an error.

mod cidr;
mod list;
mod text;

use std::cell::Cell;

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::limits::RESOLVED_BYTES_MAX;
use crate::scope::Scope;

pub(crate) use text::{Piece, sub_parts, sub_pieces};

/// What the resources of a stack answer to references.
pub trait Resources {
    /// `Ref`.
    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError>;
    /// `Fn::GetAtt`.
    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError>;
    /// `Fn::ImportValue`: what another stack exports under this name. Nothing is exported where this is not written.
    fn import(&self, name: &str) -> Result<Value, TemplateError> {
        Err(TemplateError::new(format!("No export named {name} found")))
    }
    /// True where a text stands for what is not known yet. A function that needs a list, or a part of such a text, is then
    /// not known either, and is no error.
    fn is_unknown(&self, _text: &str) -> bool {
        false
    }
}

/// The functions that a template may use, as AWS lists them where it meets another.
const SUPPORTED: [&str; 23] = [
    "Fn::Base64",
    "Fn::GetAtt",
    "Fn::GetAZs",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Split",
    "Fn::FindInMap",
    "Fn::Select",
    "Ref",
    "Fn::Equals",
    "Fn::If",
    "Fn::Not",
    "Condition",
    "Fn::And",
    "Fn::Or",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
    "Fn::RefAll",
    "Fn::Sub",
    "Fn::Cidr",
];

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

    /// True for a text that stands for what is not known yet.
    fn is_unknown(&self, value: Option<&Value>) -> bool {
        value.and_then(Value::as_str).is_some_and(|text| self.resources.is_unknown(text))
    }

    /// Stands for what a function gives of arguments that are not known: another one for other arguments.
    fn unknown(&self, function: &str, arguments: &Value) -> Result<Value, TemplateError> {
        let arguments = arguments.to_string();
        self.spend(arguments.len())?;
        Ok(Value::String(format!("{{{{{function} {arguments}}}}}")))
    }

    fn reference(&self, logical_id: &str) -> Result<Value, TemplateError> {
        self.resources.reference(logical_id)
    }

    fn attribute(&self, logical_id: &str, attribute: &str) -> Result<Value, TemplateError> {
        self.resources.attribute(logical_id, attribute)
    }
}

pub(crate) fn too_large() -> TemplateError {
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
                let value = call(name, argument, scope, resources).map_err(|error| error.under(name))?;
                resources.spend(weight(value.as_ref()))?;
                Ok(value)
            }
            None => members(map, scope, resources).map(Some),
        },
        Value::Array(items) => {
            let mut resolved = Vec::with_capacity(items.len());
            for (at, item) in items.iter().enumerate() {
                resolved.extend(tree(item, scope, resources).map_err(|error| error.under(at.to_string()))?);
            }
            Ok(Some(Value::Array(resolved)))
        }
        Value::String(text) if refers_elsewhere(text) => Err(TemplateError::format(
            "dynamic references ({{resolve:…}}) are supported to ssm alone: those to ssm-secure are not, and secretsmanager is not here.",
        )),
        scalar => Ok(Some(scalar.clone())),
    }
}

/// True where a dynamic reference names another service than the Parameter Store.
fn refers_elsewhere(text: &str) -> bool {
    text.split("{{resolve:").skip(1).any(|reference| !reference.starts_with("ssm:"))
}

fn members(map: &Map<String, Value>, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let mut resolved = Map::new();
    for (name, value) in map {
        if name.starts_with("Fn::") {
            return Err(TemplateError::function(format_args!(
                "{name} must be the only member of its object."
            )));
        }
        if let Some(value) = tree(value, scope, resources).map_err(|error| error.under(name))? {
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
                Attribute::Function(value) => text::text(value, scope, resources, "Fn::GetAtt")?,
            };
            some(resources.attribute(logical_id, &attribute))
        }
        "Fn::Sub" => some(text::substitute(argument, scope, resources)),
        "Fn::Join" => some(text::join(argument, scope, resources)),
        "Fn::Split" => some(text::split(argument, scope, resources)),
        "Fn::ToJsonString" => some(text::json(argument, scope, resources)),
        "Fn::Select" => some(list::select(argument, scope, resources)),
        "Fn::FindInMap" => list::find_in_map(argument, scope, resources),
        "Fn::Length" => some(list::length(argument, scope, resources)),
        "Fn::Cidr" => some(cidr::blocks(argument, scope, resources)),
        "Fn::Base64" => {
            let plain = text::text(argument, scope, resources, name)?;
            Ok(Some(base64::engine::general_purpose::STANDARD.encode(plain).into()))
        }
        "Fn::GetAZs" => {
            let region = text::text(argument, scope, resources, name)?;
            let region = if region.is_empty() { scope.pseudo.region.clone() } else { region };
            Ok(Some(["a", "b", "c"].map(|zone| format!("{region}{zone}")).to_vec().into()))
        }
        "Fn::ImportValue" => {
            let export = text::text(argument, scope, resources, name)?;
            some(resources.resources.import(&export))
        }
        "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
            Err(TemplateError::function(format_args!("{name} can only be used in the Conditions block.")))
        }
        _ => Err(TemplateError::function(format_args!(
            "Encountered unsupported function: {name} Supported functions are: [{}]",
            SUPPORTED.join(", ")
        ))),
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
