//! The functions that look something up: `Fn::Select`, `Fn::FindInMap`, `Fn::Length`.
//!
//! What is not there is an error, or the default that the template gives for it.

use serde_json::{Value, json};

use super::text::text;
use super::{Metered, tree};
use crate::error::TemplateError;
use crate::scope::Scope;

pub(super) fn select(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Value, TemplateError> {
    let malformed = || {
        TemplateError::function(
            "Fn::Select requires a list argument with two elements: the first must resolve to an index, the second to a list.",
        )
    };
    let Some([index, list]) = argument.as_array().map(Vec::as_slice) else { return Err(malformed()) };
    let index = text(index, scope, resources, "Fn::Select")?;
    let list = tree(list, scope, resources)?;
    if resources.is_unknown(Some(&json!(index))) || resources.is_unknown(list.as_ref()) {
        return resources.unknown("Select", &json!([index, list]));
    }
    let position: usize = index.parse().map_err(|_| malformed())?;
    let Some(Value::Array(mut items)) = list else { return Err(malformed()) };
    if position >= items.len() {
        let message = format_args!("Fn::Select cannot select nonexistent value at index {index}");
        return Err(TemplateError::function(message));
    }
    Ok(items.swap_remove(position))
}

/// `Fn::FindInMap`, with the `DefaultValue` of `AWS::LanguageExtensions`.
pub(super) fn find_in_map(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Option<Value>, TemplateError> {
    const NAME: &str = "Fn::FindInMap";
    let malformed = || {
        TemplateError::function(
            "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value",
        )
    };
    let (keys, default) = match argument.as_array().map(Vec::as_slice) {
        Some([map, top, second]) => ([map, top, second], None),
        Some([map, top, second, Value::Object(last)]) if last.len() == 1 => {
            ([map, top, second], Some(last.get("DefaultValue").ok_or_else(malformed)?))
        }
        _ => return Err(malformed()),
    };
    let [map, top, second] = keys;
    let map = text(map, scope, resources, NAME)?;
    let top = text(top, scope, resources, NAME)?;
    let second = text(second, scope, resources, NAME)?;
    let found = scope.mappings.get(&map).and_then(|map| map.get(&top)).and_then(|keys| keys.get(&second));
    match (found, default) {
        (Some(found), _) => Ok(Some(found.clone())),
        (None, Some(default)) => tree(default, scope, resources),
        (None, None) => {
            Err(TemplateError::function(format_args!("Unable to get mapping for {map}::{top}::{second}")))
        }
    }
}

/// `Fn::Length` of a list.
pub(super) fn length(
    argument: &Value,
    scope: &Scope,
    resources: &Metered<'_>,
) -> Result<Value, TemplateError> {
    match tree(argument, scope, resources)? {
        Some(Value::Array(items)) => Ok(items.len().into()),
        Some(list) if resources.is_unknown(Some(&list)) => resources.unknown("Length", &list),
        _ => Err(TemplateError::extension("Fn::Length layout is incorrect")),
    }
}
