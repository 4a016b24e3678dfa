//! The functions that make text: `Fn::Sub`, `Fn::Join`, `Fn::Split`, `Fn::ToJsonString`.
//!
//! Every result is bounded: what grows beyond [`RESOLVED_BYTES_MAX`] is an error before it is built.

use serde_json::{Map, Value, json};

use super::{Metered, named, too_large, tree};
use crate::error::TemplateError;
use crate::limits::{NODES_MAX, RESOLVED_BYTES_MAX};
use crate::parameter::scalar_text;
use crate::scope::Scope;

/// A piece of the string of an `Fn::Sub`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Resolves to a string, or says which function wanted one.
pub(super) fn text(
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

pub(super) fn substitute(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Value, TemplateError> {
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
            // An absence has no text.
            (None, None) if name == "AWS::NoValue" => Value::from(""),
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

pub(super) fn join(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    let malformed = || {
        TemplateError::function(
            "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be \
             joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.",
        )
    };
    let Some([Value::String(delimiter), list]) = argument.as_array().map(Vec::as_slice) else {
        return Err(malformed());
    };
    let items = match tree(list, scope, resources)? {
        Some(Value::Array(items)) => items,
        Some(list) if resources.is_unknown(Some(&list)) => {
            return resources.unknown("Join", &json!([delimiter, list]));
        }
        _ => return Err(malformed()),
    };
    let texts: Vec<String> = items.iter().map(scalar_text).collect::<Option<_>>().ok_or_else(malformed)?;
    let size = texts.iter().map(|text| text.len() + delimiter.len()).sum::<usize>();
    if size > RESOLVED_BYTES_MAX {
        return Err(too_large());
    }
    bounded(texts.join(delimiter))
}

pub(super) fn split(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Value, TemplateError> {
    match argument.as_array().map(Vec::as_slice) {
        Some([Value::String(delimiter), source]) if !delimiter.is_empty() => {
            let source = text(source, scope, resources, "Fn::Split")?;
            let whole = Value::String(source);
            if resources.is_unknown(Some(&whole)) {
                return resources.unknown("Split", &json!([delimiter, whole]));
            }
            let source = whole.as_str().unwrap_or_default();
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

/// `Fn::ToJsonString`: the JSON text of an object or a list, keys as the template has them.
pub(super) fn json(argument: &Value, scope: &Scope, resources: &Metered<'_>) -> Result<Value, TemplateError> {
    match tree(argument, scope, resources)? {
        Some(value @ (Value::Object(_) | Value::Array(_))) => bounded(value.to_string()),
        Some(value) if resources.is_unknown(Some(&value)) => resources.unknown("ToJsonString", &value),
        _ => Err(TemplateError::extension("Fn::ToJsonString layout is incorrect")),
    }
}
